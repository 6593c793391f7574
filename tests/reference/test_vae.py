"""The VAE against diffusers: pixels, frames and latents of random tiny VAEs, whole and in tiles."""

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
import tiny_wan
from diffusers import AutoencoderKLWan
from diffusers.utils import logging

logging.set_verbosity_error()
SEED = probe.fresh_seed("test_vae")
BOTH = {"float32": torch.float32, "bfloat16": torch.bfloat16}
# Without native bfloat16 LibTorch convolves in loops of its own, a hundred times slower, in diffusers as in ditmill: a
# few small cases show what there is to show.
SLOW = not torch.ops.mkldnn._is_mkldnn_bf16_supported()


def tiny_vae(rng: random.Random, generator: torch.Generator, halvings: int = 3, narrow: bool = False) -> AutoencoderKLWan:
    """A Wan 2.1 VAE of random structure: levels, widths (narrow: the least, for large pictures), where time is halved (at
    most so often), residual blocks, latent channels."""
    levels = rng.choice([2, 3, 4])
    channels = rng.choice([4, 6, 16])
    temporal = halved(rng, levels, halvings)
    return randomised(AutoencoderKLWan(
        base_dim=8 if narrow else rng.choice([8, 10, 12, 16, 24]),
        z_dim=channels,
        dim_mult=[1 if narrow else rng.choice([1, 2]) for _ in range(levels)],
        num_res_blocks=1 if narrow else rng.choice([1, 2]),
        temperal_downsample=temporal,
        scale_factor_spatial=2 ** (levels - 1),
        scale_factor_temporal=2 ** sum(temporal),
        **(statistics(rng, channels) if channels != 16 or rng.random() < 0.5 else {}),
    ), generator)


def tiny_vae_22(rng: random.Random, generator: torch.Generator, halvings: int = 3, narrow: bool = False) -> AutoencoderKLWan:
    """The same of Wan 2.2's: widths that shortcuts lead to, an encoder and a decoder of other widths, patches of two
    pixels or none."""
    levels = rng.choice([2, 3, 4])
    channels = rng.choice([4, 6, 48])
    temporal = halved(rng, levels, halvings)
    widths = [1] if narrow else [rng.choice([1, 2])]
    while len(widths) < levels:  # as wide, or twice
        widths.append(widths[-1] * (1 if narrow else rng.choice([1, 2])))
    # The last step halves nothing that it could make channels of.
    widths[-1] = widths[-2] // (2 if widths[-2] > 1 and rng.random() < 0.3 else 1)
    patch = 2 if narrow else rng.choice([None, 2, 2, 2])
    return randomised(AutoencoderKLWan(
        base_dim=8 if narrow else rng.choice([8, 10, 12, 16]),
        decoder_base_dim=8 if narrow else rng.choice([None, 8, 12, 20]),
        z_dim=channels,
        dim_mult=widths,
        num_res_blocks=1 if narrow else rng.choice([1, 2]),
        temperal_downsample=temporal,
        is_residual=True,
        in_channels=3 * (patch or 1) ** 2,
        out_channels=3 * (patch or 1) ** 2,
        patch_size=patch,
        scale_factor_spatial=2 ** (levels - 1) * (patch or 1),
        scale_factor_temporal=2 ** sum(temporal),
        **statistics(rng, channels),
    ), generator)


def halved(rng: random.Random, levels: int, most: int) -> list[bool]:
    temporal = [rng.random() < 0.6 for _ in range(levels - 1)]
    while sum(temporal) > most:
        temporal[rng.randrange(levels - 1)] = False
    return temporal


def statistics(rng: random.Random, channels: int) -> dict:
    return {"latents_mean": [rng.uniform(-1, 1) for _ in range(channels)],
            "latents_std": [rng.uniform(0.5, 3) for _ in range(channels)]}


def randomised(model: AutoencoderKLWan, generator: torch.Generator) -> AutoencoderKLWan:
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


