# SPDX-License-Identifier: GPL-2.0
"""The page of make report: HTML, with figures by gnuplot (page/*.gp).

A figure and the table below it have the same rows.  Rows are made of the values
of run.json, bench.json and rt.json, whose records run_figures.py,
bench_figures.py and rt_figures.py describe.
"""

import html
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import bench_figures
import check_page
import common
import junit_xml
import rt_figures
import run_figures

PARTS = Path(__file__).resolve().parent / "page"
TITLE = "Isolated CPUs and kernel TLB flushes: what was measured"
INTRODUCTION = """With CONFIG_COALESCE_TLBI an isolated CPU in user mode receives no IPI
when other CPUs flush kernel translations or patch kernel text; it does the work at its
next entry into the kernel.  "Unpatched" is the kernel with the option off, whose code is
the same.  All figures are counts from an emulator (QEMU, TCG).  Times are of the emulator,
and say nothing about a machine.  Nothing here was measured on hardware."""
NAMES = {"unused": "built in, no nohz_full=", "unpatched-unused": "unpatched, no nohz_full="}


def cells(figures, keys, kernels, value):
    """The value of the record that has the keys, for each kernel; "-" without one."""
    for kernel in kernels:
        yield next((f[value] for f in figures if f["kernel"] == kernel and
                    all(f[key] == wanted for key, wanted in keys.items())), "-")


def sources(figures):
    """[operation, unpatched, off, always, pending]: all interrupts for 100 of them."""
    figures = [f for f in figures if f["interrupted_for"] == bench_figures.ALL]
    for operation in common.first_seen(f["operation"] for f in figures):
        yield [operation, *cells(figures, {"operation": operation}, bench_figures.MODES, "per_100")]


def programs(figures):
    """[program, CPU, deferrable IPIs on each kernel, deferred in mode pending]."""
    for program in common.first_seen(f["program"] for f in figures):
        for cpu in sorted({f["cpu"] for f in figures if f["program"] == program} - {None}):
            keys = {"program": program, "cpu": cpu}
            yield [program, cpu,
                   *cells(figures, keys | {"what": rt_figures.DEFERRABLE}, rt_figures.KERNELS,
                          "count"),
                   *cells(figures, keys | {"what": rt_figures.DEFERRED}, ["pending"], "count")]


def timeline(modes):
    """[mode, microseconds, kind] of each event."""
    for mode in run_figures.MODES:
        for kind in run_figures.KINDS:
            yield from ([mode, us, kind] for us in modes[mode].get(kind, ()))


def timeline_counts(rows):
    """[mode, flushes requested, IPIs received, deferred IPIs] of timeline()'s rows."""
    for mode in run_figures.MODES:
        yield [mode, *(sum(row[0] == mode and row[2] == kind for row in rows)
                       for kind in run_figures.KINDS)]


def syscalls(figures):
    """[PTI, CPU, kernel, instructions in the entry text, flushes, whole call]."""
    figures = [f for f in figures if f["entry"] == "syscall"]
    for pti in run_figures.PTI:
        for cpu in bench_figures.CPUS.values():
            yield from ([pti, cpu, NAMES.get(f["kernel"], f["kernel"]), f["in_entry_text"],
                         f["flushes"], f["median"]]
                        for f in figures if (f["pti"], f["cpu"]) == (pti, cpu))


def initiators(figures):
    """[isolated CPUs, unpatched, pending, alone]: instructions of a purge."""
    for n in sorted({f["isolated"] for f in figures}):
        yield [n, *cells(figures, {"isolated": n}, ("unpatched", "pending", "alone"), "median")]


@dataclass(frozen=True)
class Section:
    """A section with a figure.

    name: of the section and its figure; file, key: where its figures are
    rows: makes lists of cells of them; head: of the table
    summary: makes the table's rows of those of the figure, if they differ
    """

    name: str
    file: str
    key: str
    title: str
    text: str
    head: tuple
    rows: Callable
    summary: Callable = list

    @property
    def command(self):
        """What writes its figures."""
        return "make " + self.file.removesuffix(".json")


