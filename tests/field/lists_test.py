"""Prompt lists and manifests as other tools, spreadsheets, data frames and people write them: they work, or are refused
with a remedy. Every command and every piece of JSON or YAML that a message prints is followed, and must work."""

import csv
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import ditmill

DEFAULTS = {"width": 64, "height": 64, "frames": 5, "seed": 1}


class ListsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="ditmill lists ")  # a blank: remedies must quote
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name)

    def write(self, name, content):
        path = self.path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def job(self, requests, **more):
        return self.write("job.yaml", json.dumps({
            "schema": 1, "name": "job", "model": {"noop": 0.01},
            "requests": {"defaults": DEFAULTS, **requests}, "output": {"path": "run"}, **more}))

    def check(self, manifest, code=0, sets=()):
        more = [word for setting in sets for word in ("--set", setting)]
        report = json.loads(ditmill.ditmill("run", manifest, "--check", "--json", *more, code=code).stdout)
        report["text"] = "\n".join(f"{p['file']}:{p['line']}: {p['message']} ({p['expected']}) {p['got']}"
                                   for p in report["problems"] + report["warnings"])
        return report

    def check_list(self, name, content=None, code=0):
        if content is not None:
            self.write(name, content)
        return self.check(self.job({"file": name}), code)

    def accepted(self, name, content, items):
        report = self.check_list(name, content)
        self.assertEqual(report["items"], items)
        self.assertEqual(report["warnings"], [])
        return report

    def refused(self, name, content, *words):
        text = self.check_list(name, content, code=1)["text"]
        for word in words:
            self.assertIn(word, text)
        return text

    def follow(self, text, tool):
        """Runs the one command of that tool which a message prints. Returns the file that it makes."""
        command = re.search(rf"\b{tool} .*? > ('[^']+'|\S+)", text)
        self.assertIsNotNone(command, text)
        subprocess.run(command[0].rstrip(";)"), shell=True, check=True, executable="/bin/bash")
        return pathlib.Path(command[1].rstrip(";)").strip("'")).name

    def mended(self, text, tool, prompts=("a cat", "a dog")):
        """Follows the remedy; the list that it makes must have these prompts."""
        name = self.follow(text, tool)
        report = self.check_list(name)
        self.assertEqual(report["items"], len(prompts))
        lines = (self.path / name).read_text(encoding="utf-8-sig").splitlines()
        if name.endswith(".jsonl"):
            self.assertEqual([json.loads(line)["prompt"] for line in lines], list(prompts))
        elif name.endswith(".csv"):
            self.assertEqual([row["prompt"] for row in csv.DictReader(lines)], list(prompts))
        else:
            self.assertEqual([line for line in lines if line], list(prompts))


