"""A list with four bad items: one kills its rank, one raises, one gives NaN, one is too large. The others are done, and
each bad one has its class."""

import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest

import safetensors.torch
import torch

import ditmill
import tiny
from poison import Poison

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "reference"))
import tiny_wan  # noqa: E402

GOOD = ["a tabby cat asleep in the sun", "two red boats drift past a lighthouse", "the quick brown fox",
        "slow motion of rain on a window", "an old man walks his dog", "bright colours"]
BAD = {"nan": "東京の夜景", "raises": "a cat <extra_id_0> in the sun", "large": "an old man", "poison": "the lazy dog"}


def make_spoilt(model, seed):
    """The text encoder's table has a row of NaN for a character that no good prompt has, and lacks the rows of
    <extra_id_N>, which the tokenizer knows all the same."""
    import tokenizers

    tiny_wan.make(model, seed, tiny_wan.Shape())
    path = model / "text_encoder" / "model.safetensors"
    weights = safetensors.torch.load_file(path)
    table = weights["shared.weight"][:-300].clone()
    tokenizer = tokenizers.Tokenizer.from_file(str(model / "tokenizer" / "tokenizer.json"))
    good = {token for prompt in [*GOOD, *BAD.values(), ""] if prompt != BAD["nan"]
            for token in tokenizer.encode(prompt).ids}
    only_nan = [token for token in tokenizer.encode(BAD["nan"]).ids if token not in good]
    table[only_nan] = torch.nan
    weights["shared.weight"] = table
    safetensors.torch.save_file(weights, path, metadata={"format": "pt"})
    config = model / "text_encoder" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "vocab_size": len(table)}))


class BadItems(unittest.TestCase):
    def test_the_others_are_done_and_each_has_its_class(self):
        with tempfile.TemporaryDirectory(prefix="ditmill-bad-") as name:
            folder = pathlib.Path(name)
            job = tiny.manifest(folder, 11, make_spoilt)
            job["pipeline"]["components"] = {"text_encoder": {"offload": "none"}}
            job["pipeline"]["steps"] = 3
            items = [{"id": f"good-{i}", "prompt": prompt} for i, prompt in enumerate(GOOD)]
            items[2:2] = [{"id": name, "prompt": prompt} for name, prompt in BAD.items()]
            next(item for item in items if item["id"] == "large").update(width=16368, height=16368, frames=4093)
            # It takes about a second: the others are too quick to be caught at them for sure.
            next(item for item in items if item["id"] == "poison").update(width=128, height=96, frames=17)
            job |= {"schema": 1, "name": "bad", "output": {"path": "run"},
                    "requests": {"defaults": {"width": 64, "height": 48, "frames": 5, "seed": 3}, "items": items}}
            (folder / "job.yaml").write_text(json.dumps(job))
            run = folder / "run"

            poison = Poison(run, "poison", signal.SIGSEGV)
            done = subprocess.run(
                [ditmill.DITMILL, "run", folder / "job.yaml", "--np", "2", "--max-crashes", "5",
                 "--skip-memory-check", "--threads", "1"],
                env=ditmill.ENVIRONMENT, capture_output=True, text=True, timeout=240, check=False)
            poison.stop()

            self.assertEqual(done.returncode, 2, done.stderr)
            listed = {item["id"]: item for item in json.loads(ditmill.ditmill("results", "ls", run, "--json").stdout)}
            states = {name: item["state"] for name, item in listed.items()}
            self.assertEqual(states, {f"good-{i}": "done" for i in range(len(GOOD))} |
                             {"nan": "failed", "raises": "failed", "large": "failed", "poison": "quarantined"},
                             done.stderr)
            classes = {name: listed[name]["reason"].split(":")[0] for name in ("nan", "raises", "large")}
            self.assertEqual(classes, {"nan": "numeric", "raises": "bad_input", "large": "memory"}, listed)
            self.assertIn("SIGSEGV", listed["poison"]["reason"])
            self.assertEqual(ditmill.outcome(run) | {"epoch": 0, "reason": ""},
                             {"exit": 2, "done": 6, "failed": 3, "quarantined": 1, "left": 0, "epoch": 0, "reason": ""})
            status = json.loads(ditmill.ditmill("status", run, "--json").stdout)
            self.assertEqual({error["item"] for error in status["errors"]} & set(BAD), set(BAD))


if __name__ == "__main__":
    unittest.main()
