"""A rank that is killed in the middle of a stream ends all ranks: nobody waits for it for ever."""

import os
import subprocess
import unittest


class KilledRank(unittest.TestCase):
    def test_ends_the_job(self):
        for victim in (0, 1, 2):
            with self.subTest(victim=victim):
                done = subprocess.run(
                    [os.environ["DITMILL_MPIEXEC"], "-n", "3", os.environ["DITMILL_KILLED_RANK"], str(victim)],
                    capture_output=True, text=True, timeout=240)
                self.assertIn(f"rank {victim} kills itself", done.stderr)
                self.assertNotEqual(done.returncode, 0)


if __name__ == "__main__":
    unittest.main()
