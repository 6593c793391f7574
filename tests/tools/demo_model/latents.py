"""Encodes clips of the training scenes in bulk: what the transformer learns from.

Writes latents.pt: `scene` [N], its place in scenes.training_scenes(); `latents` [N, 16, 3, 8, 8] in float16; `mean` [16] and
`scale`, by which channels have mean 0 each and standard deviation 1 together.
Channels keep their proportions: one that tells nothing stays small, and is not blown up to noise.
"""

import argparse
import os
import pathlib

import numpy
import torch

import scenes
import vae
from train_vae import BASE_DIM

CLIPS, BATCH = 40000, 16


def trained_vae(folder: pathlib.Path) -> torch.nn.Module:
    """With the average of its parameters."""
    model = vae.make_vae(BASE_DIM)
    state = torch.load(folder / "vae.pt")["average"]
    model.load_state_dict({name.replace("/", "."): value for name, value in state.items()})
    return model.eval()


def clips_of(numbers: numpy.ndarray, known: list[scenes.Scene], rng: numpy.random.Generator) -> torch.Tensor:
    """A clip of each scene in -1..1 [B, 3, T, H, W]."""
    clips = numpy.stack([scenes.render(known[number], rng) for number in numbers])
    return torch.from_numpy(clips).permute(0, 4, 1, 2, 3).float() / 127.5 - 1


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--clips", type=int, default=CLIPS)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model, known = trained_vae(options.folder), scenes.training_scenes()
    rng = numpy.random.default_rng(2)
    # Every scene as often as every other.
    numbers = numpy.concatenate([rng.permutation(len(known)) for _ in range(-(-options.clips // len(known)))])[:options.clips]
    latents = torch.empty(options.clips, 16, 3, scenes.SIZE // 8, scenes.SIZE // 8, dtype=torch.float16)
    for at in range(0, options.clips, BATCH):
        with torch.autocast("cpu", torch.bfloat16):
            mean, _ = vae.encode(model, clips_of(numbers[at:at + BATCH], known, rng))
        latents[at:at + BATCH] = mean
        if at % (100 * BATCH) == 0:
            print(at, "of", options.clips, flush=True)
    mean = latents.float().mean((0, 2, 3, 4))
    centred = latents.float() - mean.view(-1, 1, 1, 1)
    scale = centred.square().mean().sqrt()
    temporary = options.folder / "latents.new"
    torch.save({"scene": torch.from_numpy(numbers), "latents": (centred / scale).half(), "mean": mean,
                "scale": scale}, temporary)
    os.replace(temporary, options.folder / "latents.pt")
    print("channels' deviations:", *(f"{value:.3f}" for value in (centred / scale).std((0, 2, 3, 4)).tolist()))


if __name__ == "__main__":
    main()
