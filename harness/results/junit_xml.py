# SPDX-License-Identifier: GPL-2.0
"""JUnit XML, for CI systems, of KTAP files.

A file of KTAP is a test suite; a result below a subtest is a case of the class
FILE.SUBTEST, any other a case of the class FILE.
"""

import re
from pathlib import Path
from xml.etree import ElementTree

import common
import ktap


def plain(text):
    """The text with "?" for what XML cannot have or a terminal not show."""
    return re.sub(r"[^ -~\n]", "?", text)


def add_case(suite, classname, name, outcome, said=""):
    """Add a case to a suite: outcome is "ok", "skipped" or what is wrong with it."""
    case = ElementTree.SubElement(suite, "testcase", classname=plain(classname), name=plain(name))
    if outcome == "skipped":
        ElementTree.SubElement(case, "skipped")
    elif outcome != "ok":
        ElementTree.SubElement(case, "failure", message=outcome).text = plain(said)


def suite_of(name, lines):
    """The <testsuite> element of a KTAP file's lines; name is the file's.

    A failure has the comments since the result before it.  A file without a
    verdict has one more case, which failed.
    """
    suite = ElementTree.Element("testsuite", name=plain(name))
    subtest, said, whole = "", [], False
    for line in ktap.parse(lines):
        if line.subtest is not None and line.depth:
            subtest = line.subtest
        if line.ok is None:
            whole = whole or line.verdict
            if line.plan is None:
                said.append(line.text[:500] + "\n")
            continue
        add_case(suite, "%s.%s" % (name, subtest) if line.depth and subtest else name, line.name,
                 "skipped" if line.skipped else "ok" if line.ok else "not ok", "".join(said))
        said = []
        if not line.depth:
            subtest = ""
    if not whole:
        add_case(suite, name, "verdict", "did not finish")
    for key, path in ("tests", "testcase"), ("failures", "*/failure"), ("skipped", "*/skipped"):
        suite.set(key, str(len(suite.findall(path))))
    return suite


def totals(path):
    """(name, tests, failed, skipped) of a JUnit file; ResultError if it is none."""
    try:
        suite = ElementTree.parse(path).getroot()
        return suite.attrib["name"], *(int(suite.attrib[key])
                                       for key in ("tests", "failures", "skipped"))
    except (OSError, ElementTree.ParseError, KeyError, ValueError) as error:
        raise common.ResultError("%s: not JUnit XML" % path) from error


def junit(arguments):
    """Write FILE.xml beside each FILE.tap: see the command junit."""
    if not arguments:
        raise common.ResultError("usage: junit FILE.tap...")
    for file in map(Path, arguments):
        suite = suite_of(file.name.removesuffix(".tap"), common.read_lines(file))
        ElementTree.indent(suite)
        ElementTree.ElementTree(suite).write(file.with_suffix(".xml"), encoding="UTF-8",
                                             xml_declaration=True)
    return 0
