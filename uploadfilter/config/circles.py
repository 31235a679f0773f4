"""Detect an origin that is the proxy itself, which would make a request loop."""

from typing import Final, assert_never
from urllib.parse import urlsplit

from uploadfilter.web.clients.addresses import (
    Address,
    InheritedAddress,
    TCPAddress,
    UnixAddress,
)
from uploadfilter.web.origins.settings import OriginSettings

_SCHEME_PORTS: Final = {"http": 80, "https": 443}
_EVERYWHERE: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared, not bound
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_LOCALHOST: Final = "localhost"
"""The name for an address of this machine, IPv4 or IPv6."""


def is_circle(origin: OriginSettings, address: Address) -> bool:
    """Return whether an origin is an address of the proxy, judged by names alone."""
    match address:
        case UnixAddress():
            return origin.url == f"unix:{address.path}"
        case TCPAddress():
            return _is_same(origin.url, address)
        case InheritedAddress():
            return False
        case never:
            assert_never(never)


def _is_same(url: str, address: TCPAddress) -> bool:
    origin = urlsplit(url)
    if (origin.port or _SCHEME_PORTS.get(origin.scheme)) != address.port:
        return False
    host, hosts = origin.hostname, {address.host.lower()}
    if address.host in _EVERYWHERE:
        hosts |= _LOOPBACK
    is_named = _LOCALHOST in {host, *hosts}
    return host in hosts or (is_named and host in _LOOPBACK and hosts <= _LOOPBACK)
