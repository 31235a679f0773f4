"""Undo the content coding of a whole body, strictly.

A coding of a body is undone by the origin, not by the filter, so both must come to the
same bytes. Readers of a proper stream do; they differ in what they do with a damaged
stream, a second stream, or bytes after the end: some stop, some go on, some fail.
Therefore a body must be exactly one stream from its first byte to its last.

Rules this module keeps:

- Everything that any reader may get is a member, also if the body is not proper. The
  shortfall is then ``UNSUPPORTED_CODING``, which is always rejected.
- The limits of unpacking are those of every container (``members.UnpackMeter``).

To add a coding: a line in ``_READERS``, and its name in ``uploads/head/codings.py``.
"""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Final

from uploadfilter.contents import framed, mailcoded
from uploadfilter.contents.kinds import proposals
from uploadfilter.contents.kinds.magic import HEAD_BYTES, Kind
from uploadfilter.contents.members import (
    Chunks,
    Container,
    Member,
    Shortfall,
    UnpackMeter,
)
from uploadfilter.contents.motionphotos import VideoBehind
from uploadfilter.contents.source import Source
from uploadfilter.contents.streams import (
    BROTLI,
    GZIPPED,
    HTTP_DEFLATE,
    RAW_DEFLATE,
    ZLIB,
    ZSTD,
    StreamContainer,
    unpack,
)
from uploadfilter.contents.unpackers import (
    DAMAGED,
    UNKNOWN,
    Brotli,
    Deflate,
    Unpacker,
    Zlib,
    Zstandard,
)
from uploadfilter.model import Reason

NOT_PROPER: Final = Shortfall(reason=Reason.UNSUPPORTED_CODING)

_NAME: Final = "decoded"
"""Name of the decoded body in the path of a record."""

_HEAD_BYTES: Final = 16
_ZLIB_HEAD_BYTES: Final = 2
_SKIPPABLE: Final = b"\x2a\x4d\x18"
_GZIP_RESERVED: Final = 0xE0
"""Flags of gzip that are reserved (RFC 1952, 2.3.1): some readers fail, some go on."""


def _gzip() -> Unpacker:
    return Deflate(zlib.MAX_WBITS + 16)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    """How a coding is undone.

    Attributes:
        stored: The containers of the same stream in a file; lenient readers use the
            first.
        is_odd: Tells from the first bytes that readers differ.
    """

    make: Callable[[], Unpacker]
    stored: tuple[StreamContainer, ...]
    is_odd: Callable[[bytes], bool] = lambda _head: False


def _is_zlib(head: bytes) -> bool:
    """Return whether bytes begin like a zlib stream (RFC 1950, 2.2)."""
    return (
        len(head) >= _ZLIB_HEAD_BYTES
        and head[0] & 0x0F == zlib.DEFLATED
        and int.from_bytes(head[:_ZLIB_HEAD_BYTES], "big") % 31 == 0
    )


