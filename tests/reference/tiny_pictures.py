"""Tiny models for pictures: CLIP's vision encoder in each of its namings, and Wan transformers that are told of a first
picture, or of a first and a last one."""

import dataclasses
import json
import pathlib
import random
import shutil

import tiny_wan
import torch
from diffusers import AutoencoderKLWan, WanTransformer3DModel
from safetensors.torch import save_file
from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModel


# Statistics of VAE 2.2's latents, as its authors published them: in the official layout, nothing else says them.
WIDE_MEAN = [float(x) for x in """
-0.2289 -0.0052 -0.1323 -0.2339 -0.2799 0.0174 0.1838 0.1557 -0.1382 0.0542 0.2813 0.0891 0.1570 -0.0098 0.0375
-0.1825 -0.2246 -0.1207 -0.0698 0.5109 0.2665 -0.2108 -0.2158 0.2502 -0.2055 -0.0322 0.1109 0.1567 -0.0729 0.0899
-0.2799 -0.1230 -0.0313 -0.1649 0.0117 0.0723 -0.2839 -0.2083 -0.0520 0.3748 0.0152 0.1957 0.1433 -0.2944 0.3573
-0.0548 -0.1681 -0.0667""".split()]
WIDE_STD = [float(x) for x in """
0.4765 1.0364 0.4514 1.1677 0.5313 0.4990 0.4818 0.5013 0.8158 1.0344 0.5894 1.0901 0.6885 0.6165 0.8454 0.4978 0.5759
0.3523 0.7135 0.6804 0.5833 1.4146 0.8986 0.5659 0.7069 0.5338 0.4889 0.4917 0.4069 0.4999 0.6866 0.4093 0.5709 0.6065
0.6415 0.4944 0.5726 1.2042 0.5458 1.6887 0.3971 1.0600 0.3943 0.5537 0.5444 0.4089 0.7468 0.7744""".split()]
WAN_CLIP = "models_clip_open-clip-xlm-roberta-large-vit-huge-14.pth"


def clip(rng: random.Random, generator: torch.Generator, widths=(8, 12, 24)) -> CLIPVisionModel:
    """A vision encoder of random structure for pictures of 224 pixels, as CLIPImageProcessor makes them. `widths`: of a
    head."""
    heads = rng.choice([2, 3, 4])
    config = CLIPVisionConfig(
        hidden_size=heads * rng.choice(widths), intermediate_size=rng.choice([72, 96, 130]),
        num_hidden_layers=rng.choice([2, 3, 4]), num_attention_heads=heads, image_size=224,
        patch_size=rng.choice([32, 56, 112]), hidden_act="gelu")
    model = CLIPVisionModel(config)
    tiny_wan.randomise(model, generator)
    return model.eval()


def tokens_of(model: CLIPVisionModel) -> int:
    """Of one picture."""
    return bare_tensors(model)["embeddings.position_embedding.weight"].shape[0]


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
        torch.save(tensors, folder / WAN_CLIP)
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


def transformer(shape: tiny_wan.Shape, pictures: Pictures | None, generator: torch.Generator) -> WanTransformer3DModel:
    """Of latents, a mask of four channels, and as many of what the pictures look like; None: that is all it is told."""
    model = WanTransformer3DModel(
        num_attention_heads=shape.heads, attention_head_dim=shape.head_dim, num_layers=shape.layers, ffn_dim=shape.ffn,
        freq_dim=shape.freq_dim, text_dim=shape.text_dim, in_channels=2 * shape.z_dim + 4, out_channels=shape.z_dim,
        image_dim=pictures and pictures.width, added_kv_proj_dim=pictures and shape.heads * shape.head_dim,
        pos_embed_seq_len=pictures.all_tokens if pictures and pictures.first_and_last else None)
    tiny_wan.randomise(model, generator)
    model.condition_embedder.time_proj.weight.data.mul_(0.5)
    if pictures and pictures.first_and_last:
        positions = model.condition_embedder.image_embedder.pos_embed
        positions.data.copy_(torch.randn(positions.shape, generator=generator))
    return model


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
        tensors = {tiny_wan.official_name("transformer", name): tensor for name, tensor in tensors.items()}
        (place / "config.json").write_text(json.dumps(tiny_wan.official_config(config)))
    save_file(tensors, place / "diffusion_pytorch_model.safetensors", metadata={"format": "pt"})


def wide_vae(generator: torch.Generator, res_blocks: int) -> AutoencoderKLWan:
    """VAE 2.2: 48 channels of latents, 16 pixels along their edge."""
    model = AutoencoderKLWan(
        base_dim=8, decoder_base_dim=12, z_dim=48, dim_mult=[1, 2, 4, 4], num_res_blocks=res_blocks,
        temperal_downsample=[False, True, True], is_residual=True, in_channels=12, out_channels=12, patch_size=2,
        scale_factor_spatial=16, scale_factor_temporal=4, latents_mean=WIDE_MEAN, latents_std=WIDE_STD)
    tiny_wan.randomise(model, generator)
    return model


def make(folder: pathlib.Path, kind: str, seed: int, shape: tiny_wan.Shape, vision: CLIPVisionModel | None = None) -> None:
    """A model folder as diffusers writes it: I2V ("first", and where `vision` is what sees its pictures), FLF2V
    ("first_and_last"), I2V A14B ("experts", with a boundary of 0.9), TI2V ("wide")."""
    tiny_wan.make(folder, seed, dataclasses.replace(shape, z_dim=48) if kind == "wide" else shape,
                  0.9 if kind == "experts" else None)
    generator = torch.Generator().manual_seed(seed)
    dtype = tiny_wan.DTYPES[shape.dtype]
    index = json.loads((folder / "model_index.json").read_text())
    parts: dict[str, torch.nn.Module] = {}
    if kind == "wide":
        shutil.rmtree(folder / "vae")
        parts["vae"] = wide_vae(generator, shape.vae_res_blocks)
        index["expand_timesteps"] = True
    elif kind == "experts":
        parts |= {name: transformer(shape, None, generator) for name in ("transformer", "transformer_2")}
    else:
        parts["image_encoder"] = vision = vision or clip(random.Random(seed), generator)
        told = Pictures(vision.config.hidden_size, tokens_of(vision), kind == "first_and_last")
        parts["transformer"] = transformer(shape, told, generator)
        CLIPImageProcessor().save_pretrained(folder / "image_processor")
        index["image_encoder"] = ["transformers", "CLIPVisionModel"]
        index["image_processor"] = ["transformers", "CLIPImageProcessor"]
    if kind != "wide":
        index["_class_name"] = "WanImageToVideoPipeline"
    for name, model in parts.items():
        model.to(dtype).save_pretrained(folder / name)
    (folder / "model_index.json").write_text(json.dumps(index))


def make_official(diffusers: pathlib.Path, folder: pathlib.Path, **options) -> None:
    """tiny_wan.make_official() of a folder of make(), with CLIP as Wan has it."""
    tiny_wan.make_official(diffusers, folder, **options)
    if (diffusers / "image_encoder").exists():
        torch.save(wan_tensors(CLIPVisionModel.from_pretrained(diffusers / "image_encoder")), folder / WAN_CLIP)
