"""Read lists of harmless files in the formats of others: exact digests only.

These are NSRL (RDS version 2 as CSV text, version 3 as SQLite), HashKeeper (CSV) and
EnCase (``.hash``). Rules this module keeps: memory is bounded, whatever the file; only
the digests of a record are kept; a record without one is counted; a database is opened
for reading only, and gets a single query, written here.
"""

import contextlib
import csv
import io
import os
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, Final

from uploadfilter.errors import HashSetFormatError, HashSetKnownGoodError
from uploadfilter.model import SignalType

Progress = Callable[[int, int], None]
"""Receives how much was read, and how much there is."""

HEAD_BYTES: Final = 4096
"""First bytes of a file, which identify its format."""
_TICK: Final = 10_000
"""Records between two reports of progress."""

_MOST_LINE_CHARACTERS: Final = 65_536
"""A path has at most 32,767 characters on the systems that make these lists."""


class KnownForm(StrEnum):
    """The formats of lists of harmless files, by their makers."""

    NSRL_TEXT = "NSRL, version 2"
    NSRL_SQLITE = "NSRL, version 3"
    HASHKEEPER = "HashKeeper"
    ENCASE = "EnCase"


@dataclass(slots=True)
class Read:
    """The counts of a reading.

    Attributes:
        records: Rows or records.
        bad: Records without a valid digest.
    """

    records: int = 0
    bad: int = 0


Digest = tuple[SignalType, bytes]

_ENCASE_MAGIC: Final = b"HASH\r\n\xff\0"
_ENCASE_START: Final = 1152
_ENCASE_RECORD: Final = 18
"""16 bytes of MD5, and two undocumented ones. Source: The Sleuth Kit,
``tsk/hashdb/encase.cpp``."""

_SQLITE_MAGIC: Final = b"SQLite format 3\0"
_COLUMNS: Final[Mapping[str, SignalType]] = {
    "md5": SignalType.MD5,
    "sha-1": SignalType.SHA1,
    "sha1": SignalType.SHA1,
    "sha-256": SignalType.SHA256,
    "sha256": SignalType.SHA256,
    "hash": SignalType.MD5,
}
"""The type of digest in a column of these lists, by its name in small letters."""

_HEX = re.compile(r"[0-9A-Fa-f]+")


def form_of(head: bytes) -> KnownForm | None:
    """Return the format of a file, by its first ``HEAD_BYTES``; ``None`` if unknown."""
    if head.startswith(_ENCASE_MAGIC):
        return KnownForm.ENCASE
    if head.startswith(_SQLITE_MAGIC):
        return KnownForm.NSRL_SQLITE
    first = head.removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0].decode("latin-1")
    names = {name.strip().strip('"').casefold() for name in first.split(",")}
    if {"productcode", "opsystemcode"} <= names:
        return KnownForm.NSRL_TEXT
    if {"hashset_id", "hash"} <= names:
        return KnownForm.HASHKEEPER
    return None


def digests_in(
    path: Path,
    file: BinaryIO,
    form: KnownForm,
    read: Read,
    progress: Progress | None = None,
) -> Iterator[Digest]:
    """Yield the digests of a list of harmless files.

    Args:
        path: The file.
        file: The same file, open. SQLite opens it by its path once more.
        form: The result of ``form_of``.
        read: Counts the records.
        progress: Receives how much was read.

    Raises:
        HashSetFormatError: The rest of the file does not have this format.
        HashSetKnownGoodError: It cannot be read.
    """
    tick = progress or (lambda _done, _total: None)
    try:
        file.seek(0)
        match form:
            case KnownForm.ENCASE:
                yield from _encase(path, file, read, tick)
            case KnownForm.NSRL_SQLITE:
                yield from _sqlite(path, read, tick)
            case KnownForm.NSRL_TEXT | KnownForm.HASHKEEPER:
                yield from _table(file, read, tick)
    except OSError as exc:
        raise HashSetKnownGoodError(
            f"cannot read {str(path)!r}: {exc.strerror}",
            hint="Nothing was changed. Check the disk that it is on.",
        ) from exc


