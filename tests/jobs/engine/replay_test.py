"""`results replay` of a rehearsal: the same bytes again, how far off they are, and what is refused."""

import json
import pathlib
import tempfile
import unittest

import h5py

import ditmill


class Replay(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="ditmill-replay-")
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name)
        self.run = self.path / "run"
        self.manifest = self.path / "job.yaml"
        self.manifest.write_text(json.dumps({
            "schema": 1, "name": "cats", "model": {"noop": 0.0},
            "requests": {"defaults": {"width": 32, "height": 16, "frames": 3, "negative_prompt": "ugly"},
                         "items": [{"id": f"item-{i}", "prompt": f"prompt {i} \N{GRINNING FACE}", "seed": 2**63 - 1 - i}
                                   for i in range(4)]},
            "output": {"path": "run", "compression": "gzip-3", "items_per_part": 2},
        }, ensure_ascii=False))

    def make(self, *more, ranks=2):
        ditmill.ditmill("run", self.manifest, *more, ranks=ranks)

    def replay(self, item, *more, ranks=1, code=0):
        return ditmill.ditmill("results", "replay", self.run, item, *more, ranks=ranks, code=code)

    def report(self, item, *more, **how):
        return json.loads(self.replay(item, "--json", *more, **how).stdout)

    def part_of(self, item):
        return next(self.run / r["part"] for r in ditmill.journal(self.run) if r["event"] == "done" and r["item"] == item)

    def test_an_item_comes_back_byte_for_byte_on_any_number_of_ranks(self):
        self.make("--threads", "1", "--set", "pipeline.parallel.dp=2")
        before = sorted(p.relative_to(self.run) for p in self.run.rglob("*"))
        for ranks in (0, 1, 3):
            report = self.report("item-2", ranks=ranks)
            self.assertEqual((report["id"], report["equal"], report["kept"]), ("item-2", True, None))
            self.assertEqual(report["content"]["then"], report["content"]["now"])
        self.assertIn("item-2: equal, byte for byte", self.replay("item-2").stdout)
        self.assertEqual(before, sorted(p.relative_to(self.run) for p in self.run.rglob("*")), "something was left")

    def test_what_was_kept_of_it_is_made_again(self):
        self.make("--set", "output.video={codec: h264, crf: 30, pix_fmt: yuv444p}", "--set", "output.frames=false")
        self.assertTrue(self.report("item-1")["equal"])
        kept = self.path / "kept"
        self.assertTrue(self.report("item-1", "--keep", kept)["equal"])
        with h5py.File(kept / "results.h5") as results:
            self.assertEqual(list(results["items"]), ["item-1"])
            self.assertEqual(list(results["items/item-1"]), ["video"])

    def test_the_repetition_is_kept_where_it_is_asked_for(self):
        self.make()
        kept = self.path / "kept"
        self.assertEqual(self.report("item-0", "--keep", kept)["kept"], str(kept))
        self.assertTrue((kept / "results.h5").exists())
        self.assertIn("empty folder", self.replay("item-0", "--keep", kept, code=1).stderr)

    def test_what_changes_no_byte_may_be_set(self):
        self.make("--threads", "1")
        self.assertTrue(self.report("item-3", "--threads", "2", "--set", "output.compression=none")["equal"])
        done = self.replay("item-3", "--set", "requests.file=x", code=1)
        self.assertIn("--set requests.file", done.stderr)

    def test_items_that_are_not_done_are_refused_by_their_state(self):
        self.make()
        listed = self.run / "requests.jsonl"
        extra = json.loads(listed.read_text().splitlines()[0])
        extra.update(id="later", key="0" * 64)
        listed.write_text(listed.read_text() + json.dumps(extra) + "\n")
        for item, words in (("later", "left"), ("itme-1", "did you mean item-1?")):
            for ranks in (0, 2):
                done = self.replay(item, ranks=ranks, code=1)
                self.assertIn(words, done.stderr)
                self.assertEqual(done.stderr.count("ditmill: "), 1, done.stderr)
                self.assertEqual(done.stdout, "")

    def test_damage_is_named_and_is_the_environments(self):
        self.make()
        part = self.part_of("item-1")
        data = bytearray(part.read_bytes())
        with h5py.File(part) as file:
            chunk = file["items/item-1/frames"].id.get_chunk_info(0)
        data[chunk.byte_offset + 3] ^= 1
        part.write_bytes(data)
        done = self.replay("item-1", ranks=2, code=3)
        self.assertIn("item-1", done.stderr)
        self.assertIn(str(part), done.stderr)
        part.unlink()
        self.assertIn(str(part), self.replay("item-1", code=3).stderr)
        elsewhere = next(f"item-{i}" for i in range(4) if self.part_of(f"item-{i}") != part)
        self.assertTrue(self.report(elsewhere)["equal"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
