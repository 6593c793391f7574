#!/usr/bin/env python3
"""What torch.save writes, ditmill reads as torch.load does: names, shapes, dtypes, and the bytes of every view.

Seeds are fresh and printed; DITMILL_TEST_SEED=N repeats a run.
"""

import collections
import hashlib
import os
import pathlib
import random
import tempfile
import unittest

import torch

import torch_files as by_hand
from header_probe import SPARE, probe

DTYPES = {
    torch.bool: "BOOL", torch.uint8: "U8", torch.int8: "I8", torch.int16: "I16", torch.int32: "I32",
    torch.int64: "I64", torch.uint16: "U16", torch.uint32: "U32", torch.uint64: "U64", torch.float16: "F16",
    torch.bfloat16: "BF16", torch.float32: "F32", torch.float64: "F64", torch.complex64: "C64",
    torch.float8_e4m3fn: "F8_E4M3", torch.float8_e5m2: "F8_E5M2", torch.float8_e4m3fnuz: "F8_E4M3FNUZ",
    torch.float8_e5m2fnuz: "F8_E5M2FNUZ", torch.float8_e8m0fnu: "F8_E8M0",
}
BASE = torch.arange(6, dtype=torch.float32).reshape(2, 3)
HALVES = torch.zeros(16, dtype=torch.uint8)


class Subclass(torch.Tensor):
    """Saved by the name of its class."""


def with_attribute(tensor):
    tensor.scale = 2.0
    return tensor


def of_lazy_layer():
    return torch.nn.LazyLinear(3).weight


def per_channel(dtype):
    return torch.quantize_per_channel(BASE, torch.tensor([0.1, 0.2]), torch.tensor([0.0, 1.0]), 0, dtype)


TO_COMPLEX = "save tensor.to(torch.complex64) in its place"
TO_BITS = "save tensor.view(torch.uint8) in its place"
TO_DENSE = "save tensor.to_dense() in its place"
TO_FLOAT = "save tensor.dequantize() in its place"
TO_TENSOR = "save tensor.detach().as_subclass(torch.Tensor) in its place"
NO_VALUES = "load or compute the values before saving"
# What torch.save writes and ditmill does not read: what it is called, what to save instead, and that done.
REFUSED = {
    "complex32": (HALVES.view(torch.complex32), "torch.complex32", TO_COMPLEX, lambda t: t.to(torch.complex64)),
    "complex128": (BASE.to(torch.complex128), "torch.ComplexDoubleStorage", TO_COMPLEX, lambda t: t.to(torch.complex64)),
    **{str(dtype): (HALVES.view(dtype), str(dtype), TO_BITS, lambda t: t.view(torch.uint8))
       for dtype in (torch.bits8, torch.bits16, torch.bits1x8, torch.bits2x4, torch.bits4x2, torch.float4_e2m1fn_x2)},
    **{str(dtype): (torch.quantize_per_tensor(BASE, 0.1, 3, dtype), "torch._utils._rebuild_qtensor", TO_FLOAT,
                    lambda t: t.dequantize()) for dtype in (torch.qint8, torch.quint8, torch.qint32)},
    "quint4x2": (per_channel(torch.quint4x2), "torch._utils._rebuild_qtensor", TO_FLOAT, None),
    "conj": (torch.complex(BASE, BASE).conj(), "one that is marked 'conj'", "save tensor.resolve_conj()", lambda t: t.resolve_conj()),
    "neg": (torch._neg_view(BASE), "one that is marked 'neg'", "save tensor.resolve_neg()", lambda t: t.resolve_neg()),
    "conj_imag": (torch.complex(BASE, BASE).conj().imag, "one that is marked 'neg'", "save tensor.resolve_neg()",
                  lambda t: t.resolve_neg()),
    "sparse_coo": (BASE.to_sparse(), "torch._utils._rebuild_sparse_tensor", TO_DENSE, lambda t: t.to_dense()),
    "sparse_csr": (BASE.to_sparse_csr(), "torch._utils._rebuild_sparse_tensor", TO_DENSE, lambda t: t.to_dense()),
    "sparse_csc": (BASE.to_sparse_csc(), "torch._utils._rebuild_sparse_tensor", TO_DENSE, lambda t: t.to_dense()),
    "sparse_bsr": (torch.ones(2, 4).to_sparse_bsr((1, 2)), "torch._utils._rebuild_sparse_tensor", TO_DENSE, lambda t: t.to_dense()),
    "nested": (torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]), "torch._utils._rebuild_nested_tensor",
               "save its parts, tensor.unbind(), by names", lambda t: t.unbind()[0]),
    "meta": (torch.empty(2, device="meta"), "torch._utils._rebuild_meta_tensor_no_storage", NO_VALUES, None),
    "lazy": (of_lazy_layer(), "torch.nn.parameter.UninitializedParameter", NO_VALUES, None),
    "buffer": (torch.nn.Buffer(torch.ones(2)), "torch._tensor._rebuild_from_type_v2", TO_TENSOR,
               lambda t: t.detach().as_subclass(torch.Tensor)),
    "attribute": (with_attribute(torch.ones(2)), "torch._tensor._rebuild_from_type_v2", TO_TENSOR,
                  lambda t: t.detach().as_subclass(torch.Tensor)),
    "subclass": (BASE.as_subclass(Subclass), "torch._tensor._rebuild_from_type_v2", TO_TENSOR,
                 lambda t: t.detach().as_subclass(torch.Tensor)),
    "array": (BASE.numpy(), "numpy._core.multiarray._reconstruct", "save torch.from_numpy(array)", torch.from_numpy),
    "numpy_number": (BASE.numpy()[0, 0], "numpy._core.multiarray.scalar", "float(x) of numbers", float),
}
# torch itself cannot save these.
UNSAVED = {torch.int1, torch.int2, torch.int3, torch.int4, torch.int5, torch.int6, torch.int7, torch.uint1, torch.uint2, torch.uint3,
           torch.uint4, torch.uint5, torch.uint6, torch.uint7, torch.quint2x4}

