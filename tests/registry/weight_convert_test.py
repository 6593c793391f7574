#!/usr/bin/env python3
"""weights convert: there and back over tiny models of Wan in both layouts, read by torch and safetensors.

Seeds are fresh and printed; DITMILL_TEST_SEED=N repeats a run.
"""

import json
import os
import pathlib
import random
import sys
import tempfile
import unittest
import zipfile

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import diffusers
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import ditmill

sys.path.insert(0, str(ditmill.ROOT / "tests/reference"))
import tiny_wan  # noqa: E402

OFFICIAL_FILES = {"transformer": "diffusion_pytorch_model.safetensors", "vae": "Wan2.1_VAE.pth",
                  "text_encoder": "models_t5_umt5-xxl-enc-bf16.pth"}
FILES = {"transformer": "diffusion_pytorch_model.safetensors", "vae": "diffusion_pytorch_model.safetensors",
         "text_encoder": "model.safetensors"}


def load(path):
    return torch.load(path, weights_only=True) if path.suffix == ".pth" else load_file(path)


def convert(*arguments, code=0):
    return ditmill.ditmill("weights", "convert", *arguments, code=code)


class WeightConvert(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.seed = int(os.environ.get("DITMILL_TEST_SEED", random.SystemRandom().randrange(2**31)))
        print(f"DITMILL_TEST_SEED={cls.seed}")
        scratch = tempfile.TemporaryDirectory(prefix="ditmill-convert-")
        cls.addClassCleanup(scratch.cleanup)
        cls.model = pathlib.Path(scratch.name) / "model"
        tiny_wan.make(cls.model, cls.seed, tiny_wan.Shape(layers=2, vae_res_blocks=2, vae_base_dim=4))
        cls.official = pathlib.Path(scratch.name) / "official"
        tiny_wan.make_official(cls.model, cls.official)

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="ditmill-convert-")
        self.addCleanup(scratch.cleanup)
        self.path = pathlib.Path(scratch.name)

    def assert_equal(self, first, second):
        self.assertEqual(sorted(first), sorted(second))
        for name, tensor in first.items():
            self.assertEqual(tensor.dtype, second[name].dtype, name)
            self.assertEqual(tensor.shape, second[name].shape, name)
            self.assertTrue(torch.equal(tensor.contiguous().view(-1).view(torch.uint8),
                                        second[name].contiguous().view(-1).view(torch.uint8)), name)

    def assert_runs(self, model):
        """`run --check` takes it, heads and all, once a catalog names it."""
        entries = ditmill.ditmill("registry", "template", model, "--name", "tiny")
        self.assertEqual(entries.stderr, "")
        (self.path / "tiny.yaml").write_text(entries.stdout)
        (self.path / "job.yaml").write_text(json.dumps({
            "schema": 1, "name": "job", "model": {"path": str(model), "catalog": "tiny.yaml"},
            "pipeline": {"preset": "wan2.1-t2v-1.3b", "steps": 1, "dtype": "float32"}, "output": {"path": "run"},
            "requests": {"defaults": {"width": 64, "height": 64, "frames": 5}, "items": [{"id": "a", "prompt": "a cat"}]}}))
        ditmill.ditmill("run", self.path / "job.yaml", "--check")

    def identified(self, path):
        return json.loads(ditmill.ditmill("weights", "identify", "--json", path, code=None).stdout)

    def test_a_model_folder_becomes_what_wan_publishes_and_comes_back(self):
        convert(self.model, self.path / "official", "--to", "official")
        for role, name in OFFICIAL_FILES.items():
            self.assert_equal(load(self.path / "official" / name), tiny_wan.official_tensors(self.model, role))
            if name.endswith(".pth"):
                with zipfile.ZipFile(self.path / "official" / name) as archive:
                    self.assertIsNone(archive.testzip())  # every CRC-32
        for name in ("tokenizer.json", "spiece.model"):
            self.assertEqual((self.path / "official/google/umt5-xxl" / name).read_bytes(),
                             (self.model / "tokenizer" / name).read_bytes())
        self.assertFalse((self.path / "official/model_index.json").exists())
        self.assertEqual({each["layout"] for each in self.identified(self.path / "official")}, {"official"})
        self.assert_runs(self.path / "official")

        said = convert(self.path / "official", self.path / "back", "--to", "diffusers")
        for role, name in FILES.items():
            self.assertIn(str(self.path / "back" / role / name), said.stdout)
            self.assert_equal(load(self.path / "back" / role / name), load(self.model / role / name))
            self.assertEqual((self.path / "back" / role / "config.json").read_bytes(),
                             (self.model / role / "config.json").read_bytes())
        before, after = ({each["role"]: each["key_hash"] for each in self.identified(path)}
                         for path in (self.model, self.path / "back"))
        self.assertEqual(before, after)
        index = json.loads((self.path / "back/model_index.json").read_text())
        self.assertEqual(index["_class_name"], "WanPipeline")
        self.assertEqual(index["vae"], ["diffusers", "AutoencoderKLWan"])

    def test_wans_own_folder_comes_back_too(self):
        convert(self.official, self.path / "diffusers", "--to", "diffusers")
        for role, name in FILES.items():
            self.assert_equal(load(self.path / "diffusers" / role / name), {
                key: tensor for key, tensor in load(self.model / role / name).items()
                if key != "encoder.embed_tokens.weight"})
        self.assert_runs(self.path / "diffusers")
        convert(self.path / "diffusers", self.path / "back", "--to", "official")
        self.assertEqual(json.loads((self.path / "back/config.json").read_text()),
                         json.loads((self.official / "config.json").read_text()))
        for name in OFFICIAL_FILES.values():
            self.assert_equal(load(self.path / "back" / name), load(self.official / name))

    def test_what_wan_publishes_for_pictures_is_diffusers_folder_and_comes_back(self):
        """Three weights are one in Wan's CLIP, and half of it has no counterpart."""
        clip = "models_clip_open-clip-xlm-roberta-large-vit-huge-14.pth"
        ditmill.ditmill("weights", "synth", "--like", "wan2.1-i2v-14b-480p", "--layout", "official", "--seed", self.seed,
                        self.path / "official")
        catalog = ("--catalog", self.path / "official/catalog.yaml")
        convert(self.path / "official", self.path / "diffusers", "--to", "diffusers", *catalog)
        pipeline = diffusers.WanImageToVideoPipeline.from_pretrained(self.path / "diffusers")
        source = load(self.path / "official" / clip)
        joined = source["visual.transformer.1.attn.to_qkv.weight"]
        layer = pipeline.image_encoder.state_dict()
        layer = {name.removeprefix("vision_model."): tensor for name, tensor in layer.items()}
        for part, letter in enumerate("qkv"):
            self.assertTrue(torch.equal(layer[f"encoder.layers.1.self_attn.{letter}_proj.weight"], joined.chunk(3)[part]))
        self.assertTrue(torch.equal(layer["embeddings.class_embedding"], source["visual.cls_embedding"].flatten()))
        self.assertEqual((pipeline.image_encoder.config.hidden_act, pipeline.image_encoder.config.num_attention_heads), ("gelu", 4))
        self.assertTrue(list((self.path / "diffusers/image_encoder").glob("*.side.safetensors")))
        convert(self.path / "diffusers", self.path / "back", "--to", "official", *catalog)
        for name in (clip, *OFFICIAL_FILES.values()):
            self.assert_equal(load(self.path / "back" / name), load(self.path / "official" / name))

    def test_two_experts_keep_their_places_and_their_boundary(self):
        ditmill.ditmill("weights", "synth", "--like", "wan2.2-t2v-a14b", "--layout", "official", "--seed", self.seed,
                        self.path / "official")
        convert(self.path / "official", self.path / "diffusers", "--to", "diffusers", "--catalog",
                self.path / "official/catalog.yaml")
        pipeline = diffusers.WanPipeline.from_pretrained(self.path / "diffusers")
        self.assertEqual(pipeline.config.boundary_ratio, 0.875)
        high = load(self.path / "official/high_noise_model/diffusion_pytorch_model.safetensors")
        self.assertTrue(torch.equal(pipeline.transformer.state_dict()["proj_out.weight"], high["head.head.weight"]))

    def test_what_has_no_counterpart_is_kept_beside(self):
        tensors = load(self.model / "transformer" / FILES["transformer"])
        dim = tensors["blocks.0.attn1.to_q.bias"].shape[0]
        for name in ("blocks.0.attn2.norm_added_q.weight", "blocks.1.attn2.norm_added_q.weight", "step"):
            tensors[name] = torch.randn(dim)
        source, there, back = (self.path / f"{name}.safetensors" for name in ("source", "there", "back"))
        save_file(tensors, source)
        convert(source, there, "--to", "official")
        side = pathlib.Path(f"{there}.side.safetensors")
        self.assertEqual(len(load(side)), 3)
        self.assert_equal(load(there), tiny_wan.official_tensors(self.model, "transformer"))
        said = convert(there, self.path / "cast.safetensors", "--to", "diffusers", "--dtype", "BF16", code=1)
        self.assertIn(side.name, said.stderr)
        convert(there, back, "--to", "diffusers")
        self.assert_equal(load(back), tensors)
        self.assertFalse(pathlib.Path(f"{back}.side.safetensors").exists())

    def test_every_spelling_of_the_embedding_comes_back(self):
        base = load(self.model / "text_encoder" / FILES["text_encoder"])
        base.pop("encoder.embed_tokens.weight", None)
        embedding = base.pop("shared.weight")
        spellings = {"shared": {"shared.weight": embedding}, "embed_tokens": {"encoder.embed_tokens.weight": embedding},
                     "both": {"shared.weight": embedding, "encoder.embed_tokens.weight": embedding.clone()},
                     "other": {"shared.weight": embedding, "encoder.embed_tokens.weight": embedding + 1}}
        for spelling, more in spellings.items():
            with self.subTest(spelling):
                source, there, back = (self.path / f"{spelling}.{name}" for name in
                                       ("source.safetensors", "there.pth", "back.safetensors"))
                save_file(base | more, source)
                convert(source, there, "--to", "official")
                self.assert_equal({"": load(there)["token_embedding.weight"]}, {"": embedding})
                self.assertEqual(pathlib.Path(f"{there}.side.safetensors").exists(), spelling != "shared")
                convert(there, back, "--to", "diffusers")
                self.assert_equal(load(back), base | more)

    def test_a_prefix_is_taken_off_and_views_are_written_out(self):
        tensors = tiny_wan.official_tensors(self.model, "vae")
        wide = {name: tensor for name, tensor in tensors.items() if tensor.ndim > 1}
        views = tensors | {name: tensor.transpose(0, 1).contiguous().transpose(0, 1) for name, tensor in wide.items()}
        torch.save({"model_state": views}, self.path / "vae.pth")
        convert(self.path / "vae.pth", self.path / "vae.safetensors", "--to", "diffusers")
        self.assert_equal(load(self.path / "vae.safetensors"), load(self.model / "vae" / FILES["vae"]))

    def test_casts_as_torch_does(self):
        name = FILES["transformer"]
        tensors = load(self.model / "transformer" / name)
        special = torch.tensor([float("inf"), -0.0, 1e30, 1e-7, 65519.0, 65520.0, 3.0000001e-8, 1.00390625, 1.01171875])
        flat = tensors["proj_out.bias"].flatten()
        flat[:len(special)] = special
        save_file(tensors, self.path / name)
        for dtype, kind in {"BF16": torch.bfloat16, "F16": torch.float16, "F32": torch.float32}.items():
            out = self.path / f"{dtype}.safetensors"
            convert(self.path / name, out, "--to", "diffusers", "--dtype", dtype)
            self.assert_equal(load(out), {key: tensor.to(kind) for key, tensor in tensors.items()})
            with safe_open(out, "pt") as file:
                self.assertEqual(file.metadata(), {"format": "pt"})

    def test_refuses_what_it_cannot_keep_its_word_for(self):
        vae = self.model / "vae"
        (self.path / "taken.pth").write_text("mine")
        for arguments, word in (((vae, self.path / "taken.pth", "--to", "official"), "nothing is overwritten"),
                                ((vae, self.path / "vae.bin", "--to", "official"), ".safetensors, or .pth"),
                                ((self.model, self.path, "--to", "official"), "nothing is overwritten"),
                                ((self.clip(), self.path / "c.safetensors", "--to", "diffusers"), "cut and joined"),
                                ((self.unknown(), self.path / "u.pth", "--to", "official"), "identify")):
            said = convert(*arguments, code=1)
            self.assertIn(word, said.stderr.replace("\n", " "))
        self.assertEqual(sorted(path.name for path in self.path.iterdir()),
                         ["clip.safetensors", "taken.pth", "unknown.safetensors"])

    def clip(self):
        tensors = {"visual.cls_embedding": [1, 1, 8], "visual.pre_norm.weight": [8],
                   "visual.transformer.0.attn.to_qkv.weight": [25, 8]}
        save_file({name: torch.zeros(shape) for name, shape in tensors.items()}, self.path / "clip.safetensors")
        return self.path / "clip.safetensors"

    def unknown(self):
        save_file({"x.weight": torch.zeros(2, 2)}, self.path / "unknown.safetensors")
        return self.path / "unknown.safetensors"


if __name__ == "__main__":
    unittest.main()
