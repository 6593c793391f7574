"""The journal of a run, cut at every byte and changed in every byte: by the reader alone at all of them, by the whole
program at a few, where the run must come to its end again."""

import os
import pathlib
import random
import re
import shutil
import subprocess
import tempfile
import unittest

import ditmill
from faulty import Ledger, Reference, fresh_seed, whole_lines

SEED = fresh_seed()
EPOCH = "e0001-g000.jsonl"


class TornJournal(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="ditmill-torn-")
        cls.addClassCleanup(folder.cleanup)
        cls.reference = Reference(pathlib.Path(folder.name), items=10, seconds=0)
        cls.calm = cls.reference.folder / "calm" / "run"
        cls.bytes = (cls.calm / "journal" / EPOCH).read_bytes()
        cls.random = random.Random(SEED)

    def test_the_reader_alone_at_every_byte(self):
        done = subprocess.run([os.environ["DITMILL_TORN_JOURNAL_TEST"]], capture_output=True, text=True, check=False,
                              env=dict(os.environ, DITMILL_TEST_JOURNAL=str(self.calm / "journal" / EPOCH)))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("[  PASSED  ] 2 tests", done.stdout)

    def resume(self, journal):
        """The calm run with another journal, started again."""
        job, _ = self.reference.new()
        shutil.copytree(self.calm, job.run)
        (job.run / "journal" / EPOCH).write_bytes(journal)
        (job.run / "results.h5").unlink()
        return job, job()

    def test_a_run_goes_on_from_a_journal_that_is_cut_anywhere(self):
        newlines = [match.end() for match in re.finditer(b"\n", self.bytes)]
        cuts = [0, newlines[-1] - 1, self.random.choice(newlines)] + self.random.sample(range(len(self.bytes)), 2)
        for cut in cuts:
            with self.subTest(cut=cut):
                job, ended = self.resume(self.bytes[:cut])
                job.check_end(ended, self.ledger_of(job, self.bytes[:cut]), self.reference.frames)
                whole = cut == 0 or cut in newlines
                self.assertEqual("the last line is torn" in ended.errors, not whole, ended)

    def ledger_of(self, job, journal):
        """What whole lines acknowledged is kept; the torn tail stays where it is."""
        ledger = Ledger(self.reference.contents)
        whole = journal[:journal.rfind(b"\n") + 1]
        ledger.done = {record["key"]: record for record in whole_lines(whole) if record["event"] == "done"}
        ledger.journals = {EPOCH: journal}
        return ledger

    def test_a_run_goes_on_from_a_journal_in_which_a_byte_changed(self):
        for at in self.random.sample(range(len(self.bytes)), 2):
            with self.subTest(at=at):
                damaged = bytearray(self.bytes)
                damaged[at] ^= 0xff
                job, ended = self.resume(bytes(damaged))
                self.assertEqual(ended.code, 0, ended)
                self.assertRegex(ended.errors, "a damaged line was dropped|the last line is torn")
                self.assertEqual(ditmill.outcome(job.run)["done"], job.items)
                frames = ditmill.frames(job.run)
                for name, pixels in self.reference.frames.items():
                    self.assertTrue((frames[name] == pixels).all(), name)


if __name__ == "__main__":
    unittest.main()
