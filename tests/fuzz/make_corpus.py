#!/usr/bin/env python3
"""Writes the seeds of the fuzz targets: small files that reach every part of the readers.

    make_corpus.py --write    writes corpus/; without it, a test that they are what this script makes
"""

import pathlib
import random
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "registry"), str(HERE.parent / "reference")]

import malformed_pth as bad
import malformed_safetensors as safetensors
import picture_files as pictures
from torch_files import (
    DESCRIPTOR_FLAG, SIX, Member, archive, counted, dictionary, global_, keys, members, number, pickle, reduce, saved, sizes,
    state_dict, storage, stream, streamed, tensor, text, tuple_, zip64_extra,
)

UNTYPED = global_("torch.storage", "UntypedStorage")
FP8 = tensor((6,), store=storage(kind=UNTYPED), function="_rebuild_tensor_v3", extra=(global_("torch", "float8_e4m3fn"),))
PARAMETER = reduce(global_("torch._utils", "_rebuild_parameter"), tensor(), b"\x88", bad.ORDERED_DICT)
FRAMED = (b"\x80\x04\x95\x20\0\0\0\0\0\0\0}\x94(\x8c\x01a\x94K\x01\x8c\x01b\x94G" + bytes(8) + b"\x8c\x01c\x94C\x02xx\x94u.")

PICKLES = {
    "plain": pickle(state_dict(a=tensor())),
    "transposed": pickle(state_dict(a=tensor(strides=[1, 2]))),
    "expanded": pickle(state_dict(a=tensor((4, 2), strides=[0, 1], offset=4))),
    "shared": pickle(state_dict(a=tensor(), b=tensor((2,), offset=4))),
    "fp8": pickle(state_dict(a=FP8)),
    "parameter": pickle(state_dict(a=PARAMETER)),
    "scalar_and_empty": pickle(state_dict(a=tensor(()), b=tensor((0, 3)))),
    "ordered": pickle(bad.ORDERED_DICT + b"(" + text("a") + tensor() + b"u" + state_dict(_metadata=bad.ORDERED_DICT) + b"b"),
    "nested": pickle(state_dict(state=dictionary([(number(0), state_dict(exp_avg=tensor(), step=number(1)))]))),
    "others": pickle(state_dict(a=b"N", b=b"](K\1K\2e", c=b"\x8f(K\1\x90", d=global_("torch", "float16"), e=number(2**70),
                                f=reduce(global_("torch", "device"), text("cpu")), g=sizes([1, 2, 3]), h=b"B\2\0\0\0xx")),
    "memo": pickle(b"}q\0(" + text("a") + b"q\1" + tensor() + b"q\2" + text("b") + b"h\2u"),
    "python_2": pickle(reduce(global_("collections", "OrderedDict"), b"](](U\1a" + tensor() + b"ee")),
    "framed": FRAMED,
    "stack_global": b"\x80\x04}\x8c\x01x\x94\x8c\x05torch\x94\x8c\x07float32\x94\x93\x94s.",
    "stream_storage": pickle(state_dict(a=streamed())),
    "stream_view": pickle(state_dict(a=streamed(view=(tuple_(text("v"), number(0), number(6)),)))),
    "call": pickle(bad.SYSTEM_CALL),
    "itself": pickle(b"}q\0" + text("a") + b"h\0s"),
    "laughs": pickle(bad.laughs(4)),
}

WIDE = 2**32 - 1
FILES = {
    "plain": saved(state_dict(a=tensor())),
    "fp8": saved(state_dict(a=FP8), {"0": bytes(6)}),
    "two_storages": saved(state_dict(a=tensor(), b=tensor(store=storage("1"))), {**SIX, "1": bytes(24)}),
    "comment": archive(members(pickle(state_dict(a=tensor())), SIX), comment=b"a comment"),
    "other_folder": archive(members(pickle(b"}"), folder="e")),
    "zip64_record": archive(members(pickle(state_dict(a=tensor())), SIX), zip64={}),
    "zip64_sizes": archive([Member("a/data.pkl", pickle(b"}"), central={"size": WIDE, "packed": WIDE}, local={"size": WIDE, "packed": WIDE},
                                   extra=zip64_extra(4, 4), local_extra=zip64_extra(4, 4)), Member("a/version", b"3\n")]),
    "descriptors": archive([Member("a/data.pkl", pickle(b"}"), flags=DESCRIPTOR_FLAG, local={"size": 0, "packed": 0}, after=bytes(16)),
                            Member("a/version", b"3\n")]),
    "stream": stream(state_dict(a=streamed())),
    "stream_of_two": stream(state_dict(a=streamed(), b=streamed("1")), keys("1", "0"), counted(bytes(24), 6) * 2),
    "stream_of_nothing": stream(b"}", keys(), b""),
}
# A malformed file of each kind shows the fuzzer the way to its refusal.
FILES.update({f"bad_{name}": content for name, content, _ in bad.ZIP[::6] + bad.STREAM[::8]})

