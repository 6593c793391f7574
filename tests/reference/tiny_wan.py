"""Makes a tiny Wan2.1 text-to-video pipeline folder in the diffusers layout: random weights, real structure.

python tests/reference/tiny_wan.py FOLDER --seed 7 [--heads 3 --head-dim 40 ...]

make_official() writes the same weights again as Wan's own checkpoints are laid out.
"""

import argparse
import dataclasses
import json
import math
import os
import pathlib
import shutil
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


def make(folder: pathlib.Path, seed: int, shape: Shape, boundary: float | None = None) -> None:
    """Writes the pipeline folder; with a boundary of two experts, which have weights of their own."""
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
    if boundary is not None:
        parts["transformer_2"] = (transformer(shape, generator), {"max_shard_size": shape.shard_size})
    for name, (model, options) in parts.items():
        model.to(dtype).save_pretrained(folder / name, **options)
    scheduler = folder / "scheduler"
    scheduler.mkdir(exist_ok=True)
    (scheduler / "scheduler_config.json").write_text(json.dumps({
        "_class_name": "UniPCMultistepScheduler", "prediction_type": "flow_prediction", "use_flow_sigmas": True,
        "flow_shift": 3.0, "num_train_timesteps": 1000, "solver_order": 2, "solver_type": "bh2"}, indent=2))
    second = [None, None] if boundary is None else COMPONENTS["transformer"]
    index = {"_class_name": "WanPipeline", "_diffusers_version": "0.42.1", "boundary_ratio": boundary,
             "expand_timesteps": False, "transformer_2": second, **COMPONENTS}
    (folder / "model_index.json").write_text(json.dumps(index, indent=2))


def poison(model: pathlib.Path, folder: pathlib.Path, good: str, text: str) -> None:
    """Copies a folder of make() with one NaN: in the embedding of a piece that `text` has and `good` has not."""
    from safetensors.torch import load_file, save_file
    from transformers import AutoTokenizer

    shutil.copytree(model, folder)
    tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizer")
    pieces, poisoned = (set(tokenizer(each).input_ids) for each in (good, text))
    path = folder / "text_encoder" / "model.safetensors"
    tensors = load_file(path)
    tensors["shared.weight"][min(poisoned - pieces)] = float("nan")
    save_file(tensors, path, metadata={"format": "pt"})


def official_name(role: str, name: str) -> str:
    """What Wan's own code calls a tensor of diffusers or transformers (its modules model.py, t5.py and vae.py)."""
    parts = name.split(".")
    if role.startswith("transformer"):
        top = {"condition_embedder.time_embedder.linear_1": "time_embedding.0",
               "condition_embedder.time_embedder.linear_2": "time_embedding.2",
               "condition_embedder.time_proj": "time_projection.1",
               "condition_embedder.text_embedder.linear_1": "text_embedding.0",
               "condition_embedder.text_embedder.linear_2": "text_embedding.2",
               "proj_out": "head.head"}
        embedder = {"norm1": "proj.0", "ff.net.0.proj": "proj.1", "ff.net.2": "proj.3", "norm2": "proj.4",
                    "pos_embed": "emb_pos"}
        top |= {f"condition_embedder.image_embedder.{old}": f"img_emb.{new}" for old, new in embedder.items()}
        for old, new in top.items():
            if name == old or name.startswith(old + "."):
                return new + name[len(old):]
        if name == "scale_shift_table":
            return "head.modulation"
        if parts[0] != "blocks":
            return name
        inner = ".".join(parts[2:])
        names = {"scale_shift_table": "modulation", "norm2": "norm3", "ffn.net.0.proj": "ffn.0", "ffn.net.2": "ffn.2"}
        for old, new in (("attn1", "self_attn"), ("attn2", "cross_attn")):
            names |= {f"{old}.to_{x}": f"{new}.{x}" for x in "qkv"}
            names |= {f"{old}.to_out.0": f"{new}.o", f"{old}.norm_q": f"{new}.norm_q", f"{old}.norm_k": f"{new}.norm_k"}
        names |= {"attn2.add_k_proj": "cross_attn.k_img", "attn2.add_v_proj": "cross_attn.v_img",
                  "attn2.norm_added_k": "cross_attn.norm_k_img"}
        for old, new in names.items():
            if inner == old or inner.startswith(old + "."):
                return f"blocks.{parts[1]}.{new}{inner[len(old):]}"
    elif role == "text_encoder":
        if name == "shared.weight":
            return "token_embedding.weight"
        if name == "encoder.final_layer_norm.weight":
            return "norm.weight"
        inner = ".".join(parts[3:-1])
        names = {"layer.0.layer_norm": "norm1", "layer.1.layer_norm": "norm2",
                 "layer.0.SelfAttention.relative_attention_bias": "pos_embedding.embedding",
                 "layer.1.DenseReluDense.wi_0": "ffn.gate.0", "layer.1.DenseReluDense.wi_1": "ffn.fc1",
                 "layer.1.DenseReluDense.wo": "ffn.fc2"}
        names |= {f"layer.0.SelfAttention.{x}": f"attn.{x}" for x in "qkvo"}
        return f"blocks.{parts[2]}.{names[inner]}.weight"
    else:
        residual = {"norm1": "residual.0", "conv1": "residual.2", "norm2": "residual.3", "conv2": "residual.6",
                    "conv_shortcut": "shortcut"}
        if parts[0] in ("quant_conv", "post_quant_conv"):
            return {"quant_conv": "conv1", "post_quant_conv": "conv2"}[parts[0]] + "." + parts[1]
        side, what, *rest = parts
        if what in ("conv_in", "norm_out", "conv_out"):
            return ".".join([side, {"conv_in": "conv1", "norm_out": "head.0", "conv_out": "head.2"}[what], *rest])
        if what == "mid_block" and rest[0] == "attentions":
            return ".".join([side, "middle.1", *rest[2:]])
        if what == "mid_block":
            return ".".join([side, "middle", str(2 * int(rest[1])), residual[rest[2]], *rest[3:]])
        if role == "vae_22":  # blocks within blocks, the one that changes the size last
            samples, last = ("downsamples", 2) if what == "down_blocks" else ("upsamples", 3)
            if rest[1] == "resnets":
                return ".".join([side, samples, rest[0], samples, rest[2], residual[rest[3]], *rest[4:]])
            return ".".join([side, samples, rest[0], samples, str(last), *rest[2:]])
        if what == "down_blocks":
            return ".".join([side, "downsamples", rest[0], residual.get(rest[1], rest[1]), *rest[2:]])
        if rest[1] == "resnets":
            return ".".join([side, "upsamples", str(4 * int(rest[0]) + int(rest[2])), residual[rest[3]], *rest[4:]])
        return ".".join([side, "upsamples", str(4 * int(rest[0]) + 3), *rest[3:]])
    raise KeyError(name)


