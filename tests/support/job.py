"""A `ditmill run` that is under way, for tests that attack its ranks."""

import os
import pathlib
import signal
import struct
import subprocess
import time

import ditmill

WITHIN = 15  # seconds, from the blow to the end of the job


class Job:
    """A manifest that mpirun runs; its run directory is `run` in the manifest's folder, or the one given."""

    def __init__(self, manifest, ranks, options=(), run=None):
        self.manifest = pathlib.Path(manifest)
        self.run = pathlib.Path(run or self.manifest.parent / "run")
        self.ranks = ranks
        self.process = subprocess.Popen(
            ditmill.command(["run", self.manifest, "--run-dir", self.run, *options], ranks), env=ditmill.ENVIRONMENT,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            start_new_session=True)

    def pids(self):
        """Pids by rank, once all are at work on items."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            records = [p.read_bytes() for p in self.run.glob("status/*/*")]
            working = [r for r in records if b"denoising item" in r]
            if len(working) == max(self.ranks, 1):
                return dict(struct.unpack_from("<ii", r, 8) for r in working)
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        os.killpg(self.process.pid, signal.SIGKILL)
        raise AssertionError("the job never came to its items:\n" + self.process.communicate()[1])

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
