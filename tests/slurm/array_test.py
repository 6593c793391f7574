"""ditmill submit --array, on a real Slurm cluster: shards, their merge, and the resubmission of those that failed."""

import concurrent.futures
import json
import os
import signal
import time
import unittest

import ditmill
from poison import Poison
from ranks import ranks_of
from submission import SubmissionTest
from waiting import PATIENCE

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

    def status(self):
        return json.loads(self.ditmill("status", self.run_directory, "--json").stdout)

    def shard_records(self, index, event):
        lines = [line for path in self.shard(index).glob("journal/*.jsonl")
                 for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
        return [r["item"] for r in map(json.loads, lines) if r["event"] == event]

    def until(self, what):
        deadline = time.monotonic() + PATIENCE
        while not what():
            self.assertLess(time.monotonic(), deadline, self.log() + self.cluster.logs())
            time.sleep(0.05)

    def kill_rank_of(self, index):
        """Once it computes an item."""
        at_work = []

        def working():
            at_work.extend(rank.pid for rank in ranks_of(self.shard(index)) if rank.denoises())
            return at_work

        self.until(working)
        os.kill(at_work[0], signal.SIGKILL)

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

        status = self.status()
        self.assertEqual((status["state"], status["total"], status["left"] > 0), ("crashed", 22, True))
        self.assertEqual([shard["state"] for shard in status["shards"]],
                         ["finished", "finished", "crashed", "finished"])

        again = self.submit(manifest, "--retry")
        self.assertNotEqual(again, job)
        self.assertEqual(self.record()["array"]["tasks"], [2])
        self.merge_ended("COMPLETED")
        self.assertEqual([len(list(self.shard(i).glob("epochs/*"))) for i in range(4)], [1, 1, 2, 1])
        self.assertEqual(ditmill.outcome(self.run_directory)["exit"], 0)
        self.assert_like_an_undisturbed_run(manifest)
        self.assertIn("finished and merged", self.ditmill("submit", manifest, "--retry").stderr)
        status = self.status()
        self.assertEqual((status["state"], status["done"], len(status["shards"])), ("finished", 22, 4))
        self.assertRegex(self.ditmill("status", self.run_directory).stdout, r"of 4 shards 4 finished; merged")

    def test_retry_leaves_alone_what_lives(self):
        manifest = self.manifest(seconds=0.5, items=40, slurm=ONE_RANK)
        self.submit(manifest, "--array", "4")
        self.until(lambda: all(self.shard(i).is_dir() and self.shard_records(i, "done") for i in range(4)))
        self.kill_rank_of(1)
        self.until(lambda: not self.cluster.run("squeue", "--noheader", "--format=%i").count("_1"))
        self.assertIn("--retry", self.ditmill("submit", manifest, "--array", "4", code=1).stderr)
        again = self.submit(manifest, "--retry")
        record = self.record()
        self.assertEqual(record["array"]["tasks"], [1])
        self.assertEqual(len(record["array"]["older_jobs"]), 1)
        self.ditmill("submit", manifest, "--retry")
        self.assertEqual(self.record()["job_id"], again)
        self.merge_ended("COMPLETED")
        self.assertEqual(self.status()["done"], 40)
        self.assertEqual([len(list(self.shard(i).glob("epochs/*"))) for i in range(4)], [1, 2, 1, 1])

    def test_a_task_goes_back_to_the_queue_by_itself_and_the_merge_waits_for_it(self):
        job = self.submit(self.manifest(seconds=0.3, items=40, slurm=dict(ONE_RANK, max_restarts=1)), "--array", "2")
        self.until(lambda: all(self.shard(i).is_dir() and self.shard_records(i, "done") for i in range(2)))
        self.cluster.run("scancel", "--batch", "--signal=USR2", f"{job}_1")
        self.merge_ended("COMPLETED")
        self.assertEqual([self.cluster.job(f"{job}_{i}")["Restarts"] for i in range(2)], ["0", "1"], self.log())
        self.assertEqual(ditmill.outcome(self.run_directory)["done"], 40)

    def test_cancel_ends_what_runs_in_order_and_takes_the_rest_from_the_queue(self):
        manifest = self.manifest(seconds=0.3, items=60, slurm=ONE_RANK)
        job = self.submit(manifest, "--array", "4%2")
        self.until(lambda: all(self.shard(i).is_dir() and self.shard_records(i, "done") for i in range(2)))
        status = self.status()
        self.assertEqual([shard["state"] for shard in status["shards"]], ["running", "running", "waiting", "waiting"])
        self.assertEqual(status["state"], "running")
        cancelled = json.loads(self.ditmill("cancel", self.run_directory, "--json").stdout)["jobs"]
        self.assertEqual([(j["job_id"], j["in_order"]) for j in sorted(cancelled, key=lambda j: j["job_id"])],
                         [(f"{job}_0", True), (f"{job}_1", True), (f"{job}_2", False), (f"{job}_3", False),
                          (self.record()["array"]["merge_job"], False)])
        self.until(lambda: not self.cluster.run("squeue", "--noheader"))
        self.assertEqual([ditmill.outcome(self.shard(i))["exit"] for i in range(2)], [75, 75])
        self.assertFalse(self.shard(2).exists())
        again = self.ditmill("submit", manifest, "--array", "4", "--wait", "--json")
        self.assertEqual(json.loads(again.stdout)["array"]["tasks"], [0, 1, 2, 3])
        self.assertEqual(ditmill.outcome(self.run_directory)["done"], 60)

    def test_shards_with_items_given_up_are_merged_and_taken_up_again_where_asked(self):
        manifest = self.manifest(seconds=0.6, items=8, slurm=dict(ONE_RANK, max_crashes=5))  # to be caught at it
        poison = Poison(self.shard(0), "000004", signal.SIGKILL)
        self.addCleanup(poison.stop)
        done = self.ditmill("submit", manifest, "--array", "2", "--wait", code=2)
        self.assertIn("shard 0: 1 item quarantined", done.stderr)
        self.assertEqual(ditmill.outcome(self.run_directory)["quarantined"], 1)
        poison.stop()
        self.assertIn("finished and merged", self.ditmill("submit", manifest, "--retry").stderr)
        again = self.ditmill("submit", manifest, "--retry", "failed,quarantined", "--wait", "--json")
        self.assertEqual(json.loads(again.stdout)["array"]["tasks"], [0])
        self.assertEqual(ditmill.outcome(self.run_directory)["done"], 8)
        self.assert_like_an_undisturbed_run(manifest)

    def test_stop_stops_all_shards_and_wait_tells_the_worst_exit_code(self):
        manifest = self.manifest(seconds=0.3, items=12, slurm=dict(ONE_RANK, max_restarts=2))
        with concurrent.futures.ThreadPoolExecutor() as pool:
            waiting = pool.submit(self.ditmill, "submit", manifest, "--array", "3", "--wait", "--", "--begin=now+3", code=75)
            while not self.cluster.run("squeue", "--noheader"):
                self.assertFalse(waiting.done())
                time.sleep(0.1)
            (self.run_directory / "STOP").touch()
            self.assertIn("STOP is there", waiting.result().stderr)
        self.assertFalse((self.run_directory / "outcome.json").exists())
        (self.run_directory / "STOP").unlink()
        self.submit(manifest, "--retry", "--", "--begin=now+1hour")
        self.assertIn("queued or at work", self.ditmill("submit", manifest, "--retry").stderr)
        text = (self.path / "list.txt").read_text()
        (self.path / "list.txt").write_text(text + "one more\n")
        refused = self.ditmill("submit", manifest, "--retry", code=1).stderr
        self.assertRegex(refused, r"that its tasks were submitted with(.|\n)*ditmill cancel")
        (self.path / "list.txt").write_text(text)
        self.ditmill("cancel", self.run_directory)
        self.ditmill("submit", manifest, "--retry", "--wait")
        self.assertEqual(ditmill.outcome(self.run_directory)["done"], 12)

    def test_a_shard_that_max_fails_stopped_is_not_finished(self):
        manifest = self.manifest(seconds=0, items=12, slurm=ONE_RANK)
        self.ditmill("submit", manifest, "--array", "2", "--wait")
        path = self.shard(1) / "outcome.json"
        path.write_text(json.dumps(dict(json.loads(path.read_text()), exit=2, failed=1, done=1, left=4)))
        (self.run_directory / "outcome.json").unlink()
        again = self.ditmill("submit", manifest, "--retry", "--wait", "--json")
        self.assertEqual(json.loads(again.stdout)["array"]["tasks"], [1])

    def test_an_array_keeps_its_shards_and_grows_with_its_list(self):
        manifest = self.manifest(seconds=0, items=10, slurm=ONE_RANK)
        self.ditmill("submit", manifest, "--array", "3", "--wait")
        for words in ([], ["--array", "4"]):
            self.assertIn("--array 3 or --retry", self.ditmill("submit", manifest, *words, code=1).stderr)
        manifest = self.manifest(seconds=0, items=15, slurm=ONE_RANK)
        self.ditmill("submit", manifest, "--array", "3", "--wait")
        self.assertEqual(ditmill.outcome(self.run_directory)["done"], 15)
        self.assert_like_an_undisturbed_run(manifest)
        refused = self.ditmill("submit", manifest, "--retry", "--set", "pipeline.steps=9", code=1).stderr
        self.assertRegex(refused, r"5 items of this run directory differ.*what differs: steps")


if __name__ == "__main__":
    unittest.main()