OPERATIONS = ("operation", "unpatched", "off", "always", "pending")
SECTIONS = (
    Section("sources", "bench.json", "inventory", "What interrupts an isolated CPU",
            """All interrupts that an isolated CPU in user mode takes for 100 operations of
            a housekeeping CPU (PREEMPT).""", OPERATIONS, sources),
    Section("sources_rt", "bench.json", "rt", "The same on PREEMPT_RT", "", OPERATIONS, sources),
    Section("programs", "rt.json", "counts", "Who spins on an isolated CPU",
            """Deferrable IPIs to CPUs that run one program each, while a housekeeping CPU
            repeats each operation that sends them (PREEMPT_RT).  oslat spins in user mode.
            The others sleep or run in the kernel, where a CPU receives IPIs as before.""",
            ("program", "CPU", "unpatched", "off", "pending", "deferred (pending)"), programs),
    Section("timeline", "run.json", "timeline_us", "When",
            """The last rounds of make run, seen from one isolated CPU, page-table isolation
            off: each flush that was requested, and whether the CPU received an IPI for it.
            In gaps the emulator waits for the host.""",
            ("mode", "flushes requested", "IPIs received", "deferred IPIs"), timeline,
            timeline_counts),
    Section("syscalls", "bench.json", "entries", "What a system call costs",
            """Guest instructions in the entry text, on the way in and out of one system call,
            and in the whole call (median).""",
            ("page-table isolation", "CPU", "kernel", "in the entry text",
             "writes to CR3 or CR4", "whole call"), syscalls),
    Section("initiators", "bench.json", "purges", "What an initiator pays",
            """Guest instructions (median) of a whole purge of vmalloc memory on the
            initiator, one of 16 CPUs, by how many of the others are isolated.""",
            ("isolated CPUs", "unpatched", "pending", "pending, no others online"), initiators))
FLUSHES = """Sums over the isolated CPUs while a housekeeping CPU maps, unmaps and flushes.
With page-table isolation this emulator flushes its TLB at every entry, so a stale read
cannot be observed."""


def text(value):
    """A value as HTML."""
    return html.escape(str(value))


def table(head, rows):
    """A <table>; head and rows are of values."""
    def row(tag, values):
        return "<tr>%s</tr>" % "".join("<%s>%s</%s>" % (tag, text(v), tag) for v in values)

    return "<table>\n<thead>%s</thead>\n<tbody>\n%s\n</tbody>\n</table>\n" % (
        row("th", head), "\n".join(row("td", values) for values in rows))


def draw(section, rows, out):
    """Draw the section's figure as out/report-NAME.svg; its <svg> element as text.

    One page has several: the names in them are made to differ.
    Raises ResultError with what gnuplot says.
    """
    data, svg = out / (section.name + ".rows"), out / ("report-%s.svg" % section.name)
    data.write_text("".join("\t".join(map(str, row)) + "\n" for row in rows))
    plot = PARTS / (section.name.removesuffix("_rt") + ".gp")
    said = subprocess.run(
        ["gnuplot", "-e", "rows='%s'; name='%s'; set output '%s'" % (data, section.name, svg),
         PARTS / "common.gp", plot], capture_output=True, text=True, check=False)
    if said.returncode:
        words = [line for line in said.stderr.splitlines() if line.strip(" ^")]
        raise common.ResultError("no figure of %s: %s" % (section.name, "".join(words[-1:])))
    drawn = re.sub(r"^<(desc|title)>.*\n", "", svg.read_text(), flags=re.MULTILINE)
    drawn = re.sub(r"""id=(['"])""", r"id=\1%s-" % section.name, drawn)
    drawn = re.sub(r"(href='|url\()#", r"\1#%s-" % section.name, drawn)
    svg.write_text(drawn)
    return drawn[drawn.index("<svg"):]


def section_html(section, results, out):
    """A section: its figure and its table, or that it was not measured."""
    value = results.get(section.file, {}).get(section.key)
    if value is None:
        body = '<p class="left-out">Not measured; %s measures it.</p>\n' % section.command
    else:
        try:
            rows = list(section.rows(value))
        except (KeyError, TypeError, AttributeError):
            rows = []
        if not rows:
            raise common.ResultError("no figures of %s; written by: %s" % (
                section.name, section.command))
        body = "<figure>\n%s</figure>\n%s" % (draw(section, rows, out),
                                              table(section.head, section.summary(rows)))
    return section_of(section.name, section.title, section.text, body)


