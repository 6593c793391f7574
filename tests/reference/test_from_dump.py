"""`ditmill run --from-dump` with weights: every byte again, and no other weights than the dump's."""

import json
import pathlib
import random
import shutil
import sys
import tempfile
import unittest

import h5py
import numpy

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import ditmill
import probe
import tiny_wan
from test_pipeline import SHAPE, draw_requests

SEED = probe.fresh_seed("test_from_dump")


class FromDump(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="ditmill-dump-")
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.path = pathlib.Path(cls.scratch.name)
        cls.model = cls.path / "model"
        tiny_wan.make(cls.model, SEED, SHAPE)
        (cls.path / "catalog.yaml").write_text(
            ditmill.ditmill("registry", "template", cls.model, "--name", "tiny").stdout)
        generator = random.Random(SEED)
        cls.requests = draw_requests(generator)[:4]
        (cls.path / "prompts.jsonl").write_text("".join(json.dumps(r) + "\n" for r in cls.requests))
        (cls.path / "job.yaml").write_text(json.dumps({
            "schema": 1,
            "name": "oracle",
            "model": {"path": "model", "catalog": "catalog.yaml"},
            "pipeline": {"preset": "wan2.1-t2v-1.3b", "solver": generator.choice(("unipc", "euler")), "steps": 3,
                         "guidance_scale": generator.choice((1.0, 4.5)), "flow_shift": generator.uniform(1, 9),
                         "dtype": generator.choice(("float32", "bfloat16")),
                         "components": {"vae": {"dtype": generator.choice(("float32", "bfloat16"))}}},
            "requests": {"file": "prompts.jsonl"},
            "output": {"path": "first", "latents": True},
        }))
        ditmill.ditmill("run", cls.path / "job.yaml", "--threads", "1", ranks=2)
        cls.first = cls.path / "first"
        cls.dump = cls.first / "config.json"
        cls.config = json.loads(cls.dump.read_text())

    def repeat(self, name, *more, ranks=2, code=0, dump=None):
        return ditmill.ditmill("run", "--from-dump", dump or self.dump, "--run-dir", self.path / name, *more,
                               ranks=ranks, code=code)

    def clips(self, run):
        with h5py.File(self.path / run / "results.h5") as results:
            return {item: {name: data[...] for name, data in group.items()} for item, group in results["items"].items()}

    def keys(self, run):
        return {r["item"]: (r["key"], r["content"]) for r in ditmill.journal(self.path / run) if r["event"] == "done"}

    def assert_same(self, run, items):
        got, want = self.clips(run), self.clips("first")
        self.assertEqual(sorted(got), sorted(items))
        for item in items:
            self.assertEqual(sorted(got[item]), ["frames", "latents"])
            for name, data in got[item].items():
                self.assertEqual(data.tobytes(), want[item][name].tobytes(), f"{name} of {item}")
        first = self.keys("first")
        self.assertEqual(self.keys(run), {item: first[item] for item in items})

    def test_every_byte_comes_back_with_other_rank_counts(self):
        for ranks in (1, 3):
            self.repeat(f"ranks{ranks}", ranks=ranks)
            self.assert_same(f"ranks{ranks}", [r["id"] for r in self.requests])
            config = json.loads((self.path / f"ranks{ranks}" / "config.json").read_text())
            for field in ("layer1_model_definition", "layer2_inference_config", "layer3_requests", "identity"):
                self.assertEqual(config[field], self.config[field])

    def test_one_item_comes_back(self):
        item = self.requests[-1]["id"]
        with h5py.File(self.first / "results.h5") as results:
            (self.path / "item.json").write_text(results["items"][item].attrs["config_json"])
        self.repeat("one", "--set", "output.latents=true", dump=self.path / "item.json")
        self.assert_same("one", [item])

    def test_layer_1_says_what_is_bound_to_the_weights(self):
        layer1 = self.config["layer1_model_definition"]
        self.assertEqual((layer1["distilled"], layer1["experts"], layer1["quantization"], layer1["prediction_type"]),
                         (False, [], None, "flow"))
        self.assertEqual(layer1["digest"], self.config["weights_digest"])
        self.assertEqual([model["name"] for model in layer1["models"]], ["transformer", "text_encoder", "vae"])
        for model in layer1["models"]:
            self.assertRegex(model["digest"], "^sha256:[0-9a-f]{64}$")
            self.assertRegex(model["key_hash"], "^[0-9a-f]{32}$")
            self.assertNotEqual(model["hyper_parameters"], {})

    def test_the_pin_is_told_without_a_run(self):
        model, = json.loads(ditmill.ditmill("weights", "digest", self.model, "--catalog", self.path / "catalog.yaml",
                                            "--json").stdout)["models"]
        self.assertEqual(model["digest"], self.config["weights_digest"])
        roots = {one["name"]: one["digest"] for one in self.config["layer1_model_definition"]["models"]}
        self.assertEqual({role: root for role, root in model["components"].items() if role != "tokenizer"}, roots)
        without, = json.loads(ditmill.ditmill("weights", "digest", self.model, "--json").stdout)["models"]
        self.assertIsNone(without["digest"])
        self.assertIn("catalog", without["why"])

    def copy(self, name):
        folder = self.path / name
        shutil.copytree(self.model, folder)
        return folder

    def test_weights_that_moved_are_found_where_an_option_says(self):
        moved = self.copy("moved")
        self.repeat("elsewhere", "--set", f"model.path={moved}")
        self.assert_same("elsewhere", [r["id"] for r in self.requests])

    def test_other_weights_are_refused(self):
        from safetensors.torch import load_file, save_file

        path = next((self.copy("other") / "vae").glob("*.safetensors"))
        tensors = load_file(path)
        tensors[sorted(tensors)[0]] += 1
        save_file(tensors, path, metadata={"format": "pt"})
        done = self.repeat("refused", "--set", f"model.path={self.path / 'other'}", code=1)
        self.assertIn(self.config["weights_digest"], done.stderr)
        self.assertIn("vae", done.stderr)
        self.assertFalse((self.path / "refused" / "results.h5").exists() and self.clips("refused"))

    def test_weights_of_another_shape_are_refused_from_their_headers(self):
        import dataclasses

        other = self.path / "shape"
        tiny_wan.make(other, SEED, dataclasses.replace(SHAPE, ffn=SHAPE.ffn + 8))
        catalog = self.path / "shape.yaml"
        catalog.write_text(ditmill.ditmill("registry", "template", other, "--name", "other").stdout)
        done = self.repeat("shaped", "--check", "--set", f"model.path={other}", "--set", f"model.catalog={catalog}",
                           ranks=0, code=1)
        for words in ("key_hash", self.config["layer1_model_definition"]["models"][0]["key_hash"], "--set model.path"):
            self.assertIn(words, done.stdout)

    def test_a_catalog_that_is_gone_is_named(self):
        catalog = self.path / "catalog.yaml"
        kept = catalog.rename(self.path / "kept.yaml")
        try:
            done = self.repeat("gone", "--check", ranks=0, code=1)
            self.assertIn(str(catalog), done.stdout)
        finally:
            kept.rename(catalog)


if __name__ == "__main__":
    unittest.main(verbosity=2)
