#!/usr/bin/env python3
"""Fails where two files of the tree define a type of one name in one namespace.

    check_doubles.py [--root DIR]

The linker does not see that: such types are one to it, whatever is in them. Types of anonymous namespaces are
nobody else's. Exit 0: none; 1: findings, one a line.
"""

import argparse
import re
import sys
from pathlib import Path

ROOTS = ("configs", "registry", "dist", "models", "slurm", "jobs", "tests")
NAMESPACE = re.compile(r"^(?:inline )?namespace ?([\w:]*) ?\{$")
TYPE = re.compile(r"^(?:(?:struct|class|union|enum(?: class)?) (?:\[\[\w+\]\] )?(\w+)\b(?!::)[^;()]*\{|using (\w+) =)")


def types_of(text):
    """(line, qualified name) of each type that a file, as clang-format leaves it, defines for others to see."""
    spaces = []
    for number, line in enumerate(text.splitlines(), 1):
        if opened := NAMESPACE.match(line):
            spaces.append(opened[1])
        elif line.startswith("}  // namespace"):
            if spaces:
                spaces.pop()
        elif (found := TYPE.match(line)) and "" not in spaces:
            yield number, "::".join([*spaces, found[1] or found[2]])


def doubles(root):
    """{qualified name: ["file:line", ...]} of those that more than one file defines."""
    places = {}
    for folder in ROOTS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in (".h", ".cpp", ".cu", ".cuh") and "compile_fail" not in path.parts:
                name = path.relative_to(root).as_posix()
                for line, type_name in types_of(path.read_text(encoding="utf-8", errors="replace")):
                    places.setdefault(type_name, {}).setdefault(name, line)
    return {name: [f"{file}:{line}" for file, line in files.items()]
            for name, files in sorted(places.items()) if len(files) > 1}


def main():
    parser = argparse.ArgumentParser(description="Fails where two files define a type of one name in one namespace.")
    parser.add_argument("--root", type=Path, default=Path(__file__).parents[2])
    found = doubles(parser.parse_args().root.resolve())
    for name, places in found.items():
        print(f"{places[0]}: double: {name}, also at {', '.join(places[1:])}")
    print(f"{len(found)} doubles")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