# (protocol, zip archive or legacy stream)
FORMS = [(protocol, archive) for protocol in (2, 3, 4, 5) for archive in (True, False)]


def random_bytes(random_, count):
    return torch.frombuffer(bytearray(random_.randbytes(count)) or bytearray(1), dtype=torch.uint8)[:count]


def filled(random_, shape, dtype):
    """A contiguous tensor of random bits (booleans: of 0 and 1)."""
    count = 1
    for size in shape:
        count *= size
    data = random_bytes(random_, count * dtype.itemsize)
    if dtype == torch.bool:
        data = data % 2
    # A storage of its own, as long as the tensor.
    return data.clone().view(dtype).reshape(shape) if count else torch.empty(shape, dtype=dtype)


def a_view(random_, base):
    """One of the views that checkpoints hold."""
    choice = random_.randrange(7)
    if choice == 0 and base.dim() >= 2:
        return base.transpose(0, -1)
    if choice == 1 and base.dim() >= 1:
        return base[random_.randrange(base.shape[0] + 1):]
    if choice == 2 and base.dim() >= 1:
        return base[..., ::2]
    if choice == 3 and base.dim() >= 1 and base.numel():
        return base[:1].expand(random_.randrange(1, 4), *base.shape[1:])
    if choice == 4:
        return base.unsqueeze(random_.randrange(base.dim() + 1))
    if choice == 5 and base.dim() >= 1 and base.numel():
        return base[random_.randrange(base.shape[0])]
    return base


def random_tensor(random_, bases):
    if bases and random_.random() < 0.5:
        return a_view(random_, random_.choice(bases))
    shape = [random_.choice((0, 1, 1, 2, 3, 5, 8)) for _ in range(random_.randrange(5))]
    if random_.random() < 0.8:
        shape = [size or 4 for size in shape]
    base = filled(random_, shape, random_.choice(list(DTYPES)))
    bases.append(base)
    if base.is_floating_point() and base.element_size() > 1 and random_.random() < 0.3:
        return torch.nn.Parameter(base, requires_grad=random_.random() < 0.5)
    return a_view(random_, base)


