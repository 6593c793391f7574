"""The main path without weights: real ranks under mpirun, a rehearsal model, real HDF5 files read by h5py."""

import json
import os
import pathlib
import random
import tempfile
import time
import unittest

import h5py
import numpy

import ditmill
from waiting import PATIENCE, until

SEED = int(os.environ.get("DITMILL_TEST_SEED", random.SystemRandom().randrange(1 << 31)))
print(f"DITMILL_TEST_SEED={SEED}")


class Run(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="ditmill-run-")
        self.addCleanup(self.folder.cleanup)
        self.path = pathlib.Path(self.folder.name)

    def manifest(self, items, name="job", seconds=0.0, output="run", **sections):
        lines = "".join(json.dumps(item) + "\n" for item in items)
        (self.path / f"{name}.jsonl").write_text(lines)
        manifest = {
            "schema": 1,
            "name": name,
            "model": {"noop": seconds},
            "requests": {"defaults": {"width": 32, "height": 16, "frames": 3}, "file": f"{name}.jsonl"},
            "output": {"path": output},
            **sections,
        }
        path = self.path / f"{name}.yaml"
        path.write_text(json.dumps(manifest))  # JSON is YAML
        return path

    @staticmethod
    def items(count, first_seed=100):
        return [{"id": f"item-{i}", "prompt": f"prompt {i}", "seed": first_seed + i} for i in range(count)]

    def test_every_number_of_ranks_gives_the_same_bytes(self):
        reference = None
        for ranks in (1, 2, 3, 4):
            manifest = self.manifest(self.items(7), output=f"run{ranks}")
            ditmill.ditmill("run", manifest, ranks=ranks)
            frames = ditmill.frames(self.path / f"run{ranks}")
            self.assertEqual(sorted(frames), [f"item-{i}" for i in range(7)])
            if reference is None:
                reference = frames
            for name, pixels in frames.items():
                self.assertEqual(pixels.shape, (3, 16, 32, 3))
                self.assertTrue(numpy.array_equal(pixels, reference[name]), f"{name} with {ranks} ranks")

    def test_items_with_other_seeds_have_other_frames(self):
        ditmill.ditmill("run", self.manifest(self.items(2)))
        frames = ditmill.frames(self.path / "run")
        self.assertFalse(numpy.array_equal(frames["item-0"], frames["item-1"]))

    def test_a_second_start_finds_nothing_left_and_changes_no_part(self):
        manifest = self.manifest(self.items(3))
        ditmill.ditmill("run", manifest, ranks=2)
        parts = {p: p.read_bytes() for p in (self.path / "run" / "parts").rglob("*.h5")}
        ditmill.ditmill("run", manifest, ranks=3)
        self.assertEqual(parts, {p: p.read_bytes() for p in (self.path / "run" / "parts").rglob("*.h5")})
        self.assertEqual(ditmill.outcome(self.path / "run"),
                         {"exit": 0, "done": 3, "failed": 0, "quarantined": 0, "left": 0,
                          "reason": "all items done", "epoch": 2})

    def test_killed_runs_resume_with_other_rank_counts_and_lose_nothing(self):
        generator = random.Random(SEED)
        items = self.items(24)
        ditmill.ditmill("run", self.manifest(items, name="calm", output="calm"), ranks=2)
        manifest = self.manifest(items, name="stormy", seconds=0.05, output="stormy",)
        acknowledged = set()
        for _ in range(6):
            ranks = generator.choice((1, 2, 3, 4))
            process = ditmill.start("run", manifest, "--run-dir", self.path / "stormy", ranks=ranks)
            time.sleep(generator.uniform(0.3, 1.6))
            ditmill.kill_all(process, self.path)
            if (self.path / "stormy" / "journal").exists():
                now = {r["item"] for r in self.records("stormy") if r["event"] == "done"}
                self.assertLessEqual(acknowledged, now)
                acknowledged = now
        ditmill.ditmill("run", manifest, "--run-dir", self.path / "stormy", ranks=3)
        done = [r["item"] for r in self.records("stormy") if r["event"] == "done"]
        self.assertEqual(len(done), len(set(done)), "an item was acknowledged twice")
        calm, stormy = ditmill.frames(self.path / "calm"), ditmill.frames(self.path / "stormy")
        self.assertEqual(sorted(calm), sorted(stormy))
        for name in calm:
            self.assertTrue(numpy.array_equal(calm[name], stormy[name]), name)

    def records(self, run):
        """Journal records; a torn last line is what a kill leaves."""
        records = []
        for path in sorted((self.path / run / "journal").glob("*.jsonl")):
            for line in path.read_text().splitlines():
                try:
                    records.append(json.loads(line))
                except json.JSONDecodeError:
                    pass
        return records

    def test_results_carry_their_attributes(self):
        items = self.items(1)
        items[0]["source"] = {"row": 7}
        ditmill.ditmill("run", self.manifest(items))
        with h5py.File(self.path / "run" / "results.h5") as results:
            attributes = dict(results["items/item-0"].attrs)
            self.assertEqual(results.attrs["schema_version"], 1)
        self.assertEqual(attributes["prompt"], "prompt 0")
        self.assertEqual(attributes["seed"], 100)
        self.assertEqual((attributes["width"], attributes["height"], attributes["frames"]), (32, 16, 3))
        self.assertEqual(json.loads(attributes["metadata_json"]), {"source": {"row": 7}})
        config = json.loads(attributes["config_json"])
        self.assertEqual(set(config) >= {"layer1_model_definition", "layer2_inference_config", "layer3_request"}, True)
        self.assertEqual(config["layer3_request"]["seed"], 100)

    def test_the_dump_and_the_frozen_inputs_are_written(self):
        ditmill.ditmill("run", self.manifest(self.items(2)), "--set", "pipeline.steps=7")
        run = self.path / "run"
        config = json.loads((run / "config.json").read_text())
        self.assertEqual(set(config) >= {"version", "timestamp", "pipeline_type", "device", "torch_dtype",
                                         "layer1_model_definition", "layer2_inference_config"}, True)
        self.assertEqual(config["layer2_inference_config"]["steps"], 7)
        lines = [json.loads(line) for line in (run / "requests.jsonl").read_text().splitlines()]
        self.assertEqual([line["id"] for line in lines], ["item-0", "item-1"])
        self.assertTrue(all(len(line["key"]) == 64 for line in lines))
        again = self.path / "again.yaml"
        again.write_text((run / "manifest.yaml").read_text())
        ditmill.ditmill("run", again, "--run-dir", run)
        self.assertEqual(ditmill.outcome(run)["epoch"], 2)

    def test_progress_and_errors_go_to_stderr_and_results_to_stdout(self):
        result = ditmill.ditmill("run", self.manifest(self.items(2)), "--json", ranks=2)
        self.assertEqual(json.loads(result.stdout)["done"], 2)
        self.assertIn("2 done, 0 failed of 2", result.stderr)

    def test_log_lines_of_other_ranks_carry_their_rank(self):
        log = self.path / "log.txt"
        ditmill.ditmill("run", self.manifest(self.items(2)), "--log-level", "debug", "--log-file", log, ranks=2)
        self.assertRegex(log.read_text(), r"(?m)^\S+ debug rank 1: ")

    def test_mistakes_exit_with_1_and_say_where(self):
        manifest = self.manifest(self.items(1))

        def check(case):
            arguments, words = case
            result = ditmill.ditmill(*arguments, ranks=2, code=1)
            self.assertIn(words, result.stderr)
            said = [line for line in result.stderr.splitlines() if words in line and "mpirun" not in line]
            self.assertLessEqual(len(said), 2, result.stderr)
            self.assertEqual(result.stdout, "")

        ditmill.side_by_side(self, [
            (["run", self.path / "absent.yaml"], "absent.yaml"),
            (["run", manifest, "--set", "pipeline.stepz=3"], "stepz"),
            (["run", manifest, "--set", "pipeline.steps=0"], "steps"),
            (["run", manifest, "--set", "pipeline.parallel={dp: 3}"], "dp"),
            (["run", manifest, "--frobnicate"], "frobnicate"),
            (["run", manifest, "--retry", "all"], "retry"),
        ], check)

    def test_check_needs_no_launcher_and_runs_nothing(self):
        manifest = self.manifest(self.items(5))
        report = json.loads(ditmill.ditmill("run", manifest, "--check", "--json", "--ranks", "3").stdout)
        self.assertEqual(report["items"], 5)
        self.assertEqual(report["world"], 3)
        self.assertEqual(report["degrees"]["dp"], 3)
        self.assertEqual(len(report["ranks"]), 3)
        self.assertEqual(report["problems"], [])
        self.assertGreaterEqual(report["disk_bytes"], 5 * 3 * 16 * 32 * 3)
        self.assertFalse((self.path / "run").exists())

    def test_check_lays_out_a_rehearsal_of_any_degrees(self):
        for parallel, ranks, degrees in (({"tp": 2, "cfg": 2}, 8, {"dp": 2, "cfg": 2, "tp": 2}),
                                         ({"ring": 3, "pp": 2}, 6, {"dp": 1, "ring": 3, "pp": 2}),
                                         ("auto", 5, {"dp": 5, "tp": 1})):
            with self.subTest(parallel):
                manifest = self.manifest(self.items(2), pipeline={"parallel": parallel})
                report = json.loads(ditmill.ditmill("run", manifest, "--check", "--json", "--ranks", str(ranks)).stdout)
                self.assertEqual({axis: report["degrees"][axis] for axis in degrees}, degrees)
                self.assertEqual(len(report["ranks"]), ranks)
                self.assertEqual("choice" in report, parallel == "auto")

    def test_check_says_what_degrees_would_fit(self):
        manifest = self.manifest(self.items(2), pipeline={"parallel": {"tp": 3}})
        report = json.loads(ditmill.ditmill("run", manifest, "--check", "--json", "--ranks", "8", code=1).stdout)
        self.assertIn("tp: 2 fits this world", report["problems"][0]["message"])

    def test_check_reports_all_problems_together(self):
        manifest = self.manifest([{"prompt": "a", "seed": -1}, {"prompt": "b", "sed": 3}], pipeline={"stepz": 4})
        result = ditmill.ditmill("run", manifest, "--check", "--json", code=1)
        problems = json.loads(result.stdout)["problems"]
        self.assertEqual(len(problems), 3, problems)
        self.assertEqual({p["nearest"] for p in problems}, {"", "seed", "steps"})

    def test_two_owners_of_one_run_directory_do_not_both_write(self):
        manifest = self.manifest(self.items(40), seconds=0.1)
        first = ditmill.start("run", manifest, ranks=1)
        until(lambda: list((self.path / "run").glob("epochs/*.json")), "the first owner")
        second = ditmill.start("run", manifest, ranks=1)
        first_text, _ = first.communicate(timeout=PATIENCE)
        second_text, _ = second.communicate(timeout=PATIENCE)
        self.assertEqual(first.returncode, 0, first_text)
        self.assertEqual(second.returncode, 0, second_text)
        starts = [r["item"] for r in ditmill.journal(self.path / "run") if r["event"] == "start"]
        self.assertEqual(len(starts), 40)


if __name__ == "__main__":
    unittest.main(verbosity=2)
