#!/usr/bin/env python3
"""What ditmill says that diffusers takes checkpoints for is what diffusers takes them for, judged by its own functions.

Headers are random and fresh; the seed is printed, DITMILL_TEST_SEED=N repeats a run.
"""

import collections
import inspect
import json
import os
import pathlib
import random
import re
import subprocess
import tempfile
import unittest

import torch
from diffusers.loaders import single_file_utils as diffusers
from safetensors.torch import save_file

from ditmill import ditmill
from header_probe import PROBE

HEADERS = 4000
PREFIX = "model.diffusion_model."
# Names that diffusers' function has in its text beside its table, and near misses.
MORE_NAMES = [
    "pos_embed", PREFIX + "pos_embed", "guidance_in.in_layer.bias", PREFIX + "guidance_in.in_layer.bias", "img_in.weight",
    PREFIX + "img_in.weight", "vae.encoder.conv_in.conv.bias", "vae.encoder.conv_out.conv.weight",
    "vae.decoder.last_time_embedder.timestep_embedder.linear_1.weight", "encoder.project_in.conv.conv.bias",
    "decoder.project_in.main.conv.weight", "patch_embedding.weight", PREFIX + "patch_embedding.weight",
    PREFIX + "vace_blocks.0.after_proj.bias", PREFIX + "motion_encoder.dec.direction.weight",
    "control_noise_refiner.0.before_proj.weight", "any.transformer_blocks.47.scale_shift_table",
    "transformer_blocks.47.scale_shift_table",
]
# What belongs together, so that the deeper branches are reached.
GROUPS = [
    ["inpainting", "v2", "xl_base"], ["controlnet", "controlnet_xl", "controlnet_xl_large", "controlnet_xl_mid"],
    ["sd3", "sd35_large", "pos_embed", PREFIX + "pos_embed"],
    ["animatediff", "animatediff_sdxl_beta"], ["sd3", "pos_embed"],
    ["animatediff", "animatediff_rgb", "animatediff_v2", "animatediff_sdxl_beta"],
    ["flux", "guidance_in.in_layer.bias", "img_in.weight", PREFIX + "img_in.weight"], ["flux3", "flux3-distilled"],
    ["ltx-video", "vae.encoder.conv_in.conv.bias", "vae.encoder.conv_out.conv.weight",
     "vae.decoder.last_time_embedder.timestep_embedder.linear_1.weight", "any.transformer_blocks.47.scale_shift_table"],
    ["autoencoder-dc", "encoder.project_in.conv.conv.bias", "decoder.project_in.main.conv.weight"],
    ["autoencoder-dc", "autoencoder-dc-sana", "encoder.project_in.conv.conv.bias", "decoder.project_in.main.conv.weight"],
    ["auraflow"], ["wan", "wan_vace", "patch_embedding.weight"],
    ["wan", "patch_embedding.weight", PREFIX + "patch_embedding.weight", "wan_vace", "wan_animate",
     PREFIX + "vace_blocks.0.after_proj.bias", PREFIX + "motion_encoder.dec.direction.weight"],
    ["stable_cascade_stage_b"], ["stable_cascade_stage_c"], ["inpainting"], ["v2"], ["minimax-h3"],
    ["cosmos-1.0"], ["cosmos-2.0"], ["cosmos-1.0", "cosmos-2.0"],
    ["z-image-turbo-controlnet-2.x", "control_noise_refiner.0.before_proj.weight", "z-image-turbo-controlnet"],
]
SIZES = sorted({int(n) for n in re.findall(r"== (\d+)\b", inspect.getsource(diffusers.infer_diffusers_model_type))})


# Those that the rules of a tensor look for.
OWN_SIZES = {
    "input_blocks.0.0.weight": (8, 9), "to_k.weight": (1024,), "clip_txt_mapper.weight": (1536, 2048),
    "channelwise.0.weight": (576, 640), "adaLN_modulation.1.bias": (9216,), "pos_embed": (36864, 147456), "pe": (24,),
    "temporal_transformer.norm.weight": (320,), "img_in.weight": (128, 384), "conv_out.conv.weight": (2048,),
    "encoder.project_in.conv.conv.bias": (64,), "decoder.project_in.main.conv.weight": (32, 128),
    "patch_embedding.weight": (16, 1536, 5120), "net.x_embedder.proj.1.weight": (68, 72, 2048, 4096),
}


def names_of(id_):
    names = diffusers.CHECKPOINT_KEY_NAMES.get(id_, id_)
    return [names] if isinstance(names, str) else list(names)


