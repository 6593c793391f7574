#!/usr/bin/env python3
"""Loading meets each fault in turn: every rank ends, soon, with words that say what and where; or nothing is lost.

    DITMILL_TEST_LONG=1 ... loading_test.py    tries all cases, and prints how long each took to be found (README.md has them)
"""

import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import ditmill
import faulty
from waiting import PATIENCE, until

SHIM = os.environ.get("DITMILL_WEIGHTS_SHIM", str(ditmill.BUILD / "tests" / "libditmill_weights_shim.so"))
RANKS = 4
# Seconds to the end. 5 is promised, and 15 of a stopped rank; other tests may keep this machine busy.
SOON, SILENT = 60, 90
STRATEGIES = ("independent", "broadcast", "striped", "shared")
# Ranks by twos on two machines, as they take their names for it.
TWO_MACHINES = ["unshare", "--uts", "sh", "-c", 'hostname machine$((OMPI_COMM_WORLD_RANK / 2)); exec "$@"', "_"]
SMALL_SHM = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=2m tmpfs /dev/shm; exec "$@"', "_"]

# What happens, the shim's words for it, where, exit code (None: 1 or 3, by who is the first to see it), what is said. Bits
# change on rank 3, which digests its machine's bytes.
FAULTS = [
    ("EIO of every read", "any:EIO+", STRATEGIES, 3, ["Input/output error", "{file}"]),
    ("EINVAL past the page cache", "direct:EINVAL+", ("broadcast", "striped"), 0, []),
    ("short reads", "any:short+", STRATEGIES, 0, []),
    ("an interrupted read", "any:EINTR", STRATEGIES, 0, []),
    ("the file is cut while it is read", "any:truncate", STRATEGIES, None, ["changed", "{file}"]),
    ("the file is cut while it is mapped", "map:truncate", ("independent", "shared"), 3, ["has the file been changed", "{file}"]),
    ("the file is replaced while it is read", "any:replace", STRATEGIES, 1, ["changed while the job started", "{file}"]),
    ("/dev/shm fills up", "room:ENOSPC", ("shared",), 3, ["/dev/shm", "--shm-size"]),
    ("/dev/shm fills up", "room:ENOSPC+", ("broadcast", "striped"), 0, ["/dev/shm", "was sent its own copy"]),
    ("a bit changes in one read", "any:flip", ("independent",), 0, ["as rank 0's machine read them", "it is read once more"]),
]
# What a rank was doing: loading, probing, or, while rank 0 is held, the step before. Of a process of another machine nobody
# can tell why it is silent.
BLOWS = {signal.SIGKILL: (r"is dead; it was: \w", SOON),
         signal.SIGSTOP: (r"has not answered for 1\d s(: its process is stopped)?; it was: \w", SILENT)}


def sample(cases, count):
    return cases if faulty.LONG else random.sample(cases, count)


