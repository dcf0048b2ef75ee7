#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Check the texts of the repository.  Usage, from its top:

language.py words FILE...       words that were dropped (dropped-words)
language.py samples             rows of dropped-words that miss their sample
language.py width FILE...       prose over 80 columns
language.py mailed FILE...      texts for the kernel tree that name this harness
language.py subjects            commit subjects (on standard input) that are too
                                long, have no area or have a machine's path
language.py names               paths (on standard input) with one file name

Prints a line for each finding, and exits with 1 if there is one.
"""
import fnmatch
import itertools
import os
import re
import sys

LIST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "dropped-words")

WIDTH = 80
LITERAL_WIDTH = 100

# What a space of an expression matches: blanks, or a line break with a comment
# leader after it.
SPACE = r"(?:[ \t]+|[ \t]*\n[ \t+#*/]*)"
# Not between two letters.
EDGE = r"(?:(?<![A-Za-z])|(?![A-Za-z]))"


class Word:
    def __init__(self, expression, instead, sample):
        self.instead, self.sample = instead, sample
        self.regex = re.compile("(?i)%s(?:%s)%s" % (
            EDGE, expression.replace(" ", SPACE), EDGE))


class Allowed:
    def __init__(self, paths, expression, _why):
        self.paths, self.regex = paths, re.compile(expression)

    def __call__(self, path, line):
        return fnmatch.fnmatch(path, self.paths) and self.regex.search(line)


def read_list():
    words, allowed = [], []
    with open(LIST, encoding="utf-8") as file:
        for line in file:
            if line.startswith("#") or not line.strip():
                continue
            first, *rest = line.rstrip("\n").split("\t")
            if first == "allow":
                allowed.append(Allowed(*rest))
            else:
                words.append(Word(first, *rest))
    return words, allowed


def read(path):
    """The text of a file; nothing of a binary one, and nothing of a directory."""
    if not os.path.isfile(path):
        return ""
    with open(path, "rb") as file:
        data = file.read()
    return "" if b"\0" in data else data.decode("utf-8", "replace")


def is_hunk(path):
    return path.endswith(".patch")


def ours(path, text):
    """Blank the lines of a hunk that are not ours, for their words."""
    if not is_hunk(path):
        return text
    lines, in_hunk = text.split("\n"), False
    for i, line in enumerate(lines):
        in_hunk = in_hunk or line.startswith("--- ")
        if in_hunk and not line.startswith("+"):
            lines[i] = ""
    return "\n".join(lines)


def find_words(path, text, words, allowed):
    text = ours(path, text)
    lines = text.split("\n")
    found = []
    for word in words:
        for match in word.regex.finditer(text):
            number = text.count("\n", 0, match.start())
            if not any(a(path, lines[number]) for a in allowed):
                found.append((number + 1, re.sub(SPACE, " ", match.group()), word.instead))
    for number, what, instead in sorted(found):
        yield "%s:%d: %s -> %s" % (path, number, what, instead)


def words_in(paths):
    words, allowed = read_list()
    for path in paths:
        yield from find_words(path, read(path), words, allowed)
        for found in find_words("", path, words, allowed):
            yield path + found.replace(":1:", ": in its name:", 1)


def samples():
    for word in read_list()[0]:
        if not word.regex.search(word.sample):
            yield "dropped-words: not found: %s" % word.sample


def columns(line):
    return len(line.expandtabs(8))


def is_script(path, text):
    return text.startswith("#!") or path.endswith(".sh")


def prose_lines(path, text):
    """
    Number and text of the lines that are read as prose: all of README, *.rst,
    man pages and messages of the series, and the comment at the head of a script.
    """
    lines = enumerate(text.split("\n"), 1)
    if is_script(path, text):
        return itertools.takewhile(lambda line: line[1].startswith("#"), lines)
    if re.search(r"^series/|(^|/)README[^/]*$|\.(rst|[1-8])$", path):
        return lines
    return []


def literal_lines(path, text):
    """Numbers of the lines of literal blocks in *.rst"""
    numbers, block = set(), None    # how far the line before a block is indented
    for number, line in enumerate(text.split("\n"), 1):
        indent = len(line) - len(line.lstrip())
        if block is not None and line.strip() and indent <= block:
            block = None
        if block is not None:
            numbers.add(number)
        elif path.endswith(".rst") and re.search(r"::$|^\s*\.\. code-block::", line):
            block = indent
    return numbers


def wide_lines(paths):
    """
    A literal block of *.rst may have 100 columns: a line break would change the
    command or the output.  A line of one word, such as an address, has no room
    for a break.
    """
    for path in paths:
        text = read(path)
        literal = literal_lines(path, text)
        for number, line in prose_lines(path, text):
            width = len(line.expandtabs(8))
            limit = LITERAL_WIDTH if number in literal else WIDTH
            if width > limit and len(line.strip("# ").split()) > 1:
                yield "%s:%d: %d columns, at most %d" % (path, number, width, limit)


# kselftest_harness.h and the tool's own "make check" are the kernel's.
HARNESS = re.compile(
    r"(?<!kselftest_)(?<![A-Za-z])harness(?![A-Za-z_])|(?<![\w/])verify/|build/results|"
    r"(?<![A-Za-z])mutants?(?![A-Za-z])|"
    r"make (run|mutants|models|audit|bench|rt|matrix|check-\w+|bisect-check)(?![\w-])")
CHECK = re.compile(r"make check(?![\w-])")


def is_cover_letter(path):
    """A cover letter is no text of the kernel tree, and may say where this is."""
    return path.startswith("series/") and path.endswith("cover-letter")


def names_of_harness(paths):
    for path in paths:
        text = ours(path, read(path))
        for number, line in enumerate(text.split("\n"), 1):
            match = HARNESS.search(line)
            if not match and not path.startswith("tools/coalesce_tlbi/"):
                match = CHECK.search(line)
            if match and not is_cover_letter(path):
                yield "%s:%d: %s -> not in the kernel tree" % (path, number, match.group())


AREA = re.compile(r"[\w.][\w./-]*(, [\w.][\w./-]*)*: \S")
MACHINE = re.compile(r"(?:^|[^\w./])(~?/(?!proc/|sys/)[\w.-]+/?[\w./-]*)")


def bad_subjects(lines):
    for line in lines:
        commit, _, subject = line.rstrip("\n").partition(" ")
        if len(subject) > 72:
            yield "%s: %d characters, at most 72: %s" % (commit, len(subject), subject)
        if MACHINE.search(subject):
            yield "%s: a machine's path: %s" % (commit, subject)
        if not AREA.match(subject):
            yield "%s: not \"area: subject\": %s" % (commit, subject)


# Names that kbuild, git, tuned, Debian and Python fix.
FIXED = {"Makefile", "Kconfig", "README", ".gitignore", "config", "settings", "tuned.conf",
         "__init__.py"}


def has_fixed_name(path):
    # A list of packages has the name of the command that needs them, and a hunk
    # that of its file.
    return (os.path.basename(path) in FIXED or is_hunk(path) or
            path.startswith("harness/lib/packages/"))


def same_names(paths):
    first = {}
    for path in sorted(p.rstrip("\n") for p in paths):
        name = os.path.basename(path)
        if has_fixed_name(path):
            continue
        if name in first:
            yield "%s: the name of %s" % (path, first[name])
        first.setdefault(name, path)


CHECKS = {
    "words": lambda files: words_in(files),
    "samples": lambda files: samples(),
    "width": lambda files: wide_lines(files),
    "mailed": lambda files: names_of_harness(files),
    "subjects": lambda files: bad_subjects(sys.stdin),
    "names": lambda files: same_names(sys.stdin),
}


def main():
    if len(sys.argv) < 2 or sys.argv[1] not in CHECKS:
        sys.exit(__doc__)
    found = list(CHECKS[sys.argv[1]](sys.argv[2:]))
    for line in found:
        print(line)
    return 1 if found else 0


sys.exit(main())
