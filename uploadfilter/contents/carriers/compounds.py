"""Read compound files (OLE): old office documents, messages of Outlook, installers.

A compound file is a small file system: its streams lie in sectors anywhere in the file,
so that a picture in a stream may be in several pieces. Each stream is a member.

Rules this module keeps: every entry of the directory counts, whether the tree refers to
it or not; a chain ends where it leaves the file or repeats a sector; the bytes of all
members together are counted, since many streams may share sectors.

Source:
    [MS-CFB], [MS-ODRAW] 2.2.23 to 2.2.28, [MS-XLS] (BkHim, Continue, FilePass, ImData,
    MsoDrawing, MsoDrawingGroup),
    [MS-DOC] 2.5.2, [MS-PPT] 2.3.2.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final, NamedTuple

from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.contents.members import Chunks, Member, Shortfall, UnpackMeter
from uploadfilter.contents.source import Source, join_parts
from uploadfilter.contents.streams import unpack
from uploadfilter.contents.unpackers import DAMAGED, Zlib
from uploadfilter.model import Reason

_HEADER: Final = struct.Struct("<24x2x2x2xHH6x4xLL4xLLLLL")
_HEADER_BYTES: Final = 512
_DIFAT_AT: Final = 76
_SHIFTS: Final = frozenset({9, 12})
_MINI_SHIFT: Final = 6
_ENTRY_BYTES: Final = 128
_ENTRY: Final = struct.Struct("<64sHB49xLQ")
_STREAM, _ROOT = 2, 5
_LAST_SECTOR: Final = 0xFFFF_FFFA
"""First of the numbers that are marks, such as the end of a chain."""

_MOST_MINI_BYTES: Final = 64 * 1024 * 1024
"""Longest stream of small sectors, which holds all streams that are shorter than 4 KiB.
"""

_MOST_SHARED: Final = 2
"""Bytes of all streams together, in lengths of the file; in honest files, streams share
no sector."""

_SHORTEST: Final = 64
"""Bytes: no picture in a stream is shorter, and documents have many such streams."""


class _Entry(NamedTuple):
    name: str
    kind: int
    start: int
    size: int


class CompoundContainer:
    """A compound file."""

    kinds = frozenset({Kind.OLE})

    def members(
        self, source: Source, meter: UnpackMeter
    ) -> Iterator[Member | Shortfall]:
        """Yield the streams, and the packed pictures in those that hold drawings."""
        file = _File.opened(source)
        if file is None:
            yield Shortfall(reason=Reason.UNDECODABLE)
            return
        entries = list(islice(file.entries(), meter.most_headers))
        streams = _Streams(file, entries)
        by_name = {each.name: each for each in reversed(entries)}
        if any(_needs_password(each, streams) for each in by_name.values()):
            yield Shortfall(reason=Reason.ENCRYPTED)
        given = 0
        for entry in entries:
            if entry.kind != _STREAM or entry.size < _SHORTEST:
                continue
            stream = streams.of(entry)
            given += stream.size
            reason = meter.excess(stream.size, unpacked=given, packed=source.size)
            if given > _MOST_SHARED * source.size:
                reason = Reason.TOO_COMPRESSED
            if reason is not None:
                yield Shortfall(reason=reason)
                return
            yield Member(name=entry.name, content=stream)
            if stream.size < entry.size:
                yield DAMAGED
            yield from _packed_in(entry.name, stream, meter)
        if len(entries) == meter.most_headers:
            yield Shortfall(reason=Reason.TOO_MANY_CONTENTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """The header of a compound file, and its tables.

    Attributes:
        shift: Binary logarithm of the bytes of a sector.
        follow: Number of the next sector, for each sector.
        cutoff: Streams with fewer bytes than this lie in the small sectors.
        directory: First sector of the directory.
        mini: First sector of the table of small sectors.
    """

    source: Source
    shift: int
    follow: tuple[int, ...]
    cutoff: int
    directory: int
    mini: int

    @classmethod
    def opened(cls, source: Source) -> "_File | None":
        """Read the header and the table of sectors; ``None`` if they are not valid."""
        head = source.read(0, _HEADER_BYTES)
        if len(head) < _HEADER_BYTES:
            return None
        shift, mini_shift, _, directory, cutoff, mini, _, difat, _ = _HEADER.unpack(
            head[: _HEADER.size]
        )
        if shift not in _SHIFTS or mini_shift != _MINI_SHIFT:
            return None
        sectors = source.size >> shift
        places = _numbers(head[_DIFAT_AT:])
        for _ in range(sectors):
            if difat >= min(sectors, _LAST_SECTOR):
                break
            more = _numbers(source.read(difat + 1 << shift, 1 << shift))
            if not more:
                break
            places += more[:-1]
            difat = more[-1]
        table = bytearray()
        for place in places:
            if len(table) >= 4 * sectors:
                break
            if place < sectors:
                table += source.read(place + 1 << shift, 1 << shift)
        return cls(
            source=source,
            shift=shift,
            follow=_numbers(bytes(table)),
            cutoff=cutoff,
            directory=directory,
            mini=mini,
        )

    def entries(self) -> Iterator[_Entry]:
        """Yield the entries of the directory, in its order."""
        directory = self.chain(self.directory, self.source.size)
        for at in range(0, directory.size, _ENTRY_BYTES):
            raw = directory.read(at, _ENTRY_BYTES)
            if len(raw) < _ENTRY_BYTES:
                return
            name, length, kind, start, size = _ENTRY.unpack(raw)
            if kind not in {_STREAM, _ROOT}:
                continue
            if self.shift == min(_SHIFTS):
                size &= 0xFFFF_FFFF
            text = name[: max(0, length - 2)].decode("utf-16-le", "replace")
            yield _Entry(text, kind, start, size)

    def chain(self, start: int, size: int) -> Source:
        """Return up to ``size`` bytes of a chain of sectors."""
        runs = _runs(start, self.follow, self.shift, size, first=1)
        return join_parts(self.source, runs)


class _Streams:
    def __init__(self, file: _File, entries: list[_Entry]) -> None:
        self._file = file
        root = next((each for each in entries if each.kind == _ROOT), None)
        size = min(root.size, _MOST_MINI_BYTES) if root else 0
        self._small = file.chain(root.start if root else 0, size)
        table = file.chain(file.mini, file.source.size)
        self._follow = _numbers(table.read(0, _MOST_MINI_BYTES >> _MINI_SHIFT - 2))

    def of(self, entry: _Entry) -> Source:
        """Return the bytes of a stream, as far as its chain is valid."""
        if entry.size >= self._file.cutoff:
            return self._file.chain(entry.start, entry.size)
        runs = _runs(entry.start, self._follow, _MINI_SHIFT, entry.size, first=0)
        return join_parts(self._small, runs)


def _runs(
    start: int, follow: tuple[int, ...], shift: int, size: int, *, first: int
) -> Iterator[tuple[int, int]]:
    sector, left = start, size
    for _ in range(len(follow)):
        if left <= 0 or sector >= len(follow):
            return
        length = min(left, 1 << shift)
        start = sector + first << shift
        yield start, start + length
        left -= length
        sector = follow[sector]


def _numbers(data: bytes) -> tuple[int, ...]:
    count = len(data) // 4
    return struct.unpack(f"<{count}L", data[: 4 * count])


# --- Documents with a password -------------------------------------------------------

_WORD_ENCRYPTED: Final = 0x0100
_POWERPOINT_ENCRYPTED: Final = b"\xdf\xc4\xd1\xf3"
_PASSWORD, _CONTINUED = 0x002F, 0x003C
_DRAWN: Final = frozenset({0x007F, 0x00E9, 0x00EB, 0x00EC})
"""Records of pictures: of old releases and other writers (IMDATA), of the background of
a sheet (BkHim), of the whole workbook and of a sheet (MsoDrawing)."""

_RECORD: Final = struct.Struct("<HH")
_MOST_LOOKED: Final = 32
"""First records of a workbook; the record with a password is among them."""


def _needs_password(entry: _Entry, streams: _Streams) -> bool:
    if entry.kind != _STREAM:
        return False
    match entry.name:
        case "EncryptedPackage":
            return True
        case "WordDocument":
            flags = streams.of(entry).read(10, 2)
            return bool(int.from_bytes(flags, "little") & _WORD_ENCRYPTED)
        case "Current User":
            return streams.of(entry).read(12, 4) == _POWERPOINT_ENCRYPTED
        case "Workbook" | "Book":
            first = islice(_records(streams.of(entry)), _MOST_LOOKED)
            return any(kind == _PASSWORD for kind, _, _ in first)
    return False


def _records(stream: Source) -> Iterator[tuple[int, int, int]]:
    at = 0
    while len(head := stream.read(at, _RECORD.size)) == _RECORD.size:
        kind, length = _RECORD.unpack(head)
        yield kind, at + _RECORD.size, length
        at += _RECORD.size + length


# --- Drawings ------------------------------------------------------------------------

_HOLDERS: Final = frozenset({"Data", "Pictures", "1Table", "0Table"})
"""Streams of Word and PowerPoint that hold pictures."""

_PACKED: Final = re.compile(rb"\0\xfe\x78[\x01\x5e\x9c\xda]")
"""The bytes before a packed picture: deflate, no filter, and the header of zlib."""

_PACKED_HEAD_BYTES: Final = 2
_WINDOW_BYTES: Final = 1 << 20


def _packed_in(name: str, stream: Source, meter: UnpackMeter) -> Iterator[Member]:
    if name in {"Workbook", "Book"}:
        stream = join_parts(stream, _drawings(stream))
        if stream.size:
            yield Member(name=f"{name}-drawings", content=stream)
    elif name not in _HOLDERS:
        return
    left = _Allowance(_MOST_PACKED * stream.size + _WINDOW_BYTES)
    for at in islice(_places(stream), meter.most_headers):
        chunks = left.of(unpack(stream, Zlib, meter, start=at))
        yield Member(name=f"{name}-picture", content=chunks)
        if left.is_spent:
            return


class _Allowance:
    """The unpacked bytes that all packed pictures of a stream may have together."""

    def __init__(self, size: int) -> None:
        self._left = size

    @property
    def is_spent(self) -> bool:
        """Return whether no more bytes may be unpacked."""
        return self._left <= 0

    def of(self, chunks: Chunks) -> Chunks:
        """Pass chunks on until the allowance is spent."""
        for chunk in chunks:
            yield chunk
            self._left -= len(chunk) if isinstance(chunk, bytes) else 0
            if self.is_spent:
                yield Shortfall(reason=Reason.TOO_COMPRESSED)
                return


_MOST_PACKED: Final = 32
"""Highest ratio of a packed picture; drawings of Windows are packed tenfold."""


def _drawings(stream: Source) -> Iterator[tuple[int, int]]:
    is_drawing = False
    for kind, at, length in _records(stream):
        is_drawing = kind in _DRAWN or (is_drawing and kind == _CONTINUED)
        if is_drawing:
            yield at, at + length


def _places(stream: Source) -> Iterator[int]:
    overlap = 3
    for start in range(0, stream.size, _WINDOW_BYTES):
        window = stream.read(start, _WINDOW_BYTES + overlap)
        for found in _PACKED.finditer(window):
            yield start + found.start() + _PACKED_HEAD_BYTES