@torch.no_grad()
def encode(model: AutoencoderKLWan, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Moments, and latents as WanImageToVideoPipeline makes them."""
    posterior = model.encode(pixels.to(model.dtype)).latent_dist
    shape = (1, model.config.z_dim, 1, 1, 1)
    mean, inverse = (torch.tensor(model.config.latents_mean).view(shape),
                     1.0 / torch.tensor(model.config.latents_std).view(shape))
    return posterior.parameters, (posterior.mode().float() - mean) * inverse


def enable(model: AutoencoderKLWan, tiling: bool | dict) -> None:
    if tiling is True:
        model.enable_tiling()
    elif tiling:
        model.enable_tiling(tiling.get("height"), tiling.get("width"), tiling.get("stride_height"),
                            tiling.get("stride_width"))


def frames_of(decoded: torch.Tensor) -> torch.Tensor:
    unit = (decoded.float() * 0.5 + 0.5).clamp(0, 1)
    return (unit * 255).round().to(torch.uint8).permute(1, 2, 3, 0)


def square(size: int, stride: int) -> dict:
    return {"height": size, "width": size, "stride_height": stride, "stride_width": stride}


# Tilings with heights and widths of pictures.
TILINGS = [
    (square(32, 24), (80, 56)),  # rows, columns; uneven last ones
    (square(32, 24), (56, 32)),  # only the height is larger than a tile, and ends with a whole one
    (square(32, 24), (24, 80)),  # only the width is larger, the last tile is of 8 pixels
    (square(32, 24), (32, 32)),  # as large as a tile: not cut
    (square(16, 16), (40, 48)),  # no overlap
    (square(32, 8), (56, 48)),  # tiles that overlap more than once
    ({"height": 24, "width": 48, "stride_height": 16, "stride_width": 24}, (56, 104)),  # last tiles of 8
    ({"height": 200, "width": 40, "stride_width": 16, "stride_height": 192}, (200, 56)),
]


class Case(unittest.TestCase):
    make = staticmethod(tiny_vae)
    unit = 8  # the most pixels of a latent pixel

    def setUp(self) -> None:
        self.rng = random.Random(SEED)
        self.generator = torch.Generator().manual_seed(SEED)
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        index = {"_class_name": "WanPipeline", "vae": ["diffusers", "AutoencoderKLWan"]}
        (self.folder / "model_index.json").write_text(json.dumps(index))

    def tilings(self, dtype: str) -> list:
        if dtype == "float32":
            chosen = self.rng.sample(TILINGS, 4)
        else:
            chosen = [TILINGS[1]] if SLOW else self.rng.sample(TILINGS, 2)
        return [({edge: self.scaled(pixels) for edge, pixels in tiling.items()}, tuple(map(self.scaled, size)))
                for tiling, size in chosen]

    def scaled(self, pixels: int) -> int:
        """Of a size in multiples of 8, the same in multiples of `unit`."""
        return pixels * self.unit // 8

    def model(self, halvings: int = 3, narrow: bool = False) -> AutoencoderKLWan:
        model = self.make(self.rng, self.generator, halvings, narrow)
        model.save_pretrained(self.folder / "vae")
        return model

    def case(self, frames: int) -> tuple[AutoencoderKLWan, torch.Tensor]:
        model = self.model()
        size = (model.config.z_dim, frames, self.rng.choice([3, 4, 6]), self.rng.choice([5, 7, 8]))
        return model, torch.randn(size, generator=self.generator)


class Vae(Case):
    def test_float32_pixels_are_diffusers(self) -> None:
        for frames in (1, 2, 3, 2):
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
        for frames in (1, 2, 3) if SLOW else (1, 2, 3, 2):
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


class Encoder(Case):
    def compare(self, dtype: str, pixels: torch.Tensor, model: AutoencoderKLWan, tiling: bool | dict = False) -> None:
        enable(model.to(BOTH[dtype]), tiling)
        moments, latents = encode(model, pixels)
        got = probe.run("vae_encode", self.folder, {"dtype": dtype, "tiling": tiling}, {"pixels": pixels})
        self.assertEqual((got["moments"].shape, got["moments"].dtype), (moments.shape, BOTH[dtype]))
        self.assertEqual((got["latents"].shape, got["latents"].dtype), (latents.shape, torch.float32))
        apart = [probe.distance(got["moments"], moments), probe.distance(got["latents"], latents)]
        print(f"encode {dtype} {tuple(pixels.shape)} tiling {tiling}: moments {apart[0]:.1e}, latents {apart[1]:.1e}")
        self.assertLessEqual(max(apart), 1e-5 if dtype == "float32" else 1e-3)

    def pixels(self, *shape: int) -> torch.Tensor:
        return torch.rand(shape, generator=self.generator) * 2 - 1

    def test_latents_are_diffusers(self) -> None:
        """One frame, whole chunks, and clips of which diffusers drops the last one to three frames."""
        for dtype, lengths in (("float32", (1, 5, 9, 17, 4, 7)), ("bfloat16", (6,) if SLOW else (1, 9, 6))):
            for frames in lengths:
                model = self.model(halvings=2)
                size = (self.scaled(self.rng.choice([8, 24, 40])), self.scaled(self.rng.choice([16, 32, 56])))
                with self.subTest(dtype=dtype, frames=frames, config=dict(model.config)):
                    self.compare(dtype, self.pixels(1, 3, frames, *size), model)

    def test_a_batch_is_its_clips(self) -> None:
        model, pixels = self.model(halvings=2), self.pixels(3, 3, 5, self.scaled(24), self.scaled(16))
        model.enable_slicing()  # which is how a clip's latents do not depend on the others
        self.compare("float32", pixels, model)
        whole = probe.run("vae_encode", self.folder, {}, {"pixels": pixels})["moments"]
        alone = probe.run("vae_encode", self.folder, {}, {"pixels": pixels[1:2]})["moments"]
        self.assertTrue(torch.equal(whole[1:2], alone))

    def test_tiles_are_diffusers(self) -> None:
        for dtype in BOTH:
            for tiling, size in self.tilings(dtype):
                with self.subTest(dtype=dtype, tiling=tiling, size=size):
                    self.compare(dtype, self.pixels(1, 3, self.rng.choice([1, 5, 9, 11]), *size),
                                 self.model(halvings=2), tiling)

    def test_tiles_of_the_usual_size_are_diffusers(self) -> None:
        self.compare("float32", self.pixels(1, 3, 5, self.scaled(264), self.scaled(392)), self.model(halvings=2, narrow=True), True)


class Tiling(Case):
    def compare(self, dtype: str, tiling: bool | dict, size: tuple[int, int], frames: int, narrow: bool = False) -> None:
        model = self.model(narrow=narrow)
        scale = model.config.scale_factor_spatial
        latents = torch.randn((model.config.z_dim, frames, *(edge // scale for edge in size)),
                              generator=self.generator)
        whole = decode(model.to(BOTH[dtype]), latents)
        enable(model, tiling)
        want = decode(model, latents)
        got = probe.run("vae", self.folder, {"dtype": dtype, "tiling": tiling}, {"latents": latents})["decoded"]
        self.assertEqual((got.shape, got.dtype), (want.shape, BOTH[dtype]))
        apart = probe.distance(got, want)
        print(f"decode {dtype} {tuple(want.shape)} tiling {tiling}: {apart:.1e}, from whole "
              f"{probe.distance(got, whole):.1e}")
        self.assertLessEqual(apart, 1e-5 if dtype == "float32" else 1e-3)

    def test_pixels_are_diffusers(self) -> None:
        for dtype in BOTH:
            for tiling, size in self.tilings(dtype):
                with self.subTest(dtype=dtype, tiling=tiling, size=size):
                    self.compare(dtype, tiling, size, self.rng.choice([1, 2, 3]))

    def test_tiles_of_the_usual_size_are_diffusers(self) -> None:
        self.compare("float32", True, (self.scaled(392), self.scaled(264)), 2, narrow=True)
        if not SLOW:
            self.compare("bfloat16", True, (self.scaled(208), self.scaled(456)), 2, narrow=True)


class Vae22(Vae):
    make = staticmethod(tiny_vae_22)


class Encoder22(Encoder):
    make = staticmethod(tiny_vae_22)
    unit = 16


class Tiling22(Tiling):
    make = staticmethod(tiny_vae_22)
    unit = 16


class Official22(Case):
    """Wan 2.2's VAE by the names of Wan's own code, which diffusers' single-file loader cannot read."""

    def test_official_names_give_the_bytes_of_diffusers(self) -> None:
        model = randomised(AutoencoderKLWan(
            base_dim=8, decoder_base_dim=12, z_dim=48, is_residual=True, in_channels=12, out_channels=12, patch_size=2,
            scale_factor_spatial=16), self.generator)
        model.save_pretrained(self.folder / "vae")
        # Neither layout has statistics, as the official one never has: both take the published ones.
        config = json.loads((self.folder / "vae" / "config.json").read_text())
        config = {field: value for field, value in config.items() if not field.startswith("latents_")}
        (self.folder / "vae" / "config.json").write_text(json.dumps(config))
        official, converted = self.folder / "official", self.folder / "converted"
        official.mkdir()
        converted.mkdir()
        tensors = tiny_wan.official_tensors(self.folder, "vae")
        torch.save(tensors, official / "Wan2.2_VAE.pth")
        ditmill.ditmill("weights", "convert", self.folder / "vae", converted / "Wan2.2_VAE.pth", "--to", "official")
        by_ditmill = torch.load(converted / "Wan2.2_VAE.pth", weights_only=True)
        self.assertEqual(sorted(by_ditmill), sorted(tensors))
        for name, tensor in tensors.items():
            self.assertTrue(torch.equal(by_ditmill[name], tensor), name)
        latents = torch.randn(48, 2, 3, 4, generator=self.generator)
        pixels = torch.rand(1, 3, 5, 48, 64, generator=self.generator) * 2 - 1
        for dtype in BOTH:
            for mode, given, made in (("vae", {"latents": latents}, "decoded"), ("vae_encode", {"pixels": pixels}, "latents")):
                want = probe.run(mode, self.folder, {"dtype": dtype}, given)[made]
                for folder in (official, converted):
                    self.assertTrue(torch.equal(probe.run(mode, folder, {"dtype": dtype}, given)[made], want), folder)


if __name__ == "__main__":
    unittest.main()
