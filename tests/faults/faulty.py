"""Jobs that are killed, and what must hold of their run directories whatever happened to them."""

import hashlib
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import threading
import time

import h5py
import numpy

import ditmill

HERE = pathlib.Path(__file__).resolve().parent
SHIM = os.environ.get("DITMILL_FAULT_SHIM", str(ditmill.BUILD / "tests" / "libditmill_fault_shim.so"))
LONG = os.environ.get("DITMILL_TEST_LONG", "0") != "0"  # every case, not a sample
LONGEST = 240  # seconds, of a start
RETRY = ["--retry", "quarantined"]


def fresh_seed():
    seed = int(os.environ.get("DITMILL_TEST_SEED", random.SystemRandom().randrange(1 << 31)))
    print(f"DITMILL_TEST_SEED={seed}", flush=True)
    return seed


def points():
    """The points of README.md by name, each with the words for when a run comes by it."""
    found = {}
    for line in (HERE / "README.md").read_text(encoding="utf-8").splitlines():
        row = re.fullmatch(r"\| (\w+) \| (.*) \|", line)
        if row and row[1] != "when":
            for point in re.findall(r"`([a-z-]+\.[a-z]+)`", row[2]):
                found.setdefault(point, set()).add(row[1])
    return found


def crc32c(data, table=[]):
    if not table:
        for byte in range(256):
            for _ in range(8):
                byte = byte >> 1 ^ (0x82f63b78 if byte & 1 else 0)
            table.append(byte)
    crc = 0xffffffff
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xff]
    return crc ^ 0xffffffff


def whole_lines(data):
    """Records of a journal's bytes, as FORMAT.md says that they are read; fails on damage that no kill leaves."""
    records = []
    for line in data.split(b"\n")[:-1]:
        body, crc = line.rsplit(b',"crc":"', 1)
        assert f'{crc32c(body):08x}"}}'.encode() == crc, f"a damaged line: {line}"
        records.append(json.loads(line))
    return records


class Ledger:
    """What the journals of a run directory have ever acknowledged: none of it may go or change."""

    def __init__(self, contents, haunted=False):
        self.contents = contents  # of an undisturbed run, by key
        self.haunted = haunted
        self.journals = {}  # bytes by file
        self.done = {}  # the first done by key
        self.parts = {}  # SHA-256 by name

    def check(self, run):
        """To be called while nothing writes. Returns how many items are acknowledged.

        `haunted`: a writer that was taken over may have left a line whose part the new owner had removed."""
        for path in sorted((run / "journal").glob("*.jsonl")):
            before, now = self.journals.get(path.name, b""), path.read_bytes()
            assert now.startswith(before), f"{path} has changed"
            self.journals[path.name] = now
        assert set(self.journals) == {path.name for path in (run / "journal").glob("*.jsonl")}, "a journal is gone"
        records = [(name[:5], record) for name, data in sorted(self.journals.items()) for record in whole_lines(data)]
        done = {}
        for _, record in sorted(records, key=lambda each: (each[0], each[1]["time"])):
            if record["event"] == "done" and ((run / record["part"]).exists() or not self.haunted):
                assert record["key"] not in done, f"{record['item']} is done twice: {record}"
                done[record["key"]] = record
        for key, record in self.done.items():
            assert done.get(key) == record, f"acknowledged and lost: {record}; now {done.get(key)}"
        self.done = done
        for record in done.values():
            assert record["content"] == self.contents[record["key"]], f"other content: {record}"
            self.check_part(run, record)
        return len(done)

    def check_part(self, run, record):
        part = run / record["part"]
        assert part.exists(), f"acknowledged, but its part is gone: {record}"
        data = part.read_bytes()
        assert len(data) == record["bytes"], f"{part} has {len(data)} bytes: {record}"
        digest = hashlib.sha256(data).hexdigest()
        assert self.parts.setdefault(record["part"], digest) == digest, f"{part} has changed"


class Ended:
    """How a start ended."""

    def __init__(self, code, errors, points_met, fired):
        self.code = code
        self.errors = errors
        self.points_met = points_met  # (rank, point), in order
        self.fired = fired  # of these, where a fault was injected

    def __repr__(self):
        return f"exit {self.code}, faults {self.fired}, stderr:\n{self.errors}"


