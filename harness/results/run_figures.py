# SPDX-License-Identifier: GPL-2.0
"""The figures of make run: from the guests' results to JSON, a table, verdict.

A boot's results have lines "NAME VALUE" and "event SECONDS KIND", by
harness/guest/flush_loop.c; build/results/run.MODE.pti-PTI.tap is the file.
"""

from pathlib import Path

import common

MODES = ("off", "always", "pending")
PTI = ("off", "on")
KINDS = ("requested", "received", "deferred")
FIGURES = ("ipis", "stale", "entry_flushes", "deferred", "control_stale")
ROW = "%-4s %-8s %8s %14s %14s %15s"


class Boot:
    """One boot's results.

    path: the file; events: list of (seconds, kind), kind one of KINDS
    """

    def __init__(self, path):
        """Read them; ResultError if there is no such file."""
        self.path = path
        self.values, self.events = {}, []
        for fields in common.records(path, None):
            if fields[0] == "event" and len(fields) == 3:
                self.events.append((float(fields[1]), fields[2]))
            elif len(fields) > 1:
                self.values.setdefault(fields[0], fields[1])

    def text(self, name):
        """The value of a name; ResultError if there is none."""
        if name not in self.values:
            raise common.ResultError("%s: no figure '%s'" % (self.path, name))
        return self.values[name]

    def number(self, name):
        """The same as a number, or None for "null": this boot cannot tell."""
        text = self.text(name)
        try:
            return None if text == "null" else int(text)
        except ValueError as error:
            raise common.ResultError("%s: %s is '%s'" % (self.path, name, text)) from error

    def figures(self):
        """The FIGURES, by name."""
        return {name: self.number(name) for name in FIGURES}

    def timeline(self):
        """Microseconds since the first event, by kind."""
        first = min((time for time, _ in self.events), default=0)
        return {kind: [round((time - first) * 1e6) for time, k in self.events if k == kind]
                for kind in KINDS}


def read_boots(results):
    """The Boots in a directory, by (mode, pti)."""
    return {(mode, pti): Boot(Path(results, "run.%s.pti-%s.tap" % (mode, pti)))
            for pti in PTI for mode in MODES}


def to_json(boots, version, rounds):
    """What run.json has, of the Boots, the kernel's version and the rounds."""
    off = boots["off", "off"]
    return {
        "base": version, "rounds": rounds, "cpus": off.number("cpus"),
        "modes": {mode: boots[mode, "off"].figures() for mode in MODES},
        "modes_pti": {mode: boots[mode, "on"].figures() for mode in MODES},
        "timeline_cpu": off.number("timeline_cpu"),
        "timeline_us": {mode: boots[mode, "off"].timeline() for mode in MODES}}


def rows(run):
    """[PTI, mode, IPIs, deferred IPIs, entry flushes, stale reads] of run.json."""
    for pti, modes in zip(PTI, (run["modes"], run["modes_pti"])):
        for mode in MODES:
            figures = modes[mode]
            stale = figures.get("stale")
            yield [pti, mode, figures["ipis"], figures["deferred"], figures["entry_flushes"],
                   "not observable" if stale is None else stale]


def table(run, boots):
    """What make run prints, at most 80 columns: a list of lines."""
    off, pending = boots["off", "off"], boots["pending", "off"]
    return [
        "",
        "Linux %s: %d isolated CPUs in user mode, while a housekeeping CPU does" % (
            run["base"], run["cpus"]),
        "vmap, vunmap and flush %d times.  Sums over the isolated CPUs:" % run["rounds"],
        "",
        ROW % ("PTI", "mode", "IPIs", "deferred IPIs", "entry flushes", "stale reads"),
        *(ROW % tuple(row) for row in rows(run)),
        "",
        "Control: with no flush at all, %s of %s reads were stale in mode off," % (
            off.text("control_stale"), off.text("control_reads")),
        "%s of %s in mode pending." % (
            pending.text("control_stale"), pending.text("control_reads")),
        "Each round ends with one system call on each isolated CPU, which flushes.",
        "PTI is page-table isolation: with it this emulator flushes its TLB at",
        "every entry, so a stale read cannot be observed.",
        ""]


def problems_of_boot(boot, mode, pti, rounds):
    """What is wrong with the figures of one boot, a line each."""
    figures, where = boot.figures(), "mode %s, PTI %s" % (mode, pti)
    if boot.text("mode") != mode:
        yield "%s: the kernel was in mode %s" % (where, boot.text("mode"))
    if mode == "off" and figures["ipis"] < rounds:
        yield "%s: only %d IPIs" % (where, figures["ipis"])
    if mode != "off" and figures["ipis"]:
        yield "%s: %d IPIs" % (where, figures["ipis"])
    if figures["stale"]:
        yield "%s: %d stale reads" % (where, figures["stale"])
    if pti == "off":
        if figures["stale"] is None:
            yield "%s: stale reads were not observed" % where
        # Mode always flushes at every entry, with or without a flush pending.
        if mode != "always" and figures["control_stale"] == 0:
            yield "%s: no flush at all, and no read was stale: the oracle is blind" % where


def judge(arguments):
    """Write run.json, print the table, judge: see the command judge-run."""
    if len(arguments) != 3:
        raise common.ResultError("usage: judge-run RESULTS VERSION ROUNDS")
    results, version, rounds = arguments[0], arguments[1], int(arguments[2])
    boots = read_boots(results)
    run = to_json(boots, version, rounds)
    common.write_json(Path(results, "run.json"), run)
    print("\n".join(table(run, boots)))
    return common.report_problems("run", [
        problem for (mode, pti), boot in boots.items()
        for problem in problems_of_boot(boot, mode, pti, rounds)])
