"""Picture files to pixels to what models take: against Pillow, transformers' CLIPImageProcessor and diffusers."""

import atexit
import contextlib
import functools
import io
import json
import math
import pathlib
import random
import subprocess
import tempfile
import time
import unittest
import warnings

import numpy
import picture_files as files
import probe
from diffusers.image_processor import VaeImageProcessor
from PIL import Image, ImageOps
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

SEED = probe.fresh_seed("test_pictures")
PROBE = str(pathlib.Path(probe.PROBE).with_name("picture_probe"))


@functools.cache
def started() -> subprocess.Popen:
    process = subprocess.Popen([PROBE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(process.communicate)
    return process


def shown(file: bytes) -> Image.Image:
    """As diffusers' load_image has it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ImageOps.exif_transpose(Image.open(io.BytesIO(file))).convert("RGB")


class Pictures(unittest.TestCase):
    def setUp(self) -> None:
        self.rng = random.Random(f"{SEED} {self.id()}")
        scratch = tempfile.TemporaryDirectory(prefix="ditmill_")
        self.addCleanup(scratch.cleanup)
        self.file = pathlib.Path(scratch.name) / "in"
        self.out = pathlib.Path(scratch.name) / "out"

    def ask(self, mode: str, content: bytes = b"", **more) -> dict:
        self.file.write_bytes(content)
        process = started()
        process.stdin.write(json.dumps({"mode": mode, "file": str(self.file), "out": str(self.out), **more}) + "\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    def decoded(self, file: bytes) -> numpy.ndarray:
        answer = self.ask("decode", file)
        self.assertIsNone(answer["error"])
        return numpy.frombuffer(self.out.read_bytes(), "u1").reshape(answer["height"], answer["width"], 3)

    def agree(self, file: bytes, say: str = "") -> None:
        want = numpy.asarray(shown(file))
        got = self.decoded(file)
        self.assertEqual(got.shape, want.shape, say)
        self.assertTrue((got == want).all(), say)

    def ask_pixels(self, mode: str, image: Image.Image, **more) -> dict:
        answer = self.ask(mode, image.tobytes(), width=image.width, height=image.height, **more)
        self.assertIsNone(answer["error"])
        return answer

    # Files

    def test_png_of_every_kind_is_equal(self) -> None:
        for kind in files.PNG_KINDS:
            for _ in range(12):
                self.agree(files.random_png(self.rng, kind=kind), str(kind))

    def test_webp_is_equal(self) -> None:
        for _ in range(150):
            self.agree(files.random_webp(self.rng))

    def test_jpeg_is_within_a_decoders_difference(self) -> None:
        values = other = most = 0
        for _ in range(200):
            file = files.random_jpeg(self.rng)
            want = numpy.asarray(shown(file)).astype(int)
            difference = numpy.abs(self.decoded(file) - want)
            values += difference.size
            other += int((difference > 0).sum())
            most = max(most, int(difference.max()))
        print(f"JPEG: {other} of {values} values differ, by at most {most}")
        self.assertLessEqual(most, 2)
        self.assertLess(other, values / 100)

    def test_the_first_picture_of_several_is_taken(self) -> None:
        one, other = files.picture(self.rng), files.picture(self.rng)
        self.agree(files.saved(one, "MPO", save_all=True, append_images=[other]))

    # Turns

    def test_turns_of_exif_and_xmp_wherever_pillow_reads_them(self) -> None:
        seen = set()
        for index in range(400):
            turn = self.rng.choice([1, 2, 3, 4, 5, 6, 7, 8, 0, 9])
            exif, xmp = files.tiff(self.rng, turn), files.xmp(self.rng, min(turn, 9))
            prefix = self.rng.choice([b"Exif\0\0", b"Exif\0\0", b"Exif\0\0Exif\0\0"])
            where = self.rng.choice(["jpeg", "jpeg xmp", "jpeg cut", "webp", "webp xmp", "png", "png text", "png xmp", "png exif"])
            png = [b"", b""]
            if where == "jpeg":
                file = files.random_jpeg(self.rng, files.segment(0xE1, prefix + exif))
            elif where == "jpeg cut":  # over two segments
                cut = self.rng.randint(0, len(exif))
                parts = files.segment(0xE1, b"Exif\0\0" + exif[:cut]) + files.segment(0xE1, b"Exif\0\0" + exif[cut:])
                file = files.random_jpeg(self.rng, parts)
            elif where == "jpeg xmp":
                file = files.random_jpeg(self.rng, files.segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp))
            elif where == "webp":
                file = files.random_webp(self.rng, exif=self.rng.choice([b"", prefix]) + exif)
            elif where == "webp xmp":
                file = files.random_webp(self.rng, xmp=xmp)
            else:
                profile = files.raw_profile(prefix + exif)
                png[self.rng.randrange(2)] = {
                    "png": files.chunk(b"eXIf", exif),
                    "png text": files.text_chunk(self.rng, b"Raw profile type exif", profile),
                    "png xmp": files.text_chunk(self.rng, b"XML:com.adobe.xmp", xmp),
                    "png exif": files.chunk(b"tEXt", b"exif\0" + prefix + exif)}[where]
                file = files.random_png(self.rng, *png)
            say = f"{index}: {where}, {turn}, {exif.hex()}"
            try:
                want = shown(file)
            except Exception as error:  # a directory behind the end of what there is, say
                self.assertNotIsInstance(error, AssertionError)
                continue
            answer = self.ask("info", file)
            self.assertEqual((answer["error"], answer["width"], answer["height"]), (None, *want.size), say)
            seen.add(answer["orientation"])
            if not where.startswith("jpeg"):
                self.agree(file, say)
            else:
                self.assertLess(numpy.abs(self.decoded(file) - numpy.asarray(want).astype(int)).max(), 3, say)
        self.assertEqual(seen, set(range(1, 9)))

    def test_damaged_exif_is_read_as_far_as_pillow_reads_it(self) -> None:
        compared = 0
        pixel = files.png(b"\0\1\2\3\0\4\5\6", files.header(1, 2))
        for _ in range(1500):
            exif = bytearray(files.tiff(self.rng, self.rng.randint(1, 8), entries=6))
            for _ in range(self.rng.randint(0, 3)):
                exif[self.rng.randrange(len(exif))] = self.rng.choice([0, 1, 2, 4, 8, 13, 16, 18, 0x12, 255, self.rng.randrange(256)])
            exif = bytes(exif[:self.rng.choice([len(exif), self.rng.randint(0, len(exif))])])
            file = pixel.replace(files.chunk(b"IEND"), files.chunk(b"eXIf", exif) + files.chunk(b"IEND"))
            with contextlib.suppress(Exception), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                image = Image.open(io.BytesIO(file))
                image.load()
                want = image.getexif().get(0x112, 1)
                if isinstance(want, (int, bytes)):
                    want = want if isinstance(want, int) and 1 <= want <= 8 else 1
                    compared += 1
                    self.assertEqual(self.ask("info", file)["orientation"], want, exif.hex())
        self.assertGreater(compared, 700)

    # Pixels

    def test_resize_is_pillows_byte_for_byte(self) -> None:
        first_down = 0
        for index in range(240):
            width, height = self.rng.randint(1, 300), self.rng.randint(1, 300)
            image = Image.frombytes("RGB", (width, height), self.rng.randbytes(3 * width * height))
            to = [self.rng.randint(1, 300), self.rng.randint(1, 300)]
            if index % 8 == 0:
                to[index // 8 % 2] = image.size[index // 8 % 2]
            if index % 8 == 1:  # a row or a column, far larger or smaller
                to = [1, self.rng.randint(1, 600)][:: self.rng.choice([1, -1])]
            lost = image.height - to[1]
            first_down += lost > 0 and lost > 2 * (image.width - to[0])
            for name, resample in (("lanczos", Image.Resampling.LANCZOS), ("bicubic", Image.Resampling.BICUBIC)):
                answer = self.ask_pixels("resize", image, to=to, filter=name)
                self.assertEqual([answer["width"], answer["height"]], to)
                self.assertTrue(self.out.read_bytes() == image.resize(to, resample).tobytes(), f"{image.size} to {to}, {name}")
        self.assertGreater(first_down, 20)

    def test_resize_takes_about_as_long_as_pillows(self) -> None:
        image = Image.frombytes("RGB", (1920, 1080), self.rng.randbytes(3 * 1920 * 1080))
        own, theirs = math.inf, math.inf
        for _ in range(5):  # in turns, for others may run beside
            own = min(own, self.ask_pixels("resize", image, to=[832, 480], filter="lanczos", repeats=5)["seconds"])
            for _ in range(5):
                begin = time.perf_counter()
                want = image.resize((832, 480), Image.Resampling.LANCZOS)
                theirs = min(theirs, time.perf_counter() - begin)
        self.assertTrue(self.out.read_bytes() == want.tobytes())
        print(f"1920x1080 to 832x480: {1e3 * own:.1f} ms, Pillow {1e3 * theirs:.1f} ms, {own / theirs:.2f} times as long")
        self.assertLess(own / theirs, 2.5)

    def test_clip_pixels_are_transformers_bit_for_bit(self) -> None:
        processor = CLIPImageProcessorPil()
        sizes = [(224, 224), (1, 1), (300, 224), (224, 301), (7, 450), (900, 31), (1920, 1080)]
        for width, height in sizes + [(self.rng.randint(1, 600), self.rng.randint(1, 600)) for _ in range(30)]:
            image = Image.frombytes("RGB", (width, height), self.rng.randbytes(3 * width * height))
            self.ask_pixels("clip", image)
            want = numpy.asarray(processor(image, return_tensors="np")["pixel_values"][0])
            self.assertEqual((want.shape, want.dtype), ((3, 224, 224), numpy.float32))
            self.assertTrue(self.out.read_bytes() == want.tobytes(), f"{width} x {height}")

    def test_model_range_is_diffusers_bit_for_bit(self) -> None:
        processor = VaeImageProcessor(vae_scale_factor=8)
        image = Image.frombytes("RGB", (64, 48), bytes(range(256)) + self.rng.randbytes(3 * 64 * 48 - 256))
        self.ask_pixels("range", image)
        self.assertTrue(self.out.read_bytes() == processor.preprocess(image, height=48, width=64)[0].numpy().tobytes())

    def test_sizes_follow_the_rules_of_diffusers_and_wan(self) -> None:
        for _ in range(2000):
            width, height = self.rng.randint(100, 4000), self.rng.randint(100, 4000)
            area = self.rng.choice([480 * 832, 720 * 1280, 704 * 1280, self.rng.randint(200_000, 2_000_000)])
            multiple = self.rng.choice([8, 16, 32])
            answer = self.ask("sizes", width=width, height=height, area=area, multiple=multiple)
            ratio = height / width
            self.assertEqual(answer["by_area"], [round(float(numpy.sqrt(area / ratio))) // multiple * multiple,
                                                 round(float(numpy.sqrt(area * ratio))) // multiple * multiple])
            self.assertEqual(answer["within_area"], self.within_area(width, height, area, multiple))

    @staticmethod
    def within_area(width: int, height: int, area: int, multiple: int) -> list[int]:
        """wan_family.md, 3d."""
        ratio = width / height
        exact = math.sqrt(area * ratio)
        width_1 = int(exact // multiple * multiple)
        height_1 = int(area / width_1 // multiple * multiple)
        height_2 = int(area / exact // multiple * multiple)
        width_2 = int(area / height_2 // multiple * multiple)
        far = [max(ratio / (w / h), (w / h) / ratio) for w, h in ((width_1, height_1), (width_2, height_2))]
        return [width_1, height_1] if far[0] < far[1] else [width_2, height_2]


if __name__ == "__main__":
    unittest.main()
