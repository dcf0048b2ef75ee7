# SPDX-License-Identifier: GPL-2.0
"""The configuration of verify/watch/plugin/access.c, and the judgement of its output.

usage: watch.py plan TREE BUILD
       watch.py judge TREE BUILD BOOTS UNVISITED RESULTS [QUICK]

Addresses are virtual.  A way is a path to an entry hook, or from an exit hook to user
mode.  HookError: sources and kernel do not agree.
"""

import json
import re
import sys
from collections import Counter
from pathlib import Path

import hooks as hooks_of
import ktap

ENTRY = re.compile(r"asm_(exc|sysvec)_\w+|asm_int80_emulation|"
                   r"entry_(SYSCALL_64|SYSENTER_compat|SYSCALL_compat|SYSCALL32_ignore)")
STUBS = ("irq_entries_start", "spurious_entries_start")
# Entries that can interrupt kernel code anywhere
ANYWHERE = ("asm_exc_nmi", "asm_exc_debug", "asm_exc_machine_check", "asm_exc_double_fault")
# Symbols of kernels whose layout is not known from their files
SPOILERS = {"kaslr_get_random_long": "RANDOMIZE_BASE",
            "kernel_randomize_memory": "RANDOMIZE_MEMORY", "kmsan_init_runtime": "KMSAN"}
AFTER_BAD_IRET = "error_entry #2"
KINDS = ("enter", "save", "exit", "restore")
SHOWN = 20


def disassemble(kernel, start, end):
    """The disassembly between two addresses."""
    return hooks_of.output("objdump", "-d", "--start-address=%#x" % start,
                           "--stop-address=%#x" % end, kernel.vmlinux)


def top_of_stack(kernel):
    """Offset of the top of the task's stack in the per-CPU data."""
    text = disassemble(kernel, kernel["entry_SYSCALL_64"], kernel["entry_SYSCALL_64_safe_stack"])
    found = re.findall(r"mov\s+%gs:.*,%rsp\s+# ([0-9a-f]+) <pcpu_hot", text)
    if len(found) != 1:
        raise hooks_of.HookError("entry_SYSCALL_64 does not take its stack from pcpu_hot")
    return int(found[0], 16)


def size_of(kernel, name):
    """Size of an object in bytes."""
    for line in hooks_of.output("nm", "-S", kernel.vmlinux).splitlines():
        fields = line.split()
        if len(fields) == 4 and fields[3] == name:
            return int(fields[1], 16)
    raise hooks_of.HookError("no size of %s in %s" % (name, kernel.vmlinux))


def kind_of(kernel, hook):
    """Which of KINDS a hook is: two of them lock, and two use a saved state."""
    text = disassemble(kernel, hook.start, hook.end)
    saves, locks = "%r13" in text, "lock or" in text
    return {(False, True): "enter", (False, False): "exit",
            (True, True): "save", (True, False): "restore"}[saves, locks]


def entries(kernel):
    """Yield (first address, symbol) of every entry."""
    start, end = kernel["__entry_text_start"], kernel["__entry_text_end"]
    text = [(a, n) for a, n in kernel.text if start <= a < end]
    size = 16 if "endbr64" in disassemble(kernel, kernel[STUBS[0]], kernel[STUBS[0]] + 4) else 8
    for n, (address, name) in enumerate(text):
        if ENTRY.fullmatch(name):
            yield address, name
        elif name in STUBS:
            following = next(a for a, _ in text[n:] if a > address)
            for stub in range(address, following, size):
                yield stub, name


def constants(kernel):
    """Addresses and sizes by name, as the plugin wants them."""
    return {
        "text_start": kernel["__entry_text_start"], "text_end": kernel["__entry_text_end"],
        "image_size": 512 << 20, "linux_banner": kernel["linux_banner"],
        "per_cpu_offset": kernel["__per_cpu_offset"], "per_cpu_end": kernel["__per_cpu_end"],
        "nr_cpus": size_of(kernel, "__per_cpu_offset") // 8,
        "page_offset_base": kernel["page_offset_base"],
        "vmalloc_base": kernel["vmalloc_base"], "vmemmap_base": kernel["vmemmap_base"],
        "l5_enabled": kernel["__pgtable_l5_enabled"], "state": kernel["kernel_cr3_loaded"],
        "unpinned_cr4": kernel["coalesce_tlbi_unpinned_cr4"],
        "pinned_cr4": kernel["coalesce_tlbi_pinned_cr4"],
        "top_of_stack": top_of_stack(kernel),
        "gdt_page": kernel["gdt_page"], "espfix_waddr": kernel["espfix_waddr"],
        "thread_size": 16384 << ("kasan_init" in kernel.symbols), "exc_nmi": kernel["asm_exc_nmi"],
        "repeat_nmi": kernel["repeat_nmi"], "nested_nmi_out": kernel["nested_nmi_out"]}


