# SPDX-License-Identifier: GPL-2.0
"""The figures of make rt: from the guests' results to JSON, a table, verdict.

Below RESULTS/rt/KERNEL each program has left PROGRAM.noise (by
harness/guest/workload_ipis.c, which describes it) and what it printed itself.
They become records (dicts):

counts      program, kernel, cpu (None is all), what, count
latencies   program, kernel, cpu, what, emulated_us: the longest that each saw
"""

from pathlib import Path

import common

PROGRAMS = ("oslat", "cyclictest", "osnoise", "timerlat")
KERNELS = ("unpatched", "off", "pending")
DEFERRABLE = "deferrable IPIs"
DEFERRED = "deferred IPIs"
ALL = "all interrupts"
TO_USER = "IPIs to user mode"
REPEATED = "repeated"
SHOWN = (DEFERRABLE, DEFERRED, ALL, TO_USER, REPEATED, "LOC")
ROW = "%-12s %-5s %-26s %10s %10s %10s"


def counts_of(path, program, kernel):
    """The counts of one program on one kernel, from its file."""
    sums = {}

    def add(cpu, what, count):
        key = (None if cpu is None else int(cpu), what)
        sums[key] = sums.get(key, 0) + int(count)

    for fields in common.records(path):
        kind = fields[0]
        if kind == "operation":
            if kernel == "pending":
                add(None, TO_USER, 0)
            add(None, REPEATED, fields[3])
            add(None, "unclear", fields[4])
        elif kind == "interrupts":
            add(fields[2], DEFERRABLE, 0)
            add(fields[2], DEFERRED, fields[4])
            add(fields[2], ALL, fields[3])
        elif kind == "call" or kind == "row" and fields[3] != "CAL":
            add(fields[2], fields[3], fields[4])
            if kind == "call" and fields[5] == "1":
                add(fields[2], DEFERRABLE, fields[4])
        elif kind == "sent" and kernel == "pending":
            add(None, TO_USER, fields[3])
        elif kind == "missing":
            add(None, "missing %s: %s" % (fields[1], fields[2]), 1)
    return [{"program": program, "kernel": kernel, "cpu": cpu, "what": what, "count": count}
            for (cpu, what), count in sums.items()]


def longest(kernel, directory):
    """(program, cpu, what, microseconds) of each program on one kernel."""
    for program in ("oslat", "cyclictest"):
        path = Path(directory, program + ".json")
        try:
            for thread in common.read_json(path)["thread"].values():
                yield program, thread["cpu"], "longest", thread["max"]
        except (KeyError, TypeError, AttributeError) as error:
            raise common.ResultError("%s: no threads in it" % path) from error
    for fields in common.records(Path(directory, "osnoise.txt"), None):
        if len(fields) > 6 and fields[1].startswith("#"):
            yield "osnoise", int(fields[0]), "longest", float(fields[6])
    names = []
    for fields in common.records(Path(directory, "timerlat.txt"), None):
        if fields[0] == "Index":
            names = fields
        elif fields[0] == "max:":
            for name, value in zip(names[1:], fields[1:]):
                what, _, cpu = name.partition("-")
                yield "timerlat", int(cpu), "timer" if what == "IRQ" else "thread", float(value)


def latencies_of(kernel, directory):
    """The latencies on one kernel; ResultError if a program left no figures."""
    return [{"program": program, "kernel": kernel, "cpu": cpu, "what": what,
             "emulated_us": int(us) if us == int(us) else us}
            for program, cpu, what, us in longest(kernel, directory)]


def table(figures, value, shown=None):
    """A list of lines: the kernels side by side, for what is shown (None is all)."""
    lines, last = [ROW % ("program", "CPU", "", *KERNELS)], None
    values = {(f["program"], f["cpu"], f["what"], f["kernel"]): f[value] for f in figures}
    rows = common.first_seen(key[:3] for key in values)
    rows.sort(key=lambda key: (PROGRAMS.index(key[0]), -1 if key[1] is None else key[1]))
    for program, cpu, what in rows:
        if shown is not None and what not in shown:
            continue
        # Only a kernel that defers can tell who is in user mode.
        cells = ["-" if what == TO_USER and kernel != "pending" else
                 values.get((program, cpu, what, kernel), 0) for kernel in KERNELS]
        lines.append(ROW % ("" if program == last else program, "all" if cpu is None else cpu,
                            what, *cells))
        last = program
    return lines


