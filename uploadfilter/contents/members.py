"""Define the members of a container, and the reasons why some are missing.

A container is a content that holds or wraps others: an archive, a compressed file, a
document. Each has a class that passes ``tests/conformance/containers.py`` and a line in
``containers.py``.

Rules this module keeps: nothing is unpacked before the caller asks for it; every
unpacked byte is counted; an unpacker's error about bad bytes is a value, never an
exception.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.contents.source import Source
from uploadfilter.model import Reason

RATIO_GRACE_BYTES = 24 * 1024 * 1024
"""Unpacked bytes below which no ratio is refused: a blank page of text compresses a
thousandfold and is harmless, and so is a medical scan of a body with empty
surroundings."""

MOST_HEADERS = 5000
"""Headers that a container may read in any content, including those that it does not
yield (folders, members that it saw before)."""

_BYTES_PER_HEADER = 32
"""Bytes of the sent content for each further header: an empty member takes this many in
a packed archive."""

_BYTES_PER_FRAME = 512
"""Bytes of the sent content for each header that gives no member: the frame of a stream
takes a tenth of the time of everything else, and a stream of so many frames is not
short."""


_MOST_UNLISTED = 2000
_BYTES_PER_UNLISTED = 1024
"""Most members that the archive's directory does not name, and bytes of the sent
content for each further one. These are all members if the archive broke off, and a few
if members were replaced. Readers use the directory."""

_MOST_HOLE_BYTES = 8 * 1024 * 1024
"""Most zeros that fill holes in files, in all. Images of machines have holes of any
length; pictures and documents have none that is longer than a picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpackLimits:
    """The limits on unpacking one content, at all depths together.

    Attributes:
        max_ratio: Most unpacked bytes for each packed byte of a member.
        max_output_bytes: Most unpacked bytes in all.
    """

    max_ratio: int = 200
    max_output_bytes: int = 2 * 1024 * 1024 * 1024


class UnpackMeter:
    """Counts the unpacked bytes of one top-level content.

    With its length, many small members that are a bomb only together are noticed.
    """

    def __init__(
        self, limits: UnpackLimits, *, content_bytes: int | None = None
    ) -> None:
        self._limits = limits
        self._content_bytes = content_bytes
        self._output_bytes = 0
        self._hole_bytes = 0

    def may_fill(self, hole_bytes: int) -> bool:
        """Count a hole in a file; return whether zeros may fill it."""
        self._hole_bytes += hole_bytes
        return self._hole_bytes <= _MOST_HOLE_BYTES

    @property
    def most_headers(self) -> int:
        """Return the number of headers that each container in the content may read."""
        return MOST_HEADERS + (self._content_bytes or 0) // _BYTES_PER_HEADER

    @property
    def most_frames(self) -> int:
        """Return the number of headers without a member that may be read."""
        return MOST_HEADERS + (self._content_bytes or 0) // _BYTES_PER_FRAME

    @property
    def most_unlisted(self) -> int:
        """Return how many members outside its directory an archive may have."""
        return _MOST_UNLISTED + (self._content_bytes or 0) // _BYTES_PER_UNLISTED

    @property
    def spent(self) -> Reason | None:
        """Return why no member may give more bytes; ``None`` while they may."""
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
        """Count new bytes of a member; return the reason if they are too many.

        It gave ``unpacked`` bytes so far, and took ``packed`` ones, or has them in all:
        ``TOO_MANY_BYTES`` or ``TOO_COMPRESSED``, else ``None``.
        """
        self._output_bytes += new_bytes
        return self.spent or self._over_ratio(unpacked, packed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortfall:
    """The reason why a container, or a member of it, was not unpacked as a whole.

    Attributes:
        reason: ``ENCRYPTED``, ``TOO_COMPRESSED``, ``TOO_MANY_BYTES``, ``TRUNCATED``
            (it broke off, or is damaged from here on), ``OUT_OF_MEMORY`` (unpacking it
            would hold too much), ``UNDECODABLE`` (nothing in it can be read),
            ``TOO_MANY_CONTENTS`` (more than ``UnpackMeter.most_headers``) or
            ``NOT_INSPECTED`` (a method that is not unpacked).
    """

    reason: Reason


Chunks = Iterator[bytes | Shortfall]
"""Unpacked bytes in order, in pieces of at most 1 MiB; a shortfall is the last item."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One content inside a container.

    Attributes:
        name: As the container says, decoded as far as possible. It may be anything,
            also empty, repeated or a path with ``..``. No file is ever written under
            this name.
        content: A source if the bytes lie unchanged in the container; else their
            chunks, to be read once, before the next member is read.
        sent_as: The declared type of a body whose content coding was undone: the origin
            uses it as if it had been sent without one. ``None`` for other members.
        is_drawn: Whether it is a BMP in memory that was made here of what a reader
            shows: no list knows its digests, and nothing lies in it.
    """

    name: str
    content: Source | Chunks
    sent_as: str | None = None
    is_drawn: bool = False


class Container(Protocol):
    """A kind of content that holds others."""

    @property
    def kinds(self) -> frozenset[Kind]:
        """Return its kinds in ``magic.sniff``."""

    def members(
        self, source: Source, meter: UnpackMeter
    ) -> Iterator[Member | Shortfall]:
        """Yield the members of a container, in the order in which they are found.

        A member that cannot be unpacked is a ``Shortfall`` in its place, or a
        ``Shortfall`` as the last item of its chunks; the other members follow. A
        container that cannot be read at all yields a single ``Shortfall``.

        Args:
            source: The container.
            meter: Counts the unpacked bytes. If they are too many, the member ends with
                the meter's reason; once the meter is ``spent``, the container ends too,
                with its own shortfall.
        """
