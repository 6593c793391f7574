"""Results as users ask for them: by a file in place of the run directory, as one file, under names of their own; and
damage of every kind, each of whose cures is followed to the letter."""

import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import unittest

import h5py
import numpy

import ditmill

LONG = "ж" * 200
LIST = [
    {"id": "a", "prompt": "a person swimming in ocean", "samples": 2},
    {"id": "b", "prompt": "In a still frame, a stop sign", "category": "object", "seed": 7},
    {"id": "c", "prompt": "-../é: \"x\"\t<y>.\n", "category": "a/b"},
    {"id": "d", "prompt": LONG + "1", "category": "CON"},
    {"id": "e", "prompt": "a person swimming in ocean", "category": "nul.x"},
]
IDS = ["a-s0", "a-s1", "b", "c", "d", "e"]
LEAVE_OPEN = "import h5py, os, signal, sys; f = h5py.File(sys.argv[1], 'r+'); os.kill(os.getpid(), signal.SIGKILL)"


class Results(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="ditmill-results-")
        cls.addClassCleanup(folder.cleanup)
        cls.path = pathlib.Path(folder.name).resolve()
        (cls.path / "jobs").mkdir()
        (cls.path / "jobs/list.jsonl").write_text("".join(json.dumps(line) + "\n" for line in LIST))
        cls.manifest = cls.path / "jobs/job.yaml"
        cls.manifest.write_text(json.dumps({
            "schema": 1, "name": "job", "model": {"noop": 0},
            "requests": {"defaults": {"width": 64, "height": 48, "frames": 2, "seed": 1}, "file": "list.jsonl"},
            "output": {"path": "../runs/one", "items_per_part": 2}}))
        ditmill.ditmill("run", cls.manifest, ranks=1)
        cls.run_folder = cls.path / "runs/one"
        cls.part = "parts/e0001-g000/000001.h5"

    def new_folder(self):
        folder = tempfile.TemporaryDirectory(dir=self.path)
        self.addCleanup(folder.cleanup)
        return pathlib.Path(folder.name)

    def results(self, *arguments, code=0, **more):
        return ditmill.ditmill("results", *arguments, code=code, **more)

    def follow(self, text, **names):
        """Does what stands in backquotes, in its order."""
        commands = re.findall(r"`([^`]+)`", text)
        self.assertTrue(commands, text)
        for command in commands:
            for name, value in names.items():
                command = re.sub(rf"\b{name}\b", str(value), command)
            environment = ditmill.environment()
            environment["PATH"] = f"{ditmill.BUILD}:{pathlib.Path(sys.executable).parent}:{environment['PATH']}"
            done = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout}\n{done.stderr}")
        return done

    # --- what is no run directory

    def named_runs(self, message):
        return message.rsplit("name a run directory: ", 1)[-1].rsplit("name the run directory: ", 1)[-1].strip().split(", ")

    def test_whatever_lies_in_a_run_directory_is_answered_with_it(self):
        link = self.new_folder() / "link.h5"
        link.symlink_to(self.run_folder / "results.h5")
        for name in ("results.h5", "parts", "parts/e0001-g000", self.part, "requests.jsonl", "config.json", "journal",
                     "journal/e0001-g000.jsonl", "no-such.h5", link):
            with self.subTest(name):
                error = self.results("ls", self.run_folder / name, code=1).stderr
                self.assertEqual(self.named_runs(error), [str(self.run_folder)])
                self.results("ls", *self.named_runs(error))
        error = self.results("ls", "one/results.h5", code=1, cwd=self.run_folder.parent).stderr
        self.assertEqual(self.named_runs(error), ["one"])
        self.assertIn("frames are in its parts", error)
        error = self.results("ls", "results.h5", code=1, cwd=self.run_folder).stderr
        self.assertEqual(self.named_runs(error), ["."])

    def test_every_command_says_so(self):
        out = self.new_folder() / "out"
        for arguments in (["ls", "--json"], ["show", "b"], ["verify"], ["export", "--png", out], ["index", "--rebuild"],
                          ["merge", "--out", out], ["replay", "b"]):
            command, *more = arguments
            with self.subTest(command):
                error = self.results(command, self.run_folder / "results.h5", *more, code=1).stderr
                self.assertEqual(self.named_runs(error), [str(self.run_folder)])
        self.assertFalse(out.exists())

    def test_a_folder_above_and_a_wrong_name_are_answered_with_the_run_directories_there(self):
        for path in (self.path / "runs", self.path / "runs/two"):
            error = self.results("ls", path, code=1).stderr
            self.assertEqual(self.named_runs(error), [str(self.run_folder)])
        self.assertIn("output.path", self.results("ls", self.manifest, code=1).stderr)
        self.assertIn("--run-dir", self.results("ls", self.path / "jobs", code=1).stderr)

    def test_an_index_that_was_copied_alone_leads_to_one_file(self):
        folder = self.new_folder()
        shutil.copy(self.run_folder / "results.h5", folder / "copied.h5")
        error = self.results("ls", folder / "copied.h5", code=1).stderr
        self.assertIn("name the run directory", error)
        self.follow(error, RUN=self.run_folder, FILE=folder / "all.h5")
        error = self.results("ls", folder / "all.h5", code=1).stderr
        self.assertIn("6 items and their frames", error)
        self.assertEqual(self.follow(error).stdout.split(), IDS)

    # --- one file

    def test_one_file_holds_all_that_is_stored(self):
        folder = self.new_folder()
        copy = shutil.copytree(self.run_folder, folder / "run")
        one = folder / "sub/one.h5"
        self.assertIn("6 items", self.results("export", copy, "--h5", one).stdout)
        with h5py.File(copy / "results.h5") as results:
            expected = {name: ({key: item[key][...] for key in item}, dict(item.attrs))
                        for name, item in results["items"].items()}
            root = dict(results.attrs)
        shutil.rmtree(copy)
        with h5py.File(one) as file:
            self.assertEqual(set(file.attrs), {"schema_version", "software", "software_version", "date", "config_json"})
            self.assertEqual(file.attrs["config_json"], root["config_json"])
            self.assertEqual(list(file["items"]), IDS)
            for name, (datasets, attributes) in expected.items():
                self.assertIsInstance(file["items"].get(name, getlink=True), h5py.HardLink)
                self.assertEqual(dict(file["items"][name].attrs), attributes)
                self.assertEqual(set(file["items"][name]), set(datasets))
                for key, values in datasets.items():
                    stored = file["items"][name][key]
                    self.assertTrue(numpy.array_equal(stored[...], values))
                    self.assertTrue(stored.fletcher32)
        self.assertEqual([path.name for path in one.parent.iterdir()], ["one.h5"])

    def test_one_file_takes_some_items_and_writes_over_none(self):
        one = self.new_folder() / "one.h5"
        self.results("export", self.run_folder, "--h5", one, "--items", "b,a-s1")
        with h5py.File(one) as file:
            self.assertEqual(sorted(file["items"]), ["a-s1", "b"])
        before = one.read_bytes()
        error = self.results("export", self.run_folder, "--h5", one, "--items", "c", code=1).stderr
        self.assertIn("name another file", error)
        self.assertEqual(one.read_bytes(), before)

    def test_a_disk_that_takes_no_more_leaves_nothing(self):
        for bytes_taken in (0, 1000, 20_000, 60_000):
            folder = self.new_folder()
            done = self.results("export", self.run_folder, "--h5", folder / "one.h5", code=3, restore_signals=False,
                                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_taken, bytes_taken)))
            self.assertIn("File too large", done.stderr)
            self.assertEqual(list(folder.iterdir()), [])

    def test_a_damaged_item_is_not_copied(self):
        run = pathlib.Path(shutil.copytree(self.run_folder, self.new_folder() / "run"))
        self.flip_frames(run)
        one = run.parent / "one.h5"
        for arguments in (["export", run, "--h5", one], ["export", run, "--png", run.parent / "png"]):
            error = self.results(*arguments, code=1).stderr
            self.assertIn(f"`ditmill results verify {run}`", error)
        self.assertFalse(one.exists())

    # --- names

    def export_names(self, template, *more, ending="mp4"):
        out = self.new_folder()
        self.results("export", self.run_folder, f"--{ending}", out, "--name", template, *more)
        return sorted(path.name for path in out.iterdir())

    def test_names_come_from_prompt_and_sample_number(self):
        names = self.export_names("{prompt:.28}-{sample}", "--items", "a-s1,a-s0,b")
        self.assertEqual(names, ["In a still frame, a stop sig-0.mp4", "a person swimming in ocean-0.mp4",
                                 "a person swimming in ocean-1.mp4"])
        self.assertEqual(self.export_names("{id}-{seed}-{prompt:.8}", "--items", "a-s1,b"),
                         ["a-s1-2-a person.mp4", "b-7-In a sti.mp4"])
        self.assertEqual(self.export_names("{{{index}}} {width}x{height}x{frames}@{fps} {steps} {metadata.category}",
                                           "--items", "b", ending="png")[0][:20], "{000002} 64x48x2@16 ")
        self.assertEqual(self.export_names("{id}"), self.export_names_by_default())

    def export_names_by_default(self):
        out = self.new_folder()
        self.results("export", self.run_folder, "--mp4", out)
        return sorted(path.name for path in out.iterdir())

    def test_names_are_safe_for_file_systems(self):
        self.assertEqual(self.export_names("{prompt}", "--items", "c", ending="png"), ["_.._é_ _x_ _y_"])
        self.assertEqual(self.export_names("{metadata.category}", "--items", "c,d,e", ending="png"),
                         ["_CON", "_nul.x", "a_b"])
        name, = self.export_names("{prompt}-{sample}-{seed}", "--items", "d")
        self.assertRegex(name, "^ж+-0-1.mp4$")
        self.assertLessEqual(len(name.encode()), 255)
        self.assertGreater(len(name.encode()), 230)

    def test_two_items_of_one_name_are_refused_before_anything_is_written(self):
        out = self.new_folder() / "out"
        for template, items in (("{prompt}", "a-s0 and a-s1"), ("{prompt}-{sample}", "a-s0 and e"), ("x", "a-s0 and a-s1"),
                                ("{seed}{width}", "a-s0 and c")):
            error = self.results("export", self.run_folder, "--mp4", out, "--name", template, code=1).stderr
            self.assertIn(items, error)
            self.assertFalse(out.exists())
            cure = re.search(r"--name ('[^']*'|\S+) tells", error)[1].strip("'")
            self.assertEqual(len(self.export_names(cure)), len(IDS), error)

    def test_a_wrong_template_is_refused_with_what_there_is(self):
        out = self.new_folder() / "out"
        for template, words in (("{promt}", "{prompt}?"), ("{category}", "{metadata.NAME}"), ("{id", "{{ and }}"),
                                ("id}", "{{ and }}"), ("{prompt:40}", "{prompt:.N}"), ("a/{id}", "without folders"),
                                ("{metadata.category}", "item a-s0"), ("{}", "negative_prompt")):
            error = self.results("export", self.run_folder, "--mp4", out, "--name", template, code=1).stderr
            self.assertIn(words, error)
        self.assertFalse(out.exists())
        self.assertIn("--mp4 DIR or --png DIR",
                      self.results("export", self.run_folder, "--h5", out, "--name", "{id}", code=1).stderr)

    def test_help_tells_of_both(self):
        text = " ".join(self.results("export", "--help").stdout.split())
        for words in ("--name", "{prompt}-{sample}", "--h5", "metadata.NAME"):
            self.assertIn(words, text)

    def test_the_listing_has_prompts(self):
        listed = json.loads(self.results("ls", self.run_folder, "--json").stdout)
        prompts = {line["id"]: line["prompt"] for line in LIST}
        self.assertEqual([(item["id"], item["prompt"]) for item in listed],
                         [(name, prompts[name.split("-")[0]]) for name in IDS])
        self.assertEqual([item["seed"] for item in listed], [1, 2, 7, 1, 1, 1])

    # --- cures

    @staticmethod
    def flip(path, at):
        data = bytearray(path.read_bytes())
        data[at] ^= 1
        path.write_bytes(data)

    def flip_frames(self, run):
        with h5py.File(run / self.part) as file:
            at = file["items/a-s0/frames"].id.get_chunk_info(0).byte_offset
        self.flip(run / self.part, at + 100)

    def heal(self, damage, files, mends, but=()):
        """Damages a copy of the run, does what verify says, and verifies that all is whole. What was whole stays."""
        run = pathlib.Path(shutil.copytree(self.run_folder, self.new_folder() / "a run"))
        damage(run)
        report = json.loads(self.results("verify", run, "--json", code=3).stdout)
        self.assertEqual({each["file"] for each in report["damage"]}, set(files))
        said = self.results("verify", run, code=3).stdout
        cures = said.split("to mend it:\n")[1]
        self.assertEqual("".join(f"  {cure}\n" for cure in report["cures"]), cures)
        self.assertIn(mends, cures)
        before = {path: path.stat().st_mtime_ns for path in (run / "parts").rglob("*.h5")}
        self.follow(cures, **{"JOB.yaml": self.manifest})
        for path, when in before.items():
            name = str(path.relative_to(run))
            if name not in but:
                self.assertEqual(path.stat().st_mtime_ns, when, f"{name} was whole")
        self.assertEqual(self.results("verify", run).stdout.splitlines()[-1], "all whole and complete")
        self.assertEqual(sorted(ditmill.frames(run)), IDS)
        return cures

    def test_an_index_alone_is_rebuilt(self):
        def leave_open(run):
            subprocess.run([sys.executable, "-c", LEAVE_OPEN, run / "results.h5"], check=False)

        def folder(run):
            (run / "results.h5").unlink()
            (run / "results.h5").mkdir()

        for damage in (leave_open, folder,
                       lambda run: os.truncate(run / "results.h5", 0),
                       lambda run: os.truncate(run / "results.h5", 900),
                       lambda run: self.flip(run / "results.h5", 30),
                       lambda run: (run / "results.h5").write_text("no HDF5")):
            cures = self.heal(damage, ["results.h5"], "results index --rebuild")
            self.assertIn("all parts are whole", cures)
            self.assertNotIn("parts/", cures)
            self.assertNotIn("ditmill run", cures)

    def test_a_missing_or_stale_index_is_rebuilt(self):
        for damage in (lambda path: path.unlink(), lambda path: (path.unlink(), path.symlink_to("gone.h5"))):
            run = pathlib.Path(shutil.copytree(self.run_folder, self.new_folder() / "run"))
            damage(run / "results.h5")
            self.follow(self.results("verify", run, code=2).stdout)
            self.results("verify", run)
        (run / "results.h5").unlink()
        (run / "results.h5").mkdir()
        self.follow(self.results("index", "--rebuild", run, code=3).stderr)
        self.results("index", "--rebuild", run)
        self.results("verify", run)

    def test_damaged_parts_are_made_anew(self):
        other = "parts/e0001-g000/000002.h5"

        def leave_open(run):
            subprocess.run([sys.executable, "-c", LEAVE_OPEN, run / self.part], check=False)

        def swap(run):
            (run / self.part).rename(run / "aside")
            (run / other).rename(run / self.part)
            (run / "aside").rename(run / other)

        ditmill.side_by_side(self, [
            (self.flip_frames, [self.part]), (leave_open, [self.part]), (swap, [self.part, other]),
            (lambda run: (os.truncate(run / self.part, 3000), (run / "results.h5").write_text("")),
             [self.part, "results.h5"]),
            (lambda run: (run / other).unlink(), [other])], lambda case: self.heal(*case, "ditmill run", case[1]))

    def test_damaged_journals_lose_their_lines_and_lists_and_settings_are_written_anew(self):
        journal = "journal/e0001-g000.jsonl"

        def garble(run):
            lines = (run / journal).read_bytes().splitlines(keepends=True)
            lines[1] = b"\0garbage\n"
            lines[4] = lines[4].replace(b'"done"', b'"dome"')
            lines.insert(2, b"x" * (2 << 20) + b"\n")
            (run / journal).write_bytes(b"".join(lines))

        def edit(name, old, new):
            def damage(run):
                text = (run / name).read_text()
                self.assertIn(old, text)
                (run / name).write_text(text.replace(old, new, 1))
            return damage

        requests, manifest, config = "requests.jsonl", "manifest.yaml", "config.json"
        ditmill.side_by_side(self, [
            (edit(journal, '"done"', '"dome"'), [journal], "sed"),
            (edit(requests, "stop sign", "top sign"), [requests], "mv"),
            (edit(requests, '"request"', '"reqest"'), [requests], "mv"),
            (lambda run: os.truncate(run / requests, 500), [requests], "mv"),
            (lambda run: (run / requests).unlink(), [requests], "ditmill run"),
            (edit(manifest, "schema", "scheme"), [manifest], "JOB.yaml"),
            (lambda run: (run / manifest).unlink(), [manifest], "JOB.yaml"),
            (lambda run: (run / config).unlink(), [config], "ditmill run"),
            (lambda run: (run / config).write_text("[]"), [config], "ditmill run"),
        ], lambda case: self.heal(*case))
        run = pathlib.Path(shutil.copytree(self.run_folder, self.new_folder() / "run"))
        garble(run)
        for _ in range(2):  # what stands behind a line without end is seen once that is gone
            done = self.results("verify", run, code=None)
            if done.returncode == 3:
                self.follow(done.stdout)
        self.results("verify", run)

    def test_other_commands_lead_to_the_cure(self):
        run = pathlib.Path(shutil.copytree(self.run_folder, self.new_folder() / "run"))
        os.truncate(run / "requests.jsonl", 500)
        (run / "config.json").write_text("{")
        for arguments in (["ls", run], ["ls", run, "--json"], ["index", "--rebuild", run], ["merge", run, "--out", run / "m"]):
            error = self.results(*arguments, code=1).stderr
            self.assertRegex(error, "`ditmill (results verify|run) ")
        (run / "requests.jsonl").unlink()
        self.assertIn("results verify", self.results("ls", run, code=1).stderr)

    def test_a_merged_list_is_merged_again(self):
        merged = self.new_folder() / "merged"
        self.results("merge", self.run_folder, "--out", merged)
        os.truncate(merged / "requests.jsonl", 500)
        said = self.results("verify", merged, code=3).stdout
        self.assertIn("merge its runs again, into another --out", said)
        self.results("merge", self.run_folder, "--out", merged.parent / "another")
        self.results("verify", merged.parent / "another")

    def test_an_array_is_mended_shard_by_shard(self):
        array = self.new_folder() / "array"
        shards = [array / f"shards/000{index}" for index in range(2)]
        for index, shard in enumerate(shards):
            ditmill.ditmill("run", self.manifest, "--shard", f"{index}/2", "--run-dir", shard, ranks=1)
        self.results("merge", *shards, "--out", array)
        self.results("verify", array)
        self.flip(shards[0] / self.part, 3000)  # the merged run has the same file
        said = self.results("verify", array, code=3).stdout
        move, shard_by_shard, merge = said.split("to mend it:\n")[1].splitlines()
        self.follow(move)
        found = self.follow(shard_by_shard).stdout
        self.follow(found.split("to mend it:\n")[1])
        self.follow(merge)
        self.results("verify", array)


if __name__ == "__main__":
    unittest.main()
