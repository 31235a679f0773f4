"""Choose the headers that are forwarded to the origin, and back to the client.

A proxy's own hop ends here. Headers of the connection are removed, headers that tell
the origin about the client are written anew, and statements about a client by a peer
that is not trusted are not forwarded.

Two families of headers tell an origin about the client: ``X-Forwarded-*``, which nearly
every front end and origin understands, and ``Forwarded`` of RFC 7239. The operator
chooses which of them is believed and which is written: a front end that writes one of
them usually forwards a client's own header of the other family.
"""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from uploadfilter.uploads.head.forwarded import (
    UNKNOWN,
    Element,
    node_name,
    parse_forwarded,
    write_again,
    write_element,
)
from uploadfilter.uploads.head.plan import SINGLETONS, connection_options
from uploadfilter.uploads.head.request import RequestHead

Headers: TypeAlias = list[tuple[bytes, bytes]]
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

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

_COUNTED: Final = frozenset({"OPTIONS", "TRACE"})
"""Methods whose Max-Forwards is counted down (RFC 9110, section 7.6.2)."""

_OWN_PORT = re.compile(rb":([0-9]{1,5})$")
_TOP_PORT: Final = 65535
_COUNT = re.compile(rb"[0-9]{1,9}")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_DEFAULT_PORTS: Final = {b"http": b"80", b"https": b"443"}


class _Known(NamedTuple):
    """An address, and its canonical text."""

    address: _Address
    text: str


class ClientHeader(StrEnum):
    """The header in which trusted proxies name the client."""

    X_FORWARDED_FOR = "x-forwarded-for"
    FORWARDED = "forwarded"


class ClientHeaders(StrEnum):
    """The headers in which the client is named to the origin."""

    X_FORWARDED = "x_forwarded"
    FORWARDED = "forwarded"
    BOTH = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """The information for an origin about the way of a request.

    Attributes:
        headers: The headers for it.
        whole_chain: Whether the origin gets every hop: the statements of trusted
            proxies, and then this filter's peer. Otherwise it gets the client alone,
            and has one hop to trust, wherever the filter stands.
        via: This filter's name in Via (RFC 9110, section 7.6.3); empty for no Via at
            all.
        authority: The origin's own name and port, used as Host if a client of HTTP/1.0
            named none (RFC 9112, section 3.2).
    """

    headers: ClientHeaders = ClientHeaders.X_FORWARDED
    whole_chain: bool = False
    via: str = "uploadfilter"
    authority: str = "localhost"

    def __post_init__(self) -> None:
        """Refuse a name that cannot stand in Via."""
        if self.via and not _TOKEN.fullmatch(self.via):
            raise ValueError("via is a name of letters, digits and hyphens, or empty")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSide:
    """The client's end of a request.

    Attributes:
        client: Address of the client; that of the peer if no header names another;
            empty for a unix socket.
        peer: Address of the connection's other end, in its canonical form.
        trusted: Whether the peer is a trusted proxy, whose statements are forwarded.
        scheme: ``http`` or ``https``, as used by the client.
        host: The host that the client asked for; empty if it named none.
        told: The statements of trusted proxies, the nearest one's last; as parsed from
            ``Forwarded``, or with ``for`` alone.
        peer_scheme: ``http`` or ``https``, as used by the peer.
    """

    client: str
    peer: str
    trusted: bool
    scheme: bytes
    host: bytes
    told: tuple[Element, ...]
    peer_scheme: bytes


def client_side(
    peer: str,
    head: RequestHead,
    *,
    scheme: str,
    trusted_proxies: Sequence[Network],
    believed: ClientHeader = ClientHeader.X_FORWARDED_FOR,
) -> ClientSide:
    """Find the client of a request, and how it asked.

    The hops are read from the end, where the nearest proxy wrote, as long as each one
    is a trusted proxy: an untrusted client may have written everything before them.

    Args:
        peer: Address of the connection's other end; empty for a unix socket.
        head: The request.
        scheme: ``http`` or ``https``, as used by the peer.
        trusted_proxies: Networks whose statements are believed.
        believed: The header that trusted proxies write.

    Returns:
        The client is the first address from the end that is not a trusted proxy, or the
        last one; it is the peer if a hop on the way is malformed.
    """
    known = _address(peer)
    asked = scheme.encode("ascii")
    host = head.value(b"host") or b""
    if known is None or not _is_within(known, trusted_proxies):
        name = peer if known is None else known.text
        return ClientSide(
            client=name,
            peer=name,
            trusted=False,
            scheme=asked,
            host=host,
            told=(),
            peer_scheme=asked,
        )
    hops = _hops(head, believed)
    client, seen = _reached(known, hops, trusted_proxies)
    told_scheme, told_host = _told(head, seen, believed)
    return ClientSide(
        client=client,
        peer=known.text,
        trusted=True,
        scheme=told_scheme if told_scheme in _DEFAULT_PORTS else asked,
        host=told_host or host,
        told=tuple(hop for hop in hops if hop is not None),
        peer_scheme=asked,
    )


def _hops(head: RequestHead, believed: ClientHeader) -> list[Element | None]:
    """Return the proxies' statements, the nearest one's last; ``None`` if malformed."""
    lines = head.values(believed.value.encode("ascii"))
    if believed is ClientHeader.X_FORWARDED_FOR:
        entries = b",".join(lines).decode("latin-1").split(",")
        return [{"for": entry.strip()} for entry in entries if entries != [""]]
    hops: list[Element | None] = []
    for line in lines:
        elements = parse_forwarded(line.decode("latin-1"))
        hops.extend((None,) if elements is None else elements)
    return hops


