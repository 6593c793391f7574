"""A list of a million prompts: read, checked and scheduled in one gigabyte. Prints seconds and peak memory; asserts
memory only, for a shared machine tells nothing by its time.

    DITMILL_TEST_PROMPTS=N  another length of the list
"""

import json
import os
import pathlib
import tempfile
import time
import unittest

import ditmill

PROMPTS = int(os.environ.get("DITMILL_TEST_PROMPTS", 1_000_000))
GIGABYTE = 1_000_000  # in kB, as the kernel counts
NEGATIVE = "blurry, overexposed, static, worst quality, low quality, JPEG artefacts, extra fingers, deformed, " * 3


def peak_kilobytes(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    raise AssertionError(f"process {pid} has no peak")


class LongList(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="ditmill-long-list-")
        self.addCleanup(self.folder.cleanup)
        self.path = pathlib.Path(self.folder.name)

    def write_list(self, ending):
        with open(self.path / f"list{ending}", "w", encoding="utf-8") as out:
            if ending == ".csv":
                out.write("id,prompt,seed,width,height,negative_prompt,source\n")
            for i in range(PROMPTS):
                prompt = f"a photograph of cat number {i}, asleep in the sun on a garden wall in early spring"
                if ending == ".jsonl":
                    out.write(json.dumps({"id": f"cat-{i}", "prompt": prompt, "seed": i, "width": 32, "height": 16,
                                          "source": {"row": i}}) + "\n")
                elif ending == ".csv":
                    out.write(f'cat-{i},"{prompt}",{i},32,16,"{NEGATIVE}",row {i}\n')
                else:
                    out.write(prompt + "\n")

    def manifest(self, ending):
        path = self.path / "job.yaml"
        path.write_text(json.dumps({
            "schema": 1, "name": "long", "model": {"noop": 0},
            "requests": {"defaults": {"width": 32, "height": 16, "frames": 1, "negative_prompt": NEGATIVE,
                                      **({"seed": "auto"} if ending == ".txt" else {})},
                         "file": f"list{ending}"},
            "output": {"path": f"run{ending}"}}))
        return path

    def test_it_is_checked_and_scheduled_in_a_gigabyte(self):
        for ending in (".jsonl", ".csv", ".txt"):
            with self.subTest(ending):
                self.write_list(ending)
                self.check(ending)
                self.schedule(ending, "scheduled")
                self.schedule(ending, "scheduled on resume")

    def check(self, ending):
        began = time.monotonic()
        process = ditmill.start("run", self.manifest(ending), "--check", "--json", "--out", self.path / "report")
        _, status, usage = os.wait4(process.pid, 0)
        process.stdout.close()
        process.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(process.returncode, 0)
        self.assertEqual(json.loads((self.path / "report").read_text())["items"], PROMPTS)
        self.report(ending, "checked", began, usage.ru_maxrss, usage.ru_utime + usage.ru_stime)

    def schedule(self, ending, what):
        began = time.monotonic()
        process = ditmill.start("run", self.manifest(ending), "--log-level", "debug")
        try:
            for line in process.stdout:
                if "items granted" in line:
                    break
            else:
                self.fail("no item was handed out")
            self.report(ending, what, began, peak_kilobytes(process.pid))
        finally:
            ditmill.kill_all(process, self.path)

    def report(self, ending, what, began, kilobytes, cpu=None):
        seconds = time.monotonic() - began
        print(f"{PROMPTS} prompts of {ending} {what}: {seconds:.1f} s" +
              (f" ({cpu:.1f} s of CPU)" if cpu is not None else "") + f", {kilobytes / 1000:.0f} MB at most",
              flush=True)
        self.assertLess(kilobytes, GIGABYTE)


if __name__ == "__main__":
    unittest.main()
