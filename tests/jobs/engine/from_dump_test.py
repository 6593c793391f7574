"""`run --from-dump` of a rehearsal: the same bytes again, from config.json or from one item's config_json."""

import json
import pathlib
import tempfile
import unittest

import h5py
import numpy

import ditmill


class FromDump(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="ditmill-dump-")
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name)
        items = [{"id": f"item-{i}", "prompt": f"prompt {i} \N{GRINNING FACE} \"{i}\"", "seed": 2**63 - 1 - i,
                  "row": {"n": i}} for i in range(5)]
        (self.path / "list.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
        self.manifest = self.path / "job.yaml"
        self.manifest.write_text(json.dumps({
            "schema": 1, "name": "cats", "model": {"noop": 0.0},
            "pipeline": {"steps": 7, "guidance_scale": 0.1},
            "requests": {"defaults": {"width": 32, "height": 16, "frames": 3, "negative_prompt": "ugly"},
                         "file": "list.jsonl"},
            "output": {"path": "first", "compression": "gzip-3", "items_per_part": 2},
        }))
        self.first = self.path / "first"

    def run_first(self, *more, ranks=2):
        ditmill.ditmill("run", self.manifest, *more, ranks=ranks)
        (self.path / "list.jsonl").unlink()  # nothing but the run directory is left
        self.manifest.unlink()
        return json.loads((self.first / "config.json").read_text())

    def repeat(self, name, *more, ranks=3, code=0, dump=None):
        return ditmill.ditmill("run", "--from-dump", dump or self.first / "config.json", "--run-dir", self.path / name,
                               *more, ranks=ranks, code=code)

    def contents(self, run):
        return {r["item"]: (r["key"], r["content"]) for r in ditmill.journal(run) if r["event"] == "done"}

    def test_a_run_is_reproduced_from_its_dump_alone(self):
        config = self.run_first("--threads", "2")
        self.repeat("again")
        again = self.path / "again"
        self.assertEqual(len(self.contents(again)), 5)
        self.assertEqual(self.contents(again), self.contents(self.first))
        frames, expected = ditmill.frames(again), ditmill.frames(self.first)
        for item, pixels in expected.items():
            self.assertTrue(numpy.array_equal(frames[item], pixels), item)
        self.assertEqual((again / "requests.jsonl").read_bytes(), (self.first / "requests.jsonl").read_bytes())
        repeated = json.loads((again / "config.json").read_text())
        for field in ("layer1_model_definition", "layer2_inference_config", "layer3_requests", "output", "name",
                      "pipeline_type", "device", "torch_dtype", "threads", "identity", "weights_digest"):
            self.assertEqual(repeated[field], config[field], field)
        self.assertEqual(config["threads"], 2)
        with h5py.File(again / "results.h5") as results:
            stored = results["items/item-3"]
            self.assertEqual(json.loads(stored.attrs["metadata_json"]), {"row": {"n": 3}})
            self.assertEqual((stored["frames"].compression, stored["frames"].compression_opts), ("gzip", 3))

    def test_the_dump_names_its_third_layer(self):
        config = self.run_first()
        self.assertEqual({"file": "requests.jsonl", "items": 5}, {
            key: config["layer3_requests"][key] for key in ("file", "items")})
        self.assertEqual(config["output"], {"frames": True, "video": "none", "latents": False, "compression": "gzip-3",
                                            "items_per_part": 2})

    def test_the_repeated_run_resumes_from_its_own_manifest(self):
        self.run_first()
        self.repeat("again")
        for path in sorted(self.first.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        done = ditmill.ditmill("run", self.path / "again" / "manifest.yaml", ranks=2)
        self.assertNotIn("has changed", done.stderr)
        self.assertEqual(ditmill.outcome(self.path / "again")["epoch"], 2)
        self.repeat("third", dump=self.path / "again" / "config.json")

    def test_one_item_is_reproduced_from_what_the_store_keeps_of_it(self):
        self.run_first()
        with h5py.File(self.first / "results.h5") as results:
            dump = results["items/item-2"].attrs["config_json"]
        for text in (dump, json.dumps(json.loads(dump), indent=1)):
            (self.path / "item.json").write_text(text)
            self.repeat(f"one{len(text)}", dump=self.path / "item.json")
            one = self.path / f"one{len(text)}"
            self.assertEqual(self.contents(one), {"item-2": self.contents(self.first)["item-2"]})
            with h5py.File(one / "results.h5") as results:
                self.assertEqual(json.loads(results["items/item-2"].attrs["config_json"]), json.loads(dump))
            ditmill.ditmill("run", one / "manifest.yaml")

    def test_degrees_that_do_not_fit_say_what_to_do(self):
        self.run_first("--set", "pipeline.parallel.dp=2")
        self.assertIn("--set pipeline.parallel.dp=auto", self.repeat("again", code=1).stderr)
        checked = json.loads(self.repeat("again", "--check", "--json", "--ranks", "3", ranks=0, code=1).stdout)
        self.assertIn("--set pipeline.parallel.dp=auto", checked["problems"][0]["message"])
        self.repeat("again", "--set", "pipeline.parallel.dp=auto")
        self.assertEqual(self.contents(self.path / "again"), self.contents(self.first))

    def test_check_runs_nothing(self):
        self.run_first()
        report = json.loads(self.repeat("again", "--check", "--json", "--ranks", "4", ranks=0).stdout)
        self.assertEqual((report["items"], report["degrees"]["dp"], report["problems"]), (5, 4, []))
        self.assertFalse((self.path / "again").exists())

    def test_a_changed_list_is_refused(self):
        self.run_first()
        path = self.first / "requests.jsonl"
        path.write_text(path.read_text().replace("prompt 3", "prompt 4"))
        for flags, ranks in ((["--check"], 0), ([], 2)):
            done = self.repeat("again", *flags, ranks=ranks, code=1)
            self.assertRegex(done.stdout + done.stderr, r"config\.json:\d+:\d+: the items are not those of the dump")
        self.assertFalse((self.path / "again").exists())

    def test_what_differs_from_the_dump_is_told(self):
        self.run_first("--threads", "2")
        done = self.repeat("again", "--set", "pipeline.steps=9", "--threads", "1")
        self.assertIn("identity.steps: 7, now 9", done.stderr)
        self.assertIn("threads: 2, now 1", done.stderr)
        self.assertEqual(json.loads((self.path / "again/config.json").read_text())["layer2_inference_config"]["steps"], 9)

    def test_mistakes_of_the_command_line(self):
        self.run_first()
        dump = self.first / "config.json"

        def check(case):
            arguments, words = case
            for flags, ranks in (([], 2), (["--check"], 0)):
                done = ditmill.ditmill("run", *arguments, *flags, ranks=ranks, code=1, cwd=self.path)
                self.assertIn(words, done.stderr + done.stdout)

        ditmill.side_by_side(self, [
            (["--from-dump", dump], "--run-dir"),
            ([], "--from-dump"),
            ([self.path / "job.yaml", "--from-dump", dump, "--run-dir", "x"], "--from-dump"),
            (["--from-dump", self.path / "absent.json", "--run-dir", "x"], "absent.json"),
            (["--from-dump", self.first / "manifest.yaml", "--run-dir", "x"], "manifest.yaml"),
            (["--from-dump", dump, "--run-dir", "x", "--set", "requests.file=y"], "--set requests.file")], check)
        self.assertFalse((self.path / "x").exists())


if __name__ == "__main__":
    unittest.main(verbosity=2)