SAFETENSORS = {
    "plain": safetensors.one(),
    "none": safetensors.file("{}"),
    "metadata": safetensors.file('{"__metadata__":{"format":"pt"},' + safetensors.entry() + "}", 1),
    "two": safetensors.two(safetensors.entry(), safetensors.entry("b\\u00e9", offsets="[1,2]")),
    "scalar": safetensors.one(shape="[]"),
    "empty": safetensors.file("{" + safetensors.entry(shape="[0,2]", offsets="[0,0]") + "}"),
    "f4": safetensors.one(dtype='"F4"', shape="[2]"),
    "more_fields": safetensors.one(more=',"x":[1,-0.5e3,null,true,{"y":"\\ud83d\\ude00"}]'),
    "spaces": safetensors.file(" {\n" + safetensors.entry() + "\t}  ", 1),
}
SAFETENSORS.update({f"bad_{name}": content for rows in safetensors.GROUPS.values()
                    for name, content, _ in rows[::5] if len(content) < 4096})

ENTRY = """\
- name: mine
  family: wan
  role: dit
  layout: diffusers
  key_hash: 00000000000000000000000000000001
  key_hash_names: ~
"""
ARCHITECTURE = """\
architectures:
- name: a
  family: wan
  role: dit
  blocks: layers
  tensors:
    "b.{layers}.{q,k}.w": {shape: [6*dim, dim], cut: 0, unit: heads, float32: true}
    in.w: {shape: [dim], stage: first}
  optional: {out.b: [dim]}
  when: {extra: {x.w: [extra, 2]}}
  layouts:
  - {layout: diffusers, marks: [in.w]}
  - {layout: official, marks: ["blocks.{layers}.q.w"], lacks: [extra], names: {"blocks.{n}": "b.{n}", old: ~, "i": in}}
"""
# The form of earlier versions.
LAYOUTS = """\
layouts:
- family: wan
  role: vae
  layout: official
  marks: [a.0.w, "c.{0,1}"]
  tensors: {"a.{n}.w": [2*m, 3], "c.{0,1}": [m]}
  names:
  - {from: "^a\\\\.([0-9]+)\\\\.", to: "b.$1."}
  - {from: "^c", unused: true}
  - {from: "qkv", to: q, parts: 3, part: 1, dim: 0}
"""
FAMILY = """families:
- name: f
  tokenizer: {class: [a, B], files: [t.model], diffusers: tok, official: [g/t]}
  slots:
  - name: transformer
    role: dit
    what: transformer
    required: true
    expert_folder: high
    accepts: [{architecture: a, class: [d, C], diffusers: {file: x.safetensors, dtype: F32, shard_gb: 10}, official: {file: y.pth}}]
  settings: [{folder: s, with: transformer, class: [d, S], file: s.json, content: {shift: 3.0}}]
  models: [{name: m, pipeline: P, components: {transformer: mine}, index: {boundary_ratio: 0.9}, settings: {s: {shift: 5}}}]
"""
CATALOGS = {name: text.encode() for name, text in {
    "entry": ENTRY,
    "more": ENTRY + "  preset: p\n  expert_folder: [transformer_2, high]\n  words: low\n  sha256: [\"" + "0123456789abcdef" * 4 + "\", \"sha256:" + "0" * 64 + "\"]\n  parameters: 7\n  origin: x\n  defect: y\n"
                    "  hyper_parameters: {heads: 3, eps: 1.5e-6, on: true, none: ~, list: [1, \"2\"], text: words}\n",
    "two": ENTRY + ENTRY.replace("mine", "other").replace("01", "02"),
    "by_names": ENTRY.replace("00000000000000000000000000000001", "~").replace("names: ~", "names: 0123456789abcdef0123456789abcdef"),
    "architecture": ARCHITECTURE,
    "architecture_and_entry": ARCHITECTURE + "entries:\n" + ENTRY + "  architecture: a\n",
    "layouts": LAYOUTS,
    "layouts_and_entry": LAYOUTS + "entries:\n" + ENTRY,
    "families": FAMILY,
    "bad_families": FAMILY.replace("required: true", "required: [x]").replace("role: dit", "role: dot"),
    "flow": "[{name: a, family: b, role: sr, layout: official, key_hash: ~, key_hash_names: 0123456789abcdef0123456789abcdef}]",
    "folded": ENTRY.replace("mine", "'mine'") + "  origin: >\n    words\n    more\n  defect: |\n    x\n",
    "marked": "\ufeff# words\n---\n" + ENTRY + "...\n",
    "none": "",
    "bad_hash": ENTRY.replace("0001", "000G"),
    "bad_key": ENTRY + "  pre_set: x\n",
    "bad_digest": ENTRY + "  sha256: [sha256:0]\n",
    "bad_form": "just words",
    "bad_twice": ENTRY + "  role: dit\n",
    "bad_anchor": "- &a {name: *a}\n",
    "bad_merge": "- {<<: {name: x}}\n",
    "bad_tag": "- !!map {name: !x y}\n",
    "bad_escape": '- {name: "\\q"}\n',
    "bad_control": '- {"\\e[31m": "\\0"}\n',
    "bad_documents": ENTRY + "---\n" + ENTRY,
    "bad_depth": "[" * 70,
    "bad_complex_key": "? {a: b}\n: c\n",
    "bad_expression": LAYOUTS.replace("^c", "(a{9}{99"),
    "bad_reference": LAYOUTS.replace("^c", "(c)\\\\1"),
    "bad_reference_number": LAYOUTS.replace("^c", "(c)\\\\" + 60 * "1"),
    "bad_slow": LAYOUTS.replace("^c", "(a*)*b"),
    "bad_lists": ARCHITECTURE.replace("{q,k}", "{q,k}" * 20),
    "bad_size": ARCHITECTURE.replace("6*dim", "99999999999999999999*dim"),
    "bad_layout_twice": ARCHITECTURE.replace("official", "diffusers"),
}.items()}



