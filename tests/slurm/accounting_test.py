"""What Slurm's accounts say of runs, and what `ditmill status` says beside its own, with the controller there or away."""

import json
import os
import signal
import unittest

from submission import SubmissionTest
from waiting import until


class StatusTest(SubmissionTest):
    def status(self):
        return json.loads(self.ditmill("status", self.run_directory, "--json").stdout)

    def text(self):
        return self.ditmill("status", self.run_directory).stdout

    def stop_controller(self):
        pid = int((self.cluster.folder / "run" / "slurmctld.pid").read_text())
        os.kill(pid, signal.SIGKILL)

    def accounts(self, job, complete):
        """The rows of a job and its steps, oldest start first, once `complete` is true of them: they come a little late."""
        rows = []

        def there():
            rows[:] = [dict(zip(("job", "name", "state", "exit", "seconds", "nodes", "line"), line.split("|")))
                       for line in self.cluster.run(
                           "sacct", "--noheader", "--parsable2", "--duplicates", f"--jobs={job}",
                           "--format=JobID,JobName,State,ExitCode,ElapsedRaw,NNodes,SubmitLine").splitlines()]
            return complete(rows)

        until(there, f"the accounts of job {job}")
        return rows


class AccountingTest(StatusTest):
    CLUSTER = {"accounting": True}

    def test_accounts_show_a_run_by_its_name_its_starts_and_its_end(self):
        job = self.submit(self.manifest(seconds=0.4, items=100, slurm={"launcher": "srun"}))
        self.wait_for_items(20)
        self.cluster.run("scancel", "--batch", "--signal=USR2", job)
        self.ended(job, "COMPLETED")
        rows = self.accounts(job, lambda rows: any(r["state"] == "COMPLETED" for r in rows if r["job"] == job))
        first, last = [row for row in rows if row["job"] == job]
        self.assertEqual((first["name"], first["state"]), ("job", "REQUEUED"))
        self.assertEqual((last["name"], last["state"], last["exit"], last["nodes"]), ("job", "COMPLETED", "0:0", "2"))
        self.assertGreater(int(last["seconds"]), 0)
        self.assertIn(str(self.run_directory), last["line"], "the run directory is there to be found")
        self.assertEqual([r["name"] for r in rows if r["job"] == f"{job}.0"], ["ditmill-engine"] * 2)

    def test_accounts_show_the_exit_code_of_a_run_that_ends_for_good(self):
        too_large = [{"prompt": f"p{i}", **({"width": 16384, "height": 16384, "frames": 9997} if i == 0 else {})}
                     for i in range(4)]
        self.manifest()
        (self.path / "large.jsonl").write_text("".join(json.dumps(line) + "\n" for line in too_large))
        cases = [({"requests": {"file": "large.jsonl"}}, "2:0"),
                 ({"seconds": 0.4, "items": 100, "slurm": {"max_restarts": 0}}, "75:0"),
                 ({"slurm": {"prologue": "exit 3"}}, "3:0")]
        for number, (changes, code) in enumerate(cases):
            with self.subTest(code=code):
                self.run_directory = self.path / f"run{number}"
                job = self.submit(self.manifest(**changes), "--run-dir", self.run_directory)
                if code == "75:0":
                    self.wait_for_items(5)
                    self.cluster.run("scancel", "--batch", "--signal=USR2", job)
                self.ended(job, "FAILED")
                rows = self.accounts(job, lambda rows: any(r["state"] == "FAILED" for r in rows))
                self.assertEqual([(r["state"], r["exit"]) for r in rows if r["job"] == job], [("FAILED", code)])


class WithoutControllerTest(StatusTest):
    """Each with a cluster of its own, which it breaks."""

    CLUSTER = {"accounting": True, "nodes": 2}

    def cancel_all(self):
        """Nobody is there to do it."""

    def test_status_reads_the_accounts_where_the_controller_does_not_answer(self):
        job = self.submit(self.manifest(items=8))
        self.ended(job, "COMPLETED")
        seen = self.status()["slurm"]["jobs"][0]
        self.assertEqual((seen["state"], seen["exit_code"], seen["accounted"]), ("COMPLETED", "0:0", False))
        self.accounts(job, lambda rows: any(r["state"] == "COMPLETED" for r in rows if r["job"] == job))
        self.stop_controller()
        # On a busy machine the accounts may take longer than they are given.
        status = until(lambda: (seen := self.status())["slurm"]["jobs"] and seen, "a status with accounts")
        seen = status["slurm"]["jobs"][0]
        self.assertEqual((status["state"], seen["state"], seen["exit_code"], seen["accounted"]),
                         ("finished", "COMPLETED", "0:0", True))


class QueueTest(StatusTest):
    def test_status_tells_a_queued_run_from_a_crashed_one_and_lives_without_slurm(self):
        manifest = self.manifest(seconds=0.4, items=200)
        job = self.submit(manifest, "--", "--begin=now+1hour")
        status = self.status()
        self.assertEqual((status["state"], status["epoch"], status["total"]), ("waiting", 0, None))
        self.assertEqual(status["slurm"]["jobs"][0]["reason"], "BeginTime")
        self.assertRegex(self.text(), f"Slurm: job {job} PENDING .BeginTime., expected to start 20")
        self.cluster.run("scontrol", "update", f"JobId={job}", "StartTime=now")
        self.wait_for_items(5)
        status = self.status()
        seen = status["slurm"]["jobs"][0]
        self.assertEqual((status["state"], seen["state"], seen["restarts"]), ("running", "RUNNING", 0))
        self.assertTrue(0 < seen["time_left_s"] <= 600 and seen["nodes"], seen)
        self.cluster.run("scancel", job)
        self.ended(job, "CANCELLED")
        status = self.status()
        self.assertIn(status["state"], ("stopped", "crashed"))
        self.assertEqual(status["slurm"]["jobs"][0]["state"], "CANCELLED")
        self.stop_controller()
        self.assertIn("Slurm: Slurm's controller does not answer", self.text())
        for deaf in ("scontrol", "sacct"):
            (self.path / deaf).write_text("#!/bin/sh\nexec sleep infinity\n")
            (self.path / deaf).chmod(0o755)
        path = self.cluster.environment["PATH"]
        self.cluster.environment["PATH"] = f"{self.path}:{path}"
        self.assertIn("Slurm: Slurm's controller does not answer", self.text(), "who never answers is not waited for")
        for deaf in ("scontrol", "sacct"):
            (self.path / deaf).unlink()
        self.cluster.environment["PATH"] = str(self.path)
        self.assertIsNone(self.status()["slurm"])

    def cancel_all(self):
        """Nobody is there to do it."""


if __name__ == "__main__":
    unittest.main()
