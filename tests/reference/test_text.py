"""Prompts to embeddings: cleaning against ftfy and html, ids against tokenizers, UMT5 against transformers."""

import html
import html.entities
import json
import pathlib
import random
import subprocess
import tempfile
import unittest

import ftfy
import probe
import regex
import sentencepiece
import tiny_tokenizer
import torch
from diffusers.pipelines.wan.pipeline_wan import prompt_clean
from tokenizers import Tokenizer
from transformers import AutoTokenizer, UMT5Config, UMT5EncoderModel
from transformers.utils import logging

logging.disable_progress_bar()

SEED = probe.fresh_seed("test_text")
NAMES = sorted(html.entities.html5)
PLAIN = [
    "a tabby cat asleep in the sun, 4k", "two red boats; it’s “night”", "ﬂuﬃeﬆ ﬁre in the oﬃce",
    "ＬＯＵＤ　ＮＯＩＳＥＳ ｶﾞｲﾄﾞ", "Tom &amp; Jerry &lt;3 &eacute;t&eacute; &#128512;", "line\r\nbreak\tand\u00a0space",
    "東京の夜景、猫が静かに歩く", "e\u0301te\u0301 de\u0301ja\u0300", "\x1b[31mred\x1b[0m light", "\ufeffbom and\u200bzero width",
    "", "   ", "кошка спит; Σίσυφος; قطة نائمة; 고양이", "a <b>bold</b> &amp; &lt;plain&gt; day", "fish &AMP chips &notit; &copy",
]


