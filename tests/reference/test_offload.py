"""`components.X.offload`: the same results with less memory."""

import dataclasses
import json
import pathlib
import random
import re
import sys
import tempfile
import time
import unittest

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import ditmill
import probe
import tiny_wan
from test_pipeline import SHAPE, SHIFT, draw_requests, request

SEED = probe.fresh_seed("test_offload")
STAGES = ("--set", "pipeline.components.text_encoder.offload=stages")
# The text encoder dominates, the transformer is what else is large: 300 MB and 190 MB of float32.
LARGE = tiny_wan.Shape(heads=8, head_dim=96, layers=5, ffn=3072, text_dim=1024, text_heads=16, text_head_dim=64,
                       text_layers=4, text_ffn=4608)


def set_up_model(path, shape):
    """A model, its catalog and a manifest for it."""
    tiny_wan.make(path / "model", SEED, shape)
    catalog = ditmill.ditmill("registry", "template", path / "model", "--name", "tiny").stdout
    (path / "catalog.yaml").write_text(catalog)
    (path / "job.yaml").write_text(json.dumps({
        "schema": 1,
        "name": "offload",
        "model": {"path": "model", "catalog": "catalog.yaml"},
        "pipeline": {"solver": "unipc", "steps": 3, "guidance_scale": 5.0, "flow_shift": SHIFT, "dtype": "float32"},
        "requests": {"file": "prompts.jsonl"},
        "output": {"path": "run", "latents": True, "items_per_part": 2},
    }))
    return path / "job.yaml"


def write_requests(path, requests):
    (path / "prompts.jsonl").write_text("".join(json.dumps(r) + "\n" for r in requests))


def peaks(text):
    """Of a log: the largest rank's peak and what was planned for it, in GB."""
    [found] = re.findall(r"peak memory ([0-9.]+) GB on the largest rank, at most ([0-9.]+) GB planned", text)
    return tuple(map(float, found))


