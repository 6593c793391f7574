"""`ditmill run --check` of a tiny model: what each rank of a layout holds, and what no layout can be."""

import json
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import ditmill
import probe
import tiny_wan
from test_pipeline import SHAPE

SEED = probe.fresh_seed("test_check")


class Check(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="ditmill-check-")
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.path = pathlib.Path(cls.scratch.name)
        tiny_wan.make(cls.path / "model", SEED, SHAPE)
        catalog = ditmill.ditmill("registry", "template", cls.path / "model", "--name", "tiny").stdout
        (cls.path / "catalog.yaml").write_text(catalog)

    def check(self, parallel, *more, code=0, **pipeline):
        manifest = self.path / "job.yaml"
        manifest.write_text(json.dumps({
            "schema": 1,
            "name": "check",
            "model": {"path": "model", "catalog": "catalog.yaml"},
            "pipeline": {"steps": 2, "guidance_scale": 5.0, "dtype": "float32", "parallel": parallel, **pipeline},
            "requests": {"items": [{"prompt": "a cat", "width": 64, "height": 48, "frames": 5}]},
            "output": {"path": "run"},
        }, indent=1))
        return ditmill.ditmill("run", manifest, "--check", *more, code=code).stdout

    def report(self, parallel, ranks, code=0, **pipeline):
        return json.loads(self.check(parallel, "--json", "--ranks", str(ranks), code=code, **pipeline))

    def weights(self, parallel, ranks):
        report = self.report(parallel, ranks)
        self.assertEqual(report["problems"], [])
        self.assertEqual(len(report["ranks"]), ranks)
        return [rank["weights_bytes"] for rank in report["ranks"]]

    def test_ranks_hold_their_parts(self):
        whole = self.weights({}, 1)[0]
        for parallel, ranks in (({"cfg": 2}, 2), ({"ring": 2}, 4), ({"ulysses": 2}, 2)):
            with self.subTest(parallel):
                self.assertEqual(set(self.weights(parallel, ranks)), {whole}, "only activations are split")
        for parallel, ranks in (({"tp": 2}, 2), ({"pp": 2}, 2), ({"ulysses": 2, "fsdp": True}, 2)):
            with self.subTest(parallel):
                self.assertLess(max(self.weights(parallel, ranks)), whole)
        tp = self.weights({"tp": 2}, 4)
        self.assertEqual(tp[:2], tp[2:], "groups are alike")

    def test_ranks_that_hold_alike_are_told_together(self):
        text = self.check({"cfg": 2, "ulysses": 2}, "--ranks", "8")
        self.assertRegex(text, r"ranks 0-7 .* of weights, .* each")

    def test_what_the_model_is_too_small_for_has_its_place(self):
        report = self.report({"tp": 500, "pp": 400}, 1, code=1)
        lines = (self.path / "job.yaml").read_text().splitlines()
        placed = [p for p in report["problems"] if p["line"]]
        self.assertEqual(len(placed), 2, report["problems"])
        for problem in placed:
            axis = problem["message"].removeprefix("pipeline.parallel.").split()[0]
            self.assertIn(f'"{axis}": {problem["got"]}', lines[problem["line"] - 1])
            self.assertGreater(int(problem["nearest"]), 0)

    def test_auto_chooses_what_fits_and_says_why(self):
        report = self.report("auto", 4)
        self.assertEqual(report["degrees"]["dp"], 4)
        self.assertEqual(report["choice"]["degrees"]["tp"], 1)
        self.assertTrue(any("dp only" in reason for reason in report["choice"]["reasons"]))
        self.assertIn("auto ", self.check("auto", "--ranks", "4"))

    def test_no_second_half_without_guidance(self):
        report = self.report({"cfg": 2}, 2, code=1, guidance_scale=1)
        self.assertIn("no second half", report["problems"][0]["message"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
