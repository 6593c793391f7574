#!/usr/bin/env python3
"""`bench sweep` over machines that are namespaces of this host, and `bench report` of what it and `bench load` write."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import xml.etree.ElementTree

import ditmill

NEEDED = ["unshare", "ip", "tc", "sshfs", "socat", "/usr/lib/openssh/sftp-server"]
MISSING = [program for program in NEEDED if not shutil.which(program)]
WHY_NOT = ("machines of namespaces need root" if os.geteuid() else f"not installed: {MISSING}" if MISSING
           else "" if os.path.exists("/dev/fuse") else "there is no /dev/fuse")


def processes_of(folder):
    """Those of this host whose command line names it."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and str(folder).encode() in (entry / "cmdline").read_bytes():
                found.append(entry.name)
        except OSError:  # it has ended
            continue
    return found


class BenchSweep(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="ditmill-sweep-test-")))
        cls.model = cls.folder / "model"
        ditmill.ditmill("weights", "synth", "--like", "wan2.1-t2v-1.3b", "--scale", "tiny", cls.model)
        cls.file = cls.model / "transformer" / "diffusion_pytorch_model.safetensors"

    def sweep(self, *words, code=0, model=None):
        return ditmill.ditmill("bench", "sweep", model or self.file, *words, code=code)

    @unittest.skipIf(WHY_NOT, WHY_NOT)
    def test_sweeps_over_namespaces_behind_links_and_reports(self):
        out = self.folder / "sweep.json"
        table = self.sweep("--nodes", "1,2", "--link", "100mbit", "--repeats", "1", "--warmup", "0", "--out", out).stdout
        self.assertIn("| 2 | 2 | broadcast |", table)
        told = json.loads(out.read_text())
        self.assertEqual((told["where"], told["link"], told["nodes"]), ("namespaces", "100mbit", [1, 2]))
        size = self.file.stat().st_size
        for load, nodes in zip(told["loads"], (1, 2), strict=True):
            self.assertEqual((load["nodes"], load["ranks"], load["cold"], load["bytes"]), (nodes, nodes, True, size))
            # No quicker than the links let it: 12.5 MB/s, and what the shaper lets through at once.
            self.assertLess(load["limits"]["read_cold_gbps"], 0.0145)
            for run in load["runs"]:
                alone = (size - 300_000) / 12.5e6
                several = nodes if run["strategy"] in ("independent", "shared") else 1
                self.assertGreater(run["seconds_last_rank"], several * alone, run["strategy"])
                # Each other machine is given all that it did not read.
                given = {"broadcast": nodes - 1, "striped": nodes - 1}.get(run["strategy"], 0)
                self.assertAlmostEqual(run["network_bytes"] / size, given, delta=0.01)
        report = self.folder / "report"
        said = ditmill.ditmill("bench", "report", out, "--out", report).stdout
        self.assertEqual(said.split(), [str(report / name) for name in ("loading.md", "loading-light.svg", "loading-dark.svg")])
        text = (report / "loading.md").read_text()
        self.assertIn("sshfs", text)
        self.assertIn("| 2 | 2 | striped |", text)
        for shade in ("light", "dark"):
            picture = xml.etree.ElementTree.parse(report / f"loading-{shade}.svg").getroot()
            words = [each.text for each in picture.iter("{http://www.w3.org/2000/svg}text")]
            self.assertTrue(any(word.startswith("striped ") for word in words), words)

    @unittest.skipIf(WHY_NOT, WHY_NOT)
    def test_nothing_is_left_of_machines_when_it_is_ended(self):
        for ends, code in ((signal.SIGTERM, 75), (signal.SIGKILL, -signal.SIGKILL)):
            with self.subTest(signal=ends.name), tempfile.TemporaryDirectory(prefix="ditmill-ended-") as folder:
                file = pathlib.Path(folder) / "served" / "model.safetensors"
                file.parent.mkdir()
                shutil.copy(self.file, file)
                with subprocess.Popen([ditmill.DITMILL, "bench", "sweep", file, "--nodes", "2", "--link", "20mbit"],
                                      env=dict(ditmill.environment(), TMPDIR=folder), stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL) as process:
                    # At work once both ranks are.
                    while len([pid for pid in processes_of(file) if "engine" in pathlib.Path(f"/proc/{pid}/comm").read_text()]) < 2:
                        self.assertIsNone(process.poll())
                        time.sleep(0.05)
                    process.send_signal(ends)
                    self.assertEqual(process.wait(30), code)
                deadline = time.monotonic() + 20
                while processes_of(folder) and time.monotonic() < deadline:
                    time.sleep(0.05)
                self.assertEqual(processes_of(folder), [])
                self.assertNotIn(folder, pathlib.Path("/proc/self/mounts").read_text())

    def test_refuses_what_it_cannot_measure(self):
        self.assertIn("1gbit", self.sweep("--nodes", "1", "--link", "fast", code=1).stderr)
        self.assertIn("--nodes", self.sweep("--nodes", "0", "--link", "1gbit", code=1).stderr)
        if not WHY_NOT:
            absent = self.sweep("--nodes", "1", "--link", "1gbit", model=self.folder / "absent", code=1).stderr
            self.assertIn("absent", absent)

    def test_reports_single_loads_and_names_what_is_malformed(self):
        one = self.folder / "one.json"
        ditmill.ditmill("bench", "load", self.file, "--repeats", "1", "--json", "--out", one, ranks=2)
        report = self.folder / "single"
        ditmill.ditmill("bench", "report", one, "--out", report)
        self.assertIn("2 ranks a machine", (report / "loading.md").read_text())

        broken = self.folder / "broken.json"
        load = json.loads(one.read_text())
        load["runs"][1]["seconds_last_rank"] = -1
        for text, words in ((one.read_text()[:200], "broken.json:"), (json.dumps(load), "runs[1].seconds_last_rank"),
                            ("{}", "an object with nodes"), ("[]", "runs of a strategy")):
            with self.subTest(words=words):
                broken.write_text(text)
                self.assertIn(words, ditmill.ditmill("bench", "report", one if text == "{}" else broken, broken, "--out", report,
                                                     code=1).stderr)
        load = json.loads(one.read_text()) | {"cold": True}
        broken.write_text(json.dumps(load))
        self.assertIn("a report of each", ditmill.ditmill("bench", "report", one, broken, "--out", report, code=1).stderr)
        self.assertIn("absent.json", ditmill.ditmill("bench", "report", "absent.json", "--out", report, code=1).stderr)


if __name__ == "__main__":
    unittest.main()
