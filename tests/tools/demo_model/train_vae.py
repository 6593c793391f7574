"""Trains Wan's VAE on the world's clips: first on crops of 32 x 32 and 5 frames, which cost a seventh, then on whole ones."""

import numpy
import torch

import scenes
import vae
from checkpoint import Average, Training, descend, warm_cosine

BASE_DIM = 8
STEPS, WHOLE_FROM = 5000, 0.8
BATCH, RATE, KL = 8, 2e-3, 1e-4


def batch(step: int, whole: bool) -> torch.Tensor:
    """Clips of any scenes in -1..1 [B, 3, T, H, W], the same for a step in every run."""
    rng = numpy.random.default_rng([1, step])
    every = scenes.scenes()
    clips = []
    for index in rng.integers(len(every), size=BATCH // 4 if whole else BATCH):
        clip = scenes.render(every[index], rng)
        if not whole:
            at, y, x = rng.integers((scenes.FRAMES - 4, scenes.SIZE - 31, scenes.SIZE - 31))
            clip = clip[at:at + 5, y:y + 32, x:x + 32]
        clips.append(clip)
    return torch.from_numpy(numpy.stack(clips)).permute(0, 4, 1, 2, 3).float() / 127.5 - 1


def loss_of(model: torch.nn.Module, clips: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """What is minimised, the mean distance of pixels, and the latents' divergence from the unit normal."""
    mean, logarithm = (each.float() for each in vae.encode(model, clips))
    latents = mean + torch.exp(0.5 * logarithm) * torch.randn_like(mean)
    away = vae.decode(model, latents).float() - clips
    divergence = 0.5 * (mean.square() + logarithm.exp() - 1 - logarithm).mean()
    return away.abs().mean() + away.square().mean() + KL * divergence, away.abs().mean(), divergence


def main() -> None:
    training = Training("vae", __doc__, STEPS)
    torch.manual_seed(1)
    model = vae.make_vae(BASE_DIM)
    average = Average(model, 0.998)
    optimizer = torch.optim.AdamW(model.parameters(), RATE, betas=(0.9, 0.99), weight_decay=1e-3, fused=True)
    parts = {"model": model, "average": average, "optimizer": optimizer}
    training.resume(parts)
    going = training.step < training.steps
    while going:
        for group in optimizer.param_groups:
            group["lr"] = RATE * warm_cosine(training.step, training.steps)
        torch.manual_seed(training.step)
        clips = batch(training.step, training.step >= WHOLE_FROM * training.steps)
        with torch.autocast("cpu", torch.bfloat16):
            loss, away, divergence = loss_of(model, clips)
        descend(model, optimizer, loss)
        average.update(model, training.step)
        training.step += 1
        if training.step % 50 == 0:
            training.report(loss=loss, pixels=away, divergence=divergence, rate=optimizer.param_groups[0]["lr"])
        going = training.goes_on(parts)


if __name__ == "__main__":
    main()
