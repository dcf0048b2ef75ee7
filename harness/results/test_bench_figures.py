# SPDX-License-Identifier: GPL-2.0
"""Tests of bench_figures.py."""

import tempfile
import unittest
from pathlib import Path

import bench_figures
import samples

SYMBOLS = ("ffffffff81000000 T __entry_text_start", "ffffffff81000100 T entry_SYSCALL_64",
           "ffffffff81000200 T other")
REMAINING = {"__cpa_flush_tlb": ("somebody", "a reason", "a help")}


class Inventory(unittest.TestCase):
    """What interrupts an isolated CPU."""

    def figures(self, **more):
        """The records of the sample, with more lines on some kernels."""
        with tempfile.TemporaryDirectory() as directory:
            samples.write_inventory(directory, **more)
            return bench_figures.inventory_figures("inventory", directory)

    def problems(self, **more):
        """What is wrong with it."""
        return list(bench_figures.inventory_problems(self.figures(**more), REMAINING))

    def test_figures(self):
        """For one CPU and 100 operations, rounded up; rows of CAL are no figures."""
        figures = self.figures(off=["operation slow 10 0 1 0 0 0 other"])
        self.assertEqual([f["per_100"] for f in figures if f["operation"] == "slow"], [5])
        self.assertEqual({f["interrupted_for"] for f in figures if f["operation"] == "tracepoint"},
                         {"all interrupts", "do_sync_core"})

    def test_good(self):
        """Control: good figures are good, and so is what in-kernel calls may do."""
        self.assertEqual(self.problems(), [])
        tracer = ["operation tracer 100 9 9 0 0 0 in-kernel", "call tracer __cpa_flush_tlb 9 1"]
        self.assertEqual(self.problems(unpatched=tracer, pending=tracer), [])

    def test_bad(self):
        """A deferrable IPI, one to user mode, an unknown one, no control."""
        self.assertIn("tracepoint: 1 do_sync_core in mode always", self.problems(
            always=["operation tracepoint 100 1 1 0 0 0 deferrable",
                    "call tracepoint do_sync_core 1 1"]))
        self.assertEqual(self.problems(
            unpatched=["operation tracer 100 9 9 0 0 0 in-kernel", "call tracer f 9 1"],
            pending=["operation tracer 100 9 9 0 0 0 in-kernel", "sent tracer do_sync_core 1"]),
            ["tracer: 1 IPIs to user mode: do_sync_core in mode pending"])
        self.assertEqual(self.problems(pending=["call type newcomer 1 0"]),
                         ["type: newcomer is not in verify/remaining"])
        self.assertEqual(self.problems(unpatched=["operation tracer 100 0 0 0 0 0 deferrable"]),
                         ["tracer: the control: nothing arrives on the unpatched kernel"])

    def test_forced(self):
        """A forced flush sends no more IPIs than the unpatched kernel does."""
        forced = ["operation aliases 100 %d 0 0 0 0 forced", "call aliases flush %d 1"]
        boots = {kernel: [line % count for line in forced]
                 for kernel, count in (("unpatched", 2), ("pending", 2), ("always", 2))}
        remaining = dict(REMAINING, flush=("somebody", "a reason", "a help"))
        self.assertEqual(list(bench_figures.inventory_problems(self.figures(**boots), remaining)),
                         [])
        boots["always"] = [line % 4 for line in forced]
        self.assertEqual(list(bench_figures.inventory_problems(self.figures(**boots), remaining)),
                         ["aliases: 2 IPIs in mode always, 1 on the unpatched kernel"])

    def test_table(self):
        """What a kernel has not is said; what remains is explained."""
        figures = self.figures(pending=["missing gone No~such~file"])
        text = "\n".join(bench_figures.inventory_text("inventory", figures, REMAINING))
        self.assertRegex(text, r"gone +not in this kernel: No such file")
        self.assertRegex(text, r"type +__cpa_flush_tlb +100 +100 +100 +100")
        self.assertIn("__cpa_flush_tlb\n\tfrom: somebody\n", text)

    def test_remaining(self):
        """verify/remaining has four columns everywhere."""
        path = bench_figures.common.TOP / "verify/remaining"
        rows = [line for line in path.read_text().splitlines() if not line.startswith("#")]
        self.assertEqual(len(bench_figures.read_remaining(path)), len(rows))
        self.assertEqual({line.count("\t") for line in rows}, {3})


