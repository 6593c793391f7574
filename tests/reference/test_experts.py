"""Two experts that share the steps (Wan2.2 A14B): against diffusers' Wan pipeline, and whole runs in every form."""

import json
import pathlib
import random
import shutil
import tempfile
import time
import unittest

import numpy
import torch

import probe
import tiny_wan
from diffusers import WanPipeline, WanTransformer3DModel
from test_layouts import LAYOUTS, ditmill, name, odd_shape, parallel_option, ranks, results, runnable
from test_pipeline import Oracle, draw_requests
from test_samplers import scheduler

SEED = probe.fresh_seed("test_experts")
STEPS = 8
SHIFT = 5.0
BOUNDARY = 0.875
SCALES = (4.0, 3.0)
SHAPE = tiny_wan.Shape(heads=3, head_dim=40, layers=2, ffn=200, text_dim=48, text_heads=3, shard_size="300KB")


class ExpertsOracle(Oracle):
    def __init__(self, folder: pathlib.Path, dtype: torch.dtype):
        super().__init__(folder, dtype)
        self.parts["transformer_2"] = WanTransformer3DModel.from_pretrained(folder / "transformer_2", torch_dtype=dtype)
        probe.aligned(self.parts["transformer_2"])

    def latents(self, item: dict, solver: str, boundary: float = BOUNDARY, scales=SCALES) -> torch.Tensor:
        pipeline = WanPipeline(**self.parts, scheduler=scheduler(solver, SHIFT), boundary_ratio=boundary)
        pipeline.set_progress_bar_config(disable=True)
        with torch.no_grad():
            return pipeline(
                prompt=item["prompt"], negative_prompt=item["negative_prompt"], width=item["width"],
                height=item["height"], num_frames=item["frames"], num_inference_steps=STEPS,
                guidance_scale=scales[0], guidance_scale_2=scales[1],
                generator=torch.Generator().manual_seed(item["seed"]), output_type="latent").frames[0].double()


def ours(folder: pathlib.Path, requests: list[dict], solver: str, boundary: float = BOUNDARY, scales=SCALES,
         **more) -> dict:
    return probe.run("pipeline", folder, {
        "solver": solver, "steps": STEPS, "guidance_scale": scales[0], "guidance_scale_2": scales[1],
        "boundary": boundary, "flow_shift": SHIFT, "requests": requests, "decode": False, **more})


class Experts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.folder = pathlib.Path(cls.scratch.name)
        tiny_wan.make(cls.folder, SEED, SHAPE, BOUNDARY)
        cls.requests = draw_requests(random.Random(SEED))

    def test_float32(self):
        oracle = ExpertsOracle(self.folder, torch.float32)
        # The boundary inside the run, at a step's very timestep, before it and behind it.
        timesteps = scheduler("unipc", SHIFT)
        timesteps.set_timesteps(STEPS)
        at_a_step = float(timesteps.timesteps[3]) / 1000
        cases = [("unipc", BOUNDARY, SCALES), ("euler", BOUNDARY, SCALES), ("unipc", at_a_step, (5.0, 1.0)),
                 ("unipc", 0.0, SCALES), ("unipc", 1.0, SCALES), ("unipc", BOUNDARY, (1.0, 3.0))]
        for number, (solver, boundary, scales) in enumerate(cases):
            requests = self.requests[number % 3::3]
            got = ours(self.folder, requests, solver, boundary, scales)
            for item in requests:
                with self.subTest(solver=solver, boundary=boundary, scales=scales, item=item["id"]):
                    want = oracle.latents(item, solver, boundary, scales)
                    apart = probe.distance(got[item["id"] + ".latents"], want)
                    print(f"experts float32 {solver} boundary {boundary:.4f} {scales} {item['id']}: {apart:.2e}")
                    self.assertLessEqual(apart, 3e-5)

    def test_bfloat16(self):
        exact, peer = ExpertsOracle(self.folder, torch.float64), ExpertsOracle(self.folder, torch.bfloat16)
        got = ours(self.folder, self.requests, "unipc", dtype="bfloat16")
        pooled = probe.PooledError()
        for item in self.requests:
            latents = got[item["id"] + ".latents"].double()
            true, theirs = exact.latents(item, "unipc"), peer.latents(item, "unipc")
            pooled.add(latents, theirs, true)
            self.assertLessEqual(probe.distance(latents, theirs), 3e-3, item["id"])
        ratio = pooled.ratio()
        print(f"experts bfloat16: error against float64 is {ratio:.3f} of diffusers' own")
        self.assertLessEqual(ratio, 1.1)


def set_up(path: pathlib.Path, shape: tiny_wan.Shape, requests: list[dict]) -> None:
    tiny_wan.make(path / "model", SEED, shape, BOUNDARY)
    (path / "prompts.jsonl").write_text("".join(json.dumps(r) + "\n" for r in requests))
    write_job(path, "model")


def write_job(path: pathlib.Path, model: str, **pipeline) -> pathlib.Path:
    """A manifest for a model of `path`, with the catalog entries that `registry template` gives."""
    catalog = path / f"{model}.catalog.yaml"
    if not catalog.exists():
        catalog.write_text(ditmill.ditmill("registry", "template", path / model, "--name", "tiny").stdout)
    job = path / f"{model}.yaml"
    job.write_text(json.dumps({
        "schema": 1, "name": "experts", "model": {"path": model, "catalog": catalog.name},
        "pipeline": {"solver": "unipc", "steps": 4, "guidance_scale": SCALES[0], "guidance_scale_2": SCALES[1],
                     "flow_shift": SHIFT, "dtype": "float32", **pipeline},
        "requests": {"file": "prompts.jsonl"},
        "output": {"path": "run", "latents": True}}))
    return job


