"""Tiny models for pictures: CLIP's vision encoder in each of its namings, and Wan transformers that are told of a first
picture, or of a first and a last one."""

import dataclasses
import json
import pathlib
import random

import tiny_wan
import torch
from diffusers import WanTransformer3DModel
from safetensors.torch import save_file
from transformers import CLIPVisionConfig, CLIPVisionModel


def clip(rng: random.Random, generator: torch.Generator) -> CLIPVisionModel:
    """A vision encoder of random structure for pictures of 224 pixels, as CLIPImageProcessor makes them."""
    heads = rng.choice([2, 3, 4])
    config = CLIPVisionConfig(
        hidden_size=heads * rng.choice([8, 12, 24]), intermediate_size=rng.choice([72, 96, 130]),
        num_hidden_layers=rng.choice([2, 3, 4]), num_attention_heads=heads, image_size=224,
        patch_size=rng.choice([32, 56, 112]), hidden_act="gelu")
    model = CLIPVisionModel(config)
    tiny_wan.randomise(model, generator)
    return model.eval()


def bare_tensors(model: CLIPVisionModel) -> dict[str, torch.Tensor]:
    """As transformers 5 writes them; earlier versions have `vision_model.` before each."""
    return {name.removeprefix("vision_model."): tensor.detach().clone() for name, tensor in model.state_dict().items()
            if "position_ids" not in name}


def transformers_tensors(model: CLIPVisionModel) -> dict[str, torch.Tensor]:
    """As published folders have them, with what an encoder with a projection has beside."""
    tensors = {f"vision_model.{name}": tensor for name, tensor in bare_tensors(model).items()}
    tokens = tensors["vision_model.embeddings.position_embedding.weight"].shape[0]
    tensors["vision_model.embeddings.position_ids"] = torch.arange(tokens)[None]
    tensors["visual_projection.weight"] = torch.randn(7, model.config.hidden_size)
    return tensors


def joined(tensors: dict[str, torch.Tensor], names: dict[str, str], qkv: str) -> dict[str, torch.Tensor]:
    """Other names for the tensors of bare_tensors(): `names` gives beginnings, {n} the layer; q, k and v of a layer are
    below each other in `qkv` + weight or bias."""
    out = {}
    for name, tensor in tensors.items():
        parts = name.split(".")
        if name.startswith("encoder.layers."):
            number, inner = parts[2], ".".join(parts[3:-1])
            if inner == "self_attn.q_proj":
                kinds = [tensors[f"encoder.layers.{number}.self_attn.{kind}_proj.{parts[-1]}"] for kind in "qkv"]
                out[qkv.replace("{n}", number) + parts[-1]] = torch.cat(kinds)
            elif inner not in ("self_attn.k_proj", "self_attn.v_proj"):
                out[names[inner].replace("{n}", number) + "." + parts[-1]] = tensor
        else:
            beginning = next(each for each in names if name == each or name.startswith(each + "."))
            out[names[beginning] + name[len(beginning):]] = tensor
    return out


def wan_tensors(model: CLIPVisionModel) -> dict[str, torch.Tensor]:
    """As Wan's own .pth has them (its modules clip.py), with some of the text encoder beside."""
    layer = "visual.transformer.{n}."
    tensors = joined(bare_tensors(model), {
        "embeddings.class_embedding": "visual.cls_embedding", "embeddings.patch_embedding": "visual.patch_embedding",
        "embeddings.position_embedding.weight": "visual.pos_embedding", "pre_layrnorm": "visual.pre_norm",
        "post_layernorm": "visual.post_norm", "layer_norm1": layer + "norm1", "layer_norm2": layer + "norm2",
        "self_attn.out_proj": layer + "attn.proj", "mlp.fc1": layer + "mlp.0", "mlp.fc2": layer + "mlp.2",
    }, layer + "attn.to_qkv.")
    tensors["visual.cls_embedding"] = tensors["visual.cls_embedding"].view(1, 1, -1)
    tensors["visual.pos_embedding"] = tensors["visual.pos_embedding"][None]
    return tensors | {
        "visual.head": torch.randn(model.config.hidden_size, 7), "log_scale": torch.tensor(4.6),
        "textual.token_embedding.weight": torch.randn(9, 7), "textual.blocks.0.attn.q.weight": torch.randn(7, 7)}


