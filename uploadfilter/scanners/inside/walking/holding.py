"""Hold the bytes of an unpacked member, and note which parts were looked at."""

import hashlib
import io
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Final

from uploadfilter.contents.carving import PictureStart
from uploadfilter.contents.kinds import magic
from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.contents.members import Chunks, Member, Shortfall
from uploadfilter.contents.source import (
    JoinedSource,
    MemorySource,
    PartSource,
    Source,
)
from uploadfilter.model import Reason

_HEAD_BYTES = 64
"""First bytes that are compared before a candidate is compared with a member."""


BLOCK_OVERLAP: Final = 16 * 1024 * 1024
"""Overlap of the blocks in which a long unpacked content is searched: longer than
nearly every picture, which must lie entirely in one block to be decoded."""


WINDOW_BYTES: Final = 48 * 1024 * 1024
"""Bytes of a tar file from which on it is read as it passes: its members are looked at
one by one, and each may be held besides."""


class HeldChunks:
    """The chunks of one member, of which a limited number of bytes is held at a time.

    Args:
        chunks: To be read once.
        most: Most bytes that are held, plus a chunk of 1 MiB; fewer for a tar file,
            which is read window by window.

    Attributes:
        source: The bytes that are held now.
        has_more: Whether more bytes follow.
        reason: Why the member ended early; known when ``has_more`` is false.
    """

    def __init__(self, chunks: Chunks, *, most: int) -> None:
        self._chunks = chunks
        self._most = most
        self.source = MemorySource(b"")
        self.has_more = True
        self.reason: Reason | None = None
        self._is_told = False
        self.go_on(keep=0)

    @property
    def overlap(self) -> int:
        """Return the overlap of blocks: at most half of the bytes that may be held."""
        return min(BLOCK_OVERLAP, self._most // 2)

    def go_on(self, *, keep: int, most: int | None = None) -> None:
        """Hold the next block.

        Args:
            keep: Bytes of the current block with which the next one begins; fewer than
                may be held, so that new bytes fit in.
            most: Most bytes that are held then, if fewer than usual.
        """
        most = most or self._most
        # This gives its bytes without a copy, which would need twice the memory.
        block = io.BytesIO()
        if keep:
            block.write(memoryview(self.source.data)[-keep:])
        self.source = MemorySource(b"")
        while block.tell() < most:
            if block.tell() >= WINDOW_BYTES and not self._is_told:
                self._is_told = True
                head = bytes(block.getbuffer()[: magic.HEAD_BYTES])
                if magic.sniff(head) is Kind.TAR:
                    self._most = WINDOW_BYTES
                    break
            item = next(self._chunks, None)
            if isinstance(item, Shortfall):
                self.reason = item.reason
            if not isinstance(item, bytes):
                self.has_more = False
                break
            block.write(item)
        self.source = MemorySource(block.getvalue())


def is_nothing(member: Member) -> bool:
    """Return whether a member that lies in its container has no bytes."""
    return not isinstance(member.content, Iterator) and not member.content.size


def is_nonsense(held: HeldChunks) -> bool:
    """Return whether a truncated member may be bytes that were read wrongly.

    Args:
        held: All bytes of it that came.
    """
    kind = magic.sniff(held.source.read(0, magic.HEAD_BYTES))
    is_known = magic.is_picture(kind) or magic.is_container(kind)
    return held.reason in _BROKEN and not is_known


_BROKEN: Final = frozenset({Reason.TRUNCATED, Reason.UNDECODABLE})


class Covered:
    """The parts of a container that were looked at as its members.

    Otherwise a picture that lies unchanged in a container would be found twice: as a
    member, and by carving.
    """

    def __init__(self) -> None:
        # By identity; the source is kept, so that no other one gets its id.
        self._ranges: dict[int, tuple[Source, list[tuple[int, int]]]] = {}
        self._merged: dict[int, list[tuple[int, int]]] = {}
        self._starts: set[tuple[int, int]] = set()
        self._members: dict[bytes, set[tuple[int, bytes]]] = {}

    def note(self, member: Source) -> None:
        """Note a member that was or will be looked at as a whole."""
        if isinstance(member, PartSource):
            span = (member.start, member.start + member.size)
            known = self._ranges.setdefault(id(member.whole), (member.whole, []))
            known[1].append(span)
            self._merged.pop(id(member.whole), None)
        elif member.size >= _HEAD_BYTES:
            head = member.read(0, _HEAD_BYTES)
            self._members.setdefault(head, set()).add(_identity(member, member.size))

    def note_starts(self, source: Source, offsets: Iterable[int]) -> None:
        """Note pictures that were decoded, by their offsets; their ends are unknown."""
        self._starts.update((id(source), offset) for offset in offsets)

    def hold(self, source: Source, item: PictureStart) -> bool:
        """Return whether a candidate lies in a member, or equals an unpacked one."""
        if (id(source), item.offset) in self._starts:
            return True
        spans = self._spans(source)
        before = bisect_right(spans, (item.offset, source.size)) - 1
        if before >= 0 and item.offset < spans[before][1]:
            return True
        known = self._members.get(source.read(item.offset, _HEAD_BYTES), set())
        rest = source.size - item.offset
        return any(
            size <= rest
            and _identity(PartSource(source, item.offset, size), size) == (size, digest)
            for size, digest in known
        )

    def rest(self, source: Source) -> Source:
        """Return the bytes of a source outside of members: headers, and gaps.

        Strings in a member that lies unchanged in the source were searched with the
        member.
        """
        spans = self._spans(source)
        if not spans:
            return source
        starts = (0, *(end for _, end in spans))
        ends = (*(start for start, _ in spans), source.size)
        gaps = zip(starts, ends, strict=True)
        return JoinedSource(source, [gap for gap in gaps if gap[0] < gap[1]])

    def _spans(self, source: Source) -> list[tuple[int, int]]:
        """Return the parts of a source with members, in order and without overlap."""
        known = self._merged.get(id(source))
        if known is not None:
            return known
        spans = list[tuple[int, int]]()
        _, ranges = self._ranges.get(id(source), (source, []))
        for start, end in sorted(ranges):
            if spans and start <= spans[-1][1]:
                spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
            elif start < end:
                spans.append((start, end))
        self._merged[id(source)] = spans
        return spans


def _identity(source: Source, size: int) -> tuple[int, bytes]:
    """Return the size of a content and a digest that nobody can forge."""
    return size, hashlib.sha256(source.read(0, size)).digest()


def icon_entries(source: Source) -> tuple[int, ...]:
    """Return the offsets of an icon's pictures, unless some were left out.

    Each was looked at as a frame of the icon, with any result.
    """
    count = int.from_bytes(source.read(4, 2), "little")
    entries = source.read(_ICON_HEAD_BYTES, count * _ICON_ENTRY_BYTES)
    places = {
        entries[at + 12 : at + 16] for at in range(0, len(entries), _ICON_ENTRY_BYTES)
    }
    if len(places) > _MOST_ICON_ENTRIES:
        return ()
    return tuple(int.from_bytes(place, "little") for place in places)


_ICON_HEAD_BYTES: Final = 6
_ICON_ENTRY_BYTES: Final = 16
_MOST_ICON_ENTRIES: Final = 32
"""Most entries of an icon that are surely all shown: fewer than ``Budgets.max_frames``.
"""
