"""The batch script by itself, with commands of Slurm's that only look like them: signals at every moment of a start,
and what its user may have done to bash and to names."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import ditmill
from submission import write_manifest

COMMANDS = {
    "squeue": 'touch "$ASKED_QUEUE"; sleep "${QUEUE_TAKES:-0}"; [[ $* != *%S* ]] || echo N/A N/A',
    "scontrol": 'case "$1" in requeue) echo "$2" >>"$REQUEUED" ;; show) [[ $2 != config ]] || echo "KillWait = 5 sec" ;; esac',
    "sbatch": "exit 1",
    "srun": "exit 0",
}


class ScriptTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="ditmill-script-")
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name)
        self.run_directory = self.path / "run"
        commands = self.path / "bin"
        commands.mkdir()
        for name, text in COMMANDS.items():
            (commands / name).write_text(f"#!/bin/bash\n{text}\n")
            (commands / name).chmod(0o755)
        self.environment = dict(ditmill.ENVIRONMENT, PATH=f"{commands}:{os.environ['PATH']}", SLURM_JOB_NODELIST="n1",
                                SLURM_JOB_ID="7", SLURM_JOB_NUM_NODES="1", SLURM_NNODES="1", REQUEUED=f"{self.path}/requeued",
                                ASKED_QUEUE=f"{self.path}/squeue-began")

    def script(self, items=8, seconds=0.1, **settings):
        manifest = write_manifest(
            self.path, seconds, items, requests={"file": str(self.path / "list.txt")}, output={"path": str(self.run_directory)},
            slurm={"nodes": 1, "ranks_per_node": 1, **settings})
        text = ditmill.ditmill("submit", manifest, "--print-script").stdout
        (self.run_directory / "submit").mkdir(parents=True)
        (self.run_directory / "logs").mkdir()
        shutil.copy(manifest, self.run_directory / "submit")
        (self.run_directory / "submit" / "job.sh").write_text(text)
        with open(self.path / "log", "w", encoding="utf-8") as log:
            process = subprocess.Popen(["bash", self.run_directory / "submit" / "job.sh"], env=self.environment, stdout=log,
                                       stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        self.addCleanup(lambda: process.poll() is None and os.killpg(process.pid, signal.SIGKILL))
        return process

    def log(self):
        return (self.path / "log").read_text()

    def wait_for(self, there):
        deadline = time.monotonic() + 120
        while not there():
            self.assertLess(time.monotonic(), deadline, self.log())
            time.sleep(0.02)

    def requeued(self):
        return (self.path / "requeued").exists()

    def test_a_prologue_may_make_bash_strict(self):
        process = self.script(prologue="set -euo pipefail\nrun=mine; first=mine; options=mine\n")
        self.assertEqual(process.wait(120), 0, self.log())
        self.assertEqual(ditmill.outcome(self.run_directory)["done"], 8)

    def test_a_rank_is_started_anew_in_a_run_directory_with_any_name(self):
        self.run_directory = self.path / "a [1] * run"
        process = self.script(items=30)
        self.wait_for(lambda: list(self.run_directory.glob("parts/*/*.h5")))
        os.kill(self.rank(), signal.SIGKILL)
        self.assertEqual(process.wait(120), 0, self.log())
        self.assertIn("crash 1 of at most 3; started again", self.log())

    def rank(self):
        """The pid of the one rank."""
        return int(json.loads((sorted(self.run_directory.glob("epochs/*.json"))[-1]).read_text())["pid"])

    def test_a_cancel_while_the_controller_is_slow_is_not_forgotten(self):
        self.environment["QUEUE_TAKES"] = "2"
        process = self.script(items=100)
        self.wait_for((self.path / "squeue-began").exists)
        process.send_signal(signal.SIGUSR1)
        self.assertEqual(process.wait(120), 75, self.log())
        self.assertIn("cancelled", self.log())
        self.assertFalse(self.requeued())

    def test_a_job_that_is_ended_for_good_stays_so_where_a_warning_comes_too(self):
        for name in ("USR1", "TERM"):
            with self.subTest(first=name):
                self.run_directory = self.path / f"run-{name}"
                process = self.script(items=100, seconds=1)  # at work until it has met the second signal, too
                self.wait_for(lambda: list(self.run_directory.glob("parts/*/*.h5")))
                process.send_signal(signal.Signals["SIG" + name])
                self.wait_for(lambda: "cancelled: " in self.log())
                process.send_signal(signal.SIGUSR2)
                self.assertEqual(process.wait(120), 75, self.log())
                self.assertIn("warned by Slurm", self.log())
                self.assertFalse(self.requeued(), self.log())

    def test_a_warning_at_any_moment_of_the_start_leads_back_to_the_queue(self):
        process = self.script(items=400)
        self.wait_for(lambda: "job 7 on n1" in self.log())
        time.sleep(0.05 * (int(time.time() * 1000) % 8))
        process.send_signal(signal.SIGUSR2)
        self.assertEqual(process.wait(120), 75, self.log())
        self.assertTrue(self.requeued(), self.log())


if __name__ == "__main__":
    unittest.main()
