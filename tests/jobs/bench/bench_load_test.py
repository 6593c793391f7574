#!/usr/bin/env python3
"""`bench load` under mpirun: what it tells of each strategy, and what it refuses."""

import importlib.util
import json
import pathlib
import tempfile
import unittest

from ditmill import ditmill

FIELDS = {"strategy", "repeat", "seconds_first_component", "seconds_last_rank", "read_bytes", "network_bytes",
          "private_bytes_max", "shared_bytes_node", "page_faults", "verified_bytes", "busy", "stall"}


class BenchLoad(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.model = pathlib.Path(cls.folder.name) / "model"
        ditmill("weights", "synth", "--like", "wan2.1-t2v-1.3b", "--scale", "tiny", cls.model)
        cls.bytes = sum(path.stat().st_size for path in cls.model.rglob("*.safetensors"))

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def bench(self, *words, ranks=2, code=0):
        return ditmill("bench", "load", self.model, *words, ranks=ranks, code=code)

    def measured(self, *words, ranks=2):
        return json.loads(self.bench("--json", "--repeats", "2", *words, ranks=ranks).stdout)

    def test_tells_of_every_strategy(self):
        told = self.measured()
        self.assertEqual((told["bytes"], told["nodes"], told["ranks"], told["cold"]), (self.bytes, 1, 2, False))
        self.assertEqual([(run["strategy"], run["repeat"]) for run in told["runs"]],
                         [(name, repeat) for repeat in (0, 1) for name in ("independent", "broadcast", "shared")])
        for run in told["runs"]:
            self.assertEqual(set(run), FIELDS)
            self.assertEqual(set(run["busy"]), {"read", "network", "hash", "copy"})
            self.assertGreater(run["seconds_last_rank"], 0)
            # On one machine its ranks share that; what rank 0 reads the other verifies, every second chunk.
            if run["strategy"] != "broadcast":
                self.assertEqual(run["verified_bytes"], self.bytes)
            self.assertEqual(run["shared_bytes_node"] > 0, run["strategy"] == "shared")
            if run["strategy"] == "broadcast":
                self.assertEqual(run["read_bytes"], self.bytes)
                self.assertLess(run["network_bytes"], self.bytes)  # nothing is sent inside a machine
        summary = {each["strategy"]: each for each in told["summary"]}
        self.assertIn("one machine", summary["striped"]["skipped"])
        for name in ("independent", "broadcast", "shared"):
            each = summary[name]
            self.assertAlmostEqual(each["fraction_of_limit"], each["limit_seconds"] / each["median_seconds"])
        for name, rate in told["limits"].items():
            self.assertEqual(rate > 0, name not in ("link_gbps", "read_cold_gbps", "read_together_gbps"), name)

    def test_takes_a_component_a_layout_and_no_hash(self):
        told = self.measured("--component", "transformer", "--strategy", "independent", "--parallel", "{tp: 2}", "--hash", "off")
        file = self.model / "transformer" / "diffusion_pytorch_model.safetensors"
        self.assertEqual(told["bytes"], file.stat().st_size)
        self.assertEqual({run["verified_bytes"] for run in told["runs"]}, {0})

    def test_drops_files_from_the_cache(self):
        told = self.measured("--cold", "--strategy", "shared")
        self.assertTrue(told["cold"])
        self.assertGreater(told["limits"]["read_cold_gbps"], 0)

    @unittest.skipUnless(importlib.util.find_spec("torch"), "torch is not installed")
    def test_times_what_others_do_in_the_same_turns(self):
        told = self.measured("--peers", "--strategy", "independent", "--component", "transformer")
        size = told["bytes"]
        expected = {"peer:safetensors": (2 * size, 0), "peer:fastvideo": (2 * size, 0),
                    "peer:fastvideo-broadcast": (size, size)}
        summary = {each["strategy"]: each for each in told["summary"]}
        for name, (read, received) in expected.items():
            runs = [run for run in told["runs"] if run["strategy"] == name]
            self.assertEqual([run["repeat"] for run in runs], [0, 1])
            for run in runs:
                self.assertEqual((run["read_bytes"], run["verified_bytes"]), (read, 0))
                # Names and shapes are read by all.
                self.assertAlmostEqual(run["network_bytes"] / size, received / size, delta=0.02)
                self.assertGreater(run["seconds_last_rank"], 0)
            self.assertIsNone(summary[name]["skipped"])
        # In turns: all of a round before the next.
        self.assertEqual([run["repeat"] for run in told["runs"]], sorted(run["repeat"] for run in told["runs"]))
        for name, module, package in (("peer:fastsafetensors", "fastsafetensors", "fastsafetensors==0.5.0"),
                                      ("peer:runai", "runai_model_streamer", "runai-model-streamer==0.17.1")):
            if not importlib.util.find_spec(module):
                self.assertIn(f"-m pip install {package}", summary[name]["skipped"])

    def test_peers_do_not_cut_tensors(self):
        told = self.measured("--peers", "--strategy", "independent", "--component", "transformer", "--parallel", "{tp: 2}")
        self.assertEqual({run["strategy"] for run in told["runs"]}, {"independent"})
        self.assertIn("everything to every rank", told["summary"][-1]["skipped"])

    def test_prints_a_table(self):
        table = self.bench("--repeats", "1").stdout
        for words in ("to 2 ranks on 1 machines, verified", "independent", "striped                  skipped: one machine"):
            self.assertIn(words, table)

    def test_refuses_what_is_not_there(self):
        self.assertIn("did you mean shared", self.bench("--strategy", "shard", code=1).stderr)
        self.assertIn("transformer", self.bench("--component", "dit2", code=1).stderr)
        self.assertIn("cfg: 1", self.bench("--parallel", "{cfg: 3}", code=1).stderr.replace("1 or 2", "cfg: 1"))


if __name__ == "__main__":
    unittest.main()