def drawn(seed: int) -> random.Random:
    return random.Random(seed)


def exif(turn: int, kind: int = 3, count: int = 1, more: bytes = b"") -> bytes:
    entry = bytes([1, 0x12, 0, kind, 0, 0, 0, count]) + turn.to_bytes(2 if kind in (3, 8) else 4, "big").ljust(4, b"\0")
    return b"MM\0*\0\0\0\x08" + (1 + len(more) // 12).to_bytes(2, "big") + more + entry + bytes(4)


ROW = b"\0\1\2\3\0\4\5\6"
XMP = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
PROFILE = b"Raw profile type exif"
EXIF = {
    "short": exif(6),
    "long": exif(8, kind=4),
    "signed": exif(3, kind=8),
    "text": exif(6, kind=2),
    "many": exif(0, count=40),
    "prefixed": b"Exif\0\0Exif\0\0" + exif(5),
    "behind_others": exif(2, more=b"\1\x0f\0\2\0\0\0\x10\0\0\0\x08\1\x1a\0\5\0\0\0\1\0\0\0\0"),
    "beyond": exif(2, more=b"\1\x0f\0\2\0\0\0\x10\0\0\x10\0"),
    "little": b"II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\7\0\0\0\0\0\0\0",
    "attribute": XMP,
    "element": b"<tiff:Orientation>7</tiff:Orientation>",
    "profile": pictures.raw_profile(exif(4)),
    "none": b"",
}
HEADERS = {
    "png": pictures.png(ROW, pictures.header(1, 2)),
    "png_exif": pictures.png(ROW, pictures.header(1, 2), after=pictures.chunk(b"eXIf", exif(6))),
    "png_profile": pictures.png(ROW, pictures.header(1, 2), pictures.text_chunk(drawn(1), PROFILE, pictures.raw_profile(exif(6)))),
    "png_text_exif": pictures.png(ROW, pictures.header(1, 2), pictures.chunk(b"tEXt", b"exif\0" + exif(6))),
    "png_xmp": pictures.png(ROW, pictures.header(1, 2), pictures.chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP)),
    "png_animated": pictures.png(ROW, pictures.header(1, 2), pictures.chunk(b"acTL", b"\0\0\0\2\0\0\0\0")),
    "png_huge": pictures.png(ROW, pictures.header(60000, 60000)),
    "png_no_pixels": pictures.PNG_SIGNATURE + pictures.header(1, 2) + pictures.chunk(b"IEND"),
    "jpeg": pictures.random_jpeg(drawn(1))[:400],
    "jpeg_exif": b"\xff\xd8" + pictures.segment(0xE1, b"Exif\0\0" + exif(6)) + pictures.segment(0xC0, b"\x08\0\2\0\3\1\1\x11\0") + b"\xff\xda\0\2",
    "jpeg_xmp": b"\xff\xd8" + pictures.segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP) + pictures.segment(0xC2, b"\x08\0\2\0\3\3") + b"x\xff\xff\xda\0\2",
    "jpeg_lossless": b"\xff\xd8" + pictures.segment(0xC3, b"\x08\0\2\0\3\1"),
    "webp_lossy": pictures.saved(pictures.picture(drawn(2)).resize((4, 3)), "WEBP", quality=10),
    "webp_lossless": pictures.saved(pictures.picture(drawn(2)).resize((4, 3)), "WEBP", lossless=True),
    "webp_extended": pictures.saved(pictures.picture(drawn(2)).resize((4, 3)), "WEBP", exif=exif(6), xmp=XMP),
    "webp_animated": b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\2\0\0\0\3\0\0\2\0\0",
    "gif": b"GIF89a\1\0\1\0\0\0\0",
    "avif": b"\0\0\0\x1cftypavif\0\0\0\0",
    "svg": b'<?xml version="1.0"?>\n<svg/>',
}


