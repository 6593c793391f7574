"""`ditmill results replay` with weights: every byte again; on another layout, how far off; never other weights."""

import json
import pathlib
import random
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import ditmill
import probe
import tiny_wan
from test_pipeline import SHAPE, draw_requests

SEED = probe.fresh_seed("test_replay")


class Replay(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="ditmill-replay-")
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.path = pathlib.Path(cls.scratch.name)
        cls.model = cls.path / "model"
        tiny_wan.make(cls.model, SEED, SHAPE)
        (cls.path / "catalog.yaml").write_text(
            ditmill.ditmill("registry", "template", cls.model, "--name", "tiny").stdout)
        generator = random.Random(SEED)
        cls.requests = draw_requests(generator)[2:4]
        (cls.path / "job.yaml").write_text(json.dumps({
            "schema": 1, "name": "oracle",
            "model": {"path": "model", "catalog": "catalog.yaml"},
            "pipeline": {"preset": "wan2.1-t2v-1.3b", "steps": 3, "guidance_scale": 4.5, "dtype": "bfloat16",
                         "components": {"text_encoder": {"offload": generator.choice(("none", "stages"))}}},
            "requests": {"items": cls.requests},
            "output": {"path": "run", "latents": True},
        }))
        ditmill.ditmill("run", cls.path / "job.yaml", "--threads", "1", ranks=2)
        cls.id = cls.requests[0]["id"]

    def replay(self, *more, ranks=1, code=0):
        return ditmill.ditmill("results", "replay", self.path / "run", self.id, *more, ranks=ranks, code=code)

    def test_every_byte_comes_back_with_other_rank_counts(self):
        for ranks in (1, 2):
            self.assertIn("equal, byte for byte", self.replay(ranks=ranks).stdout)

    def test_another_layout_is_measured_and_named(self):
        done = self.replay("--json", "--set", "pipeline.parallel={tp: 3}", ranks=3, code=2)
        report = json.loads(done.stdout)
        self.assertFalse(report["equal"])
        self.assertIn("parallel.tp: 1, now 3", report["changes"])
        self.assertTrue(0 < report["datasets"]["latents"]["relative_distance"] < 0.2, report)
        frames = report["datasets"]["frames"]
        self.assertTrue(0 < frames["differing_share"] <= 1 and 0 < frames["max_difference"] < 128, report)
        self.assertEqual(frames["differing_bytes"], round(frames["differing_share"] * frames["bytes"]))
        text = self.replay("--set", "pipeline.parallel={tp: 3}", ranks=3, code=2).stdout
        for words in ("not equal", "frames: ", "latents: relative distance", "parallel.tp: 1, now 3"):
            self.assertIn(words, text)

    def test_weights_that_moved_are_found_and_others_refused(self):
        from safetensors.torch import load_file, save_file

        moved = self.path / "moved"
        shutil.copytree(self.model, moved)
        self.assertIn("equal, byte for byte", self.replay("--set", f"model.path={moved}").stdout)
        path = next((moved / "vae").glob("*.safetensors"))
        tensors = load_file(path)
        tensors[sorted(tensors)[0]] += 1
        save_file(tensors, path, metadata={"format": "pt"})
        self.assertIn("vae", self.replay("--set", f"model.path={moved}", ranks=2, code=1).stderr)
        self.assertEqual(list((self.path / "run").glob("replay-*")), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