def lines(arguments: list[str], texts: list[str]) -> list:
    """The text probe's answers."""
    asked = "".join(json.dumps(text) + "\n" for text in texts)
    done = subprocess.run([probe.TEXT_PROBE, *arguments], input=asked, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def cleaned(text: str) -> str:
    """diffusers' prompt_clean without repair of mojibake."""
    text = ftfy.fix_text(text, ftfy.TextFixerConfig(explain=False, fix_encoding=False))
    return regex.sub(r"\s+", " ", html.unescape(html.unescape(text)).strip()).strip()


class RandomText:
    """Texts full of what cleaning and tokenising look at."""

    def __init__(self, seed: int):
        self.rng = random.Random(seed)

    def character(self) -> str:
        rng = self.rng
        ranges = [(0x20, 0x7F), (0x20, 0x7F), (0x80, 0x400), (0x300, 0x370), (0xFF00, 0xFFF0), (0x80, 0xA0), (0x20, 0xD800),
                  (0xE000, 0x110000), (0x1F300, 0x1FB00)]
        if rng.random() < 0.2:
            return rng.choice(" \t\n\r\x0b\x0c\x1b\x1c\x00\x85\xa0\u2028\u2029\u3000\u200b\ufeff\u2018\u201d\u02bc\ufb03\u0149")
        return chr(rng.randrange(*rng.choice(ranges)))

    def reference(self) -> str:
        rng = self.rng
        name = rng.choice(NAMES)
        number = rng.choice([rng.randrange(300), rng.randrange(0x120000), rng.randrange(10**12)])
        end = rng.choice([";", ";", "", " ", "x;"])
        return "&" + rng.choice([name, name.upper(), name[: rng.randrange(1, 9)] + end, f"#{number}{end}", f"#x{number:x}{end}",
                                 f"#X{number:X}{end}", "#;", "#59;", "amp;" * 3 + "lt;", "amp;#38;eacute;"])

    def text(self) -> str:
        rng = self.rng
        parts = [lambda: self.character(), lambda: self.reference(),
                 lambda: "\x1b[" + rng.choice(["31;1m", "m", "\u0663m", "3 m", "0;;K", ";"]),
                 lambda: rng.choice(["<", "\n", "\r\n", "&lt;", " ", "café", "東京", "\u1100\u1161\u11a8", "e\u0301\u0327"])]
        weights = [10, 4, 1, 4]
        return "".join(rng.choices(parts, weights)[0]() for _ in range(rng.randrange(30)))

    def prompt(self) -> str:
        """A cleaned text that special tokens, unknown characters and other scripts are strewn in."""
        rng = self.rng
        words = "a tabby cat asleep lighthouse Katze schläft 東京 猫 кошка 雪地 고양이 🦊 naïve Zürich don't 3.14 </s <extra_id_ éÅ½".split()
        special = ["</s>", "<pad>", "<unk>", "<s>", "<extra_id_3>", "<extra_id_299>", "<extra_id_0>", "<extra_id_300>"]
        out = ""
        for _ in range(rng.randrange(14)):
            out += rng.choices([rng.choice(words), rng.choice(special), self.character()], [6, 2, 2])[0]
            out += rng.choice(["", " "])
        return " ".join(out.split())


class Cleaning(unittest.TestCase):
    def agree(self, texts: list[str], want: list[str]) -> None:
        for text, got, expected in zip(texts, lines(["clean"], texts), want, strict=True):
            self.assertEqual(got, expected, repr(text))

    def test_random_texts_are_cleaned_as_ftfy_and_html_do(self) -> None:
        source = RandomText(SEED)
        texts = [source.text() for _ in range(5000)]
        self.agree(texts, [cleaned(text) for text in texts])

    def test_every_reference_and_every_character_of_the_basic_plane(self) -> None:
        texts = [f"&{name}" for name in NAMES] + [f"&{name.upper()}x" for name in NAMES] + [f"<&{name}" for name in NAMES]
        texts += [f"&#{number};" for number in range(0x200)]
        texts += [chr(code) + "a" for code in range(0x10000) if not 0xD800 <= code < 0xE000]
        self.agree(texts, [cleaned(text) for text in texts])

    def test_plain_prompts_are_cleaned_as_the_pipeline_does(self) -> None:
        self.agree(PLAIN, [prompt_clean(text) for text in PLAIN])

    def test_cleaning_twice_changes_nothing_more_on_plain_prompts(self) -> None:
        once = lines(["clean"], PLAIN[:8])
        self.agree(once, once)


class Tokens(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(scratch.cleanup)
        cls.folder = pathlib.Path(scratch.name)
        tiny_tokenizer.make(cls.folder)
        cls.tokenizer = Tokenizer.from_file(str(cls.folder / "tokenizer.json"))
        cls.pieces = sentencepiece.SentencePieceProcessor(model_file=str(cls.folder / "spiece.model"))
        cls.special = regex.compile("(" + "|".join(map(regex.escape, tiny_tokenizer.SPECIAL)) + ")")

    def ids(self, text: str, most: int) -> list[int]:
        """sentencepiece's, and between them what the tokenizers library takes out or leaves: special tokens, and white
        space before them."""
        ids = []
        for stretch in filter(None, self.special.split(text)):
            if self.special.fullmatch(stretch):
                ids.append(self.tokenizer.token_to_id(stretch))
                continue
            ids += self.pieces.encode(stretch)
            if self.pieces.normalize(f"a{stretch}a").endswith("▁a"):
                ids.append(self.pieces.piece_to_id("▁"))
        return [*ids[: most - 1], self.pieces.eos_id()]

    def libraries_agree(self, text: str) -> bool:
        """tokenizers maps each grapheme, or each of its characters, by itself, so that what composes over their borders
        differs (jamo, combining marks behind compatibility characters), and takes </s＞ for a special token."""
        for stretch in self.special.split(text)[::2]:
            normalised = self.tokenizer.normalizer.normalize_str(stretch)
            alike = normalised.strip() == self.pieces.normalize(stretch).replace("▁", " ").strip()
            if not alike or self.special.search(normalised):
                return False
        return True

    def agree(self, texts: list[str], most: int) -> None:
        self.tokenizer.enable_truncation(max_length=most)
        for text, got in zip(texts, lines(["ids", str(self.folder / "spiece.model"), str(most)], texts), strict=True):
            wanted = [self.ids(text, most)] + ([self.tokenizer.encode(text).ids] if self.libraries_agree(text) else [])
            for want in wanted:
                self.assertEqual(got, want, f"{text!r}: {[self.tokenizer.id_to_token(i) for i in want]}")

    def test_ids_are_those_of_sentencepiece_and_of_the_tokenizers_library(self) -> None:
        source = RandomText(SEED)
        self.agree([source.prompt() for _ in range(3000)] + lines(["clean"], PLAIN), 512)

    def test_special_tokens_keep_the_white_space_before_them(self) -> None:
        self.agree(["a </s>", "a</s>b", "</s> a", "</s> </s>", "<extra_id_3>", "a <extra_id_3> b", "a\u200b</s>", "a\u200b", " "], 512)

    def test_truncation_keeps_the_end_of_text(self) -> None:
        long = "cat " * 600
        self.agree([long.strip(), "a cat", ""], 512)
        self.agree([long.strip(), "a cat in the sun", ""], 5)
        self.agree(["a cat", ""], 1)

    def test_the_pipelines_tokenizer_gives_the_same_ids(self) -> None:
        tokenizer = AutoTokenizer.from_pretrained(self.folder)
        texts = lines(["clean"], PLAIN)
        for text, got in zip(texts, lines(["ids", str(self.folder / "spiece.model"), "512"], texts), strict=True):
            self.assertEqual(got, tokenizer(text, truncation=True, max_length=512)["input_ids"], repr(text))


def tiny_encoder(rng: random.Random, vocabulary: int) -> UMT5EncoderModel:
    width = rng.choice([8, 16, 24, 40])
    config = UMT5Config(
        vocab_size=vocabulary, d_model=rng.choice([32, 48, 72]), d_kv=width, num_heads=rng.choice([1, 3, 4, 5]),
        d_ff=rng.choice([56, 96]), num_layers=rng.choice([1, 2, 4]), relative_attention_num_buckets=rng.choice([8, 32]),
        relative_attention_max_distance=rng.choice([20, 128]), feed_forward_proj="gated-gelu")
    model = UMT5EncoderModel(config)
    generator = torch.Generator().manual_seed(rng.randrange(1 << 31))
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        if parameter.ndim == 1:
            parameter.data = 1 + 0.2 * noise
        elif "relative_attention_bias" in name or "shared" in name:
            parameter.data = noise
        else:
            parameter.data = noise / parameter.shape[1] ** 0.5 * (width**-0.5 if ".q." in name else 1)
    return model.eval()


class Umt5(unittest.TestCase):
    def setUp(self) -> None:
        self.rng = random.Random(SEED)
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        self.vocabulary = tiny_tokenizer.make(self.folder / "tokenizer")
        self.tokenizer = AutoTokenizer.from_pretrained(self.folder / "tokenizer")
        (self.folder / "model_index.json").write_text(json.dumps(
            {"_class_name": "WanPipeline", "text_encoder": ["transformers", "UMT5EncoderModel"],
             "tokenizer": ["transformers", "PreTrainedTokenizerFast"]}))
        self.texts = ["", self.rng.choice(PLAIN[:10]), "cat " * self.rng.randrange(60, 400), "cat " * 600]

    @torch.no_grad()
    def embed(self, model: UMT5EncoderModel, text: str) -> torch.Tensor:
        """As the Wan pipeline does."""
        inputs = self.tokenizer([prompt_clean(text)], padding="max_length", max_length=512, truncation=True,
                                add_special_tokens=True, return_attention_mask=True, return_tensors="pt")
        states = model(inputs.input_ids, inputs.attention_mask).last_hidden_state
        return states[0, : int(inputs.attention_mask.sum())]

    def case(self) -> UMT5EncoderModel:
        model = tiny_encoder(self.rng, self.vocabulary + self.rng.choice([0, 28]))
        model.save_pretrained(self.folder / "text_encoder")
        return probe.aligned(UMT5EncoderModel.from_pretrained(self.folder / "text_encoder"))

    def test_float32_embeddings_are_transformers(self) -> None:
        for _ in range(3):
            model = self.case()
            got = probe.run("text", self.folder, {"texts": self.texts, "dtype": "float32"})
            worst = 0.0
            for index, text in enumerate(self.texts):
                want = self.embed(model, text)
                self.assertEqual(got[f"embedding.{index}"].shape, want.shape, repr(text))
                worst = max(worst, probe.distance(got[f"embedding.{index}"], want))
            print(f"float32, {model.config.num_heads} heads of {model.config.d_kv}: {worst:.1e}")
            self.assertLessEqual(worst, 1e-5)

    def test_bfloat16_embeddings_are_as_exact_as_transformers(self) -> None:
        ours, theirs, apart = 0.0, 0.0, 0.0
        for _ in range(2):
            exact_model = self.case().double()
            model = probe.aligned(
                UMT5EncoderModel.from_pretrained(self.folder / "text_encoder", dtype=torch.bfloat16))
            got = probe.run("text", self.folder, {"texts": self.texts, "dtype": "bfloat16"})
            for index, text in enumerate(self.texts):
                exact, want = self.embed(exact_model, text), self.embed(model, text)
                mine = got[f"embedding.{index}"]
                self.assertEqual(mine.dtype, torch.bfloat16)
                ours += probe.distance(mine, exact) ** 2
                theirs += probe.distance(want, exact) ** 2
                apart = max(apart, probe.distance(mine, want))
        print(f"bfloat16: error {ours**0.5:.2e}, transformers' own {theirs**0.5:.2e}, apart at most {apart:.1e}")
        self.assertLessEqual(ours**0.5, 1.1 * theirs**0.5)
        self.assertLessEqual(apart, 1e-3)


if __name__ == "__main__":
    unittest.main()
