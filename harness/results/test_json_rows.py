# SPDX-License-Identifier: GPL-2.0
"""Tests of json_rows.py."""

import os
import tempfile
import unittest
from pathlib import Path

import common
import json_rows
import samples


class ToJson(unittest.TestCase):
    """Words and rows as an object."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = Path(directory.name, "x.json")
        self.rows = Path(directory.name, "rows")

    def written(self, *words):
        """What to-json writes of the words."""
        self.assertEqual(json_rows.to_json([str(self.path), *words]), 0)
        return common.read_json(self.path)

    def test_words(self):
        """Strings are quoted, values are kept, an empty file is an empty list."""
        samples.write_lines(self.rows)
        self.assertEqual(self.written("a=x\t\"y\" = z", "n:=12", "b:=null", "l@%s" % self.rows),
                         {"a": "x\t\"y\" = z", "n": 12, "b": None, "l": []})

    def test_rows(self):
        """Each row is an object; only names with a colon have JSON values."""
        samples.write_lines(self.rows, "name\tkilled:\tby", "a\ttrue\t\"7\" \\", "b\tfalse\t")
        self.assertEqual(self.written("mutants@%s" % self.rows)["mutants"], [
            {"name": "a", "killed": True, "by": "\"7\" \\"},
            {"name": "b", "killed": False, "by": ""}])

    def test_pipe(self):
        """Rows may come from a pipe, as those of a script's function do."""
        reader, writer = os.pipe()
        os.write(writer, b"name\na\n")
        os.close(writer)
        self.addCleanup(os.close, reader)
        self.assertEqual(self.written("l@/dev/fd/%d" % reader), {"l": [{"name": "a"}]})

    def test_bad(self):
        """Bad input is one error, and no file."""
        samples.write_lines(self.rows, "name\tkilled:", "a\tyes", "b")
        for words, text in (("n:=1x", "n: no JSON: '1x'"), ("=x", "'=x' is no KEY=TEXT"),
                            ("m@%s" % self.rows, "line 2: no JSON: 'yes'"),
                            ("m@/nonexistent", "cannot read /nonexistent")):
            with self.assertRaisesRegex(common.ResultError, text):
                json_rows.to_json([str(self.path), words])
        samples.write_lines(self.rows, "name\tkilled:", "b")
        with self.assertRaisesRegex(common.ResultError, "line 2: 1 fields of 2"):
            self.written("m@%s" % self.rows)
        self.assertFalse(self.path.exists())
