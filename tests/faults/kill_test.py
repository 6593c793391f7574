"""Jobs are killed at every point of the store and at random instants, resumed with other rank counts, and must come to
exactly what an undisturbed run comes to.

    DITMILL_TEST_KILLS=N    how many kills (without it 24, or 1,000 with --long)
    DITMILL_TEST_SEED=N     the same choices again
"""

import concurrent.futures
import os
import pathlib
import random
import signal
import tempfile
import time
import unittest

import tiny
from faulty import LONG, Reference, fresh_seed, points

SEED = fresh_seed()
KILLS = int(os.environ.get("DITMILL_TEST_KILLS", 1000 if LONG else 24))
SIDE_BY_SIDE = 3
# Of all kills: by one process at a point, by one process at an instant, by several ranks at a point, at an instant;
# the rest with the tiny Wan model.
SHARES = {"points": 0.52, "instants": 0.16, "rank points": 0.1, "rank instants": 0.1, "weights": 0.12}


class Storm:
    """Kills one job after the other until there were enough."""

    def __init__(self, reference, kills, generator):
        self.reference = reference
        self.wanted = kills
        self.generator = generator
        self.kills = 0
        self.jobs = 0
        self.starts = 0
        self.at = {}  # kills by point

    def run(self):
        while self.kills < self.wanted:
            self.weather(*self.reference.new())
        return self

    def weather(self, job, ledger):
        """One job, killed a few times on its way."""
        self.jobs += 1
        blows = self.generator.randint(3, 9)
        acknowledged = 0
        try:
            for _ in range(blows):
                if self.kills >= self.wanted or acknowledged == job.items:
                    break
                acknowledged = self.strike(job, ledger)
            job.check_end(self.start(job, {}), ledger, self.reference.frames)
        except AssertionError as failure:
            raise AssertionError(f"{job.folder}, start {job.starts}, after {self.kills} kills: {failure}") from failure

    def strike(self, job, ledger):
        ended = self.start(job, self.blow(job))
        killed = ended.code != 0 and (ended.fired or ended.struck)
        assert killed or ended.code == 0, ended
        if killed:
            self.kills += 1
            for _, point in ended.fired:
                self.at[point] = self.at.get(point, 0) + 1
        job.let_time_pass()
        return ledger.check(job.run) if (job.run / "journal").exists() else 0

    def start(self, job, blow):
        self.starts += 1
        ranks = self.ranks()
        if callable(blow):
            process = job.start(ranks=ranks)
            struck = blow(job, process)
            ended = job.end(process)
            ended.struck = struck
        else:
            ended = job(ranks=ranks, **blow)
            ended.struck = False
        return ended

    def ranks(self):
        return 0

    def blow(self, job):
        raise NotImplementedError


class AtPoints(Storm):
    """One process, killed before, within and after a call."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.targets = []

    def blow(self, job):
        """The next of all pairs of a point and a moment, in random order. Where a start does not come by the point,
        it runs to its end, and the point's turn comes again in a later round."""
        if not self.targets:
            self.targets = [(point, words, action) for point, words in sorted(self.points().items())
                            for action in self.actions(point)]
            self.generator.shuffle(self.targets)
        fresh = not job.run.exists()
        for i, (point, words, _) in enumerate(self.targets):
            of_an_owner = point.startswith("clock")  # that it cannot see
            if (words == {"first"} and not fresh) or (of_an_owner and fresh):
                continue
            if of_an_owner:
                job.owner_is_elsewhere()
            return {"faults": self.fault(*self.targets.pop(i), fresh)}
        return {"faults": self.fault(*self.targets.pop(), fresh)}

    @staticmethod
    def actions(point):
        return ["kill-before", "kill-after"] + (["kill-torn"] if point.endswith(".write") else [])

    @staticmethod
    def points():
        return {point: words for point, words in points().items() if "weights" not in words}

    def fault(self, point, words, action, fresh):
        kind, call = point.split(".")
        # Some calls come many times in a start: any of them.
        often = {"journal": 6, "part": 3}.get(kind, 1)
        number = self.generator.randint(1, often)
        before = ""
        if words == {"failed"} or (point == "part.unlink" and self.generator.random() < 0.5) or (
                point == "requests.unlink" and fresh):
            # A write that fails is cleaned up after, and that is where the kill comes.
            number = 1
            before = "journal.write:2:ENOSPC," if call == "truncate" else f"{kind}.rename:1:EIO,"
        return f"{before}{point}:{number}:{action}"


class AtOne(AtPoints):
    """At one point, until it was met; also after another kill, for it may be a start that takes over that meets it."""

    def __init__(self, reference, generator, point):
        super().__init__(reference, float("inf"), generator)
        self.point = point

    def run(self):
        while self.point not in self.at and self.jobs < 20:
            self.weather(*self.reference.new())
        return self

    def points(self):
        return {self.point: points()[self.point]}

    def blow(self, job):
        if not job.run.exists() and self.generator.random() < 0.5:
            return {"faults": "journal.write:2:kill-after"}
        return super().blow(job)


