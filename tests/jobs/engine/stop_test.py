"""Jobs that are stopped (by signals, run/STOP, failures, no room) end in order, and resume."""

import json
import os
import pathlib
import signal
import tempfile
import time
import unittest

import h5py

import ditmill
from held_items import SECONDS, HeldItems
from job import Job

IDS = [f"{i:06}" for i in range(60)]
SMALL = {"width": 16, "height": 16, "frames": 1}
# By its pixels it takes three quarters of an hour, where a small one takes no longer than it has to.
LARGE = {"width": 1280, "height": 720, "frames": 25}


def write_job(folder, seconds=SECONDS, items=60, **sections):
    """A job without a model, in a folder of its own."""
    folder = pathlib.Path(folder)
    folder.mkdir(exist_ok=True)
    (folder / "list.txt").write_text("".join(f"prompt {i}\n" for i in range(items)))
    (folder / "job.yaml").write_text(json.dumps({
        "schema": 1, "name": "job", "model": {"noop": seconds},
        "requests": {"defaults": {"width": 32, "height": 16, "frames": 1, "seed": "auto"}, "file": "list.txt"},
        "output": {"path": "run", "items_per_part": 4}, **sections}))
    return folder / "job.yaml"


def write_small_and_large(folder, small, large):
    """A job whose items are granted one by one, the small ones first. Each of `small` / 2 groups begins with one: who is
    at its first has been granted a second at most."""
    requests = {"defaults": {"seed": "auto"}, "items": [
        {"id": IDS[i], "prompt": f"prompt {i}", **(SMALL if i < small else LARGE)} for i in range(small + large)]}
    return write_job(folder, requests=requests, pipeline={"components": {"text_encoder": {"window": 1}}})


