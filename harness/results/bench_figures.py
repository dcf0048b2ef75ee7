# SPDX-License-Identifier: GPL-2.0
"""The figures of make bench: from the guests' results to JSON, tables, verdict.

A part is "inventory" or "rt" (by harness/guest/inventory.c), "entries" or
"purges" (by harness/guest/cost.c and verify/watch/plugin/count_insns.c): these describe
the formats.  Its figures are records (dicts), which are the part of bench.json as
well:

inventory, rt   operation, claim, interrupted_for, kernel, per_100, deferrable
entries         pti, cpu, entry, kernel, times, shortest, median, in_entry_text,
                flushes, emulated_ns
purges          kernel, isolated, times, shortest, median, in_predicate,
                emulated_ns

"unpatched" is the kernel with the option off, "unused" one without nohz_full=,
"alone" mode pending with no other CPU online.  shortest, median, in_entry_text
and in_predicate are guest instructions.
"""

from collections import Counter
from pathlib import Path

import common

INVENTORIES = {"inventory": "PREEMPT", "rt": "PREEMPT_RT"}
MODES = ("unpatched", "off", "always", "pending")
COSTS = ("unpatched", "off", "pending", "always", "unpatched-unused", "unused")
ISOLATED = (1, 3, 7, 15)
ALL = "all interrupts"
TO_USER = "IPIs to user mode: "
# What the plugin's labels mean, with the entry that each is about
KINDS = {("1", "entry_SYSCALL_64"): "syscall", ("2", "asm_exc_page_fault"): "fault",
         ("3", "asm_sysvec_apic_timer_interrupt"): "timer", ("4", "entry_SYSCALL_64"): "purge"}
CPUS = {"0": "housekeeping", "2": "isolated"}

# Bounds, in instructions more than the unpatched kernel's
MAX_UNUSED = 4          # two hooks, no nohz_full=
MAX_HOUSEKEEPING = 8    # two hooks
MAX_ISOLATED = 12       # entry and exit, nothing pending
MAX_SKIPPED = 30        # of an initiator, for each CPU that it skips


def read_remaining(path):
    """verify/remaining: {what: (from, why, help)}; ResultError if it cannot be read."""
    return {fields[0]: tuple(fields[1:4]) for fields in common.records(path)
            if not fields[0].startswith("#") and len(fields) > 3}


def lookup(figures, *keys, value):
    """{(figure[key], ...): figure[value]} of records."""
    return {tuple(f[key] for key in keys): f[value] for f in figures}


# inventory and rt

