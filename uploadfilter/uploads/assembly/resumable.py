"""Read the heads of resumable uploads: which step of an upload a request is.

Source:
    draft-ietf-httpbis-resumable-upload, the versions with ``Upload-Complete``.

Rules this module keeps:

- The route says that requests are of this protocol. The filter is its server: an origin
  gets one ordinary request, and need not know the protocol.
- A long request that says to be complete can be gone on with if it breaks off. A short
  one, and one that cannot be held, is an upload as on every other route.
- Forms come whole, because they are encoded anew.
"""

import re
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from uploadfilter.model import Reason
from uploadfilter.uploads.assembly.heads import edited
from uploadfilter.uploads.head.plan import BodyKind, Refusal, plan
from uploadfilter.uploads.head.request import HTTP_1_1, RequestHead
from uploadfilter.uploads.limits import UploadLimits

_NUMBER: Final = re.compile(rb"[0-9]{1,18}")
_BOOLEANS: Final = {b"?0": False, b"?1": True}
_PIECE_TYPE: Final = b"application/partial-upload"
_NAME: Final = "uploadfilter-upload-"
_TOKEN: Final = re.compile(r"[0-9a-f]{32}")
_VERSION: Final = re.compile(rb"[0-9]{1,3}")
_METHODS: Final = frozenset({"POST", "PUT"})

WORTH_BYTES: Final = 1024 * 1024
"""Shortest request that can be gone on with if it breaks off: a shorter one is sent
again in a few seconds also over slow lines, and a complete one needs no file here."""

VERSION: Final = "Upload-Draft-Interop-Version"
"""The version of the draft that a client speaks; an interim answer repeats it."""

_OF_UPLOADS: Final = (
    *(b"upload-complete", b"upload-incomplete", b"upload-offset", b"upload-length"),
    *(b"upload-draft-interop-version", b"upload-limit"),
)
"""Headers that the origin does not get."""

