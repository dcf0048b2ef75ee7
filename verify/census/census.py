#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Find every function of a kernel that can interrupt another CPU.

census.py list KERNEL           print them: where, function, what it calls
census.py check LETTER KERNEL   compare them with verify/initiators; print what
                                differs, or else how many there are of each class
census.py texts                 compare the names of what arrives in that table,
                                in verify/remaining and in the guide

KERNEL is -c CONFIG VMLINUX, and then modules (.ko, .ko.xz, .o) and directories
of modules; -x FILE is where a compressed one is unpacked.  -t, -r and -g read
another table, another verify/remaining and another guide.  -s TREE checks that
the source files of the table have its functions.

The header of verify/initiators describes the table.  The search begins at its
seeds.  A caller of class wrapper is one whose own callers are found as well.
"""

import collections
import fnmatch
import lzma
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import kernel_image  # noqa: E402

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
TABLE = os.path.join(TOP, "verify/initiators")
REMAINING = os.path.join(TOP, "verify/remaining")
GUIDE = os.path.join(TOP, "Documentation/admin-guide/coalesce_tlbi.rst")
CLASSES = ("seed", "wrapper", "deferred", "could", "asks", "never")
ON_A_CPU = {"queue_work_on", "queue_delayed_work_on", "mod_delayed_work_on", "__queue_work",
            "__queue_delayed_work"}
TRACING = re.compile(r"__SCT__tp_func_|(trace|perf_trace|__bpf_trace|__probestub|__traceiter)_")

Row = collections.namedtuple("Row", "kernels where function calls kind arrives why")


class CensusError(Exception):
    """Bad input: a line for the user."""


def read_table(path):
    """The rows of a table."""
    rows = []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if line.startswith("#") or not line.strip():
                continue
            fields = line.rstrip("\n").split("\t")
            if len(fields) != len(Row._fields) or fields[4] not in CLASSES or not fields[6]:
                raise CensusError("%s:%d: %d columns, or no class %s" % (
                    path, number, len(fields), "/".join(CLASSES)))
            row = Row(*fields)
            if "*" in row.where or "*" in row.function and not (
                    row.kind == "seed" or is_module(row.where)):
                raise CensusError("%s:%d: a pattern is for the functions of one module" % (
                    path, number))
            rows.append(row)
    return rows


def is_module(where):
    """Whether that is a module, and not a file of the source."""
    return not where.endswith((".c", ".h", ".S"))


def number_of_cpus(config):
    """CONFIG_NR_CPUS, by which "no CPU in particular" is meant."""
    with open(config, encoding="utf-8") as file:
        match = re.search(r"^CONFIG_NR_CPUS=(\d+)$", file.read(), re.M)
    return int(match.group(1)) if match else 1


def module_files(paths):
    """(path, name) of modules; the name is the path below the kernel's."""
    for path in paths:
        if not os.path.isdir(path):
            yield path, os.path.basename(path).split(".")[0]
            continue
        for top, _, files in sorted(os.walk(path)):
            for file in sorted(files):
                name, _, rest = os.path.relpath(os.path.join(top, file), path).partition(".ko")
                if rest in ("", ".xz") and ".ko" in file:
                    yield os.path.join(top, file), name.partition("kernel/")[2] or name


def read_module(path, scratch):
    """A module, unpacked if it has to be."""
    with (lzma.open if path.endswith(".xz") else open)(path, "rb") as file:
        data = file.read()
    if path.endswith(".xz"):
        with open(scratch, "wb") as file:
            file.write(data)
        return kernel_image.Module(data, path, scratch)
    return kernel_image.Module(data, path, path)


class Census:
    """The callers in one kernel."""

    def __init__(self, rows, config, vmlinux):
        self.constant = number_of_cpus(config)
        self.image = kernel_image.Vmlinux(vmlinux)
        seeds = [row.function for row in rows if row.kind == "seed"]
        wrappers = {row.function for row in rows if row.kind == "wrapper"}
        functions = self.image.functions()
        self.names = {name for name in functions if name in wrappers or any(
            fnmatch.fnmatchcase(name, seed) for seed in seeds) and not TRACING.match(name)}
        self.relayed = wrappers - functions.keys()
        self.callers = {}       # {(module or None, function): set of calls}
        self.wrappers = set()   # those that were seen
        self._add(None, self.image.references(self.names, self.relayed, ON_A_CPU, self.constant))
        self.wrappers = wrappers & (self.names | self.image.slots.keys())

    def _add(self, module, references):
        for reference in references:
            user = kernel_image.plain(reference.user)
            if module or user not in self.names | self.relayed:
                self.callers.setdefault((module, user), set()).add(reference.target)

    def add_modules(self, paths, scratch):
        """Look into modules as well."""
        for path, name in module_files(paths):
            module = read_module(path, scratch)
            self._add(name, module.references(self.names, self.image.slots, ON_A_CPU,
                                              self.constant))


def row_of(rows, module, function):
    """The rows that a caller matches."""
    return [row for row in rows if row.kind not in ("seed", "wrapper") and
            (row.where == module if module else not is_module(row.where)) and
            fnmatch.fnmatchcase(function, row.function)]


