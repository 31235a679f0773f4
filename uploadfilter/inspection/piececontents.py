"""Make contents of the pieces of an upload that an origin may show by themselves.

A chunk of Nextcloud, a slice of a web form, a partial upload of tus and a part of S3
can each be fetched alone, at some origins. So each is compared as a file of its own,
beside the whole. An origin that refuses a later piece may keep what came before: so the
bytes up to the end of each piece are a content, too.

Rules this module keeps:

- These contents are *aside*: findings and used-up budgets count. Their shape does not,
  because every file is broken where a client cut it.
- The digests of each piece, and of each beginning of the upload, are looked up.
- A piece is scanned by itself if its first bytes begin anything that a reader may
  open. Other bytes are data by themselves, and pictures in them are found in the whole.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from uploadfilter.contents.kinds import magic, proposals
from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.contents.source import MemorySource
from uploadfilter.inspection.commands import Content
from uploadfilter.model import Signal
from uploadfilter.signals.exact import Digests

_HEAD_BYTES: Final = magic.HEAD_BYTES


class PieceContents:
    """The contents of pieces, which are made while the whole arrives.

    Args:
        lengths: Length of each piece in bytes, in order; see ``UploadPieces.shown``.
    """

    def __init__(self, lengths: Sequence[int]) -> None:
        self._lengths = [length for length in lengths if length]
        self._found: list[_Piece] = []
        self._beginnings: list[tuple[Signal, ...]] = []
        self._piece: _Piece | None = None

    def update(self, data: bytes, whole: Digests) -> None:
        """Take the next bytes of the first content.

        Args:
            data: The bytes.
            whole: The digests of that content, which take them, too.
        """
        while data and len(self._found) < len(self._lengths):
            if self._piece is None:
                self._piece = _Piece()
            left = self._lengths[len(self._found)] - self._piece.digests.size
            part, data = data[:left], data[left:]
            self._piece.update(part)
            whole.update(part)
            if len(part) == left:
                self._found.append(self._piece)
                self._beginnings.append(whole.signals())
                self._piece = None
        whole.update(data)

    def contents(self, before: int) -> Iterator[Content]:
        """Yield the contents; none if a single piece is the whole.

        Args:
            before: Number of contents of the upload before these.
        """
        if len(self._lengths) == 1:
            return
        at = 0
        for number, piece in enumerate(self._found):
            length = piece.digests.size
            yield _content(
                before, at, length, piece.digests.signals(), scanned=piece.begins
            )
            at, before = at + length, before + 1
            if 0 < number < len(self._lengths) - 1:
                # The first beginning is the first piece, the last one is the whole.
                yield _content(before, 0, at, self._beginnings[number], scanned=False)
                before += 1


class _Piece:
    """One piece: its digests, and its first bytes."""

    def __init__(self) -> None:
        self.digests = Digests()
        self._head = b""

    def update(self, data: bytes) -> None:
        """Take the next bytes."""
        self.digests.update(data)
        if len(self._head) < _HEAD_BYTES:
            self._head += data[: _HEAD_BYTES - len(self._head)]

    @property
    def begins(self) -> bool:
        """Whether its first bytes begin anything but data."""
        source = MemorySource(self._head)
        kind = proposals.kind_of(source)
        return kind is not Kind.DATA or bool(proposals.proposed(source, kind))


def _content(
    number: int, offset: int, length: int, exact: tuple[Signal, ...], *, scanned: bool
) -> Content:
    return Content(
        path=str(number),
        offset=offset,
        length=length,
        declared_type=None,
        exact=exact,
        is_aside=True,
        is_scanned=scanned,
    )
