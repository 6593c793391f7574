#!/usr/bin/env python3
"""Fails on an #include that the rooms of the design forbid.

    check_includes.py [--root DIR] [--build DIR]

Rules, each with the chain of includes that breaks it:
  arrow   a room includes only the rooms it may use (ROOMS), and no other
  pair    no two folders include each other
  root    includes of our own files start at the root of the tree, in quotes
  seam    a foreign library's header is included only where SEAMS says
  front   what the front executable links reaches no header of ATen or MPI, however indirectly
  heavy   a header that costs seconds is reached, however indirectly, only where HEAVY says

`front` needs the compile database of a build: it says which target a file is built into. Without one, only files that
are front by their path are looked at. Exit 0: nothing found; 1: findings, one a line; 2: bad command line.
"""

import argparse
import re
import sys
from pathlib import Path

import compile_database

# The wing of jobs: each may use those before it, as far as USES_OF_JOBS says, and what those may use.
LOWER = {"configs", "registry", "dist", "models", "models/pictures", "slurm"}
WING = ["requests", "results", "run", "plan", "submit", "watch", "engine", "bench", "cli"]

# A room and all that it may use (design.md's tables).
ROOMS = {
    "configs": set(),
    "registry": {"configs"},
    "dist": {"registry", "configs"},
    "models": {"dist", "registry", "configs", "models/pictures"},
    "models/pictures": {"registry", "configs"},
    "slurm": {"configs"},
    **{f"jobs/{room}": LOWER | {f"jobs/{other}" for other in WING[:at]} for at, room in enumerate(WING)},
    "tests": LOWER | {f"jobs/{room}" for room in WING},
}

# Header pattern -> the path prefixes that may include it directly. Tests attack from outside, so they may, too.
SEAMS = [
    (re.compile(r"mpi\.h$"), ("dist/comm/mpi", "tests/")),
    (re.compile(r"nccl\.h$"), ("dist/comm/nccl", "tests/")),
    (re.compile(r"cuda_runtime_api\.h$"), ("dist/comm/nccl", "dist/device_cuda", "models/kernels/cuda/")),
    (re.compile(r"hdf5\w*\.h$|H5\w*\.h$"), ("jobs/results/store/", "tests/")),
    (re.compile(r"yaml-cpp/"), ("configs/", "tests/")),
    # 136 shared libraries: they are behind libditmill_video.so.
    (re.compile(r"lib(av\w+|sw\w+|postproc)/"), ("jobs/results/export/libav/", "tests/")),
    (re.compile(r"webp/"), ("models/pictures/", "tests/")),
    # 22 s and 1.3 GB of memory a file, where <ATen/ATen.h> is precompiled.
    (re.compile(r"torch/(torch|all|extension)\.h$"), ()),
]

# Header pattern -> the path prefixes of the .cpp files that may reach it, however indirectly.
HEAVY = [
    (re.compile(r"CLI/CLI\.hpp$"), ("jobs/cli/",)),  # 3 s a file
    (re.compile(r"(ATen|torch|caffe2)/"), ("dist/", "models/", "jobs/engine/", "jobs/bench/", "jobs/cli/engine_main.cpp",
                                           "tests/")),
]

# The headers whose types hold JSON values; all others name them by <nlohmann/json_fwd.hpp>.
JSON = "nlohmann/json.hpp"
JSON_HEADERS = {
    "configs/dump.h", "dist/plan/plan.h", "jobs/engine/authority/authority.h", "jobs/engine/authority/config_dump.h",
    "jobs/plan/bind/prepared_job.h", "jobs/plan/manifest/from_dump.h", "jobs/plan/pilot/pilot.h",
    "jobs/results/store/group_store.h", "jobs/run/frozen/json_difference.h", "jobs/run/frozen/resume.h",
    "jobs/run/merge/merge_sources.h", "jobs/run/submission.h", "jobs/watch/report/item_facts.h", "models/family.h",
    "registry/component.h", "registry/identity/catalog.h"}

TENSOR_OR_MPI = re.compile(r"(ATen|c10|torch|caffe2)/|mpi\.h$|nccl\.h$")
# Every other target is the front's, so that a new one has to be named here before it may see a tensor.
ENGINE_TARGETS = {"ditmill_dist", "ditmill_models", "ditmill_cpu_kernels", "ditmill_engine", "ditmill_bench", "ditmill-engine", "ditmill_aten_pch"}
FRONT_PATHS = re.compile(r"(configs|registry|slurm|dist/plan)/|dist/(mesh|parallel_context)\.")

