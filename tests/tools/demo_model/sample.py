"""Draws clips with the model in training, in torch: a look at where it stands. What counts is what ditmill draws (score.py)."""

import numpy
import torch

import dit
import scenes
import text
import vae


def sigmas_of(steps: int, shift: float = 3.0) -> torch.Tensor:
    even = torch.linspace(1, 1 / steps, steps)
    return torch.cat([shift * even / (1 + (shift - 1) * even), torch.zeros(1)])


@torch.no_grad()
def sample(model, decoder, data: dict, texts: text.Texts, prompts: list[str], seed: int, steps: int = 20,
           guidance: float = 5.0) -> list[numpy.ndarray]:
    """A clip uint8 [frames, H, W, 3] of each prompt, by Euler's steps with classifier-free guidance."""
    x = torch.randn(len(prompts), *data["latents"].shape[1:], generator=torch.Generator().manual_seed(seed))
    rope, sigmas = dit.rope_of(model.transformer, x), sigmas_of(steps)
    with torch.autocast("cpu", torch.bfloat16):
        told, lengths = texts.ids(prompts + [scenes.NEGATIVE_PROMPT] * len(prompts))
        seen = text.encode(model.encoder, told, lengths)
        for sigma, following in zip(sigmas, sigmas[1:]):
            both = dit.forward(model.transformer, torch.cat([x, x]), sigma.expand(2 * len(x)), seen, lengths, rope)
            positive, negative = both.float().chunk(2)
            x = x + (following - sigma) * (negative + guidance * (positive - negative))
        x = x * data["scale"] + data["mean"].view(-1, 1, 1, 1)
        clips = torch.cat([vae.decode(decoder, each).float() for each in x.split(4)])
    pixels = ((clips.clamp(-1, 1) + 1) * 127.5 + 0.5).to(torch.uint8)
    return list(pixels.permute(0, 2, 3, 4, 1).numpy())
