"""Read the fields of RAR headers that libarchive does not report.

The library unpacks RAR 3 and 5, but gives noise for members that version 5 encrypts,
and reports older files as damaged.

Source:
    RARLAB, "RAR 5.0 archive format"; technote.txt of RAR 4.20 for older versions.
"""

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from uploadfilter.contents.source import Source
from uploadfilter.model import Reason

_MAGIC_5: Final = b"Rar!\x1a\7\1\0"
_MAGIC_4: Final = b"Rar!\x1a\7\0"
_MOST_HEAD_BYTES: Final = 4096
"""Bytes of a header that are read: the fields come first, then a name."""

_ENCRYPTION, _FILE, _SERVICE = 4, 2, 3
_HAS_EXTRA, _HAS_DATA = 1, 2
_EXTRA_ENCRYPTION: Final = 1
"""Numbers of version 5: types of blocks, flags, and records of the extra area."""

_OLD_HEAD: Final = struct.Struct("<2xBHHL")
_OLD_FILE: Final = 0x74
_OLD_HAS_DATA: Final = 0x8000
_OLD_VERSION_AT: Final = 24
_LEAST_VERSION: Final = 29
_STORED: Final = 0x30


def obstacles(source: Source, most: int) -> Iterator[Reason]:
    """Yield the reasons for unreadable members that the library does not report.

    ``ENCRYPTED``, and ``NOT_INSPECTED`` for versions that are too old.
    """
    if source.read(0, len(_MAGIC_5)) == _MAGIC_5:
        for block in _blocks(source, most):
            if block.is_encrypted:
                yield Reason.ENCRYPTED
    elif source.read(0, len(_MAGIC_4)) == _MAGIC_4:
        yield from _old_obstacles(source, most)


class _Block(NamedTuple):
    is_encrypted: bool
    behind: int


def _blocks(source: Source, most: int) -> Iterator[_Block]:
    at = len(_MAGIC_5)
    for _ in range(most):
        block = _block(source, at)
        if block is None or block.behind <= at:
            return
        yield block
        at = block.behind


def _block(source: Source, at: int) -> _Block | None:
    head = source.read(at + 4, _MOST_HEAD_BYTES)
    if len(head) < _LEAST_BLOCK:
        return None
    size, body_at = _number(head, 0)
    kind, place = _number(head, body_at)
    flags, place = _number(head, place)
    extra, place = _number(head, place) if flags & _HAS_EXTRA else (0, place)
    data, place = _number(head, place) if flags & _HAS_DATA else (0, place)
    end = body_at + size
    is_encrypted = kind == _ENCRYPTION or (
        kind in {_FILE, _SERVICE} and _has_encryption(head[max(0, end - extra) : end])
    )
    return _Block(is_encrypted, at + 4 + end + data)


_LEAST_BLOCK: Final = 3


def _has_encryption(extra: bytes) -> bool:
    at = 0
    while at < len(extra):
        size, body_at = _number(extra, at)
        kind, _ = _number(extra, body_at)
        if kind == _EXTRA_ENCRYPTION:
            return True
        at = body_at + max(size, 1)
    return False


def _number(data: bytes, at: int) -> tuple[int, int]:
    """Read a number of seven bits a byte; return it and the offset after it."""
    number = 0
    for place in range(at, min(at + 10, len(data))):
        number |= (data[place] & 0x7F) << 7 * (place - at)
        if data[place] < 0x80:  # noqa: PLR2004 - the highest bit says that more follow
            return number, place + 1
    return number, len(data)


def _old_obstacles(source: Source, most: int) -> Iterator[Reason]:
    at = len(_MAGIC_4)
    for _ in range(most):
        head = source.read(at, _OLD_VERSION_AT + 2)
        if len(head) < _OLD_HEAD.size:
            return
        kind, flags, size, data = _OLD_HEAD.unpack_from(head)
        is_file = kind == _OLD_FILE and len(head) > _OLD_VERSION_AT + 1
        is_old = is_file and head[_OLD_VERSION_AT] < _LEAST_VERSION
        if is_old and head[_OLD_VERSION_AT + 1] != _STORED:
            yield Reason.NOT_INSPECTED
        at += max(size, 1) + (data if flags & _OLD_HAS_DATA else 0)