class Settings(ListsTest):
    FIELDS = {"num_frames": "frames", "frame_num": "frames", "video_length": "frames", "neg_prompt": "negative_prompt",
              "n_prompt": "negative_prompt", "negative": "negative_prompt", "Negative Prompt": "negative_prompt",
              "numFrames": "frames", "WIDTH": "width", "base_seed": "seed", "noise_seed": "seed", "frame_rate": "fps",
              "num_videos_per_prompt": "samples", "batch_size": "samples", "video_size": "width and height"}
    OF_THE_JOB = {"steps": "pipeline.steps", "num_inference_steps": "pipeline.steps", "sample_steps": "pipeline.steps",
                  "infer_steps": "pipeline.steps", "Steps": "pipeline.steps", "guidance_scale": "pipeline.guidance_scale",
                  "cfg": "pipeline.guidance_scale", "CFG scale": "pipeline.guidance_scale",
                  "embedded_cfg_scale": "pipeline.guidance_scale", "sample_shift": "pipeline.flow_shift",
                  "flow_shift": "pipeline.flow_shift"}
    VALUES = {"frames": 5, "negative_prompt": "blurry", "width": 64, "height": 32, "seed": 7, "fps": 8, "samples": 2}

    def test_other_names_of_fields_say_ours(self):
        for theirs, ours in self.FIELDS.items():
            with self.subTest(theirs):
                line = json.dumps({"prompt": "a cat", theirs: 1})
                self.refused("l.jsonl", f'{{"prompt": "a"}}\n{line}\n', "l.jsonl:2:", theirs, f"it is called {ours}")
                self.refused("l.csv", f"prompt,{theirs}\na cat,1\n", "l.csv:1:", theirs, f"it is called {ours}")
                values = {field: self.VALUES[field] for field in ours.split(" and ")}
                self.check_list("l.jsonl", json.dumps({"prompt": "a cat", **values}))

    def test_a_size_is_a_pictures_or_says_ours(self):
        for value in ("1280*720", 720, [832, 480]):
            with self.subTest(value):
                line = json.dumps({"prompt": "a cat", "size": value})
                self.refused("l.jsonl", f'{{"prompt": "a"}}\n{line}\n', "l.jsonl:2:", "size", "it is called width and height")
        self.refused("l.csv", "prompt,size\na cat,1280*720\n", "l.csv:2:", "size", "it is called width and height")

    def test_settings_of_the_job_say_where(self):
        for theirs, path in self.OF_THE_JOB.items():
            with self.subTest(theirs):
                section = path.split(".")[0]
                self.refused("l.jsonl", json.dumps({"prompt": "a cat", theirs: 7}), theirs, f"under {section}", path)
                self.refused("l.csv", f"prompt,{theirs}\na cat,7\n", theirs, f"under {section}", path)
                self.check_list("l.jsonl", '{"prompt": "a cat"}')
                self.check(self.job({"file": "l.jsonl"}), sets=[f"{path}=7"])

    def test_what_is_kept_only_stands_under_metadata(self):
        text = self.refused("l.jsonl", '{"prompt": "a cat", "steps": 30}', '{"metadata": {"steps": ...}}')
        place = json.loads(re.search(r'\{"metadata": .*?\}\}', text)[0].replace("...", "30"))
        report = self.accepted("l.jsonl", json.dumps({"prompt": "a cat", **place}), 1)
        self.assertEqual(report["metadata"], ["metadata"])
        text = self.refused("l.csv", "prompt,num_frames\na cat,81\n", "metadata.num_frames")
        self.accepted("l.csv", "prompt,metadata.num_frames\na cat,81\n", 1)

    def test_true_metadata_is_named_once_and_without_warning(self):
        names = ["category", "source", "score", "tags", "style", "split", "dataset", "image", "video", "prompt_zh",
                 "caption", "aesthetic_score", "author", "path", "file_name", "dimension", "duration", "text"]
        line = json.dumps({"prompt": "a cat", **{name: ["x"] for name in names}})
        report = self.accepted("l.jsonl", f"{line}\n{line}\n", 2)
        self.assertEqual(report["metadata"], names)
        self.accepted("l.csv", "prompt," + ",".join(names) + "\na cat" + ",x" * len(names) + "\n", 1)
        text = ditmill.ditmill("run", self.path / "job.yaml", "--check").stdout
        self.assertEqual(text.count("category, source"), 1)

    def test_a_manifest_says_where_its_settings_belong(self):
        cases = [("pipeline.frames=5", "requests.defaults.frames", 5),
                 ("pipeline.seed=5", "requests.defaults.seed", 5),
                 ("pipeline.num_inference_steps=5", "it is called steps", None),
                 ("pipeline.cfg_scale=5", "it is called guidance_scale", None),
                 ("pipeline.sp_ulysses_degree=1", "pipeline.parallel.ulysses", 1),
                 ("requests.defaults.steps=5", "pipeline.steps", 5),
                 ("requests.defaults.num_frames=5", "it is called frames", None),
                 ("requests.width=64", "requests.defaults.width", 64),
                 ("requests.matrix.steps=[1,2]", "pipeline.steps", 5),
                 ("steps=5", "pipeline.steps", 5),
                 ("seed=5", "requests.defaults.seed", 5),
                 ("ckpt_dir=models", "model.path", None),
                 ("save_path=x", "output.path", "x")]
        self.write("l.txt", "a cat\n")
        manifest = self.job({"file": "l.txt"})
        for setting, advice, value in cases:
            with self.subTest(setting):
                self.assertIn(advice, self.check(manifest, code=1, sets=[setting])["text"])
                if value is not None:
                    self.check(manifest, sets=[f"{advice}={value}"])