class Stays(unittest.TestCase):
    """The plugin's file."""

    def test_stays(self):
        """Shortest and median of all; text and flushes of the most frequent."""
        with tempfile.TemporaryDirectory() as directory:
            cost = samples.write_lines(Path(directory, "cost"),
                                       "2 1 ffffffff81000100 90 60 1 1",
                                       "2 1 ffffffff81000100 120 73 0 1",
                                       "2 1 ffffffff81000100 110 73 0 3",
                                       "2 1 ffffffff81000200 1 1 1 99",
                                       "2 2 ffffffff81000100 1 1 1 99")
            symbols = samples.write_lines(Path(directory, "System.map"), *SYMBOLS)
            self.assertEqual(bench_figures.stays(cost, symbols), {("2", "syscall"): {
                "times": 5, "shortest": 90, "median": 110, "in_text": 73, "flushes": 0}})


class Costs(unittest.TestCase):
    """Entries and purges."""

    def entries(self, **changes):
        """What is wrong with the sample's entries, some changed."""
        return list(bench_figures.entries_problems(samples.entries(**changes)))

    def test_entries(self):
        """Each bound is kept by good figures (the control) and noticed by bad ones."""
        self.assertEqual(self.entries(), [])
        for words, key, change in (
                ("isolated, syscall: pending: 13 instructions more, at most 12",
                 "isolated_pending", {"in_entry_text": 113}),
                ("isolated, syscall: a flush with nothing pending", "isolated_pending",
                 {"flushes": 2}),
                ("isolated, syscall: the control: mode always does not flush", "isolated_always",
                 {"flushes": 0}),
                ("housekeeping, syscall: pending: 9 instructions more, at most 8",
                 "housekeeping_pending", {"in_entry_text": 109}),
                ("housekeeping, syscall: unused: 5 instructions more, at most 4",
                 "housekeeping_unused", {"in_entry_text": 105}),
                ("isolated, syscall: no figure of unused or unpatched-unused", "isolated_unused",
                 {"kernel": "none"})):
            self.assertEqual(self.entries(**{key: change}), ["PTI off, " + words])

    def test_entries_table(self):
        """A figure shows flushes and the median."""
        text = "\n".join(bench_figures.entries_text(samples.entries()))
        self.assertIn("120+2 (369)", text)

    def test_purges(self):
        """The same of purges."""
        problems = bench_figures.purges_problems
        self.assertEqual(list(problems(samples.purges())), [])
        self.assertEqual(list(problems(samples.purges((9000, 8000, 8000, 6000)))),
                         ["purges: no fewer instructions with 7 CPUs isolated"])
        self.assertIn("purges: 31.0 instructions for each of CPUs 8 to 15 that is skipped, "
                      "at most 30", list(problems(samples.purges(each=31))))
        unseen = [f | {"in_predicate": 0} for f in samples.purges()]
        self.assertEqual(list(problems(unseen)), ["purges: the predicate was not seen"])
        self.assertIn("purges: 10 figures of 11", list(problems(samples.purges()[:-1])))

    def test_purges_table(self):
        """What a skipped CPU saves and costs."""
        text = "\n".join(bench_figures.purges_text(samples.purges()))
        self.assertIn("Saved with each skipped CPU: 214.3 instructions", text)
        self.assertIn("30.0 instructions in the predicate, and 41.4 in the\nkernel's loop", text)


class Parts(unittest.TestCase):
    """The files that the command leaves."""

    def test_join(self):
        """What was judged before stays; what was not measured is left out."""
        with tempfile.TemporaryDirectory() as directory:
            results = Path(directory)
            samples.write_inventory(results)
            samples.write_inventory(results, "rt")
            (results / "bench").mkdir()
            for part in "inventory", "rt":
                self.assertEqual(bench_figures.judge_part(part, results, results), [])
                text = bench_figures.join_parts(results, "6.12.1")
            bench = bench_figures.common.read_json(results / "bench.json")
            self.assertEqual(list(bench), ["base", "inventory", "rt"])
            self.assertIn("(PREEMPT_RT)", text)
            with self.assertRaisesRegex(bench_figures.common.ResultError, "cannot read"):
                bench_figures.judge_part("purges", results, results)
