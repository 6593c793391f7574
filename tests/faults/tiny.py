"""The tiny Wan model as a job's model."""

import pathlib

import ditmill


def synthesise(folder, seed):
    """A model of `weights synth`: in a tenth of a second, where torch alone takes two to import."""
    ditmill.ditmill("weights", "synth", "--like", "wan2.1-t2v-1.3b", "--scale", "tiny", "--seed", seed, folder)


def manifest(folder, seed, make=synthesise):
    """Makes the model in a folder, and what a Job's manifest says of it."""
    folder = pathlib.Path(folder).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    make(folder / "model", seed)
    catalog = ditmill.ditmill("registry", "template", folder / "model", "--name", "tiny").stdout
    (folder / "catalog.yaml").write_text(catalog)
    return {
        "model": {"path": str(folder / "model"), "catalog": str(folder / "catalog.yaml")},
        "pipeline": {"solver": "unipc", "steps": 2, "guidance_scale": 5.0, "flow_shift": 3.0, "dtype": "float32",
                     "components": {"text_encoder": {"offload": "stages"}}},
    }
