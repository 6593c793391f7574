"""`ditmill report`, its page opened in a real browser."""

import base64
import io
import json
import os
import pathlib
import re
import subprocess
import tempfile
import time
import unittest

import numpy
from PIL import Image

import browser
import ditmill
from waiting import until

READY = "document.documentElement?.dataset.ready === 'yes'"
HOSTILE = [
    '</script><script>document.title = "owned"</script>',
    "\"quotes\" & 'apostrophes' <img src=x onerror=\"document.title='owned'\">",
    "emoji \U0001F408\u200d\u2b1b, Umlaute äöü, “typographic”",
    "<!-- <script> a comment that never ends",
    "a line separator \u2028 and \\u003c a backslash \\",
]


class Report(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="ditmill-report-")
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name)
        self.page = self.path / "run/report.html"

    def manifest(self, items, seconds=0.0, output=None, **defaults):
        (self.path / "list.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
        path = self.path / "job.yaml"
        path.write_text(json.dumps({
            "schema": 1, "name": "cats", "model": {"noop": seconds},
            "requests": {"defaults": {"width": 64, "height": 48, "frames": 9, **defaults}, "file": "list.jsonl"},
            "output": {"path": "run", **(output or {})}}))
        return path

    @staticmethod
    def items(count):
        return [{"id": f"clip-{i:03}", "prompt": HOSTILE[i] if i < len(HOSTILE) else f"cat {i} asleep", "seed": 2**63 - 1 - i}
                for i in range(count)]

    def report(self, *more, code=0):
        return ditmill.ditmill("report", self.path / "run", *more, code=code)

    def open(self, **more):
        window = browser.Browser(**more)
        self.addCleanup(window.__exit__)
        window.open(self.page, READY)
        return window

    def test_the_pictures_that_clips_begin_with_are_shown_beside_them(self):
        ditmill.ditmill("weights", "synth", "--like", "wan2.2-ti2v-5b", "--seed", "3", self.path / "model")
        name = "<img src=x onerror=\"document.title='owned'\">.png"
        noise = numpy.random.default_rng(1).integers(0, 256, (900, 1200, 3), dtype=numpy.uint8)
        noise[:, :600] = (250, 10, 10)
        Image.fromarray(noise).save(self.path / name)
        manifest = self.manifest([{"id": "clip", "prompt": "rain", "image": name, "seed": 1}], width=32, height=32, frames=5)
        job = json.loads(manifest.read_text())
        job["model"] = {"path": "model", "catalog": "model/catalog.yaml"}
        job["pipeline"] = {"preset": "wan2.2-ti2v-5b", "steps": 1, "dtype": "float32"}
        job["output"]["keep_inputs"] = True
        manifest.write_text(json.dumps(job))
        ditmill.ditmill("run", manifest, ranks=1)
        (self.path / name).unlink()  # what is shown is what the run has kept
        self.report()
        window = self.open()
        self.to_wall(window)
        self.assertEqual(window.evaluate("document.title.includes('owned')"), False)
        source = window.evaluate("document.querySelector('.card .inputs img').src")
        self.assertLess(len(source), 20_000)
        with Image.open(io.BytesIO(base64.b64decode(source.removeprefix("data:image/jpeg;base64,")))) as shown:
            self.assertEqual(shown.size, (96, 72))
            left = numpy.asarray(shown.convert("RGB"))[20:50, 10:35].reshape(-1, 3).mean(0)
        self.assertLess(numpy.abs(left - (250, 10, 10)).max(), 12)
        self.assert_quiet(window)

    def assert_quiet(self, window):
        """The page complained of nothing and fetched nothing but itself."""
        self.assertEqual(window.errors, [])
        self.assertEqual([url for url in window.requests if not url.startswith(("file://", "blob:", "data:"))], [])

    @staticmethod
    def to_wall(window):
        window.evaluate("document.getElementById('clips').scrollIntoView()")
        window.wait_for("document.querySelectorAll('.card .clip.moves').length > 0")

    @staticmethod
    def text(window, selector):
        return window.evaluate(f"document.querySelector({json.dumps(selector)}).innerText")

    @staticmethod
    def pixels(window, selector):
        x, y, width, height = window.evaluate(
            f"(() => {{ const box = document.querySelector({json.dumps(selector)}).getBoundingClientRect();"
            "return [box.x, box.y, box.width, box.height]; })()")
        whole = numpy.asarray(Image.open(io.BytesIO(window.screenshot())).convert("RGB"))
        return whole[round(y):round(y + height), round(x):round(x + width)]

    def picture(self, window):
        """The first clip on the wall, once its picture is there: it is read after its card is."""
        pixels = []

        def drawn():
            pixels[:] = [self.pixels(window, ".card .clip")]
            return len(numpy.unique(pixels[0].reshape(-1, 3), axis=0)) > 100

        until(drawn, "the picture of a card")
        return pixels[0]

    def test_shows_every_item_and_hostile_prompts_as_text(self):
        manifest = self.manifest(self.items(20), seconds=0.01)
        ditmill.ditmill("run", manifest, ranks=2)
        ditmill.ditmill("run", self.manifest(self.items(33), seconds=0.01), ranks=3)
        done = self.report()
        self.assertRegex(done.stdout, r"report\.html: 33 of 33 clips, \d+\.\d MB\n")
        with self.subTest("in the browser"):
            window = self.open()
            self.assertEqual(window.evaluate("document.title"), "cats · ditmill report")
            self.assertEqual(self.text(window, "#state"), "Done")
            self.assertIn("33", self.text(window, "#counts"))
            self.assertEqual(window.evaluate("document.querySelectorAll('#epochs tbody tr').length"), 2)
            self.assertIn("33 clips", self.text(window, "#clips-words"))
            self.assertEqual(window.evaluate("document.querySelectorAll('script[type=\"text/plain\"]').length"), 33)
            self.to_wall(window)
            shown = window.evaluate("[...document.querySelectorAll('.card .prompt')].map((e) => e.textContent)")
            self.assertEqual(shown[:len(HOSTILE)], HOSTILE)
            self.assertEqual(window.evaluate("document.querySelectorAll('main img, .card b').length"), 0)
            self.assertGreater(len(window.evaluate("document.querySelector('.curve').getAttribute('d')")), 100)
            self.assertIn("Denoise", self.text(window, "#stages-chart"))
            self.picture(window)
            self.assert_quiet(window)

    def test_search_narrows_the_wall(self):
        ditmill.ditmill("run", self.manifest(self.items(30)), ranks=2)
        self.report()
        window = self.open()
        for words, found in [("clip-01", 10), ("CAT 2", 10), ("</script>", 1), ("zebra", 0), ("", 30)]:
            window.evaluate(f"(() => {{ const box = document.getElementById('clips-search'); box.value = {json.dumps(words)};"
                            "box.dispatchEvent(new Event('input')); })()")
            expected = f"{found} of 30 clips" if words else "30 clips"
            window.wait_for(f"document.getElementById('clips-words').textContent === {json.dumps(expected)}")
            self.assertLessEqual(window.evaluate("document.querySelectorAll('.card').length"), found)
        self.assert_quiet(window)

    def test_clips_play_in_view_and_rest_where_motion_is_not_wanted(self):
        ditmill.ditmill("run", self.manifest(self.items(4), fps=4))
        self.report()
        window = self.open()
        for motion in (True, False):
            window.emulate(motion=motion)
            window.open(self.page, READY)
            self.to_wall(window)
            first = self.picture(window).astype(int)
            moved = False
            for _ in range(20 if motion else 8):
                time.sleep(0.15)
                moved = moved or numpy.abs(self.pixels(window, ".card .clip") - first).mean() > 10
            self.assertEqual(moved, motion)
        self.assert_quiet(window)

    def test_follows_the_colours_of_the_system_until_told_otherwise(self):
        ditmill.ditmill("run", self.manifest(self.items(2)))
        self.report()
        window = self.open()
        light = numpy.asarray(Image.open(io.BytesIO(window.screenshot())).convert("L"))
        window.emulate(dark=True)
        window.wait_for("document.documentElement.dataset.theme === 'dark'")
        dark = numpy.asarray(Image.open(io.BytesIO(window.screenshot())).convert("L"))
        self.assertGreater(light.mean(), 200)
        self.assertLess(dark.mean(), 60)
        window.evaluate("document.getElementById('theme').click()")
        self.assertEqual(window.evaluate("document.documentElement.dataset.theme"), "light")
        window.evaluate("document.getElementById('theme').click()")
        window.emulate(dark=False)
        self.assertEqual(window.evaluate("document.documentElement.dataset.theme"), "dark")
        self.assert_quiet(window)

    def test_a_clip_opens_by_keyboard_with_its_configuration(self):
        ditmill.ditmill("run", self.manifest(self.items(8)))
        self.report()
        window = self.open()
        self.to_wall(window)
        window.evaluate("document.querySelector('.card').focus()")
        window.press("ArrowRight")
        window.press("Enter")
        window.wait_for("document.getElementById('viewer').open")
        self.assertEqual(self.text(window, "#viewer-id"), "clip-001")
        self.assertEqual(window.evaluate("document.getElementById('viewer-prompt').textContent"), HOSTILE[1])
        self.assertIn(str(2**63 - 2), self.text(window, "#viewer-facts"))
        config = json.loads(window.evaluate("document.getElementById('viewer-config').textContent"))
        self.assertEqual(config["layer3_request"]["seed"], 2**63 - 2)
        self.assertEqual(config["layer1_model_definition"]["noop"], 0)
        window.press("ArrowRight")
        self.assertEqual(self.text(window, "#viewer-id"), "clip-002")
        window.press("Escape")
        window.wait_for("!document.getElementById('viewer').open && document.activeElement.dataset.id === 'clip-002'")
        self.assert_quiet(window)

    def test_lists_failures_with_their_class(self):
        subprocess.run([ditmill.BUILD / "tests/sample_run", self.path / "run", "0", "3"], check=True)
        self.report()
        window = self.open()
        self.assertEqual(window.evaluate("[...document.querySelectorAll('#failures-table td')].map((e) => e.textContent)")[:3],
                         ["item5", "numeric", "1"])
        self.assertIn("the latents are not finite", self.text(window, "#failures-table"))
        window.evaluate("(() => { const box = document.getElementById('failures-search'); box.value = 'memory';"
                        "box.dispatchEvent(new Event('input')); })()")
        self.assertEqual(window.evaluate("document.querySelectorAll('#failures-table tbody tr').length"), 0)
        self.assertIn("5 clips", self.text(window, "#clips-words"))
        self.assert_quiet(window)

    def test_an_unreadable_part_is_a_note_and_not_an_end(self):
        ditmill.ditmill("run", self.manifest(self.items(6), output={"items_per_part": 1}))
        part = sorted((self.path / "run/parts").rglob("*.h5"))[2]
        content = bytearray(part.read_bytes())
        content[:4096] = bytes(4096)
        part.write_bytes(content)
        done = self.report()
        self.assertIn(part.name, done.stderr)
        window = self.open()
        self.assertIn(part.name, self.text(window, "#notes"))
        self.assertIn("6 clips", self.text(window, "#clips-words"))
        self.assertEqual(window.evaluate("document.querySelectorAll('script[type=\"text/plain\"]').length"), 5)
        self.assert_quiet(window)

    def test_a_run_may_be_at_work_or_have_crashed(self):
        manifest = self.manifest(self.items(500), seconds=0.2)  # still at work when the report is written
        process = ditmill.start("run", manifest, ranks=2)
        journals = self.path / "run/journal"
        until(lambda: any(b'"done"' in path.read_bytes() for path in journals.glob("*.jsonl")), "an item that is done")
        self.report()
        ditmill.kill_all(process, self.path)
        window = self.open()
        self.assertEqual(self.text(window, "#state"), "Running")
        self.assertIn("at work", self.text(window, "#legend"))
        os.utime(self.path / "run/epochs/0001.json", (1e9, 1e9))
        self.report()
        window.open(self.page, READY)
        self.assertEqual(self.text(window, "#state"), "Ended without a word")
        self.assertIn("lost", self.text(window, "#legend"))
        self.assert_quiet(window)

    def test_clips_kept_as_videos_play_too(self):
        ditmill.ditmill("run", self.manifest(self.items(2), output={"frames": False, "video": "h264"}))
        self.report("--out", self.path / "elsewhere.html")
        self.page = self.path / "elsewhere.html"
        window = self.open()
        self.to_wall(window)
        self.assertEqual(window.evaluate("document.querySelectorAll('.card .clip.moves').length"), 2)
        self.assert_quiet(window)

    def test_refuses_a_folder_that_holds_no_run(self):
        self.assertIn("no run directory", self.report(code=1).stderr)
        self.assertFalse(self.page.exists())

    def test_ten_thousand_items_open_and_scroll(self):
        items = [{"id": f"item-{i:05}", "prompt": f"prompt {i}", "seed": i} for i in range(10_000)]
        ditmill.ditmill("run", self.manifest(items, width=64, height=64, frames=8), ranks=4)
        began = time.monotonic()
        self.report()
        written = time.monotonic() - began
        size = self.page.stat().st_size
        self.assertLess(size, 150e6)
        window = browser.Browser()
        self.addCleanup(window.__exit__)
        opened = window.open(self.page, READY, timeout=240)
        print(f"10,000 items: written in {written:.1f} s, {size / 1e6:.0f} MB, opened in {opened:.1f} s")
        self.assertLess(window.evaluate("document.querySelectorAll('.card').length"), 200)
        window.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        window.wait_for("document.querySelector('[data-id=item-09999] .clip.moves') !== null")
        self.assertLess(window.evaluate("document.querySelectorAll('.card').length"), 200)
        self.assertRegex(self.text(window, "#groups-words"), re.compile("4 groups in 1 start"))
        self.assert_quiet(window)


if __name__ == "__main__":
    unittest.main()
