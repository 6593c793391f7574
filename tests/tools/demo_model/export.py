"""Writes what was trained as Wan-AI's official repositories are laid out: bfloat16, official names, and its catalog.

The official layout has no place for the statistics of latents: quant_conv and post_quant_conv take them in, so that those
of this VAE are the published ones.
"""

import argparse
import pathlib
import shutil
import sys
import tempfile

import torch

import dit
import text
from latents import trained_vae
from train_dit import Model

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "tests/reference"), str(ROOT / "tests/support")]
import ditmill  # noqa: E402
import tiny_wan  # noqa: E402

LIMIT = 12_000_000  # bytes in all


def take_in_statistics(model: torch.nn.Module, mean: torch.Tensor, scale: torch.Tensor) -> None:
    """Makes latents z of the VAE (z - mean) / scale * published deviation + published mean, and decodes these alike."""
    published, deviation = (torch.tensor(model.config[name]) for name in ("latents_mean", "latents_std"))
    stretch = deviation / scale
    wide = model.quant_conv, torch.cat([stretch, torch.ones(16)]).view(-1, 1, 1, 1, 1)
    wide[0].weight.data *= wide[1]
    wide[0].bias.data *= wide[1].flatten()
    wide[0].bias.data += torch.cat([published - mean * stretch, 2 * stretch.log()])
    conv = model.post_quant_conv
    conv.bias.data += conv.weight.data.flatten(1) @ (mean - published / stretch)
    conv.weight.data /= stretch.view(1, -1, 1, 1, 1)


def write(trained: pathlib.Path, folder: pathlib.Path) -> None:
    """`folder`, which must not exist, from what the stages left in `trained`."""
    texts, data = text.Texts(trained), torch.load(trained / "latents.pt")
    model = Model(texts.rows)
    state = torch.load(trained / "dit.pt")["average"]
    model.load_state_dict({name.replace("/", "."): value for name, value in state.items()}, strict=False)
    decoder = trained_vae(trained)
    take_in_statistics(decoder, data["mean"], data["scale"])
    with tempfile.TemporaryDirectory() as scratch:
        diffusers = pathlib.Path(scratch)
        for name, part in (("transformer", model.transformer), ("vae", decoder), ("text_encoder", model.encoder)):
            part.to(torch.bfloat16).save_pretrained(diffusers / name)
        (diffusers / "tokenizer").mkdir()
        shutil.copy(trained / "spiece.model", diffusers / "tokenizer")
        folder.mkdir(parents=True)
        tiny_wan.make_official(diffusers, folder)
    for path in folder.rglob("*.safetensors"):
        path.chmod(0o644)  # which its writer made for its owner alone
    (folder / "catalog.yaml").write_text(ditmill.ditmill("registry", "template", folder, "--name", "demo").stdout)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"{folder}: {size / 1e6:.2f} MB")
    if size > LIMIT:
        raise SystemExit(f"that is more than {LIMIT / 1e6:.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trained", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    options = parser.parse_args()
    write(options.trained, options.folder)


if __name__ == "__main__":
    main()
