"""The tiny Wan model as a job's model."""

import json
import pathlib
import sys

import ditmill

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "reference"))
import tiny_wan


def manifest(folder, seed, spoil=None):
    """Makes the model in a folder, and what a Job's manifest says of it. `spoil` changes the model once it is made."""
    folder = pathlib.Path(folder).resolve()
    shape = tiny_wan.Shape()
    tiny_wan.make(folder / "model", seed, shape)
    if spoil:
        spoil(folder)
    catalog = ditmill.ditmill("registry", "template", folder / "model", "--name", "tiny").stdout
    (folder / "catalog.yaml").write_text(catalog)
    return {
        "model": {"path": str(folder / "model"), "catalog": str(folder / "catalog.yaml")},
        "pipeline": {"solver": "unipc", "steps": 2, "guidance_scale": 5.0, "flow_shift": 3.0, "dtype": "float32",
                     "components": {"text_encoder": {"offload": "stages"}}},
    }