class Loading(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        random.seed(faulty.fresh_seed())
        temporary = tempfile.TemporaryDirectory(prefix="ditmill-loading-")
        cls.addClassCleanup(temporary.cleanup)
        cls.folder = pathlib.Path(temporary.name)
        ditmill.ditmill("weights", "synth", "--like", "wan2.1-t2v-1.3b", "--scale", "tiny", cls.folder / "model")
        text = ditmill.ditmill("registry", "template", cls.folder / "model", "--name", "tiny").stdout
        (cls.folder / "catalog.yaml").write_text(text)

    def case(self, name, strategy, fault, rank=None, prefix=(), cached=True, bench=False):
        """Starts a job whose transformer is a copy of its own. Returns its folder, and the process."""
        folder = self.folder / re.sub(r"\W+", "-", name)
        shutil.copytree(self.folder / "model", folder / "model")
        file = folder / "model" / "transformer" / "diffusion_pytorch_model.safetensors"
        shutil.copy(file, f"{file}.new")
        if not cached:
            with open(file, "rb") as opened:
                os.fsync(opened.fileno())
                os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        (folder / "job.yaml").write_text(json.dumps({
            "schema": 1, "name": "job", "model": {"path": "model", "catalog": str(self.folder / "catalog.yaml")},
            "pipeline": {"steps": 1, "dtype": "float32", "loading": {"strategy": strategy}},
            "requests": {"defaults": {"width": 16, "height": 16, "frames": 1}, "items": [{"id": "one", "prompt": "a cat"}]},
            "output": {"path": "run"}}))
        words = (["bench", "load", folder / "model", "--strategy", strategy, "--repeats", 1, "--component", "transformer"]
                 if bench else ["run", folder / "job.yaml", "--threads", 1])
        environment = dict(ditmill.environment(), LD_PRELOAD=SHIM, DITMILL_WEIGHTS_FAULT=fault, OMP_NUM_THREADS="1",
                           DITMILL_WEIGHTS_ROOT=str(file), DITMILL_FAULT_LOG=str(folder / "fired"),
                           OMPI_MCA_btl_vader_backing_directory="/tmp",
                           DITMILL_FAULT_RANK="" if rank is None else str(rank))
        command = ["mpirun", "-n", str(RANKS), *prefix, *ditmill.command(words)]
        with open(folder / "stderr", "w", encoding="utf-8") as errors:
            process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       stderr=errors, start_new_session=True)
        self.addCleanup(ditmill.kill_all, process, folder)
        return folder, process

    def end(self, folder, process, since=None):
        """Exit code, our lines, and the seconds from the (first) fault on."""
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.fail(f"still runs after {PATIENCE} s: {(folder / 'stderr').read_text()}")
        now = time.time()
        fired = folder / "fired"
        if since is None and fired.exists():
            since = min(float(line.split()[0]) for line in fired.read_text().splitlines())
        said = (folder / "stderr").read_text(errors="replace")
        lines = [line for line in said.splitlines() if line.startswith("ditmill: ") or "warn" in line]
        return process.returncode, lines, None if since is None else now - since

    def tell(self, what, seconds, lines):
        print(f"| {what} | {seconds:.1f} | {lines[0] if lines else 'goes on'} |", flush=True)

    def check_fault(self, case):
        (what, fault, _, code, words), strategy = case
        two = strategy == "striped" or "flip" in fault
        folder, process = self.case(f"{what} {strategy}", strategy, fault, rank=3 if "flip" in fault else None,
                                    prefix=TWO_MACHINES if two else (), cached=fault.startswith("map"))
        found, lines, seconds = self.end(folder, process)
        said = "\n".join(lines)
        self.assertIsNotNone(seconds, f"nothing happened: {(folder / 'stderr').read_text()}")
        self.tell(f"{what}, {strategy}", seconds, lines)
        self.assertIn(found, (1, 3) if code is None else (code,), said)
        file = folder / "model" / "transformer" / "diffusion_pytorch_model.safetensors"
        for word in words:
            self.assertIn(word.replace("{file}", str(file)), said)
        if code != 0:
            self.assertEqual(len([line for line in lines if line.startswith("ditmill: ")]), 1, lines)
            self.assertLess(seconds, SOON)
        else:
            self.assertEqual(ditmill.outcome(folder / "run")["done"], 1)

    def test_faults_of_files_and_memory_end_all_ranks_or_are_got_over(self):
        cases = [(fault, strategy) for fault in FAULTS for strategy in fault[2]]
        ditmill.side_by_side(self, sample(cases, 3), self.check_fault, at_once=2)

    def pid_of(self, folder, rank):
        """Of a rank that has the folder in its command line."""
        for entry in pathlib.Path("/proc").iterdir():
            try:
                words = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
                if str(folder).encode() not in words or not (entry / "exe").resolve().name.startswith("ditmill"):
                    continue
                if f"OMPI_COMM_WORLD_RANK={rank}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                    return int(entry.name)
            except OSError:
                continue
        self.fail(f"no process of rank {rank}")

    def check_blow(self, case):
        blow, strategy, victim, bench = case
        words, limit = BLOWS[blow]
        what = f"{blow.name} of rank {victim} in {'bench load' if bench else 'run'}, {strategy}"
        folder, process = self.case(what, strategy, "any:hold+", bench=bench,
                                    prefix=TWO_MACHINES if strategy == "striped" else ())
        until((folder / "fired").exists, "a rank to load",
              lambda: process.poll() is not None and (folder / "stderr").read_text())
        pid = self.pid_of(folder, victim)
        since = time.time()
        os.kill(pid, blow)
        found, lines, seconds = self.end(folder, process, since)
        self.tell(what, seconds, lines)
        self.assertNotEqual(found, 0)
        self.assertRegex("\n".join(lines), rf"(?m)^ditmill: rank {victim} \(.*, pid {pid}\) {words}")
        self.assertLess(seconds, limit)

    def test_a_rank_that_is_killed_or_stopped_while_it_loads_is_named(self):
        def all_of(blow):
            return [(blow, strategy, victim, bench) for strategy in STRATEGIES for victim in range(RANKS)
                    for bench in (False, True)]

        cases = sample(all_of(signal.SIGSTOP), 1) + sample(all_of(signal.SIGKILL), 2)
        ditmill.side_by_side(self, cases, self.check_blow, at_once=3)

    def check_small_shm(self, strategy):
        folder, process = self.case(f"small shm {strategy}", strategy, "", prefix=SMALL_SHM)
        code, lines, _ = self.end(folder, process, time.time())
        if strategy == "shared":
            self.assertEqual(code, 3, lines)
            self.assertRegex("\n".join(lines), r"(?m)^ditmill: .*/dev/shm.*--shm-size")
        else:
            self.assertEqual(code, 0, lines)

    def test_a_dev_shm_that_is_too_small_is_an_error_of_shared_alone(self):
        ditmill.side_by_side(self, ("shared", "broadcast", "auto"), self.check_small_shm)


if __name__ == "__main__":
    unittest.main()
