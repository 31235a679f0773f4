"""Read zip files, and the formats based on them: office documents, books, programs.

Rules this module keeps: everything that any reader would take for a member is one,
found by the directory or by its local header, and only once; sizes and checksums are
claims, so a compressed member ends where its stream ends; a stored member is a part of
the source. If two headers of one member disagree, both readings are given.
"""

import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Final

from uploadfilter.contents.archives import archives, library, zipheaders
from uploadfilter.contents.archives.zipheaders import (
    ListedHeader,
    LocalHeader,
    ZipHeader,
)
from uploadfilter.contents.kinds.magic import HEAD_BYTES, Kind, sniff
from uploadfilter.contents.members import (
    Chunks,
    Member,
    Shortfall,
    UnpackMeter,
)
from uploadfilter.contents.source import MemorySource, PartSource, Source
from uploadfilter.contents.streams import unpack
from uploadfilter.contents.unpackers import (
    BZIP2,
    DAMAGED,
    LZMA,
    UNKNOWN,
    Deflate,
    Deflate64,
    Unpacker,
    Zstandard,
)
from uploadfilter.model import Reason

STORED: Final = 0
_LZMA: Final = 14
_PPMD: Final = 98

_LZMA_HEAD = struct.Struct("<2sH5s")
_NO_SIZE: Final = 0xFFFF_FFFF_FFFF_FFFF

_NOTHING: Final = b"\x03\x00"
"""A deflate stream without a byte in it: the last block, and its end (RFC 1951, 3.2.3).
Archives have thousands of empty members, and an unpacker takes 4 µs to begin."""

_EMPTY: Final = MemorySource(b"")

_UNPACKERS: Final[dict[int, Callable[[], Unpacker]]] = {
    8: Deflate,
    9: Deflate64,
    12: BZIP2,
    20: Zstandard,
    93: Zstandard,
    95: LZMA,
}
"""Methods by number, except stored, lzma and PPMd; 20 was once the number of zstd.

Source:
    APPNOTE.TXT, section 4.4.5.
"""

_METHODS: Final = frozenset({*range(11), 12, 14, 16, 18, 19, 20, *range(93, 100)})
"""Methods that have a meaning. A local header that was found only by its magic must
have one of them, since four bytes occur by chance in every fourth gigabyte."""

_ENCRYPTED = Shortfall(reason=Reason.ENCRYPTED)


def hides_archive(source: Source) -> bool:
    """Return whether a content ends like a zip file, whatever its first bytes are.

    A cheap look at its last 64 KiB: in programs that unpack themselves, and in files of
    two kinds, the archive follows other data.
    """
    return zipheaders.has_end(source)


class ZipContainer:
    """A zip file."""

    kinds = frozenset({Kind.ZIP})

    def members(
        self, source: Source, meter: UnpackMeter
    ) -> Iterator[Member | Shortfall]:
        """Yield the members in the directories of a zip file, then the others."""
        walk = _Walk(source, meter)
        is_empty = True
        for item in chain(walk.listed(), walk.unlisted()):
            is_empty = False
            yield item
            if meter.spent is not None:
                yield Shortfall(reason=meter.spent)
                return
        if not walk.has_patience:
            yield Shortfall(reason=Reason.TOO_MANY_CONTENTS)
        elif is_empty and not zipheaders.has_end(source):
            yield Shortfall(reason=Reason.UNDECODABLE)


