"""run --shard and the merge of an array's shards into its run directory, without Slurm."""

import json
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import ditmill


class ShardsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="ditmill-shards-")
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name)
        self.array = self.path / "array"
        self.manifest = self.path / "job.yaml"
        self.list_of(10)

    def list_of(self, items):
        (self.path / "list.txt").write_text("".join(f"prompt {i}\n" for i in range(items)))
        self.manifest.write_text(json.dumps({
            "schema": 1, "name": "job", "model": {"noop": 0},
            "requests": {"defaults": {"width": 32, "height": 16, "frames": 1, "seed": "auto"}, "file": "list.txt"},
            "output": {"path": "whole", "items_per_part": 1}}))

    def folder(self, index):
        return self.array / "shards" / f"{index:04}"

    def run_shard(self, index, count=3, **more):
        return ditmill.ditmill("run", self.manifest, "--shard", f"{index}/{count}", "--run-dir", self.folder(index),
                               ranks=1, **more)

    def merge(self, **more):
        return ditmill.ditmill("results", "merge", *(self.folder(i) for i in range(3)), "--out", self.array, **more)

    @staticmethod
    def items(run):
        return [json.loads(line) for line in (run / "requests.jsonl").read_text().splitlines()]

    def verified(self, run):
        return json.loads(ditmill.ditmill("results", "verify", run, "--json").stdout)["done"]

    def test_shards_are_the_list_by_turns_and_merge_to_the_whole_run(self):
        ditmill.ditmill("run", self.manifest, ranks=1)
        for i in range(3):
            self.run_shard(i)
            self.assertEqual(self.items(self.folder(i)), self.items(self.path / "whole")[i::3])
        self.merge()
        self.assertEqual(self.items(self.array), self.items(self.path / "whole"))
        self.assertEqual(self.verified(self.array), 10)
        refused = ditmill.ditmill("run", self.array / "manifest.yaml", ranks=1, code=1)
        self.assertIn("that of an array, whose shards are runs of their own", refused.stderr)
        again = ditmill.ditmill("run", "--from-dump", self.folder(1) / "config.json", "--run-dir", self.path / "again",
                                ranks=1)
        self.assertEqual(again.returncode, 0)
        self.assertEqual(self.items(self.path / "again"), self.items(self.path / "whole")[1::3])

    def test_a_run_directory_stays_the_shard_that_it_is(self):
        self.run_shard(1)
        self.run_shard(1)
        for words, message in [(["--shard", "1/4"], "give --shard 1/3"), ([], "give --shard 1/3"),
                               (["--shard", "3/3"], "requests.shard is not valid"),
                               (["--shard", "10/11"], "at most as many parts as the 10 items")]:
            with self.subTest(words=words):
                done = ditmill.ditmill("run", self.manifest, *words, "--run-dir", self.folder(1), ranks=1, code=1)
                self.assertIn(message, done.stderr)
        ditmill.ditmill("run", self.manifest, ranks=1)
        done = ditmill.ditmill("run", self.manifest, "--shard", "0/2", ranks=1, code=1)
        self.assertIn("leave --shard out", done.stderr)
        check = ditmill.ditmill("run", self.manifest, "--shard", "0/3", "--check", code=1)
        self.assertIn("leave --shard out", check.stdout)
        check = ditmill.ditmill("run", self.manifest, "--shard", "0/3", "--run-dir", self.path / "other", "--check", "--json")
        self.assertEqual(json.loads(check.stdout)["items"], 4)

    def test_a_merge_takes_the_shards_of_one_array_whole(self):
        for i in (0, 2):
            self.run_shard(i)
        shutil.copytree(self.folder(2), self.folder(1))
        self.assertIn("expected 1/3, got 2/3", self.merge(code=1).stderr)
        self.assertFalse((self.array / "requests.jsonl").exists())

    def test_stop_in_the_arrays_run_directory_stops_a_shard(self):
        self.array.mkdir()
        (self.array / "STOP").touch()
        self.assertIn(f"{self.array}/STOP is there", self.run_shard(0, code=75).stderr)

    def test_a_merge_that_is_killed_leaves_what_was_merged_and_the_next_one_does_it(self):
        for i in range(3):
            self.run_shard(i)
        self.merge()
        self.list_of(22)
        for i in range(3):
            self.run_shard(i)
        before = shutil.copytree(self.array, self.path / "before")
        arguments = [ditmill.DITMILL, "results", "merge", *(self.folder(i) for i in range(3)), "--out", self.array,
                     "--copy"]
        kills = 0
        for milliseconds in range(1, 60, 14):
            shutil.rmtree(self.array)
            shutil.copytree(before, self.array)
            with subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as merge:
                time.sleep(milliseconds / 1000)
                merge.send_signal(signal.SIGKILL)
            kills += merge.returncode == -signal.SIGKILL
            ditmill.ditmill("results", "index", "--rebuild", self.array)
            self.assertGreaterEqual(self.verified(self.array), 10)
            self.merge()
            self.assertEqual(self.verified(self.array), 22)
        self.assertGreater(kills, 0)


if __name__ == "__main__":
    unittest.main()