SOURCE_ENDINGS = {".h", ".cpp", ".cu", ".cuh", ".inc", ".in"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


class Tree:
    """The includes of every source file under a root, read once."""

    def __init__(self, root):
        self.root = root
        self.includes = {}  # path from the root -> [(line, bracket, name)]
        for room in sorted({room.split("/")[0] for room in ROOMS}):
            for path in sorted((root / room).rglob("*")):
                if path.suffix in SOURCE_ENDINGS and path.is_file():
                    # A template is known by the name of what CMake makes of it.
                    name = path.relative_to(root).as_posix().removesuffix(".in")
                    self.includes[name] = list(self._read(path))

    @staticmethod
    def _read(path):
        text = path.read_text(encoding="utf-8", errors="replace")
        for number, line in enumerate(text.splitlines(), 1):
            if match := INCLUDE.match(line):
                yield number, match[1], match[2]

    def chain_to(self, start, wanted):
        """The shortest chain of includes from `start` to a foreign header that `wanted` matches, or None."""
        queue, seen = [[start]], {start}
        for chain in queue:
            for _, _, name in self.includes.get(chain[-1], ()):
                if name in self.includes:
                    if name not in seen:
                        seen.add(name)
                        queue.append([*chain, name])
                elif wanted.search(name):
                    return [*chain, name]
        return None


def room_of(path):
    folders = path.split("/")
    for room in ("/".join(folders[:2]), folders[0]):
        if room in ROOMS:
            return room
    return None


def arrow_and_root_findings(tree):
    for path, includes in tree.includes.items():
        room = room_of(path)
        for line, bracket, name in includes:
            at = f"{path}:{line}"
            other = room_of(name)
            if bracket == "<":
                if other and name in tree.includes:
                    yield f"{at}: root: our own \"{name}\" is included with quotes, not <>"
                continue
            if name not in tree.includes:
                yield f"{at}: root: \"{name}\" is no file from the root of the tree"
            elif other != room and other not in ROOMS[room]:
                allowed = ", ".join(sorted(ROOMS[room])) or "no other room"
                yield f"{at}: arrow: {room} may not include {other} (\"{name}\"); it may use {allowed}"


def pairs(tree):
    """Pairs of folders of one room that include each other, each with one include of either way."""
    first = {}  # (folder, folder) -> "file -> file"
    for path, includes in tree.includes.items():
        for _, _, name in includes:
            ends = path.rpartition("/")[0], name.rpartition("/")[0]
            if name in tree.includes and ends[0] != ends[1] and room_of(path) == room_of(name):
                first.setdefault(ends, f"{path} -> {name}")
    return [(*ends, there, first[ends[::-1]]) for ends, there in sorted(first.items())
            if ends[0] < ends[1] and ends[::-1] in first]


def pair_findings(tree):
    for one, other, there, back in pairs(tree):
        yield f"{one}: pair: it and {other} include each other: {there}, {back}"


def seam_findings(tree):
    for path, includes in tree.includes.items():
        for line, _, name in includes:
            for header, allowed in SEAMS:
                if name not in tree.includes and header.search(name) and not path.startswith(allowed):
                    where = " or ".join(f"{prefix}*" for prefix in allowed) or "nowhere"
                    yield f"{path}:{line}: seam: <{name}> is included in {where} only"


def heavy_findings(tree):
    for header, allowed in HEAVY:
        for path in tree.includes:
            if path.endswith(".cpp") and not path.startswith(allowed) and (chain := tree.chain_to(path, header)):
                yield f"{path}: heavy: reaches <{chain[-1]}>, which it must not: {' -> '.join(chain)}"
    for path, includes in tree.includes.items():
        for line, _, name in includes:
            if name == JSON and path.endswith(".h") and path not in JSON_HEADERS and room_of(path) != "tests":
                yield f"{path}:{line}: heavy: a header names <nlohmann/json_fwd.hpp>, and a .cpp <{JSON}>"


def front_files(tree, commands):
    front = {path for path in tree.includes if FRONT_PATHS.match(path)}
    for _, source, command in commands:
        target = re.search(r"-o \S*CMakeFiles/([^/ ]+)\.dir/", command)
        if target and target[1] not in ENGINE_TARGETS and source.is_relative_to(tree.root):
            path = source.relative_to(tree.root).as_posix()
            if path in tree.includes and room_of(path) != "tests":
                front.add(path)
    return sorted(front)


def front_findings(tree, commands):
    for path in front_files(tree, commands):
        if chain := tree.chain_to(path, TENSOR_OR_MPI):
            yield f"{path}: front: reaches <{chain[-1]}>, which the front must not: {' -> '.join(chain)}"


def check(root, commands):
    """All findings, sorted; `commands` are entries() of a compile database (may be empty)."""
    tree = Tree(root)
    return sorted([*arrow_and_root_findings(tree), *pair_findings(tree), *seam_findings(tree), *heavy_findings(tree),
                   *front_findings(tree, commands)])


def main():
    parser = argparse.ArgumentParser(description="Fails on an #include that the rooms of the design forbid.")
    parser.add_argument("--root", type=Path, default=Path(__file__).parents[2])
    parser.add_argument("--build", type=Path)
    arguments = parser.parse_args()
    commands = compile_database.entries(arguments.build.resolve()) if arguments.build else []
    findings = check(arguments.root.resolve(), commands)
    for finding in findings:
        print(finding)
    print(f"{len(findings)} forbidden includes")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
