"""Clips that begin (and end) with pictures: whole runs against diffusers' WanImageToVideoPipeline, and in every form."""

import json
import os
import pathlib
import random
import tempfile
import unittest

import numpy
import torch
from PIL import Image

import probe
import tiny_pictures
import tiny_wan
from diffusers import AutoencoderKLWan, WanImageToVideoPipeline, WanPipeline, WanTransformer3DModel
from test_layouts import LAYOUTS, ditmill, name, parallel_option, ranks, results, runnable
from test_pipeline import LONG, NEGATIVE, SHORT
from test_samplers import scheduler
from transformers import AutoTokenizer, CLIPImageProcessor, CLIPVisionModel, UMT5EncoderModel

SEED = probe.fresh_seed("test_picture_runs")
STEPS, SHIFT, SCALE = 8, 3.0, 5.0
# What every layout can share out: blocks for three stages, heads for tp 2 with ulysses 2.
SHAPE = tiny_wan.Shape(heads=5, head_dim=24, layers=3, ffn=200, text_dim=40, text_heads=5, vae_res_blocks=2)
KINDS = ("first", "first_and_last", "experts")


def picture(rng: random.Random, mode: str = "RGB") -> Image.Image:
    """Smooth, with grain, of odd sides."""
    width, height = rng.randrange(33, 150), rng.randrange(33, 150)
    y, x = numpy.mgrid[0:height, 0:width]
    channels = [128 + 90 * numpy.sin(x / rng.uniform(5, 30) + y / rng.uniform(5, 30)) for _ in mode]
    noise = numpy.random.default_rng(rng.randrange(1 << 30)).normal(0, 12, (height, width, len(mode)))
    return Image.fromarray(numpy.clip(numpy.stack(channels, 2) + noise, 0, 255).astype(numpy.uint8), mode)


class Oracle:
    def __init__(self, folder: pathlib.Path):
        self.parts = {
            "tokenizer": AutoTokenizer.from_pretrained(folder / "tokenizer"),
            "text_encoder": UMT5EncoderModel.from_pretrained(folder / "text_encoder", dtype=torch.float32),
            "vae": AutoencoderKLWan.from_pretrained(folder / "vae", torch_dtype=torch.float32),
            "transformer": WanTransformer3DModel.from_pretrained(folder / "transformer", torch_dtype=torch.float32)}
        if (folder / "transformer_2").exists():
            self.parts["transformer_2"] = WanTransformer3DModel.from_pretrained(folder / "transformer_2", torch_dtype=torch.float32)
            self.parts["boundary_ratio"] = 0.9
        if (folder / "image_encoder").exists():
            self.parts["image_encoder"] = CLIPVisionModel.from_pretrained(folder / "image_encoder", dtype=torch.float32)
            self.parts["image_processor"] = CLIPImageProcessor()

    def latents(self, folder: pathlib.Path, item: dict) -> torch.Tensor:
        pipeline = WanImageToVideoPipeline(**self.parts, scheduler=scheduler("unipc", SHIFT))
        pipeline.set_progress_bar_config(disable=True)
        pictures = {field: Image.open(folder / item[field]).convert("RGB") for field in ("image", "last_image") if field in item}
        with torch.no_grad():
            return pipeline(
                **pictures, prompt=item["prompt"], negative_prompt=item["negative_prompt"], width=item["width"], height=item["height"],
                num_frames=item["frames"], num_inference_steps=STEPS, guidance_scale=SCALE,
                generator=torch.Generator().manual_seed(item["seed"]), output_type="latent").frames[0].double()


