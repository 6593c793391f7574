"""What all trainings share: a checkpoint that a crash cannot tear, a clock to stop at, a log."""

import argparse
import json
import os
import pathlib
import time

import torch


class Training:
    """One stage's training under `folder`: state in STAGE.pt, a line a report in STAGE.jsonl."""

    def __init__(self, stage: str, description: str, steps: int):
        parser = argparse.ArgumentParser(description=description)
        parser.add_argument("folder", type=pathlib.Path, help="where all stages keep what they make")
        parser.add_argument("--steps", type=int, default=steps, help=f"of the whole training; default {steps}")
        parser.add_argument("--hours", type=float, default=1000.0, help="stop after these, to be gone on with")
        parser.add_argument("--threads", type=int, default=2)
        parser.add_argument("--every", type=float, default=180, help="seconds between checkpoints")
        self.options = parser.parse_args()
        self.folder, self.steps = self.options.folder, self.options.steps
        self.folder.mkdir(parents=True, exist_ok=True)
        self.stage = stage
        self.path, self.log = self.folder / f"{stage}.pt", self.folder / f"{stage}.jsonl"
        self.began = self.saved = time.monotonic()
        self.worked = 0.0  # seconds of earlier calls
        self.step = 0
        torch.set_num_threads(self.options.threads)

    def resume(self, parts: dict) -> None:
        """Puts the checkpoint's state, if there is one, into modules and optimizers."""
        if not self.path.exists():
            return
        state = torch.load(self.path)
        for name, part in parts.items():
            part.load_state_dict(state[name])
        self.step, self.worked = state["step"], state["seconds"]

    def seconds(self) -> float:
        return self.worked + time.monotonic() - self.began

    def save(self, parts: dict) -> None:
        state = {name: part.state_dict() for name, part in parts.items()}
        temporary = self.path.with_suffix(".new")
        torch.save({**state, "step": self.step, "seconds": self.seconds()}, temporary)
        os.replace(temporary, self.path)
        self.saved = time.monotonic()

    def report(self, **values: float) -> None:
        line = {"step": self.step, "hours": round(self.seconds() / 3600, 3),
                **{name: float(f"{value:.5g}") for name, value in values.items()}}
        with self.log.open("a") as log:
            log.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)

    def goes_on(self, parts: dict) -> bool:
        """Called after each step: saves when it is time; False at the end. Exits with 3 when its hours are over, so that
        no later stage begins."""
        ended = self.step >= self.steps
        late = time.monotonic() - self.began > 3600 * self.options.hours
        if ended or late or time.monotonic() - self.saved > self.options.every:
            self.save(parts)
        if late and not ended:
            raise SystemExit(3)
        return not ended


class Average(torch.nn.Module):
    """The moving average of a module's parameters, which is what is exported; it follows faster at first."""

    def __init__(self, module: torch.nn.Module, decay: float):
        super().__init__()
        self.decay = decay
        for name, parameter in module.named_parameters():
            self.register_buffer(name.replace(".", "/"), parameter.detach().clone())

    @torch.no_grad()
    def update(self, module: torch.nn.Module, step: int) -> None:
        weight = 1 - min(self.decay, (1 + step) / (10 + step))
        kept = [getattr(self, name.replace(".", "/")) for name, _ in module.named_parameters()]
        torch._foreach_lerp_(kept, [parameter.detach() for parameter in module.parameters()], weight)

    def parameters_by_name(self) -> dict[str, torch.Tensor]:
        return {name.replace("/", "."): value for name, value in self.named_buffers()}


def warm_cosine(step: int, steps: int, warm: int = 200, last: float = 0.05) -> float:
    """The share of the learning rate at a step: up over `warm`, then down to `last` along half a cosine."""
    if step < warm:
        return (step + 1) / warm
    turn = torch.tensor(torch.pi * min(1.0, (step - warm) / max(1, steps - warm)))
    return last + (1 - last) * 0.5 * (1 + float(turn.cos()))


def descend(module: torch.nn.Module, optimizer: torch.optim.Optimizer, loss: torch.Tensor) -> None:
    """A step of the optimizer, its gradient clipped."""
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
    optimizer.step()
