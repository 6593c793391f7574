"""The transformer against diffusers: one forward pass of random tiny models."""

import pathlib
import random
import tempfile
import unittest

import torch

import probe
import tiny_wan
from diffusers import WanTransformer3DModel

SEED = probe.fresh_seed("test_dit")

# Heads and widths that are no powers of two; the last is the published width.
SHAPES = [
    tiny_wan.Shape(heads=3, head_dim=40, layers=3, ffn=200, text_dim=48, shard_size="300KB"),
    tiny_wan.Shape(heads=5, head_dim=24, layers=2, ffn=136, text_dim=64, freq_dim=64, z_dim=6, dtype="bfloat16"),
    tiny_wan.Shape(heads=2, head_dim=128, layers=2, ffn=384, text_dim=32),
]


def inputs(rng: random.Random, generator: torch.Generator, shape: tiny_wan.Shape) -> dict:
    """A latent that is not square, and a text padded with zeros as the pipeline pads it."""
    frames, height, width = rng.choice([1, 2, 3]), 2 * rng.randrange(1, 5), 2 * rng.randrange(5, 8)
    tokens = rng.randrange(1, 512)
    text = torch.zeros(1, 512, shape.text_dim)
    text[:, :tokens] = torch.randn(1, tokens, shape.text_dim, generator=generator)
    return {
        "latents": torch.randn(1, shape.z_dim, frames, height, width, generator=generator),
        "timestep": torch.tensor([rng.uniform(0, 1000)]),
        "text": text,
    }


def forward(model: WanTransformer3DModel, given: dict) -> torch.Tensor:
    with torch.no_grad():
        return model(given["latents"].to(model.dtype), given["timestep"], given["text"].to(model.dtype),
                     return_dict=False)[0]


class Dit(unittest.TestCase):
    def test_one_forward(self):
        rng = random.Random(SEED)
        generator = torch.Generator().manual_seed(SEED)
        for number, shape in enumerate(SHAPES):
            with self.subTest(shape=shape), tempfile.TemporaryDirectory() as folder:
                tiny_wan.make(folder, SEED + number, shape)
                place = pathlib.Path(folder) / "transformer"
                if number == 0:
                    self.assertGreater(len(list(place.glob("*.safetensors"))), 2, "no shards")
                given = inputs(rng, generator, shape)
                narrow = probe.aligned(WanTransformer3DModel.from_pretrained(place, torch_dtype=torch.bfloat16))
                wide = probe.aligned(WanTransformer3DModel.from_pretrained(place, torch_dtype=torch.float32))
                exact = probe.aligned(WanTransformer3DModel.from_pretrained(place, torch_dtype=torch.float64))

                got = probe.run("dit", folder, {"dtype": "float32"}, given)["flow"]
                self.assertLessEqual(probe.distance(got, forward(wide, given)), 1e-5)

                got = probe.run("dit", folder, {"dtype": "bfloat16"}, given)["flow"]
                theirs = forward(narrow, given)
                self.assertEqual(got.dtype, torch.bfloat16)
                apart = probe.distance(got, theirs)
                ours, peers = (probe.distance(flow, forward(exact, given)) for flow in (got, theirs))
                print(f"dit {shape.heads}x{shape.head_dim} bfloat16: {apart:.2e} from diffusers' bfloat16; "
                      f"from float64 {ours:.2e}, theirs {peers:.2e}")
                self.assertLessEqual(apart, 3e-3)


if __name__ == "__main__":
    unittest.main()