BY_TURNS = ("--set", "pipeline.components.transformer.offload=stages",
            "--set", "pipeline.components.transformer_2.offload=stages")


class Runs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="ditmill-experts-")
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.path = pathlib.Path(cls.scratch.name)
        rng = random.Random(SEED)
        cls.requests = draw_requests(rng)[:5]
        shape = odd_shape(rng)
        shape.vae_res_blocks = 2  # as official files have
        set_up(cls.path, shape, cls.requests)
        cls.reference = results(cls.run_job("one", "model", {}))

    @classmethod
    def run_job(cls, folder: str, model: str, parallel: dict, *more) -> pathlib.Path:
        ditmill.ditmill("run", cls.path / f"{model}.yaml", "--run-dir", cls.path / folder, "--threads", "1",
                        *parallel_option(parallel), *more, ranks=ranks(parallel))
        return cls.path / folder

    def check(self, run: pathlib.Path, most: float):
        got = results(run)
        self.assertEqual(sorted(got), sorted(self.reference))
        for item, (latents, frames) in self.reference.items():
            apart = probe.distance(torch.from_numpy(got[item][0]), torch.from_numpy(latents).double())
            self.assertLessEqual(apart, most, item)
            if most == 0:
                self.assertTrue(numpy.array_equal(got[item][1], frames), item)

    def test_what_is_recorded_names_both(self):
        config = json.loads((self.path / "one/config.json").read_text())
        experts = config["layer1_model_definition"]["experts"]
        self.assertEqual([e["name"] for e in experts], ["high", "low"])
        self.assertEqual(config["layer2_inference_config"]["boundary"], BOUNDARY, "model_index.json says it")
        self.assertEqual(config["identity"]["boundary"], BOUNDARY)
        self.assertIn("transformer_2", config["identity"]["components"])

    def test_layouts_are_those_of_one_rank(self):
        drawn = random.Random(SEED).sample(LAYOUTS, 3) + [{"pp": 2}]
        for parallel in runnable(drawn):
            with self.subTest(name(parallel)):
                self.check(self.run_job("run-" + name(parallel), "model", parallel), 2e-5)

    def test_by_turns_gives_the_same_bytes(self):
        self.check(self.run_job("turns", "model", {}, *BY_TURNS), 0)

    def test_by_turns_on_stages(self):
        plain = results(self.run_job("stages", "model", {"pp": 2}))
        turns = results(self.run_job("stages-turns", "model", {"pp": 2}, *BY_TURNS))
        for item, arrays in plain.items():
            for array, other in zip(arrays, turns[item]):
                self.assertTrue(numpy.array_equal(array, other), item)

    def test_a_kill_inside_a_window_loses_no_byte(self):
        run = self.path / "killed"
        process = ditmill.start("run", self.path / "model.yaml", "--run-dir", run, "--threads", "1", "--set",
                                "pipeline.steps=200", *BY_TURNS, ranks=1)
        try:
            # 200 steps take long: the window has begun, and is not over.
            while sum(r["event"] == "start" for r in ditmill.journal(run)) < len(self.requests):
                self.assertIsNone(process.poll(), "it ended before it was killed")
                time.sleep(0.02)
        finally:
            ditmill.kill_all(process, run)
        self.assertFalse(any(r["event"] == "done" for r in ditmill.journal(run)))
        more = ("--set", "pipeline.steps=200")
        self.run_job("killed", "model", {}, *more, *BY_TURNS)
        plain = results(self.run_job("unkilled", "model", {}, *more))
        for item, arrays in results(run).items():
            for array, other in zip(arrays, plain[item]):
                self.assertTrue(numpy.array_equal(array, other), item)

    def test_official_layout_gives_the_same_bytes(self):
        tiny_wan.make_official(self.path / "model", self.path / "official", shards=2)
        write_job(self.path, "official", boundary=BOUNDARY)
        self.check(self.run_job("official-run", "official", {}), 0)

    def test_swapped_experts_are_other_results(self):
        swapped = self.path / "swapped"
        shutil.copytree(self.path / "model", swapped)
        (swapped / "transformer").rename(swapped / "other")
        (swapped / "transformer_2").rename(swapped / "transformer")
        (swapped / "other").rename(swapped / "transformer_2")
        write_job(self.path, "swapped")
        got = results(self.run_job("swapped-run", "swapped", {}))
        item = self.requests[0]["id"]
        self.assertGreater(probe.distance(torch.from_numpy(got[item][0]),
                                          torch.from_numpy(self.reference[item][0]).double()), 0.1)

    def test_a_boundary_that_nothing_says_is_asked_for(self):
        index = self.path / "model/model_index.json"
        said = index.read_text()
        index.write_text(json.dumps({**json.loads(said), "boundary_ratio": None}))
        self.addCleanup(index.write_text, said)
        write_job(self.path, "model", preset="wan2.1-t2v-1.3b")
        self.addCleanup(write_job, self.path, "model")
        report = ditmill.ditmill("run", "--check", "--json", self.path / "model.yaml", "--run-dir", self.path / "none",
                                 code=1)
        messages = [p["message"] for p in json.loads(report.stdout)["problems"]]
        self.assertTrue(any("boundary is missing" in m for m in messages), messages)


if __name__ == "__main__":
    unittest.main(verbosity=2)