def section_of(name, title, words, body):
    """A <section>."""
    return '<section id="%s">\n<h2>%s</h2>\n%s%s</section>\n' % (
        name, text(title), "<p>%s</p>\n" % text(" ".join(words.split())) if words else "", body)


def checked(suites):
    """What make check said, of (name, tests, failed, skipped) for each suite."""
    tests, failed, skipped = (sum(suite[i] for suite in suites) for i in (1, 2, 3))
    bad = "".join(" " + name for name, _, n, _ in suites if n)
    return "<p>make check: %d passed, %d failed, %d skipped, in %d suites.%s</p>\n" % (
        tests - failed - skipped, failed, skipped, len(suites),
        " Failed:%s." % text(bad) if bad else "")


def page(results, suites, out):
    """The page as text; its figures are left in the directory out.

    results: {file name: its value}, at least run.json and bench.json
    suites: as for checked()
    """
    kernels = ", ".join("%s (make %s)" % (text(results[name]["base"]), name.removesuffix(".json"))
                        for name in ("run.json", "bench.json", "rt.json") if name in results)
    style = (PARTS / "style.css").read_text().partition("\n")[2]
    return "".join([
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
        "<title>COALESCE_TLBI: what was measured</title>\n<style>\n%s</style>\n" % style,
        "</head>\n<body>\n<h1>%s</h1>\n<p>%s</p>\n" % (text(TITLE), text(INTRODUCTION)),
        "<p>Linux %s.</p>\n" % kernels, checked(suites),
        section_of("flushes", "Flushes", FLUSHES,
                   table(("page-table isolation", "mode", "IPIs", "deferred IPIs",
                          "entry flushes", "stale reads"), run_figures.rows(results["run.json"]))),
        *(section_html(section, results, out) for section in SECTIONS),
        "</body>\n</html>\n"])


def good_run(run):
    """Whether run.json has what the page needs"""
    return run["rounds"] > 0 and all(
        isinstance(modes[mode][name], int) for modes in (run["modes"], run["modes_pti"])
        for mode in run_figures.MODES for name in ("ipis", "deferred", "entry_flushes"))


def good_bench(bench):
    """Whether bench.json has what the page needs: a part, and none that is empty"""
    parts = [bench.get(section.key) for section in SECTIONS if section.file == "bench.json"]
    parts = [part for part in parts if part is not None]
    return bool(parts) and all(len(part) > 0 for part in parts)


def good_rt(rt):
    """Whether rt.json has what the page needs"""
    return any(f["what"] == rt_figures.DEFERRABLE and isinstance(f["count"], int)
               for f in rt["counts"])


def has(path, command):
    """Refuse a result file that is missing or empty: ResultError."""
    if not path.exists() or not path.stat().st_size:
        raise common.ResultError("%s: missing or empty; written by: %s" % (path, command))


def read_results(directory):
    """{file name: value} of the JSON files; ResultError if one has no figures."""
    results = {}
    for name, good in ("run", good_run), ("bench", good_bench), ("rt", good_rt):
        path = directory / (name + ".json")
        if name == "rt" and not path.exists():
            continue
        has(path, "make " + name)
        try:
            value = results[path.name] = common.read_json(path)
            whole = isinstance(value["base"], str) and good(value)
        except (common.ResultError, KeyError, TypeError):
            whole = False
        if not whole:
            raise common.ResultError("%s: no figures in it, or not all; written by: make %s" % (
                path, name))
    return results


def write(arguments):
    """Write the page: see the command write-page."""
    if len(arguments) != 1:
        raise common.ResultError("usage: write-page RESULTS")
    directory = Path(arguments[0])
    if not directory.is_dir():
        raise common.ResultError("%s: missing; written by: make run, make bench, make check"
                                 % directory)
    results = read_results(directory)
    has(directory / "check.xml", "make check")
    suites = [junit_xml.totals(path) for path in sorted(directory.glob("*.xml"))]
    with tempfile.TemporaryDirectory() as out:
        text_of_page = page(results, suites, Path(out))
        check_page.check_text(directory / "report.html", text_of_page)
        for old in directory.glob("report-*.svg"):
            old.unlink()
        for figure in Path(out).glob("report-*.svg"):
            shutil.copy(figure, directory)
    (directory / "report.html").write_text(text_of_page, encoding="utf-8")
    print(directory / "report.html")
    return 0
