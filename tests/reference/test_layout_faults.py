"""`ditmill run` on groups of several ranks that are attacked: a poisoned item, killed and stopped ranks."""

import collections
import json
import os
import pathlib
import random
import signal
import sys
import tempfile
import time
import unittest

import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import ditmill
import probe
import tiny_wan
from job import Job
from test_layouts import name, odd_shape, parallel_option, ranks, results, set_up
from test_pipeline import NEGATIVE, request

SEED = probe.fresh_seed("test_layout_faults")
QUARTET = {"cfg": 2, "ulysses": 2}


def engines(run):
    """Pids of the ranks of a run."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and str(run).encode() in (entry / "cmdline").read_bytes():
                if (entry / "exe").readlink().name == "ditmill-engine":
                    found.append(int(entry.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


class Faults(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="ditmill-faults-")
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.path = pathlib.Path(cls.scratch.name)
        cls.rng = random.Random(SEED)
        cls.requests = [request(i, f"number {i}", NEGATIVE, *cls.rng.choice([(48, 48, 5), (48, 80, 1), (32, 48, 9)]),
                                cls.rng.randrange(1 << 63)) for i in range(6)]
        cls.manifest = set_up(cls.path, odd_shape(cls.rng), cls.requests, steps=8)

    def test_a_poisoned_item_fails_alone(self):
        poisoned = self.path / "poisoned"
        tiny_wan.poison(self.path / "model", poisoned, "cat", "雨")
        (self.path / "poison.jsonl").write_text("".join(
            json.dumps(request(0, text, "", 32, 32, 1, 3) | {"id": item}) + "\n"
            for item, text in (("first", "cat"), ("poison", "雨"), ("last", "cat"))))
        for parallel in ({"tp": 2}, QUARTET):
            with self.subTest(name(parallel)):
                run = self.path / ("poison-" + name(parallel))
                ditmill.ditmill("run", self.manifest, "--run-dir", run, "--threads", "1", *parallel_option(parallel),
                                "--set", f"model.path={poisoned}", "--set", "requests.file=poison.jsonl",
                                ranks=ranks(parallel), code=2)
                self.assertEqual((ditmill.outcome(run)["done"], ditmill.outcome(run)["failed"]), (2, 1))
                [failed] = [r for r in ditmill.journal(run) if r["event"] == "failed"]
                self.assertEqual(failed["item"], "poison")
                self.assertIn("numeric", failed["reason"])
                self.assertEqual(sorted(ditmill.frames(run)), ["first", "last"])

    def test_killed_and_resumed_on_another_layout_stores_each_item_once(self):
        run = self.path / "killed"
        for parallel in (QUARTET, {"pp": 2, "tp": 2}, QUARTET):
            job = Job(self.manifest, ranks(parallel), ["--threads", "1", *parallel_option(parallel)], run)
            deadline = time.monotonic() + 60
            while len(engines(run)) < ranks(parallel) and time.monotonic() < deadline:
                time.sleep(0.05)
            time.sleep(self.rng.uniform(0.5, 5.0))
            alive = engines(run)
            if alive:  # it may be done already
                os.kill(self.rng.choice(alive), signal.SIGKILL)
            print(name(parallel), *job.end())
        for folder, parallel in (("killed", {"ring": 3}), ("calm", {})):
            ditmill.ditmill("run", self.manifest, "--run-dir", self.path / folder, "--threads", "1",
                            *parallel_option(parallel), ranks=ranks(parallel))
        done = collections.Counter(r["item"] for r in ditmill.journal(run) if r["event"] == "done")
        self.assertEqual(done, collections.Counter(r["id"] for r in self.requests))
        got, want = results(run), results(self.path / "calm")
        self.assertEqual(sorted(got), sorted(want))
        for item, (latents, _) in want.items():
            self.assertLessEqual(
                probe.distance(torch.from_numpy(got[item][0]), torch.from_numpy(latents).double()), 2e-5, item)

    def end_of_rank(self, parallel, blow):
        """What a job says when one rank of a group that computes gets a signal."""
        victim = self.rng.randrange(ranks(parallel))
        run = self.path / f"{name(parallel)}-{blow.name}"
        job = Job(self.manifest, ranks(parallel),
                  ["--threads", "1", *parallel_option(parallel), "--set", "pipeline.steps=1000"], run)
        pid = job.pids()[victim]
        time.sleep(self.rng.uniform(0, 1))
        os.kill(pid, blow)
        return victim, pid, *job.end()

    def test_a_killed_rank_of_a_group_is_named_with_what_it_was_doing(self):
        for parallel in ({"ulysses": 2, "tp": 2}, {"pp": 2, "cfg": 2}):
            with self.subTest(name(parallel)):
                victim, pid, code, lines = self.end_of_rank(parallel, signal.SIGKILL)
                self.assertNotEqual(code, 0)
                # On a machine that is short of cores mpirun may have killed another rank before it could say so.
                self.assertRegex("\n".join(lines),
                                 rf"(?m)^ditmill: rank {victim} \(.*, pid {pid}\) is dead; it was: denoising item")

    def test_a_stopped_rank_of_a_group_is_named_with_what_it_was_doing(self):
        for parallel in ({"ulysses": 2, "tp": 2}, {"pp": 2, "cfg": 2}):
            with self.subTest(name(parallel)):
                victim, pid, code, lines = self.end_of_rank(parallel, signal.SIGSTOP)
                self.assertEqual((code, len(lines)), (3, 1), lines)
                self.assertRegex(lines[0], rf"^ditmill: rank {victim} \(.*, pid {pid}\) has not answered for 1\d s: "
                                           r"its process is stopped; it was: denoising item")


if __name__ == "__main__":
    unittest.main(verbosity=2)
