"""Asks the C++ readers what they say of the headers of files."""

import json
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("DITMILL_BUILD", ROOT / "build"))
PROBE = BUILD / "tests" / "header_probe"

# What a header may take: 8 times its bytes, and a little for any.
SPARE = 64 * 1024


def probe(*paths):
    """A dictionary for each file: tensors, header_bytes and more, or `error`; `peak` is the memory that it took."""
    done = subprocess.run([PROBE, *paths], capture_output=True, text=True, timeout=250, check=False)
    if done.returncode != 0:
        raise AssertionError(f"the probe ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()]