ALL_NAMES = [name for id_ in diffusers.CHECKPOINT_KEY_NAMES for name in names_of(id_)] + MORE_NAMES


class Shaped:
    """What the cascade asks of a tensor, but of its values."""

    def __init__(self, shape):
        self.shape = torch.Size(shape)


def taken_for(header, zero):
    """diffusers' answer, or the name of its exception."""
    tensors = {name: Shaped(shape) for name, shape in header.items()}
    valued = "control_noise_refiner.0.before_proj.weight"
    if valued in tensors:
        tensors[valued] = torch.zeros(2) if zero else torch.tensor([0.0, 1.0])
    try:
        return diffusers.infer_diffusers_model_type(tensors)
    except (KeyError, IndexError, UnboundLocalError, ValueError) as error:
        return type(error).__name__


def random_size(random_, name):
    own = [sizes for end, sizes in OWN_SIZES.items() if name.endswith(end)]
    size = random_.choice(own[0] if own and random_.random() < 0.8 else SIZES)
    return size if random_.random() < 0.9 else max(0, size + random_.choice((-1, 1)))


def random_header(random_):
    """A few names of the cascade, of one branch mostly, with sizes at and near those that decide."""
    if random_.random() < 0.7:
        names = [name for id_ in random_.choice(GROUPS) for name in names_of(id_)]
        # All of a list are asked for in places; any elsewhere.
        kept = random_.choice((0.5, 0.9, 1))
        names = [name for name in names if random_.random() < kept]
    else:
        names = [random_.choice(ALL_NAMES)]
    names += random_.sample(ALL_NAMES, random_.choice((0, 0, 1, 2, 5)))
    names += [f"noise.{random_.randrange(100)}.weight" for _ in range(random_.randrange(3))]
    near = random_.random() < 0.1
    header = {}
    for name in names:
        if near and random_.random() < 0.5:
            name = random_.choice((PREFIX + name, name.removeprefix(PREFIX), name[:-1], "module." + name))
        rank = random_.choice((0, 1, 2)) if random_.random() < 0.1 else random_.choice((2, 3, 4, 5))
        header[name] = [random_size(random_, name) for _ in range(rank)]
    return header


