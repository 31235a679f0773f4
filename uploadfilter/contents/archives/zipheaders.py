"""Find the headers of a zip file, in its directory and before each member.

Readers of zip disagree about which headers count, and where they are, so that one file
can show different members to different readers. All headers that any reader may use are
found here: each end record near the end; each directory that such a record points to,
by the offset or by the size (bytes before the archive shift the offset); and each local
header anywhere in the file.

Source:
    PKWARE, "APPNOTE.TXT - .ZIP File Format Specification", 6.3.10, sections 4.3 to 4.5.
"""

import struct
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from uploadfilter.contents.source import Source

LOCAL_MAGIC: Final = b"PK\x03\x04"
_DESCRIPTOR_MAGIC: Final = b"PK\x07\x08"
_DIRECTORY_MAGIC: Final = b"PK\x01\x02"
_END_MAGIC: Final = b"PK\x05\x06"
_WIDE_END_MAGIC: Final = b"PK\x06\x06"
_WIDE_LOCATOR_MAGIC: Final = b"PK\x06\x07"

_LOCAL = struct.Struct("<4x2x2H4x4x2L2H")
_DIRECTORY = struct.Struct("<4x2x2x2H4x4x2L3H2x2x4xL")
_END = struct.Struct("<4x2x2x2x2x2L2x")
_WIDE_END = struct.Struct("<4x8x2x2x4x4x8x8x2Q")
_FIELD = struct.Struct("<2H")
_WIDE = struct.Struct("<Q")
_WIDE_LOCATOR = struct.Struct("<4x4xQ4x")

END_SEARCH_BYTES: Final = _END.size + 0xFFFF
"""Longest distance of the end record from the end of a zip file: a comment follows it.
"""

_MOST_ENDS: Final = 8
"""Most end records that are followed: a valid file has one, a file that is made to
mislead readers has a few."""

_WINDOW_BYTES: Final = 64 * 1024
"""Bytes that are searched for local headers at a time."""

_FIRST_WINDOW_BYTES: Final = 256
"""The same for the first search: the next header is mostly at the expected place."""

_MAGIC_BYTES: Final = 4

_NARROW: Final = 0xFFFFFFFF
"""The mark in a field of 32 bits that the value is in the extra field, in 64 bits."""

_WIDE_EXTRA: Final = 1
_FLAG_UTF8: Final = 1 << 11
_FLAG_DESCRIPTOR: Final = 1 << 3
_FLAG_END_MARK: Final = 1 << 1
_FLAG_ENCRYPTED: Final = 1
"""The flag for encryption. The flags for strong encryption and masked headers count
only with it (APPNOTE, 4.4.4): without it, readers unpack the member."""

_METHOD_AES: Final = 99


class ZipHeader(NamedTuple):
    """A member as one header describes it.

    Attributes:
        is_encrypted: Whether it cannot be unpacked without a password.
        has_descriptor: Whether the sizes may be missing here and follow the data.
        has_end_mark: Whether an lzma stream has an end mark.
    """

    name: str
    method: int
    is_encrypted: bool
    has_descriptor: bool
    has_end_mark: bool
    packed_size: int
    size: int

    @property
    def is_sizeless(self) -> bool:
        """Return whether the sizes only follow the data."""
        return self.has_descriptor and not self.packed_size

    @property
    def is_folder(self) -> bool:
        """Return whether it is only the name of a folder."""
        has_bytes = self.size or self.packed_size or self.has_descriptor
        return self.name.endswith("/") and not has_bytes


class LocalHeader(NamedTuple):
    """A header before a member, and the offset of the member's data."""

    header: ZipHeader
    data_at: int


class ListedHeader(NamedTuple):
    """A header in a directory, and possible offsets of its local header, best first."""

    header: ZipHeader
    local_at: tuple[int, ...]


class _Directory(NamedTuple):
    """The offset of a directory, and possible offsets of the archive, best first."""

    start: int
    bases: tuple[int, ...]


def has_end(source: Source) -> bool:
    """Return whether a content has an end record near its end, whatever its kind."""
    return next(_ends(source), None) is not None


def local_header(source: Source, offset: int) -> LocalHeader | None:
    """Read the local header at an offset, if there is one."""
    fixed = source.read(offset, _LOCAL.size)
    if len(fixed) < _LOCAL.size or not fixed.startswith(LOCAL_MAGIC):
        return None
    flags, method, packed_size, size, name_length, extra_length = _LOCAL.unpack(fixed)
    rest = source.read(offset + _LOCAL.size, name_length + extra_length)
    if _NARROW in (size, packed_size):
        size, packed_size, _ = _widen(rest[name_length:], size, packed_size, 0)
    header = _header(flags, method, rest[:name_length], packed_size, size)
    data_at = offset + _LOCAL.size + name_length + extra_length
    return LocalHeader(header, data_at) if data_at <= source.size else None


def listed(source: Source, *, counts: Callable[[int], bool]) -> Iterator[ListedHeader]:
    """Yield the headers of every directory that an end record points to.

    ``counts`` returns for an end record's offset whether to follow it; it is called
    after all headers of later end records were yielded.
    """
    seen: set[_Directory] = set()
    for end_at in filter(counts, _ends(source)):
        for directory in _directories(source, end_at):
            if directory not in seen:
                seen.add(directory)
                yield from _read_directory(source, directory)


