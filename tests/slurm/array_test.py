"""ditmill submit --array, on a real Slurm cluster: shards, their merge, and the resubmission of those that failed."""

import json
import os
import pathlib
import signal
import struct
import threading
import time
import unittest

import ditmill
from submission import SubmissionTest

ONE_RANK = {"nodes": 1, "ranks_per_node": 1, "max_restarts": 0, "max_crashes": 0}


class ArrayTest(SubmissionTest):
    def shard(self, index):
        return self.run_directory / "shards" / f"{index:04}"

    def record(self):
        return json.loads((self.run_directory / "submit" / "job.json").read_text())

    def merge_ended(self, state):
        return self.ended(self.record()["array"]["merge_job"], state)

    def merge_log(self):
        merge = self.record()["array"]["merge_job"]
        return (self.run_directory / "logs" / f"merge-{merge}.log").read_text()

    def shard_records(self, index, event):
        return [r["item"] for r in ditmill.journal(self.shard(index)) if r["event"] == event]

    def until(self, what, within=60):
        deadline = time.monotonic() + within
        while not what():
            self.assertLess(time.monotonic(), deadline, self.log() + self.cluster.logs())
            time.sleep(0.05)

    def kill_rank_of(self, index):
        """Once it computes an item."""
        def working():
            return [s for p in self.shard(index).glob("status/*/*") if b"denoising item" in (s := p.read_bytes())]
        self.until(working)
        os.kill(struct.unpack_from("<ii", working()[0], 8)[1], signal.SIGKILL)

    def assert_like_an_undisturbed_run(self, manifest):
        """Items, keys and contents of the merged run are those of a single run."""
        ditmill.ditmill("run", manifest, "--run-dir", self.path / "single", ranks=1)
        report = json.loads(ditmill.ditmill("results", "verify", self.run_directory, "--json").stdout)
        self.assertEqual((report["done"], report["damage"]), (report["items"], []))
        lists = [(path / "requests.jsonl").read_text() for path in (self.run_directory, self.path / "single")]
        self.assertEqual(*lists)
        contents = [{(r["key"], r["content"]) for r in ditmill.journal(path) if r["event"] == "done"}
                    for path in (self.run_directory, self.path / "single")]
        self.assertEqual(*contents)

    def test_the_task_that_failed_is_resubmitted_alone_and_all_are_merged(self):
        manifest = self.manifest(seconds=0.2, items=22, slurm=ONE_RANK)
        job = self.submit(manifest, "--array", "4")
        self.kill_rank_of(2)
        self.merge_ended("FAILED")
        self.assertIn("shard 2: exit code not known", self.merge_log())
        self.assertIn("job.yaml --retry", self.merge_log())
        self.assertFalse((self.run_directory / "requests.jsonl").exists())
        self.assertEqual([ditmill.outcome(self.shard(i))["exit"] for i in (0, 1, 3)], [0, 0, 0])

        again = self.submit(manifest, "--retry")
        self.assertNotEqual(again, job)
        self.assertEqual(self.record()["array"]["tasks"], [2])
        self.merge_ended("COMPLETED")
        self.assertEqual([len(list(self.shard(i).glob("epochs/*"))) for i in range(4)], [1, 1, 2, 1])
        self.assertEqual(ditmill.outcome(self.run_directory)["exit"], 0)
        self.assert_like_an_undisturbed_run(manifest)
        self.assertIn("finished and merged", self.ditmill("submit", manifest, "--retry").stderr)


if __name__ == "__main__":
    unittest.main()