class Stages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="ditmill-stages-")
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.path = pathlib.Path(cls.scratch.name)
        cls.manifest = set_up_model(cls.path, SHAPE)
        cls.requests = draw_requests(random.Random(SEED)) + [request(6, "a seventh", "", 48, 48, 5, 7)]
        write_requests(cls.path, cls.requests)
        cls.reference = cls.run_job("reference", 1)

    @classmethod
    def run_job(cls, name, ranks, *more, code=0):
        """Returns the run directory; the log is kept in cls.log."""
        done = ditmill.ditmill("run", cls.manifest, "--run-dir", cls.path / name, "--threads", "1", *more, ranks=ranks,
                               code=code)
        cls.log = done.stderr
        return cls.path / name

    def assert_same_frames(self, run, reference=None):
        got, want = ditmill.frames(run), ditmill.frames(reference or self.reference)
        self.assertEqual(sorted(got), sorted(want))
        for item in want:
            self.assertTrue(numpy.array_equal(got[item], want[item]), item)

    def test_the_same_bytes_with_any_number_of_ranks(self):
        for ranks in (1, 2, 4):
            run = self.run_job(f"ranks{ranks}", ranks, *STAGES)
            self.assert_same_frames(run)
            self.assertFalse((run / "spool").exists())
            # Prompts and negatives: tabby, long, rain, cat, a seventh; "", NEGATIVE. One is both.
            texts = {r[key] for r in self.requests for key in ("prompt", "negative_prompt")}
            self.assertIn(f"encoded {len(texts)} texts", self.log)

    def test_without_guidance_only_prompts_are_encoded(self):
        unguided = ("--set", "pipeline.guidance_scale=1")
        reference = self.run_job("unguided", 1, *unguided)
        run = self.run_job("unguided-stages", 2, *unguided, *STAGES)
        self.assertIn(f"encoded {len({r['prompt'] for r in self.requests})} texts", self.log)
        self.assert_same_frames(run, reference)

    def test_offload_is_not_part_of_the_identity(self):
        run = self.run_job("either", 2)
        self.run_job("either", 1, *STAGES)
        self.assertEqual(ditmill.outcome(run)["done"], len(self.requests))
        starts = [r for r in ditmill.journal(run) if r["event"] == "start"]
        self.assertEqual(len(starts), len(self.requests))
        layer2 = json.loads((run / "config.json").read_text())["layer2_inference_config"]
        self.assertEqual(layer2["components"]["text_encoder"]["offload"], "stages")

    def test_only_the_texts_of_items_that_are_left_are_encoded(self):
        write_requests(self.path, self.requests[:4])
        try:
            run = self.run_job("grown", 1, *STAGES)
        finally:
            write_requests(self.path, self.requests)
        self.run_job("grown", 2, *STAGES)
        left = {r[key] for r in self.requests[4:] for key in ("prompt", "negative_prompt")}
        self.assertIn(f"encoded {len(left)} texts", self.log)
        # The same where the digests have to be found out again: the list alone tells what is left.
        for file in (self.path / "model" / "vae").glob("*.safetensors"):
            file.touch()
        self.run_job("grown", 2, *STAGES)
        self.assertIn("encoded 0 texts", self.log)
        self.assert_same_frames(run)

    def test_killed_and_resumed_gives_the_same_bytes(self):
        generator = random.Random(SEED)
        run = self.path / "killed"
        for _ in range(4):
            process = ditmill.start("run", self.manifest, "--run-dir", run, "--threads", "1", *STAGES,
                                    ranks=generator.choice((1, 2, 3)))
            time.sleep(generator.uniform(1.0, 3.0))
            ditmill.kill_all(process, run)
        # A kill while texts are encoded leaves this.
        (run / "spool" / "e0001").mkdir(parents=True, exist_ok=True)
        (run / "spool" / "e0001" / "r00000").write_bytes(b"half a text")
        self.run_job("killed", 3, *STAGES)
        self.assertIn("spool/e0001", self.log)
        self.assertFalse((run / "spool").exists())
        self.assert_same_frames(run)

    def test_a_text_that_fails_fails_its_item_alone(self):
        requests = [request(0, "cat", "", 32, 32, 1, 3), request(1, "雨", "", 32, 32, 1, 3)]
        poisoned = self.path / "poisoned"
        tiny_wan.poison(self.path / "model", poisoned, "cat", "雨")
        for more in ((), STAGES):
            write_requests(self.path, requests)
            try:
                run = self.run_job("poison" + str(len(more)), 2, "--set", f"model.path={poisoned}", *more, code=2)
            finally:
                write_requests(self.path, self.requests)
            [failed] = [r for r in ditmill.journal(run) if r["event"] == "failed"]
            self.assertEqual(failed["item"], "item1")
            self.assertIn("numeric: encode the text", failed["reason"])
            self.assertEqual(list(ditmill.frames(run)), ["item0"])

    def test_the_estimate_of_a_tiny_model_holds(self):
        for more in ((), STAGES):
            self.run_job("tiny" + str(len(more)), 2, *more)
            peak, planned = peaks(self.log)
            print(f"tiny model {' '.join(more)}: peak {peak} GB, planned {planned} GB, ratio {planned / peak:.2f}")
            self.assertLessEqual(peak, planned)
            self.assertLessEqual(planned, 3 * peak)

    def test_a_clip_that_no_machine_holds_is_refused_before_loading(self):
        write_requests(self.path, [request(0, "cat", "", 8192, 8192, 801, 3)])
        try:
            self.run_job("vast", 2, code=1)
            outcome = ditmill.outcome(self.path / "vast")
        finally:
            write_requests(self.path, self.requests)
        for words in ("fit the job into the memory of", "for the 2 ranks there", "text_encoder", "float32",
                      "activations", "MemAvailable", "--skip-memory-check"):
            self.assertIn(words, self.log)
        self.assertNotIn("loaded ", self.log)
        self.assertEqual(outcome["exit"], 1)
        self.assertIn("fit the job into the memory", outcome["reason"])

    def test_the_check_tells_the_plan_and_the_spool(self):
        def report(*more):
            return json.loads(ditmill.ditmill("run", self.manifest, "--check", "--json", *more).stdout)

        none, stages = report(), report(*STAGES)
        self.assertEqual([s["name"] for s in none["memory"]["stages"]], ["all"])
        self.assertEqual([s["name"] for s in stages["memory"]["stages"]], ["text", "clips"])
        sizes = {role: c["bytes"] for role, c in none["memory"]["components"].items()}
        self.assertEqual(set(sizes), {"transformer", "text_encoder", "vae"})
        self.assertEqual(none["ranks"][0]["weights_bytes"], sum(sizes.values()))
        self.assertEqual(stages["ranks"][0]["weights_bytes"],
                         max(sizes["text_encoder"], sizes["transformer"] + sizes["vae"]))
        self.assertEqual(none["spool_bytes"], 0)
        self.run_job("spooled", 2, *STAGES)
        [spooled] = re.findall(r"encoded .*: ([0-9.]+) MB on disk", self.log)
        self.assertGreaterEqual(stages["spool_bytes"], float(spooled) * 1e6)
        self.assertLessEqual(stages["spool_bytes"], 8e6 * float(spooled))
        self.assertGreater(none["machine"]["available_bytes"], 0)
        text = ditmill.ditmill("run", self.manifest, "--check", "--ranks", "100000", *STAGES).stdout
        for words in ("text_encoder", "stage clips", "this machine", "warning", "embeddings"):
            self.assertIn(words, text)


