"""results verify, index, merge and export --webdataset on real runs: damage of every kind is found and named."""

import hashlib
import io
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time
import unittest

import h5py
import numpy
import torch

import ditmill


class ResultsTools(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="ditmill-tools-")
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name)

    def run_job(self, name, items, ranks=2, code=0, noop=0, **output):
        manifest = self.path / f"{name}.yaml"
        manifest.write_text(json.dumps({
            "schema": 1, "name": "clips", "model": {"noop": noop},
            "requests": {"defaults": {"width": 32, "height": 16, "frames": 3}, "items": items},
            "output": {"path": name, "items_per_part": 2, **output}}))
        ditmill.ditmill("run", manifest, ranks=ranks, code=code)
        return self.path / name

    @staticmethod
    def items(first, count):
        return [{"id": f"item.{i}", "prompt": f"prompt {i}", "seed": i} for i in range(first, first + count)]

    def verify(self, run, code):
        report = json.loads(ditmill.ditmill("results", "verify", run, "--json", code=code).stdout)
        self.assertEqual(report["exit"], code)
        return report

    def copy(self, run, name="copy"):
        shutil.rmtree(self.path / name, ignore_errors=True)
        return pathlib.Path(shutil.copytree(run, self.path / name))

    @staticmethod
    def flip(path, at):
        data = bytearray(path.read_bytes())
        data[at] ^= 1
        path.write_bytes(data)

    def test_verify_finds_and_names_each_kind_of_damage(self):
        run = self.run_job("run", self.items(0, 6))
        report = self.verify(run, 0)
        self.assertEqual((report["items"], report["done"], report["damage"]), (6, 6, []))
        done = [record for record in ditmill.journal(run) if record["event"] == "done"]
        first = done[0]
        part, other = first["part"], next(each["part"] for each in done if each["part"] != first["part"])
        data = (run / part).read_bytes()
        frames = ditmill.frames(run)[first["item"]].tobytes()

        def named(damage, dataset=None):
            return any(each["file"] == part and first["item"] in each["items"] and each["dataset"] == dataset
                       for each in damage)

        copy = self.copy(run)
        self.flip(copy / part, data.index(frames[:64]))
        self.assertTrue(named(self.verify(copy, 3)["damage"], "frames"))
        copy = self.copy(run)
        self.flip(copy / part, data.index(b"prompt " + first["item"][5:].encode()))
        self.assertIn("attribute prompt", json.dumps(self.verify(copy, 3)["damage"]))
        copy = self.copy(run)
        self.flip(copy / part, 30)  # superblock
        self.assertTrue(named(self.verify(copy, 3)["damage"]))
        copy = self.copy(run)
        os.truncate(copy / part, len(data) // 2)
        (copy / other).unlink()
        damage = self.verify(copy, 3)["damage"]
        self.assertTrue(named(damage))
        self.assertIn(other, [each["file"] for each in damage])
        copy = self.copy(run)
        (copy / part).rename(copy / "aside")
        (copy / other).rename(copy / part)
        (copy / "aside").rename(copy / other)
        self.assertLessEqual({part, other}, {each["file"] for each in self.verify(copy, 3)["damage"]})

    def test_verify_finds_edited_lists_cut_journals_and_stale_indices(self):
        run = self.run_job("run", self.items(0, 4), ranks=1)
        copy = self.copy(run)
        text = (copy / "requests.jsonl").read_text()
        (copy / "requests.jsonl").write_text(text.replace("prompt 2", "prompt 7"))
        damage = self.verify(copy, 3)["damage"]
        self.assertIn(["item.2"], [each["items"] for each in damage if each["file"] == "requests.jsonl"])
        copy = self.copy(run)
        (copy / "manifest.yaml").write_text((copy / "manifest.yaml").read_text() + "# more\n")
        self.assertEqual([each["file"] for each in self.verify(copy, 3)["damage"]], ["manifest.yaml"])
        copy = self.copy(run)
        journal = next((copy / "journal").iterdir())
        self.flip(journal, 20)
        self.assertIn(f"journal/{journal.name}", [each["file"] for each in self.verify(copy, 3)["damage"]])
        copy = self.copy(run)
        journal = next((copy / "journal").iterdir())
        lines = journal.read_bytes().splitlines(keepends=True)
        journal.write_bytes(b"".join(lines[:-1]) + lines[-1][:-5])
        report = self.verify(copy, 2)
        self.assertEqual(report["left"], ["item.3"])
        self.assertIn("torn", json.dumps(report["notes"]))
        self.assertIn("item.3", json.dumps(report["stale_index"]))
        text = ditmill.ditmill("results", "index", "--rebuild", copy).stdout
        self.assertIn("3 of 4 items linked", text)
        self.assertEqual(sorted(ditmill.frames(copy)), ["item.0", "item.1", "item.2"])
        self.assertEqual(self.verify(copy, 2)["stale_index"], [])
        copy = self.copy(run)
        (copy / "results.h5").unlink()
        ditmill.ditmill("results", "index", "--rebuild", copy)
        self.verify(copy, 0)
        self.flip(copy / "results.h5", 30)
        self.assertEqual([each["file"] for each in self.verify(copy, 3)["damage"]], ["results.h5"])

    def test_merge_makes_a_run_that_verifies_resumes_and_refuses_what_differs(self):
        a = self.run_job("a", self.items(0, 3))
        b = self.run_job("b", self.items(2, 3))
        out = self.path / "all"
        done = ditmill.ditmill("results", "merge", a, b, "--out", out, "--json")
        self.assertEqual(json.loads(done.stdout)["done"], 5)
        self.assertEqual(self.verify(out, 0)["items"], 5)
        self.assertEqual(sorted(ditmill.frames(out)), [f"item.{i}" for i in range(5)])
        self.assertEqual(ditmill.outcome(out)["exit"], 0)
        ids = [json.loads(line)["id"] for line in (out / "requests.jsonl").read_text().splitlines()]
        self.assertEqual(ids, [f"item.{i}" for i in range(5)])
        ditmill.ditmill("results", "merge", a, b, "--out", out, code=1)
        before = {path: path.stat().st_ino for path in (out / "parts").rglob("*.h5")}
        shutil.rmtree(a)  # linked parts have lives of their own
        next(iter(sorted((out / "parts").rglob("*.h5")))).unlink()
        self.verify(out, 3)
        ditmill.ditmill("run", out / "manifest.yaml", "--run-dir", out, ranks=2)
        self.verify(out, 0)
        self.assertGreater(len({*(out / "parts").rglob("*.h5")} - set(before)), 0)

        other = self.run_job("other", [{"id": "item.3", "prompt": "else", "seed": 1}])
        done = ditmill.ditmill("results", "merge", b, other, "--out", self.path / "no", code=1)
        self.assertIn("item.3", done.stderr)
        config = json.loads((other / "config.json").read_text())
        config["identity"]["solver"] = "euler"
        (other / "config.json").write_text(json.dumps(config))
        done = ditmill.ditmill("results", "merge", b, other, "--out", self.path / "no", code=1)
        self.assertIn("solver", done.stderr)
        self.assertEqual([path.name for path in self.path.glob("no*")], [])

    def test_a_merge_that_is_killed_leaves_no_run_and_the_next_one_does_it(self):
        a = self.run_job("a", self.items(0, 20), items_per_part=1)
        b = self.run_job("b", self.items(20, 20), items_per_part=1)
        out = self.path / "all"
        arguments = [ditmill.DITMILL, "results", "merge", a, b, "--copy", "--out", out]
        kills = 0
        for milliseconds in range(5, 200, 12):
            with subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as merge:
                time.sleep(milliseconds / 1000)
                merge.send_signal(signal.SIGKILL)
            kills += merge.returncode == -signal.SIGKILL
            if out.exists():
                self.verify(out, 0)
                shutil.rmtree(out)
        self.assertGreater(kills, 0)
        ditmill.ditmill("results", "merge", a, b, "--out", out)
        self.assertEqual(self.verify(out, 0)["done"], 40)
        self.assertFalse((self.path / "all.tmp").exists())

    def test_a_run_at_work_is_left_alone(self):
        run = self.run_job("run", self.items(0, 2))
        epoch = run / "epochs/0002.json"
        start = pathlib.Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()[19]
        owner = json.loads((run / "epochs/0001.json").read_text())
        epoch.write_text(json.dumps({**owner, "pid": os.getpid(), "pid_start": int(start)}))
        for arguments in (["index", "--rebuild", run], ["merge", run, "--out", self.path / "out"]):
            self.assertIn(f"pid {os.getpid()}", ditmill.ditmill("results", *arguments, code=3).stderr)

    def test_samples_are_read_back_by_tarfile_and_webdataset(self):
        import webdataset

        run = self.run_job("run", self.items(0, 5), ranks=1)
        frames = ditmill.frames(run)
        hashes = []
        for name in ("one", "two"):
            out = self.path / name
            ditmill.ditmill("results", "export", run, "--webdataset", out, "--shard", "20KB")
            hashes.append({path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in out.iterdir()})
        self.assertEqual(hashes[0], hashes[1])
        shards = sorted((self.path / "one").glob("*.tar"))
        self.assertGreater(len(shards), 1)
        lines = [json.loads(line) for line in (self.path / "one/metadata.jsonl").read_text().splitlines()]
        self.assertEqual([line["id"] for line in lines], [f"item.{i}" for i in range(5)])
        for line in lines:
            self.assertLessEqual((self.path / "one" / line["shard"]).stat().st_size, 20_000)
            with open(self.path / "one" / line["shard"], "rb") as shard:
                shard.seek(line["offset"])
                with tarfile.open(fileobj=io.BytesIO(shard.read(line["bytes"]) + bytes(1024))) as archive:
                    key = line["id"].replace(".", "%2E")
                    self.assertEqual(archive.getnames(), [f"{key}.json", f"{key}.txt", f"{key}.npy"])
                    pixels = numpy.load(io.BytesIO(archive.extractfile(f"{key}.npy").read()))
                    self.assertTrue(numpy.array_equal(pixels, frames[line["id"]]))
                    self.assertEqual(archive.extractfile(f"{key}.txt").read().decode(), line["prompt"])
        samples = list(webdataset.WebDataset([str(path) for path in shards], shardshuffle=False).decode())
        self.assertEqual([sample["json"]["id"] for sample in samples], [f"item.{i}" for i in range(5)])
        for sample in samples:
            self.assertTrue(numpy.array_equal(sample["npy"], frames[sample["json"]["id"]]))
        ditmill.ditmill("results", "export", run, "--webdataset", self.path / "one", code=1)
        ditmill.ditmill("results", "export", run, "--webdataset", self.path / "few", "--items", "item.3", "--frames",
                        "mp4")
        with tarfile.open(self.path / "few/000000.tar") as archive:
            self.assertEqual(archive.getnames()[-1], "item%2E3.mp4")

    def test_long_ids_have_pax_headers(self):
        long = "x" * 120 + ".y"
        run = self.run_job("run", [{"id": long, "prompt": "long", "seed": 1}], ranks=1)
        ditmill.ditmill("results", "export", run, "--webdataset", self.path / "out")
        with tarfile.open(self.path / "out/000000.tar") as archive:
            self.assertEqual(archive.getnames()[0], "x" * 120 + "%2Ey.json")
        subprocess.run(["tar", "tf", self.path / "out/000000.tar"], check=True, capture_output=True)

    def test_the_data_set_of_the_readme_works_in_workers(self):
        source = (ditmill.ROOT / "configs/examples/dataset.py").read_text()
        self.assertIn(f"```python\n{source}```\n", (ditmill.ROOT / "README.md").read_text())
        run = self.run_job("run", self.items(0, 6))
        space = {"__name__": "dataset"}
        exec(compile(source, "dataset.py", "exec"), space)
        clips = space["Clips"](run)
        self.assertEqual(clips[0]["id"], "item.0")
        clips.file = None
        loader = torch.utils.data.DataLoader(clips, batch_size=2, num_workers=2)
        batches = list(loader)
        self.assertEqual([name for batch in batches for name in batch["id"]], [f"item.{i}" for i in range(6)])
        frames = ditmill.frames(run)
        for batch in batches:
            for name, pixels in zip(batch["id"], batch["frames"]):
                self.assertTrue(numpy.array_equal(pixels.numpy(), frames[name]))
        with h5py.File(run / "results.h5") as results:
            self.assertEqual(len(results["items"]), len(clips))


if __name__ == "__main__":
    unittest.main()
