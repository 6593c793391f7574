#!/usr/bin/env python3
"""Weights as users bring them: leftovers, unfinished downloads, other files, LoRAs, prefixes, packed weights, wrong
paths. Each works, or is refused with the cure; what a message tells to do is done here, and helps."""

import base64
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "tests/reference")]
import ditmill
import tiny_wan
import torch
from safetensors.torch import load_file, save_file

DIT = "transformer/diffusion_pytorch_model.safetensors"
DIT_OFFICIAL = "diffusion_pytorch_model.safetensors"
BASE = None


def setUpModule():
    global BASE, TEMPORARY
    TEMPORARY = tempfile.TemporaryDirectory(prefix="ditmill-weights-")
    BASE = pathlib.Path(TEMPORARY.name).resolve()
    tiny_wan.make(BASE / "diffusers", 7, tiny_wan.Shape(layers=2, vae_res_blocks=2))
    tiny_wan.make_official(BASE / "diffusers", BASE / "official")
    for layout in ("diffusers", "official"):
        entries = ditmill.ditmill("registry", "template", BASE / layout, "--name", layout)
        assert not entries.stderr, entries.stderr
        (BASE / f"{layout}.yaml").write_text(entries.stdout)


def tearDownModule():
    TEMPORARY.cleanup()


def official(role):
    return tiny_wan.official_tensors(BASE / "diffusers", role)


def put(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())


def change(path, function):
    tensors = load_file(path)
    function(tensors)
    save_file(tensors, path)


def lora(prefix="diffusion_model.", down="lora_A", up="lora_B"):
    names = [f"{prefix}blocks.{block}.self_attn.{part}" for block in range(2) for part in "qkvo"]
    return {f"{n}.{factor}.weight": torch.randn(shape) for n in names for factor, shape in ((down, (4, 128)), (up, (128, 4)))}


class Weights(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=BASE))

    def copy(self, layout, name="model"):
        shutil.rmtree(self.folder / name, ignore_errors=True)
        shutil.copytree(BASE / layout, self.folder / name)
        return self.folder / name

    def job(self, model, layout=None):
        """The manifest of a job with that model."""
        job = {"schema": 1, "name": "job", "model": {"path": str(model)},
               "pipeline": {"preset": "wan2.1-t2v-1.3b", "steps": 1, "dtype": "float32"},
               "requests": {"defaults": {"width": 64, "height": 64, "frames": 5}, "items": [{"id": "a", "prompt": "a cat"}]},
               "output": {"path": "run"}}
        if layout:
            job["model"]["catalog"] = str(layout if isinstance(layout, pathlib.Path) else BASE / f"{layout}.yaml")
        (self.folder / "job.yaml").write_text(json.dumps(job))
        return self.folder / "job.yaml"

    def check(self, model, layout=None, code=0):
        """What `run --check` prints of a job with that model."""
        done = ditmill.ditmill("run", self.job(model, layout), "--check", code=code)
        return done.stdout + done.stderr

    def identify(self, path, code=0):
        return json.loads(ditmill.ditmill("weights", "identify", "--json", path, code=code).stdout)

    def assertSays(self, text, *words):
        for word in words:
            self.assertIn(str(word), text)


class Leftovers(Weights):
    def test_hidden_files_and_backups_are_no_weights(self):
        for layout in ("diffusers", "official"):
            with self.subTest(layout=layout):
                model = self.copy(layout)
                for path in [p for p in model.rglob("*") if p.is_file()]:
                    put(path.with_name("._" + path.name), bytes.fromhex("00051607") + bytes(4092))
                    put(path.with_name(path.name + "~"), "an older one")
                    put(path.parent / ".ipynb_checkpoints" / path.name, "x")
                    put(model / "__MACOSX" / path.relative_to(model), "x")
                put(model / "._other.safetensors.index.json", "x")
                put(model / "transformer" / "._model-00001-of-00002.safetensors" if layout == "diffusers"
                    else model / ".hidden.pth", "x")
                self.assertNotIn("warning", self.check(model, layout))
                self.assertFalse([c for c in self.identify(model, code=None) if "error" in c])

    def test_a_hidden_file_that_is_named_is_told_apart(self):
        put(self.folder / "._dit.safetensors", bytes.fromhex("0005160700020000") + b"Mac OS X        " + bytes(4040))
        self.assertSays(self.identify(self.folder / "._dit.safetensors", 1)[0]["error"]["message"], "macOS", "`._`")


