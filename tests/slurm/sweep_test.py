"""`bench sweep` on a real cluster: as jobs of its own, and inside one that reports, too."""

import json
import pathlib
import subprocess
import tempfile
import unittest

import ditmill
import slurm


class SweepTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = cls.enterClassContext(slurm.Cluster())
        cls.path = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="ditmill-sweep-")))
        ditmill.ditmill("weights", "synth", "--like", "wan2.1-t2v-1.3b", "--scale", "tiny", cls.path / "model")
        cls.sweep = ["bench", "sweep", cls.path / "model", "--component", "vae", "--repeats", "1", "--warmup", "0",
                     "--strategy", "broadcast,striped"]

    def check(self, out, where, nodes):
        told = json.loads(out.read_text())
        self.assertEqual((told["where"], [load["nodes"] for load in told["loads"]]), (where, nodes))
        self.assertEqual(told["loads"][-1]["ranks"], 2 * nodes[-1])
        self.assertEqual({run["strategy"] for run in told["loads"][-1]["runs"]}, {"broadcast", "striped"})

    def test_a_job_sweeps_over_its_nodes_and_reports(self):
        out, report = self.path / "in.json", self.path / "report"
        words = [self.sweep + ["--hot", "--nodes", "1,3", "--ranks-per-node", "2", "--out", out],
                 ["bench", "report", out, "--out", report],
                 ["bench", "sweep", self.path / "model", "--nodes", "4"]]  # more than it has
        first, second, third = (" ".join(map(str, [ditmill.DITMILL, *each])) for each in words)
        job = self.cluster.run("sbatch", "--parsable", "--nodes=3", "--ntasks-per-node=2", f"--output={self.path}/log",
                               f"--wrap={first} && {second} && ! {third}").strip()
        facts = self.cluster.wait_for(job, "COMPLETED", "FAILED")
        log = (self.path / "log").read_text()
        self.assertEqual(facts["JobState"], "COMPLETED", log)
        self.check(out, "allocation", [1, 3])
        self.assertIn("at most the 3 nodes of this allocation", log)
        self.assertIn("| 3 | 6 | striped |", (report / "loading.md").read_text())

    def test_without_an_allocation_it_submits_a_job_a_number_of_nodes(self):
        out = self.path / "out.json"
        words = [ditmill.DITMILL, *self.sweep, "--hot", "--nodes", "1,2", "--ranks-per-node", "2", "--sbatch=--partition=short",
                 "--out", out]
        # Two jobs one after the other, on cores that others use, too.
        done = subprocess.run([str(word) for word in words], env=self.cluster.environment, capture_output=True, text=True,
                              timeout=240, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("| 2 | 4 | broadcast |", done.stdout)
        self.check(out, "slurm", [1, 2])
        self.assertEqual(list(self.path.glob("out.json.jobs-*")), [])

    def test_a_job_that_gives_nothing_is_told_with_its_log_and_the_rest_is_cancelled(self):
        bad = [str(word) for word in self.sweep if word != "vae"]
        bad[bad.index("--component") + 1:bad.index("--component") + 1] = ["absent"]
        done = self.cluster.run(ditmill.DITMILL, *bad, "--nodes", "1,2", "--out", self.path / "bad.json", code=3)
        self.assertEqual(done, "")
        self.assertEqual(self.cluster.run("squeue", "--noheader", "--states=PENDING,RUNNING").strip(), "")


if __name__ == "__main__":
    unittest.main()
