"""Writes unicode_tables.inc: what the `tokenizers` library 0.23.3 knows of Unicode, from the library itself and `regex`.

Run by hand when one of them changes: .deps/python/bin/python models/tokenizers/unigram/make_tables.py
"""

import io
import pathlib
import sys
import tempfile

import regex
import sentencepiece
from tokenizers import normalizers, pre_tokenizers

sys.path.append(str(pathlib.Path(__file__).parents[2] / "tests/reference"))
import tiny_tokenizer  # noqa: E402

CHARACTERS = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
# `regex` may know a later Unicode than the library: what joins a letter is asked of the library, too. Hangul
# syllables are told by arithmetic.
JOINING = {"zwj", "linker", "extend_conjunct", "extend", "spacing_mark"}
BREAKS = {
    "carriage_return": r"\r", "line_feed": r"\n", "control": r"\p{GCB=Control}", "zwj": r"\p{GCB=ZWJ}",
    "linker": r"\p{InCB=Linker}", "extend_conjunct": r"(?=\p{GCB=Extend})\p{InCB=Extend}", "extend": r"\p{GCB=Extend}",
    "consonant": r"\p{InCB=Consonant}", "regional": r"\p{GCB=Regional_Indicator}", "prepend": r"\p{GCB=Prepend}",
    "spacing_mark": r"\p{GCB=SpacingMark}", "hangul_l": r"\p{GCB=L}", "hangul_v": r"\p{GCB=V}", "hangul_t": r"\p{GCB=T}",
    "pictographic": r"\p{Extended_Pictographic}",
}


def ranges(values: dict[int, object]) -> list[tuple[int, int, object]]:
    """Runs of neighbouring code points with one value."""
    found: list[list] = []
    for code in sorted(values):
        if found and found[-1][1] == code - 1 and found[-1][2] == values[code]:
            found[-1][1] = code
        else:
            found.append([code, code, values[code]])
    return [tuple(run) for run in found]


def compiled(rules: dict[str, str]) -> bytes:
    """sentencepiece's compiled form of replacements, which the library applies to grapheme clusters."""
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as file:
        file.writelines(f"{ord(old):X}\t{ord(new):X}\n" for old, new in rules.items())
        file.flush()
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(["abc abd"] * 20), model_writer=model, vocab_size=12, hard_vocab_limit=False,
            normalization_rule_tsv=file.name, minloglevel=2)
    return tiny_tokenizer.character_map(model.getvalue())


def breaks() -> list[str]:
    patterns = [(name, regex.compile(pattern)) for name, pattern in BREAKS.items()]
    prepend = regex.compile(BREAKS["prepend"])
    replaced = normalizers.Precompiled(compiled({"X": "Y"} | {c: "Z" for c in CHARACTERS if prepend.match(c)}))

    def known(c: str, name: str) -> bool:
        # A cluster under six bytes whose first character is replaced loses the others.
        if name in JOINING:
            return replaced.normalize_str("X" + c) == "Y"
        return replaced.normalize_str(c + "X") == "Z" if name == "prepend" else True

    classes = {}
    for c in CHARACTERS:
        name = next((name for name, pattern in patterns if pattern.match(c) and known(c, name)), None)
        if name:
            classes[ord(c)] = name
        assert name in JOINING or replaced.normalize_str("X" + c) != "Y", hex(ord(c))
    return [f"{{{first:#x}, {last:#x}, Break::{name}}}," for first, last, name in ranges(classes)]


def words() -> list[str]:
    """Where `\\w` matches: a character that makes one word with the letter before it."""
    split = pre_tokenizers.Whitespace()
    inside = {ord(c): True for c in CHARACTERS if [part for part, _ in split.pre_tokenize_str("a" + c)] == ["a" + c]}
    return [f"{{{first:#x}, {last:#x}}}," for first, last, _ in ranges(inside)]


def lower() -> list[str]:
    """Runs (first, last, step, difference) of characters with one other character as their small letter."""
    small = normalizers.Lowercase()
    changed = [(ord(c), small.normalize_str(c)) for c in CHARACTERS if small.normalize_str(c) != c]
    assert [(code, text) for code, text in changed if len(text) != 1] == [(0x130, "i\u0307")]
    runs: list[list[int]] = []
    for code, text in changed:
        if code == 0x130:
            continue
        difference = ord(text) - code
        if runs and runs[-1][3] == difference and code - runs[-1][1] in (1, 2) and runs[-1][2] in (0, code - runs[-1][1]):
            runs[-1][1:3] = [code, code - runs[-1][1]]
        else:
            runs.append([code, code, 0, difference])
    return [f"{{{first:#x}, {last:#x}, {max(step, 1)}, {difference}}}," for first, last, step, difference in runs]


def later() -> list[str]:
    """What Unicode gave a role in normal forms after 12.0, where the library's tables for them end."""
    decomposed, composed = normalizers.NFKD(), regex.compile(r"\P{DT=None}")
    mark, lowest = regex.compile(r"\P{CCC=0}"), regex.compile(r"\p{CCC=1}")

    def is_later(c: str) -> bool:
        if mark.match(c):
            swapped = "\u0301" + c if lowest.match(c) else c + "\u0334"
            return decomposed.normalize_str(swapped) == swapped
        return composed.match(c) is not None and decomposed.normalize_str(c) == c

    inside = {ord(c): True for c in CHARACTERS if is_later(c)}
    return [f"{{{first:#x}, {last:#x}}}," for first, last, _ in ranges(inside)]


def table(head: str, entries: list[str]) -> list[str]:
    lines, line = [], ""
    for entry in entries:
        if line and len(line) + len(entry) + 1 > 110:
            lines.append(line)
            line = ""
        line += (" " if line else "") + entry
    return [head.format(len(entries)), *lines, line, "}};"]


def main() -> None:
    text = ["// Made by make_tables.py: do not edit.",
            *table("constexpr std::array<BreakRange, {}> break_ranges{{{{", breaks()),
            *table("constexpr std::array<Range, {}> word_ranges{{{{", words()),
            *table("constexpr std::array<LowerRange, {}> lower_ranges{{{{", lower()),
            *table("constexpr std::array<Range, {}> later_ranges{{{{", later()), ""]
    (pathlib.Path(__file__).parent / "unicode_tables.inc").write_text("\n".join(text), encoding="ascii")


main()
