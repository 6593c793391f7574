"""The VAE's decoder against diffusers: pixels and frames of random tiny VAEs."""

import json
import pathlib
import random
import tempfile
import unittest

import torch

import probe
from diffusers import AutoencoderKLWan
from diffusers.utils import logging

logging.set_verbosity_error()
SEED = probe.fresh_seed("test_vae")


def tiny_vae(rng: random.Random, generator: torch.Generator) -> AutoencoderKLWan:
    """A VAE of random structure: levels, widths, where time is halved, residual blocks, latent channels."""
    levels = rng.choice([2, 3, 4])
    temporal = [rng.random() < 0.6 for _ in range(levels - 1)]
    channels = rng.choice([4, 6, 16])
    statistics = {}
    if channels != 16 or rng.random() < 0.5:
        statistics["latents_mean"] = [rng.uniform(-1, 1) for _ in range(channels)]
        statistics["latents_std"] = [rng.uniform(0.5, 3) for _ in range(channels)]
    model = AutoencoderKLWan(
        base_dim=rng.choice([8, 10, 12, 16, 24]),
        z_dim=channels,
        dim_mult=[rng.choice([1, 2]) for _ in range(levels)],
        num_res_blocks=rng.choice([1, 2]),
        temperal_downsample=temporal,
        scale_factor_spatial=2 ** (levels - 1),
        scale_factor_temporal=2 ** sum(temporal),
        **statistics,
    )
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        if parameter.ndim == 1 or name.endswith(".gamma"):
            parameter.data = (0.0 if name.endswith("bias") else 1.0) + 0.2 * noise
        else:
            parameter.data = noise / parameter[0].numel() ** 0.5
    # Mostly inside [-1, 1], so that clamping hides nothing, with some values outside.
    model.decoder.conv_out.weight.data *= 0.5
    return model.eval()


@torch.no_grad()
def decode(model: AutoencoderKLWan, latents: torch.Tensor) -> torch.Tensor:
    """As WanPipeline does after its last step."""
    shape = (1, model.config.z_dim, 1, 1, 1)
    z = latents[None].to(model.dtype)
    mean = torch.tensor(model.config.latents_mean).view(shape).to(z.dtype)
    inverse = 1.0 / torch.tensor(model.config.latents_std).view(shape).to(z.dtype)
    return model.decode(z / inverse + mean, return_dict=False)[0][0]


def frames_of(decoded: torch.Tensor) -> torch.Tensor:
    unit = (decoded.float() * 0.5 + 0.5).clamp(0, 1)
    return (unit * 255).round().to(torch.uint8).permute(1, 2, 3, 0)


class Vae(unittest.TestCase):
    def setUp(self) -> None:
        self.rng = random.Random(SEED)
        self.generator = torch.Generator().manual_seed(SEED)
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        index = {"_class_name": "WanPipeline", "vae": ["diffusers", "AutoencoderKLWan"]}
        (self.folder / "model_index.json").write_text(json.dumps(index))

    def case(self, frames: int) -> tuple[AutoencoderKLWan, torch.Tensor]:
        model = tiny_vae(self.rng, self.generator)
        model.save_pretrained(self.folder / "vae")
        size = (model.config.z_dim, frames, self.rng.choice([3, 4, 6]), self.rng.choice([5, 7, 8]))
        return model, torch.randn(size, generator=self.generator)

    def test_float32_pixels_are_diffusers(self) -> None:
        for frames in (1, 2, 3, 1, 2, 3):
            model, latents = self.case(frames)
            with self.subTest(frames=frames, config=dict(model.config)):
                want = decode(model, latents)
                got = probe.run("vae", self.folder, {"dtype": "float32"}, {"latents": latents})
                self.assertEqual(got["decoded"].shape, want.shape)
                error = probe.distance(got["decoded"], want)
                print(f"float32 {tuple(want.shape)}: {error:.1e}")
                self.assertLessEqual(error, 1e-5)
                self.assertTrue(torch.equal(got["frames"], frames_of(got["decoded"])))
                levels = (got["frames"].int() - frames_of(want).int()).abs()
                self.assertLessEqual(int(levels.max()), 1)

    def test_bfloat16_pixels_are_as_exact_as_diffusers(self) -> None:
        ours, theirs, apart = 0.0, 0.0, 0.0
        for frames in (1, 2, 3, 2, 3, 2):
            model, latents = self.case(frames)
            exact = decode(model.double(), latents)
            want = decode(model.to(torch.bfloat16), latents)
            got = probe.run("vae", self.folder, {"dtype": "bfloat16"}, {"latents": latents})["decoded"]
            self.assertEqual(got.dtype, torch.bfloat16)
            ours += probe.distance(got, exact) ** 2
            theirs += probe.distance(want, exact) ** 2
            apart = max(apart, probe.distance(got, want))
        print(f"bfloat16: error {ours**0.5:.2e}, diffusers' own {theirs**0.5:.2e}, apart at most {apart:.1e}")
        self.assertLessEqual(ours**0.5, 1.1 * theirs**0.5)
        self.assertLessEqual(apart, 1e-3)

    def test_a_frame_does_not_depend_on_later_ones(self) -> None:
        model, latents = self.case(3)
        whole = probe.run("vae", self.folder, {}, {"latents": latents})["decoded"]
        start = probe.run("vae", self.folder, {}, {"latents": latents[:, :2]})["decoded"]
        self.assertLessEqual(probe.distance(whole[:, : start.shape[1]], start), 1e-5)


if __name__ == "__main__":
    unittest.main()
