"""`--check` and `submit` refuse what `run` refuses: tokenizers that are none, lists that were edited under a run."""

import json
import pathlib
import sys
import tempfile
import unittest
import unittest.mock

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / folder) for folder in ("support", "faults", "reference")]
import ditmill
import tiny

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "5ca1ab1e" * 8 + "\nsize 4548313\n"
PAGE = "\n<html><head><title>302 Found</title></head></html>\n"
DENIED = '{"error": "Access to model Wan-AI/Wan2.1-T2V-1.3B is restricted"}'


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="ditmill-field-")
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name)

    def manifest(self, requests, name="job", **more):
        defaults = {"width": 32, "height": 16, "frames": 1, "seed": 1, **requests.pop("defaults", {})}
        path = self.path / f"{name}.yaml"
        path.write_text(json.dumps({"schema": 1, "name": "field", "model": {"noop": 0},
                                    "requests": {"defaults": defaults, **requests}, "output": {"path": "run"}, **more}))
        return path


class WithModel(Folder):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="ditmill-field-model-")
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.models = pathlib.Path(cls.scratch.name)
        cls.job = tiny.manifest(cls.models, 7)
        cls.tokenizer = cls.models / "model/tokenizer"
        cls.spiece = (cls.tokenizer / "spiece.model").read_bytes()
        cls.json = (cls.tokenizer / "tokenizer.json").read_bytes()

    def model_manifest(self, requests, name="job", **more):
        return self.manifest(requests, name, model=self.job["model"],
                             pipeline={**self.job["pipeline"], **more})


class Tokenizers(WithModel):
    def setUp(self):
        super().setUp()
        self.addCleanup(self.put, self.tokenizer, "spiece.model", self.spiece)
        self.addCleanup(self.put, self.tokenizer, "tokenizer.json", self.json)
        self.manifest_path = self.model_manifest({"items": [{"prompt": "a cat"}]})

    @staticmethod
    def put(folder, name, data):
        (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())

    def refused(self, name, data, *words):
        for each in ("spiece.model", "tokenizer.json"):
            (self.tokenizer / each).unlink(missing_ok=True)
        self.put(self.tokenizer, name, data)
        for command in (["run", self.manifest_path, "--check"], ["submit", self.manifest_path]):
            with self.subTest(name=name, words=words, command=command[0]):
                done = ditmill.ditmill(*command, code=1)
                for word in (name, "etch", *words):
                    self.assertIn(word, done.stdout + done.stderr)

    def test_what_a_download_left_is_named(self):
        for name in ("spiece.model", "tokenizer.json"):
            whole = self.spiece if name == "spiece.model" else self.json
            self.refused(name, POINTER, "git lfs pull")
            self.refused(name, PAGE, "HTML page", "download")
            self.refused(name, DENIED, "Unigram")
            self.refused(name, whole[:4321], "cut")
            self.refused(name, b"", "empty")
            self.refused(name, bytes(20000), "zeros")

    def test_a_file_that_is_cut_between_two_pieces_is_cut(self):
        import tiny_tokenizer

        at = 0
        for number, value in tiny_tokenizer.fields(self.spiece):
            if number != 1:
                break
            at = self.spiece.index(value, at) + len(value)
        self.refused("spiece.model", self.spiece[:at], "cut")

    def test_the_official_layout_is_no_other(self):
        official = self.models / "official"
        ditmill.ditmill("weights", "synth", "--like", "wan2.1-t2v-1.3b", "--layout", "official", official)
        (self.path / "catalog.yaml").write_text(
            ditmill.ditmill("registry", "template", official, "--name", "official").stdout)
        manifest = self.manifest({"items": [{"prompt": "a cat"}]}, model={"path": str(official), "catalog": "catalog.yaml"},
                                 pipeline=self.job["pipeline"])
        ditmill.ditmill("run", manifest, "--check")
        (official / "google/umt5-xxl/spiece.model").write_text(POINTER)
        self.assertRegex(ditmill.ditmill("run", manifest, "--check", code=1).stdout, "google/umt5-xxl/spiece.model.*git lfs pull")

    def test_a_vocabulary_that_the_text_encoder_lacks_is_warned_of(self):
        larger = json.loads(self.json)
        larger["model"]["vocab"] += [[f"more{i}", -9.0] for i in range(3)]
        (self.tokenizer / "spiece.model").unlink()
        self.put(self.tokenizer, "tokenizer.json", json.dumps(larger))
        done = ditmill.ditmill("run", self.manifest_path, "--check")
        self.assertRegex(done.stdout, "warning: .*tokenizer.json.*tokenizer of another model.*rows")

    def test_run_says_the_same(self):
        self.put(self.tokenizer, "spiece.model", POINTER)
        done = ditmill.ditmill("run", self.manifest_path, "--threads", "1", code=1)
        self.assertIn("git lfs pull", done.stderr)
        self.assertFalse((self.path / "run").exists(), "it ends before it takes a run directory")


