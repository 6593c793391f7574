"""Writes html_entities.inc, upper_entities.inc and width_map.inc from Python's html5 table and ftfy 6.3.1's tables.

Run by hand when one of them changes: python models/text/make_tables.py
"""

import html.entities
import pathlib

from ftfy.chardata import HTML_ENTITIES, WIDTH_MAP

FOLDER = pathlib.Path(__file__).parent


def code_points(text: str, width: int) -> str:
    assert 1 <= len(text) <= width, text
    return ", ".join(hex(ord(c)) for c in text)


def write(name: str, entries: list[str]) -> None:
    lines, line = [], ""
    for entry in entries:
        if line and len(line) + len(entry) + 1 > 110:
            lines.append(line)
            line = ""
        line += (" " if line else "") + entry
    text = "\n".join(["// Made by make_tables.py: do not edit.", *lines, line, ""])
    (FOLDER / name).write_text(text, encoding="ascii")


def main() -> None:
    html5 = html.entities.html5
    write("html_entities.inc", [f'{{"{name}", {{{code_points(html5[name], 2)}}}}},' for name in sorted(html5)])
    upper = {name[1:]: value for name, value in HTML_ENTITIES.items() if name[1:] not in html5}
    write("upper_entities.inc", [f'{{"{name}", {{{code_points(upper[name], 3)}}}}},' for name in sorted(upper)])
    assert all(html5[name[1:]] == value for name, value in HTML_ENTITIES.items() if name[1:] in html5)
    write("width_map.inc", [f"{{{hex(key)}, {{{code_points(WIDTH_MAP[key], 2)}}}}}," for key in sorted(WIDTH_MAP)])


main()
