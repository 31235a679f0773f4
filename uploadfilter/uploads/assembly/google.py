"""Read the heads of resumable uploads as Google's services have them: which step it is.

Source:
    "Resumable uploads" in the documentation of Google Cloud Storage and of Google
    Drive; for the commands, "Resumable uploads" of the Google Photos Library API, and
    ``packages/storage`` of the Firebase SDK for JavaScript.

A POST gets the address of a session. There are two ways to send its bytes: ``PUT`` with
``Content-Range``, or ``POST`` with ``X-Goog-Upload-Command``.

Rules this module keeps:

- A request with a word of the protocol is a step that is read in one way, or refused.
- A range and the stated lengths agree, or the request is refused.
- ``bytes a-*/n`` is what Google's client for Node sends for "all bytes to the end".
"""

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias
from urllib.parse import parse_qsl

from uploadfilter.model import Reason
from uploadfilter.uploads.head import codings, fields
from uploadfilter.uploads.head.plan import Refusal
from uploadfilter.uploads.head.request import RequestHead

MOST_METADATA_BYTES: Final = 64 * 1024
"""Longest JSON about a file that is read for its type; Google allows 8 KiB."""

_NUMBER: Final = re.compile(rb"[0-9]{1,15}")
_RANGE: Final = re.compile(
    rb"bytes ([0-9]{1,15})-([0-9]{1,15}|\*)/([0-9]{1,15}|\*)", re.IGNORECASE
)
_STATUS: Final = re.compile(rb"bytes \*/([0-9]{1,15}|\*)", re.IGNORECASE)

_COMMAND: Final = b"x-goog-upload-command"
_OFFSET: Final = b"x-goog-upload-offset"
_RANGED: Final = b"content-range"
_TOTALS: Final = (
    *(b"x-upload-content-length", b"x-goog-upload-header-content-length"),
    b"x-goog-upload-raw-size",
)
_TYPES: Final = (
    *(b"x-upload-content-type", b"x-goog-upload-header-content-type"),
    b"x-goog-upload-content-type",
)
_TYPES_IN_JSON: Final = ("contentType", "mimeType")
_NAMES_IN_JSON: Final = ("name", "title", "originalFilename")

OF_A_PIECE: Final = (
    *(_RANGED, _COMMAND, _OFFSET, *_TOTALS, *_TYPES),
    b"x-goog-upload-protocol",
)
"""Headers of a client's request that do not belong into another one of ours."""


class Dialect(StrEnum):
    """The way in which a session takes bytes."""

    RANGES = "ranges"
    COMMANDS = "commands"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStart:
    """A request that asks for the address of a session.

    Attributes:
        dialect: The way in which bytes will come.
        total: Length of the file in bytes, if it is stated.
        declared_type: Media type of the file, if it is stated.
    """

    dialect: Dialect
    total: int | None
    declared_type: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionBytes:
    """A request that brings bytes to a session, or ends it, or both.

    Attributes:
        dialect: The way in which they come.
        at: Offset of the first byte; ``None`` for the end of the bytes so far.
        length: Number of bytes; ``None`` for all to the end of the body.
        total: Length of the file, if it is stated.
        is_last: Whether the file ends with them.
        is_marked: Whether the request says that it belongs to a session. Without a
            mark it is one only if its address is that of a session.
    """

    dialect: Dialect
    at: int | None
    length: int | None
    total: int | None = None
    is_last: bool = False
    is_marked: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStatus:
    """A request that asks how many bytes a session has.

    Attributes:
        dialect: The way in which it asks.
        total: Length of the file, if it is stated. A file with that many bytes is
            complete.
    """

    dialect: Dialect
    total: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnding:
    """A request that gives a session up.

    Attributes:
        dialect: The way in which it says so.
    """

    dialect: Dialect


GoogleStep: TypeAlias = SessionStart | SessionBytes | SessionStatus | SessionEnding


def read(head: RequestHead) -> GoogleStep | Refusal | None:
    """Tell which step a request is.

    Args:
        head: The head of a request on a route of this protocol.

    Returns:
        The step; its refusal; or ``None`` for a request that is treated as on any
        other route.
    """
    commands, ranges = head.values(_COMMAND), head.values(_RANGED)
    is_marked = bool(commands or ranges) or is_session(head.target)
    if head.stands_for and is_marked:
        return _refused("A header overrides the method of a step.")
    if len(commands) + len(ranges) > 1:
        return _refused("Several headers describe the piece.")
    if commands:
        return _commanded(head, commands[0])
    if ranges:
        return _ranged(head, ranges[0])
    return _unmarked(head)


def is_session(target: str) -> bool:
    """Tell whether a target is the address of a session by its query."""
    return any(name.lower() == "upload_id" for name, _ in _query(target))


def claimed_in(body: bytes, declared_type: str | None) -> str | None:
    """Return the media type that is claimed for a file by all that starts its session.

    Args:
        body: JSON about the file, if that is the body.
        declared_type: The type that the head states.
    """
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return declared_type
    if not isinstance(told, dict):
        return declared_type
    texts = {name: value for name, value in told.items() if isinstance(value, str)}
    media_type = next((texts[n] for n in _TYPES_IN_JSON if n in texts), "")
    name = next((texts[n] for n in _NAMES_IN_JSON if n in texts), None)
    if declared_type is None:
        return _claimed(media_type, name)
    return codings.claimed_type(declared_type, name)


