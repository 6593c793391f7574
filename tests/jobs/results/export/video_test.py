"""Videos end to end: jobs under mpirun that keep them, h5py and ffprobe that read them, exports."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import h5py
import numpy

import ditmill

BUILD = pathlib.Path(os.environ["DITMILL_BUILD"])


def probe(path):
    """What ffprobe says of the one stream of a file."""
    done = subprocess.run(["ffprobe", "-v", "error", "-count_frames", "-show_streams", "-of", "json", path],
                          check=True, capture_output=True, text=True)
    [stream] = json.loads(done.stdout)["streams"]
    return stream


def decoded(path):
    """Frames as ffmpeg decodes them, RGB."""
    stream = probe(path)
    raw = subprocess.run(["ffmpeg", "-v", "error", "-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
                         check=True, capture_output=True).stdout
    return numpy.frombuffer(raw, numpy.uint8).reshape(-1, stream["height"], stream["width"], 3)


class Video(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="ditmill-video-")
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name)

    def manifest(self, output, **defaults):
        path = self.path / "job.yaml"
        path.write_text(json.dumps({
            "schema": 1, "name": "clips", "model": {"noop": 0},
            "requests": {"defaults": {"width": 64, "height": 48, "frames": 9, "fps": 23.976, **defaults},
                         "items": [{"id": "a", "prompt": "a", "seed": 1}, {"id": "b", "prompt": "b", "seed": 2}]},
            "output": {"path": "run", **output},
        }))
        return path

    def run_job(self, output, **defaults):
        shutil.rmtree(self.path / "run", ignore_errors=True)
        ditmill.ditmill("run", self.manifest(output, **defaults), ranks=2)
        with h5py.File(self.path / "run/results.h5") as results:
            return {name: {kind: item[kind][:] for kind in item} for name, item in results["items"].items()}

    def export(self, *options, code=0):
        return ditmill.ditmill("results", "export", self.path / "run", *options, code=code)

    def test_a_job_keeps_a_video_of_each_item_that_ffprobe_reads(self):
        self.run_job({"video": {"codec": "h264", "crf": 23, "pix_fmt": "yuv422p"}, "compression": "gzip"})
        with h5py.File(self.path / "run/results.h5") as results:
            for name in "ab":
                self.assertEqual(sorted(results["items"][name]), ["frames", "video"])
                video = results["items"][name]["video"]
                self.assertEqual((video.dtype, video.ndim, video.fletcher32, video.compression),
                                 (numpy.uint8, 1, True, None))
                self.assertEqual(dict(video.attrs), {"media_type": "video/mp4", "codec": "h264", "fps": 23.976,
                                                     "crf": 23, "pix_fmt": "yuv422p"})
                path = self.path / f"{name}.mp4"
                path.write_bytes(video[:].tobytes())
                found = probe(path)
                expected = {"codec_name": "h264", "width": 64, "height": 48, "pix_fmt": "yuv422p",
                            "r_frame_rate": "2997/125", "avg_frame_rate": "2997/125", "nb_frames": "9",
                            "nb_read_frames": "9", "start_time": "0.000000", "duration": "0.375375",
                            "color_range": "tv", "color_space": "bt709", "color_primaries": "bt709",
                            "color_transfer": "bt709", "has_b_frames": 0}
                self.assertEqual({key: found.get(key) for key in expected}, expected)

    def test_the_same_job_gives_the_same_videos(self):
        first = self.run_job({"video": "h264"})
        second = self.run_job({"video": "h264", "frames": False})
        for name in "ab":
            self.assertEqual(sorted(second[name]), ["video"])
            self.assertTrue(numpy.array_equal(first[name]["video"], second[name]["video"]))
        self.assertFalse(numpy.array_equal(first["a"]["video"], first["b"]["video"]))

    def test_lossless_luma_is_decoded_to_the_frames_by_ffmpeg(self):
        items = self.run_job({"video": {"crf": 0, "pix_fmt": "yuv444p"}}, width=63, height=33)
        path = self.path / "a.mp4"
        path.write_bytes(items["a"]["video"].tobytes())
        error = decoded(path).astype(float) - items["a"]["frames"]
        self.assertGreater(10 * numpy.log10(255**2 / numpy.mean(error**2)), 40)

    def test_exports_stored_videos_and_encodes_frames_to_the_same(self):
        self.run_job({"video": "h264"})
        self.assertEqual(self.export("--mp4", self.path / "stored").stdout, f"2 videos in {self.path}/stored\n")
        stored = {name: (self.path / f"stored/{name}.mp4").read_bytes() for name in "ab"}
        items = self.run_job({})
        self.export("--mp4", self.path / "encoded", "--items", "b")
        self.assertEqual(os.listdir(self.path / "encoded"), ["b.mp4"])
        self.assertEqual((self.path / "encoded/b.mp4").read_bytes(), stored["b"])
        self.assertNotIn("video", items["b"])

    def test_settings_of_an_export_encode_the_frames_anew(self):
        self.run_job({"video": "h264"})
        self.export("--mp4", self.path / "small", "--crf", "45", "--pix-fmt", "yuv444p")
        with h5py.File(self.path / "run/results.h5") as results:
            self.assertLess(os.path.getsize(self.path / "small/a.mp4"), len(results["items/a/video"]))
        self.assertEqual(probe(self.path / "small/a.mp4")["pix_fmt"], "yuv444p")
        self.run_job({"video": "h264", "frames": False})
        done = self.export("--mp4", self.path / "same", "--crf", "45")
        self.assertIn("a: its stored video is written as it is", done.stderr)

    def test_pictures_come_from_the_video_if_there_are_no_frames(self):
        self.run_job({"video": "h264", "frames": False})
        self.export("--png", self.path / "png", "--contact-sheet", self.path / "sheet.png")
        self.assertEqual(len(list((self.path / "png/b").glob("frame_*.png"))), 9)
        self.assertGreater(os.path.getsize(self.path / "sheet.png"), 1000)

    def test_exports_refuse_what_makes_no_sense(self):
        self.run_job({}, width=63)
        for options, words in [(["--mp4", "out", "--crf", "52"], "from 0 to 51"),
                               (["--mp4", "out", "--pix-fmt", "yuv44p"], "did you mean yuv444p?"),
                               (["--png", "out", "--crf", "20"], "--mp4"),
                               (["--mp4", self.path / "out"], "width must be even")]:
            self.assertIn(words, self.export(*options, code=1).stderr)

    def test_check_names_the_odd_size_and_counts_the_video(self):
        done = ditmill.ditmill("run", self.manifest({"video": "h264"}, width=63), "--check", "--json", code=1)
        [problem] = json.loads(done.stdout)["problems"]
        self.assertRegex(problem["message"], "^width must be even")
        sizes = [json.loads(ditmill.ditmill("run", self.manifest(output), "--check", "--json").stdout)["disk_bytes"]
                 for output in ({}, {"video": "h264"}, {"video": "h264", "frames": False})]
        self.assertEqual(sizes[1] - sizes[0], 2 * 9 * (64 * 48 * 3 // 2 + 1024))
        self.assertEqual(sizes[1] - sizes[2], 2 * 9 * 64 * 48 * 3)

    def test_without_the_library_nothing_starts_and_the_rest_still_works(self):
        for name in ("ditmill", "ditmill-engine"):
            os.link(BUILD / name, self.path / name) if os.stat(BUILD).st_dev == os.stat(self.path).st_dev \
                else shutil.copy2(BUILD / name, self.path / name)
        environment = {key: value for key, value in os.environ.items() if key != "DITMILL_VIDEO"}

        def front(*arguments):
            return subprocess.run([self.path / "ditmill", *arguments], capture_output=True, text=True, env=environment)

        done = front("run", "--check", self.manifest({"video": "h264"}))
        self.assertEqual(done.returncode, 1)
        self.assertIn("./setup build", done.stdout)
        self.assertEqual(front("run", "--check", self.manifest({})).returncode, 0)


if __name__ == "__main__":
    unittest.main()
