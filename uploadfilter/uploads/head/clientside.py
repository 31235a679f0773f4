"""Find the client of a request: the peer, or the client that trusted proxies name.

The hops are read from the end, where the nearest proxy wrote, as long as each one is a
trusted proxy. An untrusted client may have written everything before them.
"""

import ipaddress
from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

import msgspec

from uploadfilter.uploads.head.forwarded import Element, node_name, parse_forwarded
from uploadfilter.uploads.head.request import RequestHead

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

DEFAULT_PORTS: Final = {b"http": b"80", b"https": b"443"}
"""The schemes that a client can use, and their ports."""


class _Known(NamedTuple):
    """An address, and its canonical text."""

    address: _Address
    text: str


class ClientHeader(StrEnum):
    """The header in which trusted proxies name the client."""

    X_FORWARDED_FOR = "x-forwarded-for"
    FORWARDED = "forwarded"


_NAMES: Final = {header: header.value.encode("ascii") for header in ClientHeader}


class ClientSide(msgspec.Struct, frozen=True, kw_only=True):
    """The client's end of a request.

    Attributes:
        client: Address of the client; that of the peer if no header names another;
            empty for a unix socket.
        peer: Address of the connection's other end, in its canonical form.
        trusted: Whether the peer is a trusted proxy, whose statements are forwarded.
        scheme: ``http`` or ``https``, as used by the client.
        host: The host that the client asked for; empty if it named none.
    """

    client: str
    peer: str
    trusted: bool
    scheme: bytes
    host: bytes


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
        )
    hops = _hops(head, believed)
    client, seen = _reached(known, hops, trusted_proxies)
    told_scheme, told_host = _told(head, seen, believed)
    return ClientSide(
        client=client,
        peer=known.text,
        trusted=True,
        scheme=told_scheme if told_scheme in DEFAULT_PORTS else asked,
        host=told_host or host,
    )


def _hops(head: RequestHead, believed: ClientHeader) -> list[Element | None]:
    """Return the proxies' statements, the nearest one's last; ``None`` if malformed."""
    lines = head.values(_NAMES[believed])
    if not lines:
        return []
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
        told = _address(address_in(hop.get("for", ""))) if hop is not None else None
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


def _is_within(known: _Known, networks: Sequence[Network]) -> bool:
    # A generator in ``any`` would cost as much as the comparison with one network.
    for network in networks:  # noqa: SIM110
        if known.address in network:
            return True
    return False


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


def address_in(node: str) -> str:
    """Return the address of ``1.2.3.4:80``, ``[::1]:80`` or ``::1``; empty for none.

    RFC 7239 requires brackets for IPv6; X-Forwarded-For often lacks them.
    """
    if node.count(":") > 1 and not node.startswith("["):
        return node
    return node_name(node) or ""
