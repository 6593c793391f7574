"""h5py reads what the store writes: parts, the index, and the same after the folder has moved."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import h5py
import numpy

SAMPLE_RUN = pathlib.Path(os.environ["DITMILL_BUILD"]) / "tests" / "sample_run"

STRINGS = [
    "prompt", "negative_prompt", "started", "model_key_hash", "weights_digest", "manifest_sha256",
    "ditmill_version", "metadata_json", "config_json",
]
INTEGERS = ["seed", "steps", "width", "height", "frames", "attempt", "tokens", "tokens_cut", "negative_tokens",
            "negative_tokens_cut"]
FLOATS = ["guidance", "fps", "seconds_text", "seconds_denoise", "seconds_decode", "seconds_store"]


class Store(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="ditmill-store-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.run = self.folder / "run"

    def make(self, gzip=0, left=1):
        subprocess.run([SAMPLE_RUN, self.run, str(gzip), str(left)], check=True)
        return self.run

    def test_parts_hold_the_items_with_all_their_attributes(self):
        run = self.make()
        self.assertEqual(
            sorted(path.name for path in (run / "parts/e0001-g000").iterdir()),
            ["000001.h5", "000002.h5", "000003.h5"],
        )
        with h5py.File(run / "parts/e0001-g000/000001.h5") as part:
            self.assertEqual(list(part["items"]), ["item0", "item1"])
            attributes = part["items/item1"].attrs
            self.assertEqual(sorted(attributes), sorted(STRINGS + INTEGERS + FLOATS))
            for name in STRINGS:
                kind = h5py.check_string_dtype(attributes.get_id(name).dtype)
                self.assertEqual((kind.encoding, kind.length), ("utf-8", None), name)
                self.assertIsInstance(attributes[name], str, name)
            for name in INTEGERS:
                self.assertEqual(attributes.get_id(name).dtype, numpy.dtype("<i8"), name)
            for name in FLOATS:
                self.assertEqual(attributes.get_id(name).dtype, numpy.dtype("<f8"), name)
            self.assertEqual(attributes["prompt"], "Prompt “1”")
            self.assertEqual(attributes["guidance"], 5.5)
            self.assertEqual(json.loads(attributes["metadata_json"]), {"shelf": "a"})
            dump = json.loads(attributes["config_json"])
            self.assertEqual(dump["layer3_request"]["seed"], 1)
            self.assertEqual(
                sorted(dump),
                ["layer1_model_definition", "layer2_inference_config", "layer3_request", "threads"],
            )

    def test_datasets_are_chunked_by_frame_and_checked(self):
        for gzip in (0, 1, 9):
            shutil.rmtree(self.run, ignore_errors=True)
            run = self.make(gzip)
            with h5py.File(run / "parts/e0001-g000/000001.h5") as part:
                frames = part["items/item0/frames"]
                self.assertEqual((frames.dtype, frames.shape, frames.chunks), (numpy.uint8, (3, 12, 20, 3), (1, 12, 20, 3)))
                latents = part["items/item0/latents"]
                self.assertEqual((latents.dtype, latents.shape, latents.chunks), (numpy.float32, (4, 3, 2, 5), (4, 1, 2, 5)))
                for dataset in (frames, latents):
                    self.assertTrue(dataset.fletcher32)
                    self.assertEqual(dataset.compression, "gzip" if gzip else None)
                    self.assertEqual(dataset.compression_opts, gzip or None)
                self.assertEqual(latents[:].tobytes(), (numpy.arange(120, dtype="f4") / 8).tobytes())
                self.assertNotIn("latents", part["items/item1"])
                self.assertGreater(len(numpy.unique(frames[:])), 100)

    def test_the_index_links_done_items_and_names_the_others(self):
        run = self.make()
        with h5py.File(run / "results.h5") as index:
            self.assertEqual(list(index["items"]), [f"item{i}" for i in range(5)])
            link = index["items"].get("item4", getlink=True)
            self.assertEqual((link.filename, link.path), ("parts/e0001-g000/000003.h5", "/items/item4"))
            self.assertEqual(index["items/item4"].attrs["seed"], 4)
            self.assertEqual(index["items/item4/frames"].shape, (3, 12, 20, 3))
            self.assertEqual(list(index.attrs["failed_items"]), ["item5"])
            self.assertEqual(list(index.attrs["left_items"]), ["item6"])
            self.assertEqual(list(index.attrs["missing_parts"]), [])
            self.assertEqual(index.attrs["software_version"], "9.8.7")
            self.assertEqual(json.loads(index.attrs["config_json"])["pipeline_type"], "test")

    def test_lists_may_be_larger_than_an_attribute_in_a_header(self):
        with h5py.File(self.make(left=20000) / "results.h5") as index:
            self.assertEqual(list(index.attrs["left_items"]), [f"item{i}" for i in range(6, 20006)])
            self.assertEqual(list(index.attrs["failed_items"]), ["item5"])

    def test_every_file_says_what_wrote_it(self):
        run = self.make()
        for path in [run / "results.h5", *run.glob("parts/*/*.h5")]:
            with h5py.File(path) as file:
                self.assertEqual(file.attrs["schema_version"], 1)
                self.assertEqual(file.attrs["software"], "ditmill")
                self.assertRegex(file.attrs["date"], re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+0000$"))
                self.assertIsInstance(json.loads(file.attrs["config_json"]), dict)

    def test_the_index_works_after_the_folder_has_moved(self):
        run = self.make()
        moved = self.folder / "elsewhere"
        run.rename(moved)
        with h5py.File(moved / "results.h5") as index:
            self.assertEqual(index["items/item2"].attrs["prompt"], "Prompt “2”")

    def test_a_damaged_frame_is_an_error_through_the_index(self):
        run = self.make()
        path = run / "parts/e0001-g000/000001.h5"
        with h5py.File(path) as part:
            frame = part["items/item0/frames"][1].tobytes()
        data = bytearray(path.read_bytes())
        data[data.find(frame) + 5] ^= 1
        path.write_bytes(data)
        with h5py.File(run / "results.h5") as index:
            with self.assertRaises(OSError):
                index["items/item0/frames"][:]
            index["items/item1/frames"][:]


if __name__ == "__main__":
    unittest.main()
