"""`bench step` on real ranks under mpirun: bytes by purpose against the formulas of every axis, what it prints, and
what it refuses. The widths are the model's own; blocks, picture and frames are few."""

import functools
import importlib.util
import json
import os
import pathlib
import random
import sys
import tempfile
import unittest
from unittest import mock

import ditmill

# 2 latent frames of 3 x 5 tokens: 30, which neither 4 ranks nor rings of 4 divide.
TINY = ["--width", "80", "--height", "48", "--frames", "5", "--steps", "1", "--threads", "1",
        "--device", "cpu"]
DIM, HEADS, TOKENS, TEXT = 1536, 12, 30, 512
PASSES = 2  # of guidance, where cfg does not share them out

LAYOUTS = {
    2: ["{cfg: 2}", "{ulysses: 2}", "{ulysses: 2, fsdp: true}", "{ring: 2}", "{tp: 2}", "{pp: 2}"],
    3: ["{ulysses: 3}", "{ring: 3}", "{tp: 3}"],
    4: ["{ring: 2, ulysses: 2}", "{cfg: 2, tp: 2, fsdp: true}", "{pp: 2, tp: 2}"],
}


@functools.cache
def report(*arguments, ranks=0, dtype="float32", layers=1):
    """One measurement serves every test that asks for the same. Not every CPU is quick in bfloat16."""
    return json.loads(ditmill.ditmill("bench", "step", *TINY, "--layers", str(layers), "--json", "--dtype", dtype, *arguments,
                                      ranks=ranks).stdout)


def layers_of(layout):
    """A stage needs a block of its own."""
    return 2 if "pp" in layout else 1


def bytes_given(done, purpose):
    return [rank["purposes"].get(purpose, {"bytes": 0})["bytes"] for rank in done["ranks"]]


