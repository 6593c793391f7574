"""What the reference tests share: fresh seeds, the component probe, and how far two tensors are apart."""

import atexit
import functools
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

os.environ.setdefault("HF_HUB_OFFLINE", "1")
# As ditmill has it (engine_main.cpp): float32 sums that differ in the last bit are another bfloat16 now and then, and
# that is 1e-2 after a few guided steps.
os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")

import torch
from safetensors.torch import load_file, save_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROBE = os.environ.get("DITMILL_COMPONENT_PROBE", str(ROOT / "build" / "tests" / "component_probe"))
TEXT_PROBE = str(pathlib.Path(PROBE).with_name("text_probe"))


def fresh_seed(test: str) -> int:
    """A new seed each run, printed so that a failure can be repeated with DITMILL_TEST_SEED."""
    seed = int(os.environ.get("DITMILL_TEST_SEED") or random.SystemRandom().randrange(1 << 31))
    print(f"{test}: DITMILL_TEST_SEED={seed}", file=sys.stderr)
    return seed


@functools.cache
def started() -> subprocess.Popen:
    """One probe serves a script: to start LibTorch and MPI takes longer than most requests."""
    probe = subprocess.Popen([PROBE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")
    atexit.register(probe.communicate)
    return probe


def run(mode: str, folder: pathlib.Path, request: dict, tensors: dict | None = None) -> dict:
    """The probe's answer to a request."""
    with tempfile.TemporaryDirectory() as scratch:
        place = pathlib.Path(scratch)
        if tensors:
            save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, place / "in.safetensors")
            request = {**request, "tensors": str(place / "in.safetensors")}
        out = place / "out.safetensors"
        probe = started()
        probe.stdin.write(json.dumps({"mode": mode, "folder": str(folder), "in": request, "out": str(out)}) + "\n")
        probe.stdin.flush()
        answer = probe.stdout.readline()
        if not answer:
            raise RuntimeError(f"component_probe {mode}: it ended with {probe.wait()}")
        if error := json.loads(answer)["error"]:
            raise RuntimeError(f"component_probe {mode}: {error}")
        return load_file(out)


def aligned(model: torch.nn.Module) -> torch.nn.Module:
    """The model with its weights where allocators put them. Those of from_pretrained lie at any address of a file's
    bytes, and some kernels for bfloat16 round by it: 4e-3 on a forward pass."""
    for parameter in model.parameters():
        parameter.data = parameter.data.clone()
    return model


def distance(got: torch.Tensor, want: torch.Tensor) -> float:
    """|got - want| / |want|."""
    want = want.double()
    return float((got.double() - want).norm() / want.norm())


class PooledError:
    """Over all items: the error of ours against float64, as a share of diffusers' own in the same dtype."""

    def __init__(self):
        self.squares = torch.zeros(2, dtype=torch.float64)

    def add(self, ours: torch.Tensor, theirs: torch.Tensor, true: torch.Tensor) -> None:
        self.squares += torch.stack([(ours - true).norm() ** 2, (theirs - true).norm() ** 2])

    def ratio(self) -> float:
        return float((self.squares[0] / self.squares[1]).sqrt())
