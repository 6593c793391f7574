"""Every point of README.md is met by a run, where the list says so, and none that it does not name."""

import pathlib
import tempfile
import unittest

import tiny
from faulty import Job, points

WRITTEN_WHOLE = ("manifest", "config", "part", "index", "outcome")


class Points(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="ditmill-points-")
        cls.addClassCleanup(folder.cleanup)
        cls.path = pathlib.Path(folder.name)
        cls.listed = points()

    def require(self, word, met):
        met = {point for _, point in met}
        wanted = {point for point, words in self.listed.items() if word in words}
        self.assertEqual(wanted - met, set(), f"listed as met at {word}, and not met")
        self.assertEqual(met - set(self.listed), set(), "met, and not listed")

    def test_a_first_start_and_every_start_meet_theirs(self):
        job = Job(self.path / "first", items=4)
        ended = job()
        self.assertEqual(ended.code, 0, ended)
        self.require("first", ended.points_met)
        self.require("start", ended.points_met)

    def test_a_start_after_a_kill_meets_theirs(self):
        job = Job(self.path / "killed", items=4)
        met = []
        for fault in ("epoch.write:1:kill-before", "requests.rename:1:kill-before", "part.rename:1:kill-before", ""):
            ended = job(faults=fault)
            self.assertEqual(ended.code, -9 if fault else 0, ended)
            met += ended.points_met
            job.let_time_pass()
        self.require("killed", met)

    def test_a_failed_write_meets_theirs(self):
        job = Job(self.path / "failed", items=4)
        met = []
        for fault in [f"{kind}.rename:1:EIO" for kind in WRITTEN_WHOLE] + ["journal.write:2:ENOSPC"]:
            ended = job(faults=fault)
            self.assertEqual(len(ended.fired), 1, ended)
            met += ended.points_met
            for path in job.run.rglob("*.h5"):  # so that the next start has something to write
                path.unlink()
        self.require("failed", met)

    def test_a_job_with_weights_meets_theirs(self):
        job = Job(self.path / "weights", items=2, **tiny.manifest(self.path, 1))
        ended = job()
        self.assertEqual(ended.code, 0, ended)
        self.require("weights", ended.points_met)

    def test_no_word_of_the_list_goes_untested(self):
        self.assertEqual(set().union(*self.listed.values()), {"first", "start", "killed", "failed", "weights"})


if __name__ == "__main__":
    unittest.main()
