"""Tests of runs that `ditmill submit` gives to a Slurm cluster of their own."""

import json
import pathlib
import subprocess
import tempfile
import time
import unittest

import ditmill
import slurm


def write_manifest(folder, seconds, items, **sections):
    """A rehearsal and its list in a folder; sections change or add to those of the manifest. Its path."""
    (folder / "list.txt").write_text("".join(f"prompt {i}\n" for i in range(items)))
    manifest = {
        "schema": 1, "name": "job", "model": {"noop": seconds},
        "requests": {"defaults": {"width": 32, "height": 16, "frames": 1, "seed": "auto"}, "file": "list.txt"},
        "output": {"path": "run", "items_per_part": 1}, "slurm": {"nodes": 2, "ranks_per_node": 2, "lead_seconds": 20}}
    for name, section in sections.items():
        manifest.setdefault(name, {}).update(section)
    (folder / "job.yaml").write_text(json.dumps(manifest))
    return folder / "job.yaml"


class SubmissionTest(unittest.TestCase):
    """A cluster a class; a folder and a run directory a test."""

    CLUSTER = {}  # how it differs

    @classmethod
    def setUpClass(cls):
        cls.cluster = cls.enterClassContext(slurm.Cluster(**cls.CLUSTER))

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="ditmill-submit-")
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name)
        self.run_directory = self.path / "run"
        self.addCleanup(self.cancel_all)

    def cancel_all(self):
        self.cluster.run("scancel", "--user=root")
        deadline = time.monotonic() + 120
        while self.cluster.run("squeue", "--noheader") and time.monotonic() < deadline:
            time.sleep(0.1)

    def manifest(self, seconds=0.1, items=40, **sections):
        return write_manifest(self.path, seconds, items, **sections)

    def ditmill(self, *words, code=0):
        done = subprocess.run(ditmill.command(words), env=self.cluster.environment, capture_output=True, text=True,
                              timeout=120, stdin=subprocess.DEVNULL, cwd=self.path, check=False)  # cores land there
        self.assertEqual(done.returncode, code, done.stdout + done.stderr + self.log())
        return done

    def submit(self, manifest, *words):
        return self.ditmill("submit", manifest, *words).stdout.strip()

    def log(self):
        return "".join(path.read_text() for path in sorted(self.run_directory.glob("logs/slurm-*.log")))

    def records(self, event):
        """Items of the journals' records of this kind; a line that is being written is none yet."""
        lines = [line for path in sorted(self.run_directory.glob("journal/*.jsonl"))
                 for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
        return [r["item"] for r in map(json.loads, lines) if r["event"] == event]

    def wait_for_items(self, count):
        deadline = time.monotonic() + 120
        while len(self.records("done")) < count:
            self.assertLess(time.monotonic(), deadline, self.log() + self.cluster.logs())
            time.sleep(0.05)

    def wait_for_log(self, words):
        deadline = time.monotonic() + 120
        while words not in self.log():
            self.assertLess(time.monotonic(), deadline, self.log() + self.cluster.logs())
            time.sleep(0.1)

    def ended(self, job, state, within=180):
        """Waits for the job's end; what scontrol then knows of it."""
        facts = self.cluster.wait_for(job, "COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "PREEMPTED",
                                      within=within)
        self.assertEqual(facts["JobState"], state, self.log())
        return facts

    def assert_done_once(self, count):
        done = self.records("done")
        self.assertEqual((len(done), len(set(done))), (count, count))
        self.assertEqual(ditmill.outcome(self.run_directory)["exit"], 0)