class Runs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="ditmill-pictures-")
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.path = pathlib.Path(cls.scratch.name)
        cls.rng = random.Random(SEED)
        (cls.path / "in").mkdir()
        for number, mode in enumerate(("RGB", "RGBA", "RGB")):
            picture(cls.rng, mode).save(cls.path / "in" / f"{number}.png")
        sizes = [(48, 32, 5), (32, 64, 9), (64, 48, 5)]
        texts = [(SHORT, NEGATIVE), (LONG, ""), ("雨の夜", NEGATIVE)]
        cls.items = [{"id": f"item{i}", "prompt": text, "negative_prompt": negative, "seed": cls.rng.randrange(1 << 62),
                      "width": w, "height": h, "frames": f, "image": f"in/{i}.png"}
                     for i, ((text, negative), (w, h, f)) in enumerate(zip(texts, sizes))]

    @classmethod
    def items_of(cls, kind: str) -> list[dict]:
        """FLF2V needs a last picture, two experts may have one."""
        last = {"first": (), "first_and_last": (0, 1, 2), "experts": (1,)}[kind]
        return [dict(item, **({"last_image": f"in/{(i + 1) % 3}.png"} if i in last else {})) for i, item in enumerate(cls.items)]

    @classmethod
    def job(cls, kind: str, lines=None, list_name="list.jsonl") -> pathlib.Path:
        folder = cls.path / kind
        if not folder.exists():
            tiny_pictures.make(folder, kind, SEED, SHAPE)
            (cls.path / f"{kind}.catalog.yaml").write_text(
                ditmill.ditmill("registry", "template", folder, "--name", f"tiny-{kind}").stdout)
        listed = cls.path / f"{kind}-{list_name}"
        listed.write_text("".join(json.dumps(item) + "\n" for item in (lines or cls.items_of(kind))))
        job = cls.path / f"{kind}-{list_name}.yaml"
        job.write_text(json.dumps({
            "schema": 1, "name": "pictures", "model": {"path": kind, "catalog": f"{kind}.catalog.yaml"},
            "pipeline": {"preset": "wan2.2-i2v-a14b" if kind == "experts" else "wan2.1-i2v-14b-480p", "steps": STEPS,
                         "guidance_scale": SCALE, "flow_shift": SHIFT, "dtype": "float32",
                         **({"guidance_scale_2": SCALE} if kind == "experts" else {})},
            "requests": {"file": listed.name}, "output": {"path": f"run-{kind}", "latents": True}}))
        return job

    @classmethod
    def run_job(cls, kind: str, folder: str, *more, parallel=None, code=0):
        parallel = parallel or {}
        done = ditmill.ditmill("run", cls.job(kind), "--run-dir", cls.path / folder, "--threads", "1",
                               *parallel_option(parallel), *more, ranks=ranks(parallel), code=code)
        return done if code else results(cls.path / folder)

    def test_equal_diffusers(self):
        for kind in KINDS:
            got = self.run_job(kind, f"run-{kind}")
            oracle = Oracle(self.path / kind)
            for item in self.items_of(kind):
                with self.subTest(kind=kind, item=item["id"]):
                    apart = probe.distance(torch.from_numpy(got[item["id"]][0]), oracle.latents(self.path, item))
                    print(f"pictures {kind} {item['id']}: {apart:.2e}")
                    self.assertLessEqual(apart, 3e-5)

    def test_layouts_are_those_of_one_rank(self):
        every = os.environ.get("DITMILL_TEST_LONG") == "1"
        for kind in KINDS if every else [self.rng.choice(KINDS)]:
            want = self.run_job(kind, f"run-{kind}")
            for parallel in runnable(LAYOUTS if every else self.rng.sample(LAYOUTS, 3)):
                with self.subTest(kind=kind, layout=name(parallel)):
                    got = self.run_job(kind, f"{kind}-{name(parallel)}", parallel=parallel)
                    for item, (latents, _) in want.items():
                        apart = probe.distance(torch.from_numpy(got[item][0]), torch.from_numpy(latents).double())
                        self.assertLessEqual(apart, 2e-5, item)

    def test_a_picture_is_its_bytes(self):
        kind = "experts"
        self.run_job(kind, "bytes")
        keys = {record["item"]: record["key"] for record in ditmill.journal(self.path / "bytes")}
        (self.path / "in" / "twin.png").write_bytes((self.path / "in" / "0.png").read_bytes())
        items = self.items_of(kind)
        items[0]["image"] = "in/twin.png"
        job = self.job(kind, items, "twin.jsonl")
        ditmill.ditmill("run", job, "--run-dir", self.path / "bytes", "--threads", "1", ranks=1)
        self.assertEqual({record["item"]: record["key"] for record in ditmill.journal(self.path / "bytes")}, keys)
        self.assertEqual(ditmill.outcome(self.path / "bytes")["done"], len(items))
        picture(self.rng).save(self.path / "in" / "twin.png")
        refused = ditmill.ditmill("run", job, "--run-dir", self.path / "bytes", "--threads", "1", ranks=1, code=1)
        for words in ("item0", "image"):
            self.assertIn(words, refused.stdout + refused.stderr)

    def test_a_file_that_has_changed_since_fails_its_item(self):
        kind, changed = "experts", self.path / "in" / "changed.png"
        changed.write_bytes((self.path / "in" / "2.png").read_bytes())
        job = self.job(kind, [dict(self.items[0], image="in/changed.png")], "changed.jsonl")
        run = self.path / "changed"
        ditmill.ditmill("run", job, "--run-dir", run, "--threads", "1", ranks=1)
        before = changed.read_bytes()
        picture(self.rng).save(changed)
        refused = ditmill.ditmill("results", "replay", run, "item0", "--threads", "1", ranks=1, code=None)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("changed.png", refused.stdout + refused.stderr)
        changed.unlink()
        self.assertIn("equal", ditmill.ditmill("results", "replay", run, "item0", "--threads", "1", ranks=1).stdout)
        changed.write_bytes(before)
        self.assertIn("equal", ditmill.ditmill("results", "replay", run, "item0", "--threads", "1", ranks=1).stdout)

    def test_mistakes_are_refused_where_they_stand(self):
        (self.path / "in" / "broken.png").write_bytes((self.path / "in" / "0.png").read_bytes()[:40])
        item = self.items[0]
        bare = {field: value for field, value in item.items() if field != "image"}
        lines = [item, dict(bare, id="b"), dict(item, id="c", image="in/none.png"), dict(item, id="d", image="in/broken.png"),
                 dict(item, id="e", last_image="in/1.png")]
        said = ditmill.ditmill("run", self.job("first", lines, "wrong.jsonl"), "--check", code=1).stdout
        for words in ("wrong.jsonl:2", "image is missing", "wrong.jsonl:3", "none.png", "wrong.jsonl:4", "broken.png", "wrong.jsonl:5",
                      "takes no last_image"):
            self.assertIn(words, said)

    def test_fields_say_which_pictures_a_model_needs(self):
        for kind, needed in (("first", ["image"]), ("first_and_last", ["image", "last_image"]), ("experts", ["image"])):
            shown = json.loads(ditmill.ditmill("run", "--fields", self.job(kind), "--json").stdout)["requests"]
            self.assertEqual([field["name"] for field in shown if field["required"]], ["prompt", *needed])
            self.assertEqual({field["kind"] for field in shown if field["name"] in needed}, {"picture"})

    def test_size_from_image(self):
        image = Image.new("RGB", (640, 427))
        image.save(self.path / "in" / "wide.png")
        exif = Image.Exif()
        exif[0x0112] = 6  # shown turned by a quarter
        image.save(self.path / "in" / "turned.jpg", exif=exif)
        lines = [dict(self.items[0], id=f"i{i}", image=f"in/{file}", size="from-image", width=side, height=side, frames=1)
                 for i, (file, side) in enumerate((("wide.png", 64), ("wide.png", 96), ("turned.jpg", 96)))]
        run = self.path / "sizes"
        ditmill.ditmill("run", self.job("first", lines, "sizes.jsonl"), "--run-dir", run, "--threads", "1", "--set", "pipeline.steps=1",
                        ranks=1)
        frozen = map(json.loads, (run / "requests.jsonl").read_text().splitlines())
        sizes = {line["id"]: (line["request"]["width"], line["request"]["height"]) for line in frozen}
        self.assertEqual(sizes, {"i0": (64, 48), "i1": (112, 64), "i2": (64, 112)})
        for item, (_, frames) in results(run).items():
            self.assertEqual(frames.shape[1:3], sizes[item][::-1])


