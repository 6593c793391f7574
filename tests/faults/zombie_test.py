"""Owners that sleep, are taken over, and wake; and two that start at the same instant: one writes, never both."""

import json
import os
import pathlib
import signal
import tempfile
import time
import unittest

from faulty import LONG, Reference
from waiting import PATIENCE, until

TAKEN_OVER = r"another run has taken over .*epoch 2 of pid \d+"


def is_stopped(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    except FileNotFoundError:
        return False


class Zombie(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="ditmill-zombie-")
        cls.addClassCleanup(folder.cleanup)
        cls.reference = Reference(pathlib.Path(folder.name), items=8, seconds=0.02)

    def asleep(self, job, process):
        """Waits until one of a start's processes is stopped."""
        until(lambda: any(is_stopped(pid) for pid in job.pids()), "a process that stops",
              lambda: process.poll() is not None and f"it has ended:\n{job.errors.read_text()}")

    @staticmethod
    def heartbeat_goes_stale(job):
        newest = job.newest_epoch()
        half_a_minute_ago = time.time() - 40
        os.utime(newest, (half_a_minute_ago, half_a_minute_ago))

    def wake(self, job, process, sleepers):
        for pid in sleepers:
            os.kill(pid, signal.SIGCONT)
        return job.end(process)

    def haunt(self, point, number, moment, ranks=0, rank=None, may_change=()):
        """A start is stopped at a point, another takes over and finishes, then the first wakes."""
        job, ledger = self.reference.new(haunted=True)
        process = job.start(ranks=ranks, rank=rank, faults=f"{point}:{number}:{moment}")
        files = job.errors, job.log
        self.asleep(job, process)
        # The others of its job, and mpirun, would end it for its silence: they sleep, too.
        sleepers = [process.pid] + [pid for pid in job.pids() if pid != process.pid]
        for pid in sleepers:
            os.kill(pid, signal.SIGSTOP)
        self.heartbeat_goes_stale(job)
        second = job.start()
        self.assertEqual(second.wait(PATIENCE), 0, job.errors.read_text())
        kept = {path: path.read_bytes() for path in self.kept(job) if path.name not in may_change}
        job.errors, job.log = files
        ended = self.wake(job, process, sleepers)
        for path, content in kept.items():
            self.assertEqual(path.read_bytes(), content, f"{path} was changed by the zombie: {ended}")
        self.assertEqual(ended.code, 3, ended)
        self.assertRegex(ended.errors, TAKEN_OVER)
        # A line that it had begun to write names a part that is gone: it counts for nothing.
        third = job()
        self.assertEqual(third.code, 0, third)
        job.check_end(third, ledger, self.reference.frames)
        return ended

    @staticmethod
    def kept(job):
        """All files of the new owner's."""
        return [path for path in job.run.rglob("*") if path.is_file() and "e0001" not in str(path.relative_to(job.run))
                and path.name != "0001.json"]

    def test_one_that_is_stopped_while_it_seals_leaves_no_part(self):
        for moment in ("stop-before", "stop-after"):
            for point in ("part.rename", "part.write", "part.create")[:3 if LONG else 1]:
                with self.subTest(point=point, moment=moment):
                    self.haunt(point, 2, moment)

    def test_one_that_is_stopped_before_its_line_journals_what_counts_for_nothing(self):
        # Two items a part: the fourth line of a journal is after the starts and the first part's.
        for number in (4, 5, 6) if LONG else (5,):
            with self.subTest(number):
                self.haunt("journal.write", number, "stop-before")

    def test_one_that_is_stopped_before_it_begins_writes_nothing_over_the_new_owners_files(self):
        self.haunt("status.create", 1, "stop-before")

    def test_one_that_is_stopped_when_it_ends_leaves_the_new_owners_outcome(self):
        # After its last line, and at the index, which says the same whoever writes it.
        self.haunt("journal.fsync", 5, "stop-after")
        if LONG:
            self.haunt("index.open", 1, "stop-before", may_change=("results.h5",))

    def test_a_rank_of_several_that_is_stopped_while_it_seals(self):
        for rank in (0, 1) if LONG else (1,):
            with self.subTest(rank=rank):
                self.haunt("part.rename", 1, "stop-before", ranks=2, rank=rank)


class TwoAtOnce(unittest.TestCase):
    def test_one_works_and_the_other_finds_all_done(self):
        with tempfile.TemporaryDirectory(prefix="ditmill-two-") as folder:
            reference = Reference(pathlib.Path(folder), items=8, seconds=0.02)
            for _ in range(4 if LONG else 1):
                job, ledger = reference.new()
                first = job.start()
                first_files = job.errors, job.log
                second = job.start()
                ended = [job.end(second, alone=False)]
                job.errors, job.log = first_files
                ended.append(job.end(first))
                self.assertEqual([each.code for each in ended], [0, 0], ended)
                self.assertEqual(len(list((job.run / "journal").iterdir())), 2)
                lines = [len(path.read_bytes()) for path in sorted((job.run / "journal").iterdir())]
                self.assertGreater(lines[0], 0)
                self.assertEqual(lines[1], 0, "the second had something left to do")
                job.check_end(ended[0], ledger, reference.frames)

    if LONG:  # it waits for 40 s; epoch_test does the same in one
        def test_one_works_and_the_other_gives_up_naming_it(self):
            with tempfile.TemporaryDirectory(prefix="ditmill-two-") as folder:
                reference = Reference(pathlib.Path(folder), items=8, seconds=0)
                job, ledger = reference.new()
                manifest = json.loads(job.manifest.read_text())
                job.manifest.write_text(json.dumps(dict(manifest, model={"noop": 7.5})))
                first = job.start()
                first_files = job.errors, job.log
                time.sleep(0.2)
                second = job.start()
                ended = job.end(second, alone=False)
                winner = json.loads(job.newest_epoch().read_text())["pid"]
                self.assertIn(ended.code, (0, 3))
                job.errors, job.log = first_files
                other = job.end(first)
                self.assertEqual(sorted([ended.code, other.code]), [0, 3], (ended, other))
                loser = ended if ended.code == 3 else other
                self.assertRegex(loser.errors, rf"take over a run directory .*epochs/0001\.json.* pid {winner} on .* alive \d+ ms ago")
                self.assertEqual([path.name for path in (job.run / "epochs").iterdir()], ["0001.json"])
                job.check_end(other if ended.code == 3 else ended, ledger, reference.frames)


if __name__ == "__main__":
    unittest.main()