def random_dict(random_, bases, depth=0):
    kind = random_.choice((dict, collections.OrderedDict))
    state = kind()
    for i in range(random_.randrange(1, 9)):
        key = random_.choice((f"blocks.{i}.weight", f"b{i}", f"é{i}", i, f"{'long.' * 60}{i}"))
        roll = random_.random()
        if roll < 0.12 and depth < 3:
            state[key] = random_dict(random_, bases, depth + 1)
        elif roll < 0.25:
            state[key] = random_.choice((
                None, True, 7, -(2**40), 2**70, 0.5, "text", [1, [2.0, "x"]], (), (1, 2, 3, 4), torch.float16,
                torch.device("cpu"), torch.Size([2, 3]), {}, {"lr": 1e-4, "betas": (0.9, 0.99)}))
        else:
            state[key] = random_tensor(random_, bases)
    if kind is collections.OrderedDict and random_.random() < 0.5:
        state._metadata = collections.OrderedDict({"": {"version": 1}, "a": {"version": 2}})
    return state


def flat(state, prefix=""):
    """Tensors by path, as ditmill names them."""
    for key, value in state.items():
        path = f"{prefix}{key}"
        if isinstance(value, torch.Tensor):
            yield path, value
        elif isinstance(value, dict):
            yield from flat(value, path + ".")


def hash_text(state, with_shape):
    """What TeleFuser hashes, written from its description."""
    tokens = []
    for key, value in state.items():
        if isinstance(key, str):
            if isinstance(value, torch.Tensor) and with_shape:
                tokens.append(key + ":" + "_".join(map(str, value.shape)))
            tokens.append(key)
        elif isinstance(value, dict):
            tokens.append(str(key) + "|" + hash_text(value, with_shape))
    return ",".join(sorted(tokens))


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


def rebuilt(content, described, dtype):
    """A tensor from the bytes, shape and strides that ditmill names."""
    part = content[described["begin"]:described["end"]]
    shape = described["shape"]
    if 0 in shape:
        return torch.empty(shape, dtype=dtype)
    flat_ = torch.frombuffer(bytearray(part), dtype=torch.uint8).view(dtype)
    strides = described["strides"]
    if not strides:
        return flat_.reshape(shape)
    return torch.as_strided(flat_, shape, strides)


def bits(tensor):
    # A copy: a tensor of one element may be contiguous with any stride.
    copy = tensor.detach().reshape(-1).clone(memory_format=torch.contiguous_format)
    return copy.view(torch.uint8).numpy().tobytes() if tensor.numel() else b""


