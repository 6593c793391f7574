#!/usr/bin/env python3
"""weights view, diff and digest, and registry verify, over files of safetensors and torch.

Seeds are fresh and printed; DITMILL_TEST_SEED=N repeats a run.
"""

import hashlib
import json
import os
import pathlib
import random
import struct
import tempfile
import unittest

import numpy
import torch
from safetensors.torch import save_file

import ditmill
from pth_test import DTYPES, bits, filled, flat, md5, random_dict

LEAF = 4 << 20


def flat_hash_text(shapes, with_shape):
    """TeleFuser's, of a dictionary without dictionaries in it."""
    tokens = list(shapes)
    if with_shape:
        tokens += [f"{name}:" + "_".join(map(str, shape)) for name, shape in shapes.items()]
    return ",".join(sorted(tokens))


def header_only(path, shapes, dtype="F8_E4M3"):
    """A safetensors file whose data are a hole."""
    header, at = {}, 0
    for name, shape in shapes.items():
        size = int(numpy.prod(shape, dtype=object))
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + at)


def leaves_of(tree, path=()):
    """Names and leaves of an export's structure: a leaf's shape is a list, a child is an object."""
    for key, value in tree.items():
        if isinstance(value.get("shape"), list):
            yield ".".join((*path, key)), value
        else:
            yield from leaves_of(value, (*path, key))


def lines_of(tree):
    for node in tree:
        yield node
        yield from lines_of(node.get("children", []))


def json_of(*arguments, code=0):
    return json.loads(ditmill.ditmill(*arguments, "--json", code=code).stdout)


