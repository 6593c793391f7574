"""Runs ditmill as its users do, for tests in Python."""

import concurrent.futures
import json
import os
import pathlib
import signal
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("DITMILL_BUILD", ROOT / "build"))
DITMILL = str(BUILD / "ditmill")

# Open MPI as root, with more ranks than cores.
ENVIRONMENT = dict(
    os.environ,
    OMPI_ALLOW_RUN_AS_ROOT="1",
    OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
    OMPI_MCA_rmaps_base_oversubscribe="1",
    OMPI_MCA_hwloc_base_binding_policy="none",
    OMPI_MCA_mpi_yield_when_idle="1",
)


def command(arguments, ranks=0):
    """The command line; ranks 0: without a launcher."""
    launcher = ["mpirun", "-n", str(ranks)] if ranks else []
    device = os.environ.get("DITMILL_TEST_DEVICE")  # ./setup test --gpu
    more = ["--device", device] if device and arguments[0] == "run" else []
    return launcher + [DITMILL] + [str(argument) for argument in arguments] + more


def ditmill(*arguments, ranks=0, code=0, timeout=240, **more):
    """Runs ditmill to its end and insists on its exit code. Returns the completed process, with text."""
    done = subprocess.run(command(arguments, ranks), env=ENVIRONMENT, capture_output=True, text=True,
                          timeout=timeout, stdin=subprocess.DEVNULL, check=False, **more)
    if code is not None and done.returncode != code:
        raise AssertionError(f"exit {done.returncode}, expected {code}: {' '.join(done.args)}\n"
                             f"stdout:\n{done.stdout}\nstderr:\n{done.stderr}")
    return done


def side_by_side(test, cases, check, at_once=4):
    """check(case) of each in a subtest, some at a time: for what mostly waits, as for the end of an mpirun."""
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        ends = [(case, pool.submit(check, case)) for case in cases]
    for case, end in ends:
        with test.subTest(case=case):
            end.result()


def start(*arguments, ranks=0):
    """Starts ditmill in a process group of its own, so that all of it can be killed."""
    return subprocess.Popen(command(arguments, ranks), env=ENVIRONMENT, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)


def kill_all(process, folder):
    """Kills what start() began with SIGKILL, and its ranks, which mpirun puts into groups of their own: every
    process whose command line names the folder."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and str(folder).encode() in (entry / "cmdline").read_bytes():
                os.kill(int(entry.name), signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError):
            continue


def outcome(run_directory):
    return json.loads((pathlib.Path(run_directory) / "outcome.json").read_text())


def journal(run_directory):
    """All records of all journals of a run, oldest epoch first."""
    records = []
    for path in sorted((pathlib.Path(run_directory) / "journal").glob("*.jsonl")):
        records += [json.loads(line) for line in path.read_text().splitlines()]
    return records


def frames(run_directory):
    """Frames of every item, by id, read through results.h5."""
    import h5py  # only the tests that read results pay for it

    with h5py.File(pathlib.Path(run_directory) / "results.h5", "r") as results:
        return {name: results["items"][name]["frames"][...] for name in results.get("items", {})}