class Texts(ListsTest):
    def test_comments_and_options_are_warned_of_with_line_and_count(self):
        text = ("# portraits\na cat --n blurry, low --w 832 --h 480 --d 42\na dog --w 480\n\n# more\na lake -s 20\n"
                "a fox <lora:style:0.8>\n")
        report = self.check_list("l.txt", text)
        self.assertEqual(report["items"], 6)
        comment, options, lora = report["warnings"]
        self.assertEqual((comment["line"], options["line"], lora["line"]), (1, 2, 7))
        self.assertIn("(2 in all)", comment["message"])
        self.assertIn("--n, --w, --h and --d are", options["message"])
        self.assertIn("(3 in all)", options["message"])
        self.mended(report["text"], "grep", prompts=text.splitlines()[1:3] + text.splitlines()[5:])
        example = re.search(r'\{"prompt": .*?\}', options["expected"])[0]
        self.accepted("e.jsonl", example, 1)

    def test_options_in_other_lists_are_warned_of(self):
        for name, content in {"l.jsonl": '{"prompt": "a cat --ar 16:9"}', "l.csv": "prompt\na cat --steps=20\n"}.items():
            self.assertIn("--", self.check_list(name, content)["warnings"][0]["message"])
        warning, = self.check(self.job({"items": [{"prompt": "a cat --w 832"}]}))["warnings"]
        self.assertIn("--w is", warning["message"])

    def test_records_of_other_formats_in_a_txt_are_warned_of(self):
        for content in ('{"prompt": "a cat"}', "prompt,seed\na cat,7", "nan", "Negative prompt: blurry",
                        "Steps: 20, Sampler: Euler a", "// cats"):
            self.assertEqual(len(self.check_list("l.txt", content)["warnings"]), 1, content)

    def test_prompts_that_only_look_so_are_left_alone(self):
        self.accepted("l.txt", "a sign that reads #7 in red\na cat -- seen from above -- asleep\na well-lit 4-door car\n"
                      "a cat - 3 of them\ntext, in bold\nA nan bread\na --- b\nsteps: a film\n", 8)

    def test_other_encodings_say_how_to_convert(self):
        text = "a caf\u00e9\nfa\u00e7ade\n"
        for encoding in ("cp1252", "utf-16", "utf-16-le", "utf-16-be"):
            with self.subTest(encoding):
                told = self.refused("l.txt", text.encode(encoding), "l.txt:1:", "not UTF-8")
                self.mended(told, "iconv", prompts=text.splitlines())
                manifest = json.loads(self.job({"items": [{"prompt": "a caf\u00e9"}]}).read_text())
                path = self.write("other.yaml", json.dumps(manifest, ensure_ascii=False).encode(encoding))
                self.check(self.path / self.follow(self.check(path, code=1)["text"], "iconv"))


class Tables(ListsTest):
    def test_numbers_of_data_frames(self):
        self.accepted("l.csv", "prompt,seed,frames,fps\na cat,7.0,5.0,8.0\na dog,,,\na fox,1e3,5,\n", 3)
        self.accepted("l.jsonl", '{"prompt":"a cat","seed":7.0}\n{"prompt":"a dog","seed":null,"frames":5.0,"id":null}\n', 2)
        for name, content in {"l.csv": "prompt,seed\na,7.5\n", "l.jsonl": '{"prompt":"a","seed":7.5}'}.items():
            self.refused(name, content, ":" + ("2" if name == "l.csv" else "1") + ":", "seed")
        self.refused("l.csv", "prompt,seed\na,9.1e17\n", "rounded")
        self.check(self.job({"items": [{"prompt": "a", "seed": 7.0, "negative_prompt": None}]}))

    def test_missing_values(self):
        for word in ("nan", "NaN", "None", "<NA>", "null", "#N/A"):
            with self.subTest(word):
                self.accepted("l.csv", f"prompt,seed,width,fps\na cat,{word},{word},{word}\n", 1)
                report = self.check_list("l.csv", f"prompt,negative_prompt\na cat,{word}\na dog,{word}\n")
                warning, = report["warnings"]
                self.assertEqual(warning["line"], 2)
                self.assertIn("(2 in all)", warning["message"])
                self.refused("l.csv", f"prompt,seed\na cat,1\n{word},2\n", "l.csv:3:", "missing value")
        self.refused("l.jsonl", '{"prompt": null}', "prompt is missing")

    def test_row_numbers(self):
        self.refused("l.csv", ",prompt,seed\n0,a cat,7\n", "l.csv:1:", "index=False")
        warning, = self.check_list("l.csv", "Unnamed: 0,prompt\n0,a cat\n")["warnings"]
        self.assertIn("index=False", warning["expected"])
        self.refused("l.csv", "prompt,seed,,\na cat,7,,\n", "no empty columns")
        self.accepted("l.csv", "prompt,seed\na cat,7\n,\n,\n", 1)

    def test_separators(self):
        for separator in (";", "\t", "|"):
            with self.subTest(separator):
                rows = [["prompt", "seed"], ["a cat", "7"], ["a dog", "8"]]
                told = self.refused("l.csv", "\n".join(separator.join(row) for row in rows), "separated by")
                self.mended(told, "python3")
        self.mended(self.refused("l.csv", '\ufeff"prompt";"seed"\r\n"a cat";7\r\n"a dog";\r\n', "semicolons"), "python3")
        self.mended(self.refused("l.csv", "sep=,\nprompt,seed\na cat,7\na dog,8\n", "sep="), "tail")
        self.mended(self.refused("l.csv", "sep=;\nprompt;seed\na cat;7\na dog;8\n", "sep="), "tail")
        self.mended(self.refused("l.tsv", "prompt\tseed\na cat\t7\na dog\t8\n", "tabs"), "python3")

    def test_quotes_and_commas(self):
        self.refused("l.csv", "prompt,seed\na cat, asleep,7\n", "l.csv:2:", "double quotes")
        self.refused("l.csv", 'prompt\na "red" cat\n', "l.csv:2:", "twice")
        self.refused("l.csv", 'prompt\n"a \\"red\\" cat"\n', "l.csv:2:", "twice")
        self.accepted("l.csv", 'prompt\n"a ""red"" cat, asleep"\n', 1)

    def test_a_prompt_under_another_name(self):
        told = self.refused("l.csv", "caption,seed\na cat,7\na dog,8\n", "no column prompt")
        self.mended(told, "sed")