class WeightTools(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        seed = int(os.environ.get("DITMILL_TEST_SEED", random.SystemRandom().randrange(2**31)))
        print(f"DITMILL_TEST_SEED={seed}")
        cls.random = random.Random(seed)

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="ditmill-weights-")
        self.addCleanup(scratch.cleanup)
        self.path = pathlib.Path(scratch.name)

    def random_tensors(self):
        tensors = {f"t.{dtype}".replace("torch.", ""): filled(self.random, [self.random.randrange(1, 9), 4], dtype)
                   for dtype in DTYPES}
        tensors |= {"a": torch.rand(2), "a.b": torch.rand(3).half(), "scalar": torch.tensor(1.5),
                    "empty": torch.zeros(0, 3), "é": torch.rand(1)}
        for i in range(12):
            odd = self.random.random() < 0.2
            tensors[f"blocks.{i}.attn.q.weight"] = torch.rand(8, 16 if odd else 8).bfloat16()
            tensors[f"blocks.{i}.norm"] = torch.rand(8)
        return tensors

    # --- view

    def test_view_counts_and_hashes_what_torch_wrote(self):
        tensors = self.random_tensors()
        save_file(tensors, self.path / "w.safetensors")
        seen, = json_of("weights", "view", self.path / "w.safetensors")
        shapes = {name: tensor.shape for name, tensor in tensors.items()}
        self.assertEqual(seen["key_hash"], md5(flat_hash_text(shapes, True)))
        self.assertEqual(seen["key_hash_names"], md5(flat_hash_text(shapes, False)))
        self.assertEqual(seen["parameters"], sum(tensor.numel() for tensor in tensors.values()))
        dtypes = {}
        for tensor in tensors.values():
            dtypes[DTYPES[tensor.dtype]] = dtypes.get(DTYPES[tensor.dtype], 0) + tensor.numel()
        self.assertEqual(seen["dtypes"], dtypes)
        text = ditmill.ditmill("weights", "view", self.path / "w.safetensors", "--quiet").stdout
        self.assertIn(f"({seen['parameters']:,})", text)
        self.assertIn(seen["key_hash"], text)
        self.assertIn(seen["key_hash_names"], text)
        self.assertNotIn("blocks", text)

    def test_view_shows_every_tensor_merged_or_not(self):
        tensors = self.random_tensors()
        save_file(tensors, self.path / "w.safetensors")
        for more in ((), ("--no-merge",), ("--max-depth", "2"), ("--show-all",)):
            with self.subTest(more):
                seen, = json_of("weights", "view", self.path / "w.safetensors", *more)

                def count(nodes):
                    return sum(node["siblings"] * (count(node["children"]) if "children" in node else node["tensors"])
                               for node in nodes)

                self.assertEqual(count(seen["tree"]), len(tensors))
        seen, = json_of("weights", "view", self.path / "w.safetensors", "--no-merge")
        names = {node["path"]: tuple(node["shape"]) for node in lines_of(seen["tree"]) if "shape" in node}
        self.assertEqual(names, {name: tuple(tensor.shape) for name, tensor in tensors.items()})

    def test_view_text_is_a_line_for_equal_siblings(self):
        header_only(self.path / "w.safetensors",
                    {f"blocks.{i}.w": (4, 4 if i != 7 else 5) for i in range(32)} | {"deep.b.c.d.e.f": (3,)})
        text = ditmill.ditmill("weights", "view", self.path / "w.safetensors").stdout
        self.assertIn("blocks.0..6,8..31 x31 ", text)
        self.assertIn("blocks.7 ", text)
        self.assertIn("deep.b.c.d.e.*: 1 tensor with 3 parameters below", text)
        self.assertNotIn("#", text)
        self.assertIn("deep.b.c.d.e.f ",
                      ditmill.ditmill("weights", "view", self.path / "w.safetensors", "--show-all").stdout)

    def test_view_takes_files_patterns_shards_and_folders(self):
        shapes = {f"blocks.{i}.w": (3, 3) for i in range(12)}
        for i in range(12):
            header_only(self.path / f"w-{i + 1:05d}-of-00012.safetensors", {f"blocks.{i}.w": (3, 3)})
        files = [str(path) for path in sorted(self.path.glob("*.safetensors"))]
        shuffled = self.random.sample(files, len(files))
        for paths in ([self.path], [self.path / "*-of-00012.safetensors"], shuffled):
            seen, = json_of("weights", "view", *paths)
            self.assertEqual(seen["files"], files)
            self.assertEqual(seen["key_hash"], md5(flat_hash_text(shapes, True)))
        index = self.path / "w.safetensors.index.json"
        index.write_text(json.dumps({"weight_map": {f"blocks.{i}.w": pathlib.Path(files[i]).name for i in range(12)}}))
        seen, = json_of("weights", "view", index)
        self.assertEqual(seen["parameters"], 108)
        missing = ditmill.ditmill("weights", "view", self.path / "*.nothing", code=1).stderr
        self.assertIn("pattern", missing)

    def test_view_shows_a_model_folder_by_its_components(self):
        for name in ("transformer", "vae"):
            (self.path / name).mkdir()
            header_only(self.path / name / "diffusion_pytorch_model.safetensors", {f"{name}.w": (2,)})
        seen = json_of("weights", "view", self.path)
        self.assertEqual([one["component"] for one in seen], ["transformer", "vae"])
        export = self.path / "all.json"
        ditmill.ditmill("weights", "view", self.path, "--export", export)
        self.assertEqual(sorted(json.loads(export.read_text())), ["transformer", "vae"])
        self.assertIn("only in A: 1\n  vae/vae.w", self.diff_text_without_vae())

    def diff_text_without_vae(self):
        other = self.path / "other"
        for name in ("transformer", "vae"):
            (other / name).mkdir(parents=True)
            header_only(other / name / "diffusion_pytorch_model.safetensors",
                        {"transformer.w" if name == "transformer" else "new": (2,)})
        return ditmill.ditmill("weights", "diff", self.path, other, code=2).stdout

    def test_export_has_the_schema_and_every_tensor(self):
        tensors = self.random_tensors()
        save_file(tensors, self.path / "w.safetensors")
        export = self.path / "export.json"
        ditmill.ditmill("weights", "view", self.path / "w.safetensors", "--max-depth", "1", "--export", export)
        exported = json.loads(export.read_text())
        self.assertEqual(sorted(exported), ["metadata", "summary", "weights_structure"])
        self.assertEqual(sorted(exported["metadata"]), ["export_timestamp", "tool_version"])
        summary = exported["summary"]
        shapes, dtypes = {}, {}
        for tensor in tensors.values():
            shapes[str(tuple(tensor.shape))] = shapes.get(str(tuple(tensor.shape)), 0) + 1
            dtypes[str(tensor.dtype)] = dtypes.get(str(tensor.dtype), 0) + tensor.numel()
        self.assertEqual(summary["shape_distribution"], shapes)
        self.assertEqual(summary["dtype_distribution"], dtypes)
        self.assertEqual(summary["files_loaded"], 1)
        self.assertEqual(summary["file_paths"], [str(self.path / "w.safetensors")])
        self.assertEqual(summary["hash_with_shape"],
                         md5(flat_hash_text({name: tensor.shape for name, tensor in tensors.items()}, True)))
        self.assertEqual(dict(leaves_of(exported["weights_structure"])),
                         {name: {"shape": list(tensor.shape), "dtype": str(tensor.dtype), "numel": tensor.numel(),
                                 "requires_grad": False, "device": "cpu"} for name, tensor in tensors.items()})

    def test_dictionaries_are_flattened(self):
        for _ in range(5):
            state = random_dict(self.random, [])
            tensors = dict(flat(state))
            if not tensors:
                continue
            path = self.path / "w.pth"
            torch.save(state, path)
            export = self.path / "export.json"
            ditmill.ditmill("weights", "view", path, "--export", export)
            exported = json.loads(export.read_text())
            self.assertEqual({name: leaf["shape"] for name, leaf in leaves_of(exported["weights_structure"])},
                             {name: list(tensor.shape) for name, tensor in tensors.items()})

    def test_large_files_are_shown_at_once(self):
        import resource

        header_only(self.path / "many.safetensors",
                    {f"blocks.{i // 2000}.experts.{i // 4 % 500}.w{i % 4}": (2, 1 + i % 97) for i in range(100_000)})
        (self.path / "shards").mkdir()
        for i in range(1000):
            header_only(self.path / "shards" / f"m-{i + 1:05d}-of-01000.safetensors", {f"b.{i}.w": (2,)})
        for path in ("many.safetensors", "shards"):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            ditmill.ditmill("weights", "view", self.path / path)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            seconds = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
            print(f"{path}: {seconds:.2f} s of CPU")
            self.assertLess(seconds, 3, "a second on an idle core; this one may be shared")

    # --- diff

    def test_diff_compares_names_shapes_and_dtypes(self):
        a = {"same": torch.ones(2), "gone": torch.ones(1), "shape": torch.ones(2, 3), "dtype": torch.ones(2)}
        b = {"same": torch.ones(2), "new": torch.ones(1), "shape": torch.ones(3, 2), "dtype": torch.ones(2).bfloat16()}
        save_file(a, self.path / "a.safetensors")
        torch.save(b, self.path / "b.pth")
        paths = (self.path / "a.safetensors", self.path / "b.pth")
        self.assertEqual(json_of("weights", "diff", *paths, code=2), {
            "only_a": ["gone"], "only_b": ["new"], "shape": [{"name": "shape", "a": [2, 3], "b": [3, 2]}],
            "dtype": [{"name": "dtype", "a": "F32", "b": "BF16"}], "values": []})
        self.assertIn("dtype: F32 and BF16", ditmill.ditmill("weights", "diff", *paths, code=2).stdout)
        self.assertEqual(json_of("weights", "diff", paths[0], paths[0], "--values")["values"],
                         [{"name": name, "max_abs": 0.0, "equal_bits": True} for name in sorted(a)])

    def test_diff_text_is_short(self):
        header_only(self.path / "a.safetensors", {f"only.a{i}": (1,) for i in range(50)})
        header_only(self.path / "b.safetensors", {f"only.b{i}": (1,) for i in range(3)})
        text = ditmill.ditmill("weights", "diff", self.path / "a.safetensors", self.path / "b.safetensors",
                               code=2).stdout
        self.assertIn("only in A: 50", text)
        self.assertIn("... and 30 more", text)
        self.assertIn("only in B: 3", text)

    def test_values_of_every_type_are_those_of_numpy(self):
        """Random bits in every type against random bits in another: all codes of narrow floats are among them."""
        a, b = {}, {}
        wide = [dtype for dtype in DTYPES if not dtype.is_complex]
        for i, dtype in enumerate(wide):
            a[f"{i}"] = filled(self.random, [1024], dtype)
            b[f"{i}"] = filled(self.random, [1024], self.random.choice(wide))
            if dtype.itemsize == 1 and dtype.is_floating_point:  # every code, against its value
                a[f"{i}.codes"] = torch.arange(256, dtype=torch.uint8).view(dtype)
                b[f"{i}.codes"] = a[f"{i}.codes"].float()
        for dtype in (torch.float16, torch.bfloat16):
            a[f"{dtype}.codes"] = torch.arange(65536, dtype=torch.int32).to(torch.uint16).view(dtype)
            b[f"{dtype}.codes"] = a[f"{dtype}.codes"].double()
        a["complex"] = torch.complex(torch.rand(9), torch.rand(9))
        b["complex"] = torch.complex(torch.rand(9), torch.rand(9))
        save_file(a, self.path / "a.safetensors")
        save_file(b, self.path / "b.safetensors")
        found = json_of("weights", "diff", self.path / "a.safetensors", self.path / "b.safetensors", "--values", code=2)
        self.assertEqual([value["name"] for value in found["values"]], sorted(a, key=str.encode))
        for value in found["values"]:
            name = value["name"]
            with self.subTest(name, a=a[name].dtype, b=b[name].dtype):
                self.assertEqual(value["equal_bits"],
                                 a[name].dtype == b[name].dtype and bits(a[name]) == bits(b[name]))
                self.assertEqual(value["max_abs"], self.largest(a[name], b[name]))
                if name.endswith("codes"):
                    self.assertEqual(value["max_abs"], 0.0)

    @staticmethod
    def numbers(tensor):
        if tensor.is_complex():
            tensor = torch.view_as_real(tensor)
        if tensor.is_floating_point():
            tensor = tensor.double()
        with numpy.errstate(invalid="ignore"):  # signalling NaNs
            return tensor.reshape(-1).numpy().astype(numpy.longdouble)

    def largest(self, x, y):
        x, y = self.numbers(x), self.numbers(y)
        keep = (x != y) & ~(numpy.isnan(x) & numpy.isnan(y))
        if not keep.any():
            return 0.0
        with numpy.errstate(all="ignore"):
            apart = numpy.abs(x[keep] - y[keep])
        most = float(apart.max())  # of NaNs: NaN
        return most if numpy.isfinite(most) else None

    def test_values_of_views_are_read_by_their_strides(self):
        for _ in range(6):
            state = random_dict(self.random, [])
            tensors = {name: tensor.detach() for name, tensor in flat(state)}
            if not tensors:
                continue
            torch.save(state, self.path / "a.pth")
            torch.save({name: tensor.clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()},
                       self.path / "b.pth")
            found = json_of("weights", "diff", self.path / "a.pth", self.path / "b.pth", "--values")
            self.assertEqual({value["name"] for value in found["values"] if value["equal_bits"]}, set(tensors))

    # --- digest

    def write_large(self):
        """A file of more than two leaves, the second of which has tensors of its own."""
        tensors = {f"blocks.{i}.w": torch.randint(0, 256, (1 << 20,), dtype=torch.uint8) for i in range(10)}
        save_file(tensors, self.path / "w.safetensors")
        return self.path / "w.safetensors"

    def test_digests_are_those_of_other_programs(self):
        path = self.write_large()
        (self.path / "empty.bin").write_bytes(b"")
        digested = json_of("weights", "digest", path, self.path / "empty.bin")
        self.assertEqual(digested["models"], [])
        for file in digested["files"]:
            content = pathlib.Path(file["path"]).read_bytes()
            self.assertEqual(file["bytes"], len(content))
            self.assertEqual(file["sha256"], hashlib.sha256(content).hexdigest())
            self.assertEqual(len(file["leaves"]), -(-len(content) // LEAF))
            root = hashlib.sha256(b"ditmill digest root 1\n" + struct.pack("<QQ", 1, len(content)) +
                                  bytes.fromhex("".join(file["leaves"])) + b"{}").hexdigest()
            self.assertEqual(file["root"], f"sha256:{root}")
        text = ditmill.ditmill("weights", "digest", path).stdout
        self.assertEqual(text, f"{digested['files'][0]['sha256']}  {path}\n")

    def test_a_flipped_byte_is_found_with_its_tensor_and_range(self):
        path = self.write_large()
        record = self.path / "record.json"
        ditmill.ditmill("weights", "digest", self.path, "--write", record)
        self.assertEqual(json.loads(record.read_text())["files"][0]["path"], "w.safetensors")
        self.assertIn("1 files are as recorded", ditmill.ditmill("weights", "digest", path, "--verify", record).stdout)
        content = bytearray(path.read_bytes())
        at = self.random.randrange(LEAF, len(content))
        content[at] ^= 1 << self.random.randrange(8)
        path.write_bytes(content)
        fault, = json_of("weights", "digest", path, "--verify", record, code=2)
        damaged, = fault["ranges"]
        self.assertTrue(damaged["begin"] <= at < damaged["end"] <= damaged["begin"] + LEAF)
        size = struct.unpack("<Q", content[:8])[0]
        header = json.loads(content[8:8 + size])
        hit = [name for name, entry in header.items() if entry["data_offsets"][0] <= at - 8 - size <
               entry["data_offsets"][1]]
        self.assertLessEqual(set(hit), set(damaged["tensors"]))
        text = ditmill.ditmill("weights", "digest", path, "--verify", record, code=2).stdout
        self.assertIn(f"bytes {damaged['begin']} to {damaged['end']}: ", text)
        path.unlink()
        self.assertIn("it is missing", ditmill.ditmill("weights", "digest", self.path, "--verify", record, code=2).stdout)

    def test_a_record_that_moved_with_its_files_still_fits(self):
        (self.path / "one").mkdir()
        header_only(self.path / "one" / "w.safetensors", {"w": (5,)})
        ditmill.ditmill("weights", "digest", self.path / "one", "--write", self.path / "one" / "record.json")
        (self.path / "one").rename(self.path / "two")
        ditmill.ditmill("weights", "digest", self.path / "two", "--verify", self.path / "two" / "record.json")
        outside = ditmill.ditmill("weights", "digest", self.path, "--verify", self.path / "two" / "record.json")
        self.assertIn("1 files", outside.stdout)

    def test_records_that_are_none_are_refused(self):
        record = self.path / "record.json"
        header_only(self.path / "w.safetensors", {"w": (5,)})
        for text, words in (("{}", "format"), ("no json", "record.json"), ('{"format": "x"}', "digest 1")):
            record.write_text(text)
            done = ditmill.ditmill("weights", "digest", self.path / "w.safetensors", "--verify", record, code=1)
            self.assertIn(words, done.stderr)

    # --- registry

    def test_registry_verify_names_lines(self):
        self.assertEqual(ditmill.ditmill("registry", "verify").stdout, "")
        header_only(self.path / "w.safetensors", {"w": (5,)})
        entry = ("- name: {}\n  family: wan\n  role: dit\n  layout: official\n  key_hash: {}\n"
                 f"  key_hash_names: {'1' * 32}\n")
        catalog = self.path / "catalog.yaml"
        catalog.write_text(entry.format("one", "a" * 32) + entry.format("two", "a" * 32))
        self.assertIn(f"{catalog}:7:9: two says of its weights what one at {catalog}:1 says",
                      ditmill.ditmill("registry", "verify", catalog, code=2).stdout)
        catalog.write_text(entry.format("one", "9269f8db9040a9d860eaca435be61814"))
        self.assertRegex(ditmill.ditmill("registry", "verify", catalog, code=2).stdout, "one (hides|has the key_hash of) ")
        catalog.write_text(entry.format("one", "xyz"))
        self.assertIn(f"{catalog}:5:", ditmill.ditmill("registry", "verify", catalog, code=2).stdout)
        catalog.write_text(entry.format("one", "a" * 32))
        ditmill.ditmill("registry", "verify", catalog)
        ditmill.ditmill("registry", "verify", self.path / "nothing.yaml", code=1)
        self.assertRegex(ditmill.ditmill("registry", "list").stdout.splitlines()[-1], r"^\d+ entries, families: .*wan")


if __name__ == "__main__":
    unittest.main()
