"""Runs that end early on a real Slurm cluster: they go back to the queue, or wait for the next submit, and resume."""

import json
import os
import signal
import unittest

import ditmill
from submission import SubmissionTest


class RequeueTest(SubmissionTest):
    def test_a_cancelled_run_ends_in_order_and_resumes_by_the_next_submit(self):
        manifest = self.manifest(seconds=0.3, items=100)
        job = self.submit(manifest)
        self.wait_for_items(5)
        self.assertIn(f"job {job} finishes what fits", self.ditmill("cancel", self.run_directory).stdout)
        self.assertEqual(self.ended(job, "FAILED")["ExitCode"], "75:0")
        outcome = ditmill.outcome(self.run_directory)
        self.assertEqual(outcome["exit"], 75, self.log())
        self.assertEqual(set(self.records("start")), set(self.records("done")), "an item in hand was dropped")
        self.assertEqual(self.cluster.job(job)["Restarts"], "0")
        again = self.submit(manifest)
        self.assertNotEqual(again, job)
        self.ended(again, "COMPLETED")
        self.assert_done_once(100)
        self.assertIn("none", self.ditmill("cancel", self.run_directory, code=1).stderr)

    def test_usr2_sends_the_job_back_to_the_queue_and_it_ends_there(self):
        job = self.submit(self.manifest(seconds=0.3, items=100))
        self.wait_for_items(20)
        self.cluster.run("scancel", "--batch", "--signal=USR2", job)
        facts = self.ended(job, "COMPLETED")
        self.assertEqual(facts["Restarts"], "1", self.log())
        self.assertIn("exit 75; back to the queue, restart 1 of at most 3", self.log())
        self.assert_done_once(100)
        self.assertEqual(len(list(self.run_directory.glob("epochs/*.json"))), 2)

    def test_a_job_goes_back_to_the_queue_no_more_often_than_it_may(self):
        job = self.submit(self.manifest(seconds=0.3, items=100, slurm={"max_restarts": 0}))
        self.wait_for_items(5)
        self.cluster.run("scancel", "--batch", "--signal=USR2", job)
        self.assertEqual(self.ended(job, "FAILED")["ExitCode"], "75:0")

    def test_a_successor_goes_on_where_a_job_may_not_be_requeued(self):
        job = self.submit(self.manifest(seconds=0.3, items=100), "--", "--comment=mine")
        self.wait_for_items(20)
        self.cluster.run("scontrol", "update", f"JobId={job}", "Requeue=0")
        self.cluster.run("scancel", "--batch", "--signal=USR2", job)
        self.assertEqual(self.ended(job, "FAILED")["ExitCode"], "75:0")
        next_job = json.loads((self.run_directory / "submit" / "job.json").read_text())["job_id"]
        self.assertIn(f"job {next_job} goes on with it", self.log())
        self.assertEqual(self.ended(next_job, "COMPLETED")["Comment"], "mine")
        self.assert_done_once(100)
        self.assertEqual(json.loads(self.ditmill("status", self.run_directory, "--json").stdout)["slurm"]["jobs"][0]["job_id"],
                         next_job)

    def test_successors_are_no_more_than_may_be(self):
        job = self.submit(self.manifest(seconds=0.3, items=100, slurm={"max_restarts": 1}))
        for successor in (True, False):
            self.wait_for_items(5)
            self.cluster.wait_for(job, "RUNNING")
            begun = len(self.records("done"))
            self.wait_for_items(begun + 3)
            self.cluster.run("scontrol", "update", f"JobId={job}", "Requeue=0")
            self.cluster.run("scancel", "--batch", "--signal=USR2", job)
            self.ended(job, "FAILED")
            after = json.loads((self.run_directory / "submit" / "job.json").read_text())["job_id"]
            self.assertEqual(after != job, successor, self.log())
            job = after

    def test_a_lost_rank_is_started_anew_in_the_allocation(self):
        for launcher in ("mpirun", "srun"):
            with self.subTest(launcher=launcher):
                self.run_directory = self.path / launcher
                job = self.submit(self.manifest(seconds=0.3, items=120, slurm={"launcher": launcher}), "--run-dir",
                                  self.run_directory)
                self.wait_for_items(5)
                status = json.loads(self.ditmill("status", self.run_directory, "--json").stdout)
                os.kill(status["ranks"][-1]["pid"], signal.SIGKILL)
                self.assertEqual(self.ended(job, "COMPLETED")["Restarts"], "0", self.log())
                self.assertIn("crash 1 of at most 3; started again", self.log())
                self.assert_done_once(120)

    def test_srun_launches_and_is_told_like_mpirun(self):
        job = self.submit(self.manifest(seconds=0.3, items=100), "--set", "slurm.launcher=srun")
        self.wait_for_items(20)
        self.cluster.run("scancel", "--batch", "--signal=USR2", job)
        facts = self.ended(job, "COMPLETED")
        self.assertEqual(facts["Restarts"], "1", self.log())
        self.assertIn("srun --mpi=pmix", self.log())
        self.assert_done_once(100)


if __name__ == "__main__":
    unittest.main()
