"""Read tar files of POSIX, of GNU, and of older programs.

Rules this module keeps: members are parts of the source; if a name or a size is given
twice, the one in the extended header counts, as in every current reader; after an
unreadable header nothing is guessed (carving looks there). One that is too long to be
held is read as it passes, by libarchive (``archives.PASSING_TAR``).

Source:
    POSIX.1-2017, pax, "ustar Interchange Format" and "pax Interchange Format"; GNU tar
    manual, "Basic Tar Format" and "Storing Sparse Files".
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeVar

from uploadfilter.contents.archives import archives, library
from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.contents.members import Chunks, Member, Shortfall, UnpackMeter
from uploadfilter.contents.source import PartSource, Source
from uploadfilter.contents.unpackers import DAMAGED, UNKNOWN
from uploadfilter.model import Reason

_BLOCK_BYTES: Final = 512
_ZEROS: Final = bytes(_BLOCK_BYTES)

_ZERO_BYTES: Final = 64 * 1024
"""Zero bytes between two archives in one file that are skipped at a time. There may be
any number: ``tar -i`` and Python can read on after them."""

_MOST_EXTENDED_BYTES: Final = 128 * 1024
"""Longest extended header or long name that is read: a thousand times the longest that
a file system needs."""

_BINARY: Final = 0x80
"""The bit in the first byte of a number that is not written in octal."""

_CHECKSUM: Final = slice(148, 156)
_NO_DATA: Final = frozenset({b"1", b"2", b"3", b"4", b"5", b"6"})
"""Links, devices, folders and pipes: in most archives no data follow their headers."""

_RECORD = re.compile(rb"([1-9][0-9]{0,7}) ([^=]{1,256})=")
_OCTAL = re.compile(rb"[ \0]*([0-7]*)")
_DECIMAL = re.compile(rb"[0-9]{1,19}")


def is_header(block: bytes) -> bool:
    """Return whether 512 bytes are the header of a member, by its checksum.

    Tar files of before 1988 have no magic, and every reader still reads them.
    """
    if len(block) < _BLOCK_BYTES or block[:1] == b"\0":
        return False
    stated = _number(block[_CHECKSUM])
    if not stated:
        # Adding up is expensive, and most blocks have a byte that is not valid here.
        return False
    rest = block[:148] + b" " * 8 + block[156:_BLOCK_BYTES]
    # Some of the oldest archivers added signed bytes.
    total, high = sum(rest), len(rest.translate(None, _LOW))
    return stated in {total, total - 256 * high}


_LOW = bytes(range(128))


class TarContainer:
    """A tar file."""

    kinds = frozenset({Kind.TAR})

    def members(
        self, source: Source, meter: UnpackMeter
    ) -> Iterator[Member | Shortfall]:
        """Yield the plain files in a tar file."""
        return _Walk(source, meter).items()


@dataclass(slots=True)
class _ExtendedFields:
    """The fields of extended headers and long names that apply to later members."""

    name: str | None = None
    size: int | None = None
    is_sparse: bool = False

    def read(self, data: bytes) -> None:
        """Read the records of an extended header, up to the first invalid one."""
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
    def __init__(self, source: Source, meter: UnpackMeter) -> None:
        self._source = source
        self._meter = meter
        self._position = 0
        self._first = 0
        self._padding = 0
        self._everywhere = _ExtendedFields()
        self._here = _ExtendedFields()

    def items(self) -> Iterator[Member | Shortfall]:
        """Yield the plain files, up to the end or the first unreadable header."""
        is_behind_zeros = False
        for _ in range(self._meter.most_headers):
            # The padding at the end of a file may be missing, but no data.
            if self._position - self._padding > self._source.size:
                yield DAMAGED
                return
            is_behind_zeros |= self._pass_zeros()
            if self._here == _ExtendedFields():
                self._first = self._position
            block = self._source.read(self._position, _BLOCK_BYTES)
            if not is_header(block):
                # After the zero blocks that mark the end, any bytes may follow.
                if block and not is_behind_zeros:
                    yield DAMAGED
                return
            is_behind_zeros = False
            self._position += _BLOCK_BYTES
            self._padding = 0
            yield from self._item(block)
        yield Shortfall(reason=Reason.TOO_MANY_CONTENTS)

    def _pass_zeros(self) -> bool:
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
        size = _number(block[124:136])
        match block[156:157]:
            case b"x":
                self._here.read(self._read_extended(size))
            case b"g":
                self._everywhere.read(self._read_extended(size))
            case b"L":
                name = self._read_extended(size).rstrip(b"\0")
                self._here.name = name.decode("utf-8", "replace")
            case b"K":
                self._read_extended(size)
            case kind:
                yield from self._member(block, kind, size)
                self._here = _ExtendedFields()

    def _read_extended(self, size: int) -> bytes:
        data = self._source.read(self._position, min(size, _MOST_EXTENDED_BYTES))
        self._position += _round_up(size)
        return data

    def _member(
        self, block: bytes, kind: bytes, size: int
    ) -> Iterator[Member | Shortfall]:
        here, everywhere = self._here, self._everywhere
        size = _first(here.size, everywhere.size, size)
        name = _first(here.name, everywhere.name, _name(block))
        if kind in _NO_DATA and (not size or self._is_at_header()):
            return
        is_sparse = kind == b"S" or here.is_sparse or everywhere.is_sparse
        if kind == b"S":
            self._pass_sparse_map(block)
        start = self._position
        self._position += _round_up(size)
        if is_sparse:
            yield self._sparse(name)
            return
        self._padding = _round_up(size) - size
        if size or not name.endswith("/"):
            there = max(0, min(size, self._source.size - start))
            start = min(start, self._source.size)
            part = PartSource(self._source, start, there)
            yield Member(name=name, content=part)

    def _sparse(self, name: str) -> Member | Shortfall:
        if not library.IS_THERE:
            return UNKNOWN
        part = PartSource(self._source, self._first, self._source.size - self._first)
        return Member(name=name, content=self._fill_holes(part))

    def _fill_holes(self, part: Source) -> Chunks:
        items = archives.PASSING_TAR.members(part, self._meter)
        item = next(items, None)
        if isinstance(item, Member) and isinstance(item.content, Iterator):
            yield from item.content
        else:
            yield UNKNOWN

    def _is_at_header(self) -> bool:
        block = self._source.read(self._position, _BLOCK_BYTES)
        return block in {b"", _ZEROS} or is_header(block)

    def _pass_sparse_map(self, block: bytes) -> None:
        more = block[482:483]
        while more not in {b"", b"\0"}:
            more = self._source.read(self._position + 504, 1)
            self._position += _BLOCK_BYTES


_Value = TypeVar("_Value")


def _first(here: _Value | None, everywhere: _Value | None, header: _Value) -> _Value:
    """Return the value that counts: the header's own one only if there is no other."""
    if here is not None:
        return here
    return header if everywhere is None else everywhere


def _name(block: bytes) -> str:
    name, prefix = (_text(block[:100]), _text(block[345:500]))
    has_prefix = block[257:263] == b"ustar\0" and prefix
    return f"{prefix}/{name}" if has_prefix else name


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "replace")


def _number(field: bytes) -> int:
    """Read a number: octal, or binary if it is too long for octal."""
    if field[0] & _BINARY:
        return int.from_bytes(field, "big") & (1 << 8 * len(field) - 1) - 1
    match = _OCTAL.match(field)
    return int(match[1] or b"0", 8) if match else 0


def _decimal(value: bytes) -> int | None:
    return int(value) if _DECIMAL.fullmatch(value) else None


def _round_up(size: int) -> int:
    return -(-size // _BLOCK_BYTES) * _BLOCK_BYTES
