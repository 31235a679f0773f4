"""Read JSON documents of any length, record by record.

Exports of other programs are one document of gigabytes, whose records stand in lists
inside lists. A ``DocumentShape`` names the fields that lead to the records. Memory is
bounded for every file: a record that does not fit into the window is read field by
field, and unwanted values are skipped, however long they are.

A record is decoded by Python's own ``json``, which is twice as fast as a parser of
events (ADR 0024). The slow twin is ``json.loads`` and a walk over what it returns
(``tests/hashsets/foreign/test_documents.py``).
"""

import codecs
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BufferedReader
from types import MappingProxyType
from typing import Final, NoReturn

from uploadfilter.errors import HashSetFormatError

CHUNK_BYTES: Final = 256 << 10
"""Bytes of one read: a thousand records."""

MOST_RECORD_CHARACTERS: Final = 1 << 20
"""Longest record that is decoded as a whole: some have a small picture in them, or
thousands of paths. Decoded it may take thirty times as much memory."""

_MOST_DEPTH: Final = 500
"""Deepest nesting that is skipped: half of the depth that Python decodes."""

_SPACE = re.compile(r"[ \t\r\n]*")
# Up to the next bracket or quote.
_PLAIN = re.compile(r'[^"\[\]{}]*')
# The rest of a string, with its closing quote if it is there. A backslash at the end of
# the window stays for the next one.
_REST_OF_STRING = re.compile(r'[^"\\]*(?:\\.[^"\\]*)*(")?', re.DOTALL)
_CLOSERS: Final[Mapping[str, str]] = MappingProxyType({"{": "}", "[": "]"})
_OPENERS: Final[Mapping[str, str]] = MappingProxyType({"}": "{", "]": "["})
_BRACKETS: Final = frozenset("{}[]")
_BYTE_ORDER_MARK: Final = "\ufeff"
_NEXT_RECORD: Final = ",{"
_WHITE_SPACE: Final = frozenset(["", " ", "\t", "\r", "\n"])
_AFTER_VALUES: Final = frozenset(",]} \t\r\n")


