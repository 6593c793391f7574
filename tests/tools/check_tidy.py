#!/usr/bin/env python3
"""Runs clang-tidy 14 over the C++ sources that changed (changed_files.sh).

    check_tidy.py --build DIR [--cache DIR] [--budget SECONDS] [--all | FILE...]

A changed header is looked at through its own .cpp, else through one that includes it. Commands come from the
build folder's compile database; where they use GCC's precompiled header, clang makes its own of the same header.
A clean result is remembered by content (sources, headers of ours, command, configuration): a file that has not
changed since costs nothing. Exit 0: clean; 1: findings, or the budget ran out; 2: bad command line.
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import compile_database

TIDY = "clang-tidy-14"
CLANG = "clang++-14"
ROOT = Path(__file__).resolve().parents[2]
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)


def for_clang(command):
    """(arguments for clang-tidy: no output, no warnings that GCC gives already; the header to precompile or "")"""
    arguments, kept, header = iter(shlex.split(command)[1:]), [], ""
    for argument in arguments:
        if argument in ("-o", "-c"):
            next(arguments)
        elif argument == "-include":
            header = next(arguments)
        elif not argument.startswith("-W"):
            kept.append(argument)
    return kept, header


class Sources:
    """What the compile database builds, and which of our headers each file reaches."""

    def __init__(self, build):
        self.commands = {}  # path from the root -> (folder, arguments, header to precompile or "")
        for folder, path, command in compile_database.entries(build):
            if path.is_relative_to(ROOT) and not path.is_relative_to(build) and path.suffix == ".cpp":
                self.commands.setdefault(path.relative_to(ROOT).as_posix(), (folder, *for_clang(command)))
        self._reached = {}

    def reached(self, name):
        """`name` and all our headers that it includes, however indirectly, as {path: text}."""
        if name not in self._reached:
            found, queue = {}, [name]
            while queue:
                path = queue.pop()
                if path not in found and (ROOT / path).is_file():
                    found[path] = (ROOT / path).read_text(encoding="utf-8", errors="replace")
                    queue += INCLUDE.findall(found[path])
            self._reached[name] = found
        return self._reached[name]

    def to_look_at(self, changed):
        """The sources to run over so that every changed source and header is seen; and what nothing builds."""
        chosen = [name for name in changed if name in self.commands]
        seen = set().union(*(self.reached(name) for name in chosen)) if chosen else set()
        unseen = []
        for name in changed:
            if name in seen:
                continue
            own = str(Path(name).with_suffix(".cpp"))
            includers = [own] if own in self.commands else []
            includers += [source for source in self.commands if name in self.reached(source)]
            if includers:
                chosen.append(includers[0])
                seen |= set(self.reached(includers[0]))
            else:
                unseen.append(name)
        return chosen, unseen

    def key(self, name, configuration):
        state = hashlib.sha256(configuration)
        for path, text in sorted(self.reached(name).items()):
            state.update(f"\0{path}\0{text}".encode())
        state.update(json.dumps(self.commands[name]).encode())
        return state.hexdigest()


class PrecompiledHeaders:
    """Clang's counterpart of GCC's precompiled header: parsing ATen is 8 of a file's 18 seconds."""

    def __init__(self, folder, commands):
        self._made = {}  # (header, arguments that a precompiled header depends on) -> file
        for directory, arguments, header in commands:
            key = self._key(arguments, header)
            if header and key not in self._made:
                # A copy, because beside the header itself clang would find and refuse what GCC made of it.
                copy = shutil.copy(header, f"{folder}/{len(self._made)}.h")
                done = subprocess.run([CLANG, "-w", "-x", "c++-header", *arguments, copy, "-o", f"{copy}.pch"],
                                      cwd=directory, check=False, capture_output=True, text=True)
                if done.returncode != 0:
                    print(f"{header} is not precompiled:\n{done.stderr}")
                self._made[key] = copy

    @staticmethod
    def _key(arguments, header):
        return header, tuple(argument for argument in arguments if not argument.startswith("-I"))

    def options(self, arguments, header):
        return ["-include", self._made[self._key(arguments, header)]] if header else []


def run_tidy(name, directory, arguments, seconds):
    """(clean, what clang-tidy printed)"""
    command = [TIDY, "--quiet", str(ROOT / name), "--", *arguments]
    out_of_time = False, f"{name}: the budget of time ran out; what is done is remembered, run it again\n"
    if seconds <= 0:
        return out_of_time
    try:
        done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        return out_of_time
    noise = re.compile(r"^\d+ warnings? .*generated\.$|^Suppressed \d+|^Use -header-filter", re.MULTILINE)
    return done.returncode == 0, done.stdout + ("" if done.returncode == 0 else noise.sub("", done.stderr).strip())


def changed_files():
    listed = subprocess.run([ROOT / "tests/tools/changed_files.sh", "*.h", "*.cpp"], check=True, text=True,
                            stdout=subprocess.PIPE)
    return listed.stdout.splitlines()


def main():
    parser = argparse.ArgumentParser(description="Runs clang-tidy over the C++ sources that changed.")
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=ROOT / ".deps/tidy-cache")
    parser.add_argument("--budget", type=float, default=1500, help="seconds for all files together")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--all", action="store_true", help="every source of the build, changed or not")
    parser.add_argument("files", nargs="*", help="these files, from the root of the tree, instead of what changed")
    arguments = parser.parse_args()

    sources = Sources(arguments.build.resolve())
    changed = list(sources.commands) if arguments.all else arguments.files or changed_files()
    chosen, unseen = sources.to_look_at(changed)
    version = subprocess.run([TIDY, "--version"], check=True, stdout=subprocess.PIPE).stdout
    configuration = version + (ROOT / ".clang-tidy").read_bytes() + (ROOT / "tests/.clang-tidy").read_bytes()
    arguments.cache.mkdir(parents=True, exist_ok=True)
    marks = {name: arguments.cache / sources.key(name, configuration) for name in chosen}
    todo = [name for name in chosen if not marks[name].exists()]
    # Those with ATen are slow and come first, so that no core waits at the end.
    todo.sort(key=lambda name: sources.commands[name][2], reverse=True)
    for name in unseen:
        print(f"{name}: no source that is built here includes it: not looked at")
    print(f"{len(changed)} changed files through {len(chosen)} sources, {len(chosen) - len(todo)} known to be clean",
          flush=True)

    start, failed, said = time.monotonic(), 0, set()

    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        headers = PrecompiledHeaders(folder, [sources.commands[name] for name in todo])

        def look_at(name):
            began = time.monotonic()
            directory, options, header = sources.commands[name]
            result = run_tidy(name, directory, [*headers.options(options, header), *options],
                              arguments.budget - (began - start))
            return name, time.monotonic() - began, *result

        for name, seconds, clean, text in pool.map(look_at, todo):
            print(f"{seconds:6.1f} s  {name}{'' if clean else '  FINDINGS'}", flush=True)
            failed += not clean
            if clean:
                marks[name].touch()
            elif text not in said:
                said.add(text)
                print(text, flush=True)
    print(f"{failed} of {len(chosen)} sources with findings, {time.monotonic() - start:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