class Json(ListsTest):
    RECORDS = [{"prompt": "a cat", "seed": 7}, {"prompt": "a dog", "seed": 8}]
    RENAMED = [{"prompt_en": "a cat", "dimension": ["x"]}, {"prompt_en": "a dog", "dimension": []}]
    IDS = {"0001": "a cat", "0002": "a dog"}

    def remedies(self, name, content, *words):
        told = self.refused(name, content, *words)
        if "python3 -c" in told:
            self.mended(told, "python3")
        if shutil.which("jq"):
            self.mended(told, "jq")

    def test_other_forms_become_lines(self):
        forms = {
            "array": self.RECORDS,
            "renamed": self.RENAMED,
            "under_a_key": {"version": 1, "data": self.RENAMED},
            "texts": ["a cat", "a dog"],
            "texts_under_a_key": {"prompts": ["a cat", "a dog"]},
            "by_id": {key: {"caption": text} for key, text in self.IDS.items()},
            "texts_by_id": self.IDS,
            "columns": {"caption": {"0": "a cat", "1": "a dog"}, "seed": {"0": 7, "1": 8}},
        }
        for form, data in forms.items():
            for name in ("info.json", "its one.jsonl"):
                for indent in (None, 2):
                    with self.subTest(form, name=name, indent=indent):
                        self.remedies(name, json.dumps(data, indent=indent), "a JSON object a line")

    def test_lines_that_need_little(self):
        lines = "".join(json.dumps(record) + "\n" for record in self.RECORDS)
        pretty = "\n".join(json.dumps(record, indent=2) for record in self.RECORDS)
        if shutil.which("jq"):
            for name in ("l.json", "l.jsonl"):
                self.mended(self.refused(name, pretty, "several lines"), "jq")
        self.remedies("l.jsonl", "".join(json.dumps(record) + "\n" for record in self.RENAMED), "prompt is missing")
        for ending in ("json", "ndjson", "jsonlines"):
            told = self.refused(f"m.{ending}", lines, "mv ")
            subprocess.run(re.search(r"mv '[^']+' '[^']+'", told)[0], shell=True, check=True)
            self.check_list("m.jsonl")
        subprocess.run(["gzip", "m.jsonl"], cwd=self.path, check=True)
        told = self.refused("m.jsonl.gz", None, "gunzip")
        subprocess.run(re.search(r"gunzip -k '[^']+'", told)[0], shell=True, check=True)
        self.check_list("m.jsonl")
        self.accepted("L.JSONL", lines, 2)

    def test_what_is_not_json(self):
        told = self.refused("l.jsonl", '{"prompt": "a cat", "seed": NaN}\n{"prompt": "a dog", "x": NaN}\n', "l.jsonl:1:", "NaN")
        self.mended(told, "python3")
        told = self.refused("l.jsonl", "".join(f"{record}\n" for record in self.RECORDS), "Python")
        self.mended(told, "python3")
        told = self.refused("l.jsonl", '{"prompt": "a cat"},\n{"prompt": "a dog"}\n', "l.jsonl:1:", "comma")
        self.mended(told, "sed")
        self.refused("l.jsonl", '{"prompt": "a cat",}\n', "no comma there")
        self.refused("l.jsonl", '{\u201cprompt\u201d: \u201ca cat\u201d}\n', "straight quotes")

    def test_seeds_of_other_tools(self):
        for name, content in {"l.jsonl": '{"prompt": "a cat", "seed": SEED}', "l.csv": "prompt,seed\na cat,SEED\n"}.items():
            told = self.refused(name, content.replace("SEED", "-1"), "-1", '"auto"')
            self.accepted(name, content.replace("SEED", re.search(r'"auto"', told)[0]), 1)
        manifest = self.job({"items": [{"prompt": "a cat"}]})
        for setting in ("requests.defaults.seed=", "requests.items.0.seed=", "requests.matrix.seed="):
            values = ("[-1]", '["auto"]') if "matrix" in setting else ("-1", '"auto"')
            self.assertIn('"auto"', self.check(manifest, code=1, sets=[setting + values[0]])["text"])
            self.check(manifest, sets=[setting + values[1]])