class Stop(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="ditmill-stop-")
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name)

    def job(self, name, ranks=3, options=(), held=(), **job):
        manifest = write_job(self.path / name, **job)
        return Job(manifest, ranks, options, held=HeldItems(self.path / name / "held", held) if held else None)

    def check_stopped(self, job, code, why):
        """Its outcome and index are what its journals say, and nothing of what was finished is lost. Returns the ids that
        were started, done and dropped."""
        outcome = ditmill.outcome(job.run)
        self.assertEqual(outcome["exit"], 75, outcome)
        self.assertRegex(outcome["reason"], why)
        records = ditmill.journal(job.run)
        done = {r["item"] for r in records if r["event"] == "done"}
        self.assertEqual(outcome["done"], len(done))
        self.assertEqual(outcome["done"] + outcome["left"], 60)
        self.assertTrue(any(r["event"] == "stopped" for r in records))
        self.assertFalse(list(job.run.rglob("*.tmp")))
        if code == 75:  # not where mpirun itself was told to end: its patience may end before the index is there
            with h5py.File(job.run / "results.h5", "r") as results:
                self.assertEqual(set(results["items"]), done)
        return ({r["item"] for r in records if r["event"] == "start"}, done,
                {r["item"] for r in records if r["event"] == "stopped" and r["item"]})

    def wait_for_the_order(self, job):
        job.until(lambda: ": the run stops" in job.said(), "word of the stop at rank 0")

    def resume(self, job):
        ditmill.ditmill("run", job.manifest, ranks=2)
        self.assertEqual(ditmill.outcome(job.run)["done"], 60)
        done = [r["item"] for r in ditmill.journal(job.run) if r["event"] == "done"]
        self.assertEqual(len(done), len(set(done)))

    def test_usr2_at_the_launcher_or_at_any_rank_finishes_what_fits(self):
        def check(where):
            job = self.job(f"usr2-{where}", held=IDS[6:])
            pids = job.pids(IDS[6:])
            os.kill(job.process.pid if where == "launcher" else pids[where], signal.SIGUSR2)
            self.wait_for_the_order(job)
            job.held.release()
            code, _ = job.end()
            self.assertEqual(code, 75)
            started, done, _ = self.check_stopped(job, code, "stopped early .SIGUSR2 at rank")
            self.assertEqual(started, done, "an item in hand was dropped though it had time")
            self.assertLess(len(done), 60)
            self.resume(job)

        ditmill.side_by_side(self, ("launcher", 0, 2), check)

    def run_until(self, seconds, manifest, ranks, *options, held=None):
        """A run in an allocation that ends in so many seconds."""
        job = Job(manifest, ranks, options, held=held, environment={
            "SLURM_JOB_ID": "7", "SLURM_JOB_END_TIME": str(int(time.time()) + seconds)})
        if held:
            job.pids()  # so each has begun with a small one
            held.release()
        code, _ = job.end()
        self.assertEqual(code, 75, job.said())
        self.assertIn("no further item would be finished before the time limit", ditmill.outcome(job.run)["reason"])
        records = ditmill.journal(job.run)
        self.assertEqual(*(sorted(r["item"] for r in records if r["event"] == event) for event in ("start", "done")))
        return [r["item"] for r in records if r["event"] == "done"]

    def test_no_item_begins_that_would_not_be_finished_before_the_allocation_ends(self):
        manifest = write_small_and_large(self.path / "limit", small=8, large=4)
        held = HeldItems(self.path / "limit" / "held", IDS[:8])
        done = self.run_until(1200, manifest, 4, "--grace", "6", "--set", "pipeline.parallel={dp: 4}", held=held)
        self.assertEqual(sorted(done), IDS[:8])

    def test_usr2_drops_what_does_not_fit_before_the_grace_ends(self):
        job = self.job("grace", seconds=3600, options=["--grace", "2"])
        os.kill(job.pids()[1], signal.SIGUSR2)
        code, _ = job.end()
        self.assertEqual(code, 75)
        _, _, dropped = self.check_stopped(job, code, "SIGUSR2")
        self.assertEqual(len(dropped), 3)

    def test_a_drop_while_a_window_is_on_its_way_ends_the_job(self):
        # Long prompts: the next window does not fit into what a rank takes without receiving it.
        manifest = write_job(self.path / "window")
        (self.path / "window" / "list.txt").write_text("".join(f"{i} " + "long " * 700 + "\n" for i in range(60)))
        held = [name for name in IDS if name not in ("000000", "000002")]  # the first of each rank's window is quick
        job = Job(manifest, 2, ["--grace", "2", "--set", "pipeline.components.text_encoder.window=2"],
                  held=HeldItems(self.path / "window" / "held", held))
        job.pids(held)
        os.kill(job.process.pid, signal.SIGUSR2)
        code, _ = job.end()
        self.assertEqual(code, 75)
        self.check_stopped(job, code, "SIGUSR2")

    def test_items_of_one_key_are_counted_and_replayed_each(self):
        manifest = write_job(self.path / "twins", seconds=0)
        (self.path / "twins" / "list.txt").write_text("same\nsame\nother\n")
        text = json.loads(manifest.read_text())
        text["requests"]["defaults"]["seed"] = 3
        manifest.write_text(json.dumps(text))
        run = self.path / "twins" / "run"
        ditmill.ditmill("run", manifest)
        status = json.loads(ditmill.ditmill("status", run, "--json").stdout)
        self.assertEqual((status["done"], status["left"], status["total"]), (3, 0, 3))
        for name in ("000000", "000001", "000002"):
            self.assertIn("equal", ditmill.ditmill("results", "replay", run, name).stdout)

    def test_term_seals_what_is_finished(self):
        # Six are finished, and parts have four: without the last seal the finished ones of an open part would be lost.
        for where in ("launcher", 1):
            with self.subTest(where=where):
                job = self.job(f"term-{where}", held=IDS[6:])
                pids = job.pids(IDS[6:])
                os.kill(job.process.pid if where == "launcher" else pids[where], signal.SIGTERM)
                code, _ = job.end()
                started, done, _ = self.check_stopped(job, 75 if where == 1 else code, "stopped early .SIGTERM at rank")
                if where == 1:
                    self.assertEqual(code, 75)
                self.assertEqual((sorted(done), len(started)), (IDS[:6], 9), "more than what was in hand was lost")
                self.resume(job)

    def test_a_lone_process_obeys_signals(self):
        for blow in (signal.SIGUSR2, signal.SIGTERM):
            with self.subTest(blow=blow):
                job = self.job(f"lone-{blow}", ranks=0, held=IDS[6:])
                os.kill(job.pids(IDS[6:])[0], blow)
                self.wait_for_the_order(job)
                job.held.release()
                code, _ = job.end()
                self.assertEqual(code, 75)
                self.check_stopped(job, code, "stopped early")

    def test_a_stop_file_stops_a_run_and_keeps_it_stopped(self):
        job = self.job("file", held=IDS[6:])
        job.pids(IDS[6:])
        (job.run / "STOP").touch()
        self.wait_for_the_order(job)
        job.held.release()
        code, _ = job.end()
        self.assertEqual(code, 75)
        self.check_stopped(job, code, "STOP is there")
        again = ditmill.ditmill("run", job.manifest, ranks=2, code=75)
        self.assertIn("STOP is there: remove it to go on", again.stderr)
        self.assertEqual(ditmill.outcome(job.run)["exit"], 75)
        (job.run / "STOP").unlink()
        self.resume(job)

    def test_only_and_shuffle_and_pilot_choose_items(self):
        manifest = write_job(self.path / "only", seconds=0)
        run = self.path / "only" / "run"
        ditmill.ditmill("run", manifest, "--only", "000007,000042")
        self.assertEqual({r["item"] for r in ditmill.journal(run) if r["event"] == "done"}, {"000007", "000042"})
        self.assertEqual({k: ditmill.outcome(run)[k] for k in ("exit", "done", "left")},
                         {"exit": 0, "done": 2, "left": 58})
        wrong = ditmill.ditmill("run", manifest, "--only", "00007", code=1)
        self.assertIn("did you mean 000007", wrong.stderr)
        ditmill.ditmill("run", manifest, "--pilot", "3")
        self.assertEqual({r["item"] for r in ditmill.journal(run) if r["event"] == "done"},
                         {"000007", "000042", "000010", "000030", "000050"})
        ditmill.ditmill("run", manifest, "--shuffle")
        order = [r["item"] for r in ditmill.journal(run) if r["event"] == "start"][5:]
        self.assertNotEqual(order, sorted(order))
        self.assertEqual(ditmill.outcome(run)["done"], 60)

    def test_max_fails_ends_a_job_whose_items_fail(self):
        folder = self.path / "fails"
        manifest = write_job(folder, seconds=0.05, items=60)
        # Frames of this size cannot be held: each such item fails of memory.
        lines = [{"prompt": f"p{i}", **({"width": 16384, "height": 16384, "frames": 9997} if i % 3 == 0 else {})}
                 for i in range(60)]
        (folder / "list.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        text = json.loads(manifest.read_text())
        text["requests"]["file"] = "list.jsonl"
        manifest.write_text(json.dumps(text))
        ended = ditmill.ditmill("run", manifest, "--max-fails", "3", "--skip-memory-check", ranks=0, code=2)
        outcome = ditmill.outcome(folder / "run")
        self.assertIn("--max-fails 3", outcome["reason"], ended.stderr)
        self.assertEqual((outcome["exit"], outcome["failed"]), (2, 3))
        self.assertGreater(outcome["left"], 40)
        classes = {r["reason"].split(":")[0] for r in ditmill.journal(folder / "run") if r["event"] == "failed"}
        self.assertEqual(classes, {"memory"})
        self.assertEqual({r["class"] for r in ditmill.journal(folder / "run") if r["event"] == "failed"}, classes)


if __name__ == "__main__":
    unittest.main()