class Wide(unittest.TestCase):
    """TI2V-5B's structure from text: latents of 48 channels, sizes in multiples of 32."""

    def test_equals_diffusers(self):
        rng = random.Random(SEED)
        with tempfile.TemporaryDirectory(prefix="ditmill-wide-") as scratch:
            path = pathlib.Path(scratch)
            folder = path / "model"
            tiny_pictures.make(folder, "wide", SEED, SHAPE)
            (path / "catalog.yaml").write_text(ditmill.ditmill("registry", "template", folder, "--name", "tiny-wide").stdout)
            picture(rng).save(path / "first.png")
            items = [{"id": f"item{i}", "prompt": text, "negative_prompt": NEGATIVE, "seed": rng.randrange(1 << 62), "width": w,
                      "height": h, "frames": f} for i, (text, w, h, f) in enumerate(((SHORT, 64, 32, 5), (LONG, 32, 96, 9)))]
            items += [dict(item, id=item["id"] + "-first", image="first.png") for item in items]
            job = path / "job.yaml"
            job.write_text(json.dumps({
                "schema": 1, "name": "wide", "model": {"path": "model", "catalog": "catalog.yaml"},
                "pipeline": {"preset": "wan2.2-ti2v-5b", "steps": STEPS, "guidance_scale": SCALE, "flow_shift": SHIFT, "dtype": "float32"},
                "requests": {"items": items}, "output": {"path": "run", "latents": True}}))
            ditmill.ditmill("run", job, "--threads", "1", ranks=1)
            got = results(path / "run")
            parts = {
                "tokenizer": AutoTokenizer.from_pretrained(folder / "tokenizer"),
                "text_encoder": UMT5EncoderModel.from_pretrained(folder / "text_encoder", dtype=torch.float32), "vae": AutoencoderKLWan.from_pretrained(folder / "vae"),
                "transformer": WanTransformer3DModel.from_pretrained(folder / "transformer", torch_dtype=torch.float32)}
            for item in items:
                kind = WanImageToVideoPipeline if "image" in item else WanPipeline
                pipeline = kind(**parts, scheduler=scheduler("unipc", SHIFT), expand_timesteps=True)
                pipeline.set_progress_bar_config(disable=True)
                first = {"image": Image.open(path / item["image"]).convert("RGB")} if "image" in item else {}
                with torch.no_grad():
                    want = pipeline(**first, prompt=item["prompt"], negative_prompt=NEGATIVE, width=item["width"], height=item["height"],
                                    num_frames=item["frames"], num_inference_steps=STEPS, guidance_scale=SCALE,
                                    generator=torch.Generator().manual_seed(item["seed"]), output_type="latent").frames[0].double()
                apart = probe.distance(torch.from_numpy(got[item["id"]][0]), want)
                print(f"wide {item['id']}: {apart:.2e}")
                self.assertLessEqual(apart, 3e-5)
                self.assertEqual(got[item["id"]][1].shape, (item["frames"], item["height"], item["width"], 3))
            for parallel in runnable(({"ring": 2}, {"ulysses": 3}, {"pp": 2, "tp": 2}, {"cfg": 2})):
                ditmill.ditmill("run", job, "--run-dir", path / name(parallel), "--threads", "1", *parallel_option(parallel),
                                ranks=ranks(parallel))
                for item, (latents, _) in results(path / name(parallel)).items():
                    apart = probe.distance(torch.from_numpy(latents), torch.from_numpy(got[item][0]).double())
                    self.assertLessEqual(apart, 2e-5, f"{item} {parallel}")
            refused = ditmill.ditmill("run", job, "--check", "--set", "requests.items.0.height=48", code=1)
            self.assertIn("multiple of 32", refused.stdout)


if __name__ == "__main__":
    unittest.main()
