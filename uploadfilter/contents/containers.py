"""The containers that are read: one line for each.

To add one: a class that passes ``tests/conformance/containers.py``, a kind in
``magic.py`` and a line here. What cannot be told by its first bytes has its line in
``hidden_in`` or ``claimed_by`` instead.
"""

import bz2
import gzip
import lzma
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final

import brotli
import zstandard

from uploadfilter.contents import (
    archives,
    compounds,
    covers,
    documents,
    library,
    nameless,
    sqlitepages,
    tars,
    webfonts,
    zipping,
)
from uploadfilter.contents.magic import HEAD_BYTES, Kind
from uploadfilter.contents.members import (
    Container,
    Member,
    Meter,
    Shortfall,
    UnpackLimits,
)
from uploadfilter.contents.source import MemorySource, PartSource, Source
from uploadfilter.contents.streams import (
    BROTLI,
    BZIPPED,
    GZIPPED,
    HTTP_DEFLATE,
    XZ,
    ZSTD,
)

_ZIP: Final = zipping.ZipContainer()
_TAR: Final = tars.TarContainer()
_PDF: Final = documents.PDFContainer()

CONTAINERS: Final[tuple[Container, ...]] = (
    _ZIP,
    _TAR,
    GZIPPED,
    BZIPPED,
    XZ,
    ZSTD,
    _PDF,
    compounds.CompoundContainer(),
    sqlitepages.SQLiteContainer(),
    webfonts.FontContainer(),
    *archives.ARCHIVES,
)
"""Those whose content can be told by its first bytes."""

_BY_KIND: Final = {kind: each for each in CONTAINERS for kind in each.kinds}

_CLAIMS: Final[dict[str, Container]] = {
    "br": BROTLI,
    "x-br": BROTLI,
    "x-brotli": BROTLI,
    "brotli": BROTLI,
    "lzma": XZ,
    "x-lzma": XZ,
    "zlib": HTTP_DEFLATE,
    "deflate": HTTP_DEFLATE,
    "zz": HTTP_DEFLATE,
}
"""Endings of names, and types after ``application/``, of what has no magic."""


def container_for(kind: Kind) -> Container | None:
    """Return what reads a kind of container, if anything does."""
    return _BY_KIND.get(kind)


def claimed_by(claim: str) -> Container | None:
    """Return what reads content that has no magic, if a name or type claims it.

    Args:
        claim: A file's name, or a declared media type or coding.
    """
    word = claim.partition(";")[0].strip().lower()
    folder, _, last = word.rpartition("/")
    _, dot, ending = last.rpartition(".")
    # A file whose whole name is "br" is about Brazil.
    is_claim = dot or folder in {"", "application"}
    return _CLAIMS.get(ending) if is_claim else None


def hidden_in(source: Source, kind: Kind) -> Iterator[Container]:
    """Yield what else a content is to readers that do not go by its first bytes.

    Each is a cheap look at the beginning or the end. The members of a content that is
    no such container after all are a single shortfall, which means nothing then.

    Args:
        source: The content.
        kind: What its first bytes say.
    """
    head = source.read(0, HEAD_BYTES)
    if kind is not Kind.ZIP and zipping.hides_archive(source):
        yield _ZIP
    if kind is not Kind.TAR and tars.is_header(head[:512]):
        yield _TAR
    if kind is not Kind.PDF and b"%PDF-" in head[:1024]:
        yield _PDF
    if head.startswith(covers.ID3_MAGIC):
        yield covers.ID3Container()
    if head.startswith(covers.OGG_MAGIC):
        yield covers.OggContainer()
    stream = nameless.stream_in(source) if kind is Kind.DATA else None
    if stream is not None:
        yield stream
    if library.IS_THERE and archives.is_iso(source):
        yield archives.ISO
    if library.IS_THERE:
        yield from archives.archives_inside(source, kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """A container with a few stray bytes in front of it, as a container.

    Its magic may stand there by chance. So a member of which nothing can be unpacked is
    none, and if that is the first one there is no container.

    Attributes:
        container: What reads it.
        offset: How many bytes stand in front.
    """

    container: Container
    offset: int

    @property
    def kinds(self) -> frozenset[Kind]:
        """Nothing is known by its first bytes."""
        return frozenset()

    def members(self, source: Source, meter: Meter) -> Iterator[Member | Shortfall]:
        """Yield what is in the container."""
        rest = PartSource(source, self.offset, source.size - self.offset)
        found = self.container.members(rest, meter)
        for item in found:
            first = _begun(item)
            if first is None:
                return
            yield self._placed(first, source, rest)
            for other in found:
                if isinstance(other, Member):
                    yield self._placed(other, source, rest)
                else:
                    yield other

    def _placed(self, member: Member, source: Source, rest: Source) -> Member:
        """Say where a member lies in the source, if it lies there as it is."""
        part = member.content
        if not isinstance(part, PartSource) or part.whole is not rest:
            return member
        place = PartSource(source, self.offset + part.start, part.size)
        return Member(name=member.name, content=place)


def _begun(item: Member | Shortfall) -> Member | None:
    """Return a member of which something was unpacked; ``None`` for anything else."""
    if isinstance(item, Shortfall) or not isinstance(item.content, Iterator):
        return None if isinstance(item, Shortfall) else item
    first = next(item.content, None)
    if not isinstance(first, bytes):
        return None
    return Member(name=item.name, content=chain((first,), item.content))


def prepare() -> None:
    """Read one small container of each kind: call it before the process is confined.

    Libraries import some of their parts only once they are used, which a process that
    may open nothing cannot.
    """
    data = b"content"
    samples: tuple[tuple[Container, bytes], ...] = (
        (_ZIP, b"PK\5\6" + bytes(18)),
        (_TAR, bytes(1024)),
        (GZIPPED, gzip.compress(data)),
        (BZIPPED, bz2.compress(data)),
        (XZ, lzma.compress(data)),
        (ZSTD, zstandard.compress(data)),
        (BROTLI, brotli.compress(data)),
        (_PDF, documents.sample()),
    )
    for container, sample in samples:
        for item in container.members(MemorySource(sample), Meter(UnpackLimits())):
            if isinstance(item, Member) and isinstance(item.content, Iterator):
                list(item.content)
