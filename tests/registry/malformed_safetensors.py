"""Malicious and malformed safetensors files: (name, bytes, words of the refusal)."""

import struct


def frame(length, rest):
    return struct.pack("<Q", length) + rest


def file(header, data=0):
    raw = header if isinstance(header, bytes) else header.encode("utf-8", "surrogatepass")
    return frame(len(raw), raw) + bytes(data)


def entry(name="a", dtype='"U8"', shape="[1]", offsets="[0,1]", more=""):
    return f'"{name}":{{"dtype":{dtype},"shape":{shape},"data_offsets":{offsets}{more}}}'


def one(**fields):
    return file("{" + entry(**fields) + "}", 1)


def two(first, second, data=2):
    return file("{" + first + "," + second + "}", data)


FRAME = [
    ("empty_file", b"", "a header length of 8 bytes"),
    ("seven_bytes", b"\2\0\0\0\0\0\0", "a header length of 8 bytes"),
    ("length_0", frame(0, b"{}"), "from 1 to"),
    ("length_beyond_the_file", frame(3, b"{}"), "from 1 to 2"),
    ("length_of_2_64", frame(2**64 - 1, b"{}"), "from 1 to 2"),
    ("cut_off", one()[:-1], "within the 0 bytes"),
    ("git_lfs_pointer", b"version https://git-lfs.github.com/spec/v1\n", "git-lfs"),
    ("html_page", b"<!DOCTYPE html><html></html>", "HTML"),
    ("zip_archive", b"PK\3\4" + bytes(30), ".pth"),
    ("pickle", b"\x80\x04\x95" + b"\xff" * 20, "a pickle"),
    ("gguf", b"GGUF\3" + bytes(20), "GGUF"),
]

JSON = [
    ("not_utf8", file(b'{"\xff":1}'), "UTF-8"),
    ("overlong_utf8", file(b'{"\xc0\xaf":1}'), "UTF-8"),
    ("an_array", file("[]"), "an object"),
    ("null", file("null"), "an object"),
    ("byte_order_mark", file(b"\xef\xbb\xbf{}"), "an object"),
    ("comment", file("{/*x*/}"), "double quotes"),
    ("trailing_comma", file("{" + entry() + ",}", 1), "double quotes"),
    ("second_value", file("{} {}"), "nothing after"),
    ("nul_padding", file("{}\0\0"), "nothing after"),
    ("nesting_of_65", one(more=',"x":' + "[" * 63 + "]" * 63), "64 levels"),
    ("nesting_of_a_million", one(more=',"x":' + "[" * 1_000_000), "64 levels"),
    ("lone_surrogate", file('{"\\ud800":{}}'), "surrogate"),
    ("metadata_a_list", file('{"__metadata__":[]}'), "__metadata__ as an object"),
    ("metadata_of_numbers", file('{"__metadata__":{"a":1}}'), "a string in __metadata__"),
    ("metadata_twice", file('{"__metadata__":{},"__metadata__":{}}'), "every key once"),
    ("metadata_key_twice", file('{"__metadata__":{"a":"","a":""}}'), "every key once"),
]

ENTRIES = [
    ("name_twice", two(entry(), entry(offsets="[1,2]")), "every key once"),
    ("name_twice_on_one_range", two(entry(), entry(), 1), "every key once"),
    ("name_twice_by_escape", two(entry(), entry("\\u0061", offsets="[1,2]")), "every key once"),
    ("field_twice", one(more=',"dtype":"U8"'), "every key once"),
    ("name_empty", one(name=""), "an empty one"),
    ("name_with_nul", one(name="a\\u0000"), "control characters"),
    ("name_with_escape", one(name="\\u001b[2J"), "control characters"),
    ("entry_an_array", file('{"a":["U8",[1],[0,1]]}', 1), "as an object"),
    ("dtype_missing", file('{"a":{"shape":[1],"data_offsets":[0,1]}}', 1), '"dtype" in the entry'),
    ("shape_missing", file('{"a":{"dtype":"U8","data_offsets":[0,1]}}', 1), '"shape" in the entry'),
    ("offsets_missing", file('{"a":{"dtype":"U8","shape":[1]}}', 1), '"data_offsets" in the entry'),
    ("dtype_unknown", one(dtype='"C128"'), "a dtype"),
    ("dtype_in_lower_case", one(dtype='"u8"'), "a dtype"),
    ("dimension_negative", one(shape="[-1]"), "a dimension"),
    ("dimension_minus_0", one(shape="[-0]"), "a dimension"),
    ("dimension_with_a_fraction", one(shape="[1.0]"), "a dimension"),
    ("dimension_with_an_exponent", one(shape="[1e0]"), "a dimension"),
    ("dimension_a_string", one(shape='["1"]'), "a dimension"),
    ("dimension_of_2_64", one(shape="[18446744073709551616]"), "a dimension"),
    ("one_offset", one(offsets="[0]"), "1 values"),
    ("three_offsets", one(offsets="[0,1,1]"), "3 values"),
]

RANGES = [
    ("product_wraps", one(shape="[4294967296,4294967296]"), "under 2^64"),
    ("product_wraps_behind_a_zero", one(shape="[0,18446744073709551615,2]", offsets="[0,0]"), "under 2^64"),
    ("begin_behind_end", one(offsets="[1,0]"), "begin before they end"),
    ("end_beyond_the_data", one(offsets="[0,2]"), "within the 1 bytes"),
    ("length_of_another_shape", one(shape="[2]"), "2 bytes apart"),
    ("overlap", two(entry(shape="[2]", offsets="[0,2]"), entry("b", offsets="[1,2]")), "an overlap"),
    ("one_range_under_two_names", two(entry(), entry("b"), 1), "an overlap"),
    ("hole", two(entry(), entry("b", offsets="[2,3]"), 3), "a hole"),
    ("hole_at_the_start", one(shape="[0]", offsets="[1,1]"), "a hole"),
    ("bytes_behind_the_last_tensor", file("{" + entry() + "}", 2), "no tensor uses"),
    ("data_without_a_tensor", file("{}", 1), "no tensor uses"),
    ("empty_tensor_within_another", two(entry(shape="[2]", offsets="[0,2]"), entry("b", shape="[0]", offsets="[1,1]")), "an overlap"),
    ("half_a_byte", one(dtype='"F4"', shape="[3]"), "whole bytes"),
]

GROUPS = {"Frame": FRAME, "JSON": JSON, "Entries": ENTRIES, "Ranges": RANGES}