class Job:
    """A manifest with its run directory `run`, both in a folder of their own."""

    def __init__(self, folder, items=10, seconds=0.01, **manifest):
        self.folder = pathlib.Path(folder).resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.run = self.folder / "run"
        self.manifest = self.folder / "job.yaml"
        lines = [{"id": f"item-{i}", "prompt": f"prompt {i % 7}", "seed": 100 + i} for i in range(items)]
        (self.folder / "list.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        self.manifest.write_text(json.dumps({
            "schema": 1, "name": "job", "model": {"noop": seconds},
            "requests": {"defaults": {"width": 16, "height": 16, "frames": 1}, "file": "list.jsonl"},
            "output": {"path": "run", "items_per_part": 2}, **manifest}))
        self.items = items
        self.starts = 0
        self.kills = 0

    def start(self, ranks=0, faults="", rank=None, seed=0, options=()):
        """Begins a start; `faults` in the shim's words, for one rank or for all."""
        self.starts += 1
        self.errors = self.folder / f"stderr-{self.starts}"
        self.log = self.folder / f"points-{self.starts}"
        environment = dict(ditmill.ENVIRONMENT, OMP_NUM_THREADS="1", LD_PRELOAD=SHIM, DITMILL_FAULT=faults,
                           DITMILL_FAULT_ROOT=str(self.run), DITMILL_FAULT_LOG=str(self.log),
                           DITMILL_FAULT_SEED=str(seed))
        # Open MPI's own files: starts side by side would take each other's folder away.
        environment["OMPI_MCA_orte_tmpdir_base"] = str(self.folder)
        if ranks == 0:
            environment["OMPI_MCA_ess_singleton_isolated"] = "1"  # saves a daemon a start
        if rank is not None:
            environment["DITMILL_FAULT_RANK"] = str(rank)
        with open(self.errors, "w", encoding="utf-8") as errors:
            return subprocess.Popen(
                ditmill.command(["run", self.manifest, "--run-dir", self.run, "--threads", "1", *RETRY, *options], ranks),
                env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors,
                start_new_session=True)

    def end(self, process, alone=True):
        """Waits for the end of a start, and of all its ranks if it is `alone` with the run directory."""
        errors, log = self.errors, self.log
        try:
            process.wait(LONGEST)
        except subprocess.TimeoutExpired:
            self.kill_ranks()
            process.kill()
            process.wait()
            raise AssertionError(f"the job still ran after {LONGEST} s:\n{errors.read_text()}") from None
        if alone and not self.gone():
            self.kill_ranks()
            assert self.gone(), "ranks outlive their kill"
        met, fired = [], []
        for line in log.read_text().splitlines() if log.exists() else []:
            words = line.split()
            (met if len(words) == 2 else fired).append((int(words[0]), words[1]))
        return Ended(process.returncode, errors.read_text(errors="replace"), met, fired)

    def __call__(self, *arguments, **options):
        return self.end(self.start(*arguments, **options))

    def pids(self):
        """Of all processes that run this job."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and str(self.run).encode() in (entry / "cmdline").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except (FileNotFoundError, ProcessLookupError):
                continue
        return found

    def kill_ranks(self):
        for pid in self.pids():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue

    def gone(self, within=10):
        deadline = time.monotonic() + within
        while self.pids():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def newest_epoch(self):
        return max((self.run / "epochs").glob("[0-9]*.json"), default=None)

    def let_time_pass(self):
        """An owner that a kill left nameless is waited for, for 30 s: they are over."""
        newest = self.newest_epoch()
        if newest is not None and not newest.read_text().endswith("}\n"):
            os.utime(newest, (1, 1))  # 0 says that the owner has released it

    def owner_is_elsewhere(self):
        """The newest owner was on a machine that this one cannot see, and its heartbeat is stale."""
        newest = self.newest_epoch()
        if newest is not None:
            newest.write_text('{"host":"elsewhere"}\n')
            os.utime(newest, (1, 1))  # 0 says that the owner has released it

    def check_end(self, ended, ledger, frames):
        """All done, once, with the bytes of the undisturbed run, and nothing else left."""
        assert ended.code == 0, ended
        assert ledger.check(self.run) == self.items
        expected = {"exit": 0, "done": self.items, "failed": 0, "quarantined": 0, "left": 0,
                    "reason": "all items done", "epoch": int(self.newest_epoch().stem)}
        assert ditmill.outcome(self.run).items() >= expected.items(), ditmill.outcome(self.run)
        with h5py.File(self.run / "results.h5") as results:
            for name in ("missing_parts", "failed_items", "left_items"):
                assert len(results.attrs[name]) == 0, name
            assert set(results["items"]) == set(frames)
            for name, pixels in frames.items():
                assert numpy.array_equal(results["items"][name]["frames"][...], pixels), name
        files = {str(path.relative_to(self.run)) for path in self.run.rglob("*") if path.is_file()}
        assert not [name for name in files if name.endswith(".tmp")], files
        assert not [name for name in files if name.startswith(("status/", "spool/"))], files
        parts = {name for name in files if name.startswith("parts/")}
        assert parts == {record["part"] for record in ledger.done.values()}, parts


class Reference:
    """An undisturbed run, and jobs that must come to the same."""

    def __init__(self, folder, **job):
        self.folder = pathlib.Path(folder)
        self.job = job
        self.made = 0
        self.lock = threading.Lock()
        calm = Job(self.folder / "calm", **job)
        self.calm = calm()
        assert self.calm.code == 0, self.calm
        done = [record for record in ditmill.journal(calm.run) if record["event"] == "done"]
        self.contents = {record["key"]: record["content"] for record in done}
        assert len(self.contents) == calm.items
        self.frames = ditmill.frames(calm.run)

    def new(self, haunted=False):
        """Another job of the same items, and its ledger."""
        with self.lock:
            self.made += 1
            name = f"storm-{self.made}"
        return Job(self.folder / name, **self.job), Ledger(self.contents, haunted)
