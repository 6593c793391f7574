"""A disk that fails, is full, or takes less than it was given: a run says which file and why, ends with 3 and loses
nothing that it acknowledged; what a run can live with, it lives with."""

import errno
import os
import pathlib
import random
import re
import tempfile
import unittest

import ditmill
from faulty import LONG, Reference, fresh_seed, points

SEED = fresh_seed()
SIDE_BY_SIDE = 3
ERRORS = ("ENOSPC", "EIO", "EDQUOT")
# Calls whose failure costs nothing: what they are for has been done, or is done another way.
HARMLESS = {"epoch.touch", "epoch.close", "journal.close", "part.open", "index.open", "status-folder.mkdir",
            "status.create", "status.write", "status.fsync", "status.close", "status.unlink", "status-folder.rmdir",
            "spool-folder.unlink"}
FILES = {"epoch": r"/epochs/0\d+\.json", "epochs-folder": "/epochs", "journal": r"/journal/e\d+-g\d+\.jsonl",
         "journal-folder": "/journal", "part": r"/parts/e\d+-g\d+/\d+\.h5", "part-folder": r"/parts/e\d+-g\d+",
         "parts-folder": "/parts", "logs-folder": "/logs", "index": "/results.h5", "outcome": "/outcome.json",
         "manifest": "/manifest.yaml", "requests": "/requests.jsonl", "config": "/config.json", "run-folder": "/run"}


class Disk(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="ditmill-disk-")
        cls.addClassCleanup(folder.cleanup)
        cls.reference = Reference(pathlib.Path(folder.name), items=8)
        cls.random = random.Random(SEED)

    def side_by_side(self, test, cases):
        ditmill.side_by_side(self, cases, lambda case: test(*case), SIDE_BY_SIDE)

    def check_failure(self, ended, point, error):
        """It ended with 3, and says the file and the reason."""
        self.assertEqual(ended.code, 3, ended)
        lines = [line for line in ended.errors.splitlines() if line.startswith("ditmill: ")]
        kind = point.split(".")[0]
        self.assertTrue(lines and re.search(FILES[kind], lines[0]), ended)
        self.assertIn(os.strerror(getattr(errno, error)), lines[0], ended)

    def test_each_call_may_fail_once(self):
        cases = []
        wanted = sorted(point for point, words in points().items() if words & {"first", "start"})
        for point in wanted if LONG else self.random.sample(wanted, 9):
            number = self.random.randint(1, 4 if point.startswith(("journal.", "part.")) else 1)
            cases.append((point, 1 if point.endswith((".create", ".close")) else number, self.random.choice(ERRORS)))

        def test(point, number, error):
            job, ledger = self.reference.new()
            ended = job(faults=f"{point}:{number}:{error}")
            if ended.fired and point not in HARMLESS:
                self.check_failure(ended, point, error)
            else:
                self.assertEqual(ended.code, 0, ended)
            ledger.check(job.run)
            if ended.code != 0 or point.startswith("status"):
                ended = job()
            job.check_end(ended, ledger, self.reference.frames)
            return ended

        self.side_by_side(test, cases)

    def test_a_disk_that_stays_full(self):
        def test(number):
            job, ledger = self.reference.new()
            ended = job(faults=f"*.write:{number}+:ENOSPC")
            self.assertEqual(ended.code, 3, ended)
            self.assertIn("No space left on device", ended.errors)
            ledger.check(job.run)
            job.check_end(job(), ledger, self.reference.frames)

        self.side_by_side(test, [(number,) for number in self.random.sample(range(1, 24), 5 if LONG else 2)])

    def test_errors_here_and_there(self):
        def test(seed):
            job, ledger = self.reference.new()
            for attempt in range(4):
                ended = job(faults="*.*:p0.03:EIO", seed=seed + attempt)
                self.assertIn(ended.code, (0, 3), ended)
                if (job.run / "journal").exists():
                    ledger.check(job.run)
            job.let_time_pass()
            job.check_end(job(), ledger, self.reference.frames)

        self.side_by_side(test, [(self.random.randrange(1 << 30),) for _ in range(4 if LONG else 1)])

    def test_short_writes_and_interruptions_cost_nothing(self):
        def test(faults, seed):
            job, ledger = self.reference.new()
            ended = job(faults=faults, seed=seed)
            self.assertTrue(ended.fired)
            job.check_end(ended, ledger, self.reference.frames)

        kinds = sorted(set(FILES) - {"logs-folder"})
        interrupted = ",".join(f"{kind}.{call}:p0.4:EINTR" for kind in kinds
                               for call in ("open", "create", "write", "fsync", "close"))
        short = ",".join(f"{kind}.write:p0.5:short" for kind in kinds)
        self.side_by_side(test, [(faults, self.random.randrange(1 << 30)) for faults in (interrupted, short) * (3 if LONG else 1)])

    def test_the_disk_of_another_group_fails(self):
        # Enough to do that there is something left for that group, however late it comes.
        wide = Reference(self.reference.folder / "wide", items=16, seconds=0.2)
        cases = [("part.write", "ENOSPC"), ("journal.fsync", "EIO")]
        for point, error in cases if LONG else self.random.sample(cases, 1):
            with self.subTest(point):
                job, ledger = wide.new()
                ended = job(ranks=3, faults=f"{point}:1:{error}", rank=2)
                self.check_failure(ended, point, error)
                ledger.check(job.run)
                job.check_end(job(ranks=2), ledger, wide.frames)


if __name__ == "__main__":
    unittest.main()
