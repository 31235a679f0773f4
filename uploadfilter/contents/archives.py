"""Read the archives that libarchive reads: 7z, RAR, CAB and others.

Rules this module keeps: only the format that the first bytes name is tried; every
unpacked byte is counted; once a member is too much, the archive ends, since the library
would have to unpack the rest of a solid one to go on. Where the machine lacks the
library, there is nothing here, and such archives are recognised and not opened.

To add a format: its line in ``ARCHIVES`` or ``STREAMS``.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from uploadfilter.contents import library, rarheaders
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
    """

    kinds: frozenset[Kind]
    formats: tuple[str, ...]
    filters: tuple[str, ...] = ("none",)

    def members(self, source: Source, meter: Meter) -> Iterator[Member | Shortfall]:
        """Yield the plain files in an archive."""
        with library.reading(
            source, formats=self.formats, filters=self.filters
        ) as opened:
            if isinstance(opened, Shortfall):
                yield Shortfall(reason=Reason.UNDECODABLE)
                return
            yield from _Walk(opened, meter, source.size).items()


class _Walk:
    """One way through an archive.

    Args:
        reading: The library's.
        meter: Counts what is unpacked.
        packed_bytes: Length of the archive.
    """

    def __init__(
        self, reading: library.Reading, meter: Meter, packed_bytes: int
    ) -> None:
        self._reading = reading
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
                yield Member(
                    name=_name(entry.name), content=self._chunks(self._reading.blocks())
                )
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
        """Yield the plain files on a disc."""
        if source.size < _LEAST_DISC_BYTES:
            # The library wants so many sectors, and other readers do not.
            data = source.read(0, source.size).ljust(_LEAST_DISC_BYTES, b"\0")
            source = MemorySource(data)
        yield from _DISC.members(source, meter)


_DISC: Final = ArchiveContainer(kinds=frozenset(), formats=("iso9660",))
_LEAST_DISC_BYTES: Final = 24 * 2048


class ProgramContainer:
    """A program with an archive behind it, which it unpacks when it is run."""

    kinds: frozenset[Kind] = frozenset()

    def members(self, source: Source, meter: Meter) -> Iterator[Member | Shortfall]:
        """Yield what is in the first archive that begins in the first MiB."""
        head = source.read(0, _PROGRAM_BYTES)
        for found in islice(_BEHIND_PROGRAMS.finditer(head), _MOST_TRIES):
            part = PartSource(source, found.start(), source.size - found.start())
            container = _BY_MAGIC[found[0]]
            items = container.members(part, meter)
            first = next(items, None)
            # The program names the magic itself, to look for it.
            if isinstance(first, Member) or first == library.ENCRYPTED:
                yield first
                yield from items
                return


def is_program(head: bytes) -> bool:
    """Say whether bytes begin a program of Windows or Linux."""
    return head.startswith((b"MZ", b"\x7fELF"))


_PROGRAM_BYTES: Final = 1024 * 1024
"""How long a program is that unpacks an archive: 7-Zip's has 0.2 MB, WinRAR's 0.3."""

_MOST_TRIES: Final = 8


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

_BY_MAGIC: Final = {
    magic: container
    for container in ARCHIVES
    for magic, kind in (
        (b"7z\xbc\xaf\x27\x1c", Kind.SEVEN_ZIP),
        (b"Rar!\x1a\7", Kind.RAR),
        (b"MSCF\0\0\0\0", Kind.CAB),
    )
    if kind in container.kinds
}
_BEHIND_PROGRAMS: Final = re.compile(b"|".join(map(re.escape, _BY_MAGIC)) or rb"(?!)")

PROGRAM: Final = ProgramContainer()

ISO: Final = DiscContainer()
"""The image of a disc, which begins with whatever its maker likes."""

ZIP_MEMBER: Final = ArchiveContainer(kinds=frozenset(), formats=("zip_streamable",))
"""A member of a zip file, from its local header on."""

_ISO_MARK_AT: Final = 32_769
_ISO_MARK: Final = b"CD001"


def is_iso(source: Source) -> bool:
    """Say whether a content is the image of a disc, whatever it begins with."""
    return source.read(_ISO_MARK_AT, len(_ISO_MARK)) == _ISO_MARK