KEPT: Final = (
    *("content-type", "content-encoding", "content-disposition", "content-language"),
    *("accept", "slug"),
)
"""Headers of the first request that the origin gets in the end. All others are those of
the last request; cookies and passwords are never on disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstPiece:
    """A request that begins an upload, and brings its first bytes, or none.

    Attributes:
        length: The length of the upload, if it is stated.
        declared_type: The media type of the upload, if it is stated.
        coding: Its content coding, by its name in ``contents/coded.py``.
        is_last: Whether it brings all bytes, if it does not break off.
    """

    length: int | None
    declared_type: str | None
    coding: str | None
    is_last: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NextPiece:
    """A PATCH of an upload that was begun.

    Attributes:
        token: The last part of its address.
        at: Offset of the bytes.
        length: The length of the upload, if it is stated.
        is_last: Whether the upload ends with them.
    """

    token: str
    at: int
    length: int | None
    is_last: bool


@dataclass(frozen=True, slots=True)
class OffsetRetrieval:
    """A HEAD that asks for the offset of an upload."""

    token: str


@dataclass(frozen=True, slots=True)
class Cancellation:
    """A DELETE that ends an upload."""

    token: str


ResumableRequest: TypeAlias = FirstPiece | NextPiece | OffsetRetrieval | Cancellation


def read(
    head: RequestHead, path: str, limits: UploadLimits
) -> ResumableRequest | Refusal | None:
    """Tell which step a request is.

    Args:
        head: The head of a request on a route of this protocol.
        path: The path of the route.
        limits: The limits of the route.

    Returns:
        The step; its refusal; or ``None`` for a request that is no step.
    """
    token = _token(head.target, path)
    if token is None:
        return _first(head, limits)
    match head.method:
        case "HEAD":
            return OffsetRetrieval(token)
        case "DELETE":
            return Cancellation(token)
        case "PATCH":
            return _next(head, token)
        case _:
            return _refused("An upload in pieces takes PATCH, HEAD and DELETE.", 405)


def address(path: str, token: str) -> str:
    """Return the address of an upload.

    Args:
        path: The path of its route.
        token: 32 hexadecimal digits that nobody can guess.
    """
    return f"{path.rstrip('/')}/{_NAME}{token}"


def notes_of(head: RequestHead) -> dict[str, str]:
    """Return the facts of a first request that the last one needs.

    Args:
        head: The first request.
    """
    notes = {"method": head.method, "target": head.target}
    for name in KEPT:
        value = head.value(name.encode("ascii"))
        if value is not None:
            notes[name] = value.decode("latin-1")
    return notes


def replayed(head: RequestHead, notes: dict[str, str]) -> RequestHead:
    """Return the one request that the origin gets.

    Args:
        head: The client's last request.
        notes: What ``notes_of`` returned for the first one.
    """
    kept = {name: notes[name] for name in KEPT if name in notes}
    return edited(
        head,
        method=notes["method"],
        target=notes["target"],
        dropped=(*_OF_UPLOADS, *(name.encode("ascii") for name in KEPT)),
        added={name.encode("ascii"): kept[name].encode("latin-1") for name in kept},
    )


def _token(target: str, path: str) -> str | None:
    beginning = address(path, "")
    token = target.removeprefix(beginning)
    return token if token != target and _TOKEN.fullmatch(token) else None


def _refused(detail: str, status: int = 400) -> Refusal:
    return Refusal(status=status, reason=Reason.MALFORMED_REQUEST, detail=detail)


def _number(head: RequestHead, name: bytes) -> int | Refusal | None:
    values = head.values(name)
    if not values:
        return None
    if len(values) > 1 or not _NUMBER.fullmatch(values[0]):
        return _refused("A length or an offset of the upload is not a number.")
    return int(values[0])


def interim(head: RequestHead, location: str) -> dict[str, str] | None:
    """Return the headers of the interim answer that names the address of an upload.

    Args:
        head: The request that begins the upload.
        location: The address.

    Returns:
        The headers of 104 (Upload Resumption Supported); ``None`` for a short request,
        and in HTTP/1.0, which has no interim answers.
    """
    version = head.values(VERSION.lower().encode("ascii"))
    if head.version < HTTP_1_1 or _is_short(head):
        return None
    told = {"Location": location}
    if len(version) == 1 and _VERSION.fullmatch(version[0]):
        told[VERSION] = version[0].decode("ascii")
    return told


def _first(head: RequestHead, limits: UploadLimits) -> FirstPiece | Refusal | None:
    complete = head.values(b"upload-complete")
    if len(complete) != 1 or head.method not in _METHODS or head.stands_for:
        return None
    if complete[0] == b"?0":
        return _begun(head, limits)
    return _complete(head, limits) if complete[0] == b"?1" else None


def _begun(head: RequestHead, limits: UploadLimits) -> FirstPiece | Refusal:
    length, at = _number(head, b"upload-length"), _number(head, b"upload-offset")
    if isinstance(length, Refusal):
        return length
    if at is not None:
        return _refused("A request that begins an upload has no Upload-Offset.")
    if (length or 0) > limits.max_body_bytes:
        return Refusal(
            status=413,
            reason=Reason.TOO_LARGE,
            detail="The body is longer than this service accepts.",
        )
    return _as_whole(head, length, limits)


def _is_short(head: RequestHead) -> bool:
    length = head.declared_length if head.has_body else 0
    return length is not None and length < WORTH_BYTES


def _complete(head: RequestHead, limits: UploadLimits) -> FirstPiece | None:
    """Read a request that says to be complete; ``None`` if it is not to be held."""
    stated = _number(head, b"upload-length")
    length = head.declared_length
    is_odd = stated not in {None, length} or bool(head.values(b"upload-offset"))
    if _is_short(head) or is_odd or (length or 0) > limits.max_body_bytes:
        return None
    found = _as_whole(head, length, limits)
    return None if isinstance(found, Refusal) else replace(found, is_last=True)


def _as_whole(
    head: RequestHead, length: int | None, limits: UploadLimits
) -> FirstPiece | Refusal:
    """Read the head as that of the whole upload, which the origin gets in the end."""
    whole = replayed(head, notes_of(head))
    framed = replace(whole, headers=(*whole.headers, (b"Content-Length", b"1")))
    found = plan(framed, limits)
    if isinstance(found, Refusal):
        return found
    if found.is_piece:
        return _refused("A piece of an upload is not a piece of a file, too.")
    if found.kind is BodyKind.FORM or found.framing is not None:
        return _refused("A form is to be sent whole, in one request.", 415)
    return FirstPiece(
        length=length, declared_type=found.declared_type, coding=found.coding
    )


def _next(head: RequestHead, token: str) -> NextPiece | Refusal:
    at, length = _number(head, b"upload-offset"), _number(head, b"upload-length")
    for stated in (at, length):
        if isinstance(stated, Refusal):
            return stated
    complete = head.values(b"upload-complete")
    if len(complete) != 1 or complete[0] not in _BOOLEANS or not isinstance(at, int):
        return _refused("Upload-Offset and Upload-Complete are required.")
    if head.has_body and head.value(b"content-type") not in {None, _PIECE_TYPE}:
        return _refused("The type of a piece is application/partial-upload.", 415)
    return NextPiece(
        token=token,
        at=at,
        length=length if isinstance(length, int) else None,
        is_last=_BOOLEANS[complete[0]],
    )