class Pth(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.saved = {}

    def save(self, state, name, protocol=2, archive=True):
        path = self.folder / name
        self.saved[path] = state
        torch.save(state, path, pickle_protocol=protocol, _use_new_zipfile_serialization=archive)
        return path

    def loaded(self, path):
        try:
            return torch.load(path, weights_only=False)
        except AttributeError as error:
            # torch 2.11 cannot load its own legacy streams of types that came with untyped storages.
            self.assertIn("'torch.storage.UntypedStorage' has no attribute 'dtype'", str(error))
            return self.saved[path]

    def check(self, path, header):
        self.assertNotIn("error", header, path.name)
        state = self.loaded(path)
        expected = dict(flat(state))
        self.assertEqual({tensor["name"] for tensor in header["tensors"]}, set(expected))
        self.assertEqual(len(header["tensors"]), len(expected))
        content = path.read_bytes()
        order = [(t["begin"], t["end"], t["name"].encode()) for t in header["tensors"]]
        self.assertEqual(order, sorted(order))
        for described in header["tensors"]:
            tensor = expected[described["name"]]
            self.assertEqual(described["shape"], list(tensor.shape), described)
            self.assertEqual(described["dtype"], DTYPES[tensor.dtype])
            self.assertEqual(described["strides"] == [], tensor.is_contiguous() or tensor.numel() <= 1, described)
            again = rebuilt(content, described, tensor.dtype)
            self.assertEqual(bits(again), bits(tensor), described)
        self.assertEqual(header["key_hash"], md5(hash_text(state, True)))
        self.assertEqual(header["key_hash_names"], md5(hash_text(state, False)))
        self.assertEqual(header["nested"], any(
            isinstance(value, dict) and any(True for _ in flat(value)) for value in state.values()))
        self.assertLessEqual(header["peak"], 8 * header["header_bytes"] + SPARE)

    def test_random_state_dicts_are_read_as_torch_reads_them(self):
        seed = int(os.environ.get("DITMILL_TEST_SEED", random.SystemRandom().randrange(2**31)))
        print(f"DITMILL_TEST_SEED={seed}")
        random_ = random.Random(seed)
        paths = []
        while len(paths) < 120:
            state = random_dict(random_, [])
            names = [name for name, _ in flat(state)]
            if len(names) != len(set(names)):
                continue  # "a.0" and {"a": {0: ...}}: refused, a case of malformed_files.md
            protocol, archive = random_.choice(FORMS)
            try:
                paths.append(self.save(state, f"{len(paths)}.pth", protocol, archive))
            except RuntimeError as error:
                # torch cannot save views of one storage by several dtypes.
                self.assertIn("view the same data as different types", str(error))
        for path, header in zip(paths, probe(*paths), strict=True):
            with self.subTest(path.name, seed=seed):
                self.check(path, header)

    def test_every_form_is_read(self):
        base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
        state = {
            "plain": base, "transposed": base.t(), "rows": base[1:3], "columns": base[:, 2:5], "step": base[::2],
            "expanded": torch.ones(3, 1).expand(3, 5), "scalar": torch.tensor(1.5), "empty": torch.empty(0, 3),
            "empty_behind": base[4:, 3:], "parameter": torch.nn.Parameter(torch.ones(2)),
            "bf16": torch.ones(3, dtype=torch.bfloat16), "fp8": torch.ones(3).to(torch.float8_e4m3fn),
            "epoch": 3, "nested": {"optimizer": {0: {"exp_avg": torch.ones(2), "step": 1}}},
        }
        paths = [self.save(state, f"{protocol}{archive}.pth", protocol, archive) for protocol, archive in FORMS]
        for path, header in zip(paths, probe(*paths), strict=True):
            with self.subTest(path.name):
                self.check(path, header)
                self.assertEqual(header["others"], ["epoch: a number", "nested.optimizer.0.step: a number"])

    def test_every_dtype_is_read(self):
        state = {str(dtype): filled(random.Random(1), [3, 2], dtype) for dtype in DTYPES}
        paths = [self.save(state, "zip.pth"), self.save(state, "legacy.pth", archive=False)]
        for path, header in zip(paths, probe(*paths), strict=True):
            self.check(path, header)

    def test_every_dtype_of_torch_is_read_or_refused_or_cannot_be_saved(self):
        every = {value for value in vars(torch).values() if isinstance(value, torch.dtype)}
        refused = {value.dtype for value, *_ in REFUSED.values() if isinstance(value, torch.Tensor)}
        self.assertEqual(every - set(DTYPES) - refused, UNSAVED)
        for dtype in sorted(UNSAVED - {torch.quint2x4}, key=str):
            with self.assertRaises(KeyError, msg=dtype):
                self.save({"a": HALVES.view(dtype)}, "unsaved.pth")

    def test_what_is_refused_is_named_and_its_cure_works(self):
        forms = [(2, True), (4, True), (2, False)]
        for name, (value, words, cure, cured) in REFUSED.items():
            paths = [self.save({"a": value}, f"{name}{i}.pth", *form) for i, form in enumerate(forms)]
            for path, header in zip(paths, probe(*paths), strict=True):
                with self.subTest(path.name):
                    self.assertIn(words, header["error"])
                    self.assertIn(cure, header["error"])
            if cured:
                with self.subTest(f"{name} cured"):
                    header, = probe(self.save({"a": cured(value), "b": torch.ones(1)}, f"{name}.pth"))
                    self.assertNotIn("error", header)

    def test_parametrized_modules_are_read(self):
        norms = torch.nn.utils.parametrizations
        layers = {"weight_norm": norms.weight_norm(torch.nn.Linear(3, 2)), "spectral_norm": norms.spectral_norm(torch.nn.Linear(3, 2)),
                  "orthogonal": norms.orthogonal(torch.nn.Linear(3, 3))}
        state = torch.nn.ModuleDict(layers).state_dict()
        self.assertIn("weight_norm.parametrizations.weight.original0", state)
        paths = [self.save(state, "zip.pth"), self.save(state, "legacy.pth", archive=False)]
        for path, header in zip(paths, probe(*paths), strict=True):
            self.check(path, header)

    def test_modules_save_metadata_and_parameters(self):
        module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Embedding(5, 2))
        module[0].weight.mark = "python state of a parameter"
        whole = {name: parameter for name, parameter in module.named_parameters()}
        optimizer = torch.optim.AdamW(module.parameters())
        module[2](torch.tensor([1])).sum().backward()
        optimizer.step()
        paths = [self.save(module.state_dict(), "state.pth"), self.save(whole, "parameters.pth"),
                 self.save({"model": module.state_dict(), "optimizer": optimizer.state_dict()}, "checkpoint.ckpt"),
                 self.save(module.state_dict(), "legacy.bin", archive=False)]
        for path, header in zip(paths, probe(*paths), strict=True):
            with self.subTest(path.name):
                self.check(path, header)

    def test_dictionaries_without_tensors_are_read(self):
        paths = [self.save({}, "empty.pth"), self.save(collections.OrderedDict(), "legacy.pth", archive=False),
                 self.save({"a": 1, "b": {"c": [1, 2]}, "d": {}}, "other.pth")]
        headers = probe(*paths)
        for path, header in zip(paths, headers, strict=True):
            self.check(path, header)
        self.assertEqual(headers[2]["others"], ["a: a number", "b: a dictionary without tensors", "d: an empty dictionary"])

    def test_other_things_are_counted_where_they_are_many(self):
        header, = probe(self.save({f"step{i}": i for i in range(100)}, "many.pth"))
        self.assertEqual(len(header["others"]), 33)
        self.assertEqual(header["others"][32], "and 68 more")

    def test_nested_dictionaries_are_hashed_as_telefuser_does(self):
        cases = [
            ({"weight": torch.ones(2, 3), "bias": torch.ones(3)}, "fc7dc5baf7b15fa085c52cd82407c83e"),
            ({"sd": {"w": torch.ones(2)}}, "6226f7cbe59e99a90b5cef6f94f966fd"),
            ({0: {"a": torch.ones(2)}}, "6d26e78308d1f2f70df109fdd2e35b80"),
            ({}, "d41d8cd98f00b204e9800998ecf8427e"),
        ]
        paths = [self.save(state, f"{i}.pth") for i, (state, _) in enumerate(cases)]
        for header, (_, expected) in zip(probe(*paths), cases, strict=True):
            self.assertEqual(header["key_hash"], expected)

    def test_unusual_but_sound_files_are_read(self):
        tensor, text, number = by_hand.tensor, by_hand.text, by_hand.number
        one = by_hand.state_dict(a=tensor())
        pickled = by_hand.pickle(one)
        wide = 2**32 - 1

        def archive(**more):
            return by_hand.archive(by_hand.members(pickled, by_hand.SIX, **more))

        def with_storage(**more):
            return by_hand.archive([by_hand.Member("x/data.pkl", pickled), by_hand.Member("x/version", b"3\n"),
                                    by_hand.Member("x/data/0", bytes(24), **more)])

        def descriptor(size):
            return with_storage(flags=by_hand.DESCRIPTOR_FLAG, local={"size": 0, "packed": 0}, after=bytes(size))

        def valued(content):
            return by_hand.saved(by_hand.state_dict(a=tensor(), x=content))

        view = (by_hand.tuple_(text("v"), number(1), number(3)),)
        cases = {
            "comment": by_hand.archive(by_hand.members(pickled, by_hand.SIX), comment=b"PK and more"),
            "longest_comment": by_hand.archive(by_hand.members(pickled, by_hand.SIX), comment=b"P" * 65535),
            "other_folder": archive(folder="any name"), "no_byteorder": archive(byteorder=None),
            "version_1": archive(version=b"1"), "version_10": archive(version=b"10\n"),
            "more_members": archive(more=[by_hand.Member("archive/extra/notes", b"x"),
                                          by_hand.Member("archive/data/unused", b"x")]),
            "zip64_record": by_hand.archive(by_hand.members(pickled, by_hand.SIX), zip64={}),
            "zip64_record_alone": by_hand.archive(
                by_hand.members(pickled, by_hand.SIX), zip64={}, end={"begin": wide, "bytes": wide, "here": 65535, "all": 65535}),
            "zip64_sizes": with_storage(central={"size": wide, "packed": wide}, local={"size": wide, "packed": wide},
                                        extra=by_hand.zip64_extra(24, 24), local_extra=by_hand.zip64_extra(24, 24)),
            "zip64_sizes_behind_another_field": with_storage(
                central={"size": wide, "packed": wide}, local={"size": wide, "packed": wide},
                extra=b"FB\2\0zz" + by_hand.zip64_extra(24, 24), local_extra=b"FB\0\0" + by_hand.zip64_extra(24, 24)),
            **{f"descriptor_of_{size}": descriptor(size) for size in (12, 16, 20, 24)},
            "set": valued(b"\x8f(K\1\x90"), "frozenset": valued(b"(K\1\x91"), "bytes": valued(b"C\2xx"),
            "bytearray": valued(b"\x96\2" + bytes(7) + b"xx"), "list_by_mark": valued(b"(K\1K\2l"),
            "dict_by_mark": valued(b"(" + text("k") + b"K\1d"), "long": valued(b"\x8b\2\0\0\0xx"),
            "popped_call_of_the_list": valued(by_hand.ORDERED_DICT + b"0N"), "popped_to_a_mark": valued(b"N(K\1K\2" + b"1"),
            "duplicate": valued(b"N20"), "list_that_holds_itself": valued(b"]q\x05h\x05a"),
            "tensor_by_memo": valued(tensor() + b"q\x05" + b"0h\x05"),
            "python_2": by_hand.saved(by_hand.reduce(by_hand.global_("collections", "OrderedDict"), b"](](U\1a" + tensor() + b"ee")),
            "newobj": by_hand.saved(by_hand.global_("collections", "OrderedDict") + b")\x81" + text("a") + tensor() + b"s"),
            "state_of_a_dictionary": by_hand.saved(one + by_hand.state_dict(_metadata=by_hand.ORDERED_DICT) + b"b"),
            "state_of_a_tensor": by_hand.saved(by_hand.state_dict(a=tensor() + b"}b")),
            "no_metadata": by_hand.saved(by_hand.state_dict(a=tensor(extra=(b"N",)))),
            "oldest_tensor": by_hand.saved(by_hand.state_dict(a=by_hand.reduce(
                by_hand.global_("torch._utils", "_rebuild_tensor"), by_hand.storage(), number(0), by_hand.sizes([6]), by_hand.sizes([1])))),
            "torch_size": by_hand.saved(by_hand.state_dict(a=by_hand.reduce(
                by_hand.global_("torch._utils", "_rebuild_tensor_v2"), by_hand.storage(), number(0),
                by_hand.reduce(by_hand.global_("torch", "Size"), by_hand.sizes([6])), by_hand.sizes([1]), b"\x89", b"N"))),
            "deepest_dictionaries": by_hand.saved(
                b"}(" + text("a") + tensor() + number(1) + b"}" + (number(1) + b"}") * 198 + b"s" * 198 + b"u"),
            "deepest": valued(b"]" * 199 + b"a" * 198), "no_keys": by_hand.saved(b"}", {}),
            "stream": by_hand.stream(by_hand.state_dict(a=by_hand.streamed())),
            "stream_of_a_view": by_hand.stream(by_hand.state_dict(a=by_hand.streamed(shape=(3,), view=view))),
            "stream_of_nothing": by_hand.stream(b"}", by_hand.keys(), b""),
        }
        paths = []
        for name, content in cases.items():
            paths.append(self.folder / name)
            paths[-1].write_bytes(content)
        for path, header in zip(paths, probe(*paths), strict=True):
            with self.subTest(path.name):
                self.assertNotIn("error", header)
                names = {"no_keys": [], "stream_of_nothing": [], "tensor_by_memo": ["a", "x"]}.get(path.name, ["a"])
                self.assertEqual([tensor["name"] for tensor in header["tensors"]], names)
                self.assertLessEqual(header["peak"], 8 * header["header_bytes"] + SPARE)
                if path.name == "stream_of_a_view":
                    begin = len(cases[path.name]) - 24 + 4
                    self.assertEqual((header["tensors"][0]["begin"], header["tensors"][0]["end"]), (begin, begin + 12))

    def test_any_name_of_text_is_read(self):
        names = ["../../etc/passwd", "a\\b", "\"'", "重.é", "e\u0301", "n" * 2**20, " ", "a..b", "."]
        header, = probe(self.save({name: torch.ones(1) for name in names}, "names.pth"))
        self.assertEqual({tensor["name"] for tensor in header["tensors"]}, set(names))

    def test_zip64_archives_are_read(self):
        # skip_data leaves the storages out: sparse gigabytes.
        path = self.folder / "big.pth"
        with torch.serialization.skip_data(materialize_fake_tensors=True), torch._subclasses.fake_tensor.FakeTensorMode():
            big = torch.empty(5 * 2**30, dtype=torch.uint8)
            torch.save({"big": big, "last": torch.empty(3, dtype=torch.float32)}, path)
        header, = probe(path)
        self.assertNotIn("error", header)
        sizes = {tensor["name"]: (tensor["shape"], tensor["end"] - tensor["begin"]) for tensor in header["tensors"]}
        self.assertEqual(sizes, {"big": (list(big.shape), 5 * 2**30), "last": ([3], 12)})
        self.assertGreater(header["tensors"][1]["begin"], 5 * 2**30)

    def test_memory_is_bounded_for_large_honest_headers(self):
        flat_buffer = torch.zeros(2**16)
        cases = {
            "many_tensors": {f"blocks.{i}.attention.weight": torch.zeros(1) for i in range(5000)},
            "many_views": {f"blocks.{i}.w": flat_buffer[i:i + 1] for i in range(20000)},
            "many_transposed": {f"blocks.{i}.w": flat_buffer[:4].view(2, 2).t() for i in range(20000)},
            "many_numbers": {"losses": list(range(300_000)), "a": torch.zeros(1)},
            "nested": {str(i): {j: {"exp_avg": torch.zeros(1)} for j in range(20)} for i in range(500)},
            "long_names": {f"{'n' * 2000}{i}": flat_buffer[i:] for i in range(2000)},
        }
        paths = [self.save(state, f"{name}.{protocol}.{archive}", protocol, archive)
                 for name, state in cases.items() for protocol, archive in ((2, True), (5, True), (2, False), (5, False))]
        for path, header in zip(paths, probe(*paths), strict=True):
            with self.subTest(path.name):
                self.assertNotIn("error", header)
                self.assertLessEqual(header["peak"], 8 * header["header_bytes"] + SPARE)
                self.assertGreater(header["peak"], header["header_bytes"])


if __name__ == "__main__":
    unittest.main()