def official_tensors(diffusers: pathlib.Path, role: str) -> dict[str, torch.Tensor]:
    """A component's weights under their official names; of both spellings of the tied embedding, the first."""
    from safetensors.torch import load_file

    tensors = {}
    for path in sorted((pathlib.Path(diffusers) / role).glob("*.safetensors")):
        tensors |= load_file(path)
    tensors.pop("encoder.embed_tokens.weight", None) if "shared.weight" in tensors else None
    if any(name.startswith("decoder.up_blocks.0.upsampler.") for name in tensors):
        role = "vae_22"
    return {official_name(role, name): tensor for name, tensor in tensors.items()}


def official_config(config: dict) -> dict:
    """Of a transformer, whose config in diffusers is that one."""
    kind = "t2v" if config["in_channels"] == config["out_channels"] else "i2v"
    return {
        "_class_name": "WanModel", "_diffusers_version": "0.30.0",
        "dim": config["num_attention_heads"] * config["attention_head_dim"], "eps": config["eps"],
        "ffn_dim": config["ffn_dim"], "freq_dim": config["freq_dim"], "in_dim": config["in_channels"],
        "model_type": "flf2v" if config["pos_embed_seq_len"] else kind, "num_heads": config["num_attention_heads"],
        "num_layers": config["num_layers"], "out_dim": config["out_channels"], "text_len": 512}


def official_transformer(diffusers: pathlib.Path, name: str, folder: pathlib.Path, shards: int) -> None:
    from safetensors.torch import save_file

    folder.mkdir(exist_ok=True)
    config = json.loads((diffusers / name / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(official_config(config)))
    tensors = official_tensors(diffusers, name)
    names = sorted(tensors)
    weight_map = {}
    for shard in range(shards):
        file = ("diffusion_pytorch_model.safetensors" if shards == 1 else
                f"diffusion_pytorch_model-{shard + 1:05}-of-{shards:05}.safetensors")
        mine = names[shard::shards]
        save_file({n: tensors[n] for n in mine}, folder / file)
        weight_map |= dict.fromkeys(mine, file)
    if shards > 1:
        (folder / "diffusion_pytorch_model.safetensors.index.json").write_text(
            json.dumps({"metadata": {}, "weight_map": weight_map}))


def make_official(diffusers: pathlib.Path, folder: pathlib.Path, shards: int = 1, tokenizer: str = "google/umt5-xxl",
                  save=torch.save) -> None:
    """Lays a folder of make() out as Wan-AI's official repositories are: the VAE must have two residual blocks.
    `save` writes the .pth files."""
    diffusers, folder = pathlib.Path(diffusers), pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if (diffusers / "transformer_2").exists():
        official_transformer(diffusers, "transformer", folder / "high_noise_model", shards)
        official_transformer(diffusers, "transformer_2", folder / "low_noise_model", shards)
    else:
        official_transformer(diffusers, "transformer", folder, shards)
    save(official_tensors(diffusers, "text_encoder"), folder / "models_t5_umt5-xxl-enc-bf16.pth")
    residual = json.loads((diffusers / "vae" / "config.json").read_text())["is_residual"]
    save(official_tensors(diffusers, "vae"), folder / ("Wan2.2_VAE.pth" if residual else "Wan2.1_VAE.pth"))
    target = folder / tokenizer
    target.mkdir(parents=True, exist_ok=True)
    for path in (diffusers / "tokenizer").iterdir():
        (target / path.name).write_bytes(path.read_bytes())


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
