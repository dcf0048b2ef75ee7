# SPDX-License-Identifier: GPL-2.0
"""Tests of report_page.py and check_page.py; they need gnuplot."""

import contextlib
import io
import re
import tempfile
import unittest
from pathlib import Path

import check_page
import common
import report_page
import samples

WRITTEN = {"run.json": "make run", "bench.json": "make bench", "check.xml": "make check"}


class Page(unittest.TestCase):
    """A page of sample results, and what is refused."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.results = Path(directory.name)
        samples.write_report(self.results)

    def write(self):
        """Write the page; its text."""
        with contextlib.redirect_stdout(io.StringIO()):
            report_page.write([str(self.results)])
        return (self.results / "report.html").read_text()

    def edit(self, name, change):
        """Change the value of a JSON file by a function."""
        value = common.read_json(self.results / name)
        change(value)
        common.write_json(self.results / name, value)

    def refused(self, words, change=None, name="run.json"):
        """The page is refused with these words, and nothing is left of it."""
        if change:
            self.edit(name, change)
        with self.assertRaisesRegex(common.ResultError, re.escape(words)):
            self.write()
        self.assertEqual(list(self.results.glob("report*")), [])

    def test_good(self):
        """Every figure is there; what failed is told; a bracket stays one."""
        page = self.write()
        for name in check_page.SECTIONS:
            self.assertTrue((self.results / ("report-%s.svg" % name)).stat().st_size)
        check_page.check_text("page", page, check_page.SECTIONS)
        self.assertRegex(page, "1 passed, 1 failed, 1 skipped.* Failed: check")
        self.assertIn("a &lt; b", page)
        ids = re.findall(r" id=['\"]([^'\"]*)", page)
        self.assertEqual(len(ids), len(set(ids)))

    def test_left_out(self):
        """A part that was not measured is left out, and named."""
        self.edit("bench.json", lambda bench: bench.pop("rt"))
        (self.results / "rt.json").unlink()
        page = self.write()
        self.assertIn('class="left-out">Not measured; make bench', page)
        self.assertIn('class="left-out">Not measured; make rt', page)
        self.assertFalse((self.results / "report-sources_rt.svg").exists())
        with self.assertRaisesRegex(common.ResultError, "sources_rt: left out"):
            check_page.check_text("page", page, ["sources_rt"])

    def test_missing(self):
        """A file that is missing or empty is named, with what writes it."""
        for name, command in WRITTEN.items():
            words = "%s: missing or empty; written by: %s" % (name, command)
            text = (self.results / name).read_text()
            (self.results / name).write_text("")
            self.refused(words)
            (self.results / name).unlink()
            self.refused(words)
            (self.results / name).write_text(text)
        self.results = self.results / "none"
        with self.assertRaisesRegex(common.ResultError, "make run, make bench, make check"):
            self.write()

    def test_no_json(self):
        """So is one that is no JSON, or no XML."""
        (self.results / "bench.json").write_text("{\n")
        self.refused("bench.json: no figures in it")
        samples.write_report(self.results)
        (self.results / "check.xml").write_text("<testsuite")
        self.refused("check.xml: not JUnit XML")

    def test_no_figures(self):
        """So is one without a figure."""
        self.refused("bench.json: no figures in it", lambda bench: bench["purges"].clear(),
                     "bench.json")
        samples.write_report(self.results)
        self.refused("rt.json: no figures in it", lambda rt: rt["counts"].clear(), "rt.json")
        samples.write_report(self.results)
        self.refused("run.json: no figures in it",
                     lambda run: run["modes"]["pending"].pop("ipis"))
        samples.write_report(self.results)
        self.refused("no figures of timeline; written by: make run",
                     lambda run: run["timeline_us"].update(off={}, always={}, pending={}))

    def test_broken(self):
        """What a page lacks is found."""
        page = self.write()
        timeline = re.search(r'<section id="timeline">.*?</section>', page, re.DOTALL)[0]
        for words, broken in (
                ("timeline: no figure", page.replace(timeline, re.sub(
                    r"<figure>.*</figure>", "", timeline, flags=re.DOTALL))),
                ("timeline: an empty figure", page.replace(timeline, re.sub(
                    r"<(path|use|polygon|circle)[^>]*>", "", timeline))),
                ("timeline: an empty table", page.replace(timeline, re.sub(
                    r"<td>.*</td>", "", timeline))),
                ("timeline: missing", page.replace(timeline, "")),
                ("flushes: missing", page.replace('id="flushes"', 'id="others"')),
                ("not whole", page[:len(page) // 2]),
                ("from elsewhere: <img", page.replace(
                    "<h1>", '<img src="http://control.invalid/x.png"><h1>'))):
            with self.assertRaisesRegex(common.ResultError, re.escape(words)):
                check_page.check_text("page", broken)