class AtInstants(Storm):
    """One process, killed from outside."""

    def blow(self, job):
        wait = self.generator.uniform(0, 0.9)

        def strike(job, process):
            time.sleep(wait)
            if process.poll() is not None:
                return False
            process.kill()
            return True

        return strike


class RanksAtPoints(AtPoints):
    """Several ranks, of which one is killed at a point: rank 0, or another group's first."""

    def ranks(self):
        self.size = self.generator.choice((1, 2, 2, 3, 3, 4, 4, 6, 8))
        return self.size

    def blow(self, job):
        blow = super().blow(job)
        # The size is drawn when the start is made: rank 1 may then not be there, and the start runs to its end.
        point = blow["faults"].split(":")[0]
        of_groups = point.startswith(("part", "journal", "status")) and not point.endswith("-folder.mkdir")
        blow["rank"] = self.generator.choice((0, 1, 2)) if of_groups else 0
        return blow


class RanksAtInstants(Storm):
    """Several ranks: one of them, all of them or mpirun is killed from outside, or one is stopped before."""

    def ranks(self):
        return self.generator.choice((1, 2, 2, 3, 3, 4, 4, 6, 8))

    def blow(self, job):
        generator = self.generator

        def strike(job, process):
            deadline = time.monotonic() + generator.uniform(0.2, 2.5)
            how = generator.choice(("one rank", "one rank", "all", "mpirun", "stop"))
            while time.monotonic() < deadline and process.poll() is None:
                time.sleep(0.02)
            ranks = [pid for pid in job.pids() if pid != process.pid]
            if process.poll() is not None or not ranks:
                if process.poll() is None:
                    process.kill()
                    return True
                return False
            if how == "mpirun":
                process.kill()
            elif how == "all":
                job.kill_ranks()
            else:
                victim = generator.choice(ranks)
                try:
                    if how == "stop":
                        os.kill(victim, signal.SIGSTOP)
                        time.sleep(generator.uniform(0.05, 0.5))
                    os.kill(victim, signal.SIGKILL)
                except ProcessLookupError:
                    return False
            return True

        return strike


class WithWeights(AtPoints):
    """The tiny Wan model, by one process and by two."""

    @staticmethod
    def points():
        return points()

    def ranks(self):
        return self.generator.choice((0, 0, 0, 2))


class Kills(unittest.TestCase):
    def test_a_killed_job_comes_to_what_an_undisturbed_one_does(self):
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="ditmill-kills-") as folder:
            folder = pathlib.Path(folder)
            noop = Reference(folder / "noop", items=10, seconds=0.01)
            wide = Reference(folder / "wide", items=40, seconds=0.04)
            weights = Reference(folder / "weights", items=5, **tiny.manifest(folder / "model", SEED))
            kinds = {"points": (AtPoints, noop), "instants": (AtInstants, noop), "rank points": (RanksAtPoints, wide),
                     "rank instants": (RanksAtInstants, wide), "weights": (WithWeights, weights)}
            storms = []
            with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
                for name, (kind, reference) in kinds.items():
                    kills = int(KILLS * SHARES[name]) + 1
                    streams = max(1, kills // 20)  # so that none is left to run alone at the end
                    for stream in range(streams):
                        generator = random.Random(f"{SEED} {name} {stream}")
                        storms.append((name, pool.submit(kind(reference, -(-kills // streams), generator).run)))
                ended = [(name, storm.result()) for name, storm in storms]
                if KILLS >= 1000:
                    missed = set(points()).difference(*(storm.at for _, storm in ended))
                    generator = random.Random(f"{SEED} missed")
                    ended += [("missed", AtOne(weights if points()[point] == {"weights"} else noop, generator, point).run())
                              for point in sorted(missed)]
        at = {}
        for name in (*kinds, "missed"):
            of_kind = [storm for each, storm in ended if each == name]
            print(f"{name}: {sum(s.kills for s in of_kind)} kills of {sum(s.starts for s in of_kind)} starts of "
                  f"{sum(s.jobs for s in of_kind)} jobs")
            for storm in of_kind:
                for point, count in storm.at.items():
                    at[point] = at.get(point, 0) + count
        total = sum(storm.kills for _, storm in ended)
        print(f"{total} kills in {time.monotonic() - began:.0f} s, at {len(at)} of {len(points())} points")
        self.assertGreaterEqual(total, KILLS)
        if KILLS >= 1000:
            self.assertEqual(set(points()) - set(at), set(), "points at which nothing was killed")


if __name__ == "__main__":
    unittest.main()