class BenchStep(unittest.TestCase):
    def check(self, done, ranks):
        self.assertEqual(done["world"], ranks)
        self.assertEqual(done["tokens"], TOKENS)
        self.assertEqual(len(done["ranks"]), ranks)
        for rank in done["ranks"]:
            self.assertGreater(rank["weights_bytes"], 0)
            self.assertGreater(rank["peak_bytes"], rank["weights_bytes"])
            self.assertAlmostEqual(rank["compute"] + rank["exposed"], rank["seconds"], places=6)
            self.assertLessEqual(rank["seconds"], done["seconds"]["max"])
            for purpose, cost in rank["purposes"].items():
                with self.subTest(rank=rank["rank"], purpose=purpose):
                    self.assertEqual(cost["bytes"], cost["expected_bytes"])
                    self.assertGreaterEqual(cost["hidden"], 0)

    def test_every_axis_gives_the_bytes_of_its_formula(self):
        for ranks, layouts in LAYOUTS.items():
            every = ranks == 2 or os.environ.get("DITMILL_TEST_LONG") == "1"  # most of two ranks serve other tests, too
            for layout in layouts if every else [random.choice(layouts)]:
                with self.subTest(layout=layout):
                    self.check(report("--parallel", layout, ranks=ranks, layers=layers_of(layout)), ranks)

    def test_formulas_are_those_of_the_layouts_by_hand(self):
        element = 4
        done = report("--parallel", "{ulysses: 2}", ranks=2)
        self.assertEqual(bytes_given(done, "ulysses"), [PASSES * 4 * TOKENS // 2 * DIM // 2 * element] * 2)
        self.assertEqual(bytes_given(done, "sequence"), [PASSES * TOKENS // 2 * 64 * element] * 2)
        done = report("--parallel", "{ring: 2}", ranks=2)
        self.assertEqual(bytes_given(done, "ring"), [PASSES * 2 * TOKENS // 2 * DIM * element] * 2)
        done = report("--parallel", "{tp: 2}", ranks=2)
        sums = 3 * TOKENS * DIM * element + (3 * TOKENS + TEXT) * 4
        self.assertEqual(bytes_given(done, "tensor"), [PASSES * sums] * 2)
        done = report("--parallel", "{cfg: 2}", ranks=2)
        self.assertEqual(bytes_given(done, "guidance"), [16 * 2 * 6 * 10 * element] * 2)
        done = report("--parallel", "{pp: 2}", ranks=2, layers=2)
        self.assertEqual(done["clips"], 2)
        self.assertEqual(bytes_given(done, "stages"), [2 * PASSES * TOKENS * DIM * element, 2 * 16 * 2 * 6 * 10 * 4])
        for rank in done["ranks"]:
            self.assertGreater(rank["bubble"], 0)

    def test_ranks_hold_their_slice_only(self):
        block = (8 * DIM * (DIM + 1) + 2 * DIM * 8960 + 8960 + DIM + 4 * DIM + 8 * DIM) * 4
        around = report("--guidance", "1")["weights_bytes"]["max"] - block  # what no layout cuts
        for layout, blocks in (("{tp: 2}", 0.5), ("{pp: 2}", 1), ("{ulysses: 2, fsdp: true}", 0.5)):
            with self.subTest(layout=layout):
                held = report("--parallel", layout, ranks=2, layers=layers_of(layout))["weights_bytes"]["max"]
                self.assertAlmostEqual(held / (around + blocks * block), 1, places=2)

    def test_one_rank_says_nothing_and_a_table_goes_to_the_named_file(self):
        done = report("--guidance", "1")
        self.check(done, 1)
        self.assertEqual(done["purposes"], {})
        with tempfile.TemporaryDirectory(prefix="ditmill-bench-") as folder:
            out = pathlib.Path(folder) / "step.txt"
            done = ditmill.ditmill("bench", "step", *TINY, "--layers", "1", "--parallel", "{tp: 2}", "--out", out, ranks=2)
            self.assertEqual(done.stdout, "")
            table = out.read_text()
        for word in ("tp 2", "tensor", "formula", "30 tokens", "max"):
            self.assertIn(word, table)

    @unittest.skipUnless(importlib.util.find_spec("diffusers"), "diffusers is not installed")
    def test_the_peer_computes_the_same_flow(self):
        for dtype, most in (("float32", 2e-5), ("bfloat16", 2e-2)):
            with self.subTest(dtype=dtype):
                done = report("--peer", "diffusers", dtype=dtype)
                # The same operators in the same order: often not a bit apart.
                self.assertLessEqual(done["distance"], most)
                self.assertGreater(done["ratio"], 0)
                self.assertEqual(done["threads"], 1)

    @unittest.skipUnless(importlib.util.find_spec("torch"), "torch is not installed")
    def test_a_peer_that_computes_something_else_is_not_timed(self):
        with tempfile.TemporaryDirectory(prefix="ditmill-bench-") as folder:
            # A diffusers whose transformer gives back the latents.
            (pathlib.Path(folder) / "diffusers.py").write_text(
                "import torch\n"
                "__version__ = '0'\n"
                "class WanTransformer3DModel(torch.nn.Module):\n"
                "    def __init__(self, **config): super().__init__()\n"
                "    def load_state_dict(self, weights, **options): pass\n"
                "    def forward(self, latents, timestep, text, return_dict): return (latents,)\n")
            with mock.patch.dict(ditmill.ENVIRONMENT, PYTHONPATH=folder, DITMILL_PYTHON=sys.executable):
                refused = ditmill.ditmill("bench", "step", *TINY, "--layers", "1", "--peer", "diffusers", code=3)
        self.assertIn("relative distance", refused.stderr)
        self.assertEqual(refused.stdout, "")

    def test_a_python_without_diffusers_is_named(self):
        with tempfile.TemporaryDirectory(prefix="ditmill-bench-") as folder:
            # Without its site packages the Python of the build has no diffusers.
            bare = pathlib.Path(folder) / "python"
            bare.write_text('#!/bin/sh\nexec /usr/bin/env python3 -S -E "$@"\n')
            bare.chmod(0o755)
            with mock.patch.dict(ditmill.ENVIRONMENT, DITMILL_PYTHON=str(bare)):
                refused = ditmill.ditmill("bench", "step", *TINY, "--layers", "1", "--peer", "diffusers", code=1)
        self.assertIn(str(bare), refused.stderr)
        self.assertIn("diffusers", refused.stderr)

    def test_what_cannot_be_measured_is_refused(self):
        for arguments, words in ((["--model", "wan2.1-t2v-1.3"], "wan2.1-t2v-1.3b"), (["--layers", "31"], "1 to 30"),
                                 (["--layers", "0"], "--layers"), (["--width", "100"], "--width"),
                                 (["--frames", "6"], "--frames"), (["--dtype", "float16"], "--dtype"),
                                 (["--parallel", "{ulises: 2}"], "ulysses"), (["--parallel", "{tp: 13}"], "at most 12"),
                                 (["--parallel", "auto"], "degrees"), (["--parallel", "{tp: 2}"], "world of 1 rank"),
                                 (["--parallel", "{tp: 2"], "--parallel"), (["--steps", "0"], "--steps"),
                                 (["--peer", "nobody"], "--peer"),
                                 (["--peer", "diffusers", "--parallel", "{tp: 2}"], "one rank")):
            with self.subTest(arguments=arguments):
                self.assertIn(words, ditmill.ditmill("bench", "step", *arguments, code=1).stderr)
        refused = ditmill.ditmill("bench", "step", "--peer", "diffusers", ranks=2, code=1)
        self.assertIn("one rank", refused.stderr)


if __name__ == "__main__":
    unittest.main()