def open_clip_tensors(model: CLIPVisionModel) -> dict[str, torch.Tensor]:
    layer = "visual.transformer.resblocks.{n}."
    return joined(bare_tensors(model), {
        "embeddings.class_embedding": "visual.class_embedding", "embeddings.patch_embedding": "visual.conv1",
        "embeddings.position_embedding.weight": "visual.positional_embedding", "pre_layrnorm": "visual.ln_pre",
        "post_layernorm": "visual.ln_post", "layer_norm1": layer + "ln_1", "layer_norm2": layer + "ln_2",
        "self_attn.out_proj": layer + "attn.out_proj", "mlp.fc1": layer + "mlp.c_fc", "mlp.fc2": layer + "mlp.c_proj",
    }, layer + "attn.in_proj_") | {
        "visual.proj": torch.randn(model.config.hidden_size, 7), "logit_scale": torch.tensor(4.6),
        "positional_embedding": torch.randn(9, 7), "transformer.resblocks.0.ln_1.weight": torch.randn(7)}


def save_clip(folder: pathlib.Path, model: CLIPVisionModel, tensors: dict[str, torch.Tensor]) -> None:
    """A component on its own: Wan's names in a .pth, others as safetensors."""
    for path in folder.iterdir():
        path.unlink()
    (folder / "config.json").write_text(model.config.to_json_string())
    tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}
    if "visual.cls_embedding" in tensors:
        torch.save(tensors, folder / "models_clip_open-clip-xlm-roberta-large-vit-huge-14.pth")
    else:
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


@dataclasses.dataclass
class Pictures:
    """What a transformer is told beside texts. `tokens`: of one picture."""

    width: int = 48
    tokens: int = 17
    first_and_last: bool = False

    @property
    def all_tokens(self) -> int:
        return self.tokens * (2 if self.first_and_last else 1)


def transformer(shape: tiny_wan.Shape, pictures: Pictures, generator: torch.Generator) -> WanTransformer3DModel:
    """Of latents, a mask of four channels, and as many of what the pictures look like."""
    model = WanTransformer3DModel(
        num_attention_heads=shape.heads, attention_head_dim=shape.head_dim, num_layers=shape.layers, ffn_dim=shape.ffn,
        freq_dim=shape.freq_dim, text_dim=shape.text_dim, in_channels=2 * shape.z_dim + 4, out_channels=shape.z_dim,
        image_dim=pictures.width, added_kv_proj_dim=shape.heads * shape.head_dim,
        pos_embed_seq_len=pictures.all_tokens if pictures.first_and_last else None)
    tiny_wan.randomise(model, generator)
    model.condition_embedder.time_proj.weight.data.mul_(0.5)
    if pictures.first_and_last:
        positions = model.condition_embedder.image_embedder.pos_embed
        positions.data.copy_(torch.randn(positions.shape, generator=generator))
    return model


def official_name(name: str) -> str:
    """tiny_wan.official_name() of a transformer's tensor, pictures' included (Wan's own model.py)."""
    beginnings = {"norm1": "proj.0", "ff.net.0.proj": "proj.1", "ff.net.2": "proj.3", "norm2": "proj.4",
                  "pos_embed": "emb_pos"}
    embedder = "condition_embedder.image_embedder."
    for old, new in beginnings.items():
        if name == embedder + old or name.startswith(f"{embedder}{old}."):
            return "img_emb." + new + name[len(embedder + old):]
    for old, new in {"add_k_proj": "k_img", "add_v_proj": "v_img", "norm_added_k": "norm_k_img"}.items():
        if f".attn2.{old}." in name:
            return name.replace(f".attn2.{old}.", f".cross_attn.{new}.")
    return tiny_wan.official_name("transformer", name)


def save_transformer(folder: pathlib.Path, model: WanTransformer3DModel, official: bool, norm_added_q: bool) -> None:
    """A model folder of a transformer alone."""
    place = folder / "transformer"
    model.save_pretrained(place)
    (folder / "model_index.json").write_text(json.dumps(
        {"_class_name": "WanImageToVideoPipeline", "transformer": ["diffusers", "WanTransformer3DModel"]}))
    tensors = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
    config = model.config
    if norm_added_q:
        for layer in range(config.num_layers):
            tensors[f"blocks.{layer}.attn2.norm_added_q.weight"] = torch.randn(config.added_kv_proj_dim)
    if official:
        tensors = {official_name(name): tensor for name, tensor in tensors.items()}
        (place / "config.json").write_text(json.dumps({
            "_class_name": "WanModel", "dim": config.added_kv_proj_dim, "eps": config.eps, "ffn_dim": config.ffn_dim,
            "freq_dim": config.freq_dim, "in_dim": config.in_channels,
            "model_type": "i2v" if config.pos_embed_seq_len is None else "flf2v",
            "num_heads": config.num_attention_heads, "num_layers": config.num_layers, "out_dim": config.out_channels,
            "text_len": 512}))
    save_file(tensors, place / "diffusion_pytorch_model.safetensors", metadata={"format": "pt"})