def _reached(
    peer: _Known, hops: Sequence[Element | None], trusted_proxies: Sequence[Network]
) -> tuple[str, Element]:
    """Return the client, and the statement of the proxy that it asked."""
    found = peer
    seen: Element = {}
    for hop in reversed(hops):
        if not _is_within(found, trusted_proxies):
            break
        told = _address(_name(hop.get("for", ""))) if hop is not None else None
        if hop is None or told is None:
            return peer.text, {}
        found, seen = told, hop
    return found.text, seen


def _told(
    head: RequestHead, seen: Element, believed: ClientHeader
) -> tuple[bytes, bytes]:
    """Return scheme and host as stated by a trusted proxy; empty if it states none."""
    if believed is ClientHeader.FORWARDED:
        scheme, host = seen.get("proto", ""), seen.get("host", "")
        return scheme.lower().encode("latin-1"), host.encode("latin-1")
    scheme_told = head.value(b"x-forwarded-proto") or b""
    return scheme_told, head.value(b"x-forwarded-host") or b""


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
            chunks, or if there is none.
        content_type: Type of a form that was encoded anew; ``None`` to keep the
            client's.
        telling: The information for this origin.

    Returns:
        Names and values in order, the client's first.
    """
    kept = _kept(head, side, telling, drop_type=content_type is not None)
    if not head.values(b"host"):
        kept.insert(0, (b"Host", telling.authority.encode("ascii")))
    if content_type is not None:
        kept.append((b"Content-Type", content_type.encode("ascii")))
    if body_length is not None:
        kept.append((b"Content-Length", b"%d" % body_length))
    if telling.headers is not ClientHeaders.FORWARDED:
        _tell_x_forwarded(kept, head, side, whole=telling.whole_chain)
    if telling.headers is not ClientHeaders.X_FORWARDED:
        kept.append((b"Forwarded", _forwarded(head, side, whole=telling.whole_chain)))
    if telling.via:
        kept.append((b"Via", b"%d.%d " % head.version + telling.via.encode("ascii")))
    if decision_id is not None:
        kept.append((DECISION_HEADER, decision_id.encode("ascii")))
    return kept


def _tell_x_forwarded(
    kept: Headers, head: RequestHead, side: ClientSide, *, whole: bool
) -> None:
    nodes = [side.client]
    if whole:
        nodes = [*(_name(hop.get("for", "")) for hop in side.told), side.peer]
    chain = ", ".join(node or UNKNOWN for node in nodes)
    kept.append((b"X-Forwarded-For", chain.encode("latin-1")))
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
    return written[1] if written else _DEFAULT_PORTS[side.scheme]


def _forwarded(head: RequestHead, side: ClientSide, *, whole: bool) -> bytes:
    host = (head.value(b"host") or b"") if whole else side.host
    own = write_element(
        node=(side.peer if whole else side.client) or UNKNOWN,
        host=host.decode("latin-1"),
        scheme=(side.peer_scheme if whole else side.scheme).decode("ascii"),
    )
    before = [write_again(hop) for hop in side.told] if whole else []
    return ", ".join([*before, own]).encode("latin-1")


def _kept(
    head: RequestHead, side: ClientSide, telling: Telling, *, drop_type: bool
) -> Headers:
    """Return the client's own headers that are forwarded to the origin."""
    dropped = _NOT_PASSED_ON
    if values := head.values(b"connection"):
        dropped |= _named_in_connection(values)
    if drop_type:
        dropped |= {b"content-type"}
    if telling.headers is not ClientHeaders.X_FORWARDED:
        dropped |= {b"forwarded"}
    kept = [
        (name, value)
        for name, value in head.headers
        if (known_as := _known_as(name)) not in dropped
        and (side.trusted or not known_as.startswith(_HEARSAY))
    ]
    return _counted_down(kept) if head.method in _COUNTED else kept


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


def returned_headers(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Return the origin's headers that the client gets: all except the connection's."""
    known = [(name.lower(), name, value) for name, value in headers]
    dropped = _HOP_BY_HOP
    if values := [value for lower, _, value in known if lower == b"connection"]:
        dropped |= _named_in_connection(values)
    return [(name, value) for lower, name, value in known if lower not in dropped]


def _is_within(known: _Known, networks: Sequence[Network]) -> bool:
    return any(known.address in network for network in networks)


@lru_cache(maxsize=1024)  # Clients come back, and parsing an address takes 2 us.
def _address(text: str) -> _Known | None:
    """Parse an address; an IPv4-mapped IPv6 address becomes IPv4, a zone is dropped."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return _Known(address, str(address))


def _name(node: str) -> str:
    """Return the address of ``1.2.3.4:80``, ``[::1]:80`` or ``::1``; empty for none.

    RFC 7239 requires brackets for IPv6; X-Forwarded-For often lacks them.
    """
    if node.count(":") > 1 and not node.startswith("["):
        return node
    return node_name(node) or ""


def _named_in_connection(values: Iterable[bytes]) -> frozenset[bytes]:
    return connection_options(values) - _END_TO_END


@lru_cache(maxsize=1024)  # There are few names of headers, used in every request.
def _known_as(name: bytes) -> bytes:
    """Return the name that an origin may know a header by (CGI: no underscores)."""
    return name.lower().replace(b"_", b"-")
