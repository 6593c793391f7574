"""tokenizer.json: ids, padding and truncation against the tokenizers library, on random files and random texts."""

import json
import pathlib
import random
import resource
import subprocess
import tempfile
import time
import unittest

import probe
import tiny_tokenizer
from random_tokenizer import RandomTokenizer
from tokenizers import Tokenizer

SEED = probe.fresh_seed("test_tokenizer")


def ask(command: str, file: pathlib.Path, most: int, texts: list[str]) -> list:
    """The text probe's answers."""
    asked = "".join(json.dumps(text) + "\n" for text in texts)
    done = subprocess.run([probe.TEXT_PROBE, command, file, str(most)], input=asked, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"{file}: {done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()]


class TokenizerJson(unittest.TestCase):
    def setUp(self) -> None:
        self.rng = random.Random(SEED)
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)

    def agree(self, file: pathlib.Path, texts: list[str], most: int, say: str = "") -> None:
        library = Tokenizer.from_file(str(file))
        library.enable_truncation(max_length=most)
        panics = 0
        for text, got in zip(texts, ask("ids", file, most, texts), strict=True):
            try:
                want = library.encode(text).ids
            except BaseException as error:
                # The library itself gives up where added tokens that take white space overlap.
                self.assertEqual(type(error).__name__, "PanicException", text)
                panics += 1
                continue
            if got != want:
                self.fail(f"{text!a}: {got} is not {want}, {[library.id_to_token(i) for i in want]}; {say}")
        self.assertLess(panics, len(texts) / 4, say)

    def test_random_files_and_texts(self) -> None:
        for index in range(60):
            drawn = RandomTokenizer(self.rng)
            file = self.folder / f"{index}.json"
            file.write_text(drawn.text, encoding="utf-8")
            say = drawn.text if len(drawn.text) < 9000 else drawn.text[:600]
            self.agree(file, [drawn.sample() for _ in range(120)], self.rng.choice([512, 512, 9, 5]), say)

    def test_the_shape_that_umt5_has(self) -> None:
        tiny_tokenizer.make(self.folder, spiece=False)
        self.assertFalse((self.folder / "spiece.model").exists())
        drawn = RandomTokenizer(self.rng)
        drawn.pieces += tiny_tokenizer.CORPUS + " ".join(tiny_tokenizer.CORPUS).split()
        texts = [drawn.sample() for _ in range(3000)] + tiny_tokenizer.CORPUS + ["", " ", "   ", "</s>", " </s> </s>", "a\u200b</s>b"]
        self.agree(self.folder / "tokenizer.json", texts, 512)

    def test_every_character_alone_and_in_a_word(self) -> None:
        tiny_tokenizer.make(self.folder, spiece=False)
        characters = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000 and (code < 0x3400 or self.rng.random() < 0.03)]
        self.agree(self.folder / "tokenizer.json", characters + [f"cat{c}\u0301 x" for c in characters], 512)

    def test_padding_and_truncation(self) -> None:
        tiny_tokenizer.make(self.folder, spiece=False)
        file = self.folder / "tokenizer.json"
        library = Tokenizer.from_file(str(file))
        texts = ["", "a cat", "cat " * 600, "cat " * 510, "cat " * 511, "cat " * 512, "</s>" * 600]
        for length in (512, 7, 1):
            library.enable_truncation(max_length=length)
            library.enable_padding(length=length, pad_id=0, pad_token="<pad>")
            for text, got in zip(texts, ask("padded", file, length, texts), strict=True):
                want = library.encode(text)
                self.assertEqual((got["ids"], got["mask"]), (want.ids, want.attention_mask), f"{text[:20]!a} in {length}")

    def test_padding_that_the_file_names(self) -> None:
        tiny_tokenizer.make(self.folder, spiece=False)
        file = self.folder / "tokenizer.json"
        library = Tokenizer.from_file(str(file))
        library.enable_padding(length=20, pad_id=9, pad_token="x")
        library.enable_truncation(max_length=20)
        library.save(str(file))
        library = Tokenizer.from_file(str(file))
        for text, got in zip(["a cat", "cat " * 30], ask("padded", file, 20, ["a cat", "cat " * 30]), strict=True):
            want = library.encode(text)
            self.assertEqual((got["ids"], got["mask"]), (want.ids, want.attention_mask))

    def test_long_texts_take_time_in_proportion(self) -> None:
        tiny_tokenizer.make(self.folder, spiece=False)
        file = self.folder / "tokenizer.json"
        drawn = RandomTokenizer(self.rng)
        text = "".join(drawn.sample() for _ in range(4000))
        texts = [text, text.replace(" ", ""), "a" * 60000, " " * 60000, "\u2603" * 30000, "e" + "\u0301" * 30000]
        begin = time.monotonic()
        self.agree(file, texts, 1 << 20)
        print(f"{sum(map(len, texts))} characters in {time.monotonic() - begin:.2f} s, the library's time included")

    def test_a_vocabulary_of_umt5s_size_loads_at_once(self) -> None:
        drawn = RandomTokenizer(self.rng)
        pieces = dict.fromkeys(["<pad>", "</s>", "<unk>", "\u2581"])
        while len(pieces) < 256384:
            pieces["".join(self.rng.choice("\u2581abcdefghijklmnopqrstuvwxyz東京\u0301") for _ in range(self.rng.randrange(1, 12)))] = None
        whole = json.loads(drawn.text)
        whole["model"]["vocab"] = [[piece, -self.rng.random() * 20] for piece in pieces]
        file = self.folder / "tokenizer.json"
        file.write_text(json.dumps(whole, ensure_ascii=False), encoding="utf-8")
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        ask("ids", file, 512, [])
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(f"{len(pieces)} pieces, {file.stat().st_size / 1e6:.1f} MB: loaded in {took:.2f} s of a core")
        self.assertLess(took, 2)
        self.agree(file, [drawn.sample() for _ in range(200)], 512)


if __name__ == "__main__":
    unittest.main()
