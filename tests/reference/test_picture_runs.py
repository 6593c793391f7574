"""Clips that begin (and end) with pictures: whole runs against diffusers' WanImageToVideoPipeline, and in every form."""

import json
import os
import pathlib
import random
import re
import tempfile
import time
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
KINDS = ("first", "first_and_last", "experts", "fun")  # fun: as first, and a last picture that CLIP does not see


def picture(rng: random.Random, mode: str = "RGB") -> Image.Image:
    """Smooth, with grain, of odd sides."""
    width, height = rng.randrange(33, 150), rng.randrange(33, 150)
    y, x = numpy.mgrid[0:height, 0:width]
    channels = [128 + 90 * numpy.sin(x / rng.uniform(5, 30) + y / rng.uniform(5, 30)) for _ in mode]
    noise = numpy.random.default_rng(rng.randrange(1 << 30)).normal(0, 12, (height, width, len(mode)))
    return Image.fromarray(numpy.clip(numpy.stack(channels, 2) + noise, 0, 255).astype(numpy.uint8), mode)


class FunPipeline(WanImageToVideoPipeline):
    """VideoX-Fun's InP (pipeline_wan_fun_inpaint.py): diffusers' conditions, and CLIP sees the first picture alone."""

    def encode_image(self, image, device=None):
        return super().encode_image(image[0] if isinstance(image, list) else image, device)


class Oracle:
    """diffusers' pipeline of a folder, in a dtype; the VAE and CLIP are float32 or wider, as in its examples."""

    def __init__(self, folder: pathlib.Path, dtype: torch.dtype = torch.float32):
        wide = torch.float64 if dtype == torch.float64 else torch.float32
        index = json.loads((folder / "model_index.json").read_text())
        self.expand = index["expand_timesteps"]
        self.kind = FunPipeline if folder.name == "fun" else WanImageToVideoPipeline
        self.parts = {
            "tokenizer": AutoTokenizer.from_pretrained(folder / "tokenizer"),
            "text_encoder": UMT5EncoderModel.from_pretrained(folder / "text_encoder", dtype=dtype),
            "vae": AutoencoderKLWan.from_pretrained(folder / "vae", torch_dtype=wide),
            "transformer": WanTransformer3DModel.from_pretrained(folder / "transformer", torch_dtype=dtype)}
        if (folder / "transformer_2").exists():
            self.parts["transformer_2"] = WanTransformer3DModel.from_pretrained(folder / "transformer_2", torch_dtype=dtype)
            self.parts["boundary_ratio"] = 0.9
        if (folder / "image_encoder").exists():
            self.parts["image_encoder"] = CLIPVisionModel.from_pretrained(folder / "image_encoder", dtype=wide)
        for part in self.parts.values():
            if isinstance(part, torch.nn.Module):
                probe.aligned(part)
        if "image_encoder" in self.parts:
            self.parts["image_processor"] = CLIPImageProcessor()

    def latents(self, folder: pathlib.Path, item: dict) -> torch.Tensor:
        parts, pictures = dict(self.parts), {}
        for field in ("image", "last_image"):
            if field in item:
                pictures[field] = Image.open(folder / item[field]).convert("RGB")
        pipeline = (self.kind if pictures else WanPipeline)(
            **parts, scheduler=scheduler("unipc", SHIFT), expand_timesteps=self.expand)
        pipeline.set_progress_bar_config(disable=True)
        with torch.no_grad():
            return pipeline(
                **pictures, prompt=item["prompt"], negative_prompt=item["negative_prompt"], width=item["width"], height=item["height"],
                num_frames=item["frames"], num_inference_steps=STEPS, guidance_scale=SCALE,
                generator=torch.Generator().manual_seed(item["seed"]), output_type="latent").frames[0].double()


