"""ditmill submit and cancel, on a real Slurm cluster: what is submitted, refused, and ended for good."""

import json
import pathlib
import re
import shlex
import shutil
import struct
import subprocess
import unittest
import zlib

import ditmill
from submission import SubmissionTest


class SubmitTest(SubmissionTest):
    def test_a_submitted_run_is_done_on_all_its_nodes(self):
        job = self.submit(self.manifest())
        facts = self.ended(job, "COMPLETED")
        self.assertEqual((facts["NumNodes"], facts["ExitCode"]), ("2", "0:0"))
        self.assert_done_once(40)
        record = json.loads((self.run_directory / "submit" / "job.json").read_text())
        self.assertEqual((record["job_id"], record["ranks"]), (job, 4))
        self.assertIn("--np 4", pathlib.Path(record["log"]).read_text())
        owner = json.loads((self.run_directory / "epochs" / "0001.json").read_text())
        self.assertEqual(owner["slurm_job"], job)

    def test_what_was_submitted_runs_though_list_and_manifest_have_changed_since(self):
        manifest = self.manifest(items=10)
        job = self.submit(manifest, "--set", "pipeline.steps=7", "--", "--begin=now+2")
        (self.path / "list.txt").unlink()
        manifest.write_text("")
        self.ended(job, "COMPLETED")
        self.assert_done_once(10)
        config = json.loads((self.run_directory / "config.json").read_text())
        self.assertEqual(config["layer2_inference_config"]["steps"], 7)

    def test_pictures_of_a_list_are_found_by_a_job_that_starts_elsewhere(self):
        folder = self.path / "lists"
        (folder / "in").mkdir(parents=True)
        ditmill.ditmill("weights", "synth", "--like", "wan2.2-ti2v-5b", "--seed", "3", self.path / "model")
        # A PNG by hand: rows of a filter byte and grey pixels.
        header, pixels = struct.pack(">IIBBBBB", 33, 47, 8, 0, 0, 0, 0), zlib.compress((b"\0" + bytes(range(33))) * 47)
        chunks = [(b"IHDR", header), (b"IDAT", pixels), (b"IEND", b"")]
        (folder / "in" / "grey.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks))
        (folder / "list.jsonl").write_text("".join(
            json.dumps({"id": f"clip{i}", "prompt": "rain", "image": "in/grey.png", "seed": i}) + "\n" for i in range(2)))
        (self.path / "job.yaml").write_text(json.dumps({
            "schema": 1, "name": "job", "model": {"path": "model", "catalog": "model/catalog.yaml"},
            "pipeline": {"preset": "wan2.2-ti2v-5b", "steps": 1, "dtype": "float32"},
            "requests": {"defaults": {"width": 32, "height": 32, "frames": 1}, "file": "lists/list.jsonl"},
            "output": {"path": "run"}, "slurm": {"nodes": 1, "ranks_per_node": 1, "lead_seconds": 20}}))
        missing = self.ditmill("submit", "job.yaml", "--set", "requests.defaults.image=none.png", code=1).stderr
        self.assertIn("none.png", missing)
        self.ditmill("submit", "job.yaml", "--wait")
        self.assert_done_once(2)
        image = json.loads((self.run_directory / "requests.jsonl").read_text().splitlines()[0])["request"]["image"]
        self.assertEqual(image["path"], str(folder / "in" / "grey.png"))
        self.assertEqual([path.name for path in (self.run_directory / "inputs").iterdir()], [image["sha256"]])
        shutil.rmtree(folder / "in")
        self.assertIn("nothing to do", self.ditmill("submit", "job.yaml", "--wait").stderr)

    def test_wait_ends_with_the_runs_code(self):
        done = self.ditmill("submit", self.manifest(items=4), "--wait", "--json")
        self.assertEqual(json.loads(done.stdout)["ranks"], 4)
        self.assertIn("all items done", done.stderr)

    def test_wait_ends_with_75_where_the_run_was_ended_early(self):
        waiting = subprocess.Popen(ditmill.command(["submit", self.manifest(seconds=0.3, items=200), "--wait"]),
                                   env=self.cluster.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.wait_for_items(2)
        self.ditmill("cancel", self.run_directory)
        _, told = waiting.communicate(timeout=90)
        self.assertEqual(waiting.returncode, 75, told + self.log())
        self.assertIn("stopped early", told)

    def test_wait_outlives_an_outage_of_the_controller(self):
        outage = self.path / "outage"  # as many bytes as squeue fails yet, once the job is submitted
        tools = self.path / "tools"
        tools.mkdir()
        squeue = shutil.which("squeue", path=self.cluster.environment["PATH"])
        (tools / "squeue").write_text(
            f"#!/bin/bash\nif [ -e {self.run_directory}/submit/job.json ] && [ -s {outage} ]; then\n"
            f"  truncate --size=-1 {outage}\n"
            "  echo 'slurm_load_jobs error: Unable to contact slurm controller (connect failure)' >&2\n  exit 1\nfi\n"
            f'exec {squeue} "$@"\n')
        (tools / "squeue").chmod(0o755)
        outage.write_text("xxx")
        environment = dict(self.cluster.environment, PATH=f"{tools}:{self.cluster.environment['PATH']}")
        done = subprocess.run(ditmill.command(["submit", self.manifest(seconds=0, items=4), "--wait"]), env=environment,
                              capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stderr + self.log())
        self.assertEqual((done.stderr.count("does not answer"), done.stderr.count("answers again")), (1, 1), done.stderr)
        self.assertEqual(outage.read_text(), "")

    def test_cancel_leaves_alone_a_job_that_has_got_the_number_of_the_runs(self):
        manifest = self.manifest()
        other = self.cluster.run("sbatch", "--parsable", "--begin=now+1hour", "--wrap=true").strip()
        (self.run_directory / "submit").mkdir(parents=True)
        (self.run_directory / "submit" / "job.json").write_text(json.dumps({"job_id": other}))
        self.assertIn("none", self.ditmill("cancel", self.run_directory, "--now", code=1).stderr)
        self.assertEqual(self.cluster.job(other)["JobState"], "PENDING")
        self.ditmill("submit", manifest, "--wait")

    def test_a_second_submit_is_refused_while_a_job_lives(self):
        manifest = self.manifest(seconds=2)
        job = self.submit(manifest)
        again = self.ditmill("submit", manifest, code=1)
        self.assertIn(f"job {job}, ", again.stderr)
        self.assertIn(f"ditmill cancel {self.run_directory}", again.stderr)
        # Also one that somebody gave to sbatch by hand, and that job.json knows nothing of.
        (self.run_directory / "submit" / "job.json").unlink()
        self.assertIn(f"job {job}, ", self.ditmill("submit", manifest, code=1).stderr)

    def test_cancel_now_ends_a_job_for_good(self):
        job = self.submit(self.manifest(seconds=0.3, items=200))
        self.wait_for_items(5)
        self.assertIn("is cancelled", self.ditmill("cancel", self.run_directory, "--now").stdout)
        self.ended(job, "CANCELLED")
        again = self.ditmill("submit", self.path / "job.yaml", "--", "--begin=now+1hour")
        waiting = again.stdout.strip()
        self.assertNotIn("nothing to do", again.stderr)
        self.assertIn("PENDING", self.ditmill("cancel", self.run_directory).stdout)
        self.ended(waiting, "CANCELLED")

    def test_of_two_submissions_at_the_same_moment_one_is_refused(self):
        manifest = self.manifest(seconds=1, items=400)  # the job lives until both have ended
        both = [subprocess.Popen(ditmill.command(["submit", manifest]), env=self.cluster.environment,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
        texts = [process.communicate(timeout=120) for process in both]
        self.assertEqual(sorted(process.returncode for process in both), [0, 1], texts)
        self.assertEqual(len(self.cluster.run("squeue", "--noheader").splitlines()), 1)

    def test_what_run_would_refuse_is_refused_at_once(self):
        manifest = self.manifest(seconds=0, items=10)
        self.ditmill("submit", manifest, "--wait")
        (self.path / "list.txt").write_text("".join(f"prompt {i}\n" for i in range(1, 9)))
        refused = self.ditmill("submit", manifest, "--set", "pipeline.steps=9", code=1).stderr
        self.assertRegex(refused, r"8 items .* differ.*: 000000, 000001, 000002, 000003, 000004 and 3 more")
        self.assertRegex(refused, r"what differs: prompt, (seed, )?steps")
        self.assertRegex(refused, r"2 items .* are not in the list any more: 000008, 000009")
        self.assertRegex(self.ditmill("submit", manifest, "--only", "nobody", code=1).stderr, "no item of this id")
        self.assertRegex(self.ditmill("submit", manifest, "--array", "2", code=1).stderr, "one that holds a run")
        (self.path / "list.txt").write_text("".join(f"prompt {i}\n" for i in range(8)))
        self.assertRegex(self.ditmill("submit", manifest, code=1).stderr, "give --drop")
        dropped = self.ditmill("submit", manifest, "--drop", "--wait").stderr
        self.assertIn("the job will find nothing to do: 8 done, 0 failed, 0 quarantined\n", dropped)
        self.assertEqual(ditmill.outcome(self.run_directory)["done"], 8)

    def test_options_of_run_are_passed_on(self):
        manifest = self.manifest(items=3)
        script = self.ditmill("submit", manifest, "--print-script", "--shuffle", "--only", "000001,000002",
                              "--max-fails", "3", "--threads", "1", "--retry", "failed").stdout
        self.assertIn("--only 000001,000002 --shuffle --max-fails 3 --threads 1)", script.replace("'", ""))
        self.assertIn("first=(--retry failed)", script)
        for words in (["--retry", manifest], [manifest, "--retry"], ["--retry", "failed,quarantined", manifest]):
            script = self.ditmill("submit", "--print-script", *words).stdout
            first = "first=(--retry failed,quarantined) #" if len(words) == 3 else "first=() #"
            self.assertIn(first, script.replace("'", ""))
        self.assertIn("neither failed nor", self.ditmill("submit", manifest, "--retry", "all", code=1).stderr)
        for retry in (["--retry"], ["--retry", "failed"], ["--retry=failed"], ["--retry", "failed,quarantined"]):
            with self.subTest(retry=retry):
                script = self.ditmill("submit", manifest, "--print-script", *retry, "--", "--comment=x", "--mem=1G").stdout
                states = ",".join(retry).removeprefix("--retry")[1:]
                first = f"first=(--retry {states})" if states else "first=()"
                self.assertIn(first, script.replace("'", ""))
        self.ditmill("submit", manifest, "--print-script", "stray", code=1)
        self.assertRegex(self.ditmill("submit", manifest, "--array", "9", code=1).stderr, "at most 3 shards")
        self.assertRegex(self.ditmill("submit", manifest, "--array", "2%0", code=1).stderr, "expected K or K%M")

    def test_what_is_wrong_is_told_before_anything_is_written_or_submitted(self):
        manifest = self.manifest()
        cases = [
            (["--set", "pipeline.parallel.ring=3"], r"--nodes 3 or --ranks-per-node 3"),
            (["--set", "pipeline.stepz=3"], r"did you mean steps"),
            (["--time", "soon"], r"slurm.time is no time limit"),
            (["--partition", "nowhere"], r"invalid partition"),
            (["--nodes", "5"], r"exit code 1: "),
            (["--set", "slurm.options=['--ntasks=3']"], r"slurm\.options(.|\n)*use slurm\.ranks_per_node"),
            (["--", "--nodes=3"], r"use --nodes N before the --"),
        ]
        for words, message in cases:
            with self.subTest(words=words):
                options = ["--test-only"] if "exit code" in message or "partition" in message else []
                refused = self.ditmill("submit", manifest, *options, *words, code=1)
                self.assertRegex(refused.stderr, message)
        self.assertFalse(self.run_directory.exists())
        self.assertEqual(self.cluster.run("squeue", "--noheader"), "")

    def test_a_script_is_printed_and_tested_without_a_trace(self):
        manifest = self.manifest()
        script = self.ditmill("submit", manifest, "--print-script", "--nodes", "3", "--time", "30").stdout
        self.assertIn("#SBATCH --nodes=3\n#SBATCH --ntasks-per-node=2\n#SBATCH --time=30\n", script)
        self.assertRegex(self.ditmill("submit", manifest, "--test-only").stdout, "to start at")
        self.assertFalse(self.run_directory.exists())

    def test_options_and_set_go_together_in_any_order(self):
        words = ["--set", "slurm.max_crashes=7", "--nodes", "3", "--set", "slurm.max_restarts=9", "--time", "30"]
        script = self.ditmill("submit", *words, self.manifest(), "--print-script").stdout
        for line in ("#SBATCH --nodes=3\n", "#SBATCH --time=30\n", "crashes=7 ", "restarts=9 "):
            self.assertIn(line, script)

    def test_a_run_that_is_told_to_stop_is_not_submitted(self):
        self.run_directory.mkdir()
        (self.run_directory / "STOP").touch()
        manifest = self.manifest(seconds=0, items=4)
        told = self.ditmill("submit", manifest, code=1).stderr
        self.cluster.run(*self.remedy(told, "rm .*"))
        self.ditmill("submit", manifest, "--wait")

    def remedy(self, told, pattern):
        """The words of the command that a message tells to type."""
        self.assertRegex(told, pattern)
        words = shlex.split(re.search(pattern, told)[0])
        return [ditmill.DITMILL if word == "ditmill" else word for word in words]

    def test_what_a_message_tells_to_type_works_for_a_run_directory_of_any_name(self):
        self.run_directory = self.path / "a cat's run"
        manifest = self.manifest(seconds=0.2, items=60, output={"path": self.run_directory.name})
        job = self.submit(manifest)
        self.wait_for_items(1)
        ended = self.cluster.run(*self.remedy(self.ditmill("submit", manifest, code=1).stderr, "ditmill cancel .*"))
        self.ended(job, "FAILED")  # 75
        self.assertLess(len(self.records("done")), 60)
        again = self.cluster.run(*self.remedy(ended, "ditmill submit .*")).strip()
        self.ended(again, "COMPLETED")
        self.assert_done_once(60)

    def test_a_job_that_slurm_ends_says_in_its_log_how_to_go_on(self):
        job = self.submit(self.manifest(seconds=0.3, items=20))
        self.wait_for_items(1)
        self.cluster.run("scancel", job)
        self.ended(job, "CANCELLED")
        self.wait_for_log("to go on with it: ")
        again = self.cluster.run(*self.remedy(self.log(), r"(?<=to go on with it: ).*")).strip()
        self.ended(again, "COMPLETED")
        self.assert_done_once(20)

    def test_a_changed_script_is_given_to_sbatch_by_hand(self):
        manifest = self.manifest(seconds=0, items=6)
        told = self.ditmill("submit", manifest, "--", "--signal=B:USR2@90", code=1).stderr
        self.assertIn("change RUN/submit/job.sh after a submission, and give that to sbatch", told)
        self.submit(manifest, "--", "--hold")
        self.ditmill("cancel", self.run_directory)
        script = self.run_directory / "submit" / "job.sh"
        script.write_text(script.read_text().replace("--signal=B:USR2@20", "--signal=B:USR2@90"))
        self.ended(self.cluster.run("sbatch", "--parsable", script).strip(), "COMPLETED")
        self.assert_done_once(6)

    def test_degrees_that_do_not_fit_are_told_with_nodes_that_do(self):
        manifest = self.manifest(items=4)
        told = self.ditmill("submit", manifest, "--set", "pipeline.parallel.ring=3", code=1).stderr
        for option in re.findall(r"(--[a-z-]+) (\d+)", told):
            with self.subTest(option=option):
                self.ditmill("submit", manifest, "--set", "pipeline.parallel.ring=3", *option, "--print-script")

    def test_what_can_not_start_is_said(self):
        done = self.ditmill("submit", self.manifest(), "--nodes", "9")
        self.assertIn("Slurm could not start this job: ", done.stderr)

    def test_a_time_limit_that_leaves_no_time_is_told(self):
        manifest = self.manifest()  # lead_seconds: 20
        for limit, is_told in (("1", True), ("1:20", True), ("1:21", False), ("1-0", False), ("UNLIMITED", False)):
            with self.subTest(limit=limit):
                told = self.ditmill("submit", manifest, "--print-script", "--time", limit).stderr
                self.assertEqual("leaves the run no time" in told, is_told, told)
        self.assertNotIn("to less than", self.ditmill("submit", manifest, "--print-script", "--time", "1:20").stderr)
        words = ("submit", manifest, "--print-script", "--time", "2", "--set")
        told = self.ditmill(*words, "slurm.lead_seconds=100").stderr
        less = int(re.search(r"slurm.lead_seconds to less than (\d+)", told)[1])
        self.assertIn("leaves the run no time", self.ditmill(*words, f"slurm.lead_seconds={less}").stderr)
        self.assertEqual("", self.ditmill(*words, f"slurm.lead_seconds={less - 1}").stderr)

    def test_no_slurm_is_told_as_such(self):
        environment = dict(self.cluster.environment, PATH=str(self.path))
        done = subprocess.run(ditmill.command(["submit", self.manifest()]), env=environment, capture_output=True,
                              text=True, check=False)
        self.assertEqual(done.returncode, 3)
        self.assertIn("run it on a login node", done.stderr)
        done = subprocess.run(ditmill.command(["submit", self.manifest(), "--print-script"]), env=environment,
                              capture_output=True, text=True, check=True)
        self.assertIn("#SBATCH --nodes=2\n", done.stdout)

    def test_sbatch_takes_the_golden_scripts(self):
        scripts = sorted((pathlib.Path(__file__).parent / "golden").glob("*.sh"))
        self.assertTrue(scripts)
        for path in scripts:
            with self.subTest(script=path.name):
                self.cluster.run("bash", "-n", path)
                self.cluster.run("shellcheck", path)
                self.cluster.run("sbatch", "--test-only", path)


if __name__ == "__main__":
    unittest.main()