def plan(tree, build):
    """Print the plugin's configuration; 0."""
    kernel = hooks_of.Kernel(str(Path(build, "vmlinux")))
    for symbol, option in SPOILERS.items():
        if symbol in kernel.symbols:
            raise hooks_of.HookError("a kernel with %s: addresses are not where its files say"
                                     % option)
    for name, value in constants(kernel).items():
        print("%s %x" % (name, value))
    for hook in hooks_of.find(tree, kernel):
        print("hook %s %x %x %d" % (kind_of(kernel, hook), hook.start, hook.end,
                                    hook.name == AFTER_BAD_IRET))
    for address, name in entries(kernel):
        print("entry %x %x %d" % (address, address + 1, name in ANYWHERE))
    print("entry %x %x 1" % (kernel["repeat_nmi"], kernel["repeat_nmi"] + 1))
    return 0


class Names:
    """Names of addresses."""

    def __init__(self, tree, build):
        self.kernel = hooks_of.Kernel(str(Path(build, "vmlinux")))
        self.hooks = {h.start: h.name for h in hooks_of.find(tree, self.kernel)}
        self.entries = dict(entries(self.kernel))
        self.entries[self.kernel["repeat_nmi"]] = "repeat_nmi"

    def place(self, address):
        """Symbol and offset of an address."""
        near = self.kernel.near(address)
        return "%s+%#x" % (near, address - self.kernel[near])

    def way(self, path):
        """The name of a way."""
        hook = self.hooks[path.hook]
        if path.kind == "exit":
            way = "%s by %s" % (hook, self.kernel.near(path.ret))
            return way + ", espfix" if path.accesses["espfix"] else way
        if path.kind == "restore":
            return "%s to %s" % (hook, path.origin)
        entry = self.entries.get(path.first, self.place(path.first))
        way = entry if entry == hook else "%s, %s" % (entry, hook)
        return way if path.origin == "user" else "%s from %s" % (way, path.origin)


class Way:
    """A way, from a line of the plugin."""

    def __init__(self, fields):
        self.kind, self.origin = fields[0], fields[3]
        self.first, self.hook, self.ret = (int(fields[n], 16) for n in (1, 2, 6))
        self.pending, self.flushed, self.times = int(fields[4]), int(fields[5]), int(fields[7])
        self.accesses = {k: int(v) for k, v in (f.split("=") for f in fields[8:])}


class Boot:
    """What the plugin left of one or two guests of a mode."""

    def __init__(self, line):
        self.name, self.mode, self.pti, self.status, out = line.split()
        self.paths, self.reports, self.problems = [], [], []
        self.cpus, self.lost = 0, False
        for words in Path(out).read_text().splitlines() if Path(out).exists() else ():
            self.read(words.split())

    def read(self, fields):
        """Take in a line of the plugin."""
        what, rest = fields[0], fields[1:]
        if what == "path":
            self.paths.append(Way(rest))
        elif what == "report":
            self.reports.append(rest)
        elif what == "problem":
            self.problems.append(rest)
        elif what == "cpu":
            self.cpus += int(rest[1]) > 0
        elif what == "lost":
            self.lost = True

    def complaints(self, names):
        """Yield a line for each thing that is wrong."""
        for what, kind, pc, address, cpu, first, times in self.reports:
            yield "%s of %s memory %#x at %s on CPU %s, on the way from %s (%s times)" % (
                what, kind, int(address, 16), names.place(int(pc, 16)), cpu,
                names.place(int(first, 16)), times)
        for pc, cpu, first, times, *words in self.problems:
            yield "%s, at %s on CPU %s, on the way from %s (%s times)" % (
                " ".join(words), names.place(int(pc, 16)), cpu, names.place(int(first, 16)), times)
        for path in self.paths:
            if self.mode == "always" and not path.flushed and path.kind == "enter":
                yield "no flush in mode always: %s (%d times)" % (names.way(path), path.times)


class Tap(ktap.Writer):
    """A file of results; failures go to standard error too."""

    def result(self, good, name):
        """Write a result."""
        super().result(good, name)
        if not good:
            print("watch: not ok: " + name, file=sys.stderr)


def excuses(path):
    """Reasons from verify/unvisited, by "hook NAME" or "entry NAME"."""
    found = {}
    for line in Path(path).read_text().splitlines():
        if line and not line.startswith("#"):
            what, why = line.split(": ", 1)
            found[what] = why.strip()
    return found


def ways_seen(boots, names):
    """A Counter of the visits to hooks, entries and special ways."""
    seen = Counter()
    for path in (p for b in boots for p in b.paths):
        seen["hook " + names.hooks[path.hook]] += path.times
        if path.kind in ("enter", "save"):
            seen["entry " + names.entries.get(path.first, "?")] += path.times
        if path.kind in ("save", "restore"):
            seen["hook %s, %s" % (names.hooks[path.hook], path.origin)] += path.times
        if path.accesses["espfix"]:
            seen["way espfix"] += path.times
        if path.kind in ("enter", "save") and path.flushed:
            seen["hook %s, flush" % names.hooks[path.hook]] += path.times
    return seen


