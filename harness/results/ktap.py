# SPDX-License-Identifier: GPL-2.0
"""KTAP: read it, judge it, write it.

The format is the kernel's (Documentation/dev-tools/ktap.rst).  In this harness
a file ends with "# verdict: complete": without it the guest did not finish.
"""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

import common

LINE = re.compile(r"(?P<indent> *)(?:(?P<no>not )?ok [0-9]+ ?-? ?(?P<name>.*)"
                  r"|1\.\.(?P<plan>[0-9]+)|# (?:Subtest: (?P<subtest>.*)|.*))")
VERDICT = "# verdict: complete"


@dataclass(frozen=True)
class Line:
    """A line of KTAP.

    text: the whole line; depth: the blanks before it
    ok: True or False for a result, None for any other line; name: of a result
    plan: number of tests planned, or None; subtest: the name, or None
    """

    text: str
    depth: int
    ok: bool | None
    name: str | None
    plan: int | None
    subtest: str | None

    @property
    def skipped(self):
        """Whether it is a result that was skipped"""
        return bool(self.ok) and "# SKIP" in self.text

    @property
    def verdict(self):
        """Whether it says that the file is complete"""
        return self.text.startswith(VERDICT)


def parse(lines):
    """The Lines of KTAP among text lines; what a program prints is left out."""
    for text in lines:
        match = LINE.match(text)
        if match:
            plan = match["plan"]
            yield Line(text, len(match["indent"]),
                       None if match["name"] is None else not match["no"], match["name"],
                       None if plan is None else int(plan), match["subtest"])


class Program:
    """What one program of the guest reported below its own result."""

    def __init__(self):
        self.named = False      # it has a "# Subtest" line
        self.planned = 0
        self.direct = 0         # results at its own depth
        self.results = 0        # counted ones, at any depth
        self.failed = 0
        self.depth = 0          # of the last result


class Tally:
    """The results of any number of KTAP files.

    passed: number; failures, skips: lines "FILE: RESULT"
    """

    def __init__(self):
        self.passed = 0
        self.failures = []
        self.skips = []

    def __str__(self):
        return "%d passed, %d failed, %d skipped" % (
            self.passed, len(self.failures), len(self.skips))

    def add_file(self, path):
        """Count the results of a KTAP file; ResultError if it cannot be read."""
        name, lines = Path(path).name, common.read_lines(path)
        if lines:
            self.add(name.removesuffix(".tap"), lines)
        else:
            self.failures.append("%s: no result" % name)

    def add(self, name, lines):
        """Count the results in the lines of the file called name.

        What has subtests is not counted itself, unless it failed and none of
        them did.  It fails as well if it is a whole program that was skipped,
        or reports fewer results than it planned.
        """
        planned, tests, whole, program = 0, 0, False, Program()
        for line in parse(lines):
            if line.ok is None:
                whole = whole or line.verdict
                if line.depth == 0 and line.plan is not None:
                    planned = line.plan
                elif line.depth == 2 and line.plan is not None:
                    program.planned = line.plan
                elif line.depth == 2 and line.subtest is not None:
                    program.named = True
            elif line.depth:
                self._subtest(name, line, program)
            else:
                tests += 1
                self._test(name, line, program)
                program = Program()
        if not whole:
            self.failures.append("%s: no verdict: the guest did not finish" % name)
        if planned != tests:
            self.failures.append("%s: %d tests of %d" % (name, tests, planned))

    def _count(self, name, line):
        if not line.ok:
            self.failures.append("%s: %s" % (name, line.text))
        elif line.skipped:
            self.skips.append("%s: %s" % (name, line.text))
        else:
            self.passed += 1

    def _subtest(self, name, line, program):
        program.direct += line.depth == 2
        # A suite's line after its cases would count them again.
        if program.depth <= line.depth:
            program.results += 1
            program.failed += not line.ok
            self._count(name, line)
        program.depth = line.depth

    def _test(self, name, line, program):
        if not line.ok:
            if not program.failed:
                self._count(name, line)
        elif program.direct < program.planned:
            self.failures.append("%s: %s (%d results of %d)" % (
                name, line.text, program.direct, program.planned))
        elif not program.results and line.skipped and program.named:
            self.failures.append("%s: %s (a whole program: nothing was tested)" % (
                name, line.text))
        elif not program.results:
            self._count(name, line)


class Writer:
    """Writes a KTAP file: result() for each test, then finish().

    n: results so far; failed: how many of them failed
    """

    def __init__(self, path):
        """Begin the file at path; OSError if it cannot be written."""
        self.file = open(path, "w", encoding="utf-8")
        self.n = self.failed = 0
        print("KTAP version 1", file=self.file)

    def result(self, good, name):
        """One result; good is a truth value."""
        self.n += 1
        self.failed += not good
        print("%sok %d %s" % ("" if good else "not ", self.n, name), file=self.file)

    def skip(self, name, why):
        """One that could not be had, and what was missing."""
        self.n += 1
        print("ok %d %s # SKIP %s" % (self.n, name, why), file=self.file)

    def finish(self):
        """The plan and the verdict; returns the exit status, 0 or 1."""
        print("1..%d\n%s" % (self.n, VERDICT), file=self.file)
        self.file.close()
        return 1 if self.failed else 0


def verdict(arguments):
    """Count the results of KTAP files: see the command verdict."""
    quiet = arguments[:1] == ["-q"]
    files = arguments[quiet:]
    if not files:
        raise common.ResultError("usage: verdict [-q] FILE.tap...")
    tally = Tally()
    for file in files:
        tally.add_file(file)
    if not (tally.passed or tally.failures or tally.skips):
        tally.failures.append("no result")
    if not quiet:
        for line in tally.skips:
            print(line)
    sys.stdout.flush()
    for line in tally.failures:
        print(line, file=sys.stderr, flush=True)
    print(tally)
    return 1 if tally.failures else 0
