"""Read the archives that libarchive reads: 7z, RAR, CAB and others.

Rules this module keeps: only the format that the first bytes name is tried; every
unpacked byte is counted; the first member that is too large ends the archive, since the
library would have to unpack the rest of a solid archive to go on. Without the library,
``ARCHIVES`` is empty: such archives are recognised and not opened.

To add a format: its line in ``ARCHIVES``.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Final

from uploadfilter.contents.archives import discs, inside, library, rarheaders
from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.contents.members import (
    Chunks,
    Container,
    Member,
    Shortfall,
    UnpackMeter,
)
from uploadfilter.contents.source import MemorySource, PartSource, Source
from uploadfilter.contents.unpackers import DAMAGED, UNKNOWN, Deflate
from uploadfilter.model import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveContainer:
    """A kind of archive that libarchive reads.

    Attributes:
        kinds: Its kinds in ``magic.sniff``; empty if its first bytes do not tell it.
        filters: The library's names of the codings in which the archive as a whole may
            be packed.
        has_holes: Whether the holes that the library reports in members count.
    """

    kinds: frozenset[Kind]
    formats: tuple[str, ...]
    filters: tuple[str, ...] = ("none",)
    has_holes: bool = False

    def members(
        self, source: Source, meter: UnpackMeter
    ) -> Iterator[Member | Shortfall]:
        """Yield the plain files in an archive."""
        with library.reading(
            source, formats=self.formats, filters=self.filters
        ) as opened:
            if isinstance(opened, Shortfall):
                yield Shortfall(reason=Reason.UNDECODABLE)
                return
            walk = _Walk(opened, meter, source.size, has_holes=self.has_holes)
            yield from walk.items()


class _Walk:
    def __init__(
        self,
        reading: library.ArchiveReader,
        meter: UnpackMeter,
        packed_bytes: int,
        *,
        has_holes: bool,
    ) -> None:
        self._reading = reading
        self._may_fill = meter.may_fill if has_holes else None
        self._meter = meter
        self._packed_bytes = packed_bytes
        self._is_over = False

    def items(self) -> Iterator[Member | Shortfall]:
        """Yield the plain files, up to the end or the first unreadable one."""
        for before, entry in enumerate(self._reading.entries()):
            if isinstance(entry, Shortfall):
                is_nothing = entry == DAMAGED and not before
                yield Shortfall(reason=Reason.UNDECODABLE) if is_nothing else entry
                return
            if before == self._meter.most_headers:
                yield Shortfall(reason=Reason.TOO_MANY_CONTENTS)
                return
            if entry.is_encrypted:
                yield library.ENCRYPTED
            elif entry.is_file:
                blocks = self._reading.blocks(self._may_fill)
                yield Member(name=_name(entry.name), content=self._chunks(blocks))
            if self._is_over:
                yield Shortfall(reason=self._meter.spent or Reason.TOO_COMPRESSED)
                return

    def _chunks(self, blocks: Chunks) -> Chunks:
        unpacked = 0
        for block in blocks:
            yield block
            if isinstance(block, Shortfall):
                return
            unpacked += len(block)
            reason = self._meter.excess(
                len(block), unpacked=unpacked, packed=self._packed_bytes
            )
            if reason is not None:
                self._is_over = True
                yield Shortfall(reason=reason)
                return


class RarContainer:
    """A RAR file."""

    kinds = frozenset({Kind.RAR})

    def members(
        self, source: Source, meter: UnpackMeter
    ) -> Iterator[Member | Shortfall]:
        """Yield the plain files, after the shortfalls that the headers tell."""
        found = set(rarheaders.obstacles(source, meter.most_headers))
        if Reason.ENCRYPTED in found:
            yield library.ENCRYPTED
        is_old = Reason.NOT_INSPECTED in found
        if is_old:
            yield UNKNOWN
        for item in _RAR.members(source, meter):
            # A method that the library does not know is not damage.
            if isinstance(item, Member) or not is_old:
                yield item


_RAR: Final = ArchiveContainer(kinds=frozenset({Kind.RAR}), formats=("rar", "rar5"))


class XarContainer:
    """A package of macOS (XAR)."""

    kinds = frozenset({Kind.XAR})

    def members(
        self, source: Source, meter: UnpackMeter
    ) -> Iterator[Member | Shortfall]:
        """Yield the plain files, unless their unpacked table is too long."""
        head_bytes = int.from_bytes(source.read(4, 2), "big")
        packed_bytes = int.from_bytes(source.read(8, 8), "big")
        packed = source.read(head_bytes, min(packed_bytes, _MOST_TABLE_BYTES))
        table, unpacker = 0, Deflate(_ZLIB)
        while not unpacker.finished and (packed or not unpacker.hungry):
            step, packed = unpacker.step(packed), b""
            if isinstance(step, Shortfall):
                break
            table += len(step)
            if table > _MOST_TABLE_BYTES:
                yield Shortfall(reason=Reason.TOO_COMPRESSED)
                return
        yield from _XAR.members(source, meter)


_XAR: Final = ArchiveContainer(kinds=frozenset({Kind.XAR}), formats=("xar",))
_ZLIB: Final = 15
_MOST_TABLE_BYTES: Final = 4 * 1024 * 1024
"""Longest table, unpacked. It is XML, and the library builds a tree of it before it
gives the first member. A table of this length lists 10,000 files."""


class DiscContainer:
    """The image of a disc."""

    kinds: frozenset[Kind] = frozenset()

    def members(
        self, source: Source, meter: UnpackMeter
    ) -> Iterator[Member | Shortfall]:
        """Yield the files that only some readers list, then the plain ones."""
        apart = discs.listed_apart(source, meter.most_headers)
        for file, name in apart.items():
            start = min(file.offset, source.size)
            size = min(file.size, source.size - start)
            yield Member(name=name, content=PartSource(source, start, size))
        if source.size < _LEAST_DISC_BYTES:
            # The library requires this many sectors; other readers do not.
            data = source.read(0, source.size).ljust(_LEAST_DISC_BYTES, b"\0")
            source = MemorySource(data)
        yield from _DISC.members(source, meter)


_DISC: Final = ArchiveContainer(kinds=frozenset(), formats=("iso9660",))
_LEAST_DISC_BYTES: Final = 24 * 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """A container that begins at an offset of another content."""

    kinds: ClassVar[frozenset[Kind]] = frozenset()
    container: Container
    offset: int

    def members(
        self, source: Source, meter: UnpackMeter
    ) -> Iterator[Member | Shortfall]:
        """Yield its members, with their places in all of the content."""
        rest = PartSource(source, self.offset, source.size - self.offset)
        for item in self.container.members(rest, meter):
            yield self._place(item, source, rest) if isinstance(item, Member) else item

    def _place(self, member: Member, source: Source, rest: Source) -> Member:
        part = member.content
        if not isinstance(part, PartSource) or part.whole is not rest:
            return member
        place = PartSource(source, self.offset + part.start, part.size)
        return replace(member, content=place)


class _Unsearched:
    """The rest of a content with too many beginnings of archives."""

    kinds: frozenset[Kind] = frozenset()

    def members(self, _source: Source, _meter: UnpackMeter) -> Iterator[Shortfall]:
        """Yield one shortfall: the rest was not searched."""
        yield Shortfall(reason=Reason.SEARCH_UNFINISHED)


def archives_inside(
    source: Source, kind: Kind, spans: tuple[range, ...]
) -> Iterator[Container]:
    """Yield a container for each archive that begins after the content's first byte."""
    for found in inside.archives(source, kind, spans):
        if found is None:
            yield _Unsearched()
        else:
            offset, kind_of_it = found
            yield Behind(container=_BY_KIND[kind_of_it], offset=offset)