class Interrupted(Weights):
    def test_a_control_file_beside_the_weights_is_refused(self):
        model = self.copy("diffusers")
        whole = (model / DIT).read_bytes()
        states = {"of full size": whole[:len(whole) // 2] + bytes(len(whole) - len(whole) // 2), "cut": whole[:len(whole) // 2],
                  "missing": None}
        suffixes = {".aria2": "of full size", ".incomplete": "cut", ".part": "missing", ".crdownload": "cut", ".download": "missing",
                    ".tmp": "cut", ".partial": "missing", ".!qB": "of full size", ".filepart": "of full size",
                    ".opdownload": "cut", ".abc123.incomplete": "missing", ".xltd": "cut", ".baiduyun.p.downloading": "missing"}
        for suffix, state in suffixes.items():
            with self.subTest(suffix=suffix):
                (model / DIT).unlink(missing_ok=True)
                if states[state] is not None:
                    put(model / DIT, states[state])
                control = model / (DIT + suffix)
                put(control, "x")
                text = self.check(model, "diffusers", 1)
                self.assertSays(text, control.name, "diffusion_pytorch_model.safetensors", "did not finish", "fetch")
                put(model / DIT, whole)
                control.unlink()
                self.check(model, "diffusers")

    def test_parts_kept_below_the_folder_are_found(self):
        name = pathlib.Path(DIT).name
        digest = base64.urlsafe_b64encode(hashlib.sha1((name + ".metadata").encode()).digest()).decode()
        readme = base64.urlsafe_b64encode(hashlib.sha1(b"README.md.metadata").digest()).decode()
        hub = ".cache/huggingface/download/"
        for part, code in ((f"{hub}transformer/{name}.e7ag.incomplete", 1), (f"{hub}transformer/{digest}.e7ag.incomplete", 1),
                           (f"._____temp/{DIT}", 1), (f"{hub}{readme}.e7ag.incomplete", 0), (f"{hub}README.md.e7ag.incomplete", 0),
                           (f"{hub}transformer/{readme}.e7ag.incomplete", 0)):
            with self.subTest(part=part):
                model = self.copy("diffusers")
                put(model / part, "x")
                text = self.check(model, "diffusers", code)
                if code:
                    self.assertSays(text, model / part, model / DIT, "did not finish")

    def test_of_the_official_layout(self):
        for name in (DIT_OFFICIAL, "models_t5_umt5-xxl-enc-bf16.pth", "Wan2.1_VAE.pth", "google/umt5-xxl/spiece.model", "config.json"):
            for kept in (True, False):
                with self.subTest(name=name, kept=kept):
                    model = self.copy("official")
                    put(model / (name + ".aria2"), "x")
                    if not kept and name != "config.json":
                        (model / name).unlink()
                        (model / "google/umt5-xxl/tokenizer.json").unlink(missing_ok=True)
                    self.assertSays(self.check(model, "official", 1), name + ".aria2", "did not finish")

    def test_downloads_of_other_files_do_not_matter(self):
        model = self.copy("official")
        for name in ("README.md.part", "assets/demo.mp4.crdownload", "style.safetensors.aria2", "other.safetensors.tmp"):
            put(model / name, "x")
        put(model / "style.safetensors", bytes(1000))
        self.assertSays(self.check(model, "official"), "warning", "style.safetensors: not used")

    def test_cut_files_are_to_be_fetched_again(self):
        for layout, name in (("diffusers", DIT), ("official", DIT_OFFICIAL), ("official", "Wan2.1_VAE.pth"),
                             ("diffusers", "transformer/config.json"), ("diffusers", "model_index.json")):
            for share in (2, 10, 600):
                with self.subTest(layout=layout, name=name, share=share):
                    model = self.copy(layout)
                    whole = (model / name).read_bytes()
                    (model / name).write_bytes(whole[:max(1, len(whole) * share // 1000)])
                    self.assertSays(self.check(model, layout, 1), name, "fetch it again")

    def test_what_lies_in_place_of_a_file_is_named(self):
        stand_ins = {"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n": "git lfs pull",
                     "<!DOCTYPE html><html><title>429</title></html>": "HTML page", "": "empty",
                     "\0" * 3000: "zeros", "Entry not found": "Entry not found", "Access to model x is restricted": "text"}
        for layout, name in (("diffusers", DIT), ("official", "Wan2.1_VAE.pth"), ("diffusers", "vae/config.json"),
                             ("diffusers", "model_index.json"), ("diffusers", DIT + ".index.json")):
            for content, words in stand_ins.items():
                with self.subTest(name=name, words=words):
                    model = self.copy(layout)
                    put(model / name, content)
                    self.assertSays(self.check(model, layout, 1), name, words)

    def shard(self, model, count=3):
        tensors, where = load_file(model / DIT), {}
        (model / DIT).unlink()
        names = [f"diffusion_pytorch_model-{i + 1:05}-of-{count:05}.safetensors" for i in range(count)]
        for i, shard in enumerate(names):
            mine = sorted(tensors)[i::count]
            save_file({n: tensors[n] for n in mine}, model / "transformer" / shard)
            where |= dict.fromkeys(mine, shard)
        put(model / (DIT + ".index.json"), json.dumps({"metadata": {}, "weight_map": where}))
        return [model / "transformer" / shard for shard in names]

    def test_missing_shards(self):
        model = self.copy("diffusers")
        shards = self.shard(model)
        self.check(model, "diffusers")
        kept = shards[1].read_bytes()
        shards[1].unlink()
        self.assertSays(self.check(model, "diffusers", 1), shards[1], "download did not finish", "again")
        put(pathlib.Path(str(shards[1]) + ".incomplete"), "x")
        self.assertSays(self.check(model, "diffusers", 1), shards[1], shards[1].name + ".incomplete", "did not finish")
        (model / (DIT + ".index.json")).unlink()
        self.assertSays(self.check(model, "diffusers", 1), "no shard 2", shards[1].name + ".incomplete", "did not finish")
        pathlib.Path(str(shards[1]) + ".incomplete").unlink()
        put(shards[1], kept)
        self.check(model, "diffusers")

    def test_links_that_lead_nowhere(self):
        for name in (DIT, "transformer/config.json", "model_index.json", "tokenizer/spiece.model"):
            with self.subTest(name=name):
                model = self.copy("diffusers")
                (model / name).unlink(missing_ok=True)
                (model / name).symlink_to("../../../blobs/0123")
                self.assertSays(self.check(model, "diffusers", 1), name, "symbolic link to nothing", "cp -rL")

    def test_following_links_copies_the_cache_of_the_hub(self):
        cache = self.folder / "models--Wan-AI--Tiny"
        snapshot = cache / "snapshots" / "0a1b"
        for path in [p for p in (BASE / "diffusers").rglob("*") if p.is_file()]:
            name = path.relative_to(BASE / "diffusers")
            blob = cache / "blobs" / str(name).replace("/", "-")
            put(blob, path.read_bytes())
            (snapshot / name).parent.mkdir(parents=True, exist_ok=True)
            (snapshot / name).symlink_to(os.path.relpath(blob, (snapshot / name).parent))
        self.assertSays(self.check(cache, "diffusers", 1), snapshot, "name one")
        self.check(snapshot, "diffusers")
        subprocess.run(["cp", "-r", snapshot, self.folder / "plain"], check=True)
        self.assertSays(self.check(self.folder / "plain", "diffusers", 1), "cp -rL")
        subprocess.run(["cp", "-rL", snapshot, self.folder / "followed"], check=True)
        self.check(self.folder / "followed", "diffusers")


class Loras(Weights):
    STYLES = {"peft": lora("base_model.model."), "comfy": lora(), "diffusers": lora("transformer."),
              "kijai": lora(down="lora_down", up="lora_up") | {"diffusion_model.head.head.diff_b": torch.zeros(64)},
              "kohya": {n.replace("blocks.", "blocks_"): t for n, t in lora("lora_unet_", "lora_down", "lora_up").items()},
              "dots": lora(down="lora.down", up="lora.up"), "alpha": lora() | {"diffusion_model.blocks.0.self_attn.q.alpha": torch.ones(())},
              "loha": {f"lycoris_blocks_0_q.hada_w{i}_a": torch.ones(2, 2) for i in (1, 2)},
              "lokr": {f"diffusion_model.blocks.0.self_attn.q.lokr_w{i}": torch.ones(2, 2) for i in (1, 2)}}

    def test_beside_weights_it_is_not_used_and_that_is_said(self):
        for style, tensors in self.STYLES.items():
            for layout, place in (("diffusers", "transformer/style.safetensors"), ("official", "style.safetensors")):
                with self.subTest(style=style, layout=layout):
                    model = self.copy(layout)
                    save_file(tensors, model / place)
                    self.assertSays(self.check(model, layout), "warning: ", f"{place}: not used: it is a LoRA")

    def test_beside_weights_of_free_names(self):
        model = self.copy("diffusers")
        (model / DIT).rename(model / "transformer/wan.safetensors")
        save_file(lora(), model / "transformer/a_style.safetensors")
        save_file({"latents": torch.zeros(2, 3)}, model / "transformer/latents.safetensors")
        save_file({"state.0.exp_avg": torch.zeros(2), "state.0.exp_avg_sq": torch.zeros(2)}, model / "transformer/state.safetensors")
        self.assertSays(self.check(model, "diffusers"), "a_style.safetensors: not used: it is a LoRA",
                        "latents.safetensors: not used", "state.safetensors: not used: it is the state of an optimizer")

    def test_as_the_model_it_is_refused(self):
        save_file(lora(), self.folder / "adapter.safetensors")
        put(self.folder / "adapter/adapter_config.json", "{}")
        save_file(lora("base_model.model."), self.folder / "adapter/adapter_model.safetensors")
        for path in (self.folder / "adapter.safetensors", self.folder / "adapter"):
            self.assertSays(self.check(path, "official", 1), "LoRA", "model it belongs to as model.path")
            self.assertEqual(self.identify(path)[0]["role"], "lora")

    def test_in_place_of_the_transformer_it_is_refused(self):
        model = self.copy("diffusers")
        save_file(lora(), model / DIT)
        self.assertSays(self.check(model, "diffusers", 1), DIT, "LoRA", "model's own weights into this folder")
        shutil.copy(BASE / "diffusers" / DIT, model / DIT)
        self.check(model, "diffusers")

    def test_copies_are_not_mixed(self):
        model = self.copy("diffusers")
        (model / DIT).rename(model / "transformer/wan.safetensors")
        shutil.copy(model / "transformer/wan.safetensors", model / "transformer/wan_ema.safetensors")
        self.assertSays(self.check(model, "diffusers", 1), "wan_ema.safetensors", "EMA", "move it out of the folder")
        (model / "transformer/wan_ema.safetensors").rename(self.folder / "wan_ema.safetensors")
        self.check(model, "diffusers")


class Prefixes(Weights):
    def frames(self, model, layout):
        """Of a run of that model."""
        run = self.folder / f"run-of-{model.name}"
        ditmill.ditmill("run", self.job(model, layout), "--run-dir", run, "--threads", "1")
        return {item: frames.tobytes() for item, frames in ditmill.frames(run).items()}

    def test_are_told_and_seen_through(self):
        for prefix in ("model.diffusion_model.", "diffusion_model.", "model.", "module.", "_orig_mod.", "module._orig_mod.", "net.it's$x."):
            with self.subTest(prefix=prefix):
                model = self.copy("official")
                bare = self.identify(model / DIT_OFFICIAL, None)[0]["key_hash"]
                save_file({prefix + n: t for n, t in official("transformer").items()}, model / DIT_OFFICIAL)
                found = self.identify(model / DIT_OFFICIAL)[0]
                self.assertEqual((found["family"], found["role"], found["layout"], found["prefix"], found["key_hash_bare"]),
                                 ("wan", "dit", "official", prefix, bare))
                self.assertNotEqual(found["key_hash"], bare)
                self.check(model, "official")

    def test_do_not_change_the_frames(self):
        bare = self.copy("official")
        want = self.frames(bare, "official")
        prefixed = bare.rename(bare.with_name("prefixed"))
        save_file({"model.diffusion_model." + n: t for n, t in official("transformer").items()}, prefixed / DIT_OFFICIAL)
        self.assertEqual(self.frames(prefixed, "official"), want)
        wrapped = prefixed.rename(prefixed.with_name("wrapped"))
        (wrapped / DIT_OFFICIAL).unlink()
        torch.save({"state_dict": official("transformer"), "optimizer": {"state": {0: {"exp_avg": torch.ones(3)}}}}, wrapped / "wan.pt")
        self.assertEqual(self.frames(wrapped, "official"), want)

    def test_of_the_diffusers_layout_in_shards(self):
        model = self.copy("diffusers")
        change(model / DIT, lambda tensors: [tensors.update({"module." + n: tensors.pop(n)}) for n in list(tensors)])
        Interrupted.shard(self, model)
        self.assertEqual(self.identify(model / "transformer")[0]["prefix"], "module.")
        self.check(model, "diffusers")

    def test_dictionaries_of_checkpoints(self):
        tensors = official("transformer")
        steps = {"state": {0: {"exp_avg": torch.ones(3)}}}
        for prefix, content in {"model.": {"epoch": 3, "model": tensors}, "state_dict.": {"state_dict": tensors, "optimizer": steps},
                                "module.": {"module." + n: t for n, t in tensors.items()},
                                "generator.": {"generator": tensors, "step": 7},
                                "state_dict.model.": {"state_dict": {"model." + n: t for n, t in tensors.items()}},
                                "ema.": {"optimizer": steps, "ema": tensors}}.items():
            with self.subTest(prefix=prefix):
                model = self.copy("official")
                (model / DIT_OFFICIAL).unlink()
                torch.save(content, model / "wan.pt")
                found = self.identify(model / "wan.pt")[0]
                self.assertEqual((found["role"], found["layout"], found["prefix"]), ("dit", "official", prefix))
                self.assertIn(prefix, ditmill.ditmill("weights", "identify", model / "wan.pt").stdout)
                self.check(model, "official")

    def test_an_entry_is_written_of_the_names_behind_them(self):
        save_file({"module." + n: t for n, t in official("transformer").items()}, self.folder / "wan.safetensors")
        bare = self.identify(self.folder / "wan.safetensors")[0]["key_hash_bare"]
        entry = ditmill.ditmill("registry", "template", self.folder / "wan.safetensors", "--name", "x").stdout
        self.assertIn(bare, entry)


class Advice(Weights):
    def refused(self, model, layout, *words):
        text = self.check(model, layout, 1)
        self.assertNotIn("- name:", text)
        self.assertSays(text, *words)
        shutil.copy(BASE / layout / (DIT if layout == "diffusers" else DIT_OFFICIAL), model / (DIT if layout == "diffusers" else DIT_OFFICIAL))
        self.check(model, layout)

    def test_entries_that_are_offered_work(self):
        for layout in ("diffusers", "official"):
            text = self.check(BASE / layout, code=1)
            (self.folder / "my.yaml").write_text(text[text.index("- name:"):])
            self.check(BASE / layout, self.folder / "my.yaml")

    def test_none_is_offered_for_weights_with_more_tensors(self):
        model = self.copy("diffusers")
        change(model / DIT, lambda t: t.update({f"blocks.{i}.to_gate_compress.{n}": torch.ones(128) for i in range(2) for n in ("weight", "bias")}))
        self.refused(model, "diffusers", "to_gate_compress", "base model's weights")

    def test_none_is_offered_for_packed_weights(self):
        def fp8(tensors, scale, marker):
            for name in [n for n in tensors if n.startswith("blocks.") and n.endswith(".q.weight")]:
                tensors[name] = tensors[name].to(torch.float8_e4m3fn)
                tensors[name.replace("weight", scale) if scale[0] != "+" else name + scale[1:]] = torch.ones(1)
            if marker:
                tensors[marker] = torch.zeros(2, dtype=torch.float8_e4m3fn)

        for scale, marker, words in (("scale_weight", "scaled_fp8", "FP8 with scales"), ("weight_scale", "", "FP8 with scales"),
                                     ("+.absmax", "", "bitsandbytes")):
            with self.subTest(scale=scale):
                model = self.copy("official")
                change(model / DIT_OFFICIAL, lambda t, s=scale, m=marker: fp8(t, s, m))
                written = ditmill.ditmill("registry", "template", model / DIT_OFFICIAL, "--name", "x")
                self.assertSays(written.stderr, words, "BF16")
                self.refused(model, "official", words, "use a BF16")

    def test_files_that_are_not_read_are_named(self):
        model = self.copy("diffusers")
        (model / DIT).unlink()
        put(model / "transformer/wan-Q4_K_M.gguf", b"GGUF" + bytes(100))
        self.refused(model, "diffusers", "wan-Q4_K_M.gguf", "BF16")


class Paths(Weights):
    def test_names_of_repositories(self):
        for path in ("Wan-AI/Wan2.1-T2V-1.3B-Diffusers", "hf://Wan-AI/Wan2.1-T2V-1.3B-Diffusers",
                     "https://huggingface.co/Wan-AI/Wan2.1-T2V-1.3B-Diffusers",
                     "https://huggingface.co/Wan-AI/Wan2.1-T2V-1.3B-Diffusers/tree/main"):
            with self.subTest(path=path):
                self.assertSays(self.check(path, code=1), "not of a folder here",
                                "`hf download Wan-AI/Wan2.1-T2V-1.3B-Diffusers --local-dir Wan2.1-T2V-1.3B-Diffusers`", "huggingface-cli")

    def test_home_and_variables_are_to_be_written_out(self):
        home = os.environ.get("HOME")
        os.environ["HOME"] = ditmill.ENVIRONMENT["HOME"] = str(BASE)
        try:
            for path in ("~/diffusers", "$HOME/diffusers", "${HOME}/diffusers"):
                text = self.check(path, "diffusers", 1)
                self.assertSays(text, "not expanded", "write the path out", BASE / "diffusers")
            self.check(BASE / "diffusers", "diffusers")
        finally:
            os.environ["HOME"] = ditmill.ENVIRONMENT["HOME"] = home or "/"
        self.assertSays(self.check("$NOT_SET_HERE/x", code=1), "write the path out")

    def test_near_names(self):
        self.assertSays(self.check(BASE / "difusers", "diffusers", 1), f"did you mean {BASE / 'diffusers'}?")
        self.assertNotIn("hf download", self.check("gone", "diffusers", 1))

    def test_a_part_of_a_model(self):
        for layout, path in (("diffusers", "transformer"), ("diffusers", DIT), ("official", DIT_OFFICIAL)):
            self.assertSays(self.check(BASE / layout / path, layout, 1), "a part of a model", f"as model.path, {BASE / layout}")

    def test_the_folder_above_models(self):
        shutil.copytree(BASE / "diffusers", self.folder / "models/wan/a")
        shutil.copytree(BASE / "official", self.folder / "models/b")
        self.assertSays(self.check(self.folder / "models", "official", 1), self.folder / "models/wan/a", self.folder / "models/b", "name one")
        self.check(self.folder / "models/b", "official")


class Missing(Weights):
    def flat(self, vae):
        model = self.folder / "flat"
        model.mkdir()
        save_file(official("transformer"), model / "Wan2_1-T2V.safetensors")
        save_file(official("text_encoder"), model / "umt5-enc.safetensors")
        (save_file if vae.endswith("safetensors") else torch.save)(official("vae"), model / vae)
        return model

    def test_a_flat_folder_without_a_tokenizer(self):
        for vae in ("vae.safetensors", "vae.pth"):
            with self.subTest(vae=vae):
                model = self.flat(vae)
                self.assertSays(self.check(model, "official", 1), "tokenizer", "copy the folder google/umt5-xxl", model / "google/umt5-xxl")
                shutil.copytree(BASE / "official/google/umt5-xxl", model / "google/umt5-xxl")
                self.check(model, "official")
                shutil.rmtree(model)

    def test_a_component_that_is_not_there(self):
        for layout, part, words in (("official", "Wan2.1_VAE.pth", "Wan2.1_VAE.pth"), ("official", "models_t5_umt5-xxl-enc-bf16.pth", "text encoder"),
                                    ("diffusers", "vae", "fetch the folder")):
            with self.subTest(part=part):
                model = self.copy(layout)
                (shutil.rmtree if layout == "diffusers" else os.remove)(model / part)
                self.assertSays(self.check(model, layout, 1), words, model)
                (shutil.copytree if layout == "diffusers" else shutil.copy)(BASE / layout / part, model / part)
                self.check(model, layout)


if __name__ == "__main__":
    unittest.main()
