"""Trains the tokenizer: sentencepiece's unigram model of the world's prompts, with UMT5's special ids and byte pieces."""

import argparse
import io
import pathlib
import random

import sentencepiece

import scenes

# Other English, so that a text of other words falls apart into few pieces.
MORE = ("the quick brown fox jumps over a lazy dog while it is bright and sunny outside in the garden near that old house",
        "slow motion of rain on windows, shallow depth, static, blurred details, low quality, worst result",
        "some people walk with their dogs through falling snow and then they go home again, very happy")


def words() -> list[str]:
    """The world's."""
    return sorted({word.strip(",") for scene in scenes.scenes() for prompt in scenes.prompts(scene)
                   for word in prompt.split()})


def corpus() -> list[str]:
    """Prompts; and each word before several marks, for only what begins different words can become a piece."""
    every = [prompt for scene in scenes.training_scenes() for prompt in scenes.prompts(scene)]
    marked = [word + mark for word in words() for mark in ",.!?"]
    return random.Random(1).sample(every, 20000) + [*MORE, scenes.NEGATIVE_PROMPT] * 200 + marked * 20


def train() -> bytes:
    """A spiece.model."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus()), model_writer=model, vocab_size=420, hard_vocab_limit=False,
        model_type="unigram", byte_fallback=True, character_coverage=1.0, pad_id=0, eos_id=1, bos_id=2, unk_id=3,
        num_threads=1, minloglevel=2)
    return model.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    folder = parser.parse_args().folder
    model = train()
    (folder / "spiece.model").write_bytes(model)
    pieces = sentencepiece.SentencePieceProcessor(model_proto=model)
    apart = [word for word in words() if len(pieces.encode(word)) > 1]
    longest = max(len(pieces.encode(prompt)) for scene in scenes.scenes() for prompt in scenes.prompts(scene))
    print(f"{pieces.get_piece_size()} pieces; prompts of at most {longest}; words of several: {' '.join(apart) or 'none'}")


if __name__ == "__main__":
    main()
