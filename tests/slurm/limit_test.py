"""Runs that meet their time limit on a real Slurm cluster, with and without the warning before it."""

import unittest

import ditmill
from submission import SubmissionTest


# What a script that is deaf to USR2 has in the place of trap.
DEAF = "trap() { if [[ ${2-} == USR2 ]]; then builtin trap '' USR2; else builtin trap \"$@\"; fi; }\n"


class LimitTest(SubmissionTest):
    def limited(self, prologue, seconds, items):
        """A run of 8 ranks with a limit of a minute, to which no USR2 comes; the job's id."""
        return self.submit(self.manifest(seconds=seconds, items=items, slurm={
            "nodes": 4, "time": "1", "prologue": DEAF + prologue}))

    def test_a_run_stops_by_the_clock_before_its_time_limit_and_goes_on(self):
        job = self.limited("", seconds=7, items=80)
        facts = self.ended(job, "COMPLETED", within=240)
        self.assertEqual(facts["Restarts"], "1")
        self.assertIn("no further item would be finished before the time limit", self.log())
        self.assertNotIn("ended by Slurm", self.log())
        self.assertEqual(sorted(self.records("start")), sorted(self.records("done")), "an item was cut off")
        self.assert_done_once(80)

    def test_a_run_that_is_ended_at_its_time_limit_goes_back_to_the_queue(self):
        # As if it could not know the end of its allocation.
        job = self.limited("env() { exec \"${@:2}\"; }", seconds=0.9, items=900)
        facts = self.ended(job, "COMPLETED", within=400)
        self.assertIn(facts["Restarts"], ("1", "2"))
        self.assertIn("ended by Slurm: the time limit is reached", self.log())
        self.assertIn("back to the queue, restart 1 of at most 3", self.log())
        self.assert_done_once(900)


class WarningTest(SubmissionTest):
    def test_the_warning_before_the_limit_stops_a_run_and_it_goes_on(self):
        job = self.submit(self.manifest(seconds=0.9, items=600, slurm={"nodes": 4, "time": "1"}))
        self.ended(job, "COMPLETED", within=400)
        self.assertIn("warned by Slurm: the run finishes what fits, and stops", self.log())
        self.assertEqual(ditmill.outcome(self.run_directory)["left"], 0)
        self.assert_done_once(600)


if __name__ == "__main__":
    unittest.main()