def wanted(names, kinds):
    """Yield the hooks, entries and special ways that guests have to visit."""
    for address, name in names.hooks.items():
        yield "hook " + name
        if kinds[address] in ("enter", "save"):
            yield "hook %s, flush" % name
        if kinds[address] in ("save", "restore"):
            yield "hook %s, pre-hook" % name
            yield "hook %s, kernel" % name
    yield "way espfix"
    for name in sorted(set(names.entries.values())):
        yield "entry " + name


def excuse_for(what, excused):
    """The reason for it or for its hook, or None."""
    return excused.get(what) or excused.get(what.split(", ")[0])


def judge_visits(tap, boots, names, kinds, excused):
    """A result for every hook in each mode, and for every entry over all modes."""
    used, all_seen = set(), ways_seen(boots, names)
    for mode in dict.fromkeys(b.mode for b in boots):
        seen = ways_seen([b for b in boots if b.mode == mode], names)
        for what in wanted(names, kinds):
            by_entry = what.startswith("entry ")
            times = (all_seen if by_entry else seen)[what]
            name = "%s%s" % (what, "" if by_entry else " in mode " + mode)
            why = excuse_for(what, excused)
            used.update({what, what.split(", ")[0]} if not times else ())
            if why and not times:
                tap.skip(name + " is visited", why)
            else:
                tap.result(times, "%s is visited (%d times)" % (name, times))
    for what in sorted(set(excused)):
        tap.result(what in used and not all_seen[what],
                   "verify/unvisited is right about %s" % what)


class Row:
    """A row of the table: a way, by mode."""

    def __init__(self):
        self.times, self.flushed, self.accesses = Counter(), Counter(), Counter()


def table(boots, names):
    """A list of (kind, name, Row), sorted."""
    rows = {}
    for boot in boots:
        for path in boot.paths:
            row = rows.setdefault((KINDS.index(path.kind), names.way(path)), Row())
            row.times[boot.mode] += path.times
            row.flushed[boot.mode] += path.times * path.flushed
            row.accesses.update(path.accesses)
    return [(KINDS[k], way, rows[k, way]) for k, way in sorted(rows)]


def print_table(rows, modes, out):
    """Print the table for people."""
    print("Ways of isolated CPUs to an entry hook, and from an exit hook to user mode: how often\n"
          "they were taken, how often with a flush on the way, and their loads and stores:\n",
          file=out)
    print("%-76s%s  accesses" % ("way", "".join("%10s%10s" % (m, "flushed") for m in modes)),
          file=out)
    for _, way, row in rows:
        print("%-76s%s  %s" % (
            way, "".join("%10d%10d" % (row.times[m], row.flushed[m]) for m in modes),
            ", ".join("%s %d" % (k, v) for k, v in row.accesses.items() if v) or "-"), file=out)


def write_json(path, boots, rows, complaints, tap):
    """Write the table and the complaints for programs."""
    Path(path).write_text(json.dumps({
        "boots": [{"name": b.name, "mode": b.mode, "pti": b.pti, "status": int(b.status),
                   "cpus": b.cpus} for b in boots],
        "ways": [{"kind": kind, "way": way, "times": row.times, "flushed": row.flushed,
                  "accesses": {k: v for k, v in row.accesses.items() if v}}
                 for kind, way, row in rows],
        "complaints": complaints, "results": tap.n, "failed": tap.failed}, indent=1) + "\n")


def judge(tree, build, listing, unvisited, results, quick=""):
    """Write the results; 0 if they are good, else 1."""
    names = Names(tree, build)
    boots = [Boot(line) for line in sorted(Path(listing).read_text().splitlines())]
    kinds = {h.start: kind_of(names.kernel, h) for h in hooks_of.find(tree, names.kernel)}
    tap, complaints = Tap(Path(results, "watch.tap")), []
    for boot in boots:
        tap.result(boot.status == "0", "%s: runs to its end (status %s)" % (boot.name, boot.status))
        tap.result(boot.cpus and not boot.lost, "%s: isolated CPUs are watched, and nothing is lost"
                   % boot.name)
        found = list(boot.complaints(names))
        complaints += found
        for words in found[:SHOWN]:
            tap.result(False, "%s: %s" % (boot.name, words))
        tap.result(not found, "%s: no access to memory that may have changed (%d complaints)"
                   % (boot.name, len(found)))
    if not quick:
        judge_visits(tap, boots, names, kinds, excuses(unvisited))
    tap.finish()
    rows = table(boots, names)
    with open(Path(results, "watch.txt"), "w") as out:
        print_table(rows, list(dict.fromkeys(b.mode for b in boots)), out)
    write_json(Path(results, "watch.json"), boots, rows, complaints, tap)
    return 1 if tap.failed else 0


if __name__ == "__main__":
    try:
        sys.exit({"plan": plan, "judge": judge}[sys.argv[1]](*sys.argv[2:]))
    except hooks_of.HookError as error:
        sys.exit("watch.py: %s" % error)
