"""Read the heads of tus 1.0: which step of an upload a request is.

Source:
    The tus resumable upload protocol 1.0.x (tus.io/protocols/resumable-upload).

Rules this module keeps:

- The route says that requests are tus. On such a route every PATCH is a piece: one
  without an offset is refused, and not taken for an upload of its own.
- A method that a header asks for counts as that method, as servers of tus read it.
- A number is digits. A head that two servers could read in two ways is refused.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol, TypeAlias
from urllib.parse import urljoin, urlsplit
from zlib import crc32

from uploadfilter.model import Reason
from uploadfilter.uploads.head import codings, fields
from uploadfilter.uploads.head.plan import Refusal
from uploadfilter.uploads.head.request import RequestHead

BODY_TYPE: Final = b"application/offset+octet-stream"

MOST_PARTS: Final = 256
"""Most partial uploads of a final one: clients send one for each connection, some ten,
and each is a file that is open and locked while it is joined."""

_NUMBER: Final = re.compile(rb"[0-9]{1,18}")
_TYPES: Final = ("filetype", "type", "contenttype", "content-type", "mimetype")
"""Names in metadata under which clients state the media type: ``filetype`` is that of
the examples of tus, ``type`` that of Uppy."""

_NAMES: Final = ("filename", "name")
_LENGTHS: Final = (b"upload-length", b"upload-defer-length")
_METHODS: Final = frozenset({"HEAD", "PATCH", "DELETE"})


class TusStep(StrEnum):
    """What a request does to an upload that was begun."""

    LOOK = "look"
    TERMINATE = "terminate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Creation:
    """A POST that begins an upload.

    Attributes:
        total: Its length; ``None`` if it is stated later.
        is_part: Whether it is a partial upload, to be joined with others.
        declared_type: The media type that its metadata claim.
    """

    total: int | None
    is_part: bool
    declared_type: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """A POST that joins partial uploads to a final one.

    Attributes:
        parts: Targets of the partial uploads, in order.
        declared_type: The media type that its metadata claim.
    """

    parts: tuple[str, ...]
    declared_type: str | None


class RunningSum(Protocol):
    """A checksum that is computed while bytes arrive."""

    def update(self, data: bytes, /) -> None:
        """Take more bytes."""

    def digest(self) -> bytes:
        """Return the value so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedSum:
    """The value of Upload-Checksum.

    Attributes:
        begin: Makes the sum.
        value: The stated value.
    """

    begin: Callable[[], RunningSum]
    value: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Append:
    """A PATCH that brings bytes.

    Attributes:
        at: Their offset.
        total: The length of the upload, if this request states it.
        checksum: The checksum of these bytes, if it is stated.
    """

    at: int
    total: int | None
    checksum: StatedSum | None


TusRequest: TypeAlias = Creation | Joining | Append | TusStep


def read(head: RequestHead) -> TusRequest | Refusal | None:
    """Tell which step a request is.

    Args:
        head: The head of a request on a route for tus.

    Returns:
        The step; its refusal; or ``None`` for a request that is no step, and is treated
        as on every other route.
    """
    method = method_of(head)
    match method:
        case None:
            return _refused("The header that overrides the method names several.")
        case "PATCH":
            return _append(head)
        case "HEAD":
            return TusStep.LOOK
        case "DELETE":
            return TusStep.TERMINATE
        case "POST":
            return _creation(head)
        case _:
            return None


def target_of(location: str, target: str) -> str:
    """Return the target that clients will use for the address of an upload.

    Args:
        location: Value of Location.
        target: Target of the request that began the upload.
    """
    found = urlsplit(urljoin(f"http://origin{target}", location))
    return found.path + (f"?{found.query}" if found.query else "")


def method_of(head: RequestHead) -> str | None:
    """Return the method that a server obeys; ``None`` if it is unclear."""
    asked = head.stands_for
    if not asked:
        return head.method
    if head.method != "POST" or len(asked) > 1 or not asked <= _METHODS:
        return None
    return next(iter(asked))


def _refused(detail: str, status: int = 400) -> Refusal:
    return Refusal(status=status, reason=Reason.MALFORMED_REQUEST, detail=detail)


def _number(head: RequestHead, name: bytes) -> int | Refusal | None:
    """Return a number, ``None`` if it is not stated, or the refusal."""
    values = head.values(name)
    if not values:
        return None
    if len(values) > 1 or not _NUMBER.fullmatch(values[0]):
        return _refused("A length or an offset of the upload is not a number.")
    return int(values[0])


