"""The state machine of bytes that come in pieces: events in, results out, no I/O.

Its owner (``proxy/assembling/heldfile.py``, or a test) calls one method per event::

    begin ─► receive* ─► end ─► add ─► (open or complete) ─► decide
                │                              │
                └─ drop                        └─ undo ─► open

Rules this module keeps:

- Pieces follow each other without a gap or an overlap, and committed ones never change.
- Bytes are complete only if as many are held as their total says. A total never changes
  after it was stated; without a total nothing is complete.
- One piece at a time. A second client waits, or is refused, by its owner's lock.
- ``decide`` comes before the first byte is replayed, and nothing leads back from it: an
  upload is replayed at most once.
- The last piece is undone where no verdict was possible. So the upload is incomplete
  again, and its client learns an offset from which it can go on.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from zlib import crc32

import msgspec

MOST_PIECES: Final = 10_000
"""Most committed pieces of one upload. An upload of 50 GB in pieces of 5 MB has as
many; one of single bytes is refused before it costs much."""


class State(StrEnum):
    """How far an upload has come."""

    OPEN = "open"
    COMPLETE = "complete"
    DECIDED = "decided"


class Fault(StrEnum):
    """Why a piece is not taken."""

    NOT_OPEN = "not_open"
    WRONG_OFFSET = "wrong_offset"
    OTHER_TOTAL = "other_total"
    OTHER_SUM = "other_sum"
    BEYOND_TOTAL = "beyond_total"
    TOO_LARGE = "too_large"
    TOO_MANY_PIECES = "too_many_pieces"


class Denial(StrEnum):
    """Why a store of uploads does not do what it was asked for."""

    MISSING = "missing"
    BUSY = "busy"
    EXISTS = "exists"
    FULL = "full"
    UNUSABLE = "unusable"


class HeldPiece(msgspec.Struct, frozen=True, tag="piece"):
    """Bytes that follow those of the piece before.

    Attributes:
        length: Number of bytes; 0 only if the piece states the total.
        checksum: CRC-32 of the bytes.
        total: Length of the upload, if this piece is the first that states it.
    """

    length: int
    checksum: int
    total: int | None = None


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
    """Bytes that come in pieces.

    Args:
        total: Their number; ``None`` if the client has not stated it yet.
        most_bytes: Most bytes that are taken.

    Attributes:
        total: The same.
        state: How far they have come.
        pieces: The committed pieces, in order.
        offset: Committed bytes.
    """

    def __init__(self, *, total: int | None, most_bytes: int) -> None:
        self.total = total
        self.state = State.OPEN
        self.pieces: list[HeldPiece] = []
        self.offset = 0
        self._most_bytes = most_bytes
        self._arriving: HeldPiece | None = None
        self._settle()

    def begin(
        self, at: int, length: int | None = None, total: int | None = None
    ) -> Fault | None:
        """Take the head of a piece, or tell why not.

        Args:
            at: Offset of its first byte.
            length: Its bytes, if the head states them.
            total: The length of the upload, if the head states it.
        """
        fault = self._fault(at, length, total)
        if fault is None:
            new = total if self.total is None else None
            self._arriving = HeldPiece(length=0, checksum=0, total=new)
        return fault

    def _fault(self, at: int, length: int | None, total: int | None) -> Fault | None:
        known = self.total if total is None else total
        end = at + (length or 0)
        if self.state is not State.OPEN or self._arriving is not None:
            return Fault.NOT_OPEN
        if total is not None and self._is_other_total(total):
            return Fault.OTHER_TOTAL
        if max(end, known or 0) > self._most_bytes:
            return Fault.TOO_LARGE
        if known is not None and end > known:
            return Fault.BEYOND_TOTAL
        if at != self.offset:
            return Fault.WRONG_OFFSET
        return Fault.TOO_MANY_PIECES if len(self.pieces) >= MOST_PIECES else None

    def receive(self, data: bytes) -> Fault | None:
        """Take bytes of the piece that has begun, or tell why the piece ends."""
        piece = self._require_piece()
        length = piece.length + len(data)
        known = self.total if piece.total is None else piece.total
        if self.offset + length > (self._most_bytes if known is None else known):
            return Fault.TOO_LARGE if known is None else Fault.BEYOND_TOTAL
        checksum = crc32(data, piece.checksum)
        self._arriving = HeldPiece(length, checksum, piece.total)
        return None

    def end(self, *, is_whole: bool = False) -> HeldPiece | None:
        """End the piece, and return it; it counts when its owner adds it.

        Args:
            is_whole: Whether it is all of an upload without a total.

        Returns:
            The piece; ``None`` if it says nothing.
        """
        piece, self._arriving = self._require_piece(), None
        if is_whole:
            return HeldPiece(piece.length, piece.checksum, piece.length)
        return piece if piece.length or piece.total is not None else None

    def drop(self) -> None:
        """Forget the piece that has begun, with every byte of it."""
        self._arriving = None

    def add(self, piece: HeldPiece) -> None:
        """Add a piece that is durable.

        Raises:
            ValueError: It says nothing, or does not fit into the upload.
        """
        total = self.total if piece.total is None else piece.total
        end = self.offset + piece.length
        is_other = piece.total is not None and self._is_other_total(piece.total)
        is_beyond = end > (self._most_bytes if total is None else total)
        is_empty = piece.length < 1 and piece.total is None
        if self.state is not State.OPEN or is_other or is_beyond or is_empty:
            raise ValueError("a piece does not fit into its upload")
        self.pieces.append(piece)
        self.offset, self.total = end, total
        self._settle()

    def undo(self) -> None:
        """Forget the bytes of the last piece, so that the upload is incomplete.

        Raises:
            ValueError: The upload is decided.
        """
        if self.state is State.DECIDED:
            raise ValueError("a piece of an upload that is decided is not undone")
        if self.pieces:
            self.offset -= self.pieces.pop().length
        self.state = State.OPEN
        self._settle()

    def decide(self) -> None:
        """Go to ``DECIDED``.

        Raises:
            ValueError: The upload is not complete, or decided already.
        """
        if self.state is not State.COMPLETE:
            raise ValueError(f"an upload that is {self.state} is not decided")
        self.state = State.DECIDED

    def _require_piece(self) -> HeldPiece:
        if self._arriving is None:
            raise RuntimeError("bytes came before the head of their piece")
        return self._arriving

    def _is_other_total(self, total: int) -> bool:
        return self.offset > total if self.total is None else total != self.total

    def _settle(self) -> None:
        """Become complete as soon as every byte is held."""
        if self.state is State.OPEN and self.offset == self.total:
            self.state = State.COMPLETE
