"""A rank that is killed in the middle of a stream ends all ranks within seconds: nobody waits for it."""

import os
import subprocess
import time
import unittest


class KilledRank(unittest.TestCase):
    def test_ends_the_job(self):
        for victim in (0, 1, 2):
            with self.subTest(victim=victim):
                start = time.monotonic()
                done = subprocess.run(
                    [os.environ["DITMILL_MPIEXEC"], "-n", "3", os.environ["DITMILL_KILLED_RANK"], str(victim)],
                    capture_output=True, text=True, timeout=90)
                self.assertIn(f"rank {victim} kills itself", done.stderr)
                self.assertNotEqual(done.returncode, 0)
                # Starting three ranks on a busy machine is most of it.
                self.assertLess(time.monotonic() - start, 45)


if __name__ == "__main__":
    unittest.main()
