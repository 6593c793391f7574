"""A `ditmill run` that is under way, for tests that attack its ranks."""

import pathlib
import struct
import subprocess
import time

import ditmill

# Seconds, from the blow to the end of the job: a few, but for a machine on which everything is slow. Less than the half
# minute after which a rank that nobody ends gives up by itself.
WITHIN = 28


class Job:
    """A manifest that mpirun runs; its run directory is `run` in the manifest's folder, or the one given."""

    def __init__(self, manifest, ranks, options=(), run=None):
        self.manifest = pathlib.Path(manifest)
        self.run = pathlib.Path(run or self.manifest.parent / "run")
        self.ranks = ranks
        self.left = set(self.run.glob("status/*"))  # by earlier starts that were killed
        self.process = subprocess.Popen(
            ditmill.command(["run", self.manifest, "--run-dir", self.run, *options], ranks), env=ditmill.environment(),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            start_new_session=True)

    def records(self):
        """What its ranks say in their status files: bytes, as dist/liveness/rank_state.cpp lays them out."""
        found = []
        for path in self.run.glob("status/*/*"):
            try:
                found += [path.read_bytes()] if path.parent not in self.left else []
            except FileNotFoundError:  # its rank has just ended
                continue
        return found

    def pids(self):
        """Pids by rank, once all are at work on items."""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            working = [record for record in self.records() if b"denoising item" in record]
            if len(working) == max(self.ranks, 1):
                return dict(struct.unpack_from("<ii", record, 8) for record in working)
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        _, errors = ditmill.kill_all(self.process, self.run)
        raise AssertionError(f"the job never came to its items:\n{errors}")

    def end(self, within=WITHIN):
        """Its exit code and our lines of stderr; fails if it takes longer."""
        start = time.monotonic()
        try:
            _, errors = self.process.communicate(timeout=within)
        except subprocess.TimeoutExpired:
            ditmill.kill_all(self.process, self.run)
            raise AssertionError(f"the job still runs after {within} s") from None
        print(f"ended after {time.monotonic() - start:.1f} s")
        return self.process.returncode, [line for line in errors.splitlines() if line.startswith("ditmill: ")]
