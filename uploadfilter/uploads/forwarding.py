"""What of a head goes on: to the origin, and back to the client.

A proxy's own hop ends here. What belongs to the connection is taken away, what tells
the origin about the client is written by us, and what was said about a client by
someone we do not trust is not passed on.
"""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from uploadfilter.uploads.head import SINGLETONS, RequestHead, connection_options

Headers: TypeAlias = list[tuple[bytes, bytes]]
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

DECISION_HEADER: Final = b"Uploadfilter-Decision"
"""Carries the decision's id to the origin; only we may set it."""

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
"""RFC 9110, section 7.6.1, and what older software sends."""

_OURS: Final = frozenset(
    {
        b"content-length",
        b"expect",
        b"uploadfilter-decision",
        b"x-forwarded-for",
        b"x-forwarded-proto",
        b"x-forwarded-host",
    }
)
"""Headers of which the origin gets ours or none."""

_HEARSAY: Final = (b"x-forwarded-", b"forwarded", b"x-real-ip", b"x-client-ip")
"""How headers begin that say who the client is: believed of trusted proxies only."""

_END_TO_END: Final = SINGLETONS | {b"cookie", b"origin", b"referer", b"user-agent"}
"""Headers that Connection cannot take away: a client would hide them from the origin,
for instance the cookie by which a site's own protection works."""

_VIA: Final = (b"Via", b"1.1 uploadfilter")
_PORT = re.compile(r":[0-9]{1,5}")
_SCHEMES: Final = (b"http", b"https")


def forwarded_headers(
    head: RequestHead,
    *,
    client: str,
    scheme: str,
    decision_id: str | None,
    body_length: int | None,
    content_type: str | None,
    trusted: bool = False,
) -> Headers:
    """Build the headers of the request to the origin.

    Args:
        head: The client's request.
        client: Address of the client, as ``client_address`` found it; the origin gets
            it as the only entry of X-Forwarded-For, so it has one hop to trust.
        scheme: ``http`` or ``https``, as the client reached us.
        decision_id: Id of the decision that lets the upload pass; ``None`` for a
            request that had no body.
        body_length: Bytes of the body that will be sent; ``None`` if it will be sent
            in chunks, or if there is none.
        content_type: Of a form that was encoded anew; ``None`` to keep the client's.
        trusted: Whether the peer is a trusted proxy, whose word about scheme, host and
            client is passed on.

    Returns:
        Names and values in order, the client's first.
    """
    kept = _kept(head, drop_type=content_type is not None, trusted=trusted)
    host = head.value(b"host")
    told_scheme = head.value(b"x-forwarded-proto") if trusted else None
    told_host = head.value(b"x-forwarded-host") if trusted else None
    if content_type is not None:
        kept.append((b"Content-Type", content_type.encode("ascii")))
    if body_length is not None:
        kept.append((b"Content-Length", b"%d" % body_length))
    kept.append((b"X-Forwarded-For", client.encode("ascii")))
    if told_scheme not in _SCHEMES:
        told_scheme = scheme.encode("ascii")
    kept.append((b"X-Forwarded-Proto", told_scheme))
    if told_host or host:
        kept.append((b"X-Forwarded-Host", told_host or host or b""))
    kept.append(_VIA)
    if decision_id is not None:
        kept.append((DECISION_HEADER, decision_id.encode("ascii")))
    return kept


def _kept(head: RequestHead, *, drop_type: bool, trusted: bool) -> Headers:
    """Return the client's own headers that the origin gets."""
    dropped = _HOP_BY_HOP | _OURS | (_named_in_connection(head.headers))
    if drop_type:
        dropped |= {b"content-type"}
    return [
        (name, value)
        for name, value in head.headers
        if (known_as := _known_as(name)) not in dropped
        and (trusted or not known_as.startswith(_HEARSAY))
    ]


def returned_headers(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Return the origin's headers that the client gets: all but the connection's."""
    headers = list(headers)
    dropped = _HOP_BY_HOP | _named_in_connection(headers)
    return [(name, value) for name, value in headers if name.lower() not in dropped]


def client_address(
    peer: str, head: RequestHead, trusted_proxies: Sequence[Network]
) -> str:
    """Find the client's address.

    X-Forwarded-For is read from its end, where the nearest proxy wrote, for as long as
    what is reached is a trusted proxy: what stands before was written by someone else.

    Args:
        peer: Address of the connection's other end.
        head: The request.
        trusted_proxies: Networks whose word is believed.

    Returns:
        The first address from the end that is no trusted proxy, or the last one; the
        peer if an entry on the way is not an address.
    """
    address = _address(peer)
    if address is None:
        return peer
    entries = b",".join(head.values(b"x-forwarded-for")).decode("latin-1").split(",")
    found = address
    for entry in reversed(entries if entries != [""] else []):
        if not _is_within(found, trusted_proxies):
            break
        told = _address(_without_port(entry.strip()))
        if told is None:
            return str(address)
        found = told
    return str(found)


def _is_within(address: _Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)


def _address(text: str) -> _Address | None:
    """Read an address; an IPv4 one in IPv6 clothes is IPv4, a zone is left out."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


def _without_port(entry: str) -> str:
    """Return the address of ``1.2.3.4:80`` or ``[::1]:80``, as some balancers write."""
    if entry.startswith("["):
        address, _, port = entry[1:].partition("]")
        return address if not port or _PORT.fullmatch(port) else ""
    address, colon, port = entry.partition(":")
    return address if colon and _PORT.fullmatch(colon + port) else entry


def _named_in_connection(headers: Iterable[tuple[bytes, bytes]]) -> frozenset[bytes]:
    return connection_options(headers) - _END_TO_END


def _known_as(name: bytes) -> bytes:
    """Return the name that an origin may know a header by (CGI: no underscores)."""
    return name.lower().replace(b"_", b"-")
