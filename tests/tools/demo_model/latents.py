"""Encodes clips of the training scenes in bulk: what the transformer learns from.

Writes latents.pt: `scene` [N], its place in scenes.training_scenes(); `latents` [N, 16, 3, 8, 8] in float16; `mean` [16] and
`scale`, by which channels have mean 0 each and standard deviation 1 together.
Channels keep their proportions: one that tells nothing stays small, and is not blown up to noise.
"""

import argparse
import math
import os
import pathlib

import numpy
import torch

import scenes
import vae
from train_vae import BASE_DIM

CLIPS, BATCH = 40000, 16
SHAPE = (16, 3, scenes.SIZE // 8, scenes.SIZE // 8)


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


def scene_numbers(clips: int, known: int) -> numpy.ndarray:
    """Every scene as often as every other."""
    rng = numpy.random.default_rng(2)
    return numpy.concatenate([rng.permutation(known) for _ in range(-(-clips // known))])[:clips]


@torch.no_grad()
def encode_all(model: torch.nn.Module, numbers: numpy.ndarray, path: pathlib.Path) -> None:
    """Appends to a file what is not in it yet, a batch at a time."""
    known, batch_bytes = scenes.training_scenes(), 2 * BATCH * math.prod(SHAPE)
    done = path.stat().st_size // batch_bytes if path.exists() else 0
    with path.open("ab") as file:
        file.truncate(done * batch_bytes)
        for at in range(done * BATCH, len(numbers), BATCH):
            clips = clips_of(numbers[at:at + BATCH], known, numpy.random.default_rng([2, at]))
            with torch.autocast("cpu", torch.bfloat16):
                mean, _ = vae.encode(model, clips)
            file.write(mean.half().numpy().tobytes())
            if at % (200 * BATCH) == 0:
                file.flush()
                print(at, "of", len(numbers), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--clips", type=int, default=CLIPS)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    trained, raw, made = (options.folder / name for name in ("vae.pt", "latents.raw", "latents.pt"))
    if made.exists() and made.stat().st_mtime > trained.stat().st_mtime:
        return
    if raw.exists() and raw.stat().st_mtime < trained.stat().st_mtime:
        raw.unlink()  # of another VAE
    numbers = scene_numbers(options.clips, len(scenes.training_scenes()))
    encode_all(trained_vae(options.folder), numbers, raw)
    latents = torch.from_numpy(numpy.fromfile(raw, numpy.float16)).view(-1, *SHAPE).float()
    mean = latents.mean((0, 2, 3, 4))
    latents -= mean.view(-1, 1, 1, 1)
    scale = latents.square().mean().sqrt()
    latents /= scale
    temporary = options.folder / "latents.new"
    torch.save({"scene": torch.from_numpy(numbers), "latents": latents.half(), "mean": mean, "scale": scale}, temporary)
    os.replace(temporary, made)
    print("channels' deviations:", *(f"{value:.3f}" for value in latents.std((0, 2, 3, 4)).tolist()))


if __name__ == "__main__":
    main()
