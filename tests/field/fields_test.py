"""What a model's requests and pipelines take: `run --fields`, `schema`, `run --check --dump`, and what is said of a
field that another model has."""

import copy
import json
import pathlib
import tempfile
import unittest

import fastjsonschema
import yaml

import ditmill

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "configs/examples"


class SchemaTest(unittest.TestCase):
    """The schema and ditmill agree on what a manifest may say."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="ditmill-fields-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.path = pathlib.Path(cls.folder.name)
        cls.schema = json.loads(ditmill.ditmill("schema").stdout)
        cls.validate = staticmethod(fastjsonschema.compile(cls.schema, use_default=False))

    def by_schema(self, manifest) -> bool:
        try:
            self.validate(manifest)
        except fastjsonschema.JsonSchemaValueException:
            return False
        return True

    def by_ditmill(self, manifest) -> bool:
        (self.path / "job.yaml").write_text(json.dumps(manifest))
        done = ditmill.ditmill("run", "--check", "--json", self.path / "job.yaml", code=None)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        return done.returncode == 0

    GOOD = {
        "schema": 1, "name": "cats", "model": {"noop": 0.1},
        "pipeline": {"preset": "wan2.1-t2v-1.3b", "solver": "unipc", "steps": 4, "guidance_scale": 5, "flow_shift": 3.0,
                     "dtype": "float32", "parallel": {"dp": "auto", "cfg": 1},
                     "components": {"vae": {"tiling": {"height": 256}}, "text_encoder": {"window": 8}},
                     "loading": {"strategy": "shared"}},
        "requests": {"defaults": {"seed": "auto", "resolution": "480p", "fps": 12.5},
                     "items": [{"prompt": "a cat", "id": "tabby", "samples": 2}, {"prompt": 7}],
                     "matrix": {"frames": [17, 33]}},
        "output": {"path": "run", "video": {"codec": "h264", "crf": 20}, "compression": "gzip-3"},
        "slurm": {"nodes": 2, "time": "1:00:00", "options": ["--exclusive"]},
    }

    def test_examples_are_valid(self):
        for path in sorted(EXAMPLES.glob("*.yaml")):
            with self.subTest(path.name):
                self.validate(yaml.safe_load(path.read_text()))

    def test_both_take_the_same(self):
        self.assertTrue(self.by_schema(self.GOOD) and self.by_ditmill(self.GOOD))
        for where, value, right in [
                ("pipeline.steps", 0, False), ("pipeline.steps", 1000, True), ("pipeline.steps", "many", False),
                ("pipeline.solver", "wan-dpm++", True), ("pipeline.solver", "ddim", False),
                ("pipeline.guidance_scale", -1, False), ("pipeline.flow_shift", 0, False),
                ("pipeline.boundary", 0.9, True), ("pipeline.boundary", 2, False),
                ("pipeline.guidance_scale_2", 3, True), ("pipeline.stepz", 4, False),
                ("pipeline.parallel", "auto", True), ("pipeline.parallel.tp", 0, False),
                ("pipeline.components.transformer", {"offload": {"type": "async", "prefetch": 2}}, True),
                ("pipeline.components.transformer", {"attention": "flash"}, False),
                ("pipeline.components.vae.tiling.width", 255, False),
                ("pipeline.loading.strategy", "fast", False),
                ("requests.defaults.seed", 7, True), ("requests.defaults.seed", -1, False),
                ("requests.defaults.resolution", "480", False), ("requests.defaults.prompt", "x", False),
                ("requests.matrix.samples", [1, 2], True), ("requests.matrix.prompt", ["a"], False),
                ("requests.file", "prompts.txt", False), ("requests.items", [], False),
                ("output.compression", "gzip-10", False), ("output.video", "h265", False),
                ("output.items_per_part", "auto", True), ("slurm.launcher", "srun", True),
                ("slurm.lead_seconds", 1, False), ("name", "a b", False), ("schema", 2, False),
                ("model.noop", -1, False), ("model.paths", "x", False)]:
            with self.subTest(where=where, value=value):
                manifest = copy.deepcopy(self.GOOD)
                at = manifest
                *path, last = where.split(".")
                for key in path:
                    at = at[key]
                at[last] = value
                self.assertEqual(self.by_schema(manifest), right, "schema")
                self.assertEqual(self.by_ditmill(manifest), right, "ditmill")


class FieldsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="ditmill-fields-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.path = pathlib.Path(cls.folder.name)
        for name, like in (("one", "wan2.1-t2v-1.3b"), ("two", "wan2.2-t2v-a14b")):
            ditmill.ditmill("weights", "synth", "--like", like, "--scale", "tiny", "--layout", "diffusers", cls.path / name)

    def job(self, model, **pipeline):
        path = self.path / "job.yaml"
        path.write_text(json.dumps({
            "schema": 1, "name": "job", "model": {"path": model, "catalog": f"{model}/catalog.yaml"}, "pipeline": pipeline,
            "requests": {"items": [{"prompt": "a cat"}], "defaults": {"width": 64, "height": 64, "frames": 5}},
            "output": {"path": "run"}}))
        return path

    def fields(self, model):
        return json.loads(ditmill.ditmill("run", "--fields", self.job(model), "--json").stdout)

    def test_fields_are_those_of_the_model_with_its_defaults(self):
        one, two = self.fields("one"), self.fields("two")
        self.assertEqual([one["family"], one["preset"]], ["wan", "wan2.1-t2v-1.3b"])
        requests = {f["name"]: f for f in one["requests"]}
        self.assertEqual(requests["frames"]["default"], 81)
        self.assertEqual((requests["width"]["least"], requests["width"]["most"]), (1, 16384))
        self.assertTrue(requests["prompt"]["required"])
        pipelines = [{f["name"]: f for f in report["pipeline"]} for report in (one, two)]
        self.assertNotIn("boundary", pipelines[0])
        self.assertEqual([pipelines[1][name]["default"] for name in ("boundary", "guidance_scale_2", "steps")],
                         [0.875, 3.0, 40])
        text = ditmill.ditmill("run", "--fields", self.job("two")).stdout
        self.assertIn("guidance_scale_2  a number from 0 to 100; without: 3.0", text)

    def test_a_field_of_other_models_is_refused_where_it_stands(self):
        done = ditmill.ditmill("run", "--check", "--json", self.job("one", boundary=0.5), code=1)
        problem, = json.loads(done.stdout)["problems"]
        self.assertEqual(problem["message"], "this model takes no pipeline.boundary")
        self.assertGreater(problem["column"], 0)
        ditmill.ditmill("run", "--check", self.job("two", boundary=0.5))

    def test_names_of_other_tools_are_answered_with_ours(self):
        done = ditmill.ditmill("run", "--check", "--json", self.job("two", boundary_ratio=0.5), code=1)
        self.assertIn("boundary", json.dumps(json.loads(done.stdout)["problems"]))

    def test_check_dumps_what_would_run(self):
        out = self.path / "config.json"
        ditmill.ditmill("run", "--check", "--dump", out, self.job("two", guidance_scale_2=2.5))
        dumped = json.loads(out.read_text())
        layer2 = dumped["layer2_inference_config"]
        self.assertEqual([layer2["guidance_scale_2"], layer2["boundary"], layer2["steps"]], [2.5, 0.875, 40])
        self.assertEqual([m["name"] for m in dumped["layer1_model_definition"]["models"]],
                         ["transformer", "transformer_2", "text_encoder", "vae"])
        self.assertFalse((self.path / "run").exists())


if __name__ == "__main__":
    unittest.main(verbosity=2)
