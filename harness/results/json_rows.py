# SPDX-License-Identifier: GPL-2.0
"""JSON for scripts: an object of words and of files of rows."""

import json
import re

import common

WORD = re.compile(r"(?P<key>\w+)(?P<kind>:=|=|@)(?P<value>.*)", re.DOTALL)


def json_value(text, where):
    """The value of a JSON text; ResultError says where there is none."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise common.ResultError("%s: no JSON: '%s'" % (where, text)) from error


def rows(path):
    """A list of dicts, of a file of rows below their names; see the command to-json."""
    names, *lines = [line.split("\t") for line in common.read_lines(path)] or [[""]]
    result = []
    for number, fields in enumerate(lines, 2):
        where = "%s: line %d" % (path, number)
        if len(fields) != len(names):
            raise common.ResultError("%s: %d fields of %d" % (where, len(fields), len(names)))
        result.append({name.removesuffix(":"): json_value(field, where) if name.endswith(":")
                       else field for name, field in zip(names, fields)})
    return result


def to_json(arguments):
    """Write an object: see the command to-json."""
    if not arguments:
        raise common.ResultError("usage: to-json FILE KEY=TEXT | KEY:=VALUE | KEY@ROWS...")
    path, *words = arguments
    result = {}
    for word in words:
        match = WORD.fullmatch(word)
        if not match:
            raise common.ResultError("'%s' is no KEY=TEXT, KEY:=VALUE or KEY@ROWS" % word)
        key, kind, value = match.group("key", "kind", "value")
        result[key] = (value if kind == "=" else rows(value) if kind == "@"
                       else json_value(value, key))
    common.write_json(path, result)
    return 0
