"""`ditmill plan`: what it foretells against what then happens, and what it refuses to guess."""

import json
import pathlib
import tempfile
import unittest

import ditmill


class Plan(unittest.TestCase):
    seconds = 0.25  # an item's

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="ditmill-plan-")
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name)
        self.manifest = self.path / "job.yaml"

    def write(self, items, output="run", parallel=None, **sections):
        """Small and large clips in turns."""
        sizes = ({"width": 32, "height": 16, "frames": 1}, {"width": 320, "height": 240, "frames": 9})
        self.manifest.write_text(json.dumps({
            "schema": 1, "name": "cats", "model": {"noop": self.seconds},
            "pipeline": {"parallel": parallel or {"dp": "auto"}},
            "requests": {"items": [{"id": f"item-{i}", "prompt": f"prompt {i}", **sizes[i % 2]} for i in range(items)]},
            "output": {"path": output}, **sections}))

    def plan(self, *more, code=0):
        return ditmill.ditmill("plan", self.manifest, "--json", *more, code=code)

    def rows(self, *more, code=0):
        return json.loads(self.plan(*more, code=code).stdout)["rows"]

    def make_pilot(self, ranks=2, items=8):
        self.write(items, output="pilot")
        ditmill.ditmill("run", self.manifest, ranks=ranks)
        return "--pilot", self.path / "pilot"

    def make_timed_pilot(self, startup_seconds):
        """A pilot on a machine that takes no time beside that of the items, after its start: that is put into the file of a
        real one."""
        self.write(8, output="pilot")
        ditmill.ditmill("run", self.manifest, "--pilot", "8", ranks=2)
        path = self.path / "pilot" / "pilot.json"
        pilot = json.loads(path.read_text())
        self.assertEqual(len(pilot["classes"]), 2)
        for measured in pilot["classes"]:
            self.assertGreaterEqual(measured["seconds"]["median"], self.seconds)
            self.assertGreaterEqual(measured["seconds_denoise"]["p10"], self.seconds)
            measured["seconds"]["median"] = self.seconds
        self.assertGreater(pilot["startup_seconds"], 0)
        path.write_text(json.dumps({**pilot, "startup_seconds": startup_seconds, "pause_seconds": 0}))
        return "--pilot", self.path / "pilot"

    def test_what_it_foretells_is_what_happens(self):
        pilot = self.make_timed_pilot(startup_seconds=30)
        self.write(40)
        foretold = {row["ranks"]: row for row in self.rows(*pilot, "--ranks-per-node", "2", "--nodes", "1,2")}
        for ranks in (2, 4):
            run = self.path / f"run{ranks}"
            ditmill.ditmill("run", self.manifest, "--run-dir", run, ranks=ranks)
            times = [record["time"] for record in ditmill.journal(run)]
            seconds = 40 * self.seconds / ranks
            self.assertAlmostEqual(foretold[ranks]["wall_seconds"], 30 + seconds)
            self.assertGreaterEqual(max(times) - min(times), 0.99 * seconds, "no machine is quicker than that one")
            parts = sum(p.stat().st_size for p in run.glob("parts/*/*.h5"))
            self.assertAlmostEqual(foretold[ranks]["disk_bytes"] / parts, 1, delta=0.1)
        self.assertAlmostEqual(foretold[4]["hours"], foretold[4]["wall_seconds"] * 4 / 3600)

    def test_only_what_is_left_is_planned_for(self):
        pilot = self.make_pilot()
        self.write(8)
        ditmill.ditmill("run", self.manifest, "--run-dir", self.path / "run", ranks=2)
        self.write(20)
        report = json.loads(self.plan(*pilot, "--nodes", "1", "--ranks-per-node", "2").stdout)
        self.assertEqual((report["items"], report["left"]), (20, 12))
        self.assertEqual([size["items"] for size in report["sizes"]], [6, 6])
        self.assertEqual(report["estimated_items"], 0)

    def test_sizes_that_were_not_piloted_are_marked(self):
        pilot = self.make_pilot()
        self.write(4)
        job = json.loads(self.manifest.read_text())
        job["requests"]["items"][0].update(width=640, height=480, frames=9)
        self.manifest.write_text(json.dumps(job))
        report = json.loads(self.plan(*pilot, "--nodes", "1", "--ranks-per-node", "2").stdout)
        self.assertEqual(report["estimated_items"], 1)
        large, = [size for size in report["sizes"] if size["estimated"]]
        self.assertEqual((large["width"], large["height"]), (640, 480))
        self.assertGreater(large["bytes"], 640 * 480 * 9 * 3 * 0.9)
        text = ditmill.ditmill("plan", self.manifest, *pilot, "--nodes", "1", "--ranks-per-node", "2").stdout
        self.assertIn("640x480x9", text)
        self.assertIn("not piloted", text)

    def test_other_layouts_are_refused_and_dp_scales(self):
        pilot = self.make_pilot()
        self.write(20, parallel={"tp": 2})
        row, = self.rows(*pilot, "--nodes", "1", "--ranks-per-node", "4", code=1)
        self.assertFalse(row["measured"])
        self.assertIn("the pilot ran dp only", row["refused"])
        self.assertNotIn("wall_seconds", row)
        self.write(20, parallel={"dp": 2})
        rows = self.rows(*pilot, "--nodes", "1,2", "--ranks-per-node", "2")
        self.assertEqual([row["measured"] for row in rows], [True, False])
        self.write(20, parallel="auto")
        self.assertEqual([row["groups"] for row in self.rows(*pilot, "--nodes", "1,8", "--ranks-per-node", "2")], [2, 16])

    def test_a_time_limit_is_compared_with(self):
        pilot = self.make_timed_pilot(startup_seconds=30)
        self.write(2000, slurm={"time": "00:02:00", "ranks_per_node": 2})
        rows = self.rows(*pilot, "--nodes", "1,8")
        self.assertEqual([(row["ranks"], row["fits_time"]) for row in rows], [(2, False), (16, True)])

    def test_without_a_pilot_the_command_that_makes_one_is_given(self):
        self.write(20)
        done = self.plan("--nodes", "2", "--ranks-per-node", "3", "--set", "pipeline.steps=7", code=1)
        self.assertIn(f"mpirun -n 6 ditmill run {self.manifest} --set pipeline.steps=7 --pilot 8", done.stderr)
        self.assertIn("pilot.json", done.stderr)

    def test_a_pilot_of_another_job_is_refused(self):
        pilot = self.make_pilot()
        self.write(20)
        done = self.plan(*pilot, "--nodes", "1", "--ranks-per-node", "2", "--set", "pipeline.steps=7", code=1)
        self.assertIn("steps: 50, now 7", done.stderr)
        done = self.plan(*pilot, "--nodes", "1", "--ranks-per-node", "2", "--set", "model.noop=3", code=1)
        self.assertIn("noop 0.25, now noop 3.0", done.stderr)

    def test_a_run_that_does_not_say_how_many_ranks_a_machine_had_needs_telling(self):
        pilot = self.make_pilot()
        self.write(20)
        self.assertIn("--ranks-per-node", self.plan(*pilot, "--nodes", "1", code=1).stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
