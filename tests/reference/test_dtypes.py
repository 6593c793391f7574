"""Every combination of `pipeline.components.*.dtype`, through `ditmill run`, against diffusers in the same dtypes."""

import itertools
import json
import pathlib
import random
import sys
import tempfile
import unittest

import h5py
import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import ditmill
import probe
import tiny_wan
from diffusers import AutoencoderKLWan, WanTransformer3DModel
from test_pipeline import SHAPE, SHIFT, STEPS, Oracle, draw_requests
from transformers import AutoTokenizer, UMT5EncoderModel

SEED = probe.fresh_seed("test_dtypes")
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


class MixedOracle(Oracle):
    """diffusers' pipeline, a dtype a component."""

    def __init__(self, folder: pathlib.Path, dit: str, text_encoder: str, vae: str):
        self.parts = {
            "tokenizer": AutoTokenizer.from_pretrained(folder / "tokenizer"),
            "text_encoder": UMT5EncoderModel.from_pretrained(folder / "text_encoder", dtype=DTYPES[text_encoder]),
            "vae": AutoencoderKLWan.from_pretrained(folder / "vae", torch_dtype=DTYPES[vae]),
            "transformer": WanTransformer3DModel.from_pretrained(folder / "transformer", torch_dtype=DTYPES[dit]),
        }
        for role in ("text_encoder", "vae", "transformer"):
            probe.aligned(self.parts[role])


class Dtypes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory(prefix="ditmill-dtypes-")
        cls.addClassCleanup(scratch.cleanup)
        cls.path = pathlib.Path(scratch.name)
        tiny_wan.make(cls.path / "model", SEED, SHAPE)
        catalog = ditmill.ditmill("registry", "template", cls.path / "model", "--name", "tiny").stdout
        (cls.path / "catalog.yaml").write_text(catalog)
        cls.requests = draw_requests(random.Random(SEED))[1:3]
        (cls.path / "job.yaml").write_text(json.dumps({
            "schema": 1,
            "name": "dtypes",
            "model": {"path": "model", "catalog": "catalog.yaml"},
            "pipeline": {"solver": "unipc", "steps": STEPS, "guidance_scale": 5.0, "flow_shift": SHIFT},
            "requests": {"items": cls.requests},
            "output": {"path": "run", "latents": True},
        }))

    def run_job(self, chosen: dict) -> dict:
        """Latents and frames by id, and the dtypes that the dump tells."""
        run = self.path / "-".join(chosen.values())
        components = json.dumps({role: {"dtype": dtype} for role, dtype in chosen.items()})
        ditmill.ditmill("run", self.path / "job.yaml", "--run-dir", run, "--set", f"pipeline.components={components}",
                        ranks=1)
        layer1 = json.loads((run / "config.json").read_text())["layer1_model_definition"]
        self.assertEqual({m["name"]: m["dtype"] for m in layer1["models"]},
                         {{"dit": "transformer"}.get(name, name): dtype for name, dtype in chosen.items()})
        with h5py.File(run / "results.h5") as results:
            return {name: (torch.from_numpy(item["latents"][...]), torch.from_numpy(item["frames"][...]))
                    for name, item in results["items"].items()}

    def test_every_combination_is_diffusers(self):
        wanted = {}  # of latents: the VAE has no part in them
        for dit, text_encoder, vae in itertools.product(DTYPES, repeat=3):
            chosen = {"dit": dit, "text_encoder": text_encoder, "vae": vae}
            with self.subTest(**chosen):
                oracle = MixedOracle(self.path / "model", **chosen)
                exact = dit == text_encoder == "float32"
                for name, (latents, frames) in self.run_job(chosen).items():
                    request = next(r for r in self.requests if r["id"] == name)
                    key = (dit, text_encoder, name)
                    if key not in wanted:
                        wanted[key] = oracle.run(request, "unipc", 5.0)[0]
                    apart = probe.distance(latents, wanted[key])
                    # Of the very latents that ditmill decoded: how far they were apart is told above.
                    with torch.no_grad():
                        pixels = oracle.decode(latents[None])
                    levels = (frames.float() - (255 * pixels).round()).abs()
                    equal, near = (float((levels <= most).float().mean()) for most in (0, 1))
                    print(f"dit {dit}, text encoder {text_encoder}, vae {vae}, {name}: latents {apart:.1e} apart, "
                          f"{100 * equal:.2f} % of the values equal, {100 * near:.3f} % within a level")
                    self.assertLessEqual(apart, 3e-5 if exact else 3e-3)
                    self.assertGreaterEqual(near, 0.999)
                    self.assertGreaterEqual(equal, 0.99)


if __name__ == "__main__":
    unittest.main(verbosity=2)
