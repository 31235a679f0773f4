"""The state machine of an upload in pieces: events in, actions out, no I/O.

Its owner (``proxy/assembling/store.py``, or a test) calls one method per event and
carries out the actions that it returns, in order::

    begin ─► receive* ─► end ─► (open or complete)
                │
                └─ drop

    complete ─► decided ─► replayed        rejected, failed: final
        └─ undo ─► open

Rules this module keeps:

- Bytes that are committed never change. A piece that overlaps them is compared: equal
  bytes pass, other bytes are refused, and nothing of that piece is kept.
- An upload is complete only if every byte from 0 to its total is held. A total never
  changes after it was stated; without a total no upload is complete.
- One piece at a time. A second client waits, or is refused, by its owner's lock.
- ``decided`` comes before the first byte is replayed and is never left backwards: an
  upload is replayed at most once.
- The last piece is undone where no verdict was possible. So the upload is incomplete
  again, and its client learns an offset from which it can go on.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias
from zlib import crc32

MOST_PIECES: Final = 10_000
"""Most committed pieces of one upload: the most parts that S3 takes. An upload of 50 GB
in pieces of 5 MB has as many; one of single bytes is refused before it costs much."""


class State(StrEnum):
    """How far an upload has come."""

    OPEN = "open"
    COMPLETE = "complete"
    DECIDED = "decided"
    REPLAYED = "replayed"
    REJECTED = "rejected"
    FAILED = "failed"
    EXPIRED = "expired"


class Order(StrEnum):
    """The order in which a protocol sends its pieces."""

    SEQUENTIAL = "sequential"
    ANY = "any"


class Fault(StrEnum):
    """Why a piece is not taken."""

    NOT_OPEN = "not_open"
    WRONG_OFFSET = "wrong_offset"
    OTHER_TOTAL = "other_total"
    BEYOND_TOTAL = "beyond_total"
    TOO_LARGE = "too_large"
    OTHER_BYTES = "other_bytes"
    TOO_MANY_PIECES = "too_many_pieces"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Committed bytes.

    Attributes:
        at: Offset of the first byte in the upload.
        length: Number of bytes, at least 1.
        place: Offset of the first byte in the file of the upload.
        checksum: CRC-32 of the bytes.
    """

    at: int
    length: int
    place: int
    checksum: int

    @property
    def end(self) -> int:
        """Offset after the last byte in the upload."""
        return self.at + self.length


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """Append ``data`` to the file of the upload."""

    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Compare:
    """Compare ``data`` with the file at ``place``; if it differs, call ``drop``."""

    place: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    """Drop this piece, and refuse it."""

    fault: Fault


Action: TypeAlias = Keep | Compare | Refuse


@dataclass(slots=True)
class _Arriving:
    """The piece that is arriving: where it goes on, and its spans so far."""

    at: int
    spans: list[Span]
    is_extending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadPieces:
    """The pieces of one upload.

    Attributes:
        protocol: Its protocol, as the route names it.
        count: Number of pieces that brought bytes, at least 0.
        shown: Lengths in bytes of the pieces that the origin gets, or shows, each as a
            file of its own, in the order of the upload; they are all of its first
            content. Empty if the origin gets the upload as one.
    """

    protocol: str
    count: int
    shown: tuple[int, ...] = ()