def next_local(source: Source, start: int) -> int | None:
    """Return the next offset from ``start`` that may be of a local header."""
    return _find(source, (LOCAL_MAGIC,), start)


def data_end(source: Source, start: int) -> int:
    """Return the end of data of unknown length: the start of the next header."""
    magic = (_DESCRIPTOR_MAGIC, LOCAL_MAGIC, _DIRECTORY_MAGIC)
    found = _find(source, magic, start)
    return source.size if found is None else found


def _find(source: Source, magic: tuple[bytes, ...], start: int) -> int | None:
    length = _FIRST_WINDOW_BYTES
    while len(window := source.read(start, length)) >= _MAGIC_BYTES:
        places = [place for each in magic if (place := window.find(each)) >= 0]
        if places:
            return start + min(places)
        start += len(window) - _MAGIC_BYTES + 1
        length = _WINDOW_BYTES
    return None


def _ends(source: Source) -> Iterator[int]:
    """Yield the offsets of end records, the last one first."""
    start = max(0, source.size - END_SEARCH_BYTES)
    tail = source.read(start, END_SEARCH_BYTES)
    if _END_MAGIC not in tail:
        return  # five times as fast as searching backwards
    found = len(tail) - _END.size + len(_END_MAGIC)
    for _ in range(_MOST_ENDS):
        found = tail.rfind(_END_MAGIC, 0, max(0, found))
        if found < 0:
            return
        yield start + found
        found += len(_END_MAGIC) - 1


def _directories(source: Source, end_at: int) -> Iterator[_Directory]:
    size, offset = _END.unpack(source.read(end_at, _END.size))
    yield from _places_of(size, offset, end_at)
    locator = source.read(end_at - _WIDE_LOCATOR.size, _WIDE_LOCATOR.size)
    if end_at < _WIDE_LOCATOR.size or not locator.startswith(_WIDE_LOCATOR_MAGIC):
        return
    (stated,) = _WIDE_LOCATOR.unpack(locator)
    behind = end_at - _WIDE_LOCATOR.size - _WIDE_END.size
    for wide_at in dict.fromkeys((stated, max(0, behind))):
        wide = source.read(wide_at, _WIDE_END.size)
        if len(wide) == _WIDE_END.size and wide.startswith(_WIDE_END_MAGIC):
            size, offset = _WIDE_END.unpack(wide)
            yield from _places_of(size, offset, wide_at)


def _places_of(size: int, offset: int, end_at: int) -> Iterator[_Directory]:
    by_size = end_at - size
    if by_size >= 0:
        yield _Directory(by_size, tuple(dict.fromkeys((by_size - offset, 0))))
    if offset != by_size:
        yield _Directory(offset, (0,))


def _read_directory(source: Source, directory: _Directory) -> Iterator[ListedHeader]:
    """Yield headers as long as one follows another, whatever their number should be."""
    position = directory.start
    while len(fixed := source.read(position, _DIRECTORY.size)) == _DIRECTORY.size:
        if not fixed.startswith(_DIRECTORY_MAGIC):
            return
        flags, method, packed_size, size, *lengths, offset = _DIRECTORY.unpack(fixed)
        name_length, extra_length, comment_length = lengths
        rest = source.read(position + _DIRECTORY.size, name_length + extra_length)
        if _NARROW in (size, packed_size, offset):
            extra = rest[name_length:]
            size, packed_size, offset = _widen(extra, size, packed_size, offset)
        header = _header(flags, method, rest[:name_length], packed_size, size)
        places = [base + offset for base in directory.bases]
        # If the beginning of an archive is missing, members would begin before its
        # start.
        yield ListedHeader(header, tuple([place for place in places if place >= 0]))
        position += _DIRECTORY.size + name_length + extra_length + comment_length


def _header(
    flags: int, method: int, name: bytes, packed_size: int, size: int
) -> ZipHeader:
    """Return a header; positional arguments are faster for thousands of them."""
    is_encrypted = flags & _FLAG_ENCRYPTED != 0 or method == _METHOD_AES
    return ZipHeader(
        _name(name, is_utf8=flags & _FLAG_UTF8 != 0),
        method,
        is_encrypted,
        flags & _FLAG_DESCRIPTOR != 0,
        flags & _FLAG_END_MARK != 0,
        packed_size,
        size,
    )


def _name(name: bytes, *, is_utf8: bool) -> str:
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError:
        return name.decode("utf-8", "replace") if is_utf8 else name.decode("cp437")


def _widen(extra: bytes, *values: int) -> Iterator[int]:
    """Yield values; those that do not fit into 32 bits come from the extra field."""
    wide = _wide_field(extra)
    for value in values:
        if value == _NARROW and len(wide) >= _WIDE.size:
            yield from _WIDE.unpack_from(wide)
            wide = wide[_WIDE.size :]
        else:
            yield value


def _wide_field(extra: bytes) -> bytes:
    while len(extra) >= _FIELD.size:
        kind, length = _FIELD.unpack_from(extra)
        if kind == _WIDE_EXTRA:
            return extra[_FIELD.size :][:length]
        extra = extra[_FIELD.size + length :]
    return b""
