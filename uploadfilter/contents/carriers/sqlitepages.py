"""Read the rows of an SQLite database from its pages, without SQLite.

A row that is longer than a page goes on in other pages, anywhere in the file, so that a
picture in it is cut in pieces. Pictures in rows that fit into their page are found by
carving.

Rules this module keeps: the database's own schema is not used: every page that looks
like a leaf of a tree is read; a chain of pages ends where it leaves the file or repeats
a page; bytes are counted, since many rows may share pages.

Source:
    https://www.sqlite.org/fileformat2.html, sections 1.6 and 2.1.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.contents.members import Member, Shortfall, UnpackMeter
from uploadfilter.contents.runs import Run, RunSource
from uploadfilter.contents.source import Source
from uploadfilter.contents.unpackers import DAMAGED
from uploadfilter.model import Reason

_HEADER_BYTES: Final = 100
_LEAST_PAGE_BYTES, _MOST_PAGE_BYTES = 512, 65_536
_LEAST_MEMBER: Final = 4096
"""Fewest bytes of a value that is a member by itself. All shorter values are one
member, in which pictures are carved: there may be a million of them."""

_SHORTEST: Final = 64
"""Fewest bytes of a value that may be a picture, or a text with one."""

_MOST_SHARED: Final = 2
"""Most bytes of all values together, in lengths of the file; in honest files, values
do not share pages."""

_MOST_COLUMNS: Final = 2000
"""Most columns of a table, unless SQLite was built with another limit."""

_FIRST_TEXT: Final = 12
_WIDTHS: Final = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0)
"""Bytes of the kinds of values that have a fixed length."""


class _Form(NamedTuple):
    """The layout of a page with rows.

    Attributes:
        head_bytes: Length of its header.
        child_bytes: Length of the page number before each row.
        has_number: Whether a row has its number before its values.
        is_table: Whether it is a leaf of a table, and not of an index.
    """

    head_bytes: int
    child_bytes: int
    has_number: bool
    is_table: bool


_FORMS: Final = {
    13: _Form(8, 0, has_number=True, is_table=True),
    10: _Form(8, 0, has_number=False, is_table=False),
    2: _Form(12, 4, has_number=False, is_table=False),
}
"""The forms of pages with rows, by the first byte of the page."""


class SQLiteContainer:
    """An SQLite database."""

    kinds = frozenset({Kind.SQLITE})

    def members(
        self, source: Source, meter: UnpackMeter
    ) -> Iterator[Member | Shortfall]:
        """Yield the long values of rows that are longer than their page."""
        pages = _Pages.of(source)
        if pages is None:
            yield Shortfall(reason=Reason.UNDECODABLE)
            return
        given = 0
        small: list[Run] = []
        for row in pages.long_rows():
            for value in _values(row):
                given += value.size
                reason = meter.excess(value.size, unpacked=given, packed=source.size)
                if given > _MOST_SHARED * source.size:
                    reason = Reason.TOO_COMPRESSED
                if reason is not None:
                    yield Shortfall(reason=reason)
                    return
                if value.size < _LEAST_MEMBER:
                    small += value.runs
                else:
                    yield Member(name="", content=value.settled)
            if row.is_broken:
                yield DAMAGED
        if small:
            yield Member(name="small", content=RunSource.of(source, small))


class _Row(NamedTuple):
    """The values of one row, and whether some of them are missing."""

    payload: RunSource
    is_broken: bool


class _Pages(NamedTuple):
    """The pages of a database.

    Attributes:
        source: The database.
        page_bytes: Length of a page.
        usable_bytes: Bytes of a page that are used.
    """

    source: Source
    page_bytes: int
    usable_bytes: int

    @classmethod
    def of(cls, source: Source) -> "_Pages | None":
        """Read the header; return ``None`` if it is not valid."""
        head = source.read(0, _HEADER_BYTES)
        page_bytes = int.from_bytes(head[16:18], "big")
        page_bytes = _MOST_PAGE_BYTES if page_bytes == 1 else page_bytes
        is_power = page_bytes & page_bytes - 1 == 0
        if len(head) < _HEADER_BYTES or page_bytes < _LEAST_PAGE_BYTES or not is_power:
            return None
        return cls(source, page_bytes, page_bytes - head[20])

    def long_rows(self) -> Iterator[_Row]:
        """Yield the rows that go on in other pages."""
        for number in range(-(-self.source.size // self.page_bytes)):
            page = self.source.read(number * self.page_bytes, self.page_bytes)
            head_at = 0 if number else _HEADER_BYTES
            form = _FORMS.get(page[head_at] if len(page) > head_at else 0)
            if form is not None:
                yield from self._rows(number, page, head_at, form)

    def _rows(
        self, number: int, page: bytes, head_at: int, form: _Form
    ) -> Iterator[_Row]:
        """Yield the long rows of one page."""
        count = int.from_bytes(page[head_at + 3 : head_at + 5], "big")
        places_at = head_at + form.head_bytes
        for place in range(places_at, min(places_at + 2 * count, len(page) - 1), 2):
            at = int.from_bytes(page[place : place + 2], "big") + form.child_bytes
            if form.is_table and page[at : at + 1] < b"\x80":
                continue  # fewer than 128 bytes, like most rows
            size, at = _varint(page, at)
            if form.has_number:
                _, at = _varint(page, at)
            here = self._here(size, form)
            if here < size and at + here + 4 <= len(page):
                follow = int.from_bytes(page[at + here : at + here + 4], "big")
                first = Run(number * self.page_bytes + at, here)
                runs = (first, *self._overflow(follow, size - here))
                payload = RunSource.of(self.source, runs)
                yield _Row(payload, payload.size < size)

    def _here(self, size: int, form: _Form) -> int:
        """Return the number of bytes of a row that stand in its first page."""
        usable = self.usable_bytes
        most = usable - 35 if form.is_table else (usable - 12) * 64 // 255 - 23
        if size <= most:
            return size
        least = (usable - 12) * 32 // 255 - 23
        here = least + (size - least) % (usable - 4)
        return here if here <= most else least

    def _overflow(self, page: int, left: int) -> Iterator[Run]:
        """Yield the places of the rest of a row."""
        for _ in range(self.source.size // self.page_bytes):
            at = (page - 1) * self.page_bytes
            if left <= 0 or page <= 0 or at >= self.source.size:
                return
            yield Run(at + 4, min(left, self.usable_bytes - 4))
            left -= self.usable_bytes - 4
            page = int.from_bytes(self.source.read(at, 4), "big")


def _values(row: _Row) -> Iterator[RunSource]:
    """Yield the texts and blobs of a row that are not short."""
    payload = row.payload
    head = payload.read(0, 9 * _MOST_COLUMNS)
    head_bytes, at = _varint(head, 0)
    start = head_bytes
    for _ in range(_MOST_COLUMNS):
        if at >= min(head_bytes, len(head)):
            return
        kind, at = _varint(head, at)
        size = (kind - _FIRST_TEXT) // 2 if kind >= _FIRST_TEXT else _WIDTHS[kind]
        if size >= _SHORTEST and start < payload.size:
            yield payload.part(start, size)
        start += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Read a number of one to nine bytes; return it and the offset after it."""
    number = 0
    for place in range(at, min(at + 8, len(data))):
        number = number << 7 | data[place] & 0x7F
        if data[place] < 0x80:  # noqa: PLR2004 - the highest bit says that more follow
            return number, place + 1
    if at + 8 < len(data):
        return number << 8 | data[at + 8], at + 9
    return number, len(data)
