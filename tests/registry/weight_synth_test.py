#!/usr/bin/env python3
"""weights synth: tiny models in both layouts, opened by diffusers, transformers, sentencepiece and torch, and by
`run --check` with the catalog that comes with them. Seeds are fresh and printed; DITMILL_TEST_SEED=N repeats a run."""

import json
import os
import pathlib
import random
import tempfile
import unittest

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import diffusers
import sentencepiece
import torch
import transformers
from safetensors.torch import load_file

import ditmill

T2V = "wan2.1-t2v-1.3b"
RELEASES = (T2V, "wan2.1-t2v-14b", "wan2.1-i2v-14b-480p", "wan2.1-i2v-14b-480p-norm-added-q", "wan2.1-flf2v-14b-720p",
            "wan2.1-vace-1.3b", "wan2.2-t2v-a14b", "wan2.2-i2v-a14b", "wan2.2-ti2v-5b")
PROMPT = "A cat & two dogs, asleep in the sun: 3.14 times; unknownword Katze"


class WeightSynth(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.seed = int(os.environ.get("DITMILL_TEST_SEED", random.SystemRandom().randrange(2**31)))
        print(f"DITMILL_TEST_SEED={cls.seed}")
        scratch = tempfile.TemporaryDirectory(prefix="ditmill-synth-")
        cls.addClassCleanup(scratch.cleanup)
        cls.base = pathlib.Path(scratch.name)
        for layout in ("diffusers", "official"):
            cls.make(T2V, cls.base / layout, layout)

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="ditmill-synth-")
        self.addCleanup(scratch.cleanup)
        self.path = pathlib.Path(scratch.name)

    @classmethod
    def make(cls, like, out, layout, *more):
        done = ditmill.ditmill("weights", "synth", "--like", like, "--layout", layout, "--seed", cls.seed, *more, out, "--json")
        return json.loads(done.stdout)

    def test_check_takes_both_layouts_with_their_catalog(self):
        for layout in ("diffusers", "official"):
            (self.path / f"{layout}.yaml").write_text(json.dumps({
                "schema": 1, "name": "job",
                "model": {"path": str(self.base / layout), "catalog": str(self.base / layout / "catalog.yaml")},
                "pipeline": {"preset": T2V, "steps": 1, "dtype": "float32"}, "output": {"path": "run"},
                "requests": {"defaults": {"width": 64, "height": 64, "frames": 5}, "items": [{"id": "a", "prompt": "a cat"}]}}))
            ditmill.ditmill("run", self.path / f"{layout}.yaml", "--check")

    def test_a_seed_gives_the_same_bytes_again_and_another_gives_others(self):
        self.make(T2V, self.path / "again", "diffusers")
        done = ditmill.ditmill("weights", "synth", "--like", T2V, "--seed", self.seed + 1, self.path / "other")
        self.assertIn("catalog.yaml", done.stdout)
        name = "transformer/diffusion_pytorch_model.safetensors"
        first, again, other = ((folder / name).read_bytes() for folder in (self.base / "diffusers", self.path / "again", self.path / "other"))
        self.assertEqual(first, again)
        self.assertNotEqual(first, other)

    def test_values_have_the_size_that_layers_keep(self):
        tensors = load_file(self.base / "diffusers/transformer/diffusion_pytorch_model.safetensors")
        weight = tensors["blocks.0.ffn.net.0.proj.weight"]
        self.assertAlmostEqual(float(weight.std()) * weight.shape[1]**0.5, 1, delta=0.05)
        self.assertAlmostEqual(float(weight.mean()), 0, delta=0.01)
        self.assertAlmostEqual(float(tensors["blocks.0.attn1.norm_q.weight"].mean()), 1, delta=0.1)

    def test_torch_opens_what_wan_publishes_as_pth_and_it_has_the_values_of_the_other_layout(self):
        official = torch.load(self.base / "official/Wan2.1_VAE.pth", weights_only=True)
        self.assertTrue(torch.equal(official["conv2.weight"], load_file(
            self.base / "diffusers/vae/diffusion_pytorch_model.safetensors")["post_quant_conv.weight"]))
        encoder = torch.load(self.base / "official/models_t5_umt5-xxl-enc-bf16.pth", weights_only=True)
        self.assertTrue(torch.equal(encoder["token_embedding.weight"], load_file(
            self.base / "diffusers/text_encoder/model.safetensors")["shared.weight"]))

    def test_the_tokenizer_is_the_same_for_all_who_read_it(self):
        folder = self.base / "diffusers/tokenizer"
        pieces = sentencepiece.SentencePieceProcessor(model_file=str(folder / "spiece.model"))
        want = pieces.encode(PROMPT) + [pieces.eos_id()]
        self.assertIn(pieces.piece_to_id("▁cat"), want)
        self.assertEqual(pieces.decode(pieces.encode(PROMPT)), PROMPT)
        self.assertEqual(transformers.AutoTokenizer.from_pretrained(folder)(PROMPT).input_ids, want)
        known = "a cat asleep in the sun"
        self.assertEqual(transformers.T5TokenizerFast.from_pretrained(folder)(known).input_ids, pieces.encode(known) + [1])
        self.assertEqual(len(transformers.AutoTokenizer.from_pretrained(folder)), 1024)

    def test_diffusers_opens_every_release(self):
        for like in RELEASES:
            with self.subTest(like):
                self.make(like, self.path / like, "diffusers")
                index = json.loads((self.path / like / "model_index.json").read_text())
                pipeline = diffusers.DiffusionPipeline.from_pretrained(self.path / like)
                self.assertEqual(type(pipeline).__name__, index["_class_name"])
                self.assertEqual(pipeline.config.get("boundary_ratio"), index.get("boundary_ratio"))
                for name, module in pipeline.components.items():
                    if not isinstance(module, torch.nn.Module):
                        continue
                    stored = {}
                    for path in (self.path / like / name).glob("*.safetensors"):
                        stored |= load_file(path)
                    mine = {key.removeprefix("vision_model."): tensor for key, tensor in module.state_dict().items()}
                    stored = {key.removeprefix("vision_model."): tensor for key, tensor in stored.items()
                              if "norm_added_q" not in key}
                    mine.pop("encoder.embed_tokens.weight", None)
                    mine = {key: tensor for key, tensor in mine.items() if "position_ids" not in key}
                    self.assertEqual(sorted(mine), sorted(stored), name)
                    for key, tensor in stored.items():
                        self.assertTrue(torch.equal(mine[key], tensor), f"{name} {key}")

    def test_full_and_sparse_is_published_size_and_takes_no_space(self):
        said = self.make("wan2.1-t2v-14b", self.path / "full", "official", "--scale", "full", "--sparse")
        self.assertIsNone(said["catalog"])
        self.assertEqual(len(list((self.path / "full").glob("diffusion_pytorch_model-*-of-00006.safetensors"))), 6)
        self.assertGreater(sum(path.stat().st_size for path in (self.path / "full").iterdir()), 60e9)
        self.assertLess(sum(path.stat().st_blocks * 512 for path in (self.path / "full").iterdir()), 20e6)
        found = json.loads(ditmill.ditmill("weights", "identify", "--json", self.path / "full").stdout)
        self.assertEqual({each["variant"] for each in found}, {"wan2.1-t2v-14b", "umt5-xxl-encoder", "wan2.1-vae"})


if __name__ == "__main__":
    unittest.main()
