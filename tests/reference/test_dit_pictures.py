"""Transformers that are told of pictures against diffusers: one forward pass of random tiny models."""

import copy
import pathlib
import random
import tempfile
import unittest

import probe
import tiny_pictures
import tiny_wan
import torch
from diffusers import WanTransformer3DModel

SEED = probe.fresh_seed("test_dit_pictures")
SHAPES = [
    tiny_wan.Shape(heads=4, head_dim=32, layers=2, ffn=320, text_dim=64),
    tiny_wan.Shape(heads=3, head_dim=40, layers=3, ffn=200, text_dim=48, z_dim=6),
    tiny_wan.Shape(heads=2, head_dim=128, layers=2, ffn=384, text_dim=32),
]


def inputs(rng: random.Random, generator: torch.Generator, shape: tiny_wan.Shape, pictures: tiny_pictures.Pictures) -> dict:
    frames, height, width = rng.choice([1, 2, 3]), 2 * rng.randrange(1, 5), 2 * rng.randrange(5, 8)
    tokens = rng.randrange(1, 512)
    text = torch.zeros(1, 512, shape.text_dim)
    text[:, :tokens] = torch.randn(1, tokens, shape.text_dim, generator=generator)
    return {
        "latents": torch.randn(1, 2 * shape.z_dim + 4, frames, height, width, generator=generator),
        "timestep": torch.tensor([rng.uniform(0, 1000)]),
        "text": text,
        "image": torch.randn(1, pictures.all_tokens, pictures.width, generator=generator),
    }


@torch.no_grad()
def forward(model: WanTransformer3DModel, given: dict, pictures: tiny_pictures.Pictures) -> torch.Tensor:
    image = given["image"].to(model.dtype)
    if pictures.first_and_last:  # as the pipeline has them: a batch of two
        image = image.view(2, pictures.tokens, pictures.width)
    return model(given["latents"].to(model.dtype), given["timestep"], given["text"].to(model.dtype), image,
                 return_dict=False)[0]


class DitPictures(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.rng = random.Random(SEED)
        cls.generator = torch.Generator().manual_seed(SEED)

    def check(self, first_and_last: bool, official: bool, norm_added_q: bool = False) -> None:
        for shape in SHAPES:
            pictures = tiny_pictures.Pictures(
                width=self.rng.choice([48, 40, 72]), tokens=self.rng.choice([5, 17, 50]), first_and_last=first_and_last)
            with self.subTest(shape=shape, pictures=pictures), tempfile.TemporaryDirectory() as scratch:
                folder = pathlib.Path(scratch)
                model = tiny_pictures.transformer(shape, pictures, self.generator)
                tiny_pictures.save_transformer(folder, model, official, norm_added_q)
                given = inputs(self.rng, self.generator, shape, pictures)
                got = probe.run("dit", folder, {"dtype": "float32"}, given)["flow"]
                want = forward(probe.aligned(model), given, pictures)
                self.assertEqual(got.shape, want.shape)
                self.assertLessEqual(probe.distance(got, want), 1e-5)
                # The picture's part is not a rounding of the text's.
                other = {**given, "image": torch.randn(given["image"].shape, generator=self.generator)}
                self.assertGreater(probe.distance(forward(model, other, pictures), want), 1e-2)

                got = probe.run("dit", folder, {"dtype": "bfloat16"}, given)["flow"]
                theirs = forward(self.narrow(model), given, pictures)
                self.assertEqual(got.dtype, torch.bfloat16)
                apart = probe.distance(got, theirs)
                exact = forward(copy.deepcopy(model).double(), given, pictures)
                ours, peers = (probe.distance(flow, exact) for flow in (got, theirs))
                print(f"pictures {shape.heads}x{shape.head_dim} bfloat16: {apart:.2e} from diffusers' bfloat16; "
                      f"from float64 {ours:.2e}, theirs {peers:.2e}")
                self.assertLessEqual(apart, 3e-3)

    @staticmethod
    def narrow(model: WanTransformer3DModel) -> WanTransformer3DModel:
        """With the islands that from_pretrained keeps."""
        with tempfile.TemporaryDirectory() as scratch:
            model.save_pretrained(scratch)
            return probe.aligned(WanTransformer3DModel.from_pretrained(scratch, torch_dtype=torch.bfloat16))

    def test_a_first_picture_in_diffusers_names(self) -> None:
        self.check(first_and_last=False, official=False)

    def test_a_first_picture_in_official_names(self) -> None:
        self.check(first_and_last=False, official=True)

    def test_a_first_and_a_last_picture_in_diffusers_names(self) -> None:
        self.check(first_and_last=True, official=False)

    def test_a_first_and_a_last_picture_in_official_names(self) -> None:
        self.check(first_and_last=True, official=True)

    def test_a_norm_that_nothing_uses_is_let_go_of(self) -> None:
        self.check(first_and_last=False, official=False, norm_added_q=True)


if __name__ == "__main__":
    unittest.main()
