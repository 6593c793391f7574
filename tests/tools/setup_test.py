#!/usr/bin/env python3
"""./setup says what it takes, and refuses the rest before it touches anything."""

import subprocess
import unittest
from pathlib import Path

SETUP = Path(__file__).resolve().parents[2] / "setup"


def setup(*words):
    return subprocess.run([SETUP, *words], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)


class CommandLine(unittest.TestCase):
    def test_help_names_the_commands(self):
        done = setup("--help")
        self.assertEqual(done.returncode, 0)
        for word in ("demo", "test", "build", "fuzz", "--preset", "--long", "-R", "--seconds"):
            self.assertIn(word, done.stdout)

    def test_refuses_what_it_does_not_know(self):
        cases = [
            ((), "usage:"),
            (("instal",), "unknown word: instal"),
            (("build", "test"), "usage:"),
            (("build", "--fast"), "unknown word: --fast"),
            (("build", "--preset"), "--preset needs a name"),
            (("build", "--preset", "debug"), "unknown preset: debug"),
            (("test", "-R"), "-R needs a regular expression"),
            (("fuzz", "--seconds"), "--seconds needs a number"),
            (("fuzz", "--seconds", "ten"), "--seconds needs a number"),
        ]
        for words, message in cases:
            with self.subTest(words):
                done = setup(*words)
                self.assertEqual(done.returncode, 1)
                self.assertIn(message, done.stderr)
                self.assertEqual(done.stdout, "")


if __name__ == "__main__":
    unittest.main()
