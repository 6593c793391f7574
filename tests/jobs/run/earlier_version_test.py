#!/usr/bin/env python3
"""Run directories that an earlier version made are read as it read them, and go on: earlier_version.tar.xz.

It was made by commit b3bd2a3: make.py in it has a rank killed in one start and a second start stopped, s0 and s1 are two
shards of the same list, and said/ is what that version said of them (status, results ls, verify, show, merge).

earlier_weights.tar.xz is a run with weights (all zero, to be small), made by commit 9dc0a34, which called the transformer
`dit`: in the manifest, config.json, digests.json and the record of `weights digest --write`.
"""

import json
import os
import pathlib
import shutil
import subprocess
import tarfile
import tempfile
import unittest

from ditmill import ditmill

MADE = pathlib.Path(__file__).with_name("earlier_version.tar.xz")
# What depends on the moment, or on where the run lies.
FLEETING = {"heartbeat_age_s", "run", "run_directory", "age_s", "now", "time", "elapsed_s", "eta_s", "owner"}


def lasting(value):
    """A JSON value without what differs from look to look."""
    if isinstance(value, dict):
        return {key: lasting(each) for key, each in value.items() if key not in FLEETING}
    return [lasting(each) for each in value] if isinstance(value, list) else value


class EarlierVersion(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        with tarfile.open(MADE) as archive:
            archive.extractall(self.folder)
        self.run_directory = self.folder / "run"

    def said(self, name):
        return lasting(json.loads((self.folder / "said" / f"{name}.json").read_text()))

    def says(self, *words, code=0):
        return lasting(json.loads(ditmill(*words, "--json", code=code, cwd=self.folder).stdout))

    def started_in(self, epoch):
        return [record["item"] for journal in self.run_directory.glob(f"journal/e{epoch:04}-*")
                for record in map(json.loads, journal.read_text().splitlines()) if record["event"] == "start"]

    def test_is_told_as_that_version_told_it(self):
        self.assertEqual(self.says("status", "run"), self.said("status"))
        self.assertEqual(self.says("results", "ls", "run"), self.said("ls"))
        self.assertEqual(self.says("results", "verify", "run", code=2), self.said("verify"))
        self.assertEqual(self.says("results", "show", "run", "clip-4"), self.said("show"))

    def test_is_reported(self):
        ditmill("report", "run", cwd=self.folder)
        self.assertIn("before-rooms", (self.run_directory / "report.html").read_text())

    def test_goes_on_with_what_is_left_alone(self):
        ditmill("run", "job.yaml", "--run-dir", "run", "--set", "model.noop=1", ranks=2, cwd=self.folder)
        self.assertEqual(self.started_in(3), ["clip-6"])
        self.assertEqual(self.says("results", "verify", "run")["done"], 8)
        stored = {item["id"]: item["content"] for item in self.says("results", "ls", "run")}
        for item in self.said("ls"):
            if item["state"] == "done":
                self.assertEqual(stored[item["id"]], item["content"])

    def test_shards_are_merged(self):
        ditmill("results", "merge", "s0", "s1", "--out", "merged", cwd=self.folder)
        self.assertEqual(self.says("results", "ls", "merged"), self.said("merged"))
        self.assertEqual(self.says("results", "verify", "merged")["damage"], [])

    def test_damage_to_its_journals_is_found(self):
        subprocess.run(["sed", "-i", "1s/start/stars/", *self.run_directory.glob("journal/e0001-*")], check=True)
        self.assertNotEqual(self.says("results", "verify", "run", code=3)["damage"], [])


class EarlierWeights(unittest.TestCase):
    DIGEST = "sha256:09f609068a1d9965b3cf3ee82099c494829623369b26e34a0284a439a8a7e6c4"

    def setUp(self):
        folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        with tarfile.open(MADE.with_name("earlier_weights.tar.xz")) as archive:
            archive.extractall(folder)
        self.folder = folder / "weights"
        self.run_directory = self.folder / "run"

    def run_it(self, *words):
        return ditmill("run", *words, ranks=2, cwd=self.folder)

    def epoch_of(self, item):
        [epoch] = {path.name[:5] for path in self.run_directory.glob("journal/*") if f'"item":"{item}"' in path.read_text()}
        return epoch

    def test_items_keep_their_keys_and_pins_hold(self):
        job = (self.folder / "job.yaml").read_text()
        (self.folder / "job.yaml").write_text(job.replace("{id: dog, prompt: a dog}", "{id: dog, prompt: a dog}, {id: owl, prompt: an owl}"))
        self.run_it("job.yaml", "--set", f"model.digest={self.DIGEST}")
        self.assertEqual([self.epoch_of(item) for item in ("cat", "dog", "owl")], ["e0001", "e0001", "e0002"])
        self.assertEqual(ditmill("results", "verify", "run", cwd=self.folder).returncode, 0)
        config = json.loads((self.run_directory / "config.json").read_text())
        self.assertEqual(config["weights_digest"], self.DIGEST)
        self.assertEqual([model["name"] for model in config["layer1_model_definition"]["models"]], ["transformer", "text_encoder", "vae"])

    def test_remembered_digests_are_used(self):
        remembered = json.loads((self.run_directory / "digests.json").read_text())
        self.assertIn("dit", remembered)
        for component in remembered.values():
            for file in component["files"]:
                file["path"] = file["path"].replace("/tmp/fx/weights", str(self.folder))
                stat = os.stat(file["path"])
                file.update(inode=stat.st_ino, mtime_ns=stat.st_mtime_ns)
        (self.run_directory / "digests.json").write_text(json.dumps(remembered))
        # Nothing is left to do, and what the weights are is known: no byte of them is read.
        self.assertNotIn("loaded", self.run_it("job.yaml").stderr)

    def test_its_dump_makes_the_job_again(self):
        moved = ["--set", f"model.path={self.folder}/model", "--set", f"model.catalog={self.folder}/catalog.yaml"]
        self.run_it("--from-dump", "run/config.json", "--run-dir", "again", *moved, "--set", "pipeline.components.dit.dtype=float32")
        config = json.loads((self.folder / "again" / "config.json").read_text())
        self.assertEqual(config["weights_digest"], self.DIGEST)
        self.assertEqual(config["identity"], json.loads((self.run_directory / "config.json").read_text())["identity"])

    def test_its_record_of_digests_verifies(self):
        self.assertEqual(ditmill("weights", "digest", "model", "--verify", "record.json", cwd=self.folder).returncode, 0)


if __name__ == "__main__":
    unittest.main()