def _name(name: bytes) -> str:
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError:
        return name.decode("cp437")


def _archive(
    kind: Kind, *formats: str, filters: tuple[str, ...] = ("none",)
) -> ArchiveContainer:
    return ArchiveContainer(kinds=frozenset({kind}), formats=formats, filters=filters)


_PACKED: Final = ("gzip", "bzip2", "xz", "lzma", "zstd")

ARCHIVES: Final[tuple[Container, ...]] = (
    (
        _archive(Kind.SEVEN_ZIP, "7zip"),
        RarContainer(),
        _archive(Kind.CAB, "cab"),
        _archive(Kind.AR, "ar"),
        _archive(Kind.CPIO, "cpio"),
        _archive(Kind.LHA, "lha"),
        XarContainer(),
        _archive(Kind.RPM, "cpio", filters=("rpm", *_PACKED)),
        _archive(Kind.LZ4, "raw", filters=("lz4",)),
        _archive(Kind.COMPRESS, "raw", filters=("compress",)),
        _archive(Kind.LZIP, "raw", filters=("lzip",)),
    )
    if library.IS_THERE
    else ()
)
"""The archives that are told by their first bytes."""

_BY_KIND: Final = {kind: each for each in ARCHIVES for kind in each.kinds}

ISO: Final = DiscContainer()
"""The image of a disc; its first bytes may be anything."""

ZIP_MEMBER: Final = ArchiveContainer(kinds=frozenset(), formats=("zip_streamable",))
"""A member of a zip file, from its local header."""

PASSING_TAR: Final = ArchiveContainer(
    kinds=frozenset(), formats=("tar",), has_holes=True
)
"""A tar file whose bytes come once, or a part of one; with the holes in its members."""

_ISO_MARK_AT: Final = 32_769
_ISO_MARK: Final = b"CD001"


def is_iso(source: Source) -> bool:
    """Return whether a content is the image of a disc, whatever its first bytes are."""
    return source.read(_ISO_MARK_AT, len(_ISO_MARK)) == _ISO_MARK
