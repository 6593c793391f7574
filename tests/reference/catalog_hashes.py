"""Compares the hashes in registry/catalog/wan.yaml with those of the models that diffusers and transformers build.

python tests/reference/catalog_hashes.py CATALOG.yaml
"""

import hashlib
import json
import os
import re
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from diffusers import AutoencoderKLWan, WanTransformer3DModel, WanVACETransformer3DModel
from transformers import UMT5Config, UMT5EncoderModel

SHARED, EMBEDDED = "shared.weight", "encoder.embed_tokens.weight"


def key_hashes(model: torch.nn.Module, without: str = "") -> tuple[str, str]:
    """TeleFuser's key hashes, with and without shapes."""
    shapes = {name: "_".join(map(str, tensor.shape)) for name, tensor in model.state_dict().items() if name != without}
    names = list(shapes)
    tokens = names + [f"{name}:{shape}" for name, shape in shapes.items()]
    return tuple(hashlib.md5(",".join(sorted(words)).encode()).hexdigest() for words in (tokens, names))


def computed() -> dict[str, tuple[str, str]]:
    with torch.device("meta"):
        small = WanTransformer3DModel(num_attention_heads=12, ffn_dim=8960, num_layers=30)
        large = WanTransformer3DModel()
        encoder = UMT5EncoderModel(UMT5Config(
            vocab_size=256384, d_model=4096, d_kv=64, num_heads=64, d_ff=10240, num_layers=24,
            feed_forward_proj="gated-gelu", tie_word_embeddings=False))
        vae = AutoencoderKLWan()
        vae_22 = AutoencoderKLWan(
            base_dim=160, decoder_base_dim=256, z_dim=48, dim_mult=[1, 2, 4, 4], num_res_blocks=2,
            temperal_downsample=[False, True, True], is_residual=True, in_channels=12, out_channels=12, patch_size=2)
        pictures = {"in_channels": 36, "image_dim": 1280, "added_kv_proj_dim": 5120}
        i2v = WanTransformer3DModel(**pictures)
        flf2v = WanTransformer3DModel(**pictures, pos_embed_seq_len=514)
        a14b = WanTransformer3DModel(in_channels=36)
        ti2v = WanTransformer3DModel(
            num_attention_heads=24, in_channels=48, out_channels=48, ffn_dim=14336, num_layers=30)
        vace_small = WanVACETransformer3DModel(
            num_attention_heads=12, ffn_dim=8960, num_layers=30, vace_layers=list(range(0, 30, 2)), vace_in_channels=96)
        vace = WanVACETransformer3DModel(vace_layers=list(range(0, 40, 5)), vace_in_channels=96)
    return {
        "wan2.1-t2v-1.3b": key_hashes(small),
        "wan2.1-t2v-14b": key_hashes(large),
        "wan2.2-t2v-a14b-high": key_hashes(large),
        "wan2.2-t2v-a14b-low": key_hashes(large),
        "umt5-xxl-encoder": key_hashes(encoder, without=EMBEDDED),
        "umt5-xxl-encoder-embed-tokens": key_hashes(encoder, without=SHARED),
        "umt5-xxl-encoder-both": key_hashes(encoder),
        "wan2.1-vae": key_hashes(vae),
        "wan2.2-vae": key_hashes(vae_22),
        "wan2.1-i2v-14b-480p": key_hashes(i2v),
        "wan2.1-i2v-14b-720p": key_hashes(i2v),
        "wan2.1-flf2v-14b-720p": key_hashes(flf2v),
        "wan2.2-i2v-a14b-high": key_hashes(a14b),
        "wan2.2-i2v-a14b-low": key_hashes(a14b),
        "wan2.2-ti2v-5b": key_hashes(ti2v),
        "wan2.1-vace-1.3b": key_hashes(vace_small),
        "wan2.1-vace-14b": key_hashes(vace),
        "wan2.2-vace-fun-a14b-high": key_hashes(vace),
        "wan2.2-vace-fun-a14b-low": key_hashes(vace),
    }


def written(path: str) -> dict[str, tuple[str, str]]:
    with open(path, encoding="utf-8") as file:
        text = file.read()
    entries = re.findall(r"- name: (\S+)\n    family: wan\n    role: \w+\n    layout: diffusers\n(?:    architecture: \w+\n)?"
                         r"    key_hash: (\w{32})\n    key_hash_names: (\w{32})\n", text)
    return {name: (with_shapes, names) for name, with_shapes, names in entries}


def main() -> int:
    expected, found = computed(), written(sys.argv[1])
    # With a norm that diffusers' class has no more.
    found = {name: hashes for name, hashes in found.items() if not name.endswith("-norm-added-q")}
    if expected == found:
        return 0
    print("computed:", json.dumps(expected, indent=2), "written:", json.dumps(found, indent=2), sep="\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