class LongPrompts(WithModel):
    TEXT = "a grey dog runs along the shore of a lake, " * 40

    def items(self):
        return [{"id": "red", "prompt": self.TEXT + "red"}, {"id": "short", "prompt": "a dog"},
                {"id": "blue", "prompt": self.TEXT + "blue"}, {"id": "against", "prompt": "a dog", "negative_prompt": self.TEXT}]

    def stored(self, run):
        import h5py

        with h5py.File(run / "results.h5") as results:
            return {name: {key: int(value) for key, value in item.attrs.items() if "tokens" in key}
                    for name, item in results["items"].items()}

    def test_items_that_are_cut_are_named_and_stored_so(self):
        manifest = self.model_manifest({"items": self.items()})
        report = json.loads(ditmill.ditmill("run", manifest, "--check", "--json").stdout)
        prompts, negatives = (warning["message"] for warning in report["warnings"])
        for warning in (prompts, negatives):
            self.assertIn("512 tokens", warning)
        self.assertRegex(prompts, r"2 items .*red \(line \d+\), blue \(line \d+\);")
        self.assertNotIn("short", prompts + negatives)
        self.assertRegex(negatives, r"negative prompt.*1 item .*against \(line")
        self.assertIn("warning: ", ditmill.ditmill("run", manifest, "--check").stdout)
        for offload in ("stages", "none"):
            with self.subTest(offload=offload):
                run = self.path / offload
                done = ditmill.ditmill("run", manifest, "--threads", "1", "--run-dir", run,
                                       "--set", f"pipeline.components.text_encoder.offload={offload}")
                self.assertIn(prompts, done.stderr)
                stored = self.stored(run)
                self.assertGreater(stored["red"]["tokens"], 512)
                for item in ("red", "blue"):
                    self.assertEqual(stored[item]["tokens_cut"], stored[item]["tokens"] - 512)
                self.assertEqual(stored["short"]["tokens_cut"], 0)
                self.assertLess(stored["short"]["tokens"], 20)
                self.assertEqual(stored["against"]["negative_tokens_cut"], stored["against"]["negative_tokens"] - 512)
                self.assertEqual(stored["against"]["tokens_cut"], 0)
                self.assertEqual(int(report["warnings"][0]["got"]), max(stored[item]["tokens"] for item in ("red", "blue")))
        self.pins(manifest, self.path / "none")

    def pins(self, manifest, run):
        """Digests that the run directory knows are compared with a pin before anything is read again."""
        digest = "sha256:" + "0" * 64
        done = ditmill.ditmill("run", manifest, "--check", "--run-dir", run, "--set", f"model.digest={digest}",
                               "--set", "pipeline.components.text_encoder.offload=none", code=1)
        self.assertIn(digest, done.stdout)
        ditmill.ditmill("run", manifest, "--check", "--run-dir", run)

    def test_a_negative_prompt_that_is_not_used_is_not_cut(self):
        manifest = self.model_manifest({"defaults": {"negative_prompt": self.TEXT}, "items": [{"prompt": "a"}, {"prompt": "b"}]},
                                       guidance_scale=1.0)
        self.assertEqual(json.loads(ditmill.ditmill("run", manifest, "--check", "--json").stdout)["warnings"], [])
        report = json.loads(ditmill.ditmill("run", manifest, "--check", "--json", "--set", "pipeline.guidance_scale=5").stdout)
        self.assertEqual(len(report["warnings"]), 1, "one for all items")
        self.assertIn("2 items", report["warnings"][0]["message"])


