"""Lets ditmill draw the held-out scenes and prints the share of clips with all attributes right, and each attribute's."""

import argparse
import json
import pathlib
import sys
import tempfile

import judge
import scenes

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
import ditmill  # noqa: E402


def score(model: pathlib.Path, folder: pathlib.Path, count: int, ranks: int, pipeline: dict) -> dict[str, float]:
    """Draws in `folder` with the manifest's pipeline settings; each prompt in another of its wordings."""
    told = scenes.held_out_scenes(count)
    wordings = [scenes.prompts(scene) for scene in told]
    lines = [{"id": f"s{at:03}", "prompt": words[37 * at % len(words)], "seed": at} for at, words in enumerate(wordings)]
    (folder / "prompts.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "job.yaml").write_text(json.dumps({
        "schema": 1, "name": "score", "model": {"path": str(model), "catalog": str(model / "catalog.yaml")},
        "pipeline": pipeline,
        "requests": {"defaults": {"negative_prompt": scenes.NEGATIVE_PROMPT, "width": scenes.SIZE, "height": scenes.SIZE,
                                  "frames": scenes.FRAMES, "fps": scenes.FPS}, "file": "prompts.jsonl"},
        "output": {"path": "run", "frames": True}}))
    ditmill.ditmill("run", folder / "job.yaml", ranks=ranks, timeout=7200)
    clips = ditmill.frames(folder / "run")
    rights = [judge.right(scene, judge.judge(clips[line["id"]])) for scene, line in zip(told, lines)]
    shares = {name: sum(each[name] for each in rights) / len(rights) for name in judge.ATTRIBUTES}
    return {"all": sum(all(each.values()) for each in rights) / len(rights), **shares}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--solver", default="unipc")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--guidance", type=float, default=5.0)
    parser.add_argument("--dtype", default="float32")
    options = parser.parse_args()
    pipeline = {"solver": options.solver, "steps": options.steps, "guidance_scale": options.guidance, "flow_shift": 3.0,
                "dtype": options.dtype, "parallel": {"dp": "auto"}}
    with tempfile.TemporaryDirectory(prefix="ditmill-score-") as folder:
        shares = score(options.model.resolve(), pathlib.Path(folder), options.count, options.ranks, pipeline)
    print(", ".join(f"{name} {100 * share:.1f} %" for name, share in shares.items()))


if __name__ == "__main__":
    main()
