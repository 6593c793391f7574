"""Random tokenizer.json files of the T5 family, and texts that look for their weak places."""

import base64
import functools
import io
import json
import random
import tempfile

import sentencepiece
import tiny_tokenizer
from tokenizers import Tokenizer

SPACES = " \u00a0\t\n\r\u2003\u3000\u2028\x85"
PLACES = [(0x20, 0x7F), (0x20, 0x7F), (0x80, 0x250), (0x300, 0x370), (0x590, 0x5D0), (0x600, 0x620), (0x900, 0xA00),
          (0x1100, 0x1200), (0xAC00, 0xAD00), (0x1AB0, 0x1AFF), (0x1D00, 0x2000), (0x2000, 0x2070), (0x2460, 0x2500),
          (0x3000, 0x3400), (0xF900, 0x10000), (0x11000, 0x11400), (0x1D400, 0x1D800), (0x1F1E6, 0x1F200),
          (0x1F300, 0x1FB00), (0xE0000, 0xE0200), (0x0, 0x20), (0x0, 0xD800), (0xE000, 0x110000)]
PICKED = ["e\u0301", "\uff21\u0301", "\u00e9\u0327\u0301", "\u1100\u1161\u11a8", "\u0915\u094d\u0937\u0301", "\u00a9\u200d\u00ae",
          "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f1e9\U0001f1ea\U0001f1eb", "\r\n", "\u0600a", "\u200b", "\ufeff", "\u0130",
          "\ufdfa", "\u00a8\u0301", "\u00bd", "\u2460\u20dd", "\uff76\uff9e", "\u1e9b\u0323", "\u0344", "\U00011935\U00011930", "<0xE2>",
          "\u2581", "\u2581\u2581", "\x00", "\ufffd", "\u03a3", "\u212a", "\u0345\u0301"]


@functools.lru_cache
def character_map(rule: str) -> bytes:
    """sentencepiece's own map of that name, or one that treats the odd ends of grapheme clusters."""
    model = io.BytesIO()
    options = {"normalization_rule_name": rule}
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as file:
        if rule == "odd":
            file.write("58\t59 5A\n0600\t42\n0915\t\n0915 094D\t43 44\nA9\t28\n41\t41 41 41\n200D\t2D\n65 301\tE9\n")
            file.flush()
            options = {"normalization_rule_tsv": file.name}
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(["abc abd"] * 20), model_writer=model, vocab_size=12, hard_vocab_limit=False, minloglevel=2, **options)
    return tiny_tokenizer.character_map(model.getvalue())


