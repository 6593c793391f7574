"""A `ditmill run` that is under way, for tests that attack its ranks."""

import pathlib
import subprocess
import time

import ditmill
from ranks import ranks_of

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

    def pids(self):
        """Pids by rank, once all are at work on items."""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            working = {rank.rank: rank.pid for rank in ranks_of(self.run, but=self.left) if rank.denoises()}
            if len(working) == max(self.ranks, 1):
                return working
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
