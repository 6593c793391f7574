"""Each rank in turn is killed, stopped or made to fail: the job ends and says who it was. How soon it has to is tested with
a clock that is turned, by tests/dist/sentinel_test.cpp."""

import concurrent.futures
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import unittest

import ditmill
from job import Job
from waiting import PATIENCE

RANKS = 3


def rehearsal(folder, seconds=0.3, items=400, options=(), ranks=RANKS):
    """A job without a model, in a folder of its own."""
    folder = pathlib.Path(folder)
    (folder / "list.txt").write_text("".join(f"prompt {i}\n" for i in range(items)))
    (folder / "job.yaml").write_text(json.dumps({
        "schema": 1, "name": "job", "model": {"noop": seconds},
        "requests": {"defaults": {"width": 32, "height": 16, "frames": 1, "seed": "auto"}, "file": "list.txt"},
        "output": {"path": "run"}}))
    return Job(folder / "job.yaml", ranks, options)


class Liveness(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="ditmill-liveness-")
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name)

    def folder(self, name):
        (self.path / name).mkdir()
        return self.path / name

    def end_of_rank(self, victim, blow):
        """What a job says when one of its ranks gets a signal."""
        job = rehearsal(self.folder(f"victim-{victim}"))
        pid = job.pids()[victim]
        os.kill(pid, blow)
        code, lines = job.end()
        return job, pid, code, lines

    def each_victim(self, blow):
        # Side by side: most of it is waiting.
        with concurrent.futures.ThreadPoolExecutor(RANKS) as pool:
            ends = [pool.submit(self.end_of_rank, victim, blow) for victim in range(RANKS)]
        for victim, end in enumerate(ends):
            with self.subTest(victim=victim):
                yield victim, *end.result()

    def test_a_killed_rank_is_named_with_what_it_was_doing(self):
        for victim, job, pid, code, lines in self.each_victim(signal.SIGKILL):
            self.assertNotEqual(code, 0)
            # The launcher kills the others a moment later: on a busy machine one of them may be named, too.
            self.assertRegex("\n".join(lines),
                             rf"(?m)^ditmill: rank {victim} \(.*, pid {pid}\) is dead; it was: denoising item ")
            if victim == 0:
                self.check_that_it_resumes(job)

    def check_that_it_resumes(self, job):
        (job.manifest.parent / "list.txt").write_text("prompt 0\nprompt 1\nprompt 2\n")
        # The dead owner's zombie is gone with mpirun, so its run directory is free at once.
        ditmill.ditmill("run", job.manifest, "--drop", ranks=2)
        self.assertEqual(ditmill.outcome(job.run)["done"], 3)
        self.assertFalse((job.run / "status").exists())

    def test_a_stopped_rank_is_named_with_what_it_was_doing(self):
        for victim, _, pid, code, lines in self.each_victim(signal.SIGSTOP):
            self.assertEqual(code, 3)
            self.assertEqual(len(lines), 1, lines)
            self.assertRegex(lines[0], rf"^ditmill: rank {victim} \(.*, pid {pid}\) has not answered for 1\d s: "
                                       r"its process is stopped; it was: denoising item ")

    def test_a_short_stop_ends_nothing_and_a_good_end_says_nothing(self):
        job = rehearsal(self.path, seconds=0.2, items=45)
        pid = job.pids()[1]
        os.kill(pid, signal.SIGSTOP)
        started = len(ditmill.journal(job.run))
        job.until(lambda: len(ditmill.journal(job.run)) > started, "the others to go on")
        os.kill(pid, signal.SIGCONT)
        code, lines = job.end()
        self.assertEqual((code, lines), (0, []))
        self.assertEqual(ditmill.outcome(job.run)["done"], 45)
        self.assertFalse((job.run / "status").exists())

    def test_the_watchdog_names_a_rank_that_makes_no_progress(self):
        # Not looked at before its end: a look that comes late would find it gone.
        job = rehearsal(self.path, seconds=600, options=["--watchdog", "3"])
        code, lines = job.end()
        self.assertEqual(code, 3)
        outcome = ditmill.outcome(job.run)
        self.assertEqual((outcome["exit"], outcome["crashed"]), (3, True), outcome)
        self.assertRegex(lines[0], r"^ditmill: rank \d \(.*\) has made no progress for 3 s \(--watchdog 3\); "
                                   r"it was: denoising item ")

    def test_a_terminated_job_names_nobody(self):
        for ranks in (0, RANKS):
            with self.subTest(ranks=ranks):
                job = rehearsal(self.folder(f"ranks-{ranks}"), ranks=ranks)
                job.pids()
                job.process.terminate()
                code, lines = job.end()
                self.assertNotEqual(code, 0)
                self.assertEqual(lines, [])

    def test_a_rank_that_fails_alone_ends_the_others(self):
        for victim in range(RANKS):
            with self.subTest(victim=victim):
                done = subprocess.run(["mpirun", "-n", str(RANKS), os.environ["DITMILL_FAILING_RANK"], str(victim)],
                                      env=ditmill.environment(), capture_output=True, text=True, timeout=PATIENCE, check=False)
                lines = [line for line in done.stderr.splitlines() if line.startswith("ditmill: ")]
                self.assertEqual(done.returncode, 1)
                self.assertEqual(len(lines), 1, lines)
                self.assertIn("meet in the middle", lines[0])
                self.assertIn(f"rank {victim}", lines[0])


if __name__ == "__main__":
    unittest.main()
