"""Makes a tiny tokenizer folder of UMT5's shape: spiece.model, a tokenizer.json equal to it, tokenizer_config.json.

python tests/reference/tiny_tokenizer.py FOLDER [--no-spiece]
--no-spiece: tokenizer.json instead of spiece.model, not beside it.
"""

import io
import json
import pathlib
import sys

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import Unigram

SENTINELS = 300
SPECIAL = ["<pad>", "</s>", "<s>", "<unk>"] + [f"<extra_id_{i}>" for i in range(SENTINELS)]
CORPUS = """\
a tabby cat asleep in the sun
the quick brown fox jumps over the lazy dog
two red boats drift past a lighthouse at night
slow motion of rain on a window, shallow depth of field, 4k
an old man walks his dog through falling snow
bright colours, overexposed, static, blurred details, subtitles, worst quality
une maison près de la mer, où dorment les chats
die Katze schläft in der Sonne über den Dächern
el perro corre por la playa al atardecer
кошка спит на солнце у окна
東京の夜景、猫が静かに歩く
一只红狐狸走过雪地，天空很蓝
고양이가 햇볕에서 잔다
قطة نائمة في الشمس
"Hello, world!" she said; it's 3.14 times (or 2x) better - isn't it?
""".splitlines()


def fields(message: bytes):
    """The (number, value) pairs of a protocol buffers message."""
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        key = varint()
        if key & 7 == 0:
            yield key >> 3, varint()
            continue
        size = {1: 8, 5: 4}.get(key & 7) or varint()
        yield key >> 3, message[at : at + size]
        at += size


def train() -> bytes:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS * 20),
        model_writer=model,
        vocab_size=700,
        hard_vocab_limit=False,
        model_type="unigram",
        byte_fallback=True,
        character_coverage=1.0,
        pad_id=0,
        eos_id=1,
        bos_id=2,
        unk_id=3,
        minloglevel=2,
    )
    return model.getvalue()


def character_map(model: bytes) -> bytes:
    """The compiled character map of a spiece.model."""
    normalizer = next(value for number, value in fields(model) if number == 3)
    return next(value for number, value in fields(normalizer) if number == 2)


def tokenizer_json(model: bytes) -> Tokenizer:
    """The published tokenizer.json's behaviour: sentinels behind the pieces, special tokens cut out first."""
    pieces = sentencepiece.SentencePieceProcessor(model_proto=model)
    names = [pieces.id_to_piece(i) for i in range(pieces.get_piece_size())]
    vocabulary = [(name, pieces.get_score(i)) for i, name in enumerate(names)]
    vocabulary += [(f"<extra_id_{i}>", 0.0) for i in reversed(range(SENTINELS))]
    tokenizer = Tokenizer(Unigram(vocabulary, unk_id=pieces.unk_id(), byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Precompiled(character_map(model)), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", pieces.eos_id())]
    )
    tokenizer.add_special_tokens([AddedToken(name, normalized=False, special=True) for name in SPECIAL])
    return tokenizer


def make(folder: pathlib.Path, spiece: bool = True) -> int:
    """Writes the folder, spiece.model if asked; returns the number of ids, which an embedding must have at least."""
    folder.mkdir(parents=True, exist_ok=True)
    model = train()
    if spiece:
        (folder / "spiece.model").write_bytes(model)
    tokenizer = tokenizer_json(model)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "pad_token": "<pad>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
        "model_max_length": 512,
        "padding_side": "right",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    return tokenizer.get_vocab_size()


if __name__ == "__main__":
    print(make(pathlib.Path(sys.argv[1]), spiece="--no-spiece" not in sys.argv[2:]))