def inventory_of_boot(path, kernel):
    """The records of one boot's results, for one CPU and 100 operations, rounded up.

    An operation that this kernel does not have is one record of the claim
    "missing", with the reason.
    """
    figures, cpus, operations, claim = [], 1, 1, None

    def add(operation, what, count, deferrable=False):
        figures.append({"operation": operation, "claim": claim, "interrupted_for": what,
                        "kernel": kernel, "per_100": -(-int(count) * 100 // (operations * cpus)),
                        "deferrable": deferrable})

    for fields in common.records(path):
        if fields[0] == "cpus":
            cpus = int(fields[1])
        elif fields[0] == "operation":
            operations, claim = int(fields[2]), fields[8]
            add(fields[1], ALL, fields[4])
        elif fields[0] == "call":
            add(fields[1], fields[2], fields[3], fields[4] == "1")
        elif fields[0] == "row" and fields[2] != "CAL":
            add(fields[1], fields[2], fields[3])
        elif fields[0] == "sent":
            add(fields[1], TO_USER + fields[2], fields[3], True)
        elif fields[0] == "missing":
            claim = "missing"
            add(fields[1], fields[2], 0)
    return figures


def inventory_figures(part, results):
    """The records of the part's four boots in a directory of results."""
    return [figure for kernel in MODES for figure in inventory_of_boot(
        Path(results, "bench.%s.%s.tap" % (part, kernel)), kernel)]


def inventory_table(figures):
    """A list of lines: each operation, by what arrives, on each kernel."""
    form = "%-20s %-28s %10s %8s %8s %8s"
    counts = lookup(figures, "operation", "interrupted_for", "kernel", value="per_100")
    claims = lookup(figures, "operation", value="claim")
    lines = [form % ("operation", "interrupted for", *MODES)]
    for operation in common.first_seen(f["operation"] for f in figures):
        whats = common.first_seen(f["interrupted_for"] for f in figures
                                  if f["operation"] == operation)
        if claims[operation,] == "missing":
            lines.append("%-20s not in this kernel: %s" % (operation, whats[0]))
            continue
        shown = operation
        for what in whats[1:] + [ALL]:
            lines.append(form % (shown, what, *(counts.get((operation, what, kernel), 0)
                                                for kernel in MODES)))
            shown = ""
    return lines


def inventory_remaining(figures, remaining):
    """A list of lines: what arrives although IPIs are deferred, and what helps."""
    arrives = {f["interrupted_for"] for f in figures
               if f["kernel"] in ("always", "pending") and f["per_100"]}
    return ["%s\n\tfrom: %s\n\twhy it is not deferred: %s\n\twhat helps: %s" % (what, *words)
            for what, words in remaining.items() if what in arrives]


def inventory_problems(figures, remaining):
    """What is wrong with an inventory, a line each.

    No deferrable IPI may arrive in modes always and pending, unless the
    operation's claim is "other", or "in-kernel" and none of them was sent to a
    CPU whose state was user mode.  For the claim "forced", at most as many arrive
    as on the unpatched kernel.  Everything else has to be in remaining, and the
    unpatched kernel has to show what is deferred.
    """
    arrives, claimed, forced = set(), set(), Counter()
    for figure in figures:
        operation, what, count = figure["operation"], figure["interrupted_for"], figure["per_100"]
        claim, deferrable = figure["claim"], figure["deferrable"]
        if claim == "forced" and deferrable and not what.startswith(TO_USER):
            forced[operation, figure["kernel"]] += count
        if figure["kernel"] == "unpatched":
            if deferrable and count:
                arrives.add(operation)
            if claim in ("deferrable", "in-kernel"):
                claimed.add(operation)
        if figure["kernel"] not in ("always", "pending") or not count:
            continue
        to_user = what.startswith(TO_USER)
        if claim not in ("forced", "other") and (to_user or deferrable and claim != "in-kernel"):
            yield "%s: %d %s in mode %s" % (operation, count, what, figure["kernel"])
        if not to_user and claim != "missing" and what != ALL and what not in remaining:
            yield "%s: %s is not in verify/remaining" % (operation, what)
    for operation, kernel in sorted(forced):
        if kernel in ("always", "pending") and \
                forced[operation, kernel] > forced[operation, "unpatched"]:
            yield "%s: %d IPIs in mode %s, %d on the unpatched kernel" % (
                operation, forced[operation, kernel], kernel, forced[operation, "unpatched"])
    for operation in sorted(claimed - arrives):
        yield "%s: the control: nothing arrives on the unpatched kernel" % operation


def inventory_text(part, figures, remaining):
    """A list of lines: the tables of an inventory."""
    return ["Interrupts that an isolated CPU in user mode takes for 100 operations of a",
            "housekeeping CPU (%s):" % INVENTORIES[part], "",
            *inventory_table(figures), "", "What is left, by who sends it:", "",
            *inventory_remaining(figures, remaining), ""]


# entries and purges

def entry_names(system_map):
    """{address in hexadecimal: symbol} of the entries of KINDS, from a System.map."""
    wanted = {entry for _, entry in KINDS}
    return {fields[0]: fields[2] for fields in common.records(system_map, None)
            if len(fields) > 2 and fields[2] in wanted}


def stays(cost, system_map):
    """{(cpu, kind): record} of the plugin's file: the stays of a CPU in the kernel.

    times: number; shortest, median: instructions; in_text, flushes: of the most
    frequent kind of stay, in the text that is counted apart
    """
    names, groups = entry_names(system_map), {}
    for cpu, label, entry, instructions, in_text, flushes, times in common.records(cost, None):
        kind = KINDS.get((label, names.get(entry)))
        if kind:
            groups.setdefault((int(cpu), label, kind), []).append(
                (int(instructions), int(in_text), int(flushes), int(times)))
    result = {}
    for cpu, label, kind in sorted(groups):
        group = sorted(groups[cpu, label, kind])
        total, seen, texts, median = sum(row[3] for row in group), 0, Counter(), None
        for instructions, in_text, flushes, times in group:
            if seen * 2 < total:
                median = instructions
            seen += times
            texts[in_text, flushes] += times
        in_text, flushes = max(texts, key=texts.get)
        result[str(cpu), kind] = {"times": total, "shortest": group[0][0], "median": median,
                                  "in_text": in_text, "flushes": flushes}
    return result


def boot_times(path):
    """{(cpu, kind): median nanoseconds} of a boot without the plugin."""
    return {(fields[2], fields[1]): int(fields[3]) for fields in common.records(path)
            if fields[0] == "time"}


def boot_costs(name, flavour, results, kernels):
    """(stays, boot_times) of the boot name, and of the one without the plugin."""
    return (stays(Path(results, "bench", "bench.%s.cost" % name),
                  Path(kernels, flavour, "System.map")),
            boot_times(Path(results, "bench.time.%s.tap" % name)))


def entries_figures(results, kernels):
    """The records of the part "entries"."""
    figures = []
    for pti in ("off", "on"):
        for kernel in COSTS:
            flavour = "off" if kernel.startswith("unpatched") else "base"
            costs, times = boot_costs("entries.%s.%s" % (kernel, pti), flavour, results, kernels)
            figures += [
                {"pti": pti, "cpu": CPUS[cpu], "entry": kind, "kernel": kernel,
                 "times": stay["times"], "shortest": stay["shortest"], "median": stay["median"],
                 "in_entry_text": stay["in_text"], "flushes": stay["flushes"],
                 "emulated_ns": times.get((cpu, kind), 0)}
                for (cpu, kind), stay in costs.items() if cpu in CPUS]
    return figures


def entries_table(figures, shown):
    """A list of lines; shown(record) is the text of a record."""
    form = "%-4s %-13s %-8s %13s %13s %13s %13s   %13s %13s"
    texts = {(f["pti"], f["cpu"], f["entry"], f["kernel"]): shown(f) for f in figures}
    return [form % ("PTI", "CPU", "entry", "unpatched", "off", "pending", "always",
                    "unpatched*", "built in*"),
            *(form % (*key, *(texts.get((*key, kernel), "") for kernel in COSTS))
              for key in common.first_seen(key[:3] for key in texts)),
            "* booted without nohz_full="]


def entries_text(figures):
    """A list of lines: the tables of the part "entries"."""
    return ["Guest instructions in the entry text, between an entry from user mode and the return",
            "to it (+N: N writes to CR3 or CR4); in brackets the median of all instructions in the",
            "kernel:", "",
            *entries_table(figures, lambda f: "%d%s (%d)" % (
                f["in_entry_text"], "+%d" % f["flushes"] if f["flushes"] else "", f["median"])),
            "", "The same in nanoseconds under emulation, where a flush is expensive; the median",
            "as user mode sees it, for the timer with the signal that it raises:", "",
            *entries_table(figures, lambda f: "%d" % f["emulated_ns"]), ""]


def entries_problems(figures):
    """What is wrong with the part "entries", a line each.

    Judged by the instructions in the entry text, where all hooks are.
    """
    keys = ("pti", "cpu", "entry", "kernel")
    texts = lookup(figures, *keys, value="in_entry_text")
    flushes = lookup(figures, *keys, value="flushes")
    for key in common.first_seen(key[:3] for key in texts):
        where = "PTI %s, %s, %s" % key
        housekeeping = key[1] == "housekeeping"
        most = MAX_HOUSEKEEPING if housekeeping else MAX_ISOLATED
        bounds = [("unused", "unpatched-unused", MAX_UNUSED), ("off", "unpatched", MAX_UNUSED),
                  ("pending", "unpatched", most)]
        if housekeeping:
            bounds.append(("always", "unpatched", most))
        for kernel, base, bound in bounds:
            if (*key, kernel) not in texts or (*key, base) not in texts:
                yield "%s: no figure of %s or %s" % (where, kernel, base)
            elif (more := texts[*key, kernel] - texts[*key, base]) > bound:
                yield "%s: %s: %d instructions more, at most %d" % (where, kernel, more, bound)
        flushed = {kernel: flushes.get((*key, kernel), 0) for kernel in COSTS}
        if flushed["pending"] != flushed["unpatched"]:
            yield "%s: a flush with nothing pending" % where
        if not housekeeping and flushed["always"] <= flushed["unpatched"]:
            yield "%s: the control: mode always does not flush" % where


def purges_boots():
    """(kernel, isolated, flavour) of each boot."""
    for n in ISOLATED:
        yield from (("unpatched", n, "off"), ("pending", n, "base"))
    for n in ISOLATED[:-1]:
        yield "alone", n, "base"


def purges_figures(results, kernels):
    """The records of the part "purges"."""
    figures = []
    for kernel, n, flavour in purges_boots():
        costs, times = boot_costs("purges.%s.%d" % (kernel, n), flavour, results, kernels)
        figures += [
            {"kernel": kernel, "isolated": n, "times": stay["times"],
             "shortest": stay["shortest"], "median": stay["median"],
             "in_predicate": stay["in_text"], "emulated_ns": next(iter(times.values()), 0)}
            for (_, kind), stay in costs.items() if kind == "purge"]
    return figures


def purges_of(figures, value):
    """{(kernel, isolated): value}; with 15 CPUs isolated, pending is alone, too."""
    values = {(kernel, n): 0 for kernel in ("unpatched", "pending", "alone") for n in ISOLATED}
    values.update(lookup(figures, "kernel", "isolated", value=value))
    values["alone", ISOLATED[-1]] = values["pending", ISOLATED[-1]]
    return values


def purges_text(figures):
    """A list of lines: the table of the part "purges"."""
    median, shortest, asked, ns = (purges_of(figures, value) for value in
                                   ("median", "shortest", "in_predicate", "emulated_ns"))
    skipped = (median["pending", 15] - median["alone", 1]) / 14
    predicate = (asked["pending", 15] - asked["alone", 1]) / 14
    return [
        "Guest instructions of a whole purge on the initiator, one of 16 CPUs, while the others",
        "spin in user mode; median (and shortest); in mode pending also with only the isolated",
        "CPUs online beside it; and emulated time:", "",
        "%-10s %22s %22s %14s %12s %12s" % ("isolated", "unpatched", "pending", "no others",
                                            "unpatched ns", "pending ns"),
        *("%-10d %10d (%9d) %10d (%9d) %14d %12d %12d" % (
            n, median["unpatched", n], shortest["unpatched", n], median["pending", n],
            shortest["pending", n], median["alone", n], ns["unpatched", n], ns["pending", n])
          for n in ISOLATED),
        "Saved with each skipped CPU: %.1f instructions" % (
            (median["pending", 1] - median["pending", 15]) / 14),
        "Spent on each skipped CPU: %.1f instructions in the predicate, and %.1f in the" % (
            predicate, skipped - predicate),
        "kernel's loop around it, which it has for each CPU, called or not", ""]


def purges_problems(figures):
    """What is wrong with the part "purges", a line each.

    Judged by the total, and for a skipped CPU by what is in the predicate: the
    loop around it is the kernel's, for each CPU.
    """
    boots = len(list(purges_boots()))
    if len(figures) != boots:
        yield "purges: %d figures of %d" % (len(figures), boots)
    median, asked = purges_of(figures, "median"), purges_of(figures, "in_predicate")
    for before, n in zip(ISOLATED, ISOLATED[1:]):
        if median["pending", n] >= median["pending", before]:
            yield "purges: no fewer instructions with %d CPUs isolated" % n
    if asked["alone", 15] <= 0:
        yield "purges: the predicate was not seen"
    for before, n in zip(ISOLATED, ISOLATED[1:]):
        each = (asked["alone", n] - asked["alone", before]) / (n - before)
        if each > MAX_SKIPPED:
            yield "purges: %.1f instructions for each of CPUs %d to %d that is skipped, " \
                "at most %d" % (each, before + 1, n, MAX_SKIPPED)


# The commands

def judge_part(part, results, kernels):
    """Write bench/PART.json and .txt below results; what is wrong, a list of lines."""
    if part in INVENTORIES:
        remaining = read_remaining(common.TOP / "verify/remaining")
        figures = inventory_figures(part, results)
        text = inventory_text(part, figures, remaining)
        problems = list(inventory_problems(figures, remaining))
        figures = [f for f in figures if f["claim"] != "missing"]
    elif part == "entries":
        figures = entries_figures(results, kernels)
        text, problems = entries_text(figures), list(entries_problems(figures))
    elif part == "purges":
        figures = purges_figures(results, kernels)
        text, problems = purges_text(figures), list(purges_problems(figures))
    else:
        raise common.ResultError("no part '%s'" % part)
    if not figures:
        raise common.ResultError("%s: no figures" % part)
    common.write_json(Path(results, "bench", part + ".json"), figures)
    Path(results, "bench", part + ".txt").write_text("\n".join(text) + "\n")
    return problems


def join_parts(results, version):
    """Write bench.json and .txt of the parts that were measured; the text."""
    bench, text = {"base": version}, ""
    for part in (*INVENTORIES, "entries", "purges"):
        if Path(results, "bench", part + ".json").exists():
            bench[part] = common.read_json(Path(results, "bench", part + ".json"))
            text += Path(results, "bench", part + ".txt").read_text()
    common.write_json(Path(results, "bench.json"), bench)
    Path(results, "bench.txt").write_text(text)
    return text


def judge(arguments):
    """Judge the parts and join them: see the command judge-bench."""
    if len(arguments) < 4:
        raise common.ResultError("usage: judge-bench RESULTS KERNELS VERSION PART...")
    results, kernels, version, *parts = arguments
    problems = [problem for part in parts for problem in judge_part(part, results, kernels)]
    print(join_parts(results, version), end="")
    return common.report_problems("bench", problems)
