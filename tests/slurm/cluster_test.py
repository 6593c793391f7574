"""The tests' own Slurm cluster does what the other tests ask of it."""

import os
import pathlib
import signal
import subprocess
import sys
import time
import unittest

import slurm


def of_cluster(folder):
    """Pids of the processes that belong to the cluster in this folder."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and str(folder).encode() in (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except OSError:  # gone by now, or the host's own
            continue
    return found


class ClusterTest(unittest.TestCase):
    def test_a_job_on_all_nodes_ends(self):
        with slurm.Cluster() as cluster:
            job = cluster.run("sbatch", "--parsable", "--nodes=4", "--ntasks-per-node=2", "--output=/dev/null",
                              "--wrap=test $(srun hostname | sort -u | wc -l) = 4").strip()
            facts = cluster.wait_for(job, "COMPLETED")
            self.assertEqual(facts["NumNodes"], "4")
            self.assertEqual(facts["NumCPUs"], "8")

    def test_two_run_side_by_side(self):
        with slurm.Cluster(nodes=1) as one, slurm.Cluster(nodes=1) as other:
            jobs = [c.run("sbatch", "--parsable", "--output=/dev/null", "--wrap=true").strip() for c in (one, other)]
            for cluster, job in zip((one, other), jobs):
                cluster.wait_for(job, "COMPLETED")
            self.assertFalse(set(one.nodes) & set(other.nodes))

    def test_nothing_of_it_is_left_when_its_test_is_killed(self):
        text = ("import slurm, time\n"
                "with slurm.Cluster(nodes=1) as cluster:\n"
                "    cluster.run('sbatch', '--output=/dev/null', '--wrap=setsid sleep 1000')\n"
                "    print(cluster.folder, flush=True)\n"
                "    time.sleep(1000)\n")
        process = subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, text=True,
                                   start_new_session=True)
        folder = pathlib.Path(process.stdout.readline().strip())
        self.assertTrue(folder.is_dir() and of_cluster(folder))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and (folder.exists() or of_cluster(folder)):
            time.sleep(0.1)
        self.assertFalse(folder.exists())
        self.assertEqual(of_cluster(folder), [])


if __name__ == "__main__":
    unittest.main()