def _append(head: RequestHead) -> Append | Refusal:
    at, total = _number(head, b"upload-offset"), _number(head, b"upload-length")
    checksum = checksum_of(head)
    for stated in (at, total, checksum):
        if isinstance(stated, Refusal):
            return stated
    if not isinstance(at, int):
        return _refused("The request has no Upload-Offset.")
    if not _is_ours(head):
        return _refused("The type of a piece is application/offset+octet-stream.", 415)
    return Append(
        at=at,
        total=total if isinstance(total, int) else None,
        checksum=checksum if isinstance(checksum, StatedSum) else None,
    )


def _fault_of_creation(head: RequestHead, total: int | None) -> Refusal | None:
    concat, deferred = head.values(b"upload-concat"), head.values(_LENGTHS[1])
    if len(concat) > 1 or deferred not in ([], [b"1"]):
        return _refused("A header of the upload is repeated or malformed.")
    is_final = bool(concat) and concat[0] != b"partial"
    if not is_final and (total is None) != bool(deferred):
        return _refused("Either Upload-Length or Upload-Defer-Length is required.")
    return None


def _creation(head: RequestHead) -> Creation | Joining | Refusal | None:
    concat = head.values(b"upload-concat")
    if not head.has_any((*_LENGTHS, b"upload-concat")) or not _is_ours(head):
        return None
    total = _number(head, b"upload-length")
    if isinstance(total, Refusal):
        return total
    fault = _fault_of_creation(head, total)
    if fault is not None:
        return fault
    if concat and concat[0] != b"partial":
        return _joining(head, concat[0])
    return Creation(
        total=total, is_part=bool(concat), declared_type=_declared_type(head)
    )


def _is_ours(head: RequestHead) -> bool:
    """Tell whether a body, if there is one, is bytes of an upload."""
    return not head.has_body or head.value(b"content-type") == BODY_TYPE


def _joining(head: RequestHead, concat: bytes) -> Joining | Refusal:
    kind, _, listed = concat.partition(b";")
    parts = tuple(
        target_of(part.decode("latin-1"), head.target) for part in listed.split()
    )
    if kind != b"final" or not parts or head.has_body:
        return _refused("Upload-Concat is malformed.")
    if len(parts) > MOST_PARTS or len(set(parts)) < len(parts):
        return _refused("Upload-Concat names too many uploads, or one twice.")
    return Joining(parts=parts, declared_type=_declared_type(head))


def _declared_type(head: RequestHead) -> str | None:
    """Return the media type that metadata claim, by a type or the ending of a name."""
    found: dict[str, str] = {}
    for item in b",".join(head.values(b"upload-metadata")).split(b","):
        name, _, value = item.strip().partition(b" ")
        try:
            text = base64.b64decode(value, validate=True).decode("utf-8", "replace")
        except binascii.Error:
            continue
        found[name.decode("latin-1").lower()] = text
    types = (fields.parse_media_type(found[n]) for n in _TYPES if n in found)
    claimed = next((it.value for it in types if it is not None), None)
    file = next((found[name] for name in _NAMES if name in found), None)
    return codings.claimed_type(claimed, file)


class _CRC32:
    """CRC-32 in the order of the network, as ``RunningSum``."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        """Take more bytes."""
        self._value = crc32(data, self._value)

    def digest(self) -> bytes:
        """Return four bytes."""
        return self._value.to_bytes(4, "big")


_SUMS: Final[Mapping[bytes, Callable[[], RunningSum]]] = {
    b"sha1": lambda: hashlib.sha1(usedforsecurity=False),
    b"md5": lambda: hashlib.md5(usedforsecurity=False),
    b"sha256": hashlib.sha256,
    b"sha512": hashlib.sha512,
    b"crc32": _CRC32,
}


def checksum_of(head: RequestHead) -> StatedSum | Refusal | None:
    """Return the checksum that a request states for its bytes, or its refusal."""
    values = head.values(b"upload-checksum")
    if not values:
        return None
    name, _, text = values[0].partition(b" ")
    begin = _SUMS.get(name.lower())
    if len(values) > 1 or begin is None:
        return _refused("The algorithm of Upload-Checksum is not supported.")
    try:
        value = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        return _refused("Upload-Checksum is malformed.")
    return StatedSum(begin=begin, value=value)
