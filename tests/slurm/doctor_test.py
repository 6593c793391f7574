"""ditmill doctor inside allocations of a real cluster: nodes that are alike, and one that is made odd."""

import json
import pathlib
import tempfile
import unittest

import ditmill
import slurm
from submission import write_manifest

# Two GPUs a node; on the node named in the file beside it one.
NVIDIA_SMI = """\
#!/bin/sh
gpu="NVIDIA H100 80GB HBM3, 81559, 1980, 1980, 0x0000000000000000, 550.54.15"
echo "$gpu"
[ "$(hostname)" = "$(cat "${0%/*}/poor")" ] || echo "$gpu"
"""


class DoctorTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = cls.enterClassContext(slurm.Cluster())

    def setUp(self):
        self.path = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="ditmill-doctor-")))

    def doctor(self, *words, nodes=4, code, setup="true", seconds=20):
        """What it prints in an allocation that it is started in once, by the batch script. It takes no more of the
        seconds than it needs, but nodes that share two slow cores may need some."""
        out = self.path / "out"
        command = " ".join(map(str, [ditmill.DITMILL, "doctor", f"--seconds={seconds}", f"--dir={self.cluster.disk}", *words]))
        job = self.cluster.run("sbatch", "--parsable", f"--nodes={nodes}", "--ntasks-per-node=2", f"--output={out}",
                               "--error=" + str(self.path / "err"), f"--wrap={setup}; {command}").strip()
        facts = self.cluster.wait_for(job, "COMPLETED", "FAILED")
        text = out.read_text()
        self.assertEqual(facts["ExitCode"], f"{code}:0", text + (self.path / "err").read_text())
        return text

    def have_gpus(self, poor=""):
        tool = self.path / "nvidia-smi"
        tool.write_text(NVIDIA_SMI)
        tool.chmod(0o755)
        (self.path / "poor").write_text(poor)
        return f"PATH={self.path}:$PATH"

    def test_nodes_that_are_alike_are_said_to_be(self):
        report = json.loads(self.doctor("--json", code=0))
        self.assertEqual([node["host"] for node in report["nodes"]], self.cluster.nodes)
        self.assertEqual((report["findings"], report["exclude"], report["exit"]), ([], "", 0))
        for i, node in enumerate(report["nodes"]):
            self.assertEqual([rate > 0 for rate in node["pair_mb_s"]], [i != j for j in range(4)])
            self.assertGreater(node["write_mb_s"], 0)
            self.assertEqual(node["versions"]["launcher"], "mpirun")
            self.assertEqual(list(self.cluster.disk_of(node["host"]).iterdir()), [])

    def test_odd_nodes_are_named_with_the_reason_and_the_option_that_leaves_them_out(self):
        self.cluster = self.enterContext(slurm.Cluster())  # of its own: these nodes stay odd
        poor, small, full, _ = self.cluster.nodes
        self.cluster.mount(small, "/dev/shm", "64m")
        self.cluster.mount(full, self.cluster.disk, "1m")
        text = self.doctor(code=2, setup=self.have_gpus(poor))
        self.assertIn(f"{poor}: GPUs: 1, where most have 2\n", text)
        self.assertRegex(text, rf"{small}: /dev/shm: 0.0\d+ GB, where the median is ")
        self.assertRegex(text, rf"{full}: .*No space left")
        odd = sorted(text.splitlines()[-1].removeprefix("--exclude=").split(","))
        self.assertEqual(odd, sorted([poor, small, full]), text)
        manifest = write_manifest(self.path, 0, 2)
        job = self.cluster.run(ditmill.DITMILL, "submit", manifest, "--nodes=1", "--", text.splitlines()[-1]).strip()
        self.assertEqual(self.cluster.wait_for(job, "COMPLETED")["NodeList"], self.cluster.nodes[3])

    def test_a_node_with_too_few_gpus_is_named_even_of_one(self):
        node = self.cluster.nodes[0]
        setup = self.have_gpus(node)
        self.assertIn("nothing is wrong", self.doctor("--min-gpus=1", nodes=1, code=0, setup=setup))
        text = self.doctor("--min-gpus=2", nodes=1, code=2, setup=setup)
        self.assertIn(f"\n{node}: 1 GPUs, fewer than the 2 asked for\n", text)
        self.assertTrue(text.endswith(f"\n--exclude={node}\n"), text)

    def test_srun_may_start_it_too_and_is_said_to_be_dangerous(self):
        text = self.cluster.run("srun", "--mpi=pmix", "--nodes=2", "--ntasks-per-node=2", ditmill.DITMILL, "doctor",
                                "--seconds=20", "--json", f"--dir={self.cluster.disk}")
        report = json.loads(text)
        self.assertEqual([node["host"] for node in report["nodes"]], self.cluster.nodes[:2])
        self.assertIn("PMIxCollFence=ring", "".join(report["notes"]))

    def test_a_node_that_hangs_is_named(self):
        tool = self.path / "nvidia-smi"
        hung = self.cluster.nodes[2]
        tool.write_text(f'#!/bin/sh\n[ "$(hostname)" = {hung} ] && kill -STOP $(cut -d" " -f4 /proc/$PPID/stat)\nexit 0\n')
        tool.chmod(0o755)
        text = self.doctor(code=2, setup=f"PATH={self.path}:$PATH", seconds=7)
        self.assertIn(f"{hung}: it does not answer", text)
        self.assertEqual(text.splitlines()[-1], f"--exclude={hung}")


if __name__ == "__main__":
    unittest.main()
