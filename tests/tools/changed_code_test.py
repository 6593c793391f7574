#!/usr/bin/env python3
"""check_format.sh and check_tidy.py look at what changed, at all of it, and fail on what they should."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GOOD = "int answer() { return 42; }\n"
UNFORMATTED = "int   answer( ){return 42;}\n"
UNTIDY = "int Answer() { return 42; }\n"


class Clone(unittest.TestCase):
    """A small git repository with the check scripts and a compile database for configs/*.cpp."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name).resolve()
        shutil.copytree(ROOT / "tests/tools", self.root / "tests/tools",
                        ignore=shutil.ignore_patterns("__pycache__"))
        for name in (".clang-format", ".clang-tidy", "tests/.clang-tidy"):
            shutil.copy(ROOT / name, self.root / name)
        self.git("init", "--quiet")
        (self.root / ".gitignore").write_text("/build/\n/cache/\n__pycache__/\n")

    def git(self, *words):
        identity = ["-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
        # A hook that runs these tests has these set, for a repository that is not this one.
        clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        subprocess.run(["git", *identity, *words], cwd=self.root, env=clean, check=True, capture_output=True)

    def write(self, files):
        for name, text in files.items():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text(text)

    def commit(self, files):
        self.write(files)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "x")

    def run_tool(self, *command):
        clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        done = subprocess.run(command, cwd=self.root, env=clean, check=False, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        return done.returncode, done.stdout

    def check_format(self):
        return self.run_tool("tests/tools/check_format.sh")

    def check_tidy(self, *words):
        build = self.root / "build"
        build.mkdir(exist_ok=True)
        sources = sorted((self.root / "configs").glob("*.cpp"))
        (build / "compile_commands.json").write_text(json.dumps([
            {"directory": str(build), "file": str(source),
             "command": f"g++ -I{self.root} -Wall -Werror -std=c++20 -o CMakeFiles/t.dir/x.o -c {source}"}
            for source in sources]))
        return self.run_tool(sys.executable, "tests/tools/check_tidy.py", "--build", "build", "--cache", "cache",
                             *words)


class Format(Clone):
    def test_looks_at_what_changed_since_the_first_parent_only(self):
        self.commit({"configs/old.cpp": UNFORMATTED, "configs/a.cpp": GOOD})
        self.commit({"configs/a.cpp": GOOD + "\n" + GOOD.replace("answer", "other")})
        self.assertEqual(self.check_format()[0], 0, self.check_format()[1])
        self.commit({"configs/new.cpp": UNFORMATTED})
        code, text = self.check_format()
        self.assertNotEqual(code, 0)
        self.assertIn("configs/new.cpp", text)
        self.assertNotIn("configs/old.cpp", text)

    def test_looks_at_uncommitted_and_untracked_files(self):
        self.commit({"configs/a.cpp": GOOD})
        self.commit({"configs/b.cpp": GOOD})
        for name in ("configs/a.cpp", "configs/untracked.h"):
            with self.subTest(name):
                self.write({name: UNFORMATTED})
                code, text = self.check_format()
                self.assertNotEqual(code, 0)
                self.assertIn(name, text)
                self.write({name: GOOD})

    def test_looks_at_all_files_where_there_is_no_first_parent(self):
        self.commit({"configs/old.cpp": UNFORMATTED})
        code, text = self.check_format()
        self.assertNotEqual(code, 0)
        self.assertIn("configs/old.cpp", text)

    def test_a_deleted_file_is_no_finding(self):
        self.commit({"configs/old.cpp": UNFORMATTED})
        self.commit({"configs/a.cpp": GOOD})
        (self.root / "configs/old.cpp").unlink()
        self.assertEqual(self.check_format()[0], 0)


class Tidy(Clone):
    def test_finds_what_is_untidy_in_a_changed_source(self):
        self.commit({"configs/old.cpp": UNTIDY})
        self.commit({"configs/a.cpp": GOOD})
        self.assertEqual(self.check_tidy()[0], 0)
        self.commit({"configs/new.cpp": UNTIDY})
        code, text = self.check_tidy()
        self.assertEqual(code, 1)
        self.assertIn("readability-identifier-naming", text)
        self.assertIn("configs/new.cpp", text)
        self.assertNotIn("configs/old.cpp", text)

    def test_finds_what_does_not_compile(self):
        self.commit({"configs/a.cpp": "int answer() { return nothing; }\n"})
        self.assertEqual(self.check_tidy()[0], 1)

    def test_finds_what_is_untidy_in_a_changed_header_through_a_source_that_includes_it(self):
        self.commit({"configs/a.h": GOOD.replace("int", "inline int"),
                     "configs/user.cpp": '#include "configs/a.h"\nint twice() { return 2; }\n'})
        self.commit({"configs/a.h": UNTIDY.replace("int", "inline int")})
        code, text = self.check_tidy()
        self.assertEqual(code, 1)
        self.assertIn("configs/a.h:1", text)

    def test_a_clean_result_is_remembered_until_something_changes(self):
        source = '#include "configs/a.h"\nint twice() { return 2 * answer(); }\n'
        self.commit({"configs/a.h": GOOD.replace("int", "inline int"), "configs/a.cpp": source})
        self.assertIn("0 known to be clean", self.check_tidy()[1])
        self.assertIn("1 known to be clean", self.check_tidy()[1])
        self.write({"configs/a.h": GOOD.replace("int", "inline int") + "int Extra();\n"})
        code, text = self.check_tidy()
        self.assertEqual(code, 1)
        self.assertIn("0 known to be clean", text)
        self.assertEqual(self.check_tidy()[0], 1, "findings are not remembered as clean")

    def test_a_spent_budget_is_a_failure(self):
        self.commit({"configs/a.cpp": GOOD})
        code, text = self.check_tidy("--budget", "0")
        self.assertEqual(code, 1)
        self.assertIn("budget", text)


if __name__ == "__main__":
    unittest.main()
