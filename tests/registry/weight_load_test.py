#!/usr/bin/env python3
"""weights load: tiny models of `weights synth` in both layouts, each kind of damage, and what a folder may hold beside.
Seeds are fresh and printed; DITMILL_TEST_SEED=N repeats a run."""

import json
import math
import os
import pathlib
import random
import shutil
import struct
import tempfile
import unittest

import ditmill

T2V = "wan2.1-t2v-1.3b"
TRANSFORMER = "transformer/diffusion_pytorch_model.safetensors"
VAE = "vae/diffusion_pytorch_model.safetensors"
TEXT = "text_encoder/model.safetensors"
BITS = {"F32": 32, "BF16": 16, "F8_E4M3": 8}


def read_tensors(path):
    """{name: (dtype, shape, bytes)} of a safetensors file."""
    blob = path.read_bytes()
    size = struct.unpack("<Q", blob[:8])[0]
    header = json.loads(blob[8:8 + size])
    header.pop("__metadata__", None)
    return {name: (each["dtype"], each["shape"], blob[8 + size + each["data_offsets"][0]:8 + size + each["data_offsets"][1]])
            for name, each in header.items()}


def write(path, content):
    """Over a hard link, so that the model that others share stays as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def write_tensors(path, tensors):
    header, data = {}, b""
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header).encode()
    write(path, struct.pack("<Q", len(text)) + text + data)


def zeros(shape, dtype="F32"):
    return dtype, list(shape), bytes(math.prod(shape) * BITS[dtype] // 8)


class WeightLoad(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        seed = int(os.environ.get("DITMILL_TEST_SEED", random.SystemRandom().randrange(2**31)))
        print(f"DITMILL_TEST_SEED={seed}")
        scratch = tempfile.TemporaryDirectory(prefix="ditmill-load-")
        cls.addClassCleanup(scratch.cleanup)
        cls.base = pathlib.Path(scratch.name)
        for like, layout, name in ((T2V, "diffusers", "diffusers"), (T2V, "official", "official"),
                                   ("wan2.1-i2v-14b-480p", "diffusers", "pictures"),
                                   ("wan2.1-i2v-14b-480p", "official", "official_pictures"),
                                   ("wan2.2-t2v-a14b", "diffusers", "experts"), ("wan2.2-t2v-a14b", "official", "official_experts")):
            ditmill.ditmill("weights", "synth", "--like", like, "--layout", layout, "--seed", seed, cls.base / name)

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="ditmill-load-", dir=self.base)
        self.addCleanup(scratch.cleanup)
        self.path = pathlib.Path(scratch.name)

    def model(self, name="diffusers", like="diffusers"):
        shutil.copytree(self.base / like, self.path / name, copy_function=os.link)
        return self.path / name

    def load(self, path, *more, code=0):
        done = ditmill.ditmill("weights", "load", path, "--json", *more, code=code)
        return json.loads(done.stdout)

    def loaded(self, path, name, *more, code=0):
        """The component of that name, and what was found of it and its model, as a text."""
        report = self.load(path, *more, code=code)
        one = next(each for each in report["components"] if each["name"] == name)
        return one, " | ".join(f"{each['severity']}: {each['message']}" for each in one["findings"])

    def change(self, model, file, change):
        tensors = read_tensors(model / file)
        change(tensors)
        write_tensors(model / file, tensors)

    def declare(self, model, **entries):
        index = json.loads((model / "model_index.json").read_text()) | entries
        write(model / "model_index.json", json.dumps({key: value for key, value in index.items() if value != "gone"}))

    def test_both_layouts_bind_every_tensor(self):
        for name in ("diffusers", "official", "pictures", "official_pictures", "experts", "official_experts"):
            with self.subTest(name):
                report = self.load(self.base / name, "--catalog", self.base / name / "catalog.yaml")
                self.assertEqual(report["layout"], "official" if name.startswith("official") else "diffusers")
                self.assertEqual([each["message"] for each in report["findings"]], [])
                for each in report["components"]:
                    # diffusers' folders of A14B say flow_shift 3, its authors 12: that is told.
                    told = (name, each["name"]) == ("experts", "scheduler")
                    self.assertEqual(each["verdict"], "warn" if told else "ok", each)
                    if "tensors" in each:
                        self.assertEqual((each["bound"], each["missing"], each["unexpected"]), (each["tensors"], [], []))
                        self.assertTrue(each["variant"].startswith("tiny-"), each["variant"])
                loaders = {each["name"]: each["loader"] for each in report["components"]}
                self.assertEqual(loaders["vae"], "VAE")
                self.assertEqual(loaders["tokenizer"], "tokenizer")
                self.assertEqual("transformer_2" in loaders, "experts" in name)
                self.assertEqual("image_encoder" in loaders, "pictures" in name)

    def test_text_is_a_line_a_component(self):
        done = ditmill.ditmill("weights", "load", self.base / "diffusers")
        lines = [line for line in done.stdout.splitlines() if line[:1] not in " /"]
        self.assertEqual([line.split()[0] for line in lines[:-1]], ["ok"] * 5)
        self.assertIn("diffusers.WanTransformer3DModel  transformer: wan_dit (diffusers)", done.stdout)
        self.assertIn("96 of 96 tensors bound, F32", done.stdout)
        self.assertEqual(lines[-1], "5 components: 5 ok, 0 warned of, 0 wrong")

    def test_keys_are_strict_by_type(self):
        drop = lambda name: lambda tensors: tensors.pop(name)
        add = lambda name: lambda tensors: tensors.update({name: zeros([2])})
        cases = [
            (TRANSFORMER, drop("blocks.1.norm2.weight"), 2, "missing", ["blocks.1.norm2.weight"], "error: 1 missing: blocks.1.norm2"),
            (TRANSFORMER, drop("patch_embedding.weight"), 2, "missing", ["patch_embedding.weight"], "bound as wan_dit by its class"),
            (TRANSFORMER, add("blocks.0.to_gate_compress.weight"), 2, "unexpected", ["blocks.0.to_gate_compress.weight"], "error: 1 unexpected"),
            (VAE, drop("decoder.conv_in.bias"), 2, "missing", ["decoder.conv_in.bias"], "error: 1 missing"),
            (VAE, add("loss.weight"), 2, "unexpected", ["loss.weight"], "error: 1 unexpected"),
            (TEXT, drop("encoder.final_layer_norm.weight"), 2, "missing", ["encoder.final_layer_norm.weight"], "error: 1 missing"),
            (TEXT, add("head.weight"), 0, "unexpected", ["head.weight"], "warning: 1 unexpected: head.weight"),
            (TEXT, add("decoder.block.0.weight"), 0, "passed_over", ["decoder.block.0.weight"], "note: 1 known and not used"),
            (TEXT, add("encoder.block.0.layer.0.SelfAttention.kv_scale"), 0, "passed_over",
             ["encoder.block.0.layer.0.SelfAttention.kv_scale"], "note: 1 known and not used"),
        ]
        for number, (file, change, code, field, names, words) in enumerate(cases):
            with self.subTest(names[0], field=field):
                model = self.model(str(number))
                self.change(model, file, change)
                one, found = self.loaded(model, file.split("/")[0], code=code)
                self.assertEqual(one[field], names)
                self.assertIn(words, found)
                others = {"missing", "unexpected", "misshapen"} - {field}
                self.assertEqual({key: one[key] for key in others}, dict.fromkeys(others, []))

    def test_weights_of_a_catalog_entry_may_have_another_structure(self):
        model = self.model()
        self.change(model, VAE, lambda tensors: tensors.pop("decoder.conv_in.bias"))
        self.assertIn("error: 1 missing", self.loaded(model, "vae", code=2)[1])
        mine = self.path / "mine.yaml"
        mine.write_text(ditmill.ditmill("registry", "template", model / VAE, "--name", "mine").stdout)
        one, said = self.loaded(model, "vae", "--catalog", mine)
        self.assertEqual((one["verdict"], one["variant"]), ("ok", "mine-vae"))
        self.assertIn("note: 1 missing", said)

    def test_an_encoder_without_any_of_its_embeddings_is_told(self):
        model = self.model()
        self.change(model, TEXT, lambda tensors: [tensors.pop(name, None) for name in ("shared.weight", "encoder.embed_tokens.weight")])
        one, found = self.loaded(model, "text_encoder", code=2)
        self.assertEqual(one["one_of"], ["encoder.embed_tokens.weight", "shared.weight"])
        self.assertIn("missing: one of", found)

    def test_a_tensor_of_another_shape_is_told_with_both(self):
        model = self.model()
        self.change(model, TRANSFORMER, lambda tensors: tensors.update({"blocks.1.ffn.net.2.bias": zeros([130])}))
        one, found = self.loaded(model, "transformer", code=2)
        self.assertEqual(one["misshapen"], [{"name": "blocks.1.ffn.net.2.bias", "expected": [128], "got": [130]}])
        self.assertIn("blocks.1.ffn.net.2.bias has the shape [130], not [128]", found)

    def test_layers_that_config_says_and_no_file_has_are_missing(self):
        model = self.model()
        self.change(model, TRANSFORMER, lambda tensors: [tensors.pop(name) for name in list(tensors) if name.startswith("blocks.2.")])
        one, found = self.loaded(model, "transformer", code=2)
        self.assertEqual({name.split(".")[1] for name in one["missing"]}, {"2"})
        self.assertIn("config.json says num_layers 3, its tensors say 2", found)
        self.assertIn("more", found)  # a line shows the first names only
        self.assertEqual(len(one["missing"]), 27)

    def test_weights_in_the_wrong_folder_are_told(self):
        model = self.model()
        write(model / TRANSFORMER, (model / VAE).read_bytes())
        _, found = self.loaded(model, "transformer", code=2)
        self.assertIn("the weights are those of a vae, not of a dit", found)
        self.assertIn("the index says WanTransformer3DModel", found)

    def test_a_file_that_cannot_be_read_is_1_whatever_else_is_wrong(self):
        model = self.model()
        self.change(model, VAE, lambda tensors: tensors.pop("decoder.conv_in.bias"))
        write(model / TRANSFORMER, (model / TRANSFORMER).read_bytes()[:-100])
        one, found = self.loaded(model, "transformer", code=1)
        self.assertEqual(one["verdict"], "error")
        self.assertNotIn("tensors", one)
        self.assertIn("transformer/diffusion_pytorch_model.safetensors", found)

    def test_what_the_index_declares_must_be_there_and_what_it_does_not_is_told(self):
        model = self.model()
        shutil.rmtree(model / "vae")
        shutil.copytree(model / "transformer", model / "transformer_ref", copy_function=os.link)
        shutil.copytree(model / "transformer", model / "transformer_2", copy_function=os.link)
        self.declare(model, transformer_2=[None, None], image_encoder=[None, None])
        report = self.load(model, code=2)
        vae = next(each for each in report["components"] if each["name"] == "vae")
        self.assertIn("there is no folder", vae["findings"][0]["message"])
        self.assertEqual(report["absent"], ["image_encoder", "transformer_2"])
        said = " ".join(each["message"] for each in report["findings"])
        self.assertIn("transformer_2: not used, the index says that there is no transformer_2", said)
        self.assertIn("transformer_ref: not used, the index does not declare it", said)

    def test_a_boundary_needs_two_transformers(self):
        model = self.model()
        self.declare(model, boundary_ratio=0.875)
        self.assertIn("declares no transformer_2", self.load(model, code=2)["findings"][0]["message"])

    def test_library_and_class_are_checked(self):
        cases = [({"vae": ["transformers", "AutoencoderKLWan"]}, "vae", 2, "its library is transformers, and a VAE is of diffusers"),
                 ({"transformer": ["fastvideo.models", "WanTransformer3DModel"]}, "transformer", 0, ""),
                 ({"text_encoder": ["transformers", "T5EncoderModel"]}, "text_encoder", 0, "its config.json says UMT5EncoderModel"),
                 ({"vae": ["diffusers", "WanTransformer3DModel"]}, "vae", 2, "the weights are those of wan_vae")]
        for number, (entry, name, code, words) in enumerate(cases):
            with self.subTest(entry):
                model = self.model(str(number))
                self.declare(model, **entry)
                self.assertIn(words.replace("wan_vae", "AutoencoderKLWan"), self.loaded(model, name, code=code)[1])

    def test_what_no_table_knows_is_loaded_by_what_is_there(self):
        model = self.model()
        write_tensors(model / "safety_checker/model.safetensors", {"a.weight": zeros([2, 3], "BF16"), "b.weight": zeros([4])})
        write(model / "notes/README.md", "words")
        write_tensors(model / "text_encoder_2/model.safetensors", {"model.layers.0.mlp.up_proj.weight": zeros([4, 4], "BF16")})
        write(model / "text_encoder_2/config.json", json.dumps({"architectures": ["LlamaModel"]}))
        self.declare(model, safety_checker=["stable_diffusion", "Checker"], notes=["mine", "Notes"], text_encoder_2=["transformers", "LlamaModel"])
        one, found = self.loaded(model, "safety_checker")
        self.assertEqual((one["loader"], one["tensors"], one["dtypes"], one["bytes"], one["architecture"]),
                         ("generic", 2, {"BF16": 6, "F32": 4}, 28, None))
        self.assertIn("keys cannot be checked", found)
        one, found = self.loaded(model, "text_encoder_2")
        self.assertEqual((one["loader"], one["verdict"]), ("text encoder", "warn"))
        one, found = self.loaded(model, "notes")
        self.assertEqual((one["loader"], one["verdict"]), ("generic", "ok"))
        self.assertIn("no weights, 1 other files", found)

    def test_tokenizers_are_opened(self):
        cut = lambda model: write(model / "tokenizer/spiece.model", (model / "tokenizer/spiece.model").read_bytes()[:-7])
        no_json = lambda model: write(model / "tokenizer/tokenizer.json", "{")
        gone = lambda model: [path.unlink() for path in (model / "tokenizer").iterdir() if path.name != "tokenizer_config.json"]

        def another(model):
            gone(model)
            write(model / "tokenizer/vocab.json", "{}")

        for number, (damage, code, words) in enumerate([(cut, 1, "spiece.model"), (no_json, 1, "tokenizer.json"),
                                                        (gone, 2, "none of spiece.model, tokenizer.json"),
                                                        (another, 0, "warning: ditmill has no such tokenizer")]):
            with self.subTest(words):
                model = self.model(str(number))
                damage(model)
                self.assertIn(words, self.loaded(model, "tokenizer", code=code)[1])

    def test_the_scheduler_is_set_beside_the_preset(self):
        model = self.model()
        file = model / "scheduler/scheduler_config.json"
        config = json.loads(file.read_text())
        write(file, json.dumps(config | {"flow_shift": 5.0, "solver_order": 3}))
        one, found = self.loaded(model, "scheduler", "--catalog", model / "catalog.yaml")
        self.assertEqual(one["verdict"], "warn")
        told = f"the job takes flow_shift 3.0 of its preset {T2V}; this folder says flow_shift 5.0"
        self.assertIn(told, found)
        self.assertIn("the job takes solver_order 2; this folder says 3", found)
        write(self.path / "job.yaml", json.dumps({
            "schema": 1, "name": "job", "model": {"path": str(model), "catalog": str(model / "catalog.yaml")},
            "pipeline": {"preset": T2V, "steps": 1}, "output": {"path": "run"},
            "requests": {"defaults": {"width": 64, "height": 64, "frames": 5}, "items": [{"id": "a", "prompt": "a cat"}]}}))
        check = json.loads(ditmill.ditmill("run", self.path / "job.yaml", "--check", "--json").stdout)
        self.assertIn(told, " ".join(each["message"] for each in check["warnings"]))
        chosen = json.loads(ditmill.ditmill("run", self.path / "job.yaml", "--check", "--json", "--set", "pipeline.flow_shift=7").stdout)
        self.assertNotIn("flow_shift", " ".join(each["message"] for each in chosen["warnings"]))
        write(file, "[")
        self.assertEqual(self.loaded(model, "scheduler", code=1)[0]["verdict"], "error")

    def test_torch_files_are_taken_in_fastvideos_order(self):
        model = self.model()
        folder = model / "text_encoder"
        encoder = (self.base / "official/models_t5_umt5-xxl-enc-bf16.pth").read_bytes()
        other = (self.base / "official/Wan2.1_VAE.pth").read_bytes()
        for name in ("model.pt", "pytorch_model.bin", "optimizer.pt"):
            write(folder / name, encoder if name == "pytorch_model.bin" else other)
        one, found = self.loaded(model, "text_encoder")
        self.assertTrue(one["files"][0].endswith("model.safetensors"))
        self.assertIn("pytorch_model.bin: not used", found)
        (model / TEXT).unlink()
        one, found = self.loaded(model, "text_encoder")
        self.assertEqual([pathlib.Path(path).name for path in one["files"]], ["pytorch_model.bin"])
        self.assertEqual((one["layout"], one["bound"]), ("official", one["tensors"]))
        self.assertIn("model.pt: not used, there are files in .bin", found)
        self.assertIn("optimizer.pt: not used, it is not needed for inference", found)
        write(folder / "extra.bin", other)
        write(folder / "pytorch_model.bin.index.json", json.dumps({"weight_map": {"norm.weight": "pytorch_model.bin"}}))
        one, found = self.loaded(model, "text_encoder")
        self.assertEqual(len(one["files"]), 1)
        self.assertIn("extra.bin: not used,", found)
        (folder / "pytorch_model.bin").unlink()
        self.assertIn("pytorch_model.bin.index.json names", self.loaded(model, "text_encoder", code=1)[1])

    def test_shards_are_held_to_their_index(self):
        model = self.model()
        tensors = read_tensors(model / TRANSFORMER)
        (model / TRANSFORMER).unlink()
        names = sorted(tensors)
        stem = model / "transformer/diffusion_pytorch_model"
        shards = {f"{stem.name}-0000{i + 1}-of-00002.safetensors": names[i::2] for i in range(2)}
        for shard, held in shards.items():
            write_tensors(stem.parent / shard, {name: tensors[name] for name in held})
        index = pathlib.Path(f"{stem}.safetensors.index.json")
        write(index, json.dumps({"weight_map": {name: shard for shard, held in shards.items() for name in held}}))
        write_tensors(stem.parent / "ema.safetensors", {names[0]: tensors[names[0]]})
        one, found = self.loaded(model, "transformer")
        self.assertEqual((len(one["files"]), one["bound"]), (2, len(names)))
        self.assertIn("ema.safetensors: not used", found)
        first, second = (stem.parent / shard for shard in shards)
        write_tensors(second, {name: tensors[name] for name in names[1::2] + names[:1]})
        self.assertIn("it is also in", self.loaded(model, "transformer", code=1)[1])
        first.unlink()
        self.assertIn("a file that", self.loaded(model, "transformer", code=1)[1])

    def test_fp8_weights_need_their_scales(self):
        model = self.model()
        weights = [f"blocks.{block}.attn1.to_q.weight" for block in range(3)]

        def pack(tensors, scaled):
            for name in weights:
                tensors[name] = zeros(tensors[name][1], "F8_E4M3")
            for name in weights[:scaled]:
                tensors[name.removesuffix("weight") + "scale_weight"] = zeros([1])
            tensors["scaled_fp8"] = zeros([0], "F8_E4M3")

        self.change(model, TRANSFORMER, lambda tensors: pack(tensors, 3))
        one, found = self.loaded(model, "transformer")
        self.assertEqual((one["quantization"], len(one["scales"]), one["unscaled"], one["unexpected"]), ("fp8-tensor", 4, [], []))
        model = self.model("two")
        self.change(model, TRANSFORMER, lambda tensors: pack(tensors, 2))
        one, found = self.loaded(model, "transformer", code=2)
        self.assertEqual(one["unscaled"], weights[2:])
        self.assertIn("FP8 weights without a scale", found)

    def test_a_modular_index_says_where_a_component_is_from(self):
        model = self.model()
        index = json.loads((model / "model_index.json").read_text())
        (model / "model_index.json").unlink()
        origin = {"repo": "Wan-AI/Wan2.1-T2V-1.3B-Diffusers", "subfolder": "", "revision": None}
        entries = {key: value + [origin] if isinstance(value, list) else value for key, value in index.items()}
        entries["vae"] = [None, None, origin | {"type_hint": ["diffusers", "AutoencoderKLWan"]}]
        write(model / "modular_model_index.json", json.dumps(entries))
        one, _ = self.loaded(model, "vae")
        self.assertEqual((one["library"], one["class"], one["bound"]), ("diffusers", "AutoencoderKLWan", 194))
        shutil.rmtree(model / "vae")
        self.assertIn("hf download Wan-AI/Wan2.1-T2V-1.3B-Diffusers", self.loaded(model, "vae", code=2)[1])

    def test_a_folder_without_an_index_goes_by_its_names(self):
        model = self.model()
        (model / "model_index.json").unlink()
        report = self.load(model)
        self.assertEqual({each["name"] for each in report["components"]}, {"scheduler", "text_encoder", "tokenizer", "transformer", "vae"})
        self.assertIn("no model_index.json", report["findings"][0]["message"])

    def test_an_official_folder_needs_the_slots_of_its_family(self):
        model = self.model(like="official_pictures")
        pieces = model / "google/umt5-xxl/spiece.model"
        write(pieces, pieces.read_bytes()[:-7])
        self.assertIn("spiece.model", self.loaded(model, "tokenizer", code=1)[1])
        write(model / "google/umt5-xxl/tokenizer.json", "{")
        self.assertIn("tokenizer.json", self.loaded(model, "tokenizer", code=1)[1])
        for name in ("Wan2.1_VAE.pth", "models_clip_open-clip-xlm-roberta-large-vit-huge-14.pth"):
            (model / name).unlink()
        shutil.rmtree(model / "google")
        said = " ".join(each["message"] for each in self.load(model, code=2)["findings"])
        for words in ("no VAE", "no image encoder", "no tokenizer"):
            self.assertIn(words, said)

    def test_what_lies_beside_a_whole_official_model_is_no_reason_to_refuse_it(self):
        model = self.model(like="official")
        write_tensors(model / "style.safetensors", {f"blocks.{i}.attn.lora_{side}.weight": zeros([4, 4]) for i in range(2) for side in "AB"})
        write(model / "cut.pth", (model / "Wan2.1_VAE.pth").read_bytes()[:1000])
        report = self.load(model)
        beside = {each["name"]: each for each in report["components"] if each["verdict"] != "ok"}
        self.assertEqual(sorted(beside), ["cut.pth", "style.safetensors"])
        for each in beside.values():
            self.assertIn("not used: the model is whole without it", each["findings"][-1]["message"])
        (model / "Wan2.1_VAE.pth").unlink()
        self.load(model, code=1)

    def test_a_component_on_its_own_is_loaded(self):
        model = self.base / "diffusers"
        for path, name, loader in ((model / "transformer", "transformer", "transformer"), (model / VAE, "vae", "VAE"),
                                   (model / "scheduler", "scheduler", "scheduler"), (model / "tokenizer", "tokenizer", "tokenizer"),
                                   (self.base / "official/Wan2.1_VAE.pth", "vae", "VAE")):
            report = self.load(path)
            self.assertEqual([(each["name"], each["loader"]) for each in report["components"]], [(name, loader)])

    def test_every_byte_is_read_once(self):
        for name in ("diffusers", "official"):
            for each in self.load(self.base / name, "--read")["components"]:
                if "tensors" in each:
                    self.assertEqual(each["read"]["bytes"], each["bytes"], each["name"])
                    self.assertGreater(each["read"]["seconds"], 0)

    def test_what_is_no_folder_here_is_answered_with_the_command_that_fetches_it(self):
        done = ditmill.ditmill("weights", "load", "Wan-AI/Wan2.1-T2V-1.3B-Diffusers", code=1)
        self.assertIn("hf download Wan-AI/Wan2.1-T2V-1.3B-Diffusers", done.stderr)
        model = self.model()
        write(model / "model_index.json", "{")
        self.assertIn("model_index.json", ditmill.ditmill("weights", "load", model, code=1).stderr)


if __name__ == "__main__":
    unittest.main()
