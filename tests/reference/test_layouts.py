"""`ditmill run` on every layout of ranks: the latents and frames of one rank."""

import collections
import json
import os
import pathlib
import random
import sys
import tempfile
import unittest

import h5py
import numpy
import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import ditmill
import probe
import tiny_wan
from test_pipeline import LONG, NEGATIVE, SHIFT, SHORT, request
from test_tiling import TILES

SEED = probe.fresh_seed("test_layouts")
LAYOUTS = (
    {"cfg": 2},
    {"ring": 2},
    {"ring": 3},
    {"ulysses": 2},
    {"ulysses": 3},
    {"pp": 2},
    {"pp": 3},
    {"tp": 2},
    {"tp": 3},
    {"cfg": 2, "ulysses": 2, "tp": 2},
    {"cfg": 2, "ring": 3},
    {"ring": 2, "ulysses": 2, "tp": 2},
    {"pp": 2, "tp": 2},
    {"ulysses": 4, "fsdp": True},
    {"ring": 2, "fsdp": True, "reshard_after_forward": False},
    {"dp": 2, "cfg": 2, "ulysses": 2},
    {"dp": 2},
)
# What sums three partial products in another order than one rank, so that the order itself must not vary: run twice.
REPEATED = [{"tp": 3}, {"cfg": 2, "ring": 3}]
# Threads for ranks hold all of them to the single rank (tests/models/layouts_test.cpp); under mpirun a run takes those
# and draws one of each axis that is left, or takes all where DITMILL_TEST_LONG says so.
AXES = ("ulysses", "pp", "fsdp", "dp")


def drawn(rng: random.Random) -> list[dict]:
    if os.environ.get("DITMILL_TEST_LONG") == "1":
        return list(LAYOUTS)
    chosen = list(REPEATED)
    for axis in AXES:
        if not any(axis in parallel for parallel in chosen):
            chosen.append(rng.choice([parallel for parallel in LAYOUTS if axis in parallel]))
    return chosen


def odd_shape(rng: random.Random) -> tiny_wan.Shape:
    """Nothing that two or three ranks would share evenly: heads, ffn columns, text heads."""
    return tiny_wan.Shape(heads=5, head_dim=rng.choice((24, 32, 40)), layers=3, ffn=rng.randrange(151, 260, 6),
                          text_dim=rng.choice((40, 48)), text_heads=rng.choice((3, 5)),
                          text_ffn=rng.randrange(61, 120, 6), shard_size="300KB")


def ranks(parallel: dict) -> int:
    count = 1
    for axis in ("dp", "cfg", "ring", "ulysses", "pp", "tp"):
        count *= parallel.get(axis, 1)
    return count


def runnable(layouts) -> list[dict]:
    """Those that this machine can run: on GPUs (./setup test --gpu) each rank of a group needs one of its own."""
    if os.environ.get("DITMILL_TEST_DEVICE") != "cuda":
        return list(layouts)
    return [parallel for parallel in layouts if set(parallel) == {"dp"} or ranks(parallel) <= torch.cuda.device_count()]


def name(parallel: dict) -> str:
    """ulysses4.fsdp, say."""
    return ".".join(axis if value is True else f"{axis}{int(value)}" for axis, value in parallel.items())


def parallel_option(parallel: dict) -> tuple[str, str]:
    return "--set", f"pipeline.parallel={json.dumps(parallel)}"


def set_up(path: pathlib.Path, shape: tiny_wan.Shape, requests: list[dict], steps: int = 3) -> pathlib.Path:
    """A model, its catalog, a list and a manifest, whose path is returned."""
    tiny_wan.make(path / "model", SEED, shape)
    (path / "catalog.yaml").write_text(
        ditmill.ditmill("registry", "template", path / "model", "--name", "tiny").stdout)
    (path / "prompts.jsonl").write_text("".join(json.dumps(r) + "\n" for r in requests))
    (path / "job.yaml").write_text(json.dumps({
        "schema": 1,
        "name": "layouts",
        "model": {"path": "model", "catalog": "catalog.yaml"},
        "pipeline": {"solver": "unipc", "steps": steps, "guidance_scale": 5.0, "flow_shift": SHIFT,
                     "dtype": "float32"},
        "requests": {"file": "prompts.jsonl"},
        "output": {"path": "run", "latents": True, "items_per_part": 2},
    }))
    return path / "job.yaml"


