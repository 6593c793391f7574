"""What others do to bring weights to all ranks, for `ditmill bench load --peers`: one of these runs beside each rank.

Reads lines of JSON on standard input and answers each with one. The first: {"rank", "world", "files", "threads"},
answered by {"peers": {name: null or why not}, "versions"}; then {"meet": {"host", "port"}}, where rank 0's port null
asks it to choose one, and {"join": true}; then {"load": name}, answered by what that took, when every page of all tensors was touched;
then {"drop": name}. Tensors stay in the dtype of the files.
"""

import ctypes
import datetime
import gc
import importlib
import json
import os
import resource
import sys

# Lines of JSON go to the pipe; what libraries print must not come between them.
ANSWERS = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
PAGE = 4096


def fastvideo(job):
    """Every rank maps every file, drains it into a dictionary, then moves each tensor to its device."""
    from safetensors import safe_open

    tensors = {}
    for path in job["files"]:
        with safe_open(path, framework="pt", device="cpu") as file:
            for name in file.keys():
                tensors[name] = file.get_tensor(name)
    return {name: tensor.to("cpu") for name, tensor in tensors.items()}


def fastvideo_broadcast(job):
    """Rank 0 reads, and gives each tensor to all by a broadcast of its own."""
    import torch
    import torch.distributed as dist
    from safetensors import safe_open
    from safetensors.torch import _TYPES

    tensors = {}
    for path in job["files"]:
        with safe_open(path, framework="pt", device="cpu") as file:
            for name in file.keys():
                if job["rank"] == 0:
                    tensor = file.get_tensor(name)
                else:
                    part = file.get_slice(name)
                    tensor = torch.empty(part.get_shape(), dtype=_TYPES[part.get_dtype()])
                if job["world"] > 1:
                    dist.broadcast(tensor.view(torch.uint8) if tensor.dim() else tensor, src=0)
                tensors[name] = tensor
    return tensors


def fastsafetensors(job):
    """Files go round the ranks that read them; each tensor is broadcast by its reader."""
    import torch.distributed as dist
    from fastsafetensors import SafeTensorsFileLoader

    group = dist.group.WORLD if job["world"] > 1 else None
    loader = SafeTensorsFileLoader(group, device="cpu", nogds=True)
    readers = {}
    for at, path in enumerate(job["files"]):
        readers.setdefault(at % job["world"], []).append(path)
    loader.add_filenames(readers)
    buffers = loader.copy_files_to_device()
    job["close"] = [buffers, loader]  # its tensors live as long
    return {name: buffers.get_tensor(name) for name in loader.get_keys()}


def runai(job):
    """Every rank reads every file, by threads of its own."""
    from runai_model_streamer import SafetensorsStreamer

    with SafetensorsStreamer() as streamer:
        streamer.stream_files(job["files"])
        return dict(streamer.get_tensors())


def safetensors(job):
    """load_file on every rank, copied into memory of its own, as load_state_dict does."""
    from safetensors.torch import load_file

    return {name: tensor.clone() for path in job["files"] for name, tensor in load_file(path).items()}


# A peer, what it needs and the packages that have it, and which ranks read: each all, or one a file.
PEERS = {
    "fastvideo": (fastvideo, ["safetensors"], "safetensors", "each"),
    "fastvideo-broadcast": (fastvideo_broadcast, ["safetensors"], "safetensors", "one"),
    "fastsafetensors": (fastsafetensors, ["fastsafetensors"], "fastsafetensors==0.5.0", "one"),
    "runai": (runai, ["runai_model_streamer"], "runai-model-streamer==0.17.1 humanize", "each"),
    "safetensors": (safetensors, ["safetensors"], "safetensors", "each"),
}


def why_not(modules, packages):
    try:
        for module in ["torch", *modules]:
            importlib.import_module(module)
    except Exception as error:  # a library that does not load raises anything
        return f"{error}: {sys.executable} -m pip install {packages}"
    return None


def meet(job, where):
    """Makes the ranks' process group."""
    import torch.distributed as dist

    leads = job["rank"] == 0
    wait = datetime.timedelta(seconds=300)
    if leads:
        job["store"] = dist.TCPStore(where["host"], 0, job["world"], is_master=True, wait_for_workers=False, timeout=wait)
        return {"port": job["store"].port}
    job["store"] = dist.TCPStore(where["host"], where["port"], job["world"], is_master=False, timeout=wait)
    return {}


def join(job):
    import torch.distributed as dist

    dist.init_process_group("gloo", store=job["store"], rank=job["rank"], world_size=job["world"],
                            timeout=datetime.timedelta(seconds=300))
    return {}


def private_dirty():
    with open("/proc/self/smaps_rollup") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("Private_Dirty:"))


def faults():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_minflt + usage.ru_majflt


def touch(tensors):
    import torch

    for tensor in tensors.values():
        if tensor.numel():
            tensor.reshape(-1).view(torch.uint8)[::PAGE].sum().item()


def load(job, name):
    dirty, before = private_dirty(), faults()
    job["tensors"] = PEERS[name][0](job)
    touch(job["tensors"])
    held = sum(tensor.nbytes for tensor in job["tensors"].values())
    one = PEERS[name][3] == "one"
    files = job["files"]
    own = files[job["rank"]::job["world"]] if name == "fastsafetensors" else files if job["rank"] == 0 or not one else []
    read = sum(map(os.path.getsize, own))
    got = max(held - read, 0) if one and job["world"] > 1 else 0
    return {"held_bytes": held, "private_bytes": max(private_dirty() - dirty, 0), "read_bytes": read,
            "network_bytes": got, "page_faults": faults() - before}


def drop(job):
    job.pop("tensors", None)
    for each in job.pop("close", []):
        each.close()
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    return {}


def begin(job):
    peers = {name: why_not(modules, packages) for name, (_, modules, packages, _) in PEERS.items()}
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(job["threads"])
    versions = {name: getattr(sys.modules[name], "__version__", "") for name in ("torch", "safetensors", "fastsafetensors")
                if name in sys.modules}
    return {"peers": peers, "readers": {name: peer[3] for name, peer in PEERS.items()}, "versions": versions}


def main():
    job = {}
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            if "files" in asked:
                job = asked
                done = begin(job)
            elif "meet" in asked:
                done = meet(job, asked["meet"])
            elif "join" in asked:
                done = join(job)
            elif "load" in asked:
                done = load(job, asked["load"])
            else:
                done = drop(job)
        except Exception as error:  # whatever a library raises is told to the rank
            done = {"failure": f"{type(error).__name__}: {error}"}
        print(json.dumps(done), file=ANSWERS, flush=True)


main()
