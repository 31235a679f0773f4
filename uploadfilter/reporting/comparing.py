"""Name the places in which a page or a table shows something else than its logs give.

A page is written line by line, with one cell in each line, so that two pages of the
same figures have the same number of lines.
"""

import csv
import html
import io
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

MOST_CHARACTERS: Final = 60
"""Longest text that is shown whole: a cell of a table, never a paragraph."""

_TAG: Final = re.compile(r"<[^>]*>")
_TITLE: Final = "<h2"
_ROW: Final = "<tr>"
_ROW_NAME: Final = '<th scope="row">'
_DATA: Final = "<script"


class ShownOtherwise(NamedTuple):
    """One place in which a report differs.

    Attributes:
        what: The table and the row, or the figure, by name.
    """

    what: str
    shown: str
    expected: str


def page_differences(shown: str, expected: str) -> Iterator[ShownOtherwise]:
    """Yield the cells and texts in which a page differs.

    Nothing, if pages differ in their number of lines or in what people do not see.
    """
    before, after = shown.splitlines(), expected.splitlines()
    if len(before) != len(after):
        return
    section, row = "", list[str]()
    for old, new in zip(before, after, strict=True):
        if new.startswith(_TITLE):
            section, row = _text(new), []
        elif new.startswith(_ROW):
            row = []
        elif new.startswith(_ROW_NAME):
            row.append(_text(new))
        if _text(old) != _text(new) and not new.startswith(_DATA):
            what = ", ".join(filter(None, (section, *row)))
            yield ShownOtherwise(what, *_shortened(_text(old), _text(new)))


def table_differences(shown: str, expected: str) -> Iterator[ShownOtherwise]:
    """Yield the figures in which a table differs."""
    before, after = _figures(shown), _figures(expected)
    for name in dict.fromkeys((*after, *before)):
        if before.get(name) != after.get(name):
            yield ShownOtherwise(
                ", ".join(filter(None, name)),
                before.get(name, "nothing"),
                after.get(name, "nothing"),
            )


def _figures(text: str) -> dict[tuple[str, ...], str]:
    rows = csv.reader(io.StringIO(text, newline=""))
    return {tuple(row[1:-1]): row[-1] for row in rows if row[:1] == ["figure"]}


def _shortened(shown: str, expected: str) -> tuple[str, str]:
    """Return two texts, of long ones only the part from the first difference on."""
    if max(len(shown), len(expected)) <= MOST_CHARACTERS:
        return shown, expected
    pairs = enumerate(zip(shown, expected, strict=False))
    at = next((at for at, (old, new) in pairs if old != new), len(expected))
    start = max(0, at - MOST_CHARACTERS // 2)
    end = start + MOST_CHARACTERS
    return f"...{shown[start:end]}...", f"...{expected[start:end]}..."


def _text(line: str) -> str:
    return html.unescape(_TAG.sub("", line)).strip()
