"""How often clips are judged right after a round trip through the trained VAE: prints the share, by attribute."""

import argparse
import pathlib

import numpy
import torch

import judge
import scenes
import vae
from latents import clips_of, trained_vae


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--clips", type=int, default=200)
    options = parser.parse_args()
    model, every, rng = trained_vae(options.folder), scenes.scenes(), numpy.random.default_rng(5)
    rights, away = [], 0.0
    for number in rng.choice(len(every), options.clips, replace=False):
        clip = clips_of([number], every, rng)
        again = vae.decode(model, vae.encode(model, clip)[0]).clamp(-1, 1)
        away += float((again - clip).abs().mean()) / options.clips
        pixels = ((again[0] + 1) * 127.5 + 0.5).to(torch.uint8).permute(1, 2, 3, 0).numpy()
        rights.append(judge.right(every[number], judge.judge(pixels)))
    print(f"all right: {sum(all(each.values()) for each in rights)} of {len(rights)};", "pixels' mean distance:",
          f"{away * 127.5:.2f} levels;", ", ".join(f"{name} {sum(each[name] for each in rights)}" for name in judge.ATTRIBUTES))


if __name__ == "__main__":
    main()
