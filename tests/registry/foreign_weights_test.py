#!/usr/bin/env python3
"""Checkpoints that are no weights, made by the real torch and accelerate: `weights identify` and `run --check` name them,
and what they tell to do works."""

import json
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import unittest
import warnings

import torch
import torch.distributed.checkpoint as dcp

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
import ditmill

warnings.simplefilter("ignore")


def trained():
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 2))
    optimizers = {"adamw": torch.optim.AdamW(module.parameters()), "sgd": torch.optim.SGD(module.parameters(), momentum=0.9),
                  "adafactor": torch.optim.Adafactor(module.parameters()), "rmsprop": torch.optim.RMSprop(module.parameters())}
    for optimizer in optimizers.values():
        module(torch.ones(1, 3)).sum().backward()
        optimizer.step()
    return module, optimizers


class ForeignWeights(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="ditmill-foreign-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def identified(self, path):
        done = ditmill.ditmill("weights", "identify", "--json", path, code=None)
        return json.loads(done.stdout)[0]

    def refused(self, path, *words):
        """The message about a path, which is the same wherever it is named."""
        error = self.identified(path)["error"]
        self.assertEqual(error["category"], "bad_input")
        manifest = self.folder / "job.json"
        manifest.write_text(json.dumps({"schema": 1, "name": "x", "model": {"path": str(path)}, "output": {"path": str(self.folder / "run")},
                                        "requests": {"items": [{"prompt": "x", "width": 32, "height": 16, "frames": 1, "seed": 1}]}}))
        checked = ditmill.ditmill("run", manifest, "--check", code=1)
        for word in words:
            self.assertIn(word, error["message"])
            self.assertIn(word, checked.stdout + checked.stderr)
        return error["message"]

    def test_states_of_optimizers(self):
        module, optimizers = trained()
        for name, optimizer in optimizers.items():
            with self.subTest(name):
                path = self.folder / f"{name}.pth"
                torch.save(optimizer.state_dict(), path)
                self.refused(path, "the state of an optimizer, by the names of its tensors", "the model's own weights lie beside it")
                torch.save({"optimizer_states": [optimizer.state_dict()], "epoch": 3}, path)
        both = self.folder / "both.ckpt"
        torch.save({"state_dict": module.state_dict(), "optimizer_states": [optimizers["adamw"].state_dict()]}, both)
        self.assertNotIn("error", self.identified(both))

    def test_folders_of_accelerate(self):
        import accelerate

        module, optimizers = trained()
        accelerator = accelerate.Accelerator(cpu=True)
        scheduler = torch.optim.lr_scheduler.StepLR(optimizers["adamw"], 1)
        accelerator.prepare(module, optimizers["adamw"], scheduler)
        accelerator.save_state(self.folder / "state")
        names = {path.name for path in (self.folder / "state").iterdir()}
        self.assertLessEqual({"model.safetensors", "optimizer.bin", "random_states_0.pkl", "scheduler.bin"}, names)
        self.refused(self.folder / "state/optimizer.bin", "the state of an optimizer")
        self.refused(self.folder / "state/random_states_0.pkl", "the state of random generators")
        self.refused(self.folder / "state/scheduler.bin", "the state of a learning rate")
        self.assertEqual(self.identified(self.folder / "state")["tensors"], 4, "the model beside them")

    def test_checkpoints_of_torch_distributed(self):
        module, _ = trained()
        source = self.folder / "step 5"
        dcp.save({"model": module.state_dict()}, checkpoint_id=source)
        self.assertEqual({path.name for path in source.iterdir()}, {".metadata", "__0_0.distcp"})
        self.refused(source / "__0_0.distcp", "a checkpoint of torch.distributed (DCP)")
        for path in (source, self.folder):
            message = self.refused(path, "a checkpoint of torch.distributed (DCP)")
            command = re.search(r"python (-m torch\.distributed\.checkpoint\.format_utils dcp_to_torch .*) OUT\.pth", message)
            self.assertIsNotNone(command, message)
            out = self.folder / f"{path.name}.pth"
            subprocess.run([sys.executable, *shlex.split(command.group(1)), out], check=True, capture_output=True)
            self.assertEqual(self.identified(out)["tensors"], 4)
            out.unlink()


if __name__ == "__main__":
    unittest.main()
