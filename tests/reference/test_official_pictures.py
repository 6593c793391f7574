"""Wan's official layout of models that are told of pictures: the same weights give the same clips in either layout, as
they are and after `weights convert` both ways."""

import json
import pathlib
import random
import sys
import tempfile
import unittest

import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import ditmill
import probe
import tiny_pictures
import tiny_wan
from test_picture_runs import picture

SEED = probe.fresh_seed("test_official_pictures")
# The official VAE has two residual blocks a level, whatever its widths.
SHAPE = tiny_wan.Shape(heads=3, head_dim=40, layers=2, ffn=200, text_dim=48, text_heads=3, vae_res_blocks=2)
PRESETS = {"first": "wan2.1-i2v-14b-720p", "first_and_last": "wan2.1-flf2v-14b-720p", "experts": "wan2.2-i2v-a14b",
           "wide": "wan2.2-ti2v-5b"}


class Official(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="ditmill-official-")
        self.addCleanup(scratch.cleanup)
        self.path = pathlib.Path(scratch.name)
        rng = random.Random(SEED)
        for side in ("first", "last"):
            picture(rng).save(self.path / f"{side}.png")
        # Heads of 80, as CLIP has them: the official layout has no config.json for it.
        self.vision = tiny_pictures.clip(rng, torch.Generator().manual_seed(SEED), widths=[80])

    def digests(self, model: pathlib.Path, kind: str) -> dict[str, dict]:
        """What a run stores of each item: the SHA-256 of its outputs."""
        catalog = self.path / f"{model.name}.catalog.yaml"
        catalog.write_text(ditmill.ditmill("registry", "template", model, "--name", "tiny").stdout)
        last = {"last_image": "last.png"} if kind in ("first_and_last", "experts") else {}
        manifest = self.path / f"{model.name}.yaml"
        manifest.write_text(json.dumps({
            "schema": 1, "name": "official", "model": {"path": model.name, "catalog": catalog.name},
            "pipeline": {"preset": PRESETS[kind], "steps": 3, "dtype": "float32"},
            "requests": {"items": [{"id": "clip", "prompt": "rain on a window", "seed": SEED, "width": 64, "height": 32,
                                    "frames": 5, "image": "first.png", **last}]},
            "output": {"path": f"run-{model.name}", "latents": True}}))
        ditmill.ditmill("run", manifest, "--threads", "1", ranks=1)
        return {record["item"]: record["content"] for record in ditmill.journal(self.path / f"run-{model.name}")
                if record["event"] == "done"}

    def test_every_layout_gives_the_same_clips(self):
        for kind in PRESETS:
            with self.subTest(kind):
                diffusers, official = self.path / f"{kind}-diffusers", self.path / f"{kind}-official"
                tiny_pictures.make(diffusers, kind, SEED, SHAPE, self.vision)
                tiny_pictures.make_official(diffusers, official)
                want = self.digests(diffusers, kind)
                self.assertEqual(self.digests(official, kind), want)
                for source, layout in ((diffusers, "official"), (official, "diffusers")):
                    converted = self.path / f"{source.name}-as-{layout}"
                    ditmill.ditmill("weights", "convert", source, converted, "--to", layout)
                    self.assertEqual(self.digests(converted, kind), want, converted.name)


if __name__ == "__main__":
    unittest.main()
