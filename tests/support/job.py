"""A `ditmill run` that is under way, for tests that attack its ranks."""

import pathlib
import subprocess
import tempfile

import ditmill
from ranks import ranks_of
from waiting import PATIENCE, until


class Job:
    """A manifest that mpirun runs; its run directory is `run` in the manifest's folder, or the one given."""

    def __init__(self, manifest, ranks, options=(), run=None, held=None, environment=None):
        self.manifest = pathlib.Path(manifest)
        self.run = pathlib.Path(run or self.manifest.parent / "run")
        self.ranks = ranks
        self.held = held  # HeldItems
        self.left = set(self.run.glob("status/*"))  # by earlier starts that were killed
        self.errors = tempfile.NamedTemporaryFile(prefix="ditmill-stderr-")  # gone with this object
        environment = {**ditmill.environment(), **(held.environment if held else {}), **(environment or {})}
        with open(self.errors.name, "a", encoding="utf-8") as errors:
            self.process = subprocess.Popen(
                ditmill.command(["run", self.manifest, "--run-dir", self.run, *options], ranks), env=environment,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors, start_new_session=True)

    def said(self):
        """On stderr, so far."""
        return pathlib.Path(self.errors.name).read_text(encoding="utf-8", errors="replace")

    def until(self, happened, what):
        """Waits for something that the job does; fails, and kills it, if it ends or never does."""
        try:
            return until(happened, what,
                         lambda: self.process.poll() is not None and f"the job has ended:\n{self.said()}")
        except AssertionError:
            ditmill.kill_all(self.process, self.run)
            raise

    def pids(self, items=("",)):
        """Pids by rank, once all are at work on items, or on some of these."""
        def working():
            found = {rank.rank: rank.pid for rank in ranks_of(self.run, but=self.left)
                     if any(rank.denoises(item) for item in items)}
            return len(found) == max(self.ranks, 1) and found

        return self.until(working, "all ranks at work on items")

    def end(self):
        """Its exit code and our lines of stderr."""
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            ditmill.kill_all(self.process, self.run)
            raise AssertionError(f"the job still runs after {PATIENCE} s:\n{self.said()}") from None
        return self.process.returncode, [line for line in self.said().splitlines() if line.startswith("ditmill: ")]