def _encase(path: Path, file: BinaryIO, read: Read, tick: Progress) -> Iterator[Digest]:
    size = os.fstat(file.fileno()).st_size
    if (size - _ENCASE_START) % _ENCASE_RECORD or size < _ENCASE_START:
        raise HashSetFormatError(
            f"{str(path)!r} is cut off: it ends within a record",
            hint="Nothing was changed. Get the file again.",
        )
    file.seek(_ENCASE_START)
    while record := file.read(_ENCASE_RECORD):
        read.records += 1
        if read.records % _TICK == 0:
            tick(file.tell(), size)
        yield SignalType.MD5, record[: SignalType.MD5.width_bytes]


def _table(file: BinaryIO, read: Read, tick: Progress) -> Iterator[Digest]:
    size = os.fstat(file.fileno()).st_size
    # Names of files are in any encoding, and are not used.
    text = io.TextIOWrapper(file, encoding="latin-1", newline="")
    rows = csv.reader(_lines(text.readline))
    names = [n.strip().strip('ï»¿"').casefold() for n in next(rows, [])]
    places = [(i, _COLUMNS[n]) for i, n in enumerate(names) if n in _COLUMNS]
    done = 0
    while (row := _next(rows)) is not None:
        read.records += 1
        done += sum(map(len, row)) + len(row)
        if read.records % _TICK == 0:
            tick(min(done, size), size)
        cells = ((kind, row[i]) for i, kind in places if i < len(row))
        found = [it for kind, cell in cells if (it := _digest(kind, cell))]
        if not found:
            read.bad += 1
        yield from found
    text.detach()


def _next(rows: Iterator[list[str]]) -> list[str] | None:
    """Return the next row; an empty one if it is malformed, ``None`` at the end."""
    try:
        return next(rows, None)
    except csv.Error:
        return []


def _lines(readline: Callable[[int], str]) -> Iterator[str]:
    """Yield lines; none is longer than a record can be."""
    while line := readline(_MOST_LINE_CHARACTERS):
        yield line


def _sqlite(path: Path, read: Read, tick: Progress) -> Iterator[Digest]:
    """Yield the digests of NSRL's table, or view, ``FILE``."""
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    try:
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as base:
            # No content of the file may call a function or write.
            base.execute("PRAGMA trusted_schema = OFF")
            base.execute("PRAGMA query_only = ON")
            found = base.execute("SELECT name FROM pragma_table_info('FILE')")
            names = [n for (n,) in found if str(n).casefold() in _COLUMNS]
            kinds = [_COLUMNS[n.casefold()] for n in names]
            if not names:
                raise HashSetFormatError(
                    f"{str(path)!r} is a database of SQLite without NSRL's table FILE",
                    hint="Nothing was changed. NSRL's version 3 is expected.",
                )
            columns = ", ".join(f'"{name}"' for name in names)
            for row in base.execute(f"SELECT {columns} FROM FILE"):  # noqa: S608 - ours
                read.records += 1
                if read.records % _TICK == 0:
                    tick(read.records, 0)
                found_in = _of_row(kinds, row)
                if not found_in:
                    read.bad += 1
                yield from found_in
    except sqlite3.Error as exc:
        raise HashSetFormatError(
            f"{str(path)!r} is a damaged database: {exc}",
            hint="Nothing was changed. Get the file again.",
        ) from exc


def _of_row(kinds: Sequence[SignalType], row: Sequence[object]) -> list[Digest]:
    texts = (cell if isinstance(cell, str) else "" for cell in row)
    pairs = zip(kinds, texts, strict=True)
    return [it for kind, text in pairs if (it := _digest(kind, text))]


def _digest(kind: SignalType, text: str) -> Digest | None:
    word = text.strip()
    if len(word) != 2 * kind.width_bytes or not _HEX.fullmatch(word):
        return None
    return kind, bytes.fromhex(word)
