"""`ditmill run` itself, with weights: against diffusers, with any number of ranks, killed and resumed."""

import json
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import time
import unittest

import h5py
import numpy
import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import ditmill
import probe
import tiny_wan
from test_pipeline import SHAPE, SHIFT, STEPS, Oracle, draw_requests, request

SEED = probe.fresh_seed("test_run")


class Run(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="ditmill-weights-")
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.path = pathlib.Path(cls.scratch.name)
        cls.model = cls.path / "model"
        tiny_wan.make(cls.model, SEED, SHAPE)
        catalog = ditmill.ditmill("registry", "template", cls.model, "--name", "tiny").stdout
        (cls.path / "catalog.yaml").write_text(catalog)
        cls.requests = draw_requests(random.Random(SEED)) + [request(6, "a seventh", "", 48, 48, 5, 7)]
        (cls.path / "prompts.jsonl").write_text("".join(json.dumps(r) + "\n" for r in cls.requests))
        cls.manifest = cls.path / "job.yaml"
        cls.manifest.write_text(json.dumps({
            "schema": 1,
            "name": "oracle",
            "model": {"path": "model", "catalog": "catalog.yaml"},
            "pipeline": {"solver": "unipc", "steps": STEPS, "guidance_scale": 5.0, "flow_shift": SHIFT,
                         "dtype": "float32"},
            "requests": {"file": "prompts.jsonl"},
            "output": {"path": "run", "latents": True, "items_per_part": 2},
        }))

    def run_job(self, name, ranks, *more, code=0):
        ditmill.ditmill("run", self.manifest, "--run-dir", self.path / name, *more, ranks=ranks, code=code)
        return self.path / name

    def assert_same_frames(self, run, reference):
        got, want = ditmill.frames(run), ditmill.frames(reference)
        self.assertEqual(sorted(got), sorted(want))
        for item in want:
            self.assertTrue(numpy.array_equal(got[item], want[item]), item)

    def test_equals_diffusers(self):
        run = self.run_job("oracle", 2)
        oracle = Oracle(self.model, torch.float32)
        with h5py.File(run / "results.h5") as results:
            for item in self.requests:
                stored = results["items"][item["id"]]
                latents, frames = oracle.run(item, "unipc", 5.0)
                apart = probe.distance(torch.from_numpy(stored["latents"][...]), latents)
                print(f"run {item['id']}: {apart:.2e} from diffusers' latents")
                self.assertLessEqual(apart, 3e-5)
                levels = numpy.abs(stored["frames"][...].astype(float) - (255 * frames).round().numpy())
                self.assertGreaterEqual((levels <= 1).mean(), 0.999)

    def test_any_number_of_ranks_gives_the_same_bytes(self):
        reference = self.run_job("ranks1", 1, "--threads", "1")
        for ranks in (2, 3, 4):
            self.assert_same_frames(self.run_job(f"ranks{ranks}", ranks, "--threads", "1"), reference)

    def test_killed_and_resumed_gives_the_same_bytes(self):
        reference = self.run_job("calm", 2, "--threads", "1")
        generator = random.Random(SEED)
        for _ in range(4):
            process = ditmill.start("run", self.manifest, "--run-dir", self.path / "killed", "--threads", "1",
                                    ranks=generator.choice((1, 2, 3)))
            time.sleep(generator.uniform(1.0, 2.5))
            ditmill.kill_all(process, self.path / "killed")
        self.assert_same_frames(self.run_job("killed", 3, "--threads", "1"), reference)

    def test_an_item_that_is_not_finite_fails_alone(self):
        run = self.path / "nan"
        ditmill.ditmill("run", self.manifest, "--run-dir", run, "--set", "pipeline.steps=2",
                        "--set", f"model.path={self.poisoned_model()}",
                        "--set", "requests.file=poison.jsonl", ranks=2, code=2)
        self.assertEqual((ditmill.outcome(run)["done"], ditmill.outcome(run)["failed"]), (1, 1))
        [failed] = [r for r in ditmill.journal(run) if r["event"] == "failed"]
        self.assertEqual(failed["item"], "poison")
        self.assertIn("numeric", failed["reason"])
        self.assertEqual(list(ditmill.frames(run)), ["good"])

    def poisoned_model(self):
        """The model with one NaN, that only the poison prompt meets."""
        folder = self.path / "poisoned"
        if not folder.exists():
            tiny_wan.poison(self.model, folder, "cat", "雨")
            (self.path / "poison.jsonl").write_text("".join(
                json.dumps(request(0, text, "", 32, 32, 1, 3) | {"id": name}) + "\n"
                for name, text in (("good", "cat"), ("poison", "雨"))))
        return folder

    def test_changed_weights_are_refused_on_resume(self):
        run = self.run_job("weights", 1)
        from safetensors.torch import load_file, save_file

        shards = sorted((self.model / "transformer").glob("*.safetensors"))
        path, original = shards[0], shards[0].read_bytes()
        try:
            tensors = load_file(path)
            name = sorted(tensors)[0]
            tensors[name] = tensors[name] + 1
            save_file(tensors, path, metadata={"format": "pt"})
            done = ditmill.ditmill("run", self.manifest, "--run-dir", run, ranks=1, code=1)
            self.assertIn("transformer", done.stderr)
        finally:
            path.write_bytes(original)

    def test_unknown_weights_are_refused_with_what_would_add_them(self):
        done = ditmill.ditmill("run", self.manifest, "--run-dir", self.path / "unknown",
                               "--set", f"model={{path: {self.model}}}", ranks=2, code=1)
        for words in ("key_hash:", "model.catalog", "wan2.1-t2v-1.3b"):
            self.assertIn(words, done.stderr)

    def test_the_readme_reads_results_from_python(self):
        run = self.run_job("readme", 2)
        readme = (ditmill.ROOT / "README.md").read_text()
        code = next(block for block in re.findall(r"```python\n(.*?)```", readme, re.DOTALL) if "config_json" in block)
        done = subprocess.run([sys.executable, "-c", code, str(run)], capture_output=True, text=True, check=True)
        self.assertIn("item0 (1, 32, 48, 3)", done.stdout)
        self.assertIn("sha256:", done.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