def problems(census, rows, letter):
    """A line for each caller without a row, and each row without a caller."""
    rows = [row for row in rows if letter in row.kernels]
    used = set()
    for (module, function), calls in sorted(census.callers.items(), key=str):
        where = module or "vmlinux"
        found = row_of(rows, module, function)
        if len(found) != 1:
            yield "%s: %s calls %s: %d rows of the table" % (
                where, function, ",".join(sorted(calls)), len(found))
        for row in found:
            used.add(row)
            for call in sorted(calls - set(row.calls.split(","))):
                yield "%s: %s calls %s, which its row does not have" % (where, function, call)
    for row in rows:
        if row.kind == "wrapper" and row.function not in census.wrappers or \
                row.kind not in ("wrapper", "seed") and row not in used:
            yield "%s: %s: not a caller in this kernel any more" % (row.where, row.function)


def wrong_sources(rows, tree):
    """A line for each function that its source file does not have."""
    texts = {}
    for row in rows:
        if is_module(row.where):
            continue
        path = os.path.join(tree, row.where)
        if path not in texts:
            texts[path] = ""
            if os.path.exists(path):
                with open(path, encoding="utf-8", errors="replace") as file:
                    texts[path] = set(re.findall(r"\w+", file.read()))
        name = re.sub(r"^__(do|x64|ia32)_(compat_)?sys_", "", row.function)
        if name not in texts[path]:
            yield "%s: there is no %s" % (row.where, row.function)


def summary(census, rows, letter):
    """How many callers there are of each class."""
    rows = [row for row in rows if letter in row.kernels]
    counts = collections.Counter(row_of(rows, *caller)[0].kind for caller in census.callers)
    return "%d callers: %s; behind %d wrappers and primitives" % (
        len(census.callers), ", ".join("%d %s" % (counts[kind], kind) for kind in CLASSES[2:]),
        len(census.names))


def read_remaining(path):
    """{name: who sends it} of verify/remaining."""
    with open(path, encoding="utf-8") as file:
        return dict(line.split("\t")[:2] for line in file if line.strip() and line[0] != "#")


def guide_names(path):
    """The names of the definition list under "What remains"."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    start = text.find("\nWhat remains\n")
    text = text[start:text.find("\nRemove\n", start)]
    terms = re.findall(r"^(?=``|[A-Z]{2,3} \().*(?=\n    )", text, re.M)
    return {name for term in terms
            for name in re.findall(r"``(.*?)``|(?:^|row )([A-Z]{3})\b", term) for name in name if name}


def differing_texts(rows, remaining, guide):
    """A line for each name that one of the three does not have."""
    arrives = {name for row in rows for name in row.arrives.split(",")} - {"-"}
    own = {name for name, source in remaining.items() if source.startswith("itself:")}
    for name in sorted(arrives - remaining.keys()):
        yield "%s: in verify/initiators, not in verify/remaining" % name
    for name in sorted(remaining.keys() - arrives - own):
        yield "%s: in verify/remaining, not in verify/initiators" % name
    for name in sorted(remaining.keys() - guide):
        yield "%s: in verify/remaining, not in the guide" % name
    for name in sorted(guide - remaining.keys()):
        yield "%s: in the guide, not in verify/remaining" % name


def checked(rows, letter, options, images):
    """(what is wrong, the summary) of one kernel."""
    census = Census(rows, options["-c"], images[0])
    census.add_modules(images[1:], options["-x"])
    found = list(problems(census, rows, letter))
    if options["-s"]:
        found += wrong_sources(rows, options["-s"])
    return found, "" if found else summary(census, rows, letter)


def main(arguments):
    """The command."""
    options = {"-t": TABLE, "-r": REMAINING, "-g": GUIDE, "-s": None, "-c": None, "-x": "/dev/null"}
    words = list(arguments)
    command = words.pop(0) if words else ""
    letter = words.pop(0) if command == "check" and words else ""
    while len(words) > 1 and words[0] in options:
        options[words[0]], words = words[1], words[2:]
    if command not in ("list", "check", "texts") or (command == "texts") == bool(words) or \
            words and not options["-c"]:
        raise CensusError("usage: see the head of this file")
    rows = read_table(options["-t"])
    found, text = [], "verify/initiators, verify/remaining and the guide have the same names"
    if command == "list":
        census = Census(rows, options["-c"], words[0])
        census.add_modules(words[1:], options["-x"])
        text = "\n".join("%s\t%s\t%s" % (module or "vmlinux", function, ",".join(sorted(calls)))
                         for (module, function), calls in sorted(census.callers.items(), key=str))
    elif command == "check":
        found, text = checked(rows, letter, options, words)
    else:
        found = list(differing_texts(rows, read_remaining(options["-r"]),
                                     guide_names(options["-g"])))
    print("\n".join(found) if found else text)
    return 1 if found else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (CensusError, kernel_image.ImageError, OSError) as error:
        print("census.py: %s" % error, file=sys.stderr)
        sys.exit(2)
