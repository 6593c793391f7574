"""Wan's official layout: the same weights laid out as Wan-AI's repositories are give the same bytes as in the diffusers
layout, however their checkpoints were saved; and what is wrong with them is listed."""

import dataclasses
import json
import pathlib
import random
import sys
import tempfile
import unittest

import h5py
import numpy
import torch
from safetensors.torch import load_file, save_file

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import ditmill
import probe
import tiny_wan
from test_pipeline import SHAPE, SHIFT, STEPS, Oracle, request

SEED = probe.fresh_seed("test_official")
# The official VAE has two residual blocks a level, whatever its widths.
SHAPE = dataclasses.replace(SHAPE, vae_res_blocks=2, shard_size="5GB")
VAE = "Wan2.1_VAE.pth"
T5 = "models_t5_umt5-xxl-enc-bf16.pth"


def legacy(tensors, path):
    torch.save(tensors, path, _use_new_zipfile_serialization=False)


def views(tensors, path):
    """The same values as views: transposed, every second element, two of one storage, parameters."""
    generator = random.Random(SEED)
    out = {}
    for name, tensor in tensors.items():
        how = generator.randrange(4)
        if how == 0 and tensor.ndim == 2:
            out[name] = tensor.t().contiguous().t()
        elif how == 1 and tensor.ndim > 0:
            out[name] = torch.stack([tensor, tensor + 1], -1)[..., 0]
        elif how == 2:
            out[name] = torch.cat([torch.zeros(7, dtype=tensor.dtype), tensor.reshape(-1)])[7:].view(tensor.shape)
        else:
            out[name] = torch.nn.Parameter(tensor, requires_grad=False)
    shared = torch.cat([t.reshape(-1) for n, t in tensors.items() if n.endswith("bias")] or [torch.zeros(1)])
    at = 0
    for name, tensor in tensors.items():
        if name.endswith("bias"):
            out[name] = shared[at:at + tensor.numel()].view(tensor.shape)
            at += tensor.numel()
    torch.save(out, path)