class EditedLists(Folder):
    FIRST = ["a red fox", "an owl", "two hares", "an owl"]

    def list(self, name, lines):
        (self.path / name).write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
        return name

    def setUp(self):
        super().setUp()
        self.job = self.manifest({"file": self.list("first.txt", self.FIRST)})
        ditmill.ditmill("run", self.job)

    def check(self, *more, code=0):
        return ditmill.ditmill("run", self.job, "--check", *more, code=code).stdout

    def edited(self, name, lines, code=0, *more):
        return self.check("--set", f"requests.file={self.list(name, lines)}", *more, code=code)

    def test_a_line_on_top_shifts_and_each_remedy_works(self):
        for lines in (["a wolf", *self.FIRST], [self.FIRST[0], "a wolf", *self.FIRST[1:]], self.FIRST[1:]):
            with self.subTest(lines):
                said = self.edited("moved.txt", lines, code=1)
                for words in ("requests.jsonl", "differ", "prompt", "on top", "shifts", "append new lines at the end", '"id": "00000', "--run-dir"):
                    self.assertIn(words, said)
        on_top = ["a wolf", *self.FIRST]
        self.edited("appended.txt", [*self.FIRST, "a wolf"])
        self.edited("moved.txt", on_top, 0, "--run-dir", self.path / "other")
        given = [{"id": "wolf", "prompt": "a wolf"}] + [{"id": f"{i:06}", "prompt": line} for i, line in enumerate(self.FIRST)]
        self.assertIn("1 item appended to the job: wolf", self.edited("given.jsonl", given))
        ditmill.ditmill("run", self.job, "--set", "requests.file=given.jsonl")
        self.assertEqual(ditmill.outcome(self.path / "run")["done"], 5)

    def test_run_and_submit_say_the_same(self):
        name = self.list("moved.txt", ["a wolf", *self.FIRST])
        slurm = self.path / "bin"
        slurm.mkdir()
        for program in ("sbatch", "squeue", "scontrol"):
            (slurm / program).write_text("#!/bin/sh\n")
            (slurm / program).chmod(0o755)
        with unittest.mock.patch.dict(ditmill.ENVIRONMENT, PATH=f"{slurm}:{ditmill.ENVIRONMENT['PATH']}"):
            for command in ("run", "submit"):
                with self.subTest(command):
                    done = ditmill.ditmill(command, self.job, "--set", f"requests.file={name}", code=1)
                    self.assertIn("a line put on top", done.stderr)

    def test_a_mended_line_is_no_shift(self):
        mended = ["a red fox", "an eagle owl", *self.FIRST[2:]]
        said = self.edited("mended.txt", mended, code=1)
        for words in ("000001", "prompt", "an eagle owl", "append what is new at the end", "--run-dir"):
            self.assertIn(words, said)
        self.assertNotIn("on top", said)
        self.edited("followed.txt", [*self.FIRST, "an eagle owl"])

    def test_given_ids_are_told_of_ids(self):
        items = [{"id": name, "prompt": name} for name in ("a", "b")]
        ditmill.ditmill("run", self.job, "--run-dir", self.path / "named", "--set", f"requests.file={self.list('named.jsonl', items)}")
        here = ("--run-dir", self.path / "named")
        said = self.edited("changed.jsonl", [items[0], {"id": "b", "prompt": "c"}], 1, *here)
        self.assertIn("under ids of its own", said)
        self.assertNotIn("on top", said)
        self.edited("followed.jsonl", [*items, {"id": "c", "prompt": "c"}], 0, *here)
        self.edited("on-top.jsonl", [{"id": "c", "prompt": "c"}, *items], 0, *here)
        self.assertIn("--drop", self.edited("fewer.jsonl", items[:1], 1, *here))
        self.edited("fewer.jsonl", items[:1], 0, *here, "--drop")

    def test_settings_that_differ_are_named(self):
        said = self.check("--set", "pipeline.steps=7", code=1)
        self.assertIn("steps 7", said)
        self.assertIn("put back what was", said)
        self.assertNotIn("append", said)
        self.check("--set", "pipeline.steps=7", "--run-dir", self.path / "other")

    def test_whatever_else_a_start_looks_at(self):
        self.assertIn("nosuch", self.check("--only", "nosuch", code=1))
        self.check("--only", "000001")
        self.assertIn("the whole list", self.check("--shard", "0/2", code=1))
        (self.path / "run/STOP").touch()
        self.assertIn("remove this file", self.check())
        (self.path / "run/requests.jsonl").write_text("{}\n")
        self.assertIn("requests.jsonl", self.check(code=1))
        (self.path / "file").touch()
        done = ditmill.ditmill("run", self.job, "--check", "--run-dir", self.path / "file/run", code=3)
        self.assertIn(str(self.path / "file"), done.stderr)
        self.assertIn("are free in", self.check("--run-dir", self.path / "huge", "--set", "requests.file=first.txt", "--set",
                                                "requests.defaults={width: 16384, height: 16384, frames: 10000}"))

    def test_a_list_that_stayed_is_no_finding(self):
        self.assertEqual(json.loads(self.check("--json"))["notes"], [])
        self.assertEqual(json.loads(self.check("--json"))["warnings"], [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
