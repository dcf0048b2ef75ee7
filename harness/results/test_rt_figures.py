# SPDX-License-Identifier: GPL-2.0
"""Tests of rt_figures.py."""

import contextlib
import io
import tempfile
import unittest
from pathlib import Path

import common
import rt_figures
import samples


def changed(figure, wanted, count):
    """The record, with another count if it has what is wanted of it."""
    match = all(figure[key] == value for key, value in wanted.items())
    return figure | {"count": count} if match else figure


class Counts(unittest.TestCase):
    """What is wrong with the counts."""

    def problems(self, count=0, **wanted):
        """What is wrong if the records that have what is wanted have this count."""
        return list(rt_figures.problems_of(
            [changed(f, wanted, count) if wanted else f for f in samples.rt_counts()]))

    def test_good(self):
        """Control: good figures are good, and who is in the kernel may receive IPIs."""
        self.assertEqual(self.problems(), [])
        self.assertEqual(self.problems(10, program="cyclictest", kernel="pending", cpu=3,
                                       what="deferrable IPIs"), [])

    def test_bad(self):
        """Each wrong count is named, and nothing else is."""
        for words, count, wanted in (
                ("oslat: CPU 3: 1 deferrable IPIs in mode pending", 1,
                 ("oslat", "pending", 3, "deferrable IPIs")),
                ("timerlat: 1 IPIs sent to user mode in mode pending", 1,
                 ("timerlat", "pending", None, "IPIs to user mode")),
                ("oslat: CPU 2: the control: nothing arrives on kernel unpatched", 0,
                 ("oslat", "unpatched", 2, "deferrable IPIs")),
                ("oslat: CPU 2: the control: nothing arrives on kernel off", 0,
                 ("oslat", "off", 2, "deferrable IPIs")),
                ("oslat: CPU 2: nothing was deferred in mode pending", 0,
                 ("oslat", "pending", 2, "deferred IPIs"))):
            keys = dict(zip(("program", "kernel", "cpu", "what"), wanted))
            self.assertEqual(self.problems(count, **keys), [words])

    def test_missing(self):
        """So is what was not measured."""
        figures = samples.rt_counts()

        def without(**wanted):
            return list(rt_figures.problems_of(
                [f for f in figures if any(f[k] != v for k, v in wanted.items())]))

        self.assertEqual(without(program="osnoise", kernel="off", cpu=3),
                         ["osnoise: no figures of two CPUs on kernel off"])
        self.assertEqual(without(program="cyclictest", what="IPIs to user mode"),
                         ["cyclictest: nobody looked at what was sent in mode pending"])
        more = figures + [figures[0] | {"kernel": "pending", "cpu": None, "count": 1,
                                        "what": "missing module: No such file"}]
        self.assertEqual(list(rt_figures.problems_of(more)),
                         ["oslat: missing module: No such file on kernel pending"])


class Files(unittest.TestCase):
    """From the guests' files to those of make rt."""

    def test_judge(self):
        """Counts and latencies are read, written and shown."""
        with tempfile.TemporaryDirectory() as directory:
            samples.write_rt(directory)
            out, err = io.StringIO(), io.StringIO()
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                status = rt_figures.judge([directory, "6.12.1", "5"])
            rt = common.read_json(Path(directory, "rt.json"))
            text = Path(directory, "rt.txt").read_text()
        self.assertEqual(status, 1)
        self.assertIn("rt: oslat: missing eBPF: No such file on kernel off", err.getvalue())
        self.assertIn({"program": "oslat", "kernel": "pending", "cpu": 2, "what": "deferred IPIs",
                       "count": 9}, rt["counts"])
        self.assertIn({"program": "timerlat", "kernel": "off", "cpu": 3, "what": "thread",
                       "emulated_us": 44.5}, rt["latencies"])
        self.assertRegex(out.getvalue(), r" all +IPIs to user mode +- +- +0\n")
        self.assertRegex(out.getvalue(), r" 2 +deferrable IPIs +9 +9 +0\n")
        self.assertNotIn("do_flush_tlb_all", out.getvalue())
        self.assertIn("do_flush_tlb_all", text)

    def test_nothing(self):
        """No files are no figures."""
        with self.assertRaisesRegex(common.ResultError, "cannot read"):
            rt_figures.judge(["/nonexistent", "6.12.1", "5"])