def results(run: pathlib.Path) -> dict:
    """Latents and frames by item."""
    with h5py.File(run / "results.h5") as file:
        return {item: (stored["latents"][...], stored["frames"][...]) for item, stored in file["items"].items()}


class Layouts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="ditmill-layouts-")
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.path = pathlib.Path(cls.scratch.name)
        rng = random.Random(SEED)
        # 1, 15, 12, 9 and 24 tokens: fewer than ranks, odd, and a picture larger than a tile of the VAE.
        sizes = [(16, 16, 1), (48, 80, 1), (32, 48, 5), (48, 16, 9), (64, 96, 1)]
        texts = [("cat", ""), (LONG, NEGATIVE), ("雨の夜", NEGATIVE), (SHORT, LONG), (SHORT, "")]
        cls.requests = [request(i, *text, *size, rng.randrange(1 << 63))
                        for i, (text, size) in enumerate(zip(texts, sizes))]
        shape = odd_shape(rng)
        print(shape)
        cls.manifest = set_up(cls.path, shape, cls.requests)
        cls.reference = results(cls.run_job("one", {}))

    @classmethod
    def run_job(cls, folder, parallel, *more):
        ditmill.ditmill("run", cls.manifest, "--run-dir", cls.path / folder, "--threads", "1",
                        *parallel_option(parallel), *more, ranks=ranks(parallel))
        return cls.path / folder

    def run_of(self, parallel):
        """The run of a layout, made by whichever test comes first."""
        run = self.path / name(parallel)
        return run if run.exists() else self.run_job(run.name, parallel)

    def check(self, run, reference=None):
        """Every item is stored once, and is what one rank makes."""
        stored = collections.Counter(r["item"] for r in ditmill.journal(run) if r["event"] == "done")
        self.assertEqual(stored, collections.Counter(r["id"] for r in self.requests))
        got, want = results(run), reference or self.reference
        self.assertEqual(sorted(got), sorted(want))
        worst, differing, values = 0.0, 0, 0
        for item, (latents, frames) in want.items():
            apart = probe.distance(torch.from_numpy(got[item][0]), torch.from_numpy(latents).double())
            self.assertLessEqual(apart, 2e-5, item)
            worst = max(worst, apart)
            levels = numpy.abs(got[item][1].astype(int) - frames)
            differing += int((levels > 1).sum())
            values += levels.size
        print(f"{run.name}: latents {worst:.1e} from one rank's, {differing} of {values} bytes off by levels")
        self.assertLessEqual(differing, 1e-4 * values)
        return got

    def test_latents_and_frames_are_those_of_one_rank(self):
        for parallel in runnable(drawn(random.Random(SEED))):
            with self.subTest(name(parallel)):
                self.check(self.run_of(parallel))

    def test_the_same_layout_gives_the_same_bytes(self):
        for parallel in runnable(REPEATED):
            with self.subTest(name(parallel)):
                first = results(self.run_of(parallel))
                again = results(self.run_job(name(parallel) + "-again", parallel))
                for item, arrays in first.items():
                    for array, other in zip(arrays, again[item]):
                        self.assertTrue(numpy.array_equal(array, other), item)

    def test_text_stages_on_a_group(self):
        for parallel in runnable(({"tp": 2}, {"cfg": 2, "ulysses": 2})):
            with self.subTest(name(parallel)):
                run = self.run_job("stages-" + name(parallel), parallel, "--set",
                                   "pipeline.components.text_encoder.offload=stages")
                self.check(run)
                self.assertFalse((run / "spool").exists())

    def test_tiles_of_the_vae_are_dealt_out_over_a_group(self):
        tiling = ("--set", f"pipeline.components.vae.tiling={json.dumps(TILES)}")
        reference = results(self.run_job("tiled", {}, *tiling))
        self.assertFalse(numpy.array_equal(reference["item4"][1], self.reference["item4"][1]), "no tiles were cut")
        for parallel in runnable(({"ulysses": 3}, {"cfg": 2, "tp": 2})):
            with self.subTest(name(parallel)):
                self.check(self.run_job("tiled-" + name(parallel), parallel, *tiling), reference)


if __name__ == "__main__":
    unittest.main(verbosity=2)
