"""Read tar files: of POSIX, of GNU, and of the time before both.

Rules this module keeps: members are shown where they lie; of names and sizes that are
given twice, the extended header's count, as in every reader of today; where a header
cannot be read, nothing behind it is guessed (carving looks there).

Source:
    POSIX.1-2017, pax, "ustar Interchange Format" and "pax Interchange Format"; GNU tar
    manual, "Basic Tar Format" and "Storing Sparse Files".
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeVar

from uploadfilter.contents import archives, library
from uploadfilter.contents.magic import Kind
from uploadfilter.contents.members import Chunks, Member, Meter, Shortfall
from uploadfilter.contents.source import PartSource, Source
from uploadfilter.contents.unpackers import DAMAGED, UNKNOWN
from uploadfilter.model import Reason

_BLOCK_BYTES: Final = 512
_ZEROS: Final = bytes(_BLOCK_BYTES)

_ZERO_BYTES: Final = 64 * 1024
"""How many zero bytes between two archives in one file are passed over at a time. There
may be any number: ``tar -i`` and Python read on after them if they are told to."""

_MOST_EXTENDED_BYTES: Final = 128 * 1024
"""Longest extended header or long name that is read: a thousand times the longest that
a file system can give cause for."""

_BINARY: Final = 0x80
"""Set in the first byte of a number that is not written in octal."""

_CHECKSUM: Final = slice(148, 156)
_NO_DATA: Final = frozenset({b"1", b"2", b"3", b"4", b"5", b"6"})
"""Links, devices, folders and pipes: their headers stand alone, in most archives."""

_RECORD = re.compile(rb"([1-9][0-9]{0,7}) ([^=]{1,256})=")
_OCTAL = re.compile(rb"[ \0]*([0-7]*)")
_DECIMAL = re.compile(rb"[0-9]{1,19}")


def is_header(block: bytes) -> bool:
    """Say whether 512 bytes are the header of a member, by its checksum.

    Tar files of before 1988 have no magic, and every reader still reads them.
    """
    if len(block) < _BLOCK_BYTES or block[:1] == b"\0":
        return False
    stated = _number(block[_CHECKSUM])
    if not stated:
        # Adding up is dear, and there is always a byte that is none.
        return False
    rest = block[:148] + b" " * 8 + block[156:_BLOCK_BYTES]
    # Some of the oldest archivers added the bytes up as signed ones.
    total, high = sum(rest), len(rest.translate(None, _LOW))
    return stated in {total, total - 256 * high}


_LOW = bytes(range(128))


class TarContainer:
    """A tar file."""

    kinds = frozenset({Kind.TAR})

    def members(self, source: Source, meter: Meter) -> Iterator[Member | Shortfall]:
        """Yield the plain files in a tar file."""
        return _Walk(source, meter).items()


@dataclass(slots=True)
class _Said:
    """What an extended header or a long name says about the members behind it."""

    name: str | None = None
    size: int | None = None
    is_sparse: bool = False

    def read(self, data: bytes) -> None:
        """Read the records of an extended header, as far as they are sound."""
        while match := _RECORD.match(data):
            length, key = int(match[1]), match[2]
            value = data[match.end() : length - 1]
            if key == b"path":
                self.name = value.decode("utf-8", "replace")
            elif key == b"size":
                self.size = _decimal(value)
            elif key.startswith(b"GNU.sparse."):
                self.is_sparse = True
            if length <= match.end():
                return
            data = data[length:]


class _Walk:
    """One way through a tar file."""

    def __init__(self, source: Source, meter: Meter) -> None:
        self._source = source
        self._meter = meter
        self._position = 0
        self._first = 0
        self._everywhere = _Said()
        self._here = _Said()

    def items(self) -> Iterator[Member | Shortfall]:
        """Yield the plain files, up to the end or to what cannot be read."""
        for _ in range(self._meter.most_headers):
            has_ended = self._pass_zeros()
            block = self._source.read(self._position, _BLOCK_BYTES)
            if not is_header(block):
                # Behind the zero blocks that mark the end, anything may stand.
                if block and not has_ended:
                    yield DAMAGED
                return
            if self._here == _Said():
                self._first = self._position
            self._position += _BLOCK_BYTES
            yield from self._item(block)
            if self._position > self._source.size:
                yield DAMAGED
                return
        yield Shortfall(reason=Reason.TOO_MANY_CONTENTS)

    def _pass_zeros(self) -> bool:
        """Go behind zero blocks; say whether there were some."""
        start = self._position
        if self._source.read(start, _BLOCK_BYTES) != _ZEROS:
            return False
        while piece := self._source.read(self._position, _ZERO_BYTES):
            zeros = len(piece) - len(piece.lstrip(b"\0"))
            self._position += zeros // _BLOCK_BYTES * _BLOCK_BYTES
            if zeros < _ZERO_BYTES:
                break
        return True

    def _item(self, block: bytes) -> Iterator[Member | Shortfall]:
        """Read what one header stands for, and go behind it."""
        size = _number(block[124:136])
        match block[156:157]:
            case b"x":
                self._here.read(self._extended(size))
            case b"g":
                self._everywhere.read(self._extended(size))
            case b"L":
                name = self._extended(size).rstrip(b"\0")
                self._here.name = name.decode("utf-8", "replace")
            case b"K":
                self._extended(size)
            case kind:
                yield from self._member(block, kind, size)
                self._here = _Said()

    def _extended(self, size: int) -> bytes:
        """Read what stands for the next member's header, and go behind it."""
        data = self._source.read(self._position, min(size, _MOST_EXTENDED_BYTES))
        self._position += _padded(size)
        return data

    def _member(
        self, block: bytes, kind: bytes, size: int
    ) -> Iterator[Member | Shortfall]:
        """Yield a plain file; go behind whatever it is."""
        here, everywhere = self._here, self._everywhere
        size = _first(here.size, everywhere.size, size)
        name = _first(here.name, everywhere.name, _name(block))
        if kind in _NO_DATA and (not size or self._is_at_header()):
            return
        if kind == b"S":
            self._pass_sparse_map(block)
        start = self._position
        self._position += _padded(size)
        if kind == b"S" or here.is_sparse or everywhere.is_sparse:
            yield self._sparse(name)
        elif size or not name.endswith("/"):
            there = max(0, min(size, self._source.size - start))
            start = min(start, self._source.size)
            part = PartSource(self._source, start, there)
            yield Member(name=name, content=part)
            # An archive need not be padded at its end, but no data may be missing.
            if there == size:
                self._position = min(self._position, self._source.size)

    def _sparse(self, name: str) -> Member | Shortfall:
        """Return a file with holes, whose map is among its headers or its data."""
        if not library.IS_THERE:
            return UNKNOWN
        part = PartSource(self._source, self._first, self._source.size - self._first)
        return Member(name=name, content=self._filled(part))

    def _filled(self, part: Source) -> Chunks:
        """Unpack the first file of a part, with zeros for its holes."""
        items = archives.SPARSE_MEMBER.members(part, self._meter)
        item = next(items, None)
        if isinstance(item, Member) and isinstance(item.content, Iterator):
            yield from item.content
        else:
            yield UNKNOWN

    def _is_at_header(self) -> bool:
        """Say whether a header or the end is next, and no data."""
        block = self._source.read(self._position, _BLOCK_BYTES)
        return block in {b"", _ZEROS} or is_header(block)

    def _pass_sparse_map(self, block: bytes) -> None:
        """Go behind the blocks that go on with the map of a sparse file."""
        more = block[482:483]
        while more not in {b"", b"\0"}:
            more = self._source.read(self._position + 504, 1)
            self._position += _BLOCK_BYTES


_Value = TypeVar("_Value")


def _first(here: _Value | None, everywhere: _Value | None, header: _Value) -> _Value:
    """Return what counts: the header's own word only if there is no other."""
    if here is not None:
        return here
    return header if everywhere is None else everywhere


def _name(block: bytes) -> str:
    """Return the name in a header, with what POSIX puts before it."""
    name, prefix = (_text(block[:100]), _text(block[345:500]))
    has_prefix = block[257:263] == b"ustar\0" and prefix
    return f"{prefix}/{name}" if has_prefix else name


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "replace")


def _number(field: bytes) -> int:
    """Read a number: octal, or binary where it would be too long."""
    if field[0] & _BINARY:
        return int.from_bytes(field, "big") & (1 << 8 * len(field) - 1) - 1
    match = _OCTAL.match(field)
    return int(match[1] or b"0", 8) if match else 0


def _decimal(value: bytes) -> int | None:
    return int(value) if _DECIMAL.fullmatch(value) else None


def _padded(size: int) -> int:
    return -(-size // _BLOCK_BYTES) * _BLOCK_BYTES
