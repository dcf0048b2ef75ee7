# SPDX-License-Identifier: GPL-2.0
"""Tests of run_figures.py."""

import tempfile
import unittest
from pathlib import Path

import common
import run_figures
import samples

ROUNDS = 10


class Run(unittest.TestCase):
    """The figures of make run, and what is wrong with them."""

    def boots(self, **changes):
        """The Boots of the sample, some changed."""
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        samples.write_run(directory.name, **changes)
        return run_figures.read_boots(directory.name)

    def problems(self, **changes):
        """What is wrong with it."""
        return [problem for (mode, pti), boot in self.boots(**changes).items()
                for problem in run_figures.problems_of_boot(boot, mode, pti, ROUNDS)]

    def test_good(self):
        """Control: good figures are good."""
        self.assertEqual(self.problems(), [])

    def test_bad(self):
        """Each figure that is wrong is named."""
        for words, boot, change in (
                ("mode off, PTI on: only 9 IPIs", "off_on", {"ipis": 9}),
                ("mode pending, PTI off: 1 IPIs", "pending_off", {"ipis": 1}),
                ("mode always, PTI off: 2 stale reads", "always_off", {"stale": 2}),
                ("mode always, PTI off: stale reads were not observed", "always_off",
                 {"stale": "null"}),
                ("mode pending, PTI off: no flush at all, and no read was stale: the oracle is "
                 "blind", "pending_off", {"control_stale": 0}),
                ("mode always, PTI on: the kernel was in mode off", "always_on", {"mode": "off"})):
            self.assertEqual(self.problems(**{boot: change}), [words])

    def test_missing(self):
        """A figure or a boot that is missing is no figure."""
        with self.assertRaisesRegex(common.ResultError, "cannot read .*run.off.pti-off.tap"):
            run_figures.read_boots("/nonexistent")
        boots = self.boots(pending_off={"ipis": ""})
        with self.assertRaisesRegex(common.ResultError, "no figure 'ipis'"):
            boots["pending", "off"].figures()

    def test_json(self):
        """run.json has the figures, what cannot be observed as null, and times."""
        run = run_figures.to_json(self.boots(), "6.12.1", ROUNDS)
        self.assertEqual(run["modes"]["pending"], {
            "ipis": 0, "stale": 0, "entry_flushes": 20, "deferred": 20, "control_stale": 32})
        self.assertIsNone(run["modes_pti"]["off"]["stale"])
        self.assertEqual(run["timeline_us"]["off"],
                         {"requested": [500], "received": [0], "deferred": []})

    def test_table(self):
        """The table has a row for each boot, and at most 80 columns."""
        boots = self.boots()
        lines = run_figures.table(run_figures.to_json(boots, "6.12.117", 999999), boots)
        self.assertLessEqual(max(map(len, lines)), 80)
        self.assertEqual([line.split() for line in lines if line.startswith("on ")][2],
                         ["on", "pending", "0", "20", "20", "not", "observable"])

    def test_written(self):
        """A JSON file reads as what was written."""
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory, "x.json")
            value = {"a": [{"b": None, "c": [1, 2]}, {"b": "\"\t<"}], "d": {}, "e": []}
            common.write_json(path, value)
            self.assertEqual(common.read_json(path), value)
            path.write_text("{")
            with self.assertRaises(common.ResultError):
                common.read_json(path)
