# SPDX-License-Identifier: GPL-2.0
"""Tests of ktap.py and junit_xml.py."""

import subprocess
import tempfile
import unittest
from pathlib import Path
from xml.etree import ElementTree

import common
import junit_xml
import ktap
import samples
from samples import WHOLE

SAMPLE = ["KTAP version 1", "1..2", "  # Subtest: a", "  ok 1 good & well", "  # why < not",
          "  not ok 2 bad", "not ok 1 a", "ok 2 b # SKIP"]


def tally(*lines):
    """The Tally of one file, called x."""
    result = ktap.Tally()
    result.add("x", lines)
    return result


class Verdict(unittest.TestCase):
    """What counts as passed, failed and skipped."""

    def failures(self, *lines):
        """What fails in a file that is whole but for that."""
        return tally("KTAP version 1", "1..1", *lines, WHOLE).failures

    def test_good(self):
        """Control: a whole file has no failure."""
        good = tally("KTAP version 1", "1..2", "  # Subtest: a", "  1..1", "  ok 1 b", "ok 1 a",
                     "ok 2 c", WHOLE)
        self.assertEqual(str(good), "2 passed, 0 failed, 0 skipped")

    def test_early_end(self):
        """A file that ends early is a failure beside those that it has."""
        result = tally(*SAMPLE)
        self.assertEqual(result.failures, ["x:   not ok 2 bad",
                                           "x: no verdict: the guest did not finish"])
        self.assertEqual(str(result), "1 passed, 2 failed, 1 skipped")

    def test_fewer_tests(self):
        """So are fewer tests than planned."""
        self.assertEqual(self.failures(), ["x: 0 tests of 1"])

    def test_fewer_results(self):
        """So are fewer results than a program planned."""
        self.assertEqual(self.failures("  # Subtest: a", "  1..3", "  ok 1 b", "ok 1 a"),
                         ["x: ok 1 a (1 results of 3)"])

    def test_failed_program(self):
        """A program that failed counts if none of its results says so."""
        self.assertEqual(self.failures("  # Subtest: a", "  ok 1 b", "not ok 1 a"),
                         ["x: not ok 1 a"])
        self.assertEqual(self.failures("  # Subtest: a", "  not ok 1 b", "not ok 1 a"),
                         ["x:   not ok 1 b"])

    def test_suite(self):
        """A suite's line does not count its cases again."""
        result = tally("1..1", "  # Subtest: a", "    ok 1 x", "    ok 2 y", "  ok 1 s", "ok 1 a",
                       WHOLE)
        self.assertEqual(str(result), "2 passed, 0 failed, 0 skipped")

    def test_skipped(self):
        """A whole program that skipped is a failure; a result of the host is not."""
        self.assertEqual(self.failures("  # Subtest: a", "ok 1 a # SKIP why"),
                         ["x: ok 1 a # SKIP why (a whole program: nothing was tested)"])
        result = tally("1..1", "ok 1 a # SKIP why", WHOLE)
        self.assertEqual((result.failures, result.skips), ([], ["x: ok 1 a # SKIP why"]))

    def test_log(self):
        """What a program prints is neither a result nor a plan."""
        self.assertEqual(self.failures("okay 1", "not a result", "event 1..2", "ok 1 a"), [])


class Writer(unittest.TestCase):
    """What is written is what is read."""

    def test_writer(self):
        """One of each result, the plan and the verdict."""
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory, "x.tap")
            tap = ktap.Writer(path)
            tap.result(True, "a")
            tap.result(0, "b")
            tap.skip("c", "why")
            self.assertEqual(tap.finish(), 1)
            result = ktap.Tally()
            result.add_file(path)
        self.assertEqual((result.passed, result.failures, result.skips),
                         (1, ["x: not ok 2 b"], ["x: ok 3 c # SKIP why"]))


class Commands(unittest.TestCase):
    """What the commands print, and their statuses."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.good = samples.write_lines(Path(directory.name, "good.tap"), "1..1", "ok 1 a", WHOLE)
        self.bad = samples.write_lines(Path(directory.name, "bad.tap"), *SAMPLE)
        self.empty = samples.write_lines(Path(directory.name, "empty.tap"))

    def run_command(self, name, *arguments):
        """(status, output, error output) of a command."""
        done = subprocess.run([common.TOP / "harness/results" / name, *arguments], check=False,
                              capture_output=True, text=True)
        return done.returncode, done.stdout, done.stderr

    def test_verdict(self):
        """Skips and the last line are output, failures are errors."""
        self.assertEqual(self.run_command("verdict", self.good),
                         (0, "1 passed, 0 failed, 0 skipped\n", ""))
        self.assertEqual(self.run_command("verdict", self.bad, self.empty), (
            1, "bad: ok 2 b # SKIP\n1 passed, 3 failed, 1 skipped\n",
            "bad:   not ok 2 bad\nbad: no verdict: the guest did not finish\n"
            "empty.tap: no result\n"))
        self.assertEqual(self.run_command("verdict", "-q", self.bad)[1],
                         "1 passed, 2 failed, 1 skipped\n")

    def test_bad_input(self):
        """One line for no file, or one that is not there."""
        for arguments in (), ("-q",), (self.good, "/nonexistent"):
            status, out, err = self.run_command("verdict", *arguments)
            self.assertEqual((status, out, err.count("\n")), (2, "", 1))
        self.assertEqual(self.run_command("junit", "/nonexistent"),
                         (2, "", "junit: cannot read /nonexistent\n"))

    def test_bad_figures(self):
        """A figure that is no number is bad input, not a failure."""
        samples.write_lines(self.good.parent / "rt/unpatched/oslat.noise", "call\tx\t2\tf\tmany\t1")
        for arguments, word in (("judge-run", ".", "6.12.1", "many"), "many"), (
                ("judge-rt", self.good.parent, "6.12.1", "5"), "many"):
            status, out, err = self.run_command(*arguments)
            self.assertEqual((status, out, err.count("\n"), word in err), (2, "", 1, True))

    def test_junit(self):
        """A file beside each."""
        self.assertEqual(self.run_command("junit", self.good, self.empty), (0, "", ""))
        self.assertEqual(junit_xml.totals(self.good.with_suffix(".xml")), ("good", 1, 0, 0))
        self.assertEqual(junit_xml.totals(self.empty.with_suffix(".xml")), ("empty", 1, 1, 0))


class JUnit(unittest.TestCase):
    """The same results as XML."""

    def test_sample(self):
        """One of each result, and a file that ends early, as a CI system reads them."""
        suite = ElementTree.fromstring(ElementTree.tostring(junit_xml.suite_of("x", SAMPLE)))
        self.assertEqual({key: suite.get(key) for key in ("tests", "failures", "skipped")},
                         {"tests": "5", "failures": "3", "skipped": "1"})
        self.assertEqual([(case.get("classname"), case.get("name")) for case in suite],
                         [("x.a", "good & well"), ("x.a", "bad"), ("x", "a"),
                          ("x", "b # SKIP"), ("x", "verdict")])
        self.assertEqual([case.get("name") for case in suite if case.find("failure") is not None],
                         ["bad", "a", "verdict"])
        self.assertIn("why < not", suite[1].find("failure").text)

    def test_whole(self):
        """Control: a whole file has no case that failed."""
        suite = junit_xml.suite_of("x", ["1..1", "ok 1 a\x1b[0m", WHOLE])
        self.assertEqual(suite.get("failures"), "0")
        self.assertEqual(suite[0].get("name"), "a?[0m")
