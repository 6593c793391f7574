"""slurm.stage on a real cluster whose nodes have a disk of their own each: what is copied, used, refused, removed."""

import contextlib
import fcntl
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import unittest

import numpy
import safetensors.numpy

import ditmill
from submission import SubmissionTest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "faults"))
import tiny  # noqa: E402


class StageTest(SubmissionTest):
    def setUp(self):
        super().setUp()
        for node in self.cluster.nodes:
            shutil.rmtree(self.disk(node), ignore_errors=True)

    def job(self, **stage):
        """A job of a tiny model with real weights, on two nodes."""
        model = tiny.manifest(self.path, 5)
        manifest = self.manifest(items=4, slurm={"stage": {"to": str(self.cluster.disk), **stage}})
        job = json.loads(manifest.read_text()) | model
        job["requests"]["defaults"] |= {"width": 64, "height": 48, "frames": 5}
        manifest.write_text(json.dumps(job))
        return manifest

    def scattered(self, **stage):
        """The same, its components here and there: two files of one name, and two components in one file."""
        manifest = self.job(program=False, **stage)
        model = self.path / "model"
        both = self.path / "rest" / "diffusion_pytorch_model.safetensors"
        both.parent.mkdir()
        safetensors.numpy.save_file(
            {f"{name}.{tensor}": value for name in ("vae", "text_encoder") for file in (model / name).glob("*.safetensors")
             for tensor, value in safetensors.numpy.load_file(file).items()}, both)
        job = json.loads(manifest.read_text())
        # Also one that is replaced, and need not be there.
        shutil.rmtree(model / "vae")
        shutil.rmtree(model / "text_encoder")
        job["model"]["components"] = {name: {"path": str(both), "prefix": f"{name}."} for name in ("vae", "text_encoder")}
        transformer = self.path / "elsewhere" / "transformer"
        shutil.copytree(model / "transformer", transformer)
        job["model"]["components"]["transformer"] = str(transformer)
        manifest.write_text(json.dumps(job))
        return manifest

    def spoil(self, node):
        """Another last bit in every copy, which keeps its size and time."""
        for copy in self.disk(node).rglob("*.safetensors"):
            times = copy.stat()
            copy.write_bytes(copy.read_bytes()[:-1] + bytes([copy.read_bytes()[-1] ^ 1]))
            os.utime(copy, ns=(times.st_atime_ns, times.st_mtime_ns))

    def disk(self, node):
        return self.cluster.disk_of(node) / "ditmill-0"

    def copies(self, node, pattern):
        return sorted(path.name for path in self.disk(node).rglob(pattern))

    def said(self, of):
        """Lines of the log by `ditmill stage`, by node."""
        return dict(re.findall(rf"^(n\d+): (.*{of}.*)$", self.log(), re.MULTILINE))

    def test_program_and_weights_are_used_from_the_nodes_disks_and_nothing_else_changes(self):
        manifest = self.job(keep=True)
        self.ended(self.submit(manifest, "--run-dir", self.path / "plain", "--set", "slurm.stage.program=false",
                               "--set", "slurm.stage.weights=false"), "COMPLETED")
        self.ended(self.submit(manifest), "COMPLETED")
        self.assert_done_once(4)
        nodes = sorted(self.said("copied"))
        self.assertEqual(len(nodes), 2, self.log())
        for node in nodes:
            self.assertIn("ditmill-engine", self.copies(node, "ditmill*"))
            self.assertIn("libtorch_cpu.so", self.copies(node, "lib*"))
            self.assertEqual(len(self.copies(node, "*.safetensors")), 3)
        self.assertIn(f"{self.cluster.disk}/ditmill-0{ditmill.DITMILL}", self.log())
        self.assertNotIn("is of no use", self.log())

        plain, staged = (ditmill.frames(self.path / name) for name in ("plain", "run"))
        self.assertEqual(sorted(plain), sorted(staged))
        self.assertTrue(all(numpy.array_equal(plain[name], staged[name]) for name in plain))
        layers = [json.loads((self.path / name / "config.json").read_text())["layer1_model_definition"]
                  for name in ("plain", "run")]
        self.assertEqual(*layers)
        self.assertIn(str(self.path / "model"), json.dumps(layers[1]))

        # A copy that is there is used again; one that has been damaged in size is made anew.
        damaged = next(self.disk(nodes[0]).rglob("*.safetensors"))
        whole = damaged.read_bytes()
        damaged.write_bytes(whole[:100])
        (self.run_directory / "logs").rename(self.path / "old-logs")
        self.ended(self.submit(manifest), "COMPLETED")
        copied = {node: float(text.split()[0]) for node, text in self.said("copied").items()}
        self.assertEqual(set(copied), set(nodes))
        self.assertEqual({node: size == 0 for node, size in copied.items()},
                         {node: node != nodes[0] or len(whole) < 500_000 for node in nodes})
        self.assertEqual(damaged.read_bytes(), whole)

        # One of other bytes is found out by whoever reads it: there is something left to do again.
        for node in nodes:
            self.spoil(node)
        with open(self.path / "list.txt", "a") as prompts:
            prompts.write("one more\n")
        self.assertEqual(self.ended(self.submit(manifest), "FAILED")["ExitCode"], "1:0")
        self.assertRegex(self.log(), rf"bytes of the .* or its copy in {self.cluster.disk}/ditmill-0.* or its disk is damaged")

    def test_scattered_components_are_used_from_the_nodes_disks_and_nothing_else_changes(self):
        manifest = self.scattered(keep=True)
        self.ditmill("run", manifest, "--run-dir", self.path / "plain")
        self.ended(self.submit(manifest), "COMPLETED")
        self.assert_done_once(4)
        self.assertNotIn("is of no use", self.log())
        nodes = sorted(self.said("copied"))
        self.assertEqual(len(nodes), 2, self.log())
        for node in nodes:
            below = [self.disk(node) / str(self.path)[1:] / folder for folder in ("elsewhere/transformer", "rest")]
            self.assertEqual([(folder / "diffusion_pytorch_model.safetensors").exists() for folder in below], [True] * 2)
            self.assertEqual(len(self.copies(node, "*.safetensors")), 2)
        plain, staged = ({item["id"]: item["key"] for item in map(json.loads, (self.path / name / "requests.jsonl").read_text().splitlines())}
                         for name in ("plain", "run"))
        self.assertEqual(plain, staged)
        layers = [json.loads((self.path / name / "config.json").read_text())["layer1_model_definition"]
                  for name in ("plain", "run")]
        self.assertEqual(*layers)
        self.assertIn(str(self.path / "rest"), json.dumps(layers[1]))

        # That it is the copies which are read is seen where they are others.
        for node in nodes:
            self.spoil(node)
        with open(self.path / "list.txt", "a") as prompts:
            prompts.write("one more\n")
        self.assertEqual(self.ended(self.submit(manifest), "FAILED")["ExitCode"], "1:0")
        self.assertRegex(self.log(), rf"bytes of the .* or its copy in {self.cluster.disk}/ditmill-0.* or its disk is damaged")

    def test_a_file_that_components_share_is_copied_once_and_used_again(self):
        manifest = self.scattered()
        stage = ["stage", "--to", self.path / "disk", "--manifest", manifest, "--json"]
        first, again = (json.loads(self.ditmill(*stage).stdout) for _ in range(2))
        files = [self.path / folder / "diffusion_pytorch_model.safetensors" for folder in ("elsewhere/transformer", "rest")]
        self.assertEqual((first["copied_bytes"], first["present_bytes"]), (sum(file.stat().st_size for file in files), 0))
        self.assertEqual((again["copied_bytes"], again["present_bytes"]), (0, first["copied_bytes"]))
        self.ditmill("run", manifest, "--staged", self.path / "disk")
        self.assert_done_once(4)
        self.ditmill("stage", "--to", self.path / "disk", "--remove")
        self.assertFalse((self.path / "disk").exists())

    def test_the_copies_are_gone_after_the_job(self):
        self.ended(self.submit(self.job(), "--set", "slurm.launcher=srun"), "COMPLETED")
        self.assert_done_once(4)
        self.assertRegex(self.log(), f"srun --mpi=pmix.* {self.cluster.disk}/ditmill-0/.*/ditmill-engine run")
        self.assertEqual(len(self.said("is removed")), 2, self.log())
        for node in self.cluster.nodes:
            self.assertFalse(self.disk(node).exists())

    def test_another_jobs_copies_stay(self):
        node = self.cluster.nodes[0]
        marks = self.disk(node) / ".jobs"
        marks.mkdir(parents=True)
        self.disk(node).chmod(0o700)
        other = self.cluster.run("sbatch", "--parsable", "--output=/dev/null", "--nodelist=" + self.cluster.nodes[3],
                                 "--wrap=sleep 600").strip()
        for mark in (other, "4000000"):  # the latter is long over
            (marks / mark).touch()
        self.ended(self.submit(self.manifest(slurm={"stage": str(self.cluster.disk)}), "--", f"--nodelist={node}"),
                   "COMPLETED")
        self.assertIn(f"stays: job {other} uses it", self.said("stays")[node])
        self.assertEqual(self.copies(node, ".jobs/*"), [other])
        self.cluster.run("scancel", other)

    def test_too_little_room_is_told_with_the_node_and_nothing_runs(self):
        other, node = self.cluster.nodes[2:]  # which other tests can do without: it stays so
        self.cluster.mount(node, self.cluster.disk, "1m")
        job = self.submit(self.job(), "--", f"--nodelist={other},{node}")
        self.assertEqual(self.ended(job, "FAILED")["ExitCode"], "3:0")
        self.assertRegex(self.log(), rf"stage files on {node} .*room for \d\.\d+ GB.*too little")
        self.assertFalse((self.run_directory / "outcome.json").exists())
        self.assertFalse(any(self.disk(node).exists() for node in self.cluster.nodes))

    def test_a_job_that_is_cancelled_while_it_stages_ends_and_resumes(self):
        manifest = self.manifest(items=4, slurm={"stage": str(self.cluster.disk)})
        with contextlib.ExitStack() as held:
            for node in self.cluster.nodes:  # so that staging waits
                self.disk(node).mkdir(mode=0o700)
                lock = held.enter_context(open(self.disk(node) / ".lock", "w"))
                fcntl.flock(lock, fcntl.LOCK_EX)
            job = self.submit(manifest)
            self.cluster.wait_for(job, "RUNNING")
            deadline = time.monotonic() + 120
            while len(self.cluster.run("squeue", "--steps", "--noheader", "--format=%j").split()) < 2:  # batch, ditmill
                self.assertLess(time.monotonic(), deadline, self.log())
                time.sleep(0.1)
            self.ditmill("cancel", self.run_directory)
            self.assertEqual(self.ended(job, "FAILED")["ExitCode"], "75:0")
        self.assertFalse((self.run_directory / "outcome.json").exists())
        self.ended(self.submit(manifest), "COMPLETED")
        self.assert_done_once(4)

    def test_weights_are_read_from_their_place_where_a_copy_is_missing(self):
        done = self.ditmill("run", self.job(), "--weights-from", self.path / "nowhere")
        self.assertRegex(done.stderr, rf"the copy {self.path}/nowhere/.* is of no use, so {self.path}/model/.* is read")
        self.assert_done_once(4)

    def test_two_that_stage_at_once_copy_once(self):
        words = ditmill.command(["stage", "--to", self.path / "disk", "--program", "--json"])
        both = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        said = [json.loads(process.communicate()[0]) for process in both]
        copied, present = (sorted(each[what] for each in said) for what in ("copied_bytes", "present_bytes"))
        self.assertEqual(copied, present)
        self.assertEqual(copied[0], 0)
        self.assertGreater(copied[1], 0)
        program = self.path / "disk" / ditmill.DITMILL[1:]
        loaded = subprocess.run(["ldd", program.parent / "ditmill-engine"], capture_output=True, text=True, check=True)
        self.assertRegex(loaded.stdout, rf"libtorch_cpu.so => {program.parent}/lib/")
        self.assertNotIn("not found", loaded.stdout)

    def test_a_folder_that_is_not_the_users_is_refused(self):
        with self.subTest("writable by others"):
            (self.path / "open").mkdir()
            (self.path / "open").chmod(0o777)
            refused = self.ditmill("stage", "--to", self.path / "open", "--program", code=1)
            self.assertIn("nobody but you may write", refused.stderr)
        self.assertIn("an absolute path", self.ditmill("stage", "--to", "here", "--program", code=1).stderr)

    def test_a_variable_that_is_not_set_on_the_node_is_told(self):
        job = self.submit(self.manifest(slurm={"stage": "$NO_SUCH_SCRATCH/x"}))
        self.assertEqual(self.ended(job, "FAILED")["ExitCode"], "3:0")
        self.assertIn("slurm.stage: $NO_SUCH_SCRATCH is not set on n", self.log())


if __name__ == "__main__":
    unittest.main()