def assert_as_exact(test: unittest.TestCase, got: dict, model: pathlib.Path, folder: pathlib.Path, items: list[dict]) -> None:
    """bfloat16 as of texts (test_pipeline): how far its latents are from float64's, and from diffusers' own."""
    exact, peer = Oracle(model, torch.float64), Oracle(model, torch.bfloat16)
    pooled = probe.PooledError()
    for item in items:
        latents = torch.from_numpy(got[item["id"]][0]).double()
        true, theirs = exact.latents(folder, item), peer.latents(folder, item)
        pooled.add(latents, theirs, true)
        apart = probe.distance(latents, theirs)
        print(f"bfloat16 {model.name} {item['id']}: {apart:.2e} from diffusers' bfloat16")
        test.assertLessEqual(apart, 3e-3, "a float32 island or an operator's order is lost")
    ratio = pooled.ratio()
    print(f"bfloat16 {model.name}: error against float64 is {ratio:.3f} of diffusers' own")
    test.assertLessEqual(ratio, 1.1)


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
        """FLF2V needs a last picture, two experts and Fun may have one."""
        last = {"first": (), "first_and_last": (0, 1, 2), "experts": (1,), "fun": (0, 2)}[kind]
        return [dict(item, **({"last_image": f"in/{(i + 1) % 3}.png"} if i in last else {})) for i, item in enumerate(cls.items)]

    @classmethod
    def job(cls, kind: str, lines=None, list_name="list.jsonl") -> pathlib.Path:
        folder = cls.path / kind
        if not folder.exists():
            tiny_pictures.make(folder, "first" if kind == "fun" else kind, SEED, SHAPE)
            catalog = ditmill.ditmill("registry", "template", folder, "--name", f"tiny-{kind}").stdout
            if kind == "fun":  # which no shape tells
                catalog, found = re.subn(r"image_dim: *\d+", r"\g<0>, last_picture: 1", catalog)
                assert found == 1, catalog
            (cls.path / f"{kind}.catalog.yaml").write_text(catalog)
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

    def test_bfloat16(self):
        for kind in KINDS:
            with self.subTest(kind):
                # A preset's float32 of CLIP stays; wan2.2-i2v-a14b has no CLIP.
                got = self.run_job(kind, f"bfloat16-{kind}", "--set", "pipeline.dtype=bfloat16")
                assert_as_exact(self, got, self.path / kind, self.path, self.items_of(kind)[:2])

    def test_killed_and_resumed_without_pictures_that_are_not_needed(self):
        kind = self.rng.choice(KINDS)
        inputs = self.path / "in"
        for i in range(3):
            (inputs / f"away{i}.png").write_bytes((inputs / f"{i}.png").read_bytes())
        items = [{field: value.replace("in/", "in/away") if field.endswith("image") else value for field, value in item.items()}
                 for item in self.items_of(kind)]
        job = self.job(kind, items, f"away-{kind}.jsonl")
        slow = ("--threads", "1", "--set", "pipeline.steps=60", "--set", "output.items_per_part=1", "--set", "output.keep_inputs=false")
        calm, run = self.path / "calm", self.path / "killed"
        ditmill.ditmill("run", job, "--run-dir", calm, *slow, ranks=1)
        process = ditmill.start("run", job, "--run-dir", run, *slow, ranks=1)
        try:
            while not any(record["event"] == "done" for record in ditmill.journal(run)):
                self.assertIsNone(process.poll(), "it ended before it was killed")
                time.sleep(0.02)
        finally:
            ditmill.kill_all(process, run)
        done = {record["item"] for record in ditmill.journal(run) if record["event"] == "done"}
        self.assertLess(len(done), len(items))
        needed = {value for item in items if item["id"] not in done for field, value in item.items() if field.endswith("image")}
        gone = {f"in/away{i}.png" for i in range(3)} - needed
        left = sorted(needed)[0]
        bytes_of = {path: (self.path / path).read_bytes() for path in gone | {left}}
        for path in gone | {left}:
            (self.path / path).unlink()
        refused = ditmill.ditmill("run", job, "--run-dir", run, *slow, ranks=1, code=1)
        said = refused.stdout + refused.stderr
        self.assertIn(left, said)
        for path in gone:
            self.assertNotIn(path, said)
        (self.path / left).write_bytes(bytes_of[left])
        ditmill.ditmill("run", job, "--run-dir", run, *slow, ranks=1)
        stored = [record["item"] for record in ditmill.journal(run) if record["event"] == "done"]
        self.assertEqual(sorted(stored), sorted(item["id"] for item in items))
        want = results(calm)
        for item, arrays in results(run).items():
            for array, other in zip(arrays, want[item]):
                self.assertTrue(numpy.array_equal(array, other), item)
        # All is done, nothing is kept, no picture is there: nothing is left to do, but for what is new.
        for i in range(3):
            (inputs / f"away{i}.png").unlink(missing_ok=True)
        self.assertEqual(ditmill.ditmill("run", job, "--run-dir", run, *slow, ranks=1).returncode, 0)
        job = self.job(kind, [*items, dict(items[0], id="new", seed=1)], f"away-{kind}.jsonl")
        refused = ditmill.ditmill("run", job, "--run-dir", run, *slow, ranks=1, code=1)
        for words in ("new", "away0.png"):
            self.assertIn(words, refused.stdout + refused.stderr)

    def test_a_run_goes_on_with_the_pictures_that_it_has_kept(self):
        kind, lent = "experts", self.path / "in" / "lent.png"
        lent.write_bytes((self.path / "in" / "0.png").read_bytes())
        items = [dict(self.items[0], id=name, image="in/lent.png", seed=seed) for seed, name in enumerate(("now", "later"))]
        job = self.job(kind, items, "lent.jsonl")
        run = self.path / "lent"
        start = ("run", job, "--run-dir", run, "--threads", "1")
        ditmill.ditmill(*start, "--only", "now", ranks=1)
        lent.unlink()
        ditmill.ditmill(*start, ranks=1)
        self.assertEqual(ditmill.outcome(run)["done"], 2)
        for item in ("now", "later"):
            self.assertIn("equal", ditmill.ditmill("results", "replay", run, item, "--threads", "1", ranks=1).stdout)

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
        for kind, needed in (("first", ["image"]), ("first_and_last", ["image", "last_image"]), ("experts", ["image"]),
                             ("fun", ["image"])):
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
                      "height": h, "frames": f} for i, (text, w, h, f) in enumerate(((SHORT, 64, 32, 5), (LONG, 64, 96, 9)))]
            # Not one patch wide: there oneDNN's bfloat16 convolution of 36 or 48 channels reads memory that nobody
            # wrote, on CPUs with AMX (3.10.2; diffusers' own is then NaN, too).
            items += [dict(item, id=item["id"] + "-first", image="first.png") for item in items]
            job = path / "job.yaml"
            job.write_text(json.dumps({
                "schema": 1, "name": "wide", "model": {"path": "model", "catalog": "catalog.yaml"},
                "pipeline": {"preset": "wan2.2-ti2v-5b", "steps": STEPS, "guidance_scale": SCALE, "flow_shift": SHIFT, "dtype": "float32"},
                "requests": {"items": items}, "output": {"path": "run", "latents": True}}))
            ditmill.ditmill("run", job, "--threads", "1", ranks=1)
            got = results(path / "run")
            oracle = Oracle(folder)
            for item in items:
                want = oracle.latents(path, item)
                apart = probe.distance(torch.from_numpy(got[item["id"]][0]), want)
                print(f"wide {item['id']}: {apart:.2e}")
                self.assertLessEqual(apart, 3e-5)
                self.assertEqual(got[item["id"]][1].shape, (item["frames"], item["height"], item["width"], 3))
            ditmill.ditmill("run", job, "--run-dir", path / "bfloat16", "--threads", "1", "--set", "pipeline.dtype=bfloat16", ranks=1)
            assert_as_exact(self, results(path / "bfloat16"), folder, path, items)
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