class _Walk:
    """One pass through a zip file.

    Attributes:
        headers: Number of headers that were read; at most ``UnpackMeter.most_headers``.
        idle: Headers that led to no member; at most ``UnpackMeter.most_frames``.
        strays: Number of headers of members that no directory names; at most
            ``UnpackMeter.most_unlisted``.
    """

    def __init__(self, source: Source, meter: UnpackMeter) -> None:
        self._source = source
        self._meter = meter
        self._seen: set[tuple[int, ...]] = set()
        self._behind: dict[int, int] = {}
        self._ended: dict[int, int] = {}
        self._has_directory = zipheaders.has_end(source)
        self.headers = 0
        self.idle = 0
        self.strays = 0

    def listed(self) -> Iterator[Member | Shortfall]:
        """Yield the members that directories list."""
        for entry in zipheaders.listed(self._source, counts=self._is_outside):
            if self.headers >= self._meter.most_headers:
                return
            self.headers += 1
            yield from self._entry(entry)

    def unlisted(self) -> Iterator[Member | Shortfall]:
        """Yield the members whose local header no directory names."""
        offset = zipheaders.next_local(self._source, 0)
        while offset is not None and self.has_patience:
            self.headers += 1
            if offset not in self._behind:
                yield from self._found(offset)
            behind = self._behind.get(offset, offset + 1)
            offset = zipheaders.next_local(self._source, behind)

    @property
    def has_patience(self) -> bool:
        """Return whether one more header may be read."""
        return (
            self.headers < self._meter.most_headers
            and self.idle < self._meter.most_frames
            and self.strays < self._meter.most_unlisted
        )

    def _entry(self, entry: ListedHeader) -> Iterator[Member | Shortfall]:
        is_lost = True
        for local_at in entry.local_at:
            local = zipheaders.local_header(self._source, local_at)
            if local is not None:
                read = self._read(entry.header, local.data_at, local_at)
                is_chance = not is_lost and local.header.name != entry.header.name
                yield from map(_if_sound, read) if is_chance else read
                is_lost = False
                # An equal header was read above.
                is_other = local.header != entry.header
                if is_other and not local.header.is_sizeless:
                    yield from self._read(local.header, local.data_at, local_at)
                self._pass_over(local_at, local, entry.header)
        if is_lost and not entry.header.is_folder:
            yield DAMAGED

    def _found(self, local_at: int) -> Iterator[Member | Shortfall]:
        """Yield a member that has only a local header, unless its magic is chance."""
        local = zipheaders.local_header(self._source, local_at)
        if local is None or local.header.method not in _METHODS:
            self.idle += 1
            return
        self.strays += 1
        for item in self._read(local.header, local.data_at, local_at):
            # Some archivers leave stale headers without sizes. A reader that uses the
            # directory misses nothing, and all bytes to the end were looked at.
            if item != DAMAGED or not self._has_directory:
                yield item
        self._pass_over(local_at, local, local.header)

    def _pass_over(self, local_at: int, local: LocalHeader, other: ZipHeader) -> None:
        """Note where more headers are looked for.

        A stored member is skipped if its length is certain, since its bytes are looked
        at as a member; so the members of a zip in a zip are not found twice. A packed
        member is skipped too if it has the length that a header says: incompressible
        members inside it stand there in pieces.
        """
        header, behind = local.header, local_at + 1
        is_stored = header.method == other.method == STORED
        has_one_size = (
            header.packed_size == header.size == other.packed_size == other.size
        )
        ended = self._ended.get(local.data_at, 0)
        if is_stored and has_one_size and not header.has_descriptor:
            behind = local.data_at + header.size
        elif ended - local.data_at in {header.packed_size, other.packed_size}:
            behind = ended
        self._behind[local_at] = behind

    def _is_outside(self, offset: int) -> bool:
        return not any(start < offset < end for start, end in self._behind.items())

    def _read(
        self, header: ZipHeader, data_at: int, local_at: int
    ) -> Iterable[Member | Shortfall]:
        if header.is_folder:
            return ()
        if header.is_encrypted and not self._is_plain(header, data_at, local_at):
            return (_ENCRYPTED,) if self._is_new(data_at) else ()
        if header.method == STORED:
            return self._read_stored(header, data_at)
        if self._is_new(data_at, header.method):
            return (self._read_packed(header, data_at, local_at),)
        return ()

    def _is_plain(self, header: ZipHeader, data_at: int, local_at: int) -> bool:
        """Return whether an encrypted member unpacks: encrypted bytes have no kind."""
        head = self._source.read(data_at, min(header.size or HEAD_BYTES, HEAD_BYTES))
        if header.method != STORED:
            member = self._read_packed(header, data_at, local_at)
            chunks = member.content if isinstance(member, Member) else ()
            first = next(iter(chunks), b"") if isinstance(chunks, Iterator) else b""
            head = first[:HEAD_BYTES] if isinstance(first, bytes) else b""
        return sniff(head) not in {Kind.DATA, Kind.EMPTY}

    def _is_new(self, *reading: int) -> bool:
        is_new = reading not in self._seen
        self._seen.add(reading)
        return is_new

    def _read_stored(
        self, header: ZipHeader, data_at: int
    ) -> Iterator[Member | Shortfall]:
        there = self._source.size - data_at
        sizes = {header.packed_size: None, header.size: None}
        if header.is_sizeless:
            sizes = {zipheaders.data_end(self._source, data_at) - data_at: None}
        for size in sizes:
            if self._is_new(data_at, STORED, size):
                part = PartSource(self._source, data_at, min(size, there))
                yield Member(name=header.name, content=part)
                if size > there:
                    yield DAMAGED

    def _read_packed(
        self, header: ZipHeader, data_at: int, local_at: int
    ) -> Member | Shortfall:
        if header.method == _PPMD and library.IS_THERE:
            return Member(name=header.name, content=self._through_library(local_at))
        make, start = _UNPACKERS.get(header.method), data_at
        if header.method == _LZMA:
            fixed = self._source.read(data_at, _LZMA_HEAD.size)
            make = partial(LZMA, _lzma_head(header, fixed))
            start = data_at + _LZMA_HEAD.size
        if make is None:
            return UNKNOWN
        if make is Deflate and self._source.read(data_at, 2) == _NOTHING:
            self._ended[data_at] = data_at + len(_NOTHING)
            return Member(name=header.name, content=_EMPTY)
        return Member(name=header.name, content=self._chunks(make, start, data_at))

    def _through_library(self, local_at: int) -> Chunks:
        part = PartSource(self._source, local_at, self._source.size - local_at)
        items = archives.ZIP_MEMBER.members(part, self._meter)
        first = next(items, DAMAGED)
        if isinstance(first, Member) and isinstance(first.content, Iterator):
            yield from first.content
        else:
            yield DAMAGED

    def _chunks(self, make: Callable[[], Unpacker], start: int, data_at: int) -> Chunks:
        behind = yield from unpack(self._source, make, self._meter, start=start)
        if behind is not None:
            self._ended[data_at] = behind


def _if_sound(item: Member | Shortfall) -> Member | Shortfall:
    """Drop the shortfall of damage, since the header may have been found by chance.

    In a backup that holds an archive, an offset from the start of the archive may lead
    to another member if it is counted from the start of the backup.
    """
    if isinstance(item, Member) and isinstance(item.content, Iterator):
        sound = (chunk for chunk in item.content if chunk != DAMAGED)
        return replace(item, content=sound)
    return item


def _lzma_head(header: ZipHeader, head: bytes) -> bytes:
    """Make the header of an lzma file (APPNOTE.TXT, section 5.8.8)."""
    size = _NO_SIZE if header.has_end_mark else header.size
    return head[4:] + struct.pack("<Q", size)
