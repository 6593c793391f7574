"""Picture files of every kind that ditmill reads, from a random generator: those that Pillow does not write, by hand."""

import io
import random
import struct
import zlib

import numpy
from PIL import Image

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# (depth, colours) -> values a pixel
PNG_KINDS = {(1, 0): 1, (2, 0): 1, (4, 0): 1, (8, 0): 1, (16, 0): 1, (8, 2): 3, (16, 2): 3, (1, 3): 1, (2, 3): 1, (4, 3): 1,
             (8, 3): 1, (8, 4): 2, (16, 4): 2, (8, 6): 4, (16, 6): 4}
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def chunk(name: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def header(width: int, height: int, depth: int = 8, colours: int = 2, interlaced: int = 0) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colours, 0, 0, interlaced))


def png(pixels: bytes, ihdr: bytes, before: bytes = b"", after: bytes = b"", pieces: int = 1) -> bytes:
    """A PNG of filtered rows; its pixels in so many chunks."""
    packed = zlib.compress(pixels)
    cuts = [len(packed) * i // pieces for i in range(pieces + 1)]
    idat = b"".join(chunk(b"IDAT", packed[a:b]) for a, b in zip(cuts, cuts[1:]))
    return PNG_SIGNATURE + ihdr + before + idat + after + chunk(b"IEND")


def rows_of(values: numpy.ndarray, depth: int) -> list[bytes]:
    """The rows of [height, width, values a pixel]."""
    if depth == 16:
        return [row.astype(">u2").tobytes() for row in values]
    if depth == 8:
        return [row.astype("u1").tobytes() for row in values]
    bits = numpy.unpackbits(values.astype("u1")[..., None], axis=-1)[..., 8 - depth:]
    return [numpy.packbits(row.reshape(-1)).tobytes() for row in bits]


def filtered(rng: random.Random, rows: list[bytes], step: int) -> bytes:
    """Rows with a random filter each (PNG 9.2)."""
    out, last = b"", bytes(len(rows[0]) if rows else 0)
    for row in rows:
        kind = rng.randrange(5)
        left, upper = bytes(step) + row, bytes(step) + last
        coded = bytearray()
        for i, value in enumerate(row):
            a, b, c = (left[i] if i >= step else 0), last[i], (upper[i] if i >= step else 0)
            p = a + b - c
            paeth = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            coded.append((value - [0, a, b, (a + b) // 2, paeth][kind]) % 256)
        out += bytes([kind]) + bytes(coded)
        last = row
    return out


def random_png(rng: random.Random, before: bytes = b"", after: bytes = b"", kind: tuple[int, int] | None = None) -> bytes:
    depth, colours = kind or rng.choice(list(PNG_KINDS))
    width, height = rng.randint(1, 40), rng.randint(1, 40)
    values = numpy.frombuffer(rng.randbytes(width * height * 8), "<u2").reshape(height, width, 4)[..., : PNG_KINDS[depth, colours]]
    values = values & ((1 << depth) - 1)
    if depth == 16 and rng.random() < 0.5:
        values = values % 300  # Pillow cuts grey off at 255
    step = max(1, depth * PNG_KINDS[depth, colours] // 8)
    interlaced = rng.randrange(2)
    if interlaced:
        parts = [values[y::dy, x::dx] for x, y, dx, dy in ADAM7]
        pixels = b"".join(filtered(rng, rows_of(part, depth), step) for part in parts if part.size)
    else:
        pixels = filtered(rng, rows_of(values, depth), step)
    if colours == 3:
        # Fewer colours than indices: those beyond are black.
        before += chunk(b"PLTE", rng.randbytes(3 * rng.randint(1, 1 << depth)))
    if colours in (0, 2, 3) and rng.random() < 0.5:
        before += chunk(b"tRNS", rng.randbytes({0: 2, 2: 6}.get(colours, 1)))
    if rng.random() < 0.3:
        before = chunk(b"gAMA", struct.pack(">I", 100000)) + before
    return png(pixels, header(width, height, depth, colours, interlaced), before, after, rng.randint(1, 4))


def picture(rng: random.Random, mode: str = "RGB") -> Image.Image:
    """Noise, or smooth with a little of it."""
    width, height = rng.randint(1, 90), rng.randint(1, 90)
    bands = len(Image.new(mode, (1, 1)).getbands())
    noise = numpy.frombuffer(rng.randbytes(width * height * bands), "u1").reshape(height, width, bands)
    if rng.random() < 0.7:
        y, x = numpy.mgrid[:height, :width]
        waves = [128 + 100 * numpy.sin(x / rng.uniform(3, 30) + y / rng.uniform(3, 30)) for _ in range(bands)]
        noise = (numpy.stack(waves, -1) + noise / 16).astype("u1")
    return Image.fromarray(noise.squeeze(-1) if bands == 1 else noise, mode) if mode != "CMYK" else Image.frombytes(
        mode, (width, height), noise.tobytes())


def saved(image: Image.Image, form: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def random_jpeg(rng: random.Random, segments: bytes = b"") -> bytes:
    mode = rng.choice(["L", "RGB", "RGB", "RGB", "CMYK"])
    options = {"quality": rng.randint(5, 98), "progressive": rng.random() < 0.4, "optimize": rng.random() < 0.5}
    if mode == "RGB":
        options["subsampling"] = rng.choice(["4:4:4", "4:2:2", "4:2:0"])
    if rng.random() < 0.3:
        options["restart_marker_blocks"] = rng.randint(1, 5)
    file = saved(picture(rng, mode), "JPEG", **options)
    adobe = b"Adobe\x00\x64\x00\x00\x00\x00"
    if mode == "CMYK" and rng.random() < 0.5:
        file = file.replace(adobe + b"\x00", adobe + b"\x02")  # the same values, as YCCK
    if mode == "RGB" and rng.random() < 0.2:
        segments += segment(0xEE, adobe + b"\x00")  # as RGB
        file = file[:2] + file[20:]  # without JFIF, which says YCbCr
    return file[:2] + segments + file[2:]


def random_webp(rng: random.Random, **metadata) -> bytes:
    image = picture(rng, rng.choice(["RGB", "RGBA"]))
    return saved(image, "WEBP", lossless=rng.random() < 0.5, quality=rng.randint(0, 100), method=rng.randint(0, 4), **metadata)


def tiff(rng: random.Random, orientation: int, entries: int = 3) -> bytes:
    """EXIF data with that turn among other entries, in either order of bytes."""
    order = rng.choice("<>")
    at = rng.choice([8, 8, 14])
    data = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", at) + bytes(at - 8)
    kinds = [(3, "H"), (3, "H"), (3, "H"), (4, "I"), (9, "i"), (8, "h"), (1, "B"), (6, "b")]
    rows = []
    for _ in range(rng.randint(0, entries)):
        tag, kind, count = rng.choice([0x100, 0x10F, 0x11A, 0x8769]), rng.randint(0, 17), rng.choice([0, 1, 1, 2, 5])
        rows.append(struct.pack(order + "HHII", tag, kind, count, rng.choice([0, 1, 8, 20, 60, 4000])))
    kind, letter = rng.choice(kinds)
    rows.insert(rng.randint(0, len(rows)), struct.pack(order + "HHI", 0x112, kind, 1) + struct.pack(order + letter, orientation).ljust(4, b"\0"))
    return data + struct.pack(order + "H", len(rows)) + b"".join(rows) + bytes(rng.choice([4, 4, 40]))


def xmp(rng: random.Random, orientation: int) -> bytes:
    form = rng.choice(['<rdf:Description tiff:Orientation="%d"/>', "<tiff:Orientation>%d</tiff:Orientation>"])
    return b"<x:xmpmeta>" + (form % orientation).encode() + b"</x:xmpmeta>"


def raw_profile(exif: bytes) -> bytes:
    """As ImageMagick writes EXIF into the text of a PNG."""
    digits = exif.hex()
    lines = "\n".join(digits[i:i + 72] for i in range(0, len(digits), 72))
    return f"\nexif\n{len(exif):8}\n{lines}\n".encode()


def text_chunk(rng: random.Random, keyword: bytes, text: bytes) -> bytes:
    kind = rng.choice(["tEXt", "zTXt", "iTXt", "iTXt packed"])
    if kind == "tEXt":
        return chunk(b"tEXt", keyword + b"\0" + text)
    if kind == "zTXt":
        return chunk(b"zTXt", keyword + b"\0\0" + zlib.compress(text))
    if kind == "iTXt":
        return chunk(b"iTXt", keyword + b"\0\0\0en\0word\0" + text)
    return chunk(b"iTXt", keyword + b"\0\1\0\0\0" + zlib.compress(text))
