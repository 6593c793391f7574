"""A family beside Wan (models/toy), end to end: pictures of a transformer written here, with fields of its own."""

import csv
import io
import json
import math
import pathlib
import random
import re
import sys
import tarfile
import tempfile
import unittest

import h5py
import numpy
import torch
import torch.nn.functional as F

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import ditmill
import probe
import tiny_tokenizer
import tiny_wan
from safetensors.torch import save_file
from test_samplers import prepared
from transformers import AutoTokenizer

SEED = probe.fresh_seed("test_toy")
STEPS, SHIFT, SCALE = 6, 3.0, 4.0
STYLES = ("plain", "ink", "oil")
SHAPE = tiny_wan.Shape(text_dim=48, text_heads=3)


class Block(torch.nn.Module):
    def __init__(self, dim, heads, ffn):
        super().__init__()
        self.heads = heads
        self.modulation = torch.nn.Linear(dim, 6 * dim)
        self.attention_in, self.attention_out = torch.nn.Linear(dim, 3 * dim), torch.nn.Linear(dim, dim)
        self.mlp_in, self.mlp_out = torch.nn.Linear(dim, ffn), torch.nn.Linear(ffn, dim)

    def forward(self, x, conditions):
        shift, scale, gate, shift2, scale2, gate2 = self.modulation(conditions).unsqueeze(1).chunk(6, -1)
        y = self.attention_in(F.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale) + shift)
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in y.chunk(3, -1))
        x = x + gate * self.attention_out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        y = self.mlp_in(F.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale2) + shift2)
        return x + gate2 * self.mlp_out(F.gelu(y, approximate="tanh"))


class Final(torch.nn.Module):
    def __init__(self, dim, channels):
        super().__init__()
        self.modulation, self.proj = torch.nn.Linear(dim, 2 * dim), torch.nn.Linear(dim, 4 * channels)

    def forward(self, x, conditions):
        shift, scale = self.modulation(conditions).unsqueeze(1).chunk(2, -1)
        return self.proj(F.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale) + shift)


