#!/usr/bin/env python3
"""The front answers at once: it links neither LibTorch nor MPI.

    front_start_test.py PATH_OF_DITMILL

What is asserted is what it links; the time is printed, and only a gross one fails, because a machine can be busy.
"""

import re
import resource
import statistics
import subprocess
import sys
import unittest

FRONT = sys.argv.pop(1)


class FrontStarts(unittest.TestCase):
    def test_links_neither_torch_nor_mpi_nor_cuda_nor_libav(self):
        listed = subprocess.run(["ldd", FRONT], check=True, capture_output=True, text=True).stdout
        self.assertIn("libc.so", listed)
        heavy = re.findall(r"\b(lib(?:torch|c10|mpi|open-rte|cu(?:da|dnn|blas|fft|file|pti|sparse)[a-z]*|nccl|avcodec|avformat|swscale)\S*)", listed)
        self.assertEqual(heavy, [])

    def test_version_is_answered_in_milliseconds(self):
        seconds = []
        for _ in range(21):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            done = subprocess.run([FRONT, "--version"], check=True, capture_output=True, text=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
            self.assertRegex(done.stdout, r"^ditmill \d+\.\d+\.\d+\n$")
        median = 1000 * statistics.median(seconds)
        print(f"ditmill --version takes of a core: median {median:.1f} ms, best {1000 * min(seconds):.1f} ms of 21")
        self.assertLess(1000 * min(seconds), 100)


if __name__ == "__main__":
    unittest.main()
