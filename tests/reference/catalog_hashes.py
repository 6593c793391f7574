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
from diffusers import AutoencoderKLWan, WanTransformer3DModel
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
    return {
        "wan2.1-t2v-1.3b": key_hashes(small),
        "wan2.1-t2v-14b": key_hashes(large),
        "wan2.2-t2v-a14b-high": key_hashes(large),
        "wan2.2-t2v-a14b-low": key_hashes(large),
        "umt5-xxl-encoder": key_hashes(encoder, without=EMBEDDED),
        "umt5-xxl-encoder-embed-tokens": key_hashes(encoder, without=SHARED),
        "umt5-xxl-encoder-both": key_hashes(encoder),
        "wan2.1-vae": key_hashes(vae),
    }


def written(path: str) -> dict[str, tuple[str, str]]:
    with open(path, encoding="utf-8") as file:
        text = file.read()
    entries = re.findall(r"- name: (\S+)\n.*?key_hash: (\w{32})\n\s*key_hash_names: (\w{32})\n", text, re.DOTALL)
    return {name: (with_shapes, names) for name, with_shapes, names in entries}


def main() -> int:
    expected, found = computed(), written(sys.argv[1])
    if expected == found:
        return 0
    print("computed:", json.dumps(expected, indent=2), "written:", json.dumps(found, indent=2), sep="\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