_READERS: Final[dict[str, _Reader]] = {
    "gzip": _Reader(
        make=_gzip,
        stored=(GZIPPED,),
        is_odd=lambda head: bool(head[3:4]) and bool(head[3] & _GZIP_RESERVED),
    ),
    "deflate": _Reader(make=Zlib, stored=(ZLIB, RAW_DEFLATE, HTTP_DEFLATE)),
    "br": _Reader(make=Brotli, stored=(BROTLI,)),
    "zstd": _Reader(
        make=Zstandard,
        stored=(ZSTD,),
        is_odd=lambda head: head[1:4] == _SKIPPABLE,
    ),
}
"""Codings by their names in lower case (RFC 9110, 8.4.1; RFC 7932; RFC 8878)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodedBody:
    """A body in a coding, as a container of the body without it.

    ``coding`` is one of ``NAMES``; ``declared`` is the type of the decoded body, in
    lower case, or empty.
    """

    kinds: ClassVar[frozenset[Kind]] = frozenset()
    coding: str
    declared: str = ""

    @property
    def is_looked_at(self) -> bool:
        """Return whether the bytes as they were sent are looked at with it.

        Of a framed body, the proxy has them looked at as a content of their own.
        """
        return self.coding != framed.NAME

    @property
    def undone(self) -> tuple[StreamContainer, ...]:
        """Return the containers whose members are those of this one."""
        reader = _READERS.get(self.coding)
        return reader.stored if reader else ()

    def members(
        self, source: Source, meter: UnpackMeter
    ) -> Iterator[Member | Shortfall]:
        """Yield the decoded body, and what other readers may take for it."""
        for item in self._members(source, meter):
            if isinstance(item, Member):
                yield replace(item, sent_as=self.declared)
            else:
                yield item

    def _members(
        self, source: Source, meter: UnpackMeter
    ) -> Iterator[Member | Shortfall]:
        if self.coding == framed.NAME:
            yield from framed.without_framing(source)
        elif self.coding in mailcoded.READERS:
            chunks = mailcoded.READERS[self.coding](source)
            yield Member(name=_NAME, content=_count_bytes(chunks, source, meter))
        else:
            yield from self._unpack(source, meter)

    def _unpack(
        self, source: Source, meter: UnpackMeter
    ) -> Iterator[Member | Shortfall]:
        reader = _READERS[self.coding]
        head = source.read(0, _HEAD_BYTES)
        if reader.is_odd(head):
            yield NOT_PROPER
        is_bare = self.coding == "deflate" and not _is_zlib(head)
        whole = _Whole(source, Deflate if is_bare else reader.make, meter)
        yield Member(name=_NAME, content=whole.chunks())
        if self.coding == "deflate" and not is_bare:
            # RFC 9110 means the zlib wrapper, but some readers try the bare stream.
            yield Member(name=_NAME, content=_bare(source, meter))
        if whole.is_improper:
            yield from reader.stored[0].members(source, meter)

    def claim_of_raw(self, source: Source, kind: Kind) -> str:
        """Return the declared type as far as it concerns the bytes as they were sent.

        It is that of the decoded body. But an origin that undoes no coding keeps the
        bytes as they are under this type, and formats without magic may begin with any
        bytes; letters and the framing are no such picture.
        """
        if self.coding not in _READERS:
            return ""
        head = source.read(0, HEAD_BYTES)
        claim = proposals.claimed(kind, (self.declared,), head)
        return self.declared if claim else ""


def _count_bytes(chunks: Chunks, source: Source, meter: UnpackMeter) -> Chunks:
    given = 0
    for item in chunks:
        yield item
        size = len(item) if isinstance(item, bytes) else 0
        given += size
        reason = meter.excess(size, unpacked=given, packed=source.size)
        if reason is not None:
            yield Shortfall(reason=reason)
            return


NAMES: Final = frozenset({*_READERS, *mailcoded.READERS, framed.NAME})
"""The codings that are undone here."""


def is_common(container: Container) -> bool:
    """Return whether a process for several contents may undo a coding.

    It decodes PNG, and so runs zlib anyway; framing and transfer encodings are undone
    by Python itself. Where a video lies in a picture, nothing is undone.
    """
    if isinstance(container, VideoBehind):
        return True
    return isinstance(container, CodedBody) and container.coding in _COMMON


_COMMON: Final = frozenset({"gzip", "deflate", *mailcoded.READERS, framed.NAME})


class _Whole:
    """One stream that must be all of a source; its chunks tell if it is improper."""

    def __init__(
        self, source: Source, make: Callable[[], Unpacker], meter: UnpackMeter
    ) -> None:
        self._source = source
        self._unpacking = unpack(source, make, meter)
        self.is_improper = False

    def chunks(self) -> Chunks:
        """Yield the unpacked bytes."""
        behind: int | None = None
        while True:
            try:
                item = next(self._unpacking)
            except StopIteration as over:
                behind = over.value
                break
            self.is_improper = item in {DAMAGED, UNKNOWN}
            yield NOT_PROPER if self.is_improper else item
        if behind is not None and behind < self._source.size:
            self.is_improper = True
            yield NOT_PROPER


def _bare(source: Source, meter: UnpackMeter) -> Chunks:
    """Unpack as far as a bare deflate stream goes, which may be nowhere."""
    for item in unpack(source, Deflate, meter):
        if item != DAMAGED:
            yield item
