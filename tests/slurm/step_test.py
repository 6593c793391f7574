"""Ranks in steps of a real Slurm's, with PMIx and without; runs by hand in their shells; and jobs that are submitted
from there."""

import os
import pty
import subprocess
import threading
import unittest

import ditmill
from submission import SubmissionTest


class StepTest(SubmissionTest):
    CLUSTER = {"nodes": 2, "cpus": 4}

    def setUp(self):
        super().setUp()
        self.job = self.manifest(seconds=0.01, items=6)
        self.words = [ditmill.DITMILL, "run", str(self.job), "--threads", "1"]
        self.environment = dict(self.cluster.environment, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")

    def start(self, *words, **more):
        return subprocess.run([str(word) for word in words], env=self.environment, capture_output=True, text=True, timeout=120,
                              cwd=self.path, check=False, **more)

    def assert_run(self, done):
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assert_done_once(6)

    def test_tasks_without_pmix_end_at_once_and_what_they_say_works(self):
        for mpi in ("none", "pmi2"):
            with self.subTest(mpi=mpi):
                done = self.start("srun", f"--mpi={mpi}", "-n", "3", *self.words)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn("srun --mpi=pmix", done.stderr)
                self.assertIn("mpirun -n 3", done.stderr)
                self.assertFalse((self.run_directory / "epochs").exists())
        listed = self.start("srun", "--mpi=list")
        self.assertIn("pmix", listed.stdout + listed.stderr)
        self.assert_run(self.start("srun", "--mpi=pmix", "-n", "3", *self.words))

    def test_mpirun_in_an_allocation_works_as_said(self):
        self.assert_run(self.start("salloc", "--quiet", "-n", "3", "mpirun", "-n", "3", *self.words))

    def test_a_lone_task_runs_by_itself(self):
        self.assert_run(self.start("srun", "-n", "1", *self.words))
        again = self.start("srun", "--mpi=pmix", "-n", "1", "bash", "-c", f"{' '.join(self.words)} && {' '.join(self.words)}")
        self.assertEqual(again.returncode, 0, again.stderr)  # PMIx takes leave of a task once

    def in_terminal(self, *words):
        """Runs a command with a terminal of its own; its exit code and what it showed."""
        leader, follower = pty.openpty()
        shown = []

        def read():
            try:
                while data := os.read(leader, 65536):
                    shown.append(data)
            except OSError:  # the other end is closed
                pass

        reader = threading.Thread(target=read)
        reader.start()
        done = subprocess.run(words, env=self.environment, stdin=follower, stdout=follower, stderr=follower, timeout=120,
                              cwd=self.path, check=False)
        os.close(follower)
        reader.join()
        os.close(leader)
        return done.returncode, b"".join(shown).decode()

    def test_by_hand_in_the_shell_of_a_terminal_a_run_is_alone_though_the_step_has_more_tasks(self):
        for mpi in ("none", "pmix"):
            with self.subTest(mpi=mpi):
                # As at a prompt of `srun --pty bash` in `salloc -n 3`; the other tasks' shells have no terminal, and end.
                shell = f'[ "$SLURM_PROCID" = 0 ] || exit 0; {" ".join(self.words)}; code=$?; {" ".join(self.words)} --np 2 && exit $code'
                code, shown = self.in_terminal("srun", f"--mpi={mpi}", "-n", "3", "--pty", "bash", "-c", shell)
                self.assertEqual(code, 0, shown)
                self.assert_done_once(6)

    def test_a_job_inherits_nothing_of_the_step_that_it_is_submitted_from(self):
        manifest = self.manifest(slurm={"prologue": "env >seen", "nodes": 1, "ranks_per_node": 1})
        shell = f"SLURM_RESTART_COUNT=4 SLURM_MEM_PER_CPU=7 {ditmill.DITMILL} submit {manifest}"
        done = self.start("srun", "--mpi=pmix", "-n", "1", "--cpus-per-task=3", "bash", "-c", shell)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.ended(done.stdout.strip(), "COMPLETED")
        seen = dict(line.split("=", 1) for line in (self.path / "seen").read_text().splitlines() if "=" in line)
        leaked = {name for name in seen if name.startswith(("SLURM_STEP", "SLURM_SRUN", "PMIX_", "SLURM_CPUS_PER", "SLURM_MEM"))}
        self.assertEqual(leaked | ({"SLURM_RESTART_COUNT"} & set(seen)), set())
        self.assertEqual(seen["SLURM_JOB_ID"], done.stdout.strip())

    def test_what_its_user_sets_for_looks_of_his_own_and_for_exports_breaks_nothing(self):
        self.environment.update(SQUEUE_STATES="PENDING", SQUEUE_FORMAT="%i", SCANCEL_STATE="PENDING", SLURM_TIME_FORMAT="relative",
                                SBATCH_EXPORT="NONE", SQUEUE_USERS="nobody")
        manifest = self.manifest(seconds=0.2, items=200, slurm={"nodes": 2, "ranks_per_node": 1})
        job = self.start(ditmill.DITMILL, "submit", manifest, "--", f"--chdir={self.path}").stdout.strip()
        self.wait_for_items(2)
        self.assertIn(f"job {job}, RUNNING", self.start(ditmill.DITMILL, "submit", manifest).stderr)
        self.assertIn(f"job {job} finishes what fits", self.start(ditmill.DITMILL, "cancel", self.run_directory).stdout)
        self.ended(job, "FAILED")  # 75


if __name__ == "__main__":
    unittest.main()
