"""Makes a tiny Wan2.1 text-to-video pipeline folder in the diffusers layout: random weights, real structure.

python tests/reference/tiny_wan.py FOLDER --seed 7 [--heads 3 --head-dim 40 ...]
"""

import argparse
import dataclasses
import json
import math
import os
import pathlib
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from diffusers import AutoencoderKLWan, WanTransformer3DModel
from diffusers.utils import logging as diffusers_logging
from transformers import UMT5Config, UMT5EncoderModel
from transformers.utils import logging as transformers_logging

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import tiny_tokenizer  # noqa: E402

# Storing an island in bfloat16 is what some published folders do: no reason to warn.
diffusers_logging.set_verbosity_error()
transformers_logging.set_verbosity_error()
diffusers_logging.disable_progress_bar()
transformers_logging.disable_progress_bar()

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
COMPONENTS = {
    "transformer": ["diffusers", "WanTransformer3DModel"],
    "vae": ["diffusers", "AutoencoderKLWan"],
    "text_encoder": ["transformers", "UMT5EncoderModel"],
    "tokenizer": ["transformers", "T5TokenizerFast"],
    "scheduler": ["diffusers", "UniPCMultistepScheduler"],
}


@dataclasses.dataclass
class Shape:
    """What a tiny pipeline may vary."""

    heads: int = 4
    head_dim: int = 32
    layers: int = 3
    ffn: int = 320
    freq_dim: int = 256
    text_dim: int = 64
    text_heads: int = 4
    text_head_dim: int = 16
    text_layers: int = 2
    text_ffn: int = 96
    vae_base_dim: int = 8
    vae_res_blocks: int = 1
    z_dim: int = 16
    dtype: str = "float32"
    shard_size: str = "5GB"


def randomise(model: torch.nn.Module, generator: torch.Generator) -> None:
    """Draws every parameter so that it matters: layers keep the size of what passes, norms, biases and modulation
    tables are far from neutral."""
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float32)
        if "scale_shift_table" in name:
            value = 0.3 * noise
        elif parameter.ndim == 1 or name.endswith(".gamma"):
            value = (0.0 if name.endswith("bias") else 1.0) + 0.2 * noise
        elif "relative_attention_bias" in name:
            value = 0.5 * noise
        elif name.endswith(("shared.weight", "embed_tokens.weight")):
            value = noise
        else:
            value = noise / math.sqrt(parameter[0].numel())
        parameter.data.copy_(value)


def transformer(shape: Shape, generator: torch.Generator) -> WanTransformer3DModel:
    model = WanTransformer3DModel(
        num_attention_heads=shape.heads, attention_head_dim=shape.head_dim, num_layers=shape.layers,
        ffn_dim=shape.ffn, freq_dim=shape.freq_dim, text_dim=shape.text_dim, in_channels=shape.z_dim,
        out_channels=shape.z_dim)
    randomise(model, generator)
    # Six rows of unit size on top of the tables would let one block drown the stream.
    model.condition_embedder.time_proj.weight.data.mul_(0.5)
    return model


def vae(shape: Shape, generator: torch.Generator) -> AutoencoderKLWan:
    statistics = {}
    if shape.z_dim != 16:
        statistics = {
            "latents_mean": torch.randn(shape.z_dim, generator=generator).tolist(),
            "latents_std": (1 + torch.rand(shape.z_dim, generator=generator)).tolist(),
        }
    model = AutoencoderKLWan(base_dim=shape.vae_base_dim, z_dim=shape.z_dim, num_res_blocks=shape.vae_res_blocks,
                             **statistics)
    randomise(model, generator)
    # Pictures that are mostly inside the range, so that clamping does not hide errors.
    model.decoder.conv_out.weight.data.mul_(0.5)
    return model


def text_encoder(shape: Shape, vocabulary: int, generator: torch.Generator) -> UMT5EncoderModel:
    model = UMT5EncoderModel(UMT5Config(
        vocab_size=vocabulary, d_model=shape.text_dim, d_kv=shape.text_head_dim, num_heads=shape.text_heads,
        d_ff=shape.text_ffn, num_layers=shape.text_layers, feed_forward_proj="gated-gelu", tie_word_embeddings=False))
    randomise(model, generator)
    for block in model.encoder.block:
        # T5 does not scale its scores.
        block.layer[0].SelfAttention.q.weight.data.mul_(shape.text_head_dim**-0.5)
    return model


def make(folder: pathlib.Path, seed: int, shape: Shape) -> None:
    """Writes the pipeline folder."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(seed)
    dtype = DTYPES[shape.dtype]
    vocabulary = tiny_tokenizer.make(folder / "tokenizer")
    parts = {
        "transformer": (transformer(shape, generator), {"max_shard_size": shape.shard_size}),
        "vae": (vae(shape, generator), {}),
        "text_encoder": (text_encoder(shape, vocabulary, generator), {}),
    }
    for name, (model, options) in parts.items():
        model.to(dtype).save_pretrained(folder / name, **options)
    scheduler = folder / "scheduler"
    scheduler.mkdir(exist_ok=True)
    (scheduler / "scheduler_config.json").write_text(json.dumps({
        "_class_name": "UniPCMultistepScheduler", "prediction_type": "flow_prediction", "use_flow_sigmas": True,
        "flow_shift": 3.0, "num_train_timesteps": 1000, "solver_order": 2, "solver_type": "bh2"}, indent=2))
    index = {"_class_name": "WanPipeline", "_diffusers_version": "0.42.1", "boundary_ratio": None,
             "expand_timesteps": False, "transformer_2": [None, None], **COMPONENTS}
    (folder / "model_index.json").write_text(json.dumps(index, indent=2))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=0)
    for field in dataclasses.fields(Shape):
        parser.add_argument("--" + field.name.replace("_", "-"), type=field.type, default=field.default,
                            help=f"default {field.default}")
    options = vars(parser.parse_args())
    make(options.pop("folder"), options.pop("seed"), Shape(**options))


if __name__ == "__main__":
    main()
