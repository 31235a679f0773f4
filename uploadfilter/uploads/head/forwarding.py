"""Choose the headers that are forwarded to the origin, and back to the client.

A proxy's own hop ends here. Headers of the connection are removed, headers that tell
the origin about the client are written anew, and statements about a client by a peer
that is not trusted are not forwarded.

The origin is told about the client in ``X-Forwarded-*``, which nearly every program
reads.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

from uploadfilter.uploads.head.clientside import DEFAULT_PORTS, ClientSide
from uploadfilter.uploads.head.forwarded import UNKNOWN
from uploadfilter.uploads.head.pieces import is_whole_range
from uploadfilter.uploads.head.plan import SINGLETONS, connection_options
from uploadfilter.uploads.head.request import RequestHead

Headers: TypeAlias = list[tuple[bytes, bytes]]

DECISION_HEADER: Final = b"Uploadfilter-Decision"
"""Carries the decision's id to the origin; only this filter may set it."""

_HOP_BY_HOP: Final = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"http2-settings",
    }
)
"""RFC 9110, section 7.6.1, and headers of older software."""

_OURS: Final = frozenset(
    {
        b"content-length",
        b"expect",
        b"uploadfilter-canary",
        b"uploadfilter-decision",
        b"x-forwarded-for",
        b"x-forwarded-proto",
        b"x-forwarded-host",
        b"x-forwarded-port",
    }
)
"""Headers that the origin gets from this filter only, or not at all."""

_NOT_PASSED_ON: Final = _HOP_BY_HOP | _OURS
_HEARSAY: Final = (b"x-forwarded-", b"forwarded", b"x-real-ip", b"x-client-ip")
"""Prefixes of headers that name the client: believed from trusted proxies only."""

_END_TO_END: Final = SINGLETONS | {b"cookie", b"origin", b"referer", b"user-agent"}
"""Headers that Connection cannot remove: otherwise a client could hide them from the
origin, for instance the cookie that a site's own protection needs."""

_RANGED: Final = frozenset(
    {b"content-range", b"x-content-range", b"x-upload-content-range", b"x-file-range"}
)
"""Not forwarded with a body that they call the whole file: a server that writes ranges
in place (``mod_dav`` of Apache, nginx-upload-module) keeps what follows them of an
older file, and the two were never inspected together."""

_COUNTED: Final = frozenset({"OPTIONS", "TRACE"})
"""Methods whose Max-Forwards is counted down (RFC 9110, section 7.6.2)."""

_SIGNED = re.compile(rb"AWS4-[^,]*,.*SignedHeaders=([a-z0-9;_-]*)")
"""The names of the signed headers (Signature Version 4 of AWS)."""

_OWN_PORT = re.compile(rb":([0-9]{1,5})$")
_TOP_PORT: Final = 65535
_COUNT = re.compile(rb"[0-9]{1,9}")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """The information for an origin about the way of a request.

    Attributes:
        whole_ranges: Whether the origin gets a ``Content-Range`` of a whole file, since
            it never writes a range into a file that it has.
        via: This filter's name in Via (RFC 9110, section 7.6.3); empty for no Via at
            all.
        authority: The origin's own name and port, used as Host if a client of HTTP/1.0
            named none (RFC 9112, section 3.2).
    """

    whole_ranges: bool = False
    via: str = "uploadfilter"
    authority: str = "localhost"

    def __post_init__(self) -> None:
        """Refuse a name that cannot stand in Via."""
        if self.via and not _TOKEN.fullmatch(self.via):
            raise ValueError("via is a name of letters, digits and hyphens, or empty")


def forwarded_headers(
    head: RequestHead,
    side: ClientSide,
    *,
    decision_id: str | None,
    body_length: int | None,
    content_type: str | None,
    telling: Telling = Telling(),
) -> Headers:
    """Build the headers of the request to the origin.

    Args:
        head: The client's request.
        side: The client's end of it.
        decision_id: Id of the decision that accepts the upload; ``None`` for a request
            without a body.
        body_length: Bytes of the body that will be sent; ``None`` if it will be sent in
            chunks, or if there is none. It is left out, so that a body is sent in
            chunks, if the client signed that it is.
        content_type: Type of a form that was encoded anew, without a content coding;
            ``None`` to keep the client's.
        telling: The information for this origin.

    Returns:
        Names and values in order, the client's first.
    """
    kept = _kept(head, side, telling, drop_type=content_type is not None)
    if not head.values(b"host"):
        kept.insert(0, (b"Host", telling.authority.encode("ascii")))
    if content_type is not None:
        kept.append((b"Content-Type", content_type.encode("ascii")))
    if body_length is not None and not (content_type is None and _is_chunked_by(head)):
        kept.append((b"Content-Length", b"%d" % body_length))
    _name_client(kept, head, side)
    if telling.via:
        kept.append((b"Via", b"%d.%d " % head.version + telling.via.encode("ascii")))
    if decision_id is not None:
        kept.append((DECISION_HEADER, decision_id.encode("ascii")))
    return kept


