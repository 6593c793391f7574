"""`ditmill run` with a tiled VAE: the latents of the untiled job, and the frames of diffusers' enable_tiling()."""

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
import tiny_wan
from test_pipeline import SHAPE, SHIFT, SHORT, Oracle, request

SEED = probe.fresh_seed("test_tiling")
TILES = {"height": 32, "width": 48, "stride_height": 24, "stride_width": 32}


class Tiling(unittest.TestCase):
    def test_frames_are_diffusers_tiled(self):
        scratch = tempfile.TemporaryDirectory(prefix="ditmill-tiling-")
        self.addCleanup(scratch.cleanup)
        folder = pathlib.Path(scratch.name)
        tiny_wan.make(folder / "model", SEED, SHAPE)
        catalog = ditmill.ditmill("registry", "template", folder / "model", "--name", "tiny").stdout
        (folder / "catalog.yaml").write_text(catalog)
        # Larger than a tile both ways, one way, and no larger.
        items = [request(0, SHORT, "", 80, 64, 5, 1), request(1, SHORT, "", 48, 64, 1, 2),
                 request(2, SHORT, "", 48, 32, 5, 3)]
        (folder / "job.yaml").write_text(json.dumps({
            "schema": 1, "name": "tiles", "model": {"path": "model", "catalog": "catalog.yaml"},
            "pipeline": {"steps": 2, "flow_shift": SHIFT, "dtype": "float32"},
            "requests": {"items": items}, "output": {"path": "run", "latents": True}}))
        tiling = f"pipeline.components.vae.tiling={json.dumps(TILES)}"
        for name, more in (("whole", []), ("tiled", ["--set", tiling])):
            ditmill.ditmill("run", folder / "job.yaml", "--run-dir", folder / name, "--threads", "1", *more, ranks=1)
        oracle = Oracle(folder / "model", torch.float32)
        oracle.parts["vae"].enable_tiling(32, 48, 24, 32)
        with h5py.File(folder / "whole/results.h5") as whole, h5py.File(folder / "tiled/results.h5") as tiled:
            for item in items:
                before, after = whole["items"][item["id"]], tiled["items"][item["id"]]
                self.assertTrue(numpy.array_equal(before["latents"][...], after["latents"][...]))
                with torch.no_grad():
                    want = (255 * oracle.decode(torch.from_numpy(after["latents"][...])[None])).round().numpy()
                levels = numpy.abs(after["frames"][...].astype(float) - want)
                changed = (before["frames"][...] != after["frames"][...]).mean()
                print(f"{item['id']}: {levels.max():.0f} levels from diffusers' tiled, {changed:.0%} of values other "
                      "than untiled")
                self.assertLessEqual(levels.max(), 1)
                self.assertEqual(changed > 0.01, item["id"] != "item2")
                config = json.loads(after.attrs["config_json"])["layer2_inference_config"]
                self.assertEqual(config["components"]["vae"]["tiling"], TILES)
        # Tiles change pixels: an untiled run goes on as it began, or not at all.
        refused = ditmill.ditmill("run", folder / "job.yaml", "--run-dir", folder / "whole", "--set", tiling, ranks=1,
                                  code=1)
        self.assertIn("tiling.vae", refused.stderr)


if __name__ == "__main__":
    unittest.main()
