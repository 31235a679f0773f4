"""Read ids and categories of the pictures in a folder from a file.

Such a file is CSV, which names a picture by its path below the folder or by a digest,
or it has a format that can be imported, such as VICS, in which each medium has its
digests.

Rules this module keeps: two rows never contradict each other about one picture; at the
end it is known which rows no picture was found for.
"""

import csv
import io
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from uploadfilter.errors import IssuerError
from uploadfilter.hashsets import formats
from uploadfilter.hashsets.exporting import entries_of, id_of
from uploadfilter.hashsets.opening import opened
from uploadfilter.hashsets.refusing import BadLines, check_outcome
from uploadfilter.hashsets.tally import Tally
from uploadfilter.model import EXACT_TYPES, Signal

Key = str | bytes
"""The path of a picture below the folder, or a digest."""

_PLACES: Final = ("path", "file")
_IDS: Final = ("id", "mediaid")
_DIGESTS: Final = tuple(kind.value for kind in EXACT_TYPES)
_DELIMITERS: Final = ",;\t|"
_ENCODING: Final = "utf-8-sig"
_JSON: Final = (b"{", b"[")
_HEAD_BYTES: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureRow:
    """The row of one picture.

    Attributes:
        id: Its id; empty if it is made of the picture's SHA-256.
        category: Its category; empty if it is that of all pictures.
        line: Its line, counted from 1.
    """

    id: str
    category: str
    line: int


class PictureTable:
    """The rows of a file, found by the path or a digest of a picture."""

    def __init__(self, rows: Iterable[tuple[PictureRow, Collection[Key]]]) -> None:
        self._rows: list[PictureRow] = []
        self._at: dict[Key, int] = {}
        self.has_digests = False
        for row, keys in rows:
            self._add(row, keys)

    def _add(self, row: PictureRow, keys: Collection[Key]) -> None:
        number = len(self._rows) + 1
        for key in keys:
            known = self._at.get(key)
            if known is not None:
                before = self._rows[known - 1]
                if (before.id, before.category) != (row.id, row.category):
                    raise IssuerError(
                        f"lines {before.line} and {row.line} contradict each other "
                        "about one picture",
                        hint="Leave one of them out.",
                    )
                number = known
        if number > len(self._rows):
            self._rows.append(row)
        for key in keys:
            self._at[key] = number
            self.has_digests |= isinstance(key, bytes)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._rows)

    def row(self, number: int) -> PictureRow:
        """Return a row by its number, counted from 1."""
        return self._rows[number - 1]

    def at_place(self, place: str) -> int:
        """Return the row number of a path below the folder; 0 if there is none."""
        return self._at.get(place, 0)

    def of_digests(self, signals: Iterable[Signal]) -> int:
        """Return the number of the first row with such a digest; 0 if none has one."""
        found = (self._at.get(signal.value, 0) for signal in signals)
        return min(filter(None, found), default=0)

    def lines_without(self, used: Collection[int]) -> Iterator[int]:
        """Yield the lines of the rows that are not in ``used``, in their order."""
        known = set(used)
        for number, row in enumerate(self._rows, start=1):
            if number not in known:
                yield row.line


def read_table(path: Path) -> PictureTable:
    """Read a file with ids and categories.

    Args:
        path: CSV in UTF-8, whose first row names the columns (``path`` or a type of
            digest, ``id``, ``category``), or a format that ``hashset import`` reads.

    Raises:
        IssuerError: It cannot be read, names no pictures, or contradicts itself.
        HashSetError: It has an importable format, and cannot be read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES).removeprefix(b"\xef\xbb\xbf").lstrip()
    except OSError as exc:
        raise _unreadable(path, exc) from exc
    if head.startswith(_JSON):
        return PictureTable(_media(path))
    try:
        text = path.read_text(encoding=_ENCODING)
        return PictureTable(_csv_rows(path, text))
    except (OSError, UnicodeDecodeError, csv.Error) as exc:
        raise _unreadable(path, exc) from exc


def _media(path: Path) -> Iterator[tuple[PictureRow, Collection[Key]]]:
    tally = Tally()
    with opened(path) as (file, _):
        items = formats.read(
            file,
            categories=None,
            tally=tally,
            id_of=id_of,
        )
        for number, entry in enumerate(entries_of(items), start=1):
            signals = [item.signal for item in entry.signals]
            digests = [it.value for it in signals if it.type.is_exact]
            row = PictureRow(id=entry.id, category=entry.category, line=number)
            yield row, digests
    check_outcome(str(path), tally, BadLines.REFUSE)


def _csv_rows(path: Path, text: str) -> Iterator[tuple[PictureRow, Collection[Key]]]:
    first, _, _ = text.partition("\n")
    delimiter = max(_DELIMITERS, key=first.count)
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    names = {_plain(name): name for name in rows.fieldnames or ()}
    columns = [names[it] for it in (*_PLACES, *_DIGESTS) if it in names]
    if not columns:
        raise IssuerError(
            f"{str(path)!r} names no pictures: it has no column 'path', 'md5', 'sha1' "
            "or 'sha256'",
            hint="The first row names the columns: path or a digest, id, category. A "
            "path is relative to the folder, with slashes.",
        )
    places = {names[it] for it in _PLACES if it in names}
    for cells in rows:
        keys: list[Key] = []
        for column in columns:
            cell = (cells.get(column) or "").strip()
            if cell:
                is_place = column in places
                keys.append(cell if is_place else _digest(path, cell, rows.line_num))
        row = PictureRow(
            id=_cell(cells, names, _IDS),
            category=_cell(cells, names, ("category",)),
            line=rows.line_num,
        )
        if keys:
            yield row, keys


def _plain(name: str) -> str:
    return name.strip().lower().replace("-", "").replace(" ", "").replace("_", "")


def _cell(
    cells: Mapping[str, str | None], names: Mapping[str, str], wanted: Iterable[str]
) -> str:
    found = (cells.get(names[it]) or "" for it in wanted if it in names)
    return next(filter(None, found), "").strip()


def _digest(path: Path, cell: str, line: int) -> bytes:
    widths = {kind.width_bytes for kind in EXACT_TYPES}
    try:
        value = bytes.fromhex(cell)
    except ValueError:
        value = b""
    if len(value) not in widths:
        raise IssuerError(
            f"{str(path)!r}: line {line} holds a digest that is not one",
            hint="MD5 has 32 hex digits, SHA-1 has 40, SHA-256 has 64.",
        )
    return value


def _unreadable(path: Path, exc: Exception) -> IssuerError:
    return IssuerError(
        f"cannot read {str(path)!r}: {exc}", hint="Save it as CSV in UTF-8, or as VICS."
    )
