#!/usr/bin/env python3
"""What befalls the files, or a rank, while blocks come from the files and go again (offload): all ranks end, soon, with one
error that says what and where.

    DITMILL_TEST_LONG=1 ... offload_test.py    tries all cases, and prints how long each took
"""

import json
import os
import pathlib
import random
import re
import shutil
import signal
import tempfile
import time
import unittest

import ditmill
import faulty
import tiny
from job import Job
from waiting import until

# Seconds to the end. 5 is promised, and 15 of a stopped rank; other tests may keep this machine busy.
SOON, SILENT = 60, 90
LAYOUTS = [{"tp": 2}, {"pp": 2}, {"cfg": 2}, {"ulysses": 2}, {"dp": 2}]
OFFLOADS = ["sequential", {"type": "async", "prefetch": 2}, {"type": "async", "ratio": 0.5, "prefetch": 1}]


BLOCKS = 3  # of the tiny model


def brings_some(layout, offload):
    """Whether blocks come from the file in each pass: as many as are brought ahead stay where they are."""
    ahead = 0 if offload == "sequential" else offload["prefetch"]
    return -(-BLOCKS // layout.get("pp", 1)) > ahead


def overwrite(file):
    """In place, all but the header."""
    size = file.stat().st_size
    with open(file, "r+b") as opened:
        opened.seek(size // 2)
        opened.write(bytes(size - size // 2))


def replace(file):
    shutil.copy(file, f"{file}.new")
    os.replace(f"{file}.new", file)


def is_alive(pid):
    """Whether there is more left of a process than its exit code, which nobody may have asked for."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


# What happens to the file, and what is said of it. Of one that is cut, tensors that stay in its pages end ranks by SIGBUS:
# one that is left says so, else mpirun.
CHANGED = r"(load|read offloaded) weights \({file}.*(changed while|was written to)"
FAULTS = {
    "cut": (lambda file: os.truncate(file, 4096), rf"{CHANGED}|read a mapped file \({{file}}|is dead; it was: \w|Bus error"),
    "overwritten": (overwrite, CHANGED),
    "replaced": (replace, CHANGED),
    "gone": (pathlib.Path.unlink, r"\({file}.*No such file or directory"),
}
BLOWS = {"killed": (signal.SIGKILL, r"is dead; it was: \w", SOON),
         "stopped": (signal.SIGSTOP, r"has not answered for 1\d s: its process is stopped; it was: \w", SILENT)}


class Offload(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        random.seed(faulty.fresh_seed())
        cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="ditmill-offload-")))
        cls.job = tiny.manifest(cls.folder, 3)

    def start(self, name, layout, offload):
        """A job of two ranks that is at work on its items, its model a copy of its own. Also what its transformer's file
        is, and the ranks' pids."""
        folder = self.folder / re.sub(r"\W+", "-", name)
        shutil.copytree(self.folder / "model", folder / "model")
        [file] = (folder / "model" / "transformer").glob("*.safetensors")
        manifest = json.loads(json.dumps(self.job)) | {
            "schema": 1, "name": "job", "output": {"path": "run"},
            "requests": {"defaults": {"width": 64, "height": 48, "frames": 5, "seed": 3},
                         # A group has taken its next one while it is at work.
                         "items": [{"id": f"cat-{i}", "prompt": "a cat"} for i in range(6)]}}
        manifest["model"]["path"] = str(folder / "model")
        # They would take a minute: it ends before by what is done to it.
        manifest["pipeline"] |= {"steps": 1000, "parallel": layout}
        manifest["pipeline"]["components"]["transformer"] = {"offload": offload}
        (folder / "job.yaml").write_text(json.dumps(manifest))
        job = Job(folder / "job.yaml", 2, ["--threads", "1"])
        self.addCleanup(ditmill.kill_all, job.process, job.run)
        return job, file, job.pids()

    def end(self, what, job, pids, limit):
        """Its exit code, and the one thing that it says: soon, and no rank is left. Ranks that meet a fault at the same
        moment may each say it of themselves."""
        since = time.monotonic()
        code, lines = job.end()
        # mpirun does not wait for those that it kills.
        until(lambda: not any(map(is_alive, pids.values())), "all ranks to be gone")
        seconds = time.monotonic() - since
        lines = lines or [line for line in job.said().splitlines() if "Bus error" in line and "mpirun" in line]
        print(f"| {what} | {seconds:.1f} | {lines[0] if lines else 'nothing'} |", flush=True)
        # They may have caught a file at two moments of being written.
        said = {re.sub(r"\d+", "N", re.sub(r"; the same on rank \d", "", line)) for line in lines}
        self.assertEqual(len(said), 1, job.said())
        self.assertLess(seconds, limit)
        return code, lines[0]

    def check_fault(self, case):
        fault, layout, offload = case
        do, said = FAULTS[fault]
        what = f"the file is {fault}, {layout}, {offload}"
        job, file, pids = self.start(what, layout, offload)
        do(file)
        code, line = self.end(what, job, pids, SOON)
        if "Bus error" not in line and "is dead" not in line:
            self.assertEqual(code, 3, line)
        self.assertNotEqual(code, 0)
        self.assertRegex(line, said.format(file=re.escape(str(file))))

    def check_blow(self, case):
        blow, victim, layout, offload = case
        kind, said, limit = BLOWS[blow]
        what = f"rank {victim} is {blow}, {layout}, {offload}"
        job, _, pids = self.start(what, layout, offload)
        os.kill(pids[victim], kind)
        code, line = self.end(what, job, pids, limit)
        self.assertNotEqual(code, 0)
        self.assertRegex(line, rf"^ditmill: rank {victim} \(.*, pid {pids[victim]}\) {said}")

    def test_a_file_that_changes_ends_both_ranks_with_its_name(self):
        cases = [(fault, layout, offload) for fault in FAULTS for layout in LAYOUTS for offload in OFFLOADS
                 if brings_some(layout, offload)]
        ditmill.side_by_side(self, cases if faulty.LONG else random.sample(cases, 3), self.check_fault, at_once=2)

    def test_a_rank_that_is_killed_or_stopped_is_named_by_the_other(self):
        cases = {blow: [(blow, victim, layout, offload) for victim in (0, 1) for layout in LAYOUTS for offload in OFFLOADS]
                 for blow in BLOWS}
        some = sum(cases.values(), []) if faulty.LONG else [random.choice(cases[blow]) for blow in BLOWS]
        ditmill.side_by_side(self, some, self.check_blow, at_once=2)


if __name__ == "__main__":
    unittest.main()