class RandomTokenizer:
    """Draws a file: `text` is its JSON."""

    def __init__(self, rng: random.Random):
        self.rng = rng
        self.letters = [self.character() for _ in range(rng.choice([8, 30, 80]))] + list("aaabbcde")
        self.pieces = self.vocabulary()
        self.added = self.added_tokens()
        self.text = self.file()

    def character(self) -> str:
        rng = self.rng
        while True:
            code = rng.randrange(*rng.choice(PLACES))
            if not 0xD800 <= code < 0xE000:
                return chr(code)

    def piece(self) -> str:
        rng = self.rng
        text = "".join(rng.choice(self.letters) for _ in range(rng.choice([1, 1, 1, 2, 2, 3, 4, 7])))
        return rng.choice(["", "", "\u2581"]) + text

    def vocabulary(self) -> list[str]:
        rng = self.rng
        self.byte_fallback = rng.random() < 0.6
        pieces = ["<pad>", "</s>", "<unk>", "\u2581"] + (["<s>"] if rng.random() < 0.5 else [])
        if self.byte_fallback or rng.random() < 0.3:
            pieces += [f"<0x{byte:02X}>" for byte in range(256) if rng.random() < rng.choice([1, 1, 0.98])]
        pieces += [self.piece() for _ in range(rng.choice([20, 200, 600]))]
        if rng.random() < 0.5:
            pieces = list(dict.fromkeys(pieces))
        if rng.random() < 0.5:
            pieces += [f"<extra_id_{i}>" for i in reversed(range(4))]
        return pieces

    def score(self) -> str:
        """A number as a file may spell it."""
        rng = self.rng
        return rng.choice([
            lambda: rng.choice(["-1.0", "-2", "-3.5", "0", "0.0", "-0.5"]), lambda: repr(-rng.random() * 15),
            lambda: repr(-rng.random() * 15), lambda: f"{-rng.random() * 12:.25f}", lambda: f"{-rng.random():.17e}", lambda: "-1.1",
        ])() if rng.random() < 0.8 else str(-rng.randrange(1, 5))

    def added_tokens(self) -> list[dict]:
        rng = self.rng
        names = ["<pad>", "</s>", "<unk>"] + [f"<extra_id_{i}>" for i in range(4)]
        names += rng.sample(["[Mask]", "ab", "a", "<<", "<", " x ", rng.choice(["é", "e\u0301"]), "Ｑ", "<extra_id_", "Word", "  "], rng.randrange(6))
        tokens = []
        for name in names:
            odd = rng.random() < 0.5
            tokens.append({"id": len(tokens), "content": name, "single_word": odd and rng.random() < 0.4, "lstrip": odd and rng.random() < 0.4,
                           "rstrip": odd and rng.random() < 0.4, "normalized": name[0] != "<" and rng.random() < 0.4, "special": rng.random() < 0.7})
        return tokens

    def normalizer(self, depth: int = 0) -> dict | None:
        rng = self.rng
        rules = ["nmt_nfkc", "nmt_nfkc", "nmt_nfkc_cf", "odd"]
        precompiled = {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(character_map(rng.choice(rules))).decode()}
        runs = {"type": "Replace", "pattern": {"Regex": rng.choice([" {2,}", "\\s+", " +", "[ \\t]{2,3}", "\\n", "a+b?", "\\.", "\\s{2}"])},
                "content": rng.choice([" ", "", "\u2581"])}
        if depth == 0 and rng.random() < 0.5:
            return rng.choice([None, precompiled, {"type": "Sequence", "normalizers": [precompiled, {**runs, "pattern": {"Regex": " {2,}"}}]}])
        return rng.choice([
            lambda: precompiled, lambda: runs, lambda: {"type": rng.choice(["NFC", "NFD", "NFKC", "NFKD"])}, lambda: {"type": "Lowercase"},
            lambda: {"type": "Strip", "strip_left": rng.random() < 0.6, "strip_right": rng.random() < 0.6},
            lambda: {"type": "Prepend", "prepend": rng.choice(["\u2581", "ab", " "])},
            lambda: {"type": "Replace", "pattern": {"String": rng.choice([" ", "a", "ab", "\n", "``"])}, "content": rng.choice(["\u2581", "", "aa"])},
            lambda: {"type": "Sequence", "normalizers": [self.normalizer(depth + 1) for _ in range(rng.randrange(4))]} if depth < 2 else runs,
        ])()

    def pre_tokenizer(self) -> dict | None:
        rng = self.rng
        scheme = rng.choice(["always", "always", "first", "never"])
        space = {"type": "Metaspace", "replacement": rng.choice(["\u2581", "\u2581", "_"]), "prepend_scheme": scheme}
        if rng.random() < 0.5:
            space |= {"split": rng.random() < 0.7}
        if rng.random() < 0.3:
            space |= {"add_prefix_space": scheme != "never", "str_rep": "\u2581"}
        return rng.choice([None, space, space, {"type": "WhitespaceSplit"},
                           {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, space]}])

    def post_processor(self) -> dict | None:
        rng = self.rng
        end = {"SpecialToken": {"id": "</s>", "type_id": 0}}
        whole = [{"Sequence": {"id": "A", "type_id": 0}}]
        single = rng.choice([whole + [end], whole + [end], [end] + whole, [end] + whole + [end], whole])
        return rng.choice([None] + 4 * [{"type": "TemplateProcessing", "single": single, "pair": whole + [{"Sequence": {"id": "B", "type_id": 1}}],
                                         "special_tokens": {"</s>": {"id": "</s>", "ids": rng.choice([[1], [1, 2]]), "tokens": ["</s>", "x"]}}}])

    def file(self) -> str:
        for processor in [self.post_processor()]:
            if processor:
                token = processor["special_tokens"]["</s>"]
                token["tokens"] = token["tokens"][: len(token["ids"])]
        normalizer = self.normalizer()
        self.drop_collisions(normalizer)
        pieces = ",".join(f"[{json.dumps(piece, ensure_ascii=self.rng.random() < 0.5)},{self.score()}]" for piece in self.pieces)
        parts = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": self.added, "normalizer": normalizer,
                 "pre_tokenizer": self.pre_tokenizer(), "post_processor": processor, "decoder": None}
        fields = [f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=self.rng.random() < 0.5)}" for name, value in parts.items()]
        model = ['"type":"Unigram"', f'"unk_id":{self.rng.choice([2, 2, 2, 5])}', f'"byte_fallback":{json.dumps(self.byte_fallback)}',
                 f'"vocab":[{pieces}]']
        self.rng.shuffle(model)
        fields.append('"model": {' + ",".join(model) + "}")
        self.rng.shuffle(fields)
        return "{" + ",".join(fields) + "}"

    def drop_collisions(self, normalizer: dict | None) -> None:
        """Of added tokens that look the same once normalised the library takes any; one that vanishes breaks it."""
        model = {"type": "Unigram", "unk_id": 0, "vocab": [["x", 0]]}
        normalized = Tokenizer.from_str(json.dumps({"version": "1.0", "normalizer": normalizer, "model": model})).normalizer
        looks = {}
        for token in self.added:
            look = normalized.normalize_str(token["content"]) if normalized and token["normalized"] else token["content"]
            if look:
                looks.setdefault((look, token["normalized"]), token)
        self.added = list(looks.values())

    def sample(self) -> str:
        rng = self.rng
        out = ""
        for _ in range(rng.choice([0, 1, 2, 3, 5, 8, 13, 40])):
            out += rng.choices([
                lambda: rng.choice(self.pieces).replace("\u2581", " "), lambda: rng.choice(self.letters), self.character,
                lambda: rng.choice(self.added)["content"], lambda: rng.choice(PICKED), lambda: rng.choice(SPACES) * rng.choice([1, 1, 2, 5])],
                [5, 5, 2, 2, 2, 3])[0]()
        return out
