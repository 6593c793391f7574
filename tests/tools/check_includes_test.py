#!/usr/bin/env python3
"""check_includes.py finds every forbidden include, and nothing in a tree that keeps the rules."""

import tempfile
import unittest
from pathlib import Path

import check_includes

GOOD = {
    "configs/error.h": "#include <string>\n",
    "registry/header.h": '#include "configs/error.h"\n#include "registry/formats/names.h"\n#include <vector>\n',
    "registry/formats/names.h": "#include <string>\n",
    "dist/mesh.h": '#include "configs/error.h"\n',
    "dist/comm/communicator.h": "#include <memory>\n",
    "dist/comm/mpi.cpp": '#include <mpi.h>\n#include "dist/comm/communicator.h"\n',
    "dist/weights/stream.h": "#include <ATen/core/Tensor.h>\n",
    "models/pictures/webp.cpp": '#include <webp/decode.h>\n#include "registry/header.h"\n',
    "models/pictures/picture.h": "#include <vector>\n",
    "models/wan/family.cpp": '#include "registry/header.h"\n',
    "models/wan/block.cpp": '#include <ATen/ATen.h>\n#include "models/pictures/picture.h"\n#include "dist/weights/stream.h"\n',
    "slurm/allocation.h": '#include "configs/error.h"\n',
    "jobs/requests/item.h": "#include <nlohmann/json_fwd.hpp>\n",
    "jobs/results/store/part.cpp": '#include <hdf5.h>\n#include "jobs/requests/item.h"\n',
    "jobs/results/export/libav/handles.h": 'extern "C" {\n#include <libavcodec/avcodec.h>\n}\n',
    "configs/version.h.in": "#include <string>\n",
    "jobs/plan/version.cpp": '#include "configs/version.h"\n#include <nlohmann/json.hpp>\n',
    "jobs/cli/front.cpp": "#include <CLI/CLI.hpp>\n",
    "jobs/engine/all.cpp": '#include "models/wan/family.cpp"\n#include "dist/weights/stream.h"\n',
    "tests/jobs/part_test.cpp": '#include <hdf5.h>\n#include <gtest/gtest.h>\n#include "slurm/allocation.h"\n',
}

# What is added to the good tree -> the place and rule of the one finding.
BAD = {
    "a lower room includes a higher one":
        ("configs/bad.cpp", '#include "registry/header.h"\n', "configs/bad.cpp:1: arrow:"),
    "a room includes a sibling it may not use":
        ("slurm/bad.cpp", '\n#include "registry/header.h"\n', "slurm/bad.cpp:2: arrow:"),
    "the pictures include a room that the rest of models may use":
        ("models/pictures/bad.cpp", '#include "dist/mesh.h"\n', "models/pictures/bad.cpp:1: arrow:"),
    "the pictures include the rest of models":
        ("models/pictures/bad.cpp", '#include "models/wan/family.cpp"\n', "models/pictures/bad.cpp:1: arrow:"),
    "a room includes tests":
        ("jobs/run/bad.cpp", '#include "tests/jobs/part_test.cpp"\n', "jobs/run/bad.cpp:1: arrow:"),
    "a room of jobs includes one after it":
        ("jobs/requests/bad.cpp", '#include "jobs/results/store/part.cpp"\n', "jobs/requests/bad.cpp:1: arrow:"),
    "two folders include each other":
        ("registry/formats/bad.h", '#include "registry/header.h"\n', "registry: pair:"),
    "CLI11 outside the command line":
        ("jobs/submit/bad.cpp", "#include <CLI/CLI.hpp>\n", "jobs/submit/bad.cpp: heavy:"),
    "a header takes all of JSON":
        ("jobs/plan/bad.h", "#include <nlohmann/json.hpp>\n", "jobs/plan/bad.h:1: heavy:"),
    "an include is relative to its own folder":
        ("registry/bad.cpp", '#include "header.h"\n', "registry/bad.cpp:1: root:"),
    "an include climbs":
        ("registry/bad.cpp", '#include "../configs/error.h"\n', "registry/bad.cpp:1: root:"),
    "an own file is included with angle brackets":
        ("registry/bad.cpp", "#include <configs/error.h>\n", "registry/bad.cpp:1: root:"),
    "an indented include counts":
        ("configs/bad.cpp", '  #  include  "slurm/allocation.h"\n', "configs/bad.cpp:1: arrow:"),
    "mpi.h outside its seam":
        ("dist/comm/agree.cpp", "#include <mpi.h>\n", "dist/comm/agree.cpp:1: seam:"),
    "hdf5.h outside its seam":
        ("jobs/run/export.cpp", "#include <hdf5.h>\n", "jobs/run/export.cpp:1: seam:"),
    "libav outside its seam":
        ("jobs/results/export/video.cpp", "#include <libswscale/swscale.h>\n", "jobs/results/export/video.cpp:1: seam:"),
    "libwebp outside its seam":
        ("jobs/results/export/bad.cpp", "#include <webp/encode.h>\n", "jobs/results/export/bad.cpp:1: seam:"),
    "nccl.h outside its seam":
        ("models/bad.cpp", "#include <nccl.h>\n", "models/bad.cpp:1: seam:"),
    "torch/torch.h, even in a test":
        ("tests/models/bad.cpp", "#include <torch/torch.h>\n", "tests/models/bad.cpp:1: seam:"),
    "a front path reaches ATen":
        ("dist/plan/plan.cpp", '#include "dist/weights/stream.h"\n', "dist/plan/plan.cpp: front:"),
    "a front header reaches ATen itself":
        ("registry/bad.h", "#include <c10/core/ScalarType.h>\n", "registry/bad.h: front:"),
}


class CheckIncludes(unittest.TestCase):
    def findings(self, files, commands=()):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder).resolve()
            for name, text in files.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text)
            database = [(str(root), root / file,
                         f"c++ -include b/CMakeFiles/pch.dir/x.hxx -o b/CMakeFiles/{target}.dir/x.o")
                        for file, target in commands]
            return check_includes.check(root, database)

    def test_accepts_a_tree_that_keeps_the_rules(self):
        self.assertEqual(self.findings(GOOD), [])

    def test_finds_each_forbidden_include(self):
        for name, (path, text, expected) in BAD.items():
            with self.subTest(name):
                found = self.findings({**GOOD, path: text})
                self.assertEqual(len(found), 1, found)
                self.assertTrue(found[0].startswith(expected), found[0])

    def test_finds_what_a_front_target_reaches_through_other_files(self):
        files = {**GOOD, "jobs/engine/run.cpp": '#include "jobs/engine/run.h"\n',
                 "jobs/engine/run.h": '#include "dist/weights/stream.h"\n'}
        self.assertEqual(self.findings(files, [("jobs/engine/run.cpp", "ditmill_engine")]), [])
        found = self.findings(files, [("jobs/engine/run.cpp", "a_new_target")])
        self.assertEqual(len(found), 1, found)
        self.assertIn("jobs/engine/run.cpp -> jobs/engine/run.h -> dist/weights/stream.h -> ATen/core/Tensor.h", found[0])


if __name__ == "__main__":
    unittest.main()
