"""`bench comm` on real ranks under mpirun: what it prints, and what it refuses."""

import json
import pathlib
import tempfile
import unittest

import ditmill

TENSOR_COLLECTIVES = {"all_reduce", "reduce_scatter", "all_gather", "all_to_all", "broadcast", "shift"}
HOST_COLLECTIVES = {"barrier", "max"}


class BenchComm(unittest.TestCase):
    def report(self, ranks, *arguments):
        done = ditmill.ditmill("bench", "comm", "--device", "cpu", "--json", *arguments, ranks=ranks)
        return json.loads(done.stdout)

    def check(self, ranks, sizes, report):
        self.assertEqual(report["world"], ranks)
        self.assertEqual(sum(report["hosts"].values()), ranks)
        self.assertEqual(report["backend"], "mpi")
        self.assertIn("mpi", report["libraries"])
        self.assertGreater(report["limit"]["gigabytes_per_second"], 0)
        self.assertGreater(report["copy"]["gigabytes_per_second"], 0)
        measured = {(line["collective"], line["bytes"]): line for line in report["results"]}
        expected = {(name, size) for name in TENSOR_COLLECTIVES for size in sizes}
        self.assertEqual(set(measured), expected | {("barrier", 0), ("max", 8)})
        for line in measured.values():
            seconds = line["seconds"]
            self.assertGreater(seconds["min"], 0)
            self.assertLessEqual(seconds["min"], seconds["median"])
            self.assertLessEqual(seconds["median"], seconds["max"])
            if line["collective"] in HOST_COLLECTIVES:
                self.assertIsNone(line["share"])
            else:
                self.assertGreater(line["share"], 0, line)
                self.assertLessEqual(line["share"], 2, line)
        return measured

    def test_two_ranks_time_every_collective_at_every_size(self):
        sizes = [8, 64, 512, 4096, 32768, 65536]
        measured = self.check(2, sizes, self.report(2, "--max-bytes", "64KiB", "--repeats", "5"))
        for size in sizes:
            self.assertEqual(measured["shift", size]["given_bytes"], size)
            self.assertEqual(measured["all_to_all", size]["given_bytes"], size // 2)
            self.assertEqual(measured["all_reduce", size]["given_bytes"], size)

    def test_three_ranks_whose_shares_are_uneven_give_what_their_algorithms_say(self):
        measured = self.check(3, [8, 64, 512, 1000], self.report(3, "--max-bytes", "1000", "--repeats", "5"))
        # 500 elements among 3 ranks: 167, 167, 166; small sums travel whole, to both others.
        self.assertEqual(measured["all_to_all", 1000]["given_bytes"], 2 * (167 + 167))
        self.assertEqual(measured["all_gather", 1000]["given_bytes"], 2 * 2 * 167)
        self.assertEqual(measured["all_reduce", 1000]["given_bytes"], 2 * 1000)
        self.assertEqual(measured["broadcast", 1000]["given_bytes"], 2 * 1000)

    def test_a_table_goes_to_the_named_file(self):
        with tempfile.TemporaryDirectory(prefix="ditmill-bench-") as folder:
            out = pathlib.Path(folder) / "comm.txt"
            done = ditmill.ditmill("bench", "comm", "--max-bytes", "512", "--repeats", "1", "--out", out, ranks=2)
            self.assertEqual(done.stdout, "")
            table = out.read_text()
        for name in TENSOR_COLLECTIVES | HOST_COLLECTIVES | {"link", "copy"}:
            self.assertIn(name, table)

    def test_what_cannot_be_measured_is_refused(self):
        for arguments in (["--max-bytes", "4"], ["--max-bytes", "many"], ["--repeats", "0"], ["--device", "tpu"],
                          ["--max-byte", "64"]):
            with self.subTest(arguments=arguments):
                refused = ditmill.ditmill("bench", "comm", *arguments, code=1)
                self.assertIn(arguments[0], refused.stderr)
        self.assertIn("at least 2 ranks", ditmill.ditmill("bench", "comm", code=1).stderr)
        ditmill.ditmill("bench", code=1)


if __name__ == "__main__":
    unittest.main()