class Toy(torch.nn.Module):
    """The oracle, written from the brief alone."""

    def __init__(self, dim=64, heads=2, ffn=96, layers=2, late=2, channels=16, text_dim=48, freq_dim=32):
        super().__init__()
        self.config = {"_class_name": "ToyTransformer2DModel", "patch_size": [1, 2, 2], "hidden_size": dim,
                       "num_heads": heads, "mlp_size": ffn, "num_layers": layers, "num_late_layers": late, "in_channels": channels,
                       "text_dim": text_dim, "freq_dim": freq_dim}
        self.x_embed = torch.nn.Linear(4 * channels, dim)
        self.time_in, self.time_out = torch.nn.Linear(freq_dim, dim), torch.nn.Linear(dim, dim)
        self.text_embed = torch.nn.Linear(text_dim, dim)
        self.style_embed = torch.nn.Parameter(torch.zeros(3, dim))
        self.blocks = torch.nn.ModuleList(Block(dim, heads, ffn) for _ in range(layers))
        self.late_blocks = torch.nn.ModuleList(Block(dim, heads, ffn) for _ in range(late))
        self.final = Final(dim, channels)

    def places(self, rows, columns):
        quarter = self.config["hidden_size"] // 4
        table = torch.zeros(rows, columns, 4, quarter, dtype=torch.float64)
        for i in range(quarter):
            frequency = 10000 ** (-i / quarter)
            for row in range(rows):
                table[row, :, 0, i], table[row, :, 1, i] = math.sin(row * frequency), math.cos(row * frequency)
            for column in range(columns):
                table[:, column, 2, i] = math.sin(column * frequency)
                table[:, column, 3, i] = math.cos(column * frequency)
        return table.reshape(rows * columns, -1).float()

    def forward(self, latents, timestep, text, toy_style, detail=1.0):
        _, channels, _, height, width = latents.shape
        half = self.config["freq_dim"] // 2
        angle = timestep * torch.exp(-math.log(10000) * torch.arange(half) / half)
        time = self.time_out(F.silu(self.time_in(torch.cat([angle.cos(), angle.sin()])[None])))
        conditions = F.silu(time + self.text_embed(text.mean(0)) + self.style_embed[STYLES.index(toy_style)])
        # F.unfold has a patch's pixels with the channel slowest.
        x = self.x_embed(F.unfold(latents[:, :, 0], 2, stride=2).mT) + self.places(height // 2, width // 2)
        for block in (*self.blocks, *self.late_blocks):
            x = block(x, conditions)
        flow = F.fold(self.final(x, conditions).mT, (height, width), 2, stride=2)[:, :, None]
        mean = flow.mean((2, 3, 4), keepdim=True)
        return mean + detail * (flow - mean)


def make(folder, seed):
    """Writes the model; returns its transformer and text encoder."""
    generator = torch.Generator().manual_seed(seed)
    vocabulary = tiny_tokenizer.make(folder / "tokenizer")
    toy = Toy()
    tiny_wan.randomise(toy, generator)
    text_encoder = tiny_wan.text_encoder(SHAPE, vocabulary, generator)
    text_encoder.save_pretrained(folder / "text_encoder")
    tiny_wan.vae(SHAPE, generator).save_pretrained(folder / "vae")
    (folder / "transformer").mkdir()
    save_file(toy.state_dict(), folder / "transformer" / "diffusion_pytorch_model.safetensors")
    (folder / "transformer" / "config.json").write_text(json.dumps(toy.config))
    (folder / "model_index.json").write_text(json.dumps({
        "_class_name": "ToyPipeline", "transformer": ["diffusers", "ToyTransformer2DModel"],
        **{name: tiny_wan.COMPONENTS[name] for name in ("vae", "text_encoder", "tokenizer")}}))
    return toy.eval(), text_encoder.eval()


class ToyFamily(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="ditmill-toy-")
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.path = pathlib.Path(cls.scratch.name)
        (cls.path / "model").mkdir()
        cls.toy, cls.text_encoder = make(cls.path / "model", SEED)
        cls.tokenizer = AutoTokenizer.from_pretrained(cls.path / "model" / "tokenizer")
        (cls.path / "catalog.yaml").write_text(
            ditmill.ditmill("registry", "template", cls.path / "model", "--name", "tiny").stdout)
        generator = random.Random(SEED)
        texts = ("a tabby cat asleep in the sun", "two red boats", "rain on a window")
        sizes = ((48, 32), (32, 64), (64, 64))
        cls.items = [{"id": f"item{i}", "prompt": texts[i % 3], "negative_prompt": ("", "blurred, static")[i % 2],
                      "seed": generator.randrange(1 << 62), "width": sizes[i % 3][0], "height": sizes[i % 3][1],
                      "frames": 1} | ({"toy_style": STYLES[i]} if i < 3 else {}) for i in range(4)]
        cls.write("list.jsonl", "".join(json.dumps(item) + "\n" for item in cls.items))
        cls.job = cls.manifest("job", {"file": "list.jsonl"})

    @classmethod
    def write(cls, name, text):
        (cls.path / name).write_text(text)
        return cls.path / name

    @classmethod
    def manifest(cls, name, requests, **pipeline):
        return cls.write(name + ".yaml", json.dumps({
            "schema": 1, "name": "toy", "model": {"path": "model", "catalog": "catalog.yaml"},
            "pipeline": {"preset": "toy", "solver": "unipc", "steps": STEPS, "guidance_scale": SCALE,
                         "flow_shift": SHIFT, "dtype": "float32", **pipeline},
            "requests": requests, "output": {"path": name, "latents": True}}))

    def run_job(self, name, *more, job=None, ranks=1, kept=("latents", "frames")):
        ditmill.ditmill("run", job or self.job, "--run-dir", self.path / name, "--threads", "1", *more, ranks=ranks)
        keys = {record["item"]: record["key"] for record in ditmill.journal(self.path / name)}
        with h5py.File(self.path / name / "results.h5") as results:
            return {item: {"toy_style": group.attrs.get("toy_style", "plain"), "key": keys[item],
                           **{output: group[output][...] for output in kept}}
                    for item, group in results["items"].items()}

    @torch.no_grad()
    def expected(self, item, solver="unipc", detail=1.0):
        def encode(text):
            ids = self.tokenizer(text, padding="max_length", max_length=512, truncation=True, return_tensors="pt")
            rows = self.text_encoder(ids.input_ids, attention_mask=ids.attention_mask).last_hidden_state[0]
            return rows[:int(ids.attention_mask.sum())]

        scheduler = prepared(solver, STEPS, SHIFT)
        latents = torch.randn((1, 16, 1, item["height"] // 8, item["width"] // 8),
                              generator=torch.Generator().manual_seed(item["seed"]))
        told = [encode(item[field]) for field in ("prompt", "negative_prompt")]
        for timestep in scheduler.timesteps:
            flow, away = (self.toy(latents, timestep.float(), text, item.get("toy_style", "plain"), detail) for text in told)
            latents = scheduler.step(away + SCALE * (flow - away), timestep, latents, return_dict=False)[0]
        return latents[0]

    def assert_expected(self, stored, item, **how):
        apart = probe.distance(torch.from_numpy(stored["latents"]), self.expected(item, **how))
        print(f"toy {item['id']} {how}: {apart:.2e} from the oracle's latents")
        self.assertLessEqual(apart, 3e-5)

    def test_equals_the_oracle(self):
        for solver in ("unipc", "euler"):
            stored = self.run_job(solver, "--set", f"pipeline.solver={solver}", ranks=2)
            for item in self.items:
                one = stored[item["id"]]
                self.assert_expected(one, item, solver=solver)
                self.assertEqual(one["frames"].shape, (1, item["height"], item["width"], 3))
                self.assertEqual(one["toy_style"], item.get("toy_style", "plain"))

    def test_detail(self):
        stored = self.run_job("detail", "--set", "pipeline.toy_detail=1.5")
        for item in self.items:
            self.assert_expected(stored[item["id"]], item, detail=1.5)
        done = ditmill.ditmill("run", self.job, "--check", "--set", "pipeline.toy_detail=2.5", code=1)
        self.assertIn("pipeline.toy_detail", done.stdout)

    def assert_same(self, got, want, levels=0):
        """Latents bit for bit; frames too, or, where more ranks share out the VAE's rows, up to some levels."""
        self.assertEqual(sorted(got), sorted(want))
        for item in want:
            self.assertTrue(numpy.array_equal(got[item]["latents"], want[item]["latents"]), item)
            apart = numpy.abs(got[item]["frames"].astype(int) - want[item]["frames"])
            self.assertLessEqual(apart.max(), levels, item)

    def test_bytes_do_not_depend_on_list_layout_or_dump(self):
        reference = self.run_job("reference")
        with open(self.path / "list.csv", "w", newline="") as file:
            table = csv.DictWriter(file, list(self.items[0]))
            table.writeheader()
            table.writerows({"toy_style": "", **item} for item in self.items)
        self.assert_same(self.run_job("csv", job=self.manifest("csv_job", {"file": "list.csv"})), reference)
        dump = self.path / "reference" / "config.json"
        ditmill.ditmill("run", "--from-dump", dump, "--run-dir", self.path / "again", "--threads", "1", ranks=2)
        with h5py.File(self.path / "again" / "results.h5") as results:
            again = {name: {what: group[what][...] for what in ("latents", "frames")}
                     for name, group in results["items"].items()}
        self.assert_same(again, reference)
        for layout in ("{cfg: 2}", "{cfg: 2, fsdp: true}"):
            name = "layout" + layout.strip("{}").replace(" ", "").replace(":", "").replace(",", "")
            self.assert_same(self.run_job(name, "--set", f"pipeline.parallel={layout}", ranks=2), reference, levels=1)
        for offload in ("stages", "sequential", "async"):
            self.assert_same(self.run_job(offload, "--set", f"pipeline.components.transformer.offload={offload}"),
                             reference)

    def test_blocks_of_both_lists_come_and_go(self):
        reference = self.run_job("whole")
        for name, offload in (("one_by_one", "sequential"), ("some", "{type: async, ratio: 0.75, prefetch: 1}")):
            self.assert_same(self.run_job(name, "--set", f"pipeline.components.transformer.offload={offload}"), reference)

    def test_steps_are_measured(self):
        [entry] = re.findall(r'name: "([^"]+)"\n  family: toy\n  role: dit', (self.path / "catalog.yaml").read_text())
        done = json.loads(ditmill.ditmill(
            "bench", "step", "--catalog", self.path / "catalog.yaml", "--model", entry, "--width", "64", "--height", "48", "--frames", "1",
            "--dtype", "float32", "--parallel", "{cfg: 2, fsdp: true}", "--steps", "1", "--threads", "1", "--json", ranks=2).stdout)
        self.assertEqual((done["tokens"], done["layers"]), (12, 2))
        for rank in done["ranks"]:
            for cost in rank["purposes"].values():
                self.assertEqual(cost["bytes"], cost["expected_bytes"])

    def test_matrix(self):
        item = dict(self.items[0], id="cat")
        del item["toy_style"]
        stored = self.run_job("matrix", job=self.manifest(
            "matrix_job", {"items": [item], "matrix": {"toy_style": list(STYLES)}}))
        self.assertEqual(sorted(stored), [f"cat~toy_style{toy_style}" for toy_style in sorted(STYLES)])
        for toy_style in STYLES:
            self.assert_expected(stored["cat~toy_style" + toy_style], dict(item, toy_style=toy_style))

    def test_keys(self):
        bare = {name: value for name, value in self.items[0].items() if name != "toy_style"}
        items = [dict(bare, id="bare"), *(dict(bare, id=toy_style, toy_style=toy_style) for toy_style in STYLES)]
        stored = self.run_job("keys", job=self.manifest("keys_job", {"items": items}))
        keys = {name: one["key"] for name, one in stored.items()}
        self.assertEqual(keys["bare"], keys["plain"])
        self.assertEqual(len(set(keys.values())), 3)
        back = self.run_job("back", job=self.manifest("back_job", {
            "defaults": {"toy_style": "ink"}, "items": [dict(bare, id="inherits"), dict(bare, id="plain", toy_style="plain")]}))
        self.assertEqual([back[name]["toy_style"] for name in ("inherits", "plain")], ["ink", "plain"])
        self.assertEqual([back["inherits"]["key"], back["plain"]["key"]], [keys["ink"], keys["plain"]])

    def test_fields(self):
        shown = json.loads(ditmill.ditmill("run", "--fields", self.job, "--json").stdout)
        self.assertEqual(shown["family"], "toy")
        [toy_style] = [field for field in shown["requests"] if field["name"] == "toy_style"]
        self.assertEqual((toy_style["words"], toy_style["default"], toy_style["in_key"]), (list(STYLES), "plain", True))
        [detail] = [field for field in shown["pipeline"] if field["name"] == "toy_detail"]
        self.assertEqual((detail["least"], detail["most"], detail["default"]), (0, 2, 1))
        self.assertNotIn("boundary", [field["name"] for field in shown["pipeline"]])

    def test_an_output_of_its_own(self):
        """toy_tones is declared in models/toy/fields.yaml alone: everything that handles outputs handles it."""
        name, key = "tones", "toy_tones"
        stored = self.run_job(name, "--set", f"output.{key}=true", kept=("latents", "frames", key))
        for item in self.items:
            one = stored[item["id"]]
            self.assertEqual(one[key].dtype, numpy.float32)
            numpy.testing.assert_allclose(one[key], one["frames"][0].astype(numpy.float64).mean(1).T, rtol=1e-6)
        run = self.path / name
        first = self.items[0]["id"]
        shown = json.loads(ditmill.ditmill("results", "show", run, first, "--json").stdout)
        self.assertEqual(shown["datasets"][key], [3, self.items[0]["height"]])
        ditmill.ditmill("results", "verify", run)
        report = json.loads(ditmill.ditmill("results", "replay", run, first, "--json", "--threads", "1", ranks=1).stdout)
        self.assertTrue(report["equal"])
        ditmill.ditmill("results", "export", run, "--webdataset", self.path / "shards")
        with tarfile.open(self.path / "shards" / "000000.tar") as tar:
            array = numpy.load(io.BytesIO(tar.extractfile(f"{first}.{key}.npy").read()))
        self.assertTrue(numpy.array_equal(array, stored[first][key]))
        ditmill.ditmill("run", "--from-dump", run / "config.json", "--run-dir", self.path / "tones_again", "--threads", "1", ranks=2)
        with h5py.File(self.path / "tones_again" / "results.h5") as results:
            self.assertTrue(numpy.array_equal(results["items"][first][key][...], stored[first][key]))
        properties = json.loads(ditmill.ditmill("schema").stdout)["properties"]["output"]["properties"]
        self.assertEqual(properties[key]["type"], "boolean")

    def refused(self, job, *more):
        return ditmill.ditmill("run", job, "--check", *more, code=1).stdout

    def test_mistakes_are_refused_where_they_stand(self):
        lines = [json.dumps(dict(item, **more)) + "\n" for item, more in
                 zip(self.items, ({}, {"toy_style": "oli"}, {"frames": 5}, {"width": 40}))]
        self.write("wrong.jsonl", "".join(lines))
        said = self.refused(self.manifest("wrong", {"file": "wrong.jsonl"}))
        for words in ("wrong.jsonl:2", "oil", "wrong.jsonl:3", "frames", "wrong.jsonl:4", "width"):
            self.assertIn(words, said)
        self.assertIn("boundary", self.refused(self.job, "--set", "pipeline.boundary=0.5"))
        for axis in ("tp", "ulysses", "ring", "pp"):
            self.assertIn(axis, self.refused(self.job, "--set", f"pipeline.parallel.{axis}=2"))

    def test_a_folder_without_tokenizer_or_vae_is_refused_by_its_own_layout(self):
        for part in ("tokenizer", "vae"):
            hidden = self.path / "model" / part
            away = hidden.rename(self.path / ("hidden_" + part))
            try:
                self.assertIn(part, self.refused(self.job).lower())
            finally:
                away.rename(hidden)


if __name__ == "__main__":
    unittest.main(verbosity=2)