def probe(mode, lines=""):
    done = subprocess.run([PROBE, mode], input=lines, capture_output=True, text=True, timeout=250, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


class TheCascade(unittest.TestCase):
    """Through header_probe, all headers in one process."""

    def test_random_headers_are_taken_for_what_diffusers_takes_them(self):
        seed = int(os.environ.get("DITMILL_TEST_SEED", random.randrange(2**32)))
        print(f"DITMILL_TEST_SEED={seed}")
        random_ = random.Random(seed)
        cases = [(random_header(random_), random_.random() < 0.5) for _ in range(HEADERS)]
        answers = probe("--diffusers", "".join(json.dumps({"tensors": h, "zero": z}) + "\n" for h, z in cases))
        self.assertEqual(len(answers), len(cases))
        reached = collections.Counter()
        for (header, zero), answer in zip(cases, answers):
            expected = taken_for(header, zero)
            reached[expected] += 1
            if "error" in answer:
                self.assertIn(f" {expected} ", answer["error"], header)
            else:
                self.assertEqual(answer["types"], [expected], header)
        types = {name for name in reached if name in diffusers.DIFFUSERS_DEFAULT_PIPELINE_PATHS}
        # One cannot be reached; of the others a seed may miss a few.
        self.assertGreater(len(types), len(diffusers.DIFFUSERS_DEFAULT_PIPELINE_PATHS) * 0.8, sorted(types))
        self.assertLessEqual({"KeyError", "IndexError", "UnboundLocalError", "ValueError"}, set(reached))

    def test_values_are_asked_for_only_where_they_decide(self):
        header = {"control_layers.14.adaLN_modulation.0.weight": [1, 1],
                  "control_noise_refiner.0.before_proj.weight": [4, 4]}
        answers = probe("--diffusers", "".join(json.dumps({"tensors": header, "zero": zero}) + "\n"
                                               for zero in (None, True, False)))
        both = ["z-image-turbo-controlnet-2.0", "z-image-turbo-controlnet-2.1"]
        self.assertEqual([answer["types"] for answer in answers], [both, both[:1], both[1:]])


class TheTables(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tables = probe("--diffusers-tables")[0]

    def test_the_keys_are_those_of_diffusers(self):
        expected = {id_: names_of(id_) for id_ in diffusers.CHECKPOINT_KEY_NAMES}
        self.assertEqual(self.tables["keys"], expected)

    def test_the_repositories_are_those_of_diffusers(self):
        expected = {name: (paths["pretrained_model_name_or_path"], paths.get("subfolder", ""))
                    for name, paths in diffusers.DIFFUSERS_DEFAULT_PIPELINE_PATHS.items()}
        found = {name: (row["repo"], row["subfolder"]) for name, row in self.tables["types"].items()}
        self.assertEqual(found, expected)

    def test_the_pipelines_have_the_components(self):
        import diffusers as package  # all of it, which the others need not wait for

        for name, row in self.tables["types"].items():
            if not row["pipeline"]:
                continue
            with self.subTest(type=name):
                pipeline = getattr(package, row["pipeline"])
                if not row["pipeline"].endswith("ModularPipeline"):  # these load what their blocks name
                    self.assertLessEqual(set(row["components"]), set(inspect.signature(pipeline.__init__).parameters))


def layer(*shape):
    return torch.zeros(shape, dtype=torch.float16)


V1 = {PREFIX + "input_blocks.0.0.weight": layer(320, 4, 3, 3),
      PREFIX + "output_blocks.11.0.skip_connection.weight": layer(320, 640, 1, 1),
      "first_stage_model.decoder.conv_in.weight": layer(512, 4, 3, 3),
      "cond_stage_model.transformer.text_model.embeddings.position_embedding.weight": layer(77, 768)}
V2 = V1 | {PREFIX + "input_blocks.2.1.transformer_blocks.0.attn2.to_k.weight": layer(320, 1024)}
XL = V1 | {"conditioner.embedders.1.model.transformer.resblocks.9.mlp.c_proj.bias": layer(1280)}


def control_net(values):
    """Of Z-Image: which version it is, these values tell."""
    return {"control_layers.14.adaLN_modulation.0.weight": layer(1, 1), "control_noise_refiner.0.before_proj.weight": values}


class Files(unittest.TestCase):
    """Through `ditmill weights identify`."""

    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="ditmill-cascade-")
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)

    def answers(self, *paths, code=0, as_diffusers=True):
        more = ["--as", "diffusers"] if as_diffusers else []
        return json.loads(ditmill("weights", "identify", *more, "--json", *paths, code=code).stdout)

    def test_checkpoints_of_torch_are_taken_as_diffusers_takes_them(self):
        lightning = {"epoch": 3, "global_step": 1000, "pytorch-lightning_version": "1.4.2",
                     "callbacks": {"ModelCheckpoint": {"monitor": "val/loss", "best_model_score": torch.tensor(0.1)}},
                     "optimizer_states": [{"state": {0: {"step": 5, "exp_avg": layer(3)}}, "param_groups": [{"lr": 1e-4}]}],
                     "lr_schedulers": [{"last_epoch": 3}],
                     "hyper_parameters": collections.OrderedDict(lr=1e-4)}
        # Nothing but `state_dict` is taken off, and that as often as it is there.
        wrappers = {"bare": lambda t: t, "lightning": lambda t: lightning | {"state_dict": t},
                    "ordered": lambda t: collections.OrderedDict(state_dict=collections.OrderedDict(t)),
                    "twice": lambda t: {"state_dict": {"state_dict": t, "epoch": 1}},
                    "model": lambda t: {"model": t}, "beside": lambda t: t | {"state_dict": {"edm_mean": layer(4)}},
                    "dotted": lambda t: {"state_dict." + name: tensor for name, tensor in t.items()}}
        paths = []
        for kind, tensors in (("v1", V1), ("v2", V2), ("xl", XL)):
            for wrapper, wrapped in wrappers.items():
                for zipped in (True, False):
                    path = self.folder / f"{kind}-{wrapper}-{zipped}.ckpt"
                    torch.save(wrapped(tensors), path, _use_new_zipfile_serialization=zipped)
                    paths.append(path)
        answers = self.answers(*paths)
        for path, answer in zip(paths, answers, strict=True):
            with self.subTest(file=path.name):
                self.assertEqual(answer["path"], str(path))
                expected = diffusers.infer_diffusers_model_type(diffusers.load_single_file_checkpoint(str(path)))
                self.assertEqual(answer["type"], expected)
                config = diffusers.DIFFUSERS_DEFAULT_PIPELINE_PATHS[expected]
                self.assertEqual(answer["repo"], config["pretrained_model_name_or_path"])
                self.assertEqual(answer["subfolder"], config.get("subfolder"))
                self.assertEqual(answer["components"]["unet"], "unet")

    def test_the_answer_has_all_fields(self):
        path = self.folder / "xl.safetensors"
        save_file(XL, path)
        self.assertEqual(self.answers(path), [{
            "path": str(path), "type": "xl_base", "repo": "stabilityai/stable-diffusion-xl-base-1.0", "subfolder": None,
            "pipeline": "StableDiffusionXLPipeline",
            "components": {"unet": "unet", "vae": "vae", "text_encoder": "text_encoder",
                           "text_encoder_2": "text_encoder_2"}}])
        path = self.folder / "cascade.safetensors"
        save_file({"clip_txt_mapper.weight": layer(1536, 8)}, path)
        answer = self.answers(path)[0]
        self.assertEqual((answer["repo"], answer["subfolder"]), ("stabilityai/stable-cascade-prior", "prior_lite"))
        self.assertEqual(answer["components"]["prior"], "prior_lite")
        text = ditmill("weights", "identify", "--as", "diffusers", path).stdout
        self.assertIn("stable_cascade_stage_c_lite: stabilityai/stable-cascade-prior/prior_lite", text)

    def test_exceptions_and_undecided_ones_are_told(self):
        names = {"good": XL, "bad": {"head.modulation": layer(1, 2, 8)}}
        for name, tensors in names.items():
            save_file(tensors, self.folder / f"{name}.safetensors")
        good, bad = (self.folder / f"{name}.safetensors" for name in names)
        undecided = self.folder / "view.ckpt"
        # A view of every other column: what is between them does not count, and is not skipped.
        torch.save(control_net(torch.tensor([[0.0, 1.0] * 4] * 4)[:, ::2]), undecided)
        answer = self.answers(good, undecided, code=2)[1]
        self.assertIsNone(answer["type"])
        self.assertEqual(answer["candidates"], ["z-image-turbo-controlnet-2.0", "z-image-turbo-controlnet-2.1"])
        self.assertEqual(answer["pipeline"], "ZImageControlNetPipeline")
        answers = self.answers(undecided, bad, self.folder / "missing", good, code=1)
        self.assertEqual([sorted(answer)[0] for answer in answers], ["candidates", "error", "error", "components"])
        self.assertIn("patch_embedding.weight", answers[1]["error"]["message"])
        self.assertEqual(answers[1]["error"]["category"], "bad_input")
        self.assertEqual(answers[2]["error"]["category"], "not_found")

    def test_values_that_decide_are_read(self):
        paths = []
        for dtype in (torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.float8_e4m3fn):
            for last in (0.0, -0.0, 0.5, float("nan")):
                # Over one window of what is read at a time; the last value alone decides.
                values = torch.zeros(600, 1000, dtype=torch.float32)
                values[-1, -1] = last
                tensors = control_net(values.to(dtype))
                for path in (self.folder / f"{dtype}-{last}.safetensors", self.folder / f"{dtype}-{last}.ckpt"):
                    if path.suffix == ".ckpt":
                        torch.save({"state_dict": tensors}, path)
                    else:
                        save_file(tensors, path)
                    paths.append(path)
        answers = self.answers(*paths)
        taken = collections.Counter()
        for path, answer in zip(paths, answers, strict=True):
            expected = diffusers.infer_diffusers_model_type(diffusers.load_single_file_checkpoint(str(path)))
            self.assertEqual(answer["type"], expected, path.name)
            taken[expected] += 1
        self.assertEqual(len(taken), 2, taken)

    def test_shards_are_one_with_and_without_an_index(self):
        names = [self.folder / f"model-0000{number}-of-00002.safetensors" for number in (1, 2)]
        first = {PREFIX + "input_blocks.0.0.weight": layer(320, 9, 3, 3)}
        second = {"conditioner.embedders.1.model.transformer.resblocks.9.mlp.c_proj.bias": layer(8)}
        save_file(first, names[0])
        save_file(second, names[1])
        pattern = self.folder / "model-*.safetensors"
        for paths in ([self.folder], names, list(reversed(names)), [pattern], [self.folder / "model-0000[12]*"]):
            answers = self.answers(*paths)
            self.assertEqual([(a["type"], a["path"]) for a in answers], [("xl_inpaint", str(self.folder))], paths)
        self.assertEqual([a["type"] for a in self.answers(names[0])], ["inpainting"], "one alone is what it is")
        index = self.folder / "model.safetensors.index.json"
        index.write_text(json.dumps({"metadata": {}, "weight_map": {
            **dict.fromkeys(first, names[0].name), **dict.fromkeys(second, names[1].name)}}))
        for paths in ([index], [self.folder / "*"], [*names, index]):
            answers = self.answers(*paths)
            self.assertEqual([(a["type"], a["path"]) for a in answers], [("xl_inpaint", str(index))], paths)

    def test_a_name_with_a_star_is_a_name(self):
        star = self.folder / "a*.safetensors"
        save_file(V2, star)
        save_file(XL, self.folder / "ab.safetensors")
        self.assertEqual([a["type"] for a in self.answers(star)], ["v2"])
        self.assertEqual([a["type"] for a in self.answers(self.folder / "?b.safetensors")], ["xl_base"])
        self.assertEqual([a["type"] for a in self.answers(self.folder / "a?.safetensors")], ["v2", "xl_base"])
        self.assertIn("error", self.answers(self.folder / "nothing*", code=1)[0])

    def test_the_plain_answer_says_what_is_right(self):
        files = {
            "bundle": (V1 | {"betas": layer(10)}, ("stable-diffusion", "bundle", "v1", None)),
            "unet": ({k: v for k, v in V1.items() if k.startswith(PREFIX)}, ("stable-diffusion", "dit", "v1", PREFIX)),
            "flux": ({"diffusion_model.double_blocks.0.img_attn.norm.key_norm.scale": layer(128),
                      "diffusion_model.img_in.weight": layer(8, 64)},
                     ("flux", "dit", "flux-schnell", "diffusion_model.")),
            "hunyuan": ({PREFIX + "txt_in.individual_token_refiner.blocks.0.adaLN_modulation.1.bias": layer(1)},
                        ("hunyuan-video", "dit", "hunyuan-video", PREFIX)),
            "ti2v": ({PREFIX + "head.modulation": layer(1, 2, 3), PREFIX + "patch_embedding.weight": layer(3072, 48)},
                     ("wan", "dit", None, PREFIX)),
            "vae": ({"decoder.middle.0.residual.0.gamma": layer(4)}, ("wan", "vae", None, None)),
        }
        paths = []
        for name, (tensors, _) in files.items():
            paths.append(self.folder / f"{name}.safetensors")
            save_file(tensors, paths[-1])
        answers = self.answers(*paths, as_diffusers=False)
        for (name, (_, expected)), answer in zip(files.items(), answers, strict=True):
            with self.subTest(file=name):
                self.assertEqual(answer["how"], "fingerprint")
                self.assertIsNone(answer["variant"])
                fields = ("family", "role", "type", "prefix")
                self.assertEqual(tuple(answer.get(field) for field in fields), expected)
                self.assertEqual("key_hash_bare" in answer, expected[3] is not None)
        self.assertEqual(answers[0]["roles"], ["dit", "text_encoder", "vae"])

    def test_the_plain_answer_says_nothing_where_diffusers_knows_nothing(self):
        strange = self.folder / "strange.safetensors"
        save_file({"strange.weight": layer(2)}, strange)
        broken = self.folder / "broken.safetensors"
        save_file({"head.modulation": layer(1, 2, 8)}, broken)
        for answer in self.answers(strange, broken, as_diffusers=False, code=2):
            self.assertEqual((answer["how"], answer["family"], "type" in answer), ("unknown", None, False))
        self.assertEqual(self.answers(strange)[0]["type"], "v1")

    def test_the_plain_answer_has_candidates_where_only_values_tell(self):
        path = self.folder / "open.safetensors"
        save_file({"control_layers.14.adaLN_modulation.0.weight": layer(1, 1),
                   "control_noise_refiner.0.before_proj.weight": layer(4, 4)}, path)
        answer = self.answers(path, as_diffusers=False, code=2)[0]
        self.assertEqual((answer["how"], answer["family"], answer["role"]), ("fingerprint", "z-image", None))
        self.assertEqual(answer["candidates"], ["z-image-turbo-controlnet-2.0", "z-image-turbo-controlnet-2.1"])

    def test_what_training_leaves_around_a_model_is_seen_through(self):
        path = self.folder / "trained.ckpt"
        torch.save({"state_dict": V1, "epoch": 1, "ema": {"decay": layer(1)}}, path)
        answer = self.answers(path, as_diffusers=False)[0]
        self.assertEqual((answer["type"], answer["role"], answer["prefix"]), ("v1", "bundle", "state_dict."))


if __name__ == "__main__":
    unittest.main()
