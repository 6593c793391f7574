"""An item that kills its rank does not kill the job for ever: ranks die for real, by SIGKILL and SIGSEGV."""

import contextlib
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import unittest
from unittest import mock

import ditmill
from held_items import HeldItems
from job import Job
from poison import Poison
from ranks import ranks_of
from stop_test import IDS, write_job
from waiting import PATIENCE, until


class Quarantine(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="ditmill-quarantine-")
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name)

    def quarantined(self, run):
        return [r["item"] for r in ditmill.journal(run) if r["event"] == "quarantined"]

    def wait_for_work(self, run, process):
        until(lambda: any(rank.denoises() for rank in ranks_of(run)), "a rank at work on an item",
              lambda: process.poll() is not None and f"the job has ended:\n{process.stdout.read()}")

    def launch(self, name, ranks, blow, crashes):
        manifest = write_job(self.path / name, items=12)
        held = HeldItems(self.path / name / "held", ["000004"])  # so it is caught at it
        poison = Poison(self.path / name / "run", "000004", blow)
        done = subprocess.run(
            [ditmill.DITMILL, "run", manifest, "--np", str(ranks), "--max-crashes", str(crashes)],
            env={**ditmill.ENVIRONMENT, **held.environment}, capture_output=True, text=True, timeout=PATIENCE, check=False)
        poison.stop()
        return self.path / name / "run", done, poison

    def test_the_third_crash_of_an_items_rank_quarantines_it_and_the_others_are_done(self):
        def check(case):
            ranks, blow, how = case
            run, done, poison = self.launch(f"{ranks}-{blow}", ranks, blow, crashes=6)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertEqual(self.quarantined(run), ["000004"])
            self.assertGreaterEqual(len(poison.struck), 3)
            outcome = ditmill.outcome(run)
            self.assertEqual((outcome["done"], outcome["quarantined"], outcome["left"]), (11, 1, 0))
            crashes = [r["reason"] for r in ditmill.journal(run) if r.get("reason", "").startswith("crash: ")]
            self.assertTrue(any(how in reason for reason in crashes), crashes)

        ditmill.side_by_side(self, [(3, signal.SIGKILL, "died in"), (2, signal.SIGSEGV, "SIGSEGV"),
                                    (1, signal.SIGKILL, "died in"), (1, signal.SIGABRT, "SIGABRT")],
                             check, at_once=2)
        # Given up until it is asked for by name of its state.
        run = self.path / f"3-{signal.SIGKILL}" / "run"
        ditmill.ditmill("run", run.parent / "job.yaml", "--retry", "failed", code=2)
        ditmill.ditmill("run", run.parent / "job.yaml", "--retry", "quarantined")
        self.assertEqual(ditmill.outcome(run)["done"], 12)

    def test_more_crashes_than_allowed_end_the_launcher(self):
        run, done, _ = self.launch("often", 2, signal.SIGKILL, crashes=1)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("2 crashes are more than --max-crashes 1", done.stderr)
        self.assertIn("is dead; it was: denoising item 000004", done.stderr)
        self.assertEqual(self.quarantined(run), [])

    def test_a_job_that_is_killed_as_a_whole_blames_no_item(self):
        for ranks in (1, 3):
            with self.subTest(ranks=ranks):
                manifest = write_job(self.path / f"whole-{ranks}", items=6)
                run = self.path / f"whole-{ranks}" / "run"
                held = HeldItems(self.path / f"whole-{ranks}" / "held", IDS)
                for _ in range(3):
                    job = Job(manifest, ranks, run=run, held=held)
                    job.pids()
                    ditmill.kill_all(job.process, run)
                ditmill.ditmill("run", manifest, ranks=3)
                self.assertEqual(ditmill.outcome(run)["done"], 6)
                self.assertEqual(self.quarantined(run), [])
                self.assertFalse([r for r in ditmill.journal(run) if r.get("reason", "").startswith("crash: ")])

    def test_preemption_blames_no_item(self):
        manifest = write_job(self.path / "preempted", items=12, pipeline={"components": {"text_encoder": {"window": 1}}})
        run = self.path / "preempted" / "run"
        held = HeldItems(self.path / "preempted" / "held", IDS)
        for _ in range(3):
            job = Job(manifest, 2, run=run, held=held)
            job.pids()
            first = {item.decode() for rank in ranks_of(run, but=job.left)
                     for item in re.findall(rb"denoising item (\d+)", rank.said)}
            held.release(*first)
            pids = job.pids(set(IDS) - first)
            job.process.send_signal(signal.SIGTERM)
            # What each has finished is sealed when it knows of the end to come.
            until(lambda: first <= {r["item"] for r in ditmill.journal(run) if r["event"] == "done"}, "the last seals")
            for pid in pids.values():  # mpirun is told of the first death at once, and then ends the other
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            job.end()
        ditmill.ditmill("run", manifest, ranks=2)
        self.assertEqual(ditmill.outcome(run)["done"], 12)
        self.assertFalse([r for r in ditmill.journal(run) if r.get("reason", "").startswith("crash: ")])

    def test_the_launcher_passes_signals_on(self):
        manifest = write_job(self.path / "passed")
        for blow in (signal.SIGUSR2, signal.SIGTERM, signal.SIGINT):
            run = self.path / "passed" / f"run-{blow}"
            held = HeldItems(self.path / "passed" / f"held-{blow}", IDS)
            with mock.patch.dict(ditmill.ENVIRONMENT, held.environment):
                process = ditmill.start("run", manifest, "--run-dir", run, "--np", 2, "--grace", 2)
            self.wait_for_work(run, process)
            process.send_signal(blow)
            output, _ = process.communicate(timeout=PATIENCE)
            self.assertEqual(process.returncode, 75, output)
            self.assertEqual(ditmill.outcome(run)["exit"], 75)

    def test_launchers_beside_each_other_share_no_folder_of_mpiruns(self):
        manifest = write_job(self.path / "both", items=4)
        temporary = self.path / "tmp"
        temporary.mkdir()
        held = HeldItems(self.path / "both" / "held", IDS)  # one may come to its items long after the other
        runs = [self.path / "both" / f"run-{i}" for i in range(2)]
        with mock.patch.dict(ditmill.ENVIRONMENT, held.environment, TMPDIR=str(temporary)):
            both = [ditmill.start("run", manifest, "--run-dir", run, "--np", 1) for run in runs]
        for run, process in zip(runs, both):
            self.wait_for_work(run, process)
        self.assertEqual([path.name.split(".")[0] for path in temporary.iterdir()], ["ditmill-mpi"] * 2)
        held.release()
        for process in both:
            output, _ = process.communicate(timeout=PATIENCE)
            self.assertEqual(process.returncode, 0, output)
        self.assertEqual(list(temporary.iterdir()), [])


if __name__ == "__main__":
    unittest.main()