class Assembly:
    """One upload in pieces.

    Args:
        total: Its length in bytes; ``None`` if its client has not stated it yet.
        most_bytes: Longest upload that is taken.
        order: The order of its pieces.
    """

    def __init__(self, *, total: int | None, most_bytes: int, order: Order) -> None:
        self.total = total
        self.most_bytes = most_bytes
        self.order = order
        self.state = State.OPEN
        self._pieces: list[tuple[Span, ...]] = []
        self._spans: list[Span] = []
        self._arriving: _Arriving | None = None
        self._settle()

    @property
    def spans(self) -> tuple[Span, ...]:
        """The committed bytes in the order of the upload; they never overlap."""
        return tuple(self._spans)

    @property
    def pieces(self) -> int:
        """Number of committed pieces."""
        return len(self._pieces)

    @property
    def offset(self) -> int:
        """Bytes that are held from 0 on without a gap."""
        end = 0
        for span in self._spans:
            if span.at != end:
                break
            end = span.end
        return end

    @property
    def held_bytes(self) -> int:
        """Bytes of the file that committed pieces use."""
        return sum(span.length for span in self._spans)

    @property
    def tail(self) -> int:
        """Place in the file after the last committed byte, where the next one goes."""
        return max((span.place + span.length for span in self._spans), default=0)

    def gaps(self) -> Iterator[tuple[int, int]]:
        """Yield begin and end of all bytes that are missing below the total."""
        at = 0
        for span in self._spans:
            if span.at > at:
                yield at, span.at
            at = span.end
        if self.total is not None and at < self.total:
            yield at, self.total

    def fault(
        self, at: int, length: int | None = None, total: int | None = None
    ) -> Fault | None:
        """Tell why a piece is not taken, by its head.

        Args:
            at: Offset of its first byte.
            length: Its bytes, if the head states them.
            total: The length of the upload, if the head states it.
        """
        if self.state is not State.OPEN or self._arriving is not None:
            return Fault.NOT_OPEN
        if total is not None and self._is_other_total(total):
            return Fault.OTHER_TOTAL
        known = self.total if total is None else total
        end = at + (length or 0)
        if max(end, known or 0) > self.most_bytes:
            return Fault.TOO_LARGE
        if known is not None and end > known:
            return Fault.BEYOND_TOTAL
        return self._fault_in_place(at)

    def _fault_in_place(self, at: int) -> Fault | None:
        if self.order is Order.SEQUENTIAL and at != self.offset:
            return Fault.WRONG_OFFSET
        return Fault.TOO_MANY_PIECES if len(self._pieces) >= MOST_PIECES else None

    def begin(
        self, at: int, length: int | None = None, total: int | None = None
    ) -> Fault | None:
        """Take the head of a piece; the arguments are those of ``fault``."""
        found = self.fault(at, length, total)
        if found is None:
            self._arriving = _Arriving(at=at, spans=[])
            if total is not None:
                self.total = total
        return found

    def receive(self, data: bytes) -> list[Action]:
        """Take bytes of the piece that has begun."""
        piece = self._piece()
        limit = self.most_bytes if self.total is None else self.total
        if piece.at + len(data) > limit:
            is_known = self.total is not None
            return [Refuse(fault=Fault.BEYOND_TOTAL if is_known else Fault.TOO_LARGE)]
        actions: list[Action] = []
        while data:
            part, held = self._next_part(piece.at, data)
            if held is None:
                self._extend(piece, part)
                actions.append(Keep(data=part))
            else:
                place = held.place + piece.at - held.at
                actions.append(Compare(place=place, data=part))
                piece.is_extending = False
            piece.at += len(part)
            data = data[len(part) :]
        return actions

    def end(self) -> tuple[Span, ...]:
        """Commit the piece; return its new spans, which its owner makes durable."""
        piece = self._piece()
        self._arriving = None
        added = tuple(piece.spans)
        self.committed(added)
        return added

    def drop(self) -> None:
        """Forget the piece that has begun, with every byte of it."""
        self._arriving = None

    def committed(self, spans: Iterable[Span]) -> None:
        """Add a piece that is durable; called by ``end``, and for a read journal.

        Raises:
            ValueError: It overlaps committed bytes, or is not within the upload.
        """
        added = tuple(spans)
        if added:
            self._pieces.append(added)
            self._spans = _merged(self._spans, added)
        limit = self.most_bytes if self.total is None else self.total
        if self._spans and self._spans[-1].end > limit:
            raise ValueError("a span is beyond the end of its upload")
        self._settle()

    def state_total(self, total: int) -> bool:
        """Take the length of the upload; false if it contradicts an earlier one."""
        if self.state is not State.OPEN or self._is_other_total(total):
            return False
        self.total = total
        self._settle()
        return True

    def undo(self) -> None:
        """Forget the last committed piece, so that the upload is incomplete."""
        if self.state not in {State.OPEN, State.COMPLETE}:
            raise ValueError(f"a piece of an upload that is {self.state} is not undone")
        if self._pieces:
            gone = set(self._pieces.pop())
            self._spans = [span for span in self._spans if span not in gone]
        self.state = State.OPEN
        self._settle()

    def become(self, state: State) -> None:
        """Go to a later state.

        Raises:
            ValueError: There is no such step.
        """
        if state not in _STEPS[self.state]:
            raise ValueError(f"an upload that is {self.state} cannot become {state}")
        self.state = state

    def _piece(self) -> _Arriving:
        if self._arriving is None:
            raise RuntimeError("bytes came before the head of their piece")
        return self._arriving

    def _is_other_total(self, total: int) -> bool:
        if self.total is not None:
            return total != self.total
        return bool(self._spans) and self._spans[-1].end > total

    def _settle(self) -> None:
        """Become complete as soon as every byte is held."""
        if self.state is State.OPEN and self.total is not None:
            is_whole = self.offset == self.total and not any(self.gaps())
            self.state = State.COMPLETE if is_whole else State.OPEN

    def _next_part(self, at: int, data: bytes) -> tuple[bytes, Span | None]:
        """Return the beginning of ``data`` that is all new, or all in one span."""
        for span in self._spans:
            if span.at <= at < span.end:
                return data[: span.end - at], span
            if span.at > at:
                return data[: span.at - at], None
        return data, None

    def _extend(self, piece: _Arriving, data: bytes) -> None:
        """Add bytes to the last span of a piece, or begin another one."""
        if piece.spans and piece.is_extending:
            last = piece.spans.pop()
            checksum = crc32(data, last.checksum)
            length = last.length + len(data)
            at, place = last.at, last.place
        else:
            at, length, checksum = piece.at, len(data), crc32(data)
            place = self.tail + sum(span.length for span in piece.spans)
        piece.is_extending = True
        piece.spans.append(Span(at=at, length=length, place=place, checksum=checksum))


def _merged(spans: Iterable[Span], added: Iterable[Span]) -> list[Span]:
    """Return spans in the order of the upload.

    Raises:
        ValueError: Two of them overlap, or one is empty.
    """
    found = sorted([*spans, *added], key=lambda span: span.at)
    end = 0
    for span in found:
        if span.at < end or span.length < 1:
            raise ValueError("two spans of an upload overlap")
        end = span.end
    return found


_ENDED: Final = {State.FAILED, State.EXPIRED}
_STEPS: Final = {
    State.OPEN: _ENDED,
    State.COMPLETE: {State.DECIDED, State.REJECTED, *_ENDED},
    State.DECIDED: {State.REPLAYED, State.FAILED},
    State.REPLAYED: {State.EXPIRED},
    State.REJECTED: {State.EXPIRED},
    State.FAILED: {State.EXPIRED},
    State.EXPIRED: frozenset[State](),
}
"""The steps between states. ``undo`` is the only way back, and only to ``OPEN``."""
