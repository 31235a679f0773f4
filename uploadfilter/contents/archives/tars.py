"""Read tar files of POSIX, of GNU, and of older programs.

Rules this module keeps: members are parts of the source; if a name or a size is given
twice, the one in the extended header counts, as in every current reader; after an
unreadable header nothing is guessed (carving looks there); a tar file that is too long
to be held is read window by window, and each member lies in one window.

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
from uploadfilter.contents.source import MemorySource, PartSource, Source
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
        return _Walk(meter).items(source, is_last=True)


@dataclass(frozen=True, slots=True)
class LongMember:
    """A member that is too long for a window.

    Attributes:
        name: Its name.
        start: Offset of its first byte in the window.
        size: Its length in bytes, as its header says.
    """

    name: str
    start: int
    size: int


class PassingTar:
    """A tar file that is read window by window.

    Each window is given to ``members``. Then ``go_on`` is told where the next one
    begins.

    Attributes:
        is_last: Whether the next window ends with the file.
    """

    kinds = frozenset({Kind.TAR})

    def __init__(self) -> None:
        self.is_last = False
        self._walk: _Walk | None = None

    def members(
        self, source: Source, meter: UnpackMeter
    ) -> Iterator[Member | Shortfall]:
        """Yield the plain files that lie entirely in a window."""
        self._walk = self._walk or _Walk(meter)
        yield from self._walk.items(source, is_last=self.is_last)

    @property
    def long(self) -> LongMember | None:
        """Return the next member if it is too long for a window.

        The next window must begin after it.
        """
        return None if self._walk is None else self._walk.long

    def keep_from(self, size: int) -> int:
        """Return the offset of the first byte that must be in the next window.

        Args:
            size: Length of the window in bytes; returned if no byte is needed.
        """
        if self._walk is None or self._walk.has_ended:
            return size
        return min(size, self._walk.keep_from)

    def go_on(self, dropped: int) -> None:
        """Take note that the next window begins ``dropped`` bytes later."""
        if self._walk is not None:
            self._walk.go_on(dropped)


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


_NO_SOURCE: Final = MemorySource(b"")


class _Walk:
    """One pass through a tar file, in one window or in several.

    Attributes:
        has_ended: Whether no more members can follow.
        long: As ``PassingTar.long``.
    """

    def __init__(self, meter: UnpackMeter) -> None:
        self._source: Source = _NO_SOURCE
        self._is_last = True
        self._meter = meter
        self._headers_left = meter.most_headers
        self._position = 0
        self._first = 0
        self._is_put_off = False
        self._is_behind_zeros = False
        self._padding = 0
        self._everywhere = _ExtendedFields()
        self._here = _ExtendedFields()
        self.has_ended = False
        self.long: LongMember | None = None

    @property
    def keep_from(self) -> int:
        """Return the offset of the first byte that was not read to its end."""
        return self._first

    def go_on(self, dropped: int) -> None:
        """Take note that the next window begins ``dropped`` bytes later."""
        self._position -= dropped
        self._first = self._position

    def items(self, source: Source, *, is_last: bool) -> Iterator[Member | Shortfall]:
        """Yield the plain files, up to the end or the first unreadable header.

        Args:
            source: The window; the first one begins at the start of the file.
            is_last: Whether it ends at the end of the file.
        """
        self._source, self._is_last = source, is_last
        self.long, self._is_put_off = None, False
        while self._may_go_on():
            yield from self._next()
        # The window must be freed before the next one is held.
        self._source = _NO_SOURCE
        if self._is_put_off:
            # The member's first header is read again in the next window.
            self._position, self._here = self._first, _ExtendedFields()
            if not self._first:
                self.has_ended = True
                yield DAMAGED

    def _may_go_on(self) -> bool:
        return not self.has_ended and self.long is None and not self._is_put_off

    def _next(self) -> Iterator[Member | Shortfall]:
        """Read one header and its member."""
        if not self._headers_left:
            self.has_ended = True
            yield Shortfall(reason=Reason.TOO_MANY_CONTENTS)
            return
        self._headers_left -= 1
        if self._is_short():
            self.has_ended = True
            yield DAMAGED
            return
        self._is_behind_zeros |= self._pass_zeros()
        if self._here == _ExtendedFields():
            self._first = self._position
        if self._is_beyond(self._position + _BLOCK_BYTES):
            self._is_put_off = True
            return
        block = self._source.read(self._position, _BLOCK_BYTES)
        if not is_header(block):
            self.has_ended = True
            # After the zero blocks that mark the end, any bytes may follow.
            if block and not self._is_behind_zeros:
                yield DAMAGED
            return
        self._is_behind_zeros = False
        self._position += _BLOCK_BYTES
        self._padding = 0
        yield from self._item(block)

    def _is_short(self) -> bool:
        """Return whether the file ends within the last member.

        The padding at the end of a file may be missing, but no data.
        """
        return self._is_last and self._position - self._padding > self._source.size

    def _is_beyond(self, end: int) -> bool:
        """Return whether the bytes before an offset are in a later window."""
        return not self._is_last and end > self._source.size

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
        """Read the member of one header, and move past it."""
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
        """Read the data of an extended header or long name, and move past them."""
        if self._is_beyond(self._position + min(size, _MOST_EXTENDED_BYTES)):
            self._is_put_off = True
            return b""
        data = self._source.read(self._position, min(size, _MOST_EXTENDED_BYTES))
        self._position += _round_up(size)
        return data

    def _member(
        self, block: bytes, kind: bytes, size: int
    ) -> Iterator[Member | Shortfall]:
        """Yield a plain file; move past a member of any type."""
        here, everywhere = self._here, self._everywhere
        size = _first(here.size, everywhere.size, size)
        name = _first(here.name, everywhere.name, _name(block))
        if kind in _NO_DATA and size and self._is_beyond(self._position + _BLOCK_BYTES):
            self._is_put_off = True
            return
        if kind in _NO_DATA and (not size or self._is_at_header()):
            return
        is_sparse = kind == b"S" or here.is_sparse or everywhere.is_sparse
        if kind == b"S":
            self._pass_sparse_map(block)
        start = self._position
        if self._is_beyond(start + size):
            yield from self._put_off(name, size, is_sparse=is_sparse)
            return
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

    def _put_off(self, name: str, size: int, *, is_sparse: bool) -> Iterator[Shortfall]:
        """Leave a member that is not in this window to the next one, if possible."""
        if self._first:
            self._is_put_off = True
            return
        self.long = LongMember(name, self._position, size)
        self._position += _round_up(size)
        self._padding = _round_up(size) - size
        self._first = self._position
        if is_sparse:
            yield UNKNOWN

    def _sparse(self, name: str) -> Member | Shortfall:
        """Return a file with holes, whose map is in its headers or its data."""
        if not library.IS_THERE:
            return UNKNOWN
        part = PartSource(self._source, self._first, self._source.size - self._first)
        return Member(name=name, content=self._fill_holes(part))

    def _fill_holes(self, part: Source) -> Chunks:
        """Unpack the first file of a part, with zeros for its holes."""
        items = archives.SPARSE_MEMBER.members(part, self._meter)
        item = next(items, None)
        if isinstance(item, Member) and isinstance(item.content, Iterator):
            yield from item.content
        else:
            yield UNKNOWN

    def _is_at_header(self) -> bool:
        block = self._source.read(self._position, _BLOCK_BYTES)
        return block in {b"", _ZEROS} or is_header(block)

    def _pass_sparse_map(self, block: bytes) -> None:
        """Skip the blocks that continue the map of a sparse file."""
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
    """Return the name in a header, with the prefix field of POSIX."""
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
