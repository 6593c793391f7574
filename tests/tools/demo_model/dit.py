"""Wan's transformer for training: diffusers' WanTransformer3DModel, whose cross-attention sees 512 tokens at the price of few.

Behind a prompt's end Wan's 512 tokens are all zero, so all give one key and one value: here they are a single token whose
score has log(how many) added. `test_demo_model.py` compares the two.
"""

import torch
import torch.nn.functional as functional
from diffusers import WanTransformer3DModel

import text

HEADS, HEAD_WIDTH, LAYERS = 4, 48, 6
WIDTH = HEADS * HEAD_WIDTH
TEXT_TOKENS = 512


def make_transformer() -> WanTransformer3DModel:
    """At its start the prediction is 0, and no block adds anything to a clip."""
    model = WanTransformer3DModel(num_attention_heads=HEADS, attention_head_dim=HEAD_WIDTH, num_layers=LAYERS,
                                  ffn_dim=4 * WIDTH, freq_dim=256, text_dim=text.WIDTH, in_channels=16, out_channels=16)
    for name, parameter in model.named_parameters():
        if parameter.ndim == 2 and "time_embedder" not in name:
            torch.nn.init.xavier_uniform_(parameter)
        elif name.endswith("bias"):
            torch.nn.init.zeros_(parameter)
    torch.nn.init.zeros_(model.proj_out.weight)
    torch.nn.init.normal_(model.condition_embedder.time_proj.weight, std=0.02)
    for block in model.blocks:
        block.scale_shift_table.data[:, (2, 5)] = 0
        torch.nn.init.zeros_(block.attn2.to_out[0].weight)
    return model


# Halves in place of pairs: a score is the same whatever the order of a head's values, and halves are quick to turn.
HALVES = torch.arange(WIDTH).view(HEADS, -1, 2).transpose(1, 2).flatten()


def heads(x: torch.Tensor) -> torch.Tensor:
    """[B, tokens, WIDTH] to [B, HEADS, tokens, HEAD_WIDTH]."""
    return x.unflatten(2, (HEADS, HEAD_WIDTH)).transpose(1, 2)


def rms_norm(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    inverse = (x.square().mean(-1, keepdim=True, dtype=torch.float32) + 1e-6).rsqrt()
    return x * inverse.type_as(x) * weight.type_as(x)


def rotated(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Halves of x [B, tokens, WIDTH] by head, turned."""
    first, second = x.unflatten(2, (HEADS, 2, -1)).unbind(3)
    return torch.stack((first * cos - second * sin, first * sin + second * cos), 3).flatten(2)


def softmax_attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """Of few tokens, spelled out: backward of torch's fused one takes half of a step's time here."""
    q, k, v = heads(q), heads(k), heads(v)
    scores = (q * HEAD_WIDTH**-0.5) @ k.transpose(2, 3)
    weights = torch.softmax(scores if bias is None else scores + bias, -1)
    return (weights.type_as(v) @ v).transpose(1, 2).flatten(2)


def self_attention(attention: torch.nn.Module, x: torch.Tensor, rope: tuple) -> torch.Tensor:
    weight = torch.cat([attention.to_q.weight[HALVES], attention.to_k.weight[HALVES], attention.to_v.weight])
    bias = torch.cat([attention.to_q.bias[HALVES], attention.to_k.bias[HALVES], attention.to_v.bias])
    q, k, v = functional.linear(x, weight, bias).chunk(3, 2)
    q = rotated(rms_norm(q, attention.norm_q.weight[HALVES]), *rope)
    k = rotated(rms_norm(k, attention.norm_k.weight[HALVES]), *rope)
    return attention.to_out[0](softmax_attention(q, k, v, None))


def cross_attention(attention: torch.nn.Module, x: torch.Tensor, texts: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    q = rms_norm(attention.to_q(x), attention.norm_q.weight)
    k = rms_norm(attention.to_k(texts), attention.norm_k.weight)
    return attention.to_out[0](softmax_attention(q, k, attention.to_v(texts), bias))


def modulated(x: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    return torch.addcmul(shift, functional.layer_norm(x, x.shape[-1:], eps=1e-6), 1 + scale)


def rope_of(model: WanTransformer3DModel, latents: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosines and sines [1, tokens, 1, HEAD_WIDTH / 2]."""
    cos, sin = model.rope(latents)
    return cos[..., ::2].float(), sin[..., ::2].float()


def forward(model: WanTransformer3DModel, latents: torch.Tensor, sigmas: torch.Tensor, texts: torch.Tensor,
            lengths: torch.Tensor, rope: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    """The velocity, noise - clip, of noised latents [B, 16, T, H, W] at sigmas [B], told texts [B, n, text.WIDTH] of
    which the first `lengths` tokens count."""
    batch, channels, frames, height, width = latents.shape
    conditions = model.condition_embedder
    patches = latents.unflatten(4, (-1, 2)).unflatten(3, (-1, 2)).permute(0, 2, 3, 5, 1, 4, 6).flatten(4)
    x = functional.linear(patches.flatten(1, 3), model.patch_embedding.weight.flatten(1), model.patch_embedding.bias)
    time = conditions.time_embedder(conditions.timesteps_proj(1000 * sigmas))
    rows = conditions.time_proj(functional.silu(time)).unflatten(1, (6, -1))

    known = torch.where(torch.arange(texts.shape[1]) < lengths[:, None], 0.0, -torch.inf)
    bias = torch.cat([known, (TEXT_TOKENS - lengths).float().log()[:, None]], 1)[:, None, None].type_as(x)
    texts = conditions.text_embedder(functional.pad(texts, (0, 0, 0, 1)))
    rope = tuple(each.type_as(x) for each in rope)

    for block in model.blocks:
        shift, scale, gate, shift2, scale2, gate2 = (block.scale_shift_table + rows).type_as(x).chunk(6, 1)
        x = x + self_attention(block.attn1, modulated(x, scale, shift), rope) * gate
        y = functional.layer_norm(x, x.shape[-1:], block.norm2.weight.type_as(x), block.norm2.bias.type_as(x), 1e-6)
        x = x + cross_attention(block.attn2, y, texts, bias)
        y = block.ffn.net[0].proj(modulated(x, scale2, shift2))
        x = x + block.ffn.net[2](functional.gelu(y, approximate="tanh")) * gate2
    shift, scale = (model.scale_shift_table + time[:, None]).type_as(x).chunk(2, 1)
    y = model.proj_out(modulated(x, scale, shift))
    y = y.unflatten(1, (frames, height // 2, width // 2)).unflatten(4, (2, 2, channels))
    return y.permute(0, 6, 1, 2, 4, 3, 5).flatten(5).flatten(3, 4)
