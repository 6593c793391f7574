"""Runs ditmill as its users do, for tests in Python."""

import concurrent.futures
import functools
import json
import os
import pathlib
import signal
import subprocess
import tempfile

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


@functools.cache
def _sessions():
    """A folder for those of Open MPI's launchers, gone when the test ends."""
    return tempfile.TemporaryDirectory(prefix="ditmill-mpi-", ignore_cleanup_errors=True)


def environment(arguments=()):
    """For one start: ENVIRONMENT, and a session folder of its own. Launchers side by side would make the one that they
    share at one moment, where one of them gives up, or take it away from each other. --np sees to it by itself."""
    if "--np" in map(str, arguments):
        return dict(ENVIRONMENT)
    return dict(ENVIRONMENT, OMPI_MCA_orte_tmpdir_base=tempfile.mkdtemp(dir=_sessions().name))


def ditmill(*arguments, ranks=0, code=0, timeout=240, **more):
    """Runs ditmill to its end and insists on its exit code. Returns the completed process, with text."""
    done = subprocess.run(command(arguments, ranks), env=environment(arguments), capture_output=True, text=True,
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
    return subprocess.Popen(command(arguments, ranks), env=environment(arguments), stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)


def kill_all(process, folder):
    """Kills what start() began with SIGKILL, and its ranks, which mpirun puts into groups of their own: every
    process whose command line names the folder. Returns what its pipes had."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:  # it has ended, and was waited for
        pass
    said = process.communicate()
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and str(folder).encode() in (entry / "cmdline").read_bytes():
                os.kill(int(entry.name), signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError):
            continue
    return said


def outcome(run_directory):
    return json.loads((pathlib.Path(run_directory) / "outcome.json").read_text())


def journal(run_directory):
    """All records of all journals of a run, oldest epoch first. A line without an end is none yet, or never will be:
    it is being written, or its writer was killed."""
    records = []
    for path in sorted((pathlib.Path(run_directory) / "journal").glob("*.jsonl")):
        records += [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]
    return records


def frames(run_directory):
    """Frames of every item, by id, read through results.h5."""
    import h5py  # only the tests that read results pay for it

    with h5py.File(pathlib.Path(run_directory) / "results.h5", "r") as results:
        return {name: results["items"][name]["frames"][...] for name in results.get("items", {})}
