"""Prompts to UMT5's embeddings, as ditmill makes them."""

import pathlib

import sentencepiece
import torch
from transformers import UMT5Config, UMT5EncoderModel

EOS, SENTINELS = 1, 300
LONGEST = 16  # tokens of a prompt, its end included
WIDTH = 128


class Texts:
    """The tokenizer of a training's folder."""

    def __init__(self, folder: pathlib.Path):
        self.pieces = sentencepiece.SentencePieceProcessor(model_file=str(folder / "spiece.model"))
        self.rows = self.pieces.get_piece_size() + SENTINELS

    def ids(self, prompts: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
        """Ids [B, LONGEST], zeros behind each </s>, and how many each prompt has [B]."""
        rows = [[*self.pieces.encode(prompt), EOS] for prompt in prompts]
        ids = torch.zeros(len(rows), LONGEST, dtype=torch.long)
        for at, row in enumerate(rows):
            ids[at, :len(row)] = torch.tensor(row)
        return ids, torch.tensor([len(row) for row in rows])


def make_encoder(rows: int) -> UMT5EncoderModel:
    return UMT5EncoderModel(UMT5Config(
        vocab_size=rows, d_model=WIDTH, d_kv=32, num_heads=4, d_ff=256, num_layers=2, dropout_rate=0.0,
        feed_forward_proj="gated-gelu", tie_word_embeddings=False))


def encode(encoder: UMT5EncoderModel, ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """[B, LONGEST, WIDTH]; what is behind a prompt's end means nothing."""
    mask = torch.arange(ids.shape[1]) < lengths[:, None]
    return encoder(input_ids=ids, attention_mask=mask).last_hidden_state
