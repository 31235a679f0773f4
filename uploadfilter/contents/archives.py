"""Read the archives that libarchive reads: 7z, RAR, CAB and others.

Rules this module keeps: only the format that the first bytes name is tried; every
unpacked byte is counted; once a member is too much, the archive ends, since the library
would have to unpack the rest of a solid one to go on. Where the machine lacks the
library, there is nothing here, and such archives are recognised and not opened.

To add a format: its line in ``ARCHIVES`` or ``STREAMS``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from uploadfilter.contents import discs, inside, library, rarheaders
from uploadfilter.contents.magic import Kind
from uploadfilter.contents.members import Chunks, Container, Member, Meter, Shortfall
from uploadfilter.contents.source import MemorySource, PartSource, Source
from uploadfilter.contents.unpackers import DAMAGED, UNKNOWN, Deflate
from uploadfilter.model import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveContainer:
    """A kind of archive that libarchive reads.

    Attributes:
        kinds: What ``magic.sniff`` calls it; none if it cannot be told by its bytes.
        formats: What the library calls it.
        filters: How it may be packed as a whole, as the library calls that.
        has_holes: Whether its members may have holes, as the library says.
    """

    kinds: frozenset[Kind]
    formats: tuple[str, ...]
    filters: tuple[str, ...] = ("none",)
    has_holes: bool = False

    def members(self, source: Source, meter: Meter) -> Iterator[Member | Shortfall]:
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
    """One way through an archive.

    Args:
        reading: The library's.
        meter: Counts what is unpacked.
        packed_bytes: Length of the archive.
        has_holes: Whether its members may have holes.
    """

    def __init__(
        self,
        reading: library.Reading,
        meter: Meter,
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
        """Yield the plain files, up to the end or to what cannot be read."""
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
        """Unpack a member, and count what it gives."""
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

    def members(self, source: Source, meter: Meter) -> Iterator[Member | Shortfall]:
        """Yield the plain files, after what their headers say against it."""
        found = set(rarheaders.obstacles(source, meter.most_headers))
        if Reason.ENCRYPTED in found:
            yield library.ENCRYPTED
        is_old = Reason.NOT_INSPECTED in found
        if is_old:
            yield UNKNOWN
        for item in _RAR.members(source, meter):
            # What the library does not know is no damage.
            if isinstance(item, Member) or not is_old:
                yield item


_RAR: Final = ArchiveContainer(kinds=frozenset({Kind.RAR}), formats=("rar", "rar5"))


class XarContainer:
    """A package of macOS."""

    kinds = frozenset({Kind.XAR})

    def members(self, source: Source, meter: Meter) -> Iterator[Member | Shortfall]:
        """Yield the plain files, unless their table is too long once it is unpacked."""
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
"""The table is XML, of which the library makes a tree before it gives the first member:
this much has 10,000 files."""


class DiscContainer:
    """The image of a disc."""

    kinds: frozenset[Kind] = frozenset()

    def members(self, source: Source, meter: Meter) -> Iterator[Member | Shortfall]:
        """Yield the files that only some readers list, then the plain ones."""
        apart = discs.listed_apart(source, meter.most_headers)
        for file, name in apart.items():
            start = min(file.offset, source.size)
            size = min(file.size, source.size - start)
            yield Member(name=name, content=PartSource(source, start, size))
        if source.size < _LEAST_DISC_BYTES:
            # The library wants so many sectors, and other readers do not.
            data = source.read(0, source.size).ljust(_LEAST_DISC_BYTES, b"\0")
            source = MemorySource(data)
        yield from _DISC.members(source, meter)


_DISC: Final = ArchiveContainer(kinds=frozenset(), formats=("iso9660",))
_LEAST_DISC_BYTES: Final = 24 * 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class InsideContainer:
    """An archive that begins in the middle of another content.

    Attributes:
        container: What reads it.
        offset: Where it begins.
    """

    container: Container
    offset: int

    @property
    def kinds(self) -> frozenset[Kind]:
        """Nothing is known by the first bytes of the content."""
        return frozenset()

    def members(self, source: Source, meter: Meter) -> Iterator[Member | Shortfall]:
        """Yield the plain files in it."""
        rest = PartSource(source, self.offset, source.size - self.offset)
        yield from self.container.members(rest, meter)


class _Unsearched:
    """The rest of a content that is full of what archives begin with."""

    kinds: frozenset[Kind] = frozenset()

    def members(self, _source: Source, _meter: Meter) -> Iterator[Shortfall]:
        """Say that it was not looked at."""
        yield Shortfall(reason=Reason.SEARCH_UNFINISHED)


def archives_inside(source: Source, kind: Kind) -> Iterator[Container]:
    """Yield what reads the archives that begin after the first byte of a content.

    Args:
        source: The content.
        kind: What its first bytes say.
    """
    for found in inside.archives(source, kind):
        if isinstance(found, inside.Start):
            container = _BY_KIND[found.kind]
            yield InsideContainer(container=container, offset=found.offset)
        else:
            yield _Unsearched()


def _name(name: bytes) -> str:
    """Decode a name: as UTF-8 if it is, else as the first PCs did."""
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
"""Those whose content can be told by its first bytes."""

_BY_KIND: Final = {kind: each for each in ARCHIVES for kind in each.kinds}

ISO: Final = DiscContainer()
"""The image of a disc, which begins with whatever its maker likes."""

ZIP_MEMBER: Final = ArchiveContainer(kinds=frozenset(), formats=("zip_streamable",))
"""A member of a zip file, from its local header on."""

SPARSE_MEMBER: Final = ArchiveContainer(
    kinds=frozenset(), formats=("tar",), has_holes=True
)
"""A member of a tar file that has holes, from its first header on."""

_ISO_MARK_AT: Final = 32_769
_ISO_MARK: Final = b"CD001"


def is_iso(source: Source) -> bool:
    """Say whether a content is the image of a disc, whatever it begins with."""
    return source.read(_ISO_MARK_AT, len(_ISO_MARK)) == _ISO_MARK
