"""List the containers that are read, one line for each.

To add one: a class that passes ``tests/conformance/containers.py``, a kind in
``magic.py`` and a line here. A container that its first bytes do not tell has its line
in ``hidden_in`` or ``claimed_by`` instead.
"""

import bz2
import gzip
import lzma
from collections.abc import Iterator
from typing import Final

import brotli
import zstandard

from uploadfilter.contents.archives import archives, library, tars, zipping
from uploadfilter.contents.carriers import compounds, covers
from uploadfilter.contents.kinds.magic import HEAD_BYTES, Kind
from uploadfilter.contents.members import (
    Container,
    Member,
    UnpackLimits,
    UnpackMeter,
)
from uploadfilter.contents.motionphotos import videos_behind
from uploadfilter.contents.pdf import documents
from uploadfilter.contents.source import MemorySource, Source
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
    *archives.ARCHIVES,
)
"""The containers that are told by their first bytes."""

_BY_KIND: Final = {kind: each for each in CONTAINERS for kind in each.kinds}

_CLAIMS: Final[dict[str, Container]] = {
    "br": BROTLI,
    "x-br": BROTLI,
    "x-brotli": BROTLI,
    "brotli": BROTLI,
    "lzma": XZ,
    "pdf": _PDF,
    "x-lzma": XZ,
    "zlib": HTTP_DEFLATE,
    "deflate": HTTP_DEFLATE,
    "zz": HTTP_DEFLATE,
}
"""Containers without magic, by the endings of names and the types after
``application/``."""


def container_for(kind: Kind) -> Container | None:
    """Return the container that reads a kind, if there is one."""
    return _BY_KIND.get(kind)


def claimed_by(claim: str) -> Container | None:
    """Return the container without magic that a name, a type or a coding claims."""
    word = claim.partition(";")[0].strip().lower()
    folder, _, last = word.rpartition("/")
    _, dot, ending = last.rpartition(".")
    # A file whose whole name is "br" is not brotli: it may be about Brazil.
    is_claim = dot or folder in {"", "application"}
    return _CLAIMS.get(ending) if is_claim else None


def hidden_in(
    source: Source, kind: Kind, spans: tuple[range, ...]
) -> Iterator[Container]:
    """Yield the containers that a content is to readers which ignore its first bytes.

    Each is a cheap look at the beginning or the end. If the content is not such a
    container after all, the only member is a shortfall, which then means nothing.
    """
    head = source.read(0, HEAD_BYTES)
    if kind is not Kind.ZIP and zipping.hides_archive(source):
        yield _ZIP
    if kind is not Kind.TAR and tars.is_header(head[:512]):
        yield _TAR
    if kind is not Kind.PDF and documents.is_somewhere_in(source):
        yield _PDF
    yield from videos_behind(source, kind, spans)
    if head.startswith(covers.ID3_MAGIC):
        yield covers.ID3Container()
    if head.startswith(covers.OGG_MAGIC):
        yield covers.OggContainer()
    if library.IS_THERE and archives.is_iso(source):
        yield archives.ISO
    if library.IS_THERE:
        yield from archives.archives_inside(source, kind, spans)


def prepare() -> None:
    """Read one small container of each kind, before the process is confined.

    Libraries import some of their parts only at their first use, and a confined process
    cannot open files.
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
        for item in container.members(
            MemorySource(sample), UnpackMeter(UnpackLimits())
        ):
            if isinstance(item, Member) and isinstance(item.content, Iterator):
                list(item.content)
