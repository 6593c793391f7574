"""Each rank in turn is killed, stopped or made to fail: the job ends within seconds and says who it was."""

import concurrent.futures
import json
import os
import pathlib
import signal
import struct
import subprocess
import tempfile
import time
import unittest

import ditmill

RANKS = 3
WITHIN = 15  # seconds, from the blow to the end of the job


class Job:
    """A rehearsal under mpirun, in a folder of its own."""

    def __init__(self, folder, seconds=0.3, items=400, options=(), ranks=RANKS):
        self.path = pathlib.Path(folder)
        (self.path / "list.txt").write_text("".join(f"prompt {i}\n" for i in range(items)))
        self.manifest = self.path / "job.yaml"
        self.manifest.write_text(json.dumps({
            "schema": 1, "name": "job", "model": {"noop": seconds},
            "requests": {"defaults": {"width": 32, "height": 16, "frames": 1, "seed": "auto"}, "file": "list.txt"},
            "output": {"path": "run"}}))
        self.ranks = ranks
        self.process = subprocess.Popen(
            ditmill.command(["run", self.manifest, *options], ranks), env=ditmill.ENVIRONMENT,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            start_new_session=True)

    def pids(self):
        """Pids by rank, once all are at work on items."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            records = [p.read_bytes() for p in self.path.glob("run/status/*/*")]
            working = [r for r in records if b"denoising item" in r]
            if len(working) == max(self.ranks, 1):
                return dict(struct.unpack_from("<ii", r, 8) for r in working)
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        os.killpg(self.process.pid, signal.SIGKILL)
        raise AssertionError("the job never came to its items:\n" + self.process.communicate()[1])

    def end(self, within=WITHIN):
        """Its exit code and our lines of stderr; fails if it takes longer."""
        start = time.monotonic()
        try:
            _, errors = self.process.communicate(timeout=within)
        except subprocess.TimeoutExpired:
            ditmill.kill_all(self.process, self.path)
            raise AssertionError(f"the job still runs after {within} s") from None
        print(f"ended after {time.monotonic() - start:.1f} s")
        return self.process.returncode, [line for line in errors.splitlines() if line.startswith("ditmill: ")]


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
        job = Job(self.folder(f"victim-{victim}"))
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
            self.assertEqual(len(lines), 1, lines)
            self.assertRegex(lines[0], rf"^ditmill: rank {victim} \(.*, pid {pid}\) is dead; it was: denoising item ")
            if victim == 0:
                self.check_that_it_resumes(job)

    def check_that_it_resumes(self, job):
        (job.path / "list.txt").write_text("prompt 0\nprompt 1\nprompt 2\n")
        # The dead owner's zombie is gone with mpirun, so its run directory is free at once.
        result = ditmill.ditmill("run", job.manifest, "--drop", ranks=2)
        self.assertIn("removed status/e0001", result.stderr)
        self.assertEqual(ditmill.outcome(job.path / "run")["done"], 3)
        self.assertFalse((job.path / "run/status").exists())

    def test_a_stopped_rank_is_named_with_what_it_was_doing(self):
        for victim, _, pid, code, lines in self.each_victim(signal.SIGSTOP):
            self.assertEqual(code, 3)
            self.assertEqual(len(lines), 1, lines)
            self.assertRegex(lines[0], rf"^ditmill: rank {victim} \(.*, pid {pid}\) has not answered for 1\d s: "
                                       r"its process is stopped; it was: denoising item ")

    def test_a_short_stop_ends_nothing_and_a_good_end_says_nothing(self):
        job = Job(self.path, seconds=0.2, items=45)
        pid = job.pids()[1]
        os.kill(pid, signal.SIGSTOP)
        time.sleep(4)
        os.kill(pid, signal.SIGCONT)
        code, lines = job.end(60)
        self.assertEqual((code, lines), (0, []))
        self.assertEqual(ditmill.outcome(job.path / "run")["done"], 45)
        self.assertFalse((job.path / "run/status").exists())

    def test_the_watchdog_names_a_rank_that_makes_no_progress(self):
        job = Job(self.path, seconds=60, options=["--watchdog", "3"])
        job.pids()
        code, lines = job.end()
        self.assertEqual(code, 3)
        self.assertRegex(lines[0], r"^ditmill: rank \d \(.*\) has made no progress for 3 s \(--watchdog 3\); "
                                   r"it was: denoising item ")

    def test_a_terminated_job_names_nobody(self):
        for ranks in (0, RANKS):
            with self.subTest(ranks=ranks):
                job = Job(self.folder(f"ranks-{ranks}"), ranks=ranks)
                job.pids()
                job.process.terminate()
                code, lines = job.end()
                self.assertNotEqual(code, 0)
                self.assertEqual(lines, [])

    def test_a_rank_that_fails_alone_ends_the_others(self):
        for victim in range(RANKS):
            with self.subTest(victim=victim):
                done = subprocess.run(["mpirun", "-n", str(RANKS), os.environ["DITMILL_FAILING_RANK"], str(victim)],
                                      env=ditmill.ENVIRONMENT, capture_output=True, text=True, timeout=30, check=False)
                lines = [line for line in done.stderr.splitlines() if line.startswith("ditmill: ")]
                self.assertEqual(done.returncode, 1)
                self.assertEqual(len(lines), 1, lines)
                self.assertIn("meet in the middle", lines[0])
                self.assertIn(f"rank {victim}", lines[0])


if __name__ == "__main__":
    unittest.main()
