"""Read the heads of requests that write a range of a file, and place the range in it.

Source:
    RFC 9110, section 14.5 (``PUT`` with ``Content-Range``, as ``mod_dav`` of Apache has
    it); "HTTP PATCH support" in the documentation of sabre/dav (``X-Update-Range``).

Rules this module keeps:

- A range, the length of the body and the length of the file agree, or the request is
  refused.
- A range that is the whole file by its own words is an ordinary upload.
- A range that anything else marks as a piece is not read: the file would be a piece.
- No range begins after the end of its file: what would be between them is nobody's.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from uploadfilter.model import Reason
from uploadfilter.uploads.head import pieces
from uploadfilter.uploads.head.plan import Refusal
from uploadfilter.uploads.head.request import RequestHead

PATCH_TYPE: Final = b"application/x-sabredav-partialupdate"

_RANGED, _UPDATE = b"content-range", b"x-update-range"
_RANGE: Final = re.compile(
    rb"bytes ([0-9]{1,15})-([0-9]{1,15})/([0-9]{1,15}|\*)", re.IGNORECASE
)
_UPDATED: Final = re.compile(
    rb"bytes=(?:(?=-[0-9])|([0-9]{1,15}))-([0-9]{1,15})?", re.IGNORECASE
)

OF_A_RANGE: Final = (_RANGED, _UPDATE, b"oc-total-length")
"""Headers of a range that do not belong into a request with the whole file."""

CONDITIONS: Final = (
    *(b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since"),
    *(b"if", b"if-range", b"range", b"lock-token", b"accept-encoding"),
)
"""Headers that may change the answer to a question for the file as it is."""


class Anchor(StrEnum):
    """The point in a file from which the offset of a range counts."""

    BEGIN = "begin"
    END = "end"


class RangeWay(StrEnum):
    """The way in which a range is written.

    ``APPLY``: into the file of the origin, at once. ``HOLD``: with further ranges,
    until the file is complete. ``REFUSE``: nobody has the rest of the file.
    """

    APPLY = "apply"
    HOLD = "hold"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeWrite:
    """A request that writes a range.

    Attributes:
        anchor: The point from which ``at`` counts.
        at: Bytes after the beginning, or before the end.
        length: Number of bytes; ``None`` if only the end of the body tells it.
        total: Length of the complete file, if it is stated.
    """

    anchor: Anchor
    at: int
    length: int | None
    total: int | None = None

    def offset(self, size: int) -> int | None:
        """Return the offset in a file of ``size`` bytes; ``None`` if it is outside."""
        at = self.at if self.anchor is Anchor.BEGIN else size - self.at
        return at if 0 <= at <= size else None


def read(head: RequestHead) -> RangeWrite | Refusal | None:
    """Tell which range a request writes.

    Args:
        head: The head of a request on a route of this protocol.

    Returns:
        The range; its refusal; or ``None`` for a request that is treated as on any
        other route.
    """
    if not head.has_body or head.stands_for:
        return None
    ranges, updates = head.values(_RANGED), head.values(_UPDATE)
    if _is_piece_besides(head):
        return None
    match head.method:
        case "PUT" if ranges and not updates:
            return _put(head, ranges)
        case "PATCH" if updates and not ranges:
            return _patch(head, updates)
        case _:
            return None


def _is_piece_besides(head: RequestHead) -> bool:
    """Tell whether anything else marks a piece, such as a path of Nextcloud's chunks.

    The whole of such ranges would be one chunk, which the origin joins with others.
    """
    others = [each for each in head.headers if each[0].lower() not in OF_A_RANGE]
    return pieces.in_head(
        others, method=head.method, target=head.target, length=head.declared_length
    )


def way_of(write: RangeWrite, *, size: int | None, is_begun: bool) -> RangeWay:
    """Choose the way in which a range is written.

    Args:
        write: The range.
        size: Length of the file at the origin; ``None`` if there is no file.
        is_begun: Whether ranges of a file of this length are held for this client.
    """
    total, length = write.total, write.length
    at = write.offset(size or 0)
    if total is None or size == total:
        return RangeWay.REFUSE if at is None else RangeWay.APPLY
    if is_begun or size is None or write.at == 0:
        return RangeWay.HOLD
    is_end = at is not None and length is not None and at + length == total
    return RangeWay.APPLY if is_end and size < total else RangeWay.REFUSE


def _refused(detail: str, status: int = 400) -> Refusal:
    return Refusal(status=status, reason=Reason.MALFORMED_REQUEST, detail=detail)


_UNCLEAR: Final = _refused("The range of the file cannot be read in one way.")
OUTSIDE: Final = _refused("The range begins after the end of the file.", 416)
UNKNOWN_REST: Final = _refused(
    "The bytes before the range are not known; send the file from its beginning.", 409
)
OTHER_TYPE: Final = _refused(
    "The type of such a PATCH is application/x-sabredav-partialupdate.", 415
)


def _put(head: RequestHead, ranges: list[bytes]) -> RangeWrite | Refusal | None:
    found = _RANGE.fullmatch(ranges[0])
    if found is None or len(ranges) > 1:
        return _UNCLEAR
    at, end = int(found[1]), int(found[2]) + 1
    total = None if found[3] == b"*" else int(found[3])
    is_beyond = total is not None and end > total
    if end <= at or is_beyond or head.declared_length not in {None, end - at}:
        return _UNCLEAR
    if (at, end) == (0, total):
        return None
    return RangeWrite(anchor=Anchor.BEGIN, at=at, length=end - at, total=total)


def _patch(head: RequestHead, updates: list[bytes]) -> RangeWrite | Refusal:
    if head.value(b"content-type") != PATCH_TYPE:
        return OTHER_TYPE
    value, stated = updates[0].lower(), head.declared_length
    found = _UPDATED.fullmatch(value)
    if len(updates) > 1 or not (found or value == b"append"):
        return _UNCLEAR
    first, last = found.groups() if found else (None, b"0")
    if last is None:
        return RangeWrite(anchor=Anchor.BEGIN, at=int(first or 0), length=stated)
    if first is None:
        return RangeWrite(anchor=Anchor.END, at=int(last), length=stated)
    length = int(last) + 1 - int(first)
    is_plain = length > 0 and stated in {None, length}
    write = RangeWrite(anchor=Anchor.BEGIN, at=int(first), length=length)
    return write if is_plain else _UNCLEAR
