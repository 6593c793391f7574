"""Wan's VAE on whole clips, for training on a CPU: the numbers of diffusers' AutoencoderKLWan, several times faster.

diffusers goes through a clip in pieces of four frames and leaves small 3D convolutions to a slow path of torch; here a
causal convolution is a 2D one over frames beside their two predecessors. `test_demo_model.py` compares the two.
"""

import torch
import torch.nn.functional as functional
from diffusers import AutoencoderKLWan


def make_vae(base_dim: int) -> AutoencoderKLWan:
    return AutoencoderKLWan(base_dim=base_dim, z_dim=16)


def conv2d(conv: torch.nn.Conv2d, x: torch.Tensor, **options) -> torch.Tensor:
    """A 2D convolution of each frame of x [B, T, C, H, W]."""
    y = functional.conv2d(x.flatten(0, 1), conv.weight, conv.bias, **options)
    return y.unflatten(0, x.shape[:2])


class WithPast(torch.autograd.Function):
    """Each frame's channels behind those of the two frames before it, zeros before the first: x [B, T, C, H, W] to
    [B, T, 3C, H, W]. By hand, for torch would fill a gradient of the whole for each of the three."""

    @staticmethod
    def forward(ctx, x: torch.Tensor) -> torch.Tensor:
        out = x.new_zeros(*x.shape[:2], 3, *x.shape[2:])
        for lag in range(min(3, x.shape[1])):
            out[:, lag:, 2 - lag] = x[:, :x.shape[1] - lag]
        return out.flatten(2, 3)

    @staticmethod
    def backward(ctx, gradient: torch.Tensor) -> torch.Tensor:
        each = gradient.unflatten(2, (3, -1))
        total = each[:, :, 2].clone()
        for lag in range(1, min(3, each.shape[1])):
            total[:, :each.shape[1] - lag] += each[:, lag:, 2 - lag]
        return total


def causal(conv: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    """A causal 3D convolution with kernel (1 or 3, k, k) and stride 1."""
    weight = conv.weight
    if weight.shape[2] == 3:
        x = WithPast.apply(x)
        weight = weight.transpose(1, 2).flatten(1, 2)
    else:
        weight = weight[:, :, 0]
    y = functional.conv2d(x.flatten(0, 1), weight, conv.bias, padding=weight.shape[-1] // 2)
    return y.unflatten(0, x.shape[:2])


def norm(layer: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Norms over channels, which come third here."""
    gamma = layer.gamma.flatten().view(-1, 1, 1).type_as(x)
    inverse = x.square().sum(2, keepdim=True).clamp_min(1e-24).rsqrt()  # several times faster than normalize()
    return x * inverse * (layer.scale * gamma)


def residual(block: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    shortcut = x if isinstance(block.conv_shortcut, torch.nn.Identity) else causal(block.conv_shortcut, x)
    y = causal(block.conv1, functional.silu(norm(block.norm1, x)))
    return causal(block.conv2, functional.silu(norm(block.norm2, y))) + shortcut


def attention(block: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    q, k, v = (each.flatten(-2).transpose(-1, -2) for each in
               conv2d(block.to_qkv, norm(block.norm, x)).chunk(3, 2))
    y = functional.scaled_dot_product_attention(q, k, v).transpose(-1, -2).reshape(x.shape)
    return conv2d(block.proj, y) + x


def middle(block: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    x = residual(block.resnets[0], x)
    return residual(block.resnets[1], attention(block.attentions[0], x))


def downsample(block: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    x = conv2d(block.resample[1], functional.pad(x, (0, 1, 0, 1)), stride=2)
    if block.mode != "downsample3d" or x.shape[1] == 1:
        return x
    # Of frames 0 1 2, 2 3 4, ...; the first also goes on as it is.
    triples = torch.cat([x[:, i:x.shape[1] - 2 + i:2] for i in range(3)], 2)
    weight = block.time_conv.weight.transpose(1, 2).flatten(1, 2)
    y = functional.conv2d(triples.flatten(0, 1), weight, block.time_conv.bias).unflatten(0, triples.shape[:2])
    return torch.cat([x[:, :1], y], 1)


def upsample(block: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    if block.mode == "upsample3d" and x.shape[1] > 1:
        y = causal(block.time_conv, x[:, 1:])
        y = y.unflatten(2, (2, -1)).flatten(1, 2)
        x = torch.cat([x[:, :1], y], 1)
    x = functional.interpolate(x.flatten(0, 1), scale_factor=2.0, mode="nearest-exact").unflatten(0, x.shape[:2])
    return conv2d(block.resample[1], x, padding=1)


def encode(vae: AutoencoderKLWan, clips: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and logarithm of the variance [B, 16, T', H/8, W/8] of clips [B, 3, T, H, W] in -1..1."""
    encoder = vae.encoder
    x = causal(encoder.conv_in, clips.transpose(1, 2))
    for block in encoder.down_blocks:
        x = downsample(block, x) if hasattr(block, "mode") else residual(block, x)
    x = middle(encoder.mid_block, x)
    x = causal(encoder.conv_out, functional.silu(norm(encoder.norm_out, x)))
    mean, variance = causal(vae.quant_conv, x).transpose(1, 2).chunk(2, 1)
    return mean, variance.clamp(-30, 20)


def decode(vae: AutoencoderKLWan, latents: torch.Tensor) -> torch.Tensor:
    """Clips [B, 3, T, H, W], not clamped, of latents [B, 16, T', H/8, W/8]."""
    decoder = vae.decoder
    x = causal(decoder.conv_in, causal(vae.post_quant_conv, latents.transpose(1, 2)))
    x = middle(decoder.mid_block, x)
    for block in decoder.up_blocks:
        for each in block.resnets:
            x = residual(each, x)
        if block.upsamplers is not None:
            x = upsample(block.upsamplers[0], x)
    return causal(decoder.conv_out, functional.silu(norm(decoder.norm_out, x))).transpose(1, 2)
