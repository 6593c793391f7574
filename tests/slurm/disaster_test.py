"""What may happen to a run on a real Slurm cluster: preemption, a node set down, a node that dies, the time limit. It
comes back, and each item is done once."""

import json
import unittest

import slurm
from submission import SubmissionTest

# ReturnToService=1: a node that was set down stays so.
FIVE_NODES = {"nodes": 5, "more": slurm.PREEMPTION.format(mode="REQUEUE") + "ReturnToService=1\n"}


class DisasterTest(SubmissionTest):
    CLUSTER = FIVE_NODES

    def begin(self, seconds=0.4, items=160, **settings):
        """A run on 4 of the nodes, 8 ranks, at work; the job's id."""
        job = self.submit(self.manifest(seconds=seconds, items=items, slurm={"nodes": 4, **settings}))
        self.wait_for_items(items // 8)
        return job

    def nodes_of(self, job):
        return self.cluster.run("scontrol", "show", "hostnames", self.cluster.job(job)["NodeList"]).split()

    def status(self):
        return json.loads(self.ditmill("status", self.run_directory, "--json").stdout)

    def test_a_preempted_run_comes_back_and_goes_on(self):
        job = self.begin()
        urgent = self.cluster.run("sbatch", "--parsable", "--partition=urgent", "--nodes=5", "--ntasks-per-node=2",
                                  "--output=/dev/null", "--wrap=sleep 3").strip()
        self.cluster.wait_for(urgent, "RUNNING", "COMPLETED")
        waiting = self.status()
        self.assertEqual((waiting["state"], waiting["slurm"]["jobs"][0]["state"]), ("waiting", "PENDING"), waiting)
        facts = self.ended(job, "COMPLETED")
        self.assertEqual(facts["Restarts"], "1")
        self.assertIn("ended by Slurm: it has put the job back into the queue", self.log())
        self.assert_done_once(160)

    def test_a_node_set_down_costs_the_run_a_restart(self):
        job = self.begin()
        node = self.nodes_of(job)[-1]
        self.cluster.run("scontrol", "update", f"nodename={node}", "state=down", "reason=test")
        self.addCleanup(self.cluster.run, "scontrol", "update", f"nodename={node}", "state=resume")
        facts = self.ended(job, "COMPLETED")
        self.assertEqual(facts["Restarts"], "1")
        self.assertNotIn(node, self.nodes_of(job))
        self.assertIn("ended by Slurm: it has put the job back into the queue", self.log())
        self.assert_done_once(160)

    def test_a_node_that_dies_is_left_out_before_slurm_knows(self):
        job = self.begin()
        node = self.nodes_of(job)[-1]
        self.cluster.kill_node(node)
        self.addCleanup(self.bring_back, node)
        self.ended(job, "COMPLETED")
        self.assertIn(f"{node}: no answer; left out from now on", self.log())
        self.assertIn("back to the queue, restart 1 of at most 3", self.log())
        self.assertNotIn("crash 1", self.log())
        self.assertNotIn(node, self.nodes_of(job))
        self.assert_done_once(160)

    def test_the_node_of_the_batch_script_dies_and_the_run_comes_back(self):
        job = self.begin()
        node = self.nodes_of(job)[0]
        self.cluster.kill_node(node)
        self.addCleanup(self.bring_back, node)
        facts = self.ended(job, "COMPLETED", within=180)
        self.assertEqual(facts["Restarts"], "1")
        self.assertNotIn(node, self.nodes_of(job))
        self.assert_done_once(160)

    def test_a_node_that_dies_under_srun_is_left_out_too(self):
        job = self.begin(launcher="srun")
        node = self.nodes_of(job)[-1]
        self.cluster.kill_node(node)
        self.addCleanup(self.bring_back, node)
        self.ended(job, "COMPLETED", within=180)
        # srun gives the dead node so much time that Slurm here may find out first.
        self.assertRegex(self.log(), f"{node}: no answer; left out from now on|DUE TO NODE FAILURE")
        self.assertNotIn(node, self.nodes_of(job))
        self.assert_done_once(160)

    def bring_back(self, node):
        self.cluster.start_node(node)
        self.cluster.wait_until_idle()


class NoSpareNodeTest(SubmissionTest):
    CLUSTER = {"nodes": 2}

    def test_a_dead_node_that_no_other_can_stand_in_for_is_waited_for(self):
        job = self.submit(self.manifest(seconds=0.4, items=80))
        self.wait_for_items(10)
        node = self.cluster.nodes[-1]
        self.cluster.kill_node(node)
        self.wait_for_log("back to the queue")
        self.cluster.start_node(node)
        self.ended(job, "COMPLETED", within=180)
        self.assertIn(f"{node}: no answer\n", self.log())
        self.assert_done_once(80)


class PreemptedTest(SubmissionTest):
    CLUSTER = {"nodes": 2, "more": slurm.PREEMPTION.format(mode="CANCEL") +
               "SlurmctldParameters=preempt_send_user_signal\n"}

    def preempt(self, grace):
        self.cluster.run("scontrol", "update", "PartitionName=main", f"GraceTime={grace}")
        manifest = self.manifest(seconds=0.4, items=100, slurm={"max_restarts": 0})
        job = self.submit(manifest)
        self.wait_for_items(10)
        self.cluster.run("sbatch", "--partition=urgent", "--nodes=2", "--ntasks-per-node=2", "--output=/dev/null",
                         "--wrap=sleep 1")
        return job, manifest

    def test_a_run_that_is_preempted_for_good_says_so_and_resumes_by_the_next_submit(self):
        job, manifest = self.preempt(grace=0)
        self.ended(job, "PREEMPTED")
        self.assertIn("ended by Slurm: preempted, and not to come back", self.log())
        self.ended(self.submit(manifest), "COMPLETED")
        self.assert_done_once(100)

    def test_a_run_that_is_warned_of_preemption_comes_back_by_itself(self):
        job, _ = self.preempt(grace=20)
        self.ended(job, "COMPLETED")
        self.assertIn("warned by Slurm", self.log())
        self.assertIn("exit 75; back to the queue\n", self.log(), "it does not count as a restart")
        self.assertNotIn("ended by Slurm", self.log())
        self.assert_done_once(100)


if __name__ == "__main__":
    unittest.main()
