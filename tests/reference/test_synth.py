"""A model of `weights synth`: both layouts give the same bytes, which are diffusers' own numbers."""

import json
import pathlib
import sys
import tempfile
import unittest

import h5py
import numpy
import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import ditmill
import probe
from test_pipeline import SHIFT, STEPS, Oracle, request

SEED = probe.fresh_seed("test_synth")


class Synth(unittest.TestCase):
    def test_both_layouts_give_the_numbers_of_diffusers(self):
        scratch = tempfile.TemporaryDirectory(prefix="ditmill-synth-")
        self.addCleanup(scratch.cleanup)
        path = pathlib.Path(scratch.name)
        wanted = request(0, "a cat asleep in the sun", "blurry", 48, 32, 5, SEED)
        results = {}
        for layout in ("diffusers", "official"):
            ditmill.ditmill("weights", "synth", "--like", "wan2.1-t2v-1.3b", "--layout", layout, "--seed", SEED,
                            path / layout)
            (path / f"{layout}.yaml").write_text(json.dumps({
                "schema": 1, "name": "synth",
                "model": {"path": layout, "catalog": f"{layout}/catalog.yaml"},
                "pipeline": {"steps": STEPS, "guidance_scale": 5.0, "flow_shift": SHIFT, "dtype": "float32"},
                "requests": {"items": [wanted]}, "output": {"path": f"run-{layout}", "latents": True}}))
            ditmill.ditmill("run", path / f"{layout}.yaml", "--threads", "1", ranks=2)
            with h5py.File(path / f"run-{layout}/results.h5") as results_file:
                item = results_file["items"][wanted["id"]]
                results[layout] = (item["latents"][...], item["frames"][...])
        for mine, other in zip(results["diffusers"], results["official"]):
            self.assertTrue(numpy.array_equal(mine, other))
        latents, _ = Oracle(path / "diffusers", torch.float32).run(wanted, "unipc", 5.0)
        apart = probe.distance(torch.from_numpy(results["diffusers"][0]), latents)
        print(f"synth: {apart:.2e} from diffusers' latents")
        self.assertLessEqual(apart, 3e-5)


if __name__ == "__main__":
    unittest.main()
