"""The peer of `ditmill bench step --peer diffusers`: answers "forward" on standard input with one line of JSON.

python bench_peer.py FOLDER: FOLDER holds request.json, weights.safetensors and inputs.safetensors; the flow of the
first pass goes to FOLDER/flow.f32, as float32.
"""

import json
import os
import pathlib
import sys
import time

# Lines of JSON go to the pipe; what libraries print must not come between them.
ANSWERS = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


def answer(**fields):
    print(json.dumps(fields), file=ANSWERS, flush=True)


def load(folder, request):
    import diffusers
    import torch
    from safetensors.torch import load_file

    torch.set_num_threads(request["threads"])
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    device = request["device"]
    config = {name: value for name, value in request["config"].items() if name != "_class_name"}
    model = getattr(diffusers, request["config"]["_class_name"])(**config)
    # Copies lie where allocators put them, as after any load; a file's bytes lie anywhere.
    weights = {name: tensor.to(device, copy=True) for name, tensor in load_file(folder / "weights.safetensors").items()}
    model.load_state_dict(weights, strict=True, assign=True)
    model.to(device).eval()
    inputs = {name: tensor.to(device) for name, tensor in load_file(folder / "inputs.safetensors").items()}

    @torch.inference_mode()
    def forward():
        start = time.perf_counter()
        flow = model(inputs["latents"], inputs["timestep"], inputs["text"], return_dict=False)[0]
        if device != "cpu":
            torch.cuda.synchronize()
        return flow, time.perf_counter() - start

    return forward, {"diffusers": diffusers.__version__, "torch": torch.__version__}


def main():
    folder = pathlib.Path(sys.argv[1])
    try:
        forward, versions = load(folder, json.loads((folder / "request.json").read_text()))
        flow, _ = forward()
        (folder / "flow.f32").write_bytes(flow.float().cpu().contiguous().numpy().tobytes())
    except ImportError as error:
        answer(missing=str(error))
        return
    except Exception as error:
        answer(failure=f"{type(error).__name__}: {error}")
        return
    answer(versions=versions)
    for line in sys.stdin:
        if line.strip() == "forward":
            answer(seconds=forward()[1])


main()
