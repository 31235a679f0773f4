"""Find the line of each key of a TOML file.

``tomllib`` returns the values of a file, but not their lines. This module reads the
same text again to find the places of its keys. It reads only a text that ``tomllib``
has accepted, so it need not refuse anything: it follows the grammar of TOML 1.0 only as
far as needed to find the end of each value.
"""

import bisect
import re
import tomllib
from collections.abc import Iterator
from typing import Final, TypeAlias

Key: TypeAlias = tuple[str | int, ...]
"""The path of a value: names of tables and keys, and indices of lists, from 0."""

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}#\r\n]+")
_STRINGS: Final = (
    # A string of several lines may end with up to two quotes of its own.
    re.compile(r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*"{3,5}', re.DOTALL),
    re.compile(r"'''(?:[^']|'{1,2}(?!'))*'{3,5}", re.DOTALL),
    re.compile(r'"(?:[^"\\]|\\.)*"'),
    re.compile(r"'[^']*'"),
)


def lines_of(text: str) -> dict[Key, int]:
    """Return the line of every key, table and element of a list.

    Args:
        text: A text that ``tomllib`` accepts, with line ends as in the file.

    Returns:
        Numbers of lines, from 1. The line of a table is the first with its name.
    """
    reading = _Reading(text)
    reading.document()
    return reading.found


class _Reading:
    """One pass over a text."""

    def __init__(self, text: str) -> None:
        self.found: dict[Key, int] = {}
        self._text = text
        self._at = 0
        self._ends = [match.start() for match in re.finditer("\n", text)]
        self._lists: dict[Key, int] = {}  # lists of [[tables]], and their lengths

    def document(self) -> None:
        table: Key = ()
        self._skip(_BLANK)
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._skip(_BLANK)

    def _header(self) -> Key:
        line = self._line()
        is_list = self._text.startswith("[[", self._at)
        self._at += 2 if is_list else 1
        names = tuple(self._names())
        self._at += 2 if is_list else 1
        if not is_list:
            return self._note(self._resolved(names), line)
        outer = self._note((*self._resolved(names[:-1]), names[-1]), line)
        index = self._lists.get(outer, 0)
        self._lists[outer] = index + 1
        return self._note((*outer, index), line)

    def _resolved(self, names: tuple[str, ...]) -> Key:
        """Return the table that names lead to; of a list of tables, the last one."""
        key: Key = ()
        for name in names:
            key = (*key, name)
            if key in self._lists:
                key = (*key, self._lists[key] - 1)
        return key

    def _pair(self, table: Key) -> None:
        line = self._line()
        key = table
        for name in self._names():
            key = self._note((*key, name), line)
        self._at += 1  # the equals sign
        self._skip(_SPACE)
        self._value(key)

    def _names(self) -> Iterator[str]:
        """Yield the parts of a key, up to the equals sign or bracket after it."""
        while True:
            self._skip(_SPACE)
            bare = _BARE_KEY.match(self._text, self._at)
            name = bare[0] if bare else self._string()
            self._at = bare.end() if bare else self._at
            yield name if bare else tomllib.loads(f"x = {name}")["x"]
            self._skip(_SPACE)
            if self._text[self._at] != ".":
                return
            self._at += 1

    def _value(self, key: Key) -> None:
        match self._text[self._at]:
            case "[":
                self._list(key)
            case "{":
                self._table(key)
            case '"' | "'":
                self._string()
            case _:
                self._skip(_SCALAR)

    def _list(self, key: Key) -> None:
        index = 0
        self._at += 1
        self._skip(_BLANK)
        while self._text[self._at] != "]":
            self._value(self._note((*key, index), self._line()))
            index += 1
            self._comma()
        self._at += 1

    def _table(self, key: Key) -> None:
        self._at += 1
        self._skip(_BLANK)
        while self._text[self._at] != "}":
            self._pair(key)
            self._comma()
        self._at += 1

    def _comma(self) -> None:
        self._skip(_BLANK)
        if self._text[self._at] == ",":
            self._at += 1
            self._skip(_BLANK)

    def _string(self) -> str:
        for pattern in _STRINGS:
            found = pattern.match(self._text, self._at)
            if found:
                self._at = found.end()
                return found[0]
        raise ValueError("not TOML")

    def _skip(self, pattern: re.Pattern[str]) -> None:
        found = pattern.match(self._text, self._at)
        self._at = found.end() if found else self._at

    def _note(self, key: Key, line: int) -> Key:
        self.found.setdefault(key, line)
        return key

    def _line(self) -> int:
        return bisect.bisect_left(self._ends, self._at) + 1
