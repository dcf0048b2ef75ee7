# SPDX-License-Identifier: GPL-2.0
"""Check that a page of make report has all that it should have."""

import re
from html.parser import HTMLParser
from pathlib import Path

import common

SECTIONS = ("sources", "sources_rt", "programs", "timeline", "syscalls", "initiators")
# What a browser would fetch or run
FETCHED = re.compile(r"<(?:script|link|iframe|object|embed|img|image|base)\b|@import"
                     r"|url\([^#)]{0,40}|(?:src|href)=.[^#].{0,40}", re.IGNORECASE)
DRAWN = ("path", "use", "polygon", "circle")


class Contents(HTMLParser):
    """What is in each section of a page.

    sections: {name: set of "figure", "drawn", "rows", "left-out"}
    """

    def __init__(self):
        super().__init__()
        self.sections = {}
        self.found = set()
        self.plotting = False

    def handle_starttag(self, tag, attrs):
        """A tag begins: note what it is a sign of."""
        attrs = dict(attrs)
        if tag == "section":
            self.found = self.sections.setdefault(attrs.get("id"), set())
        elif tag == "figure":
            self.found.add("figure")
        elif tag == "g" and "_plot_" in (attrs.get("id") or ""):
            self.plotting = True
        elif tag in DRAWN and self.plotting:
            self.found.add("drawn")
        elif tag == "td":
            self.found.add("rows")
        elif attrs.get("class") == "left-out":
            self.found.add("left-out")

    def handle_endtag(self, tag):
        """A tag ends."""
        if tag == "figure":
            self.plotting = False
        elif tag == "section":
            self.found = set()


def problem_of(found):
    """What is wrong with a section that has a figure, or None."""
    if found is None:
        return "missing"
    if "left-out" in found:
        return None
    if "figure" not in found:
        return "no figure"
    if "drawn" not in found:
        return "an empty figure"
    return None if "rows" in found else "an empty table"


def check_text(name, text, must=()):
    """Raise ResultError with the first thing that is wrong with the page's text.

    must: the sections that may not be left out
    """
    if not text.rstrip().endswith("</html>"):
        raise common.ResultError("%s: not whole" % name)
    fetched = FETCHED.search(text)
    if fetched:
        raise common.ResultError("%s: from elsewhere: %s" % (name, fetched[0]))
    contents = Contents()
    contents.feed(text)
    contents.close()
    flushes = contents.sections.get("flushes")
    if not flushes:
        raise common.ResultError("%s: flushes: %s" % (
            name, "missing" if flushes is None else "an empty table"))
    for section in dict.fromkeys((*SECTIONS, *must)):
        found = contents.sections.get(section)
        problem = problem_of(found)
        if not problem and section in must and "left-out" in found:
            problem = "left out"
        if problem:
            raise common.ResultError("%s: %s: %s" % (name, section, problem))


def check(arguments):
    """Check a page: see the command check-page."""
    if not arguments:
        raise common.ResultError("usage: check-page PAGE [SECTION]...")
    path = Path(arguments[0])
    if not path.exists() or not path.stat().st_size:
        raise common.ResultError("%s: missing or empty" % path)
    check_text(path, path.read_text(encoding="utf-8"), arguments[1:])
    return 0