class TooLong:
    """Replaces a record with a wanted field that is longer than a record may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentShape:
    """The path to the records of a document.

    Attributes:
        ways: The fields that lead to records, by the field that contains them; the
            empty name stands for the top. An object is a record if none of its fields
            that hold a list or an object is among them.
        wanted: Fields of a record that are read.
    """

    ways: Mapping[str, frozenset[str]]
    wanted: frozenset[str]


def records(
    file: BufferedReader, shape: DocumentShape, *, chunk_bytes: int = CHUNK_BYTES
) -> Iterator[object]:
    """Yield the records of a document, or of several one after the other.

    A value in the place of a record that is not an object is yielded as well.

    Args:
        file: In UTF-8, or in UTF-16 with a byte order mark.
        shape: The path to its records.
        chunk_bytes: Bytes of one read.

    Raises:
        HashSetFormatError: The document is not JSON, or is cut off. The caller must
            then discard all records.
    """
    walk = _Walk(_Window(file, chunk_bytes), shape)
    while walk.window.peek():
        # Pages that were put into one file keep their marks.
        if not walk.window.took(_BYTE_ORDER_MARK):
            yield from walk.value("")


def _no_number(_word: str) -> NoReturn:
    raise ValueError("JSON has no such number")


_decode = json.JSONDecoder(parse_constant=_no_number).raw_decode


def _end(match: re.Match[str] | None, at: int) -> int:
    """Return the end of a match; without a match, the place where it was tried."""
    return at if match is None else match.end()


class _Window:
    """The part of a document that is in memory.

    Attributes:
        text: The part.
        at: The current position in it.
    """

    def __init__(self, file: BufferedReader, chunk_bytes: int) -> None:
        head = file.peek(3)
        wide = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        name = "utf-16" if wide else "utf-8-sig"
        self._decoder = codecs.getincrementaldecoder(name)()
        self._file = file
        self._chunk_bytes = chunk_bytes
        self._ended = False
        self._lines_gone = 0
        self._column_gone = 0
        self.text = ""
        self.at = 0

    def more(self) -> bool:
        """Drop the text before the position, and read at least one more chunk.

        Returns:
            Whether there was more text.

        Raises:
            HashSetFormatError: The document is not text.
        """
        if self._ended:
            return False
        left = len(self.text) - self.at
        data = self._file.read(max(self._chunk_bytes, left))
        self._ended = not data
        try:
            text = self._decoder.decode(data, final=self._ended)
            if self._ended:
                # utf-8-sig keeps a part of a byte order mark, also at the end.
                self._decoder.getstate()[0].decode("utf-8")
        except UnicodeDecodeError as exc:
            raise HashSetFormatError(
                f"the file is not text in {exc.encoding.upper()}",
                hint="Have it exported in UTF-8; or, if it is known to be an export of "
                "Windows, convert it: iconv -f cp1252 -t utf-8 FILE > NEW.",
            ) from exc
        self._lines_gone, self._column_gone = self._place(self.at)
        self.text = self.text[self.at :] + text
        self.at = 0
        return not self._ended

    def _place(self, at: int) -> tuple[int, int]:
        """Return the number of line ends before a position, and its column."""
        lines = self.text.count("\n", 0, at)
        start = self.text.rfind("\n", 0, at) + 1
        before = 0 if lines else self._column_gone
        return self._lines_gone + lines, before + at - start

    def peek(self) -> str:
        """Return the next character that is not white space; empty at the end."""
        while True:
            character = self.text[self.at : self.at + 1]
            if character not in _WHITE_SPACE:
                return character
            self.at = _end(_SPACE.match(self.text, self.at), self.at)
            if self.at < len(self.text):
                return self.text[self.at]
            if not self.more():
                return ""

    def take(self, character: str) -> None:
        """Skip a required character.

        Raises:
            HashSetFormatError: Another one does.
        """
        if self.peek() != character:
            raise self.broken(f"where {character!r} should be")
        self.at += 1

    def took(self, character: str) -> bool:
        """Skip a character if it is next; return whether it was."""
        if self.peek() != character:
            return False
        self.at += 1
        return True

    def decoded(self) -> tuple[object, int] | None:
        """Return the next value and its end, or ``None`` if it is too long.

        Raises:
            HashSetFormatError: The value is not JSON, or is nested too deeply.
        """
        self.peek()
        while True:
            try:
                value, end = _decode(self.text, self.at)
            except ValueError as exc:
                if self._ended:
                    at = exc.pos if isinstance(exc, json.JSONDecodeError) else self.at
                    raise self.broken("or breaks off", at=at) from exc
            except RecursionError as exc:
                raise self.broken("nested too deep") from exc
            else:
                # A number at the end of the window may continue.
                if (
                    isinstance(value, str | list | dict)
                    or self._ended
                    or self.text[end : end + 1] in _AFTER_VALUES
                ):
                    is_short = end - self.at <= MOST_RECORD_CHARACTERS
                    return (value, end) if is_short else None
            if len(self.text) - self.at > MOST_RECORD_CHARACTERS:
                return None
            self.more()

    def quick_record(self, ways: frozenset[str]) -> dict[str, object] | None:
        """Read a simple record, or return ``None`` and read nothing.

        It is a shortcut past ``decoded`` for nearly all records.
        """
        try:
            record, end = _decode(self.text, self.at)
        except (ValueError, RecursionError):
            return None
        if (
            not isinstance(record, dict)
            or end - self.at > MOST_RECORD_CHARACTERS
            or _leads_on(record, ways)
        ):
            return None
        self.at = end
        return record

    def skip(self) -> None:
        """Skip a value of any length, without decoding it.

        Raises:
            HashSetFormatError: It does not end, or is nested deeper than can be.
        """
        closers: list[str] = []
        while True:
            character = self.peek()
            if not character:
                raise self.broken("or breaks off")
            if character == '"':
                self._skip_string()
            elif closers or character in _CLOSERS:
                self._skip_structure(closers)
            else:
                self._skip_word()
            if not closers:
                return

    def _skip_structure(self, closers: list[str]) -> None:
        """Skip up to a string, or past a bracket."""
        self.at = _end(_PLAIN.match(self.text, self.at), self.at)
        character = self.text[self.at : self.at + 1]
        if character in _CLOSERS:
            closers.append(_CLOSERS[character])
            if len(closers) > _MOST_DEPTH:
                raise self.broken("nested too deep")
        elif character in _OPENERS and character != closers.pop():
            raise self.broken("closed by the wrong bracket")
        self.at += character in _BRACKETS

    def _skip_string(self) -> None:
        self.at += 1
        while True:
            match = _REST_OF_STRING.match(self.text, self.at)
            self.at = _end(match, self.at)
            if match and match[1]:
                return
            if not self.more():
                raise self.broken("or breaks off")

    def _skip_word(self) -> None:
        found = self.decoded()
        if found is None:
            raise self.broken("where a value should be")
        self.at = found[1]

    def broken(self, how: str, *, at: int | None = None) -> HashSetFormatError:
        """Return the error for invalid input; it does not show the content.

        Args:
            how: The fault.
            at: Its position in the text; ``None`` for the current position.
        """
        if not self.peek():
            return HashSetFormatError(
                "the file is cut off: its JSON does not end",
                hint="Nothing was imported. Have it sent or exported anew, and compare "
                "its size.",
            )
        lines, column = self._place(self.at if at is None else max(at, self.at))
        return HashSetFormatError(
            f"the JSON of the file is broken in line {lines + 1:,}, at character "
            f"{column + 1:,} of it ({how})",
            hint="Nothing was imported. Have it exported anew.",
        )


def _leads_on(item: object, ways: frozenset[str]) -> bool:
    """Return whether an object is not a record, but contains records."""
    if not isinstance(item, dict) or ways.isdisjoint(item):
        return False
    return any(isinstance(item.get(way), list | dict) for way in ways)


class _Walk:
    """Walks through a document to its records."""

    def __init__(self, window: _Window, shape: DocumentShape) -> None:
        self.window = window
        self._shape = shape

    def value(self, place: str) -> Iterator[object]:
        """Yield the records in the value of a field."""
        if self.window.peek() == "[":
            yield from self._list(place)
        else:
            yield from self._item(place)

    def _list(self, place: str) -> Iterator[object]:
        window, ways = self.window, self._shape.ways[place]
        window.take("[")
        if window.took("]"):
            return
        while True:
            record = window.quick_record(ways)
            if record is None:
                yield from self._item(place)
            else:
                yield record
            # Nearly always the next one follows at once.
            if window.text.startswith(_NEXT_RECORD, window.at):
                window.at += 1
                continue
            if not window.took(","):
                window.take("]")
                return
            window.peek()

    def _item(self, place: str) -> Iterator[object]:
        """Yield a record, or the records inside an object that is not a record."""
        window = self.window
        is_object = window.peek() == "{"
        found = window.decoded()
        if found is None:
            if is_object:
                yield from self._members(place)
            else:
                window.skip()
                yield TooLong()
            return
        item, end = found
        if _leads_on(item, self._shape.ways[place]):
            yield from self._members(place)
            return
        window.at = end
        yield item

    def _members(self, place: str) -> Iterator[object]:
        """Read an object field by field: the fields that contain records or are wanted.

        Yields:
            The records in it; without any, the object itself with its wanted fields.
        """
        window, ways = self.window, self._shape.ways[place]
        kept: dict[str, object] = {}
        leads_on = False
        window.take("{")
        while not window.took("}"):
            name = self._name()
            window.take(":")
            if name in ways and window.peek() in _CLOSERS:
                leads_on = True
                yield from self.value(name)
            else:
                self._keep(name, kept)
            if not window.took(","):
                window.take("}")
                break
        if not leads_on:
            is_whole = not any(isinstance(value, TooLong) for value in kept.values())
            yield kept if is_whole else TooLong()

    def _keep(self, name: str, kept: dict[str, object]) -> None:
        """Read the value of a field, and keep it if it is wanted."""
        found = self.window.decoded() if name in self._shape.wanted else None
        if found is None:
            self.window.skip()
        else:
            self.window.at = found[1]
        if name in self._shape.wanted:
            kept[name] = TooLong() if found is None else found[0]

    def _name(self) -> str:
        window = self.window
        if window.peek() != '"':
            raise window.broken("where a name should be")
        found = window.decoded()
        if found is None or not isinstance(found[0], str):
            raise window.broken("a name is too long")
        window.at = found[1]
        return found[0]