class Manifests(ListsTest):
    def manifest(self, line):
        return self.write("m.yaml", "schema: 1\nname: job\nmodel: {noop: 0.01}\nrequests:\n  items:\n"
                          f"{line}\noutput: {{path: run}}\n")

    def test_texts_that_need_quotes_are_printed_with_them(self):
        for text in ("a cat: close up, 4k", "a cat:", "*cat* on a roof", "&cat on a roof", "@cat on a roof",
                     "%50 off", "`cat` on a roof", "[cat] on a roof", "{cat} on a roof", "!cat on a roof",
                     "> cat on a roof", "| cat on a roof", "- cat on a roof", '"a" cat: "b" \\o/', "'it's a cat'"):
            with self.subTest(text):
                report = self.check(self.manifest(f"    - prompt: {text}"), code=1)
                self.assertIn("m.yaml:6:", report["text"])
                line = re.search(r'put into quotes: (- prompt: ".*")\)', report["text"])
                self.assertIsNotNone(line, report["text"])
                self.check(self.manifest("    " + line[1]))

    def test_other_mistakes(self):
        for line, advice in {"\t- prompt: a cat": "no tabs", "    - prompt: [a cat]": "put into quotes",
                             "    - {prompt: a cat: b}": "put into quotes", "    - {prompt: a cat, asleep}": "quotes",
                             '    - prompt: "a cat': "never closed"}.items():
            self.assertIn(advice, self.check(self.manifest(line), code=1)["text"], line)
        item = re.search(r"\{prompt: .*?\}", self.check(self.manifest("    - a cat"), code=1)["text"])[0]
        self.check(self.manifest("    - " + item))

    def test_a_comment_that_cuts_a_prompt_is_warned_of(self):
        for text in ("a shop with #7 on its door", "a sign # in red"):
            warning, = self.check(self.manifest(f"    - prompt: {text}\n      seed: 7  # lucky"))["warnings"]
            self.assertEqual(warning["line"], 6)
        for text in ('"a shop with #7"', "a shop#7", "|\n        a shop #7", "a cat"):
            self.assertEqual(self.check(self.manifest(f"    - prompt: {text}"))["warnings"], [], text)

    def test_paths_are_not_expanded(self):
        self.write("l.txt", "a cat\n")
        manifest = self.job({"file": "l.txt"})
        for path in ("~/x", "~me/x", "$SCRATCH/x", "${SCRATCH}/x", "x/$USER"):
            for key in ("output.path", "model.catalog", "requests.file"):
                told = self.check(manifest, code=1, sets=[f"{key}={path}"])["text"]
                self.assertIn("not expanded", told)
                self.assertIn("written out", told)
        self.assertIn("address", self.check(manifest, code=1, sets=["requests.file=https://a.b/c.jsonl"])["text"])


if __name__ == "__main__":
    unittest.main()