def set_offload(component, value):
    return ("--set", f"pipeline.components.{component}.offload={json.dumps(value)}")


class Pieces(unittest.TestCase):
    """Blocks, or whole components, come from the files as they are used."""

    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="ditmill-pieces-")
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.path = pathlib.Path(cls.scratch.name)
        # Float32 files: with dtype bfloat16 every piece is converted on its way.
        cls.manifest = set_up_model(cls.path, dataclasses.replace(SHAPE, layers=5))
        write_requests(cls.path, draw_requests(random.Random(SEED))[:3])

    def run_job(self, name, ranks, *more, code=0):
        done = ditmill.ditmill("run", self.manifest, "--run-dir", self.path / name, "--threads", "1", *more, ranks=ranks,
                               code=code)
        return self.path / name, done.stderr

    def assert_same_bytes(self, layout, ranks, *offloads):
        name = str(len(list(self.path.iterdir())))
        reference, _ = self.run_job(f"reference-{name}", ranks, *layout)
        want = ditmill.frames(reference)
        for number, offload in enumerate(offloads):
            with self.subTest(layout=layout, ranks=ranks, offload=offload):
                got = ditmill.frames(self.run_job(f"run-{name}-{number}", ranks, *layout, *offload)[0])
                self.assertEqual(sorted(got), sorted(want))
                for item in want:
                    self.assertTrue(numpy.array_equal(got[item], want[item]), item)

    def test_every_type_gives_the_same_bytes_alone(self):
        self.assert_same_bytes(
            (), 1,
            (*set_offload("transformer", "sequential"), *set_offload("text_encoder", "sequential")),
            (*set_offload("transformer", "async"), *set_offload("vae", "model")),
            set_offload("transformer", {"type": "async", "ratio": 0.5, "prefetch": 3}),
            set_offload("transformer", {"type": "async", "ratio": 0}),
            (*set_offload("transformer", "model"), *set_offload("text_encoder", "async"), *set_offload("vae", "async")))

    def test_the_same_in_layouts_that_cut_weights(self):
        bfloat16 = ("--set", "pipeline.dtype=bfloat16")
        degrees = lambda text: ("--set", f"pipeline.parallel={text}")
        cases = [((*degrees("{tp: 2}"), *bfloat16), 2, set_offload("transformer", "async")),
                 (degrees("{pp: 2, cfg: 2}"), 4, set_offload("transformer", "sequential")),
                 (degrees("{tp: 2, dp: 2}"), 4, set_offload("transformer", "model")),
                 ((*degrees("{dp: 2}"), *bfloat16, "--set", "pipeline.loading.strategy=broadcast"), 2,
                  set_offload("transformer", {"type": "async", "prefetch": 2}))]
        for layout, ranks, offload in random.Random(SEED).sample(cases, 2):
            self.assert_same_bytes(layout, ranks, (*offload, *set_offload("vae", "stages")))

    def test_a_start_keeps_how_it_loaded_and_the_report_shows_it(self):
        run, _ = self.run_job("told", 2, *set_offload("transformer", "sequential"),
                              "--set", "pipeline.loading.strategy=broadcast")
        told = json.loads((run / "loading" / "0001.json").read_text())
        self.assertEqual([c["name"] for c in told["components"]], ["text_encoder", "transformer", "vae"])
        for component in told["components"]:
            files = (self.path / "model" / component["name"]).glob("*.safetensors")
            self.assertEqual(component["bytes"], sum(file.stat().st_size for file in files))
            self.assertEqual(component["strategy"], "broadcast")
            self.assertEqual(component["read_bytes"], component["bytes"])
            # On one machine the ranks share what rank 0 reads.
            self.assertLess(component["network_bytes"], component["bytes"])
        ditmill.ditmill("report", run)
        page = (run / "report.html").read_text()
        [overview] = re.findall(r'<script type="application/json" id="overview">(.*?)</script>', page, re.S)
        self.assertEqual(json.loads(overview)["loading"], told)

    def test_is_refused_beside_fsdp(self):
        done = ditmill.ditmill("run", self.manifest, "--check", "--set", "pipeline.parallel={ulysses: 2, fsdp: true}",
                               *set_offload("transformer", "async"), code=1)
        self.assertIn("components.transformer.offload does not go together with parallel.fsdp", done.stdout)

    def test_a_file_that_changes_under_the_job_ends_it_by_name(self):
        [index] = (self.path / "model" / "transformer").glob("*.index.json")
        file = index.parent / json.loads(index.read_text())["weight_map"]["blocks.4.ffn.net.2.weight"]
        before = file.read_bytes()
        run = self.path / "changed"
        process = ditmill.start("run", self.manifest, "--run-dir", run, "--threads", "1", "--set", "pipeline.steps=1000",
                                *set_offload("transformer", "sequential"), ranks=1)
        try:
            while process.poll() is None and not any(r["event"] == "start" for r in ditmill.journal(run)):
                time.sleep(0.05)
            with open(file, "r+b") as opened:  # in place, all but the header
                opened.seek(len(before) // 2)
                opened.write(bytes(len(before) - len(before) // 2))
            said, _ = process.communicate(timeout=60)
        finally:
            ditmill.kill_all(process, run)
            file.write_bytes(before)
        self.assertEqual(process.returncode, 3, said)
        self.assertIn(str(file), said)
        self.assertRegex(said, "(load|read offloaded) weights")

    def test_the_check_counts_what_is_held_and_says_what_it_costs(self):
        def report(*more):
            return json.loads(ditmill.ditmill("run", self.manifest, "--check", "--json", *more).stdout)

        held = lambda told: told["memory"]["components"]["transformer"]["bytes"]
        none, some, none_of_it = report(), report(*set_offload("transformer", {"type": "async", "ratio": 0.5})), report(
            *set_offload("transformer", "model"))
        self.assertLess(held(some), held(none))
        self.assertEqual(held(none_of_it), 0)
        text = ditmill.ditmill("run", self.manifest, "--check", *set_offload("transformer", "sequential")).stdout
        self.assertRegex(text, "offload +transformer sequential: 5 blocks of .* of files for it in each of 6 passes")


class Peak(unittest.TestCase):
    """Shown by peak memory, of the largest rank of a real run."""

    def test_the_text_encoder_is_given_back(self):
        with tempfile.TemporaryDirectory(prefix="ditmill-peak-") as scratch:
            path = pathlib.Path(scratch)
            manifest = set_up_model(path, LARGE)
            write_requests(path, [request(i, f"number {i}", "", 32, 32, 1, i) for i in range(2)])
            report = json.loads(ditmill.ditmill("run", manifest, "--check", "--json").stdout)
            sizes = {role: c["bytes"] / 1e9 for role, c in report["memory"]["components"].items()}
            self.assertGreater(sizes["text_encoder"], sizes["transformer"] + sizes["vae"])
            found = {}
            blocks = set_offload("transformer", "async")
            for name, more in (("none", ()), ("stages", STAGES), ("blocks", (*STAGES, *blocks)), ("blocks alone", set_offload("transformer", "sequential"))):
                done = ditmill.ditmill("run", manifest, "--run-dir", path / name, "--threads", "1", *more, ranks=2)
                peak, planned = peaks(done.stderr)
                print(f"large model {name}: peak {peak} GB, planned {planned} GB, ratio {planned / peak:.2f}")
                self.assertLessEqual(peak, planned)
                self.assertLessEqual(planned, 2 * peak)
                found[name] = peak
            # What is saved is the smaller of what is loaded one after the other.
            saved = sizes["transformer"] + sizes["vae"]
            print(f"weights {sizes} GB, saved {found['none'] - found['stages']:.3f} of {saved:.3f} GB")
            self.assertGreaterEqual(found["none"] - found["stages"], 0.7 * saved)
            self.assertGreaterEqual(found["stages"], sizes["text_encoder"])
            self.assertLessEqual(found["stages"] - found["blocks"],
                                 max(0.0, sizes["transformer"] + sizes["vae"] - sizes["text_encoder"]) + 0.03)
            for other in ("stages", "blocks", "blocks alone"):
                got, want = ditmill.frames(path / other), ditmill.frames(path / "none")
                for item in want:
                    self.assertTrue(numpy.array_equal(got[item], want[item]), (other, item))
            # Of the transformer's five blocks one is here.
            saved = found["none"] - found["blocks alone"]
            print(f"blocks saved {saved:.3f} GB of a transformer of {sizes['transformer']:.3f} GB")
            self.assertGreaterEqual(saved, 0.35 * sizes["transformer"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
