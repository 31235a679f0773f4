"""Read the covers of sound files that are spread, packed or cut in pieces.

In most files a cover stands in one piece and is carved. In ID3 tags it may be packed,
or spread, so that no player takes its bytes for sound (*unsynchronisation*). In Ogg it
is written in base64 that pages cut in pieces.

Source:
    https://id3.org, ID3v2.2.0, 2.3.0 and 2.4.0; RFC 3533, section 6.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.contents.members import Member, Shortfall, UnpackMeter
from uploadfilter.contents.source import MemorySource, Source, join_parts
from uploadfilter.contents.streams import unpack
from uploadfilter.contents.unpackers import Zlib
from uploadfilter.model import Reason

ID3_MAGIC: Final = b"ID3"
OGG_MAGIC: Final = b"OggS"

_TAG_HEAD_BYTES: Final = 10
_UNSYNCHRONISED, _EXTENDED = 0x80, 0x40
_MOST_TAG_BYTES: Final = 64 * 1024 * 1024
_MOST_HIDDEN: Final = 64
"""Most frames that are packed or spread: there are 21 sorts of pictures in a tag."""

_OLD, _NEW = 2, 4
"""The versions of ID3v2 whose frames differ from those of the usual version, 3."""


class _Tag(NamedTuple):
    """A tag without its header, of version 2, 3 or 4, and where its first frame is."""

    body: bytes
    version: int
    is_spread: bool
    start: int


class ID3Container:
    """A sound file that begins with a tag."""

    kinds: frozenset[Kind] = frozenset()

    def members(
        self, source: Source, meter: UnpackMeter
    ) -> Iterator[Member | Shortfall]:
        """Yield the covers that are spread or packed in the tag."""
        head = source.read(0, _TAG_HEAD_BYTES)
        size = _synchsafe(head[6:10])
        if len(head) < _TAG_HEAD_BYTES or size > _MOST_TAG_BYTES:
            return
        body, version, flags = source.read(len(head), size), head[3], head[5]
        is_spread = bool(flags & _UNSYNCHRONISED)
        if is_spread and version != _NEW:
            body = _undo_spreading(body)
            yield Member(name="tag", content=MemorySource(body))
        start = _extended_bytes(body, version) if flags & _EXTENDED else 0
        tag = _Tag(body, version, is_spread, start)
        hidden = (each for each in _frames(tag) if each.is_packed or each.is_spread)
        for number, frame in enumerate(hidden):
            if number == _MOST_HIDDEN:
                yield Shortfall(reason=Reason.TOO_MANY_CONTENTS)
                return
            if frame.is_packed:
                chunks = unpack(MemorySource(frame.body), Zlib, meter)
                yield Member(name=frame.name, content=chunks)
            else:
                yield Member(name=frame.name, content=MemorySource(frame.body))


class _Frame(NamedTuple):
    name: str
    body: bytes
    is_packed: bool
    is_spread: bool


def _frames(tag: _Tag) -> Iterator[_Frame]:
    head_bytes, name_bytes = (6, 3) if tag.version == _OLD else (10, 4)
    at = tag.start
    while len(head := tag.body[at : at + head_bytes]) == head_bytes and head[0]:
        size_bytes = head[name_bytes : 2 * name_bytes]
        size = int.from_bytes(size_bytes, "big")
        if tag.version == _NEW and max(size_bytes) < 0x80:  # noqa: PLR2004 - seven bits
            size = _synchsafe(size_bytes)
        body = tag.body[at + head_bytes : at + head_bytes + size]
        name = head[:name_bytes].decode("latin-1")
        yield _frame(tag, name, body, head[9] if head_bytes > 9 else 0)  # noqa: PLR2004
        at += head_bytes + size


def _frame(tag: _Tag, name: str, body: bytes, flags: int) -> _Frame:
    if tag.version == _NEW:
        is_spread = bool(tag.is_spread or flags & 0x02)
        is_packed, is_grouped, has_length = flags & 0x08, flags & 0x40, flags & 0x01
    else:
        is_spread = False
        is_packed, is_grouped, has_length = flags & 0x80, flags & 0x20, flags & 0x80
    if is_spread:
        body = _undo_spreading(body)
    before = bool(is_grouped) + 4 * bool(has_length)
    return _Frame(name, body[before:], bool(is_packed), is_spread)


def _undo_spreading(data: bytes) -> bytes:
    return data.replace(b"\xff\0", b"\xff")


def _extended_bytes(body: bytes, version: int) -> int:
    if version == _NEW:
        return _synchsafe(body[:4])
    return 4 + int.from_bytes(body[:4], "big")


def _synchsafe(data: bytes) -> int:
    """Read a number with seven bits in each byte."""
    number = 0
    for byte in data:
        number = number << 7 | byte & 0x7F
    return number


# --- Ogg -----------------------------------------------------------------------------

_PAGE_HEAD_BYTES: Final = 27
_MOST_PAGES: Final = 4096
"""Pages that are read. The headers of a stream come first, with the covers; this many
pages of the usual length have 16 MiB."""


class OggContainer:
    """A sound file or a video in pages."""

    kinds: frozenset[Kind] = frozenset()

    def members(
        self, source: Source, meter: UnpackMeter
    ) -> Iterator[Member | Shortfall]:
        """Yield the first bytes of each stream, without the headers of pages."""
        streams: dict[bytes, list[tuple[int, int]]] = {}
        del meter  # nothing is unpacked, and there are no more streams than pages
        for serial, span in _pages(source):
            streams.setdefault(serial, []).append(span)
        for spans in streams.values():
            if len(spans) > 1:
                yield Member(name="stream", content=join_parts(source, spans))


def _pages(source: Source) -> Iterator[tuple[bytes, tuple[int, int]]]:
    at = 0
    for _ in range(_MOST_PAGES):
        head = source.read(at, _PAGE_HEAD_BYTES + 255)
        if not head.startswith(OGG_MAGIC) or len(head) < _PAGE_HEAD_BYTES:
            return
        start = at + _PAGE_HEAD_BYTES + head[26]
        at = start + sum(head[_PAGE_HEAD_BYTES : _PAGE_HEAD_BYTES + head[26]])
        yield head[14:18], (start, at)