def text(uname, rounds, counts, latencies, shown=None):
    """A list of lines: what make rt prints; shown as for table()."""
    return [
        "",
        "Linux %s, PREEMPT_RT, CPUs 2-3 isolated: interrupts that they took while" % uname,
        "a housekeeping CPU did each operation that sends IPIs %d times, beside" % rounds,
        "stress-ng:",
        "",
        *table(counts, "count", shown),
        "",
        "oslat spins in user mode.  cyclictest sleeps, and osnoise and timerlat have",
        "their threads in the kernel: a CPU in the kernel receives IPIs as before, and",
        "nothing is claimed of these.  LOC is the timer.  A deferred IPI is no",
        "interrupt.  \"IPIs to user mode\" were sent to a CPU whose state was user mode,",
        "which only a kernel with the option can tell.  \"repeated\" is how often an",
        "operation was repeated, because a deferrable IPI may have come while the CPU",
        "was in the kernel for another interrupt.",
        "",
        "The longest latency that each program saw, in microseconds.  The machine is",
        "emulated: its times say nothing about a real one.",
        "",
        *table(latencies, "emulated_us"),
        ""]


def problems_of(counts):
    """What is wrong with the counts, a line each.

    - Under oslat, which stays in user mode, no deferrable IPI arrives in mode
      pending, and each CPU has some deferred.
    - On the unpatched kernel and in mode off each CPU gets them: the control.
    - In mode pending none was sent to a CPU whose state was user mode, whatever
      runs there.
    - Every program was measured on every kernel, and nothing that it was
      measured with is missing.
    """
    seen, looked = {}, set()
    for figure in counts:
        program, kernel, cpu, what, count = (figure[key] for key in (
            "program", "kernel", "cpu", "what", "count"))
        where = "%s: CPU %s" % (program, cpu)
        if what.startswith("missing"):
            yield "%s: %s on kernel %s" % (program, what, kernel)
        elif what == TO_USER and kernel == "pending":
            looked.add(program)
            if count:
                yield "%s: %d IPIs sent to user mode in mode pending" % (program, count)
        elif what == DEFERRABLE:
            seen[program, kernel] = seen.get((program, kernel), 0) + 1
            if program == "oslat" and kernel == "pending" and count:
                yield "%s: %d deferrable IPIs in mode pending" % (where, count)
            if program == "oslat" and kernel != "pending" and not count:
                yield "%s: the control: nothing arrives on kernel %s" % (where, kernel)
        elif what == DEFERRED and program == "oslat" and kernel == "pending" and not count:
            yield "%s: nothing was deferred in mode pending" % where
    for program in PROGRAMS:
        for kernel in KERNELS:
            if seen.get((program, kernel), 0) < 2:
                yield "%s: no figures of two CPUs on kernel %s" % (program, kernel)
        if program not in looked:
            yield "%s: nobody looked at what was sent in mode pending" % program


def judge(arguments):
    """Write rt.json and rt.txt, print the table, judge: see the command judge-rt."""
    if len(arguments) != 3:
        raise common.ResultError("usage: judge-rt RESULTS VERSION ROUNDS")
    results, version, rounds = Path(arguments[0]), arguments[1], int(arguments[2])
    guests = results / "rt"
    counts = [count for program in PROGRAMS for kernel in KERNELS
              for count in counts_of(guests / kernel / (program + ".noise"), program, kernel)]
    latencies = [latency for kernel in KERNELS for latency in latencies_of(kernel, guests / kernel)]
    if not counts:
        raise common.ResultError("no figures in %s" % guests)
    common.write_json(results / "rt.json", {"base": version, "rounds": rounds, "counts": counts,
                                            "latencies": latencies})
    uname = common.read_lines(guests / "pending/uname")[0]
    (results / "rt.txt").write_text("\n".join(text(uname, rounds, counts, latencies)) + "\n")
    print("\n".join(text(uname, rounds, counts, latencies, SHOWN)))
    return common.report_problems("rt", list(problems_of(counts)))
