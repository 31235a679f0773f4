"""Explain a syntax error in a TOML text, and suggest the correction.

``tomllib`` reports the place where it stopped. The correction depends on the text at
that place: a duplicate key needs another one than a text without quotes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from uploadfilter.errors import ConfigError

_PLACE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
_KEY = re.compile(r"\s*([\w.-]+|\"[^\"\n]*\"|'[^'\n]*')[ \t]*=")
_HEADING = re.compile(r"\s*\[\[?[ \t]*([^\]\n]+?)[ \t]*\]")
_DUPLICATES: Final = (
    "Cannot overwrite",
    "Cannot declare",
    "Cannot mutate",
    "Cannot redefine",
    "Duplicate inline",
)
_QUOTE: Final = "A text must end on its line, with the quote that it began with."
_STATEMENT: Final = "Write KEY = VALUE, or [TABLE] on a line of its own."
_HINTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Unescaped": "Between double quotes a backslash begins an escape: write the "
        "text between single quotes.",
        "Unterminated": _QUOTE,
        "Illegal character": _QUOTE,
        "Expected newline": "Write each key on a line of its own, and a text in double "
        "quotes; if the text contains a double quote, write it in single quotes.",
        "Expected '='": _STATEMENT,
        "Invalid statement": _STATEMENT,
        "Invalid initial": "A key consists of letters, digits, - and _.",
        "Unclosed array": "End the list with ].",
        "Unclosed inline": "End a table that begins with { with } on the same line.",
        "Expected ']": "End the heading of a table with ], and that of a list with ]].",
        "Invalid value": "Write a text in double quotes, also a number with a unit; "
        "write "
        "true and false in small letters.",
    }
)
"""The correction, by the beginning of ``tomllib``'s message."""


@dataclass(frozen=True, slots=True)
class TOMLFault:
    """A syntax error in a TOML text.

    Attributes:
        line: The line, from 1; ``None`` if it is about the whole text.
        text: The mistake, without the place.
        hint: What to write instead, as a sentence; empty if nothing is known.
    """

    line: int | None
    text: str
    hint: str

    def in_file(self, path: object, *, see: str) -> ConfigError:
        """Return the fault as an error for one of the operator's files.

        Args:
            path: The file.
            see: A sentence that names the file's description; the hint if nothing else
                is known.
        """
        where = f"{path}" if self.line is None else f"{path}:{self.line}"
        return ConfigError(f"{where}: {self.text}", hint=self.hint or see)


def fault_of(text: str, exc: ValueError) -> TOMLFault:
    """Return the fault of a text that ``tomllib`` refused.

    Args:
        text: The text.
        exc: The exception, which may be Python's about a number of thousands of digits.
    """
    place = _PLACE.search(str(exc))
    line = int(place[1]) if place and place[1] else text.count("\n") + 1
    what = str(exc)[: place.start()] if place else str(exc)
    where = line if place else None
    if what.startswith(_DUPLICATES):
        return _set_twice(text.split("\n"), line, where)
    hints = [hint for beginning, hint in _HINTS.items() if what.startswith(beginning)]
    return TOMLFault(where, f"not TOML: {what}", hints[0] if hints else "")


def _set_twice(lines: list[str], line: int, where: int | None) -> TOMLFault:
    """Return the fault for a duplicate key or table, whose second line is ``line``."""
    # The parser may notice a mistake one line later.
    for at in (line, line - 1):
        if not 0 < at <= len(lines):
            continue
        pattern = _HEADING if _HEADING.match(lines[at - 1]) else _KEY
        found = pattern.match(lines[at - 1])
        if found is None:
            continue
        kind = "table" if pattern is _HEADING else "key"
        name = found[1].strip("\"'")
        first = _first(lines[: at - 1], pattern, name)
        since = f", the first time in line {first}" if first else ""
        if kind == "table" and not first:
            since = ", or a key has the same name"
        return TOMLFault(
            where,
            f"the {kind} {name!r} is there twice{since}",
            "Remove one of the two."
            if kind == "key"
            else f"Write all keys of [{name}] below one heading.",
        )
    return TOMLFault(where, "a key is there twice", "Remove one of the two.")


def _first(lines: list[str], pattern: re.Pattern[str], name: str) -> int | None:
    """Return the line, counted from 1, of a key of the same table, or of a table."""
    for at in range(len(lines), 0, -1):
        found = pattern.match(lines[at - 1])
        if found and found[1].strip("\"'") == name:
            return at
        if pattern is _KEY and _HEADING.match(lines[at - 1]):
            return None
    return None