class Official(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="ditmill-official-")
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.path = pathlib.Path(cls.scratch.name)
        cls.models = {}
        for dtype in ("float32", "bfloat16"):
            cls.models[dtype] = cls.path / f"diffusers-{dtype}"
            tiny_wan.make(cls.models[dtype], SEED, dataclasses.replace(SHAPE, dtype=dtype))
        cls.requests = [request(i, text, negative, width, height, frames, SEED % 1000 + i)
                        for i, (text, negative, width, height, frames) in enumerate((
                            ("a cat on a wall", "", 48, 32, 5), ("two dogs, running", "blurry", 32, 32, 1)))]
        (cls.path / "prompts.jsonl").write_text("".join(json.dumps(r) + "\n" for r in cls.requests))

    def run_job(self, model, name, *more, dtype="float32", code=0, ranks=2):
        catalog = self.path / f"{name}.catalog.yaml"
        manifest = self.path / f"{name}.yaml"
        catalog.write_text(ditmill.ditmill("registry", "template", model, "--name", "tiny").stdout)
        manifest.write_text(json.dumps({
            "schema": 1, "name": "official", "model": {"path": str(model), "catalog": str(catalog)},
            "pipeline": {"steps": STEPS, "guidance_scale": 5.0, "flow_shift": SHIFT, "dtype": dtype},
            "requests": {"file": "prompts.jsonl"}, "output": {"path": name, "latents": True}}))
        self.done = ditmill.ditmill("run", manifest, "--threads", "1", *more, ranks=ranks, code=code)
        return self.path / name

    def official(self, name, dtype="float32", **options):
        folder = self.path / name
        tiny_wan.make_official(self.models[dtype], folder, **options)
        return folder

    def assert_same(self, run, reference):
        with h5py.File(run / "results.h5") as got, h5py.File(reference / "results.h5") as want:
            self.assertEqual(sorted(got["items"]), sorted(want["items"]))
            for item in want["items"]:
                for data in ("latents", "frames"):
                    self.assertTrue(numpy.array_equal(got["items"][item][data][...], want["items"][item][data][...]),
                                    f"{item} {data}")

    def test_every_way_to_save_the_same_weights_gives_the_same_bytes(self):
        reference = self.run_job(self.models["float32"], "reference")
        oracle = Oracle(self.models["float32"], torch.float32)
        oracle_steps = [oracle.run(r, "unipc", 5.0)[0] for r in self.requests]
        with h5py.File(reference / "results.h5") as results:
            for wanted, latents in zip(self.requests, oracle_steps):
                apart = probe.distance(torch.from_numpy(results["items"][wanted["id"]]["latents"][...]), latents)
                print(f"official {wanted['id']}: {apart:.2e} from diffusers' latents")
                self.assertLessEqual(apart, 3e-5)
        for name, options in (("plain", {}), ("sharded", {"shards": 3}), ("views", {"save": views}),
                              ("legacy", {"save": legacy, "tokenizer": "tokenizer"})):
            with self.subTest(name):
                self.assert_same(self.run_job(self.official(name, **options), f"run-{name}"), reference)

    def test_bfloat16_files_give_the_bytes_of_the_diffusers_layout(self):
        reference = self.run_job(self.models["bfloat16"], "reference-bf16", dtype="bfloat16")
        model = self.official("bf16", dtype="bfloat16", shards=2, save=views)
        self.assert_same(self.run_job(model, "run-bf16", dtype="bfloat16"), reference)

    def test_shards_of_any_name_are_one_transformer(self):
        reference = self.run_job(self.models["float32"], "reference-any")
        model = self.official("any")
        path = model / "diffusion_pytorch_model.safetensors"
        tensors = load_file(path)
        path.unlink()
        for shard, name in enumerate(("first half.safetensors", "wan_b.safetensors", "zz.safetensors")):
            save_file({n: tensors[n] for n in sorted(tensors)[shard::3]}, model / name)
        self.assert_same(self.run_job(model, "run-any"), reference)

    def test_a_nested_checkpoint_is_its_tensors_by_their_paths(self):
        model = self.official("nested")
        tensors = torch.load(model / VAE, weights_only=True)
        torch.save({"epoch": 3, "model": tensors}, model / VAE)
        [found] = json.loads(ditmill.ditmill("weights", "identify", "--json", model / VAE).stdout)
        self.assertEqual((found["role"], found["layout"], found["prefix"]), ("vae", "official", "model."))
        self.assertIn("key_hash_flat", found)
        self.assertNotEqual(found["key_hash"], found["key_hash_flat"])

    def test_identify_says_what_lies_in_the_folder(self):
        model = self.official("identify", shards=3)
        found = json.loads(ditmill.ditmill("weights", "identify", "--json", model).stdout)
        self.assertEqual(sorted((f["role"], f["layout"], f["how"]) for f in found),
                         [(role, "official", "catalog-keys" if role == "vae" else "fingerprint")
                          for role in ("dit", "text_encoder", "vae")])
        self.assertEqual(sum(f["tensors"] for f in found), sum(
            len(tiny_wan.official_tensors(self.models["float32"], r)) for r in ("transformer", "text_encoder", "vae")))

    def test_what_is_missing_or_does_not_belong_is_listed(self):
        model = self.official("wrong")
        path = model / T5
        tensors = torch.load(path, weights_only=True)
        moved = ["blocks.0.attn.k.weight", "blocks.1.norm2.weight"]
        torch.save({n: t for n, t in tensors.items() if n not in moved} | {"blocks.0.attn.z.weight": torch.zeros(2)}, path)
        self.run_job(model, "run-wrong", code=1)
        for words in ("missing encoder.block.0.layer.0.SelfAttention.k.weight",
                      "missing encoder.block.1.layer.1.layer_norm.weight", "unexpected encoder.block.0", T5):
            self.assertIn(words, self.done.stderr)

    def test_two_tensors_of_one_name_are_refused(self):
        model = self.official("twice")
        path = model / "diffusion_pytorch_model.safetensors"
        tensors = load_file(path)
        save_file(tensors | {"proj_out.weight": tensors["head.head.weight"].clone()}, path)
        done = ditmill.ditmill("registry", "template", model, "--name", "tiny", code=1)
        self.assertIn("proj_out.weight comes from both head.head.weight and proj_out.weight", done.stderr)

    def test_two_files_of_one_kind_are_refused(self):
        model = self.official("twins")
        (model / "another.pth").write_bytes((model / VAE).read_bytes())
        with self.assertRaises(AssertionError) as caught:
            self.run_job(model, "run-twins")
        self.assertIn("one vae", str(caught.exception))
        self.assertIn("another.pth", str(caught.exception))


if __name__ == "__main__":
    unittest.main(verbosity=2)
