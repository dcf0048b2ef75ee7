# SPDX-License-Identifier: GPL-2.0
"""Sample results for tests: good ones, small, of every format.

As a program, samples.py DIRECTORY writes what make report reads.
"""

import sys
from pathlib import Path

import common

WHOLE = "# verdict: complete"
PROGRAMS = ("oslat", "cyclictest", "osnoise", "timerlat")


def write_lines(path, *lines):
    """Write lines to a file, with the directories that it needs; returns the path."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(line + "\n" for line in lines))
    return path


def run_boot(mode, pti, changes, rounds=10):
    """The lines of a boot of make run, with some figures changed: {name: value}."""
    off, hidden = mode == "off", "null" if pti == "on" else None
    figures = {"timeline_cpu": 2, "mode": mode, "cpus": 2, "rounds": rounds, "repeated": 0,
               "ipis": 2 * rounds if off else 0, "deferred": 0 if off else 2 * rounds,
               "entry_flushes": 0 if off else 2 * rounds, "stale": hidden or 0,
               "control_reads": hidden or 32, "control_stale": hidden or (mode != "always") * 32}
    return ["KTAP version 1", "1..1", "  # Subtest: flush_loop", "  event 4.001000 requested",
            "  event 4.000500 %s" % ("received" if off else "deferred"),
            *("  %s %s" % pair for pair in (figures | changes).items()), "ok 1 flush_loop", WHOLE]


def write_run(directory, **boots):
    """Write the boots of make run; boots: {"pending_off": changes of run_boot()}."""
    for mode in ("off", "always", "pending"):
        for pti in ("off", "on"):
            write_lines(Path(directory, "run.%s.pti-%s.tap" % (mode, pti)),
                        *run_boot(mode, pti, boots.get("%s_%s" % (mode, pti), {})))


def inventory_boot(kernel, *more):
    """The lines of a boot of an inventory; more: lines with blanks for tabs."""
    count = 0 if kernel in ("always", "pending") else 24
    lines = ["cpus 2", "operation tracepoint 100 %d %d 0 0 0 deferrable" % (count, count),
             "call tracepoint do_sync_core %d 1" % count, "row tracepoint CAL %d" % count,
             "operation type 10 0 20 0 0 0 other", "call type __cpa_flush_tlb 20 1", *more]
    return ["  " + line.replace(" ", "\t").replace("~", " ") for line in lines]


def write_inventory(directory, part="inventory", **more):
    """Write the boots of an inventory; more: {kernel: lines of inventory_boot()}."""
    for kernel in ("unpatched", "off", "always", "pending"):
        write_lines(Path(directory, "bench.%s.%s.tap" % (part, kernel)),
                    *inventory_boot(kernel, *more.get(kernel, ())))


def entries(**changes):
    """Records of make bench's entries; changes: {"CPU_KERNEL": {key: value}}."""
    costs = {("isolated", "pending"): (112, 0), ("isolated", "always"): (120, 2),
             ("housekeeping", "pending"): (108, 0)}
    records = []
    for cpu in ("isolated", "housekeeping"):
        for kernel in ("unpatched", "off", "pending", "always", "unpatched-unused", "unused"):
            in_text, flushes = costs.get((cpu, kernel), (100, 0))
            record = {"pti": "off", "cpu": cpu, "entry": "syscall", "kernel": kernel,
                      "times": 1000, "shortest": 100, "median": 369, "in_entry_text": in_text,
                      "flushes": flushes, "emulated_ns": 1}
            records.append(record | changes.get("%s_%s" % (cpu, kernel), {}))
    return records


def purges(pending=(9000, 8000, 7000, 6000), each=30):
    """Records of make bench's purges: medians in mode pending, cost of a skipped CPU."""
    def record(kernel, n, median):
        return {"kernel": kernel, "isolated": n, "times": 200, "shortest": median,
                "median": median, "in_predicate": 0 if kernel == "unpatched" else 10 + n * each,
                "emulated_ns": 1}

    isolated = (1, 3, 7, 15)
    return [*(record("unpatched", n, 9500) for n in isolated),
            *(record("pending", n, median) for n, median in zip(isolated, pending)),
            *(record("alone", n, 5000) for n in isolated[:-1])]


def rt_counts():
    """Records of make rt's counts."""
    records = []
    for program in PROGRAMS:
        for kernel in ("unpatched", "off", "pending"):
            def add(cpu, what, count, program=program, kernel=kernel):
                records.append({"program": program, "kernel": kernel, "cpu": cpu, "what": what,
                                "count": count})

            if kernel == "pending":
                add(None, "IPIs to user mode", 0)
            deferred = 9 if (program, kernel) == ("oslat", "pending") else 0
            for cpu in 2, 3:
                add(cpu, "deferrable IPIs", 9 - deferred)
                add(cpu, "deferred IPIs", deferred)
    return records


def write_rt(directory):
    """Write what the guests of make rt leave below DIRECTORY/rt."""
    for kernel in "unpatched", "off", "pending":
        guest = Path(directory, "rt", kernel)
        for program in PROGRAMS:
            deferred = 9 if (program, kernel) == ("oslat", "pending") else 0
            lines = ["operation vunmap 5 1 0", "missing eBPF No~such~file"]
            for cpu in 2, 3:
                lines += ["interrupts vunmap %d 20 %d" % (cpu, deferred),
                          "row vunmap %d LOC 11 0" % cpu, "row vunmap %d CAL 9 0" % cpu,
                          "call vunmap %d do_flush_tlb_all %d 1" % (cpu, 9 - deferred)]
            write_lines(guest / (program + ".noise"),
                        *(line.replace(" ", "\t").replace("~", " ") for line in lines))
        for program in "oslat", "cyclictest":
            common.write_json(guest / (program + ".json"),
                              {"thread": {"0": {"cpu": 2, "max": 70}, "1": {"cpu": 3, "max": 80}}})
        write_lines(guest / "osnoise.txt", "CPU Period Runtime Noise",
                    "  2 #10 1000 5 99.9 43 33 0", "  3 #10 1000 5 99.9 44 34 0")
        write_lines(guest / "timerlat.txt", "Index IRQ-002 Thr-002 IRQ-003 Thr-003",
                    "max: 11 22 33 44.5")
        write_lines(guest / "uname", "6.12.1-rt")


def write_report(directory):
    """Write the results that make report reads."""
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    mode = {"ipis": 20, "stale": 0, "entry_flushes": 0, "deferred": 0, "control_stale": 2}
    modes = dict.fromkeys(("off", "always", "pending"), mode)
    lane = {"requested": [0, 2000], "received": [90], "deferred": [2010]}
    common.write_json(directory / "run.json", {
        "base": "6.12.1", "rounds": 10, "cpus": 2, "modes": modes, "modes_pti": modes,
        "timeline_cpu": 2, "timeline_us": dict.fromkeys(modes, lane)})
    inventory = [{"operation": operation, "claim": "quiet", "interrupted_for": "all interrupts",
                  "kernel": kernel, "per_100": 7, "deferrable": False}
                 for operation in ("vmap", "a < b") for kernel in ("unpatched", *modes)]
    common.write_json(directory / "bench.json", {
        "base": "6.12.1", "inventory": inventory, "rt": inventory, "entries": entries(),
        "purges": purges()})
    common.write_json(directory / "rt.json", {
        "base": "6.12.1", "rounds": 5, "counts": rt_counts(), "latencies": []})
    write_lines(directory / "check.xml",
                '<testsuite name="check" tests="3" failures="1" skipped="1"/>')


if __name__ == "__main__":
    write_report(sys.argv[1])
