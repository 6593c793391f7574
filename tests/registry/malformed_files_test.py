#!/usr/bin/env python3
"""Every malicious or malformed file is refused with the words that malformed_files.md shows, and in bounded memory.

    malformed_files_test.py --write    brings malformed_files.md up to date
"""

import os
import pathlib
import sys
import tempfile
import unittest

import malformed_pth
import malformed_safetensors
from header_probe import SPARE, probe

TABLE = pathlib.Path(__file__).with_name("malformed_files.md")
KINDS = {".pth": malformed_pth.GROUPS, ".safetensors": malformed_safetensors.GROUPS}
HEAD = """# Malicious and malformed weight files, and the words of each refusal

Made by `.deps/python/bin/python tests/registry/malformed_files_test.py --write` from the cases in `malformed_pth.py` and
`malformed_safetensors.py`; a test fails where this file is not what the readers say.
"""


class Case:
    def __init__(self, group, suffix, row):
        self.name, self.content, self.words = row
        self.file = self.name + suffix
        self.group = f"{suffix}: {group}"
        self.answer = {}


def cases():
    """All of them, with what the readers said."""
    listed = [Case(group, suffix, row) for suffix, groups in KINDS.items() for group, rows in groups.items() for row in rows]
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for number, case in enumerate(listed):
            # A folder each, since groups may use a name again; the message names the file as it was given.
            path = pathlib.Path(folder, str(number), case.file)
            path.parent.mkdir()
            path.write_bytes(case.content)
            paths.append(path)
        for case, answer in zip(listed, probe(*paths), strict=True):
            if "error" in answer:
                answer["error"] = answer["error"].replace(str(paths[listed.index(case)].parent) + os.sep, "")
            case.answer = answer
    return listed


def table(listed):
    lines = [HEAD]
    group = None
    for case in listed:
        if case.group != group:
            group = case.group
            lines += [f"\n## {group}\n", "| case | bytes | refusal |", "|---|---|---|"]
        words = case.answer.get("error", "accepted").replace("|", "\\|")
        lines.append(f"| {case.name} | {len(case.content)} | `{words}` |")
    return "\n".join(lines) + "\n"


class MalformedFiles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.listed = cases()

    def test_each_is_refused_with_its_words(self):
        for case in self.listed:
            with self.subTest(case.file, group=case.group):
                self.assertEqual(case.answer.get("category"), "bad_input", case.answer)
                message = case.answer["error"]
                self.assertIn(case.words, message)
                self.assertIn(case.file, message)
                self.assertIn("expected ", message)
                self.assertLess(len(message), 1000)
                self.assertNotRegex(message, r"[\x00-\x1f\x7f-\x9f]")

    def test_none_takes_more_memory_than_its_size_allows(self):
        for case in self.listed:
            with self.subTest(case.file, group=case.group):
                self.assertLessEqual(case.answer["peak"], 8 * len(case.content) + SPARE)

    def test_none_is_executed(self):
        self.assertFalse(pathlib.Path("/tmp/ditmill_was_here").exists())

    def test_names_are_unique_in_a_group(self):
        names = [(case.group, case.name) for case in self.listed]
        self.assertEqual(len(names), len(set(names)))

    def test_the_table_is_up_to_date(self):
        self.assertEqual(TABLE.read_text() if TABLE.exists() else "", table(self.listed),
                         f"run {sys.executable} {__file__} --write")


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        TABLE.write_text(table(cases()))
    else:
        unittest.main()