def small_png(seed: int, kind: tuple[int, int]) -> bytes:
    """The first picture of the kind that is small enough."""
    return next(file for seed in range(seed, seed + 1000) if len(file := pictures.random_png(drawn(seed), kind=kind)) < 600)


PICTURES = {f"png_{depth}_{colours}": small_png(depth, (depth, colours)) for depth, colours in pictures.PNG_KINDS}
PICTURES.update({f"jpeg_{mode.lower()}{kind}": pictures.saved(pictures.picture(drawn(3), mode).resize((19, 11)), "JPEG", quality=30, optimize=True, **options)
                 for mode in ("L", "RGB", "CMYK") for kind, options in (("", {}), ("_progressive", {"progressive": True}))})
PICTURES["jpeg_restarts"] = pictures.saved(pictures.picture(drawn(4)).resize((40, 20)), "JPEG", quality=20, restart_marker_blocks=2, optimize=True)
PICTURES.update({f"webp_{mode.lower()}_{kind}": pictures.saved(pictures.picture(drawn(5), mode).resize((15, 9)), "WEBP", lossless=kind == "lossless", quality=30)
                 for mode in ("RGB", "RGBA") for kind in ("lossy", "lossless")})
PICTURES["turned"] = HEADERS["png_exif"]

CORPORA = {"catalog": CATALOGS, "exif": EXIF, "pickle": PICKLES, "picture": PICTURES, "picture_header": HEADERS, "pth": FILES,
           "safetensors": SAFETENSORS}


class Corpus(unittest.TestCase):
    def test_is_what_this_script_makes(self):
        for target, files in CORPORA.items():
            found = {path.name: path.read_bytes() for path in (HERE / "corpus" / target).iterdir()}
            self.assertEqual(found, files, f"run {__file__} --write")

    def test_is_small(self):
        for files in CORPORA.values():
            self.assertLess(max(len(content) for content in files.values()), 4096)
            self.assertLess(len(files), 40)


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        for target, files in CORPORA.items():
            folder = HERE / "corpus" / target
            folder.mkdir(parents=True, exist_ok=True)
            for path in folder.iterdir():
                path.unlink()
            for name, content in files.items():
                (folder / name).write_bytes(content)
    else:
        unittest.main()
