# SPDX-License-Identifier: GPL-2.0
"""What readers and writers of results share: errors, lines, JSON, commands."""

import json
import os
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]


class ResultError(Exception):
    """There is nothing to judge: bad input, or a figure is missing.  Status 2."""


def read_lines(path):
    """The lines of a text file without their ends, as a list.

    Any bytes are accepted: a guest's log may have some that are no UTF-8.
    Raises ResultError if the file cannot be read.
    """
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="\n") as file:
            text = file.read()
    except OSError as error:
        raise ResultError("cannot read %s" % path) from error
    return text.removesuffix("\n").split("\n") if text else []


def records(path, sep="\t"):
    """The lines of a file as lists of fields; with sep None, any blanks separate."""
    return [fields for line in read_lines(path) if (fields := line.lstrip(" ").split(sep))]


def read_json(path):
    """The value in a JSON file; ResultError if there is none."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ResultError("%s: %s" % (path, error)) from error


def write_json(path, value):
    """Write a JSON file; lists of records get a line for each record."""
    def text(value, indent=""):
        inner = indent + " "
        if isinstance(value, dict) and any(isinstance(v, (dict, list)) for v in value.values()):
            rows = ["%s: %s" % (json.dumps(k), text(v, inner)) for k, v in value.items()]
            return "{%s}" % (",\n" + inner).join(rows)
        if isinstance(value, list) and any(isinstance(v, dict) for v in value):
            return "[\n%s%s]" % (inner, (",\n" + inner).join(text(v, inner) for v in value))
        return json.dumps(value)

    Path(path).write_text(text(value) + "\n", encoding="utf-8")


def first_seen(values):
    """The values without repeats, in the order of their first appearance."""
    return list(dict.fromkeys(values))


def report_problems(prefix, problems):
    """Print one line for each problem on standard error; the exit status, 0 or 1."""
    for problem in problems:
        print("%s: %s" % (prefix, problem), file=sys.stderr)
    return 1 if problems else 0


def run(main):
    """Call main(arguments) as a command: exit with its status, or 2 and one line.

    A field that is missing or no number is bad input, not a result.
    """
    name = Path(sys.argv[0]).name
    try:
        status = main(sys.argv[1:])
        sys.stdout.flush()
    except ResultError as error:
        print("%s: %s" % (name, error), file=sys.stderr)
        status = 2
    except (ValueError, LookupError) as error:
        print("%s: bad input: %r" % (name, error), file=sys.stderr)
        status = 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 2
    sys.exit(status)
