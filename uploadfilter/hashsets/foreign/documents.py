"""Read JSON documents of any length, record by record.

Exports of other programs are one document of gigabytes, whose records stand in lists
inside lists. A ``DocumentShape`` names the fields that lead to the records, and those
that are read of a record. ijson, on yajl, turns the bytes into events; memory is
bounded for every file, because nothing else is kept.

The slow twin is ``json.loads`` and a walk over what it returns
(``tests/hashsets/foreign/test_documents.py``).
"""

import codecs
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BufferedReader
from typing import Any, Final, TypeAlias

import ijson

from uploadfilter.errors import HashSetFormatError
from uploadfilter.hashsets.tally import Problem

CHUNK_BYTES: Final = 16 << 10
"""Bytes of one read: so near to the truth is the line that an error names."""

MOST_RECORD_CHARACTERS: Final = 1 << 20
"""Most characters of the wanted fields of a record; some hold thousands of paths."""

_MOST_VALUE_BYTES: Final = 64 << 20
"""Longest text that is skipped: ijson holds it whole. Some records hold a picture."""

_MOST_DEPTH: Final = 200
"""Deepest nesting of a wanted value: formats nest three levels."""

_CONTAINERS: Final = frozenset({"start_map", "start_array"})
_STARTS: Final[Mapping[str, int]] = {
    **dict.fromkeys(("start_map", "start_array"), 1),
    **dict.fromkeys(("end_map", "end_array"), -1),
}

_Event: TypeAlias = tuple[str, Any]
"""What ijson reads: ``start_map``, ``map_key``, ``string``, ... and its value."""


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
) -> Iterator[dict[str, Any] | Problem]:
    """Yield the records of a document, or of several one after the other.

    Unwanted fields of a record are ``None``; of a field that occurs twice, the last one
    counts. A value that is not an object in the place of a record is a problem, and so
    is a record whose wanted fields are too long. A whole number beyond 64 bits is
    refused.

    Args:
        file: In UTF-8, or in UTF-16 with a byte order mark.
        shape: The path to its records.
        chunk_bytes: Bytes of one read.

    Raises:
        HashSetFormatError: The document is not JSON, or is cut off. The caller must
            then discard all records.
    """
    walk = _Walk(_events(file, chunk_bytes), shape)
    for kind, value in walk.events:
        yield from walk.value(kind, value, "")


def _events(file: BufferedReader, chunk_bytes: int) -> Iterator[_Event]:
    found = ijson.sendable_list()
    parser = ijson.basic_parse_coro(found, multiple_values=True, use_float=True)
    line, silent = 1, 0
    try:
        for chunk in _chunks(file, chunk_bytes):
            parser.send(chunk)
            silent = 0 if found else silent + len(chunk)
            if silent > _MOST_VALUE_BYTES:
                raise HashSetFormatError(
                    f"a text in the file is longer than {_MOST_VALUE_BYTES >> 20} MiB",
                    hint="Nothing was imported. Have it exported without pictures.",
                )
            yield from found
            found.clear()
            line += chunk.count(b"\n")
    except ijson.JSONError as exc:
        raise HashSetFormatError(
            f"the JSON of the file is broken in line {line:,} or soon after it",
            hint="Nothing was imported. Have it exported anew; 'jq empty FILE' names "
            "the very place.",
        ) from exc
    try:
        # Outside of a text it means nothing; in one it is an error, which yajl does not
        # find by itself if the text is the last of several documents.
        parser.send(b"\n")
        parser.close()
    except ijson.JSONError as exc:
        raise HashSetFormatError(
            "the file is cut off: its JSON does not end",
            hint="Nothing was imported. Have it sent or exported anew, and compare its "
            "size.",
        ) from exc
    yield from found


def _chunks(file: BufferedReader, chunk_bytes: int) -> Iterator[bytes]:
    """Yield a file in UTF-8, without the byte order marks of its documents."""
    wide = file.peek(2).startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    decoder = codecs.getincrementaldecoder("utf-16" if wide else "utf-8")()
    is_last = False
    while not is_last:
        data = file.read(chunk_bytes)
        is_last = not data
        try:
            text = decoder.decode(data, final=is_last)
        except UnicodeDecodeError as exc:
            raise HashSetFormatError(
                f"the file is not text in {exc.encoding.upper()}",
                hint="Have it exported in UTF-8; or, if it is known to be an export of "
                "Windows, convert it: iconv -f cp1252 -t utf-8 FILE > NEW.",
            ) from exc
        # Pages that were put into one file keep their marks.
        if text := text.replace("\ufeff", ""):
            yield text.encode("utf-8", "surrogatepass")


class _Walk:
    """Walks through the events of a document to its records."""

    def __init__(self, events: Iterator[_Event], shape: DocumentShape) -> None:
        self.events = events
        self._shape = shape
        self._left = 0

    def value(
        self, kind: str, value: object, place: str
    ) -> Iterator[dict[str, Any] | Problem]:
        """Yield the records in the value of a field, whose first event is given."""
        if kind != "start_array":
            yield from self._item(kind, value, place)
            return
        for inner, item in self.events:
            if inner == "end_array":
                return
            yield from self._item(inner, item, place)

    def _item(
        self, kind: str, value: object, place: str
    ) -> Iterator[dict[str, Any] | Problem]:
        """Yield a record, or the records inside an object that is not a record."""
        self._left = MOST_RECORD_CHARACTERS
        if kind == "start_map":
            yield from self._members(place)
        else:
            self._built(kind, value)
            yield Problem.NOT_JSON if self._left >= 0 else Problem.LINE_TOO_LONG

    def _members(self, place: str) -> Iterator[dict[str, Any] | Problem]:
        ways, wanted = self._shape.ways[place], self._shape.wanted
        kept: dict[str, object] = {}
        leads_on = False
        for end, name in self.events:
            if end == "end_map":
                break
            kind, value = next(self.events)
            if kind in _CONTAINERS and name in ways:
                leads_on = True
                yield from self.value(kind, value, name)
            elif name in wanted:
                kept[name] = self._built(kind, value)
            else:
                # A caller counts fields that it does not know.
                kept.setdefault(name, None)
                self._left -= len(name)
                if kind in _CONTAINERS:
                    self._skip()
        if not leads_on:
            yield kept if self._left >= 0 else Problem.LINE_TOO_LONG

    def _skip(self) -> None:
        depth = 1
        for kind, _ in self.events:
            depth += _STARTS.get(kind, 0)
            if not depth:
                return

    def _built(self, kind: str, value: object, depth: int = 0) -> object:
        """Return a value; of one that is too long, a part, and nothing is left."""
        if depth > _MOST_DEPTH:
            raise HashSetFormatError(
                f"the JSON of the file is nested deeper than {_MOST_DEPTH} levels",
                hint="Nothing was imported. Have it exported anew.",
            )
        self._left -= 1 + (len(value) if isinstance(value, str) else 0)
        if self._left < 0:
            if kind in _CONTAINERS:
                self._skip()
            return None
        if kind == "start_map":
            made: dict[str, object] = {}
            for end, name in self.events:
                if end == "end_map":
                    break
                made[name] = self._built(*next(self.events), depth + 1)
            return made
        if kind == "start_array":
            items: list[object] = []
            for inner, item in self.events:
                if inner == "end_array":
                    break
                items.append(self._built(inner, item, depth + 1))
            return items
        return value
