"""CLIP's vision encoder against transformers: random tiny models in each naming that files have."""

import copy
import json
import pathlib
import random
import tempfile
import unittest

import probe
import tiny_pictures
import torch
from safetensors.torch import load_file
from transformers import CLIPVisionModel
from transformers.utils import logging

logging.disable_progress_bar()
SEED = probe.fresh_seed("test_clip")
NAMINGS = {
    "transformers": tiny_pictures.transformers_tensors,
    "bare": tiny_pictures.bare_tensors,
    "wan": tiny_pictures.wan_tensors,
    "open_clip": tiny_pictures.open_clip_tensors,
}


@torch.no_grad()
def states(model: CLIPVisionModel, pixels: torch.Tensor) -> torch.Tensor:
    """What WanImageToVideoPipeline tells transformers of pictures."""
    return model(pixel_values=pixels, output_hidden_states=True).hidden_states[-2]


class Clip(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.rng = random.Random(SEED)
        cls.generator = torch.Generator().manual_seed(SEED)

    def setUp(self) -> None:
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)

    def case(self, naming: str) -> tuple[CLIPVisionModel, torch.Tensor]:
        """A model, saved in a naming, and pixels of one picture or of two."""
        model = tiny_pictures.clip(self.rng, self.generator)
        tiny_pictures.save_clip(self.folder, model, NAMINGS[naming](model))
        return model, torch.randn(self.rng.choice([1, 2]), 3, 224, 224, generator=self.generator)

    def encode(self, pixels: torch.Tensor, dtype: str = "float32") -> torch.Tensor:
        return probe.run("clip", self.folder, {"dtype": dtype}, {"pixels": pixels})["states"]

    def test_float32_states_are_those_of_the_second_last_layer_in_every_naming(self) -> None:
        for naming in NAMINGS:
            for _ in range(2):
                with self.subTest(naming):
                    model, pixels = self.case(naming)
                    got, want = self.encode(pixels), states(model, pixels)
                    self.assertEqual(got.shape, want.shape)
                    apart = probe.distance(got, want)
                    print(f"clip {naming}, {model.config.num_hidden_layers} layers: {apart:.1e}")
                    self.assertLessEqual(apart, 1e-5)

    def test_transformers_own_folder_is_read(self) -> None:
        model, pixels = self.case("bare")
        model.save_pretrained(self.folder)
        self.assertIn("pre_layrnorm.weight", load_file(self.folder / "model.safetensors"))
        self.assertLessEqual(probe.distance(self.encode(pixels), states(model, pixels)), 1e-5)

    def test_a_file_without_config_has_heads_by_the_usual_width(self) -> None:
        model, pixels = self.case("wan")
        (self.folder / "config.json").unlink()
        with self.assertRaisesRegex(RuntimeError, "multiple of 80"):
            self.encode(pixels)

    def test_bfloat16_states_are_as_exact_as_transformers(self) -> None:
        ours, theirs, apart = 0.0, 0.0, 0.0
        for naming in NAMINGS:
            exact_model, pixels = self.case(naming)
            narrow = probe.aligned(copy.deepcopy(exact_model).to(torch.bfloat16))
            got, want = self.encode(pixels, "bfloat16"), states(narrow, pixels)
            exact = states(exact_model.double(), pixels.double())
            self.assertEqual(got.dtype, torch.bfloat16)
            ours += probe.distance(got, exact) ** 2
            theirs += probe.distance(want, exact) ** 2
            apart = max(apart, probe.distance(got, want))
        print(f"bfloat16: error {ours**0.5:.2e}, transformers' own {theirs**0.5:.2e}, apart at most {apart:.1e}")
        self.assertLessEqual(ours**0.5, 1.1 * theirs**0.5)
        # Patches are convolved in float32 and rounded once, transformers' by what bfloat16 convolutions there are.
        self.assertLessEqual(apart, 1e-2)

    def test_other_activations_are_refused(self) -> None:
        model, pixels = self.case("transformers")
        path = self.folder / "config.json"
        config = json.loads(path.read_text())
        for change in ({"hidden_act": "quick_gelu"}, {"hidden_act": None}):
            with self.subTest(change):
                path.write_text(json.dumps({key: value for key, value in (config | change).items() if value is not None}))
                with self.assertRaisesRegex(RuntimeError, "hidden_act.*gelu"):
                    self.encode(pixels)


if __name__ == "__main__":
    unittest.main()