def type_of(head: RequestHead) -> str | None:
    """Return the media type that a request with bytes claims for them."""
    return _claimed((head.value(b"content-type") or b"").decode("latin-1"), None)


def _claimed(media_type: str, name: str | None) -> str | None:
    parsed = fields.parse_media_type(media_type)
    return codings.claimed_type(parsed.value if parsed else None, name)


def _query(target: str) -> list[tuple[str, str]]:
    return parse_qsl(target.partition("?")[2], keep_blank_values=True, errors="replace")


def _refused(detail: str) -> Refusal:
    return Refusal(status=400, reason=Reason.MALFORMED_REQUEST, detail=detail)


_UNREADABLE: Final = _refused("The piece of the upload cannot be read in one way.")


def _number(head: RequestHead, *names: bytes) -> int | Refusal | None:
    """Return the one number that any of these headers states."""
    values = {value for name in names for value in head.values(name)}
    if not values:
        return None
    value = values.pop()
    if values or not _NUMBER.fullmatch(value):
        return _UNREADABLE
    return int(value)


def _start(head: RequestHead, dialect: Dialect) -> SessionStart | Refusal:
    total = _number(head, *_TOTALS)
    if isinstance(total, Refusal):
        return total
    types = [value for name in _TYPES for value in head.values(name)]
    media_type = types[0].decode("latin-1") if types else ""
    query = {name.lower(): value for name, value in _query(head.target)}
    return SessionStart(
        dialect=dialect,
        total=total,
        declared_type=_claimed(media_type, query.get("name")),
    )


def _unmarked(head: RequestHead) -> GoogleStep | None:
    """Read a request whose own headers do not mark it."""
    if head.method == "DELETE":
        return SessionEnding(dialect=Dialect.RANGES)
    kinds = {v.lower() for n, v in _query(head.target) if n.lower() == "uploadtype"}
    is_begun = is_session(head.target)
    if not is_begun and "resumable" in kinds and head.method in _STARTING:
        found = _start(head, Dialect.RANGES)
        return found if isinstance(found, SessionStart) else None
    if head.method != "PUT" and not (is_begun and head.method == "POST"):
        return None
    length = head.declared_length
    return SessionBytes(
        dialect=Dialect.RANGES,
        at=0,
        length=length,
        total=length,
        is_last=True,
        is_marked=is_begun,
    )


_STARTING: Final = frozenset({"POST", "PUT", "PATCH"})
"""A file is made by POST, and replaced by the others."""


def _ranged(head: RequestHead, value: bytes) -> GoogleStep | Refusal:
    asked, found = _STATUS.fullmatch(value), _RANGE.fullmatch(value)
    if head.method != "PUT":
        return _refused("A piece with Content-Range is sent by PUT.")
    if asked and not head.has_body:
        return SessionStatus(dialect=Dialect.RANGES, total=_stated(asked[1]))
    if not found:
        return _UNREADABLE
    at, total = int(found[1]), _stated(found[3])
    if found[2] == b"*":
        return _to_the_end(head, at, total)
    end = int(found[2]) + 1
    is_beyond = total is not None and end > total
    is_other = head.declared_length not in {None, end - at}
    if end <= at or is_beyond or is_other or not head.has_body:
        return _UNREADABLE
    return SessionBytes(
        dialect=Dialect.RANGES,
        at=at,
        length=end - at,
        total=total,
        is_last=end == total,
    )


def _stated(value: bytes) -> int | None:
    return None if value == b"*" else int(value)


def _to_the_end(head: RequestHead, at: int, total: int | None) -> GoogleStep | Refusal:
    stated = head.declared_length if head.has_body else 0
    length = stated if total is None else total - at
    if (length or 0) < 0 or (stated is not None and stated != length):
        return _UNREADABLE
    return SessionBytes(
        dialect=Dialect.RANGES, at=at, length=length, total=total, is_last=True
    )


def _commanded(head: RequestHead, value: bytes) -> GoogleStep | Refusal:
    if head.method not in {"POST", "PUT"}:
        return _refused("A command of an upload is sent by POST.")
    words = frozenset(word.strip().lower() for word in value.split(b","))
    if words == {b"start"}:
        return _start(head, Dialect.COMMANDS)
    if words in _TAKING:
        return _taking(head, is_last=b"finalize" in words)
    without_body: dict[frozenset[bytes], GoogleStep] = {
        frozenset({b"query"}): SessionStatus(dialect=Dialect.COMMANDS),
        frozenset({b"cancel"}): SessionEnding(dialect=Dialect.COMMANDS),
        frozenset({b"finalize"}): SessionBytes(
            dialect=Dialect.COMMANDS, at=None, length=0, is_last=True
        ),
    }
    return _UNREADABLE if head.has_body else without_body.get(words, _UNREADABLE)


_TAKING: Final = ({b"upload"}, {b"upload", b"finalize"})


def _taking(head: RequestHead, *, is_last: bool) -> GoogleStep | Refusal:
    at = _number(head, _OFFSET)
    if not isinstance(at, int):
        return _UNREADABLE
    return SessionBytes(
        dialect=Dialect.COMMANDS,
        at=at,
        length=head.declared_length if head.has_body else 0,
        is_last=is_last,
    )