def _name_client(kept: Headers, head: RequestHead, side: ClientSide) -> None:
    """Name the client alone, so that the origin has one hop to trust."""
    kept.append((b"X-Forwarded-For", (side.client or UNKNOWN).encode("latin-1")))
    kept.append((b"X-Forwarded-Proto", side.scheme))
    if side.host:
        kept.append((b"X-Forwarded-Host", side.host))
    kept.append((b"X-Forwarded-Port", _port(head, side)))


def _port(head: RequestHead, side: ClientSide) -> bytes:
    """Return the port the client asked for: as stated, in Host, or by its scheme."""
    told = head.value(b"x-forwarded-port") if side.trusted else None
    if told and _COUNT.fullmatch(told) and int(told) <= _TOP_PORT:
        return told
    written = _OWN_PORT.search(side.host)
    return written[1] if written else DEFAULT_PORTS[side.scheme]


def _kept(
    head: RequestHead, side: ClientSide, telling: Telling, *, drop_type: bool
) -> Headers:
    """Return the client's own headers that are forwarded to the origin."""
    # The names of a plain head have no underscores, and do not repeat.
    names = (
        head.names if head.is_plain else [_known_as(name) for name, _ in head.headers]
    )
    dropped = _NOT_PASSED_ON
    if values := head.values(b"connection"):
        dropped |= _named_in_connection(values)
    if drop_type:
        dropped |= {b"content-type", b"content-encoding"}
    if head.has_body and not telling.whole_ranges and not _RANGED.isdisjoint(names):
        dropped |= {
            name
            for name, (_, value) in zip(names, head.headers, strict=True)
            if name in _RANGED and is_whole_range(value)
        }
    kept = [
        header
        for name, header in zip(names, head.headers, strict=True)
        if name not in dropped and (side.trusted or not name.startswith(_HEARSAY))
    ]
    return _counted_down(kept) if head.method in _COUNTED else kept


def _is_chunked_by(head: RequestHead) -> bool:
    """Tell whether a client's signature covers that the body is sent in chunks.

    The AWS CLI of Debian 13 (2.23) signs ``Transfer-Encoding``, so that the signature
    fails with a length in its place. Only the framing depends on it: the bytes are the
    same.
    """
    if not head.has_any([b"transfer-encoding"]):
        return False
    lists = map(_SIGNED.search, head.values(b"authorization"))
    return any(b"transfer-encoding" in found[1].split(b";") for found in lists if found)


def _counted_down(headers: Headers) -> Headers:
    """Decrease Max-Forwards by this hop."""
    return [
        (name, b"%d" % max(int(value) - 1, 0))
        if name.lower() == b"max-forwards" and _COUNT.fullmatch(value)
        else (name, value)
        for name, value in headers
    ]


def ends_here(head: RequestHead) -> bool:
    """Tell whether a request asks not to be forwarded beyond this hop.

    Source:
        RFC 9110, section 7.6.2: OPTIONS and TRACE with ``Max-Forwards: 0``.
    """
    if head.method not in _COUNTED:
        return False
    left = head.value(b"max-forwards") or b""
    return bool(_COUNT.fullmatch(left)) and int(left) == 0


def returned_headers(headers: Sequence[tuple[bytes, bytes]]) -> Headers:
    """Return the origin's headers that the client gets: all except the connection's."""
    names = [name.lower() for name, _ in headers]
    dropped = _HOP_BY_HOP
    if b"connection" in names:
        both = zip(names, headers, strict=True)
        dropped |= _named_in_connection(
            [it[1] for name, it in both if name == b"connection"]
        )
    if dropped.isdisjoint(names):
        return list(headers)
    return [it for name, it in zip(names, headers, strict=True) if name not in dropped]


def _named_in_connection(values: Iterable[bytes]) -> frozenset[bytes]:
    return connection_options(values) - _END_TO_END


@lru_cache(maxsize=1024)  # There are few names of headers, used in every request.
def _known_as(name: bytes) -> bytes:
    """Return the name that an origin may know a header by (CGI: no underscores)."""
    return name.lower().replace(b"_", b"-")
