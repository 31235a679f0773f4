"""What a container gives: its members, and what kept it from giving more.

A container is a content that holds or wraps others: an archive, a compressed file, a
document. Each has a class that passes ``tests/conformance/containers.py`` and a line in
``containers.py``.

Rules this module keeps: nothing is unpacked before somebody asks for it; every unpacked
byte is counted; what bytes do to an unpacker is a value, never an exception.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from uploadfilter.contents.magic import Kind
from uploadfilter.contents.source import Source
from uploadfilter.model import Reason

RATIO_GRACE_BYTES = 24 * 1024 * 1024
"""Unpacked bytes below which no ratio is refused: a blank page of text compresses a
thousandfold and hurts nobody, and so does a scan of a body with nothing around it."""

MOST_HEADERS = 5000
"""Headers that a container may read in any content, those that it does not yield
included (folders, members that it saw before)."""

_BYTES_PER_HEADER = 32
"""One more is read for each so many bytes of what was sent: what a member without
anything in it takes in an archive that is packed."""

_BYTES_PER_FRAME = 512
"""The same of headers that give no member of their own: a frame of a stream takes a
tenth as long as all else together, and no stream of so many is short."""


_MOST_UNLISTED = 2000
_BYTES_PER_UNLISTED = 1024
"""Members of an archive that its directory does not name: all of them where it broke
off, a few where others were replaced. Readers go by the directory."""

_MOST_HOLE_BYTES = 8 * 1024 * 1024
"""Zeros that stand for holes in files, in all. Images of machines have holes of any
length, pictures and documents none that is longer than a picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpackLimits:
    """What unpacking one content may give, at all depths together.

    Attributes:
        max_ratio: Unpacked bytes for each packed one, of each member.
        max_output_bytes: Unpacked bytes in all.
    """

    max_ratio: int = 200
    max_output_bytes: int = 2 * 1024 * 1024 * 1024


class Meter:
    """Counts what was unpacked from one top-level content.

    Args:
        limits: What it may be.
        content_bytes: Length of that content, so that many small members, none of
            which is too compressed, are told when they are a bomb together.
    """

    def __init__(
        self, limits: UnpackLimits, *, content_bytes: int | None = None
    ) -> None:
        self._limits = limits
        self._content_bytes = content_bytes
        self._output_bytes = 0
        self._hole_bytes = 0

    def may_fill(self, hole_bytes: int) -> bool:
        """Count a hole in a file; say whether zeros may stand for it."""
        self._hole_bytes += hole_bytes
        return self._hole_bytes <= _MOST_HOLE_BYTES

    @property
    def most_headers(self) -> int:
        """How many headers each container in the content may read."""
        return MOST_HEADERS + (self._content_bytes or 0) // _BYTES_PER_HEADER

    @property
    def most_frames(self) -> int:
        """How many headers may be read that give no member of their own."""
        return MOST_HEADERS + (self._content_bytes or 0) // _BYTES_PER_FRAME

    @property
    def most_unlisted(self) -> int:
        """How many members each archive may have that its directory does not name."""
        return _MOST_UNLISTED + (self._content_bytes or 0) // _BYTES_PER_UNLISTED

    @property
    def spent(self) -> Reason | None:
        """Why no member may give more, whichever it is; ``None`` while it may."""
        if self._output_bytes > self._limits.max_output_bytes:
            return Reason.TOO_MANY_BYTES
        if self._content_bytes is None:
            return None
        return self._over_ratio(self._output_bytes, self._content_bytes)

    def _over_ratio(self, unpacked: int, packed: int) -> Reason | None:
        too_compressed = (
            unpacked > RATIO_GRACE_BYTES
            and unpacked > self._limits.max_ratio * max(packed, 1)
        )
        return Reason.TOO_COMPRESSED if too_compressed else None

    def excess(self, new_bytes: int, *, unpacked: int, packed: int) -> Reason | None:
        """Count unpacked bytes; say why they are too many, if they are.

        Args:
            new_bytes: Bytes that were unpacked since the last call.
            unpacked: Bytes that this member has given so far.
            packed: Packed bytes that it took so far, or has in all.

        Returns:
            ``TOO_MANY_BYTES`` or ``TOO_COMPRESSED``, else ``None``.
        """
        self._output_bytes += new_bytes
        return self.spent or self._over_ratio(unpacked, packed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortfall:
    """Why a container, or a member of it, was not unpacked as a whole.

    Attributes:
        reason: ``ENCRYPTED``, ``TOO_COMPRESSED``, ``TOO_MANY_BYTES``, ``TRUNCATED``
            (it broke off, or is damaged from here on), ``OUT_OF_MEMORY`` (unpacking it
            would hold too much), ``UNDECODABLE`` (nothing in it can be read),
            ``TOO_MANY_CONTENTS`` (more than ``Meter.most_headers``) or
            ``NOT_INSPECTED`` (a method that is not unpacked).
    """

    reason: Reason


Chunks = Iterator[bytes | Shortfall]
"""Unpacked bytes in order, in pieces of at most 1 MiB; a shortfall is the last item."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One content inside a container.

    Attributes:
        name: As the container says, decoded as well as it goes; may be anything, also
            empty, repeated or a path with ``..``. Nothing is ever written under it.
        content: A source where the bytes lie in the container as they are; else
            their chunks, to be read once, before the next member is asked for.
    """

    name: str
    content: Source | Chunks


class Container(Protocol):
    """A kind of content that holds others."""

    @property
    def kinds(self) -> frozenset[Kind]:
        """What ``magic.sniff`` calls it."""

    def members(self, source: Source, meter: Meter) -> Iterator[Member | Shortfall]:
        """Yield what is in a container, in the order in which it is found.

        A member that cannot be unpacked is a ``Shortfall`` in its place, or the last
        item of its chunks; the others follow all the same. A container that cannot be
        read at all yields a single ``Shortfall``.

        Args:
            source: The container.
            meter: Counts what is unpacked. After it has said that it is too much, the
                member ends with that reason; once it is ``spent``, so does the
                container, with a shortfall of its own.
        """
