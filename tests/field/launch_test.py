"""What launchers and the shells in allocations bring: variables that are not for the next job, and ranks that were
started together and have no common world."""

import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import ditmill

# As a shell has them inside `salloc` and `srun`, in a rank of mpirun's, and in one of another MPI's launcher.
ALLOCATION = {"SLURM_JOB_ID": "31", "SLURM_JOBID": "31", "SLURM_JOB_NODELIST": "n1", "SLURM_NODELIST": "n1",
              "SLURM_TASKS_PER_NODE": "8", "SLURM_NTASKS": "8", "SLURM_NPROCS": "8", "SLURM_MEM_PER_CPU": "100",
              "SLURM_CPUS_PER_TASK": "1", "SLURM_JOB_NAME": "interactive", "SLURM_GPUS_PER_NODE": "1",
              "SLURM_CLUSTER_NAME": "c", "SLURM_SUBMIT_DIR": "/", "SLURM_HINT": "nomultithread"}
STEP = {"SLURM_STEP_ID": "0", "SLURM_STEPID": "0", "SLURM_STEP_NUM_TASKS": "1", "SLURM_PROCID": "0",
        "SLURM_STEP_NODELIST": "n1", "SLURM_LOCALID": "0", "SLURM_TASK_PID": "1", "SLURM_CPU_BIND": "quiet,mask_cpu:0x1",
        "SLURM_PTY_PORT": "4711", "SLURM_UMASK": "0022", "SLURMD_NODENAME": "n1", "SRUN_DEBUG": "3",
        "PMIX_RANK": "0", "PMIX_NAMESPACE": "slurm.pmix.31.0", "CUDA_VISIBLE_DEVICES": "0"}
RANK = {"OMPI_COMM_WORLD_SIZE": "1", "OMPI_COMM_WORLD_RANK": "0", "OMPI_UNIVERSE_SIZE": "1", "PMIX_RANK": "0",
        "OMPI_MCA_ess_base_vpid": "0", "OMPI_MCA_orte_hnp_uri": "1.0;tcp://127.0.0.1:1", "OMPI_MCA_orte_tmpdir_base": "/tmp"}
OTHER = {"PMI_RANK": "0", "PMI_SIZE": "1", "PMI_FD": "9", "MPI_LOCALRANKID": "0", "MPI_LOCALNRANKS": "1"}
USERS = {"SLURM_CONF": "/etc/slurm/slurm.conf", "SBATCH_ACCOUNT": "cats", "SBATCH_EXPORT": "ALL", "SLURM_TIME_FORMAT": "relative",
         "SQUEUE_STATES": "PENDING", "OMPI_MCA_btl": "self,tcp", "PMIX_MCA_gds": "hash", "SLURM_CLUSTERS": "big",
         "SRUN_CPUS_PER_TASK": "2"}

COMMANDS = {
    "sbatch": 'case " $* " in *" --test-only "*) env >"$SEEN.test" ;; *) env >"$SEEN.sbatch"; echo 4711 ;; esac',
    "squeue": 'env >"$SEEN.squeue"',
    "scontrol": "exit 0",
}


def shell_environment(**variables):
    """The tests' own, without what their shell may have of Slurm and of launchers."""
    own = {k: v for k, v in ditmill.ENVIRONMENT.items() if not re.match("SLURM|PMI|OMPI_COMM", k)}
    return dict(own, **variables)


class LaunchTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="ditmill-launch-")
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name)
        (self.path / "list.txt").write_text("".join(f"prompt {i}\n" for i in range(6)))
        (self.path / "job.yaml").write_text(
            "schema: 1\nname: job\nmodel: {noop: 0.01}\n"
            "requests: {defaults: {width: 32, height: 16, frames: 1, seed: 1}, file: list.txt}\n"
            "output: {path: run}\nslurm: {nodes: 1, ranks_per_node: 2, time: 5}\n")

    def start(self, *words, launcher=(), **variables):
        return subprocess.run([*launcher, ditmill.DITMILL, *map(str, words)], env=shell_environment(**variables),
                              capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, check=False)

    def run_job(self, *words, **more):
        return self.start("run", self.path / "job.yaml", "--threads", "1", *words, **more)

    def side_by_side(self, environments, *words):
        """One process of `ditmill run` an environment, at the same time; all they said."""
        with concurrent.futures.ThreadPoolExecutor(len(environments)) as pool:
            return list(pool.map(lambda variables: self.run_job(*words, **variables), environments))

    def ran(self):
        return (self.path / "run" / "epochs").exists()

    def assert_done(self, done):
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(ditmill.outcome(self.path / "run")["done"], 6)

    # ---- what a job inherits

    def commands(self):
        tools = self.path / "bin"
        tools.mkdir()
        for name, text in COMMANDS.items():
            (tools / name).write_text(f"#!/bin/bash\n{text}\n")
            (tools / name).chmod(0o755)
        return {"PATH": f"{tools}:{os.environ['PATH']}", "SEEN": str(self.path / "seen")}

    def seen(self, command):
        lines = (self.path / f"seen.{command}").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def test_a_job_inherits_nothing_of_the_allocation_step_or_launcher_that_it_is_submitted_from(self):
        commands = self.commands()
        shells = {"salloc": ALLOCATION, "srun": ALLOCATION | STEP, "mpirun": RANK, "mpiexec": OTHER,
                  "mpirun in srun": ALLOCATION | STEP | RANK, "leftovers": {"SLURM_CPUS_PER_TASK": "1", "SLURM_STEP_ID": "0"}}
        for number, (name, variables) in enumerate(shells.items()):
            with self.subTest(shell=name):
                done = self.start("submit", self.path / "job.yaml", "--run-dir", self.path / f"run{number}",
                                  **commands, **USERS, **variables)
                self.assertEqual((done.returncode, done.stdout), (0, "4711\n"), done.stderr)
                for command in ("sbatch", "test", "squeue"):
                    seen = self.seen(command)
                    self.assertEqual(set(variables) & set(seen), set(), command)
                    users = {k: v for k, v in USERS.items()
                             if command != "squeue" or k not in ("SQUEUE_STATES", "SLURM_TIME_FORMAT")}
                    self.assertEqual({k: v for k, v in seen.items() if k in USERS}, users, command)

    def test_outside_an_allocation_what_could_be_an_allocations_is_the_users(self):
        users = {"SLURM_HINT": "nomultithread", "SLURM_CPU_BIND": "none", "CUDA_VISIBLE_DEVICES": "1",
                 "OMPI_MCA_orte_tmpdir_base": "/local"}
        self.start("submit", self.path / "job.yaml", **self.commands(), **users)
        self.assertLessEqual(users.items(), self.seen("sbatch").items())

    # ---- ranks without a common world

    def check_none_runs(self, environments, *words):
        for done in self.side_by_side(environments, *words):
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertRegex(done.stderr, "^ditmill: start the ranks( \\(--np\\))?: ")
        self.assertFalse(self.ran())
        return done.stderr

    def tasks(self, count, **more):
        return [{"SLURM_JOB_ID": "77", "SLURM_STEP_ID": "0", "SLURM_NTASKS": f"{count}", "SLURM_STEP_NUM_TASKS": f"{count}",
                 "SLURM_PROCID": f"{i}", "SLURM_LOCALID": f"{i}", **more} for i in range(count)]

    def test_tasks_of_srun_without_pmix_end_at_once_and_say_how_to_start_them(self):
        said = self.check_none_runs(self.tasks(3))
        self.assertIn("srun --mpi=pmix", said)
        self.follow_mpirun(said)

    def test_ranks_of_another_mpis_launcher_end_at_once_and_say_how_to_start_them(self):
        for name, variables in {"hydra": {"PMI_SIZE": "2", "MPI_LOCALNRANKS": "2"}, "pals": {"PMI_SIZE": "2"}}.items():
            with self.subTest(launcher=name):
                said = self.check_none_runs([dict(variables, PMI_RANK=str(i)) for i in range(2)])
                self.assertIn("this MPI's own launcher: mpirun -n 2", said)
        self.follow_mpirun(said)

    def follow_mpirun(self, said):
        words = re.search(r"mpirun -n \d+", said)[0].split()
        self.assert_done(self.run_job(launcher=words, OMPI_MCA_orte_tmpdir_base=str(self.path)))

    def test_several_that_would_each_start_ranks_end_at_once_and_say_how_to_start_them(self):
        said = self.check_none_runs(self.tasks(2), "--np", "2")
        self.assertIn("start it without srun", said)
        self.assert_done(self.run_job("--np", "2"))

    def test_every_command_of_ranks_tells_so(self):
        for words in (["bench", "comm"], ["doctor", "--seconds", "5"], ["results", "replay", self.path / "run", "000000"]):
            with self.subTest(command=words[0]):
                done = self.start(*words, **self.tasks(2)[1])
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn("srun --mpi=pmix", done.stderr)

    # ---- one that is alone is not refused

    def test_a_run_by_hand_is_alone_whatever_its_shell_has(self):
        terminal = ALLOCATION | STEP | {"SLURM_STEP_NUM_TASKS": "8"}
        shells = {"salloc": ALLOCATION, "sbatch": ALLOCATION | {"SLURM_PROCID": "0", "SLURM_TASK_PID": "1"},
                  "srun --pty": terminal, "only task": ALLOCATION | STEP}
        for name, variables in shells.items():
            with self.subTest(shell=name):
                self.assert_done(self.run_job(**variables))

    def test_np_starts_ranks_from_any_shell_that_is_alone(self):
        for name, variables in {"srun --pty": STEP | {"SLURM_STEP_NUM_TASKS": "8"}, "mpirun": RANK, "mpiexec": OTHER}.items():
            with self.subTest(shell=name):
                self.assert_done(self.run_job("--np", "2", **variables))

    def test_check_takes_the_world_of_the_launcher_and_not_of_the_shell(self):
        for world, variables in ((3, self.tasks(3)[1]), (4, OTHER | {"PMI_SIZE": "4"}), (5, RANK | {"OMPI_COMM_WORLD_SIZE": "5"}),
                                 (1, ALLOCATION), (1, ALLOCATION | STEP | {"SLURM_STEP_NUM_TASKS": "8"})):
            with self.subTest(variables=variables):
                variables = {k: v for k, v in variables.items() if "NODE" not in k}
                done = self.run_job("--check", "--json", **variables)
                self.assertEqual(json.loads(done.stdout)["world"], world, done.stderr)


if __name__ == "__main__":
    unittest.main()
