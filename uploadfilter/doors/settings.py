"""Settings of the doors for applications and front ends."""

import ipaddress
from dataclasses import dataclass

from uploadfilter.web.clients.addresses import (
    InheritedAddress,
    TCPAddress,
    UnixAddress,
    parse_address,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class APISettings:
    """The scan API, which applications and front ends ask about uploads.

    Attributes:
        listen: ``unix:/PATH`` or ``HOST:PORT``; empty for none. Who may open the unix
            socket may ask: its mode and group decide (``unix:/PATH mode=0660
            group=www-data``). Over TCP every request needs a token (``uploadfilter api
            token NAME``).
    """

    listen: str = ""

    def __post_init__(self) -> None:
        """Refuse a malformed address."""
        _address_of(self.listen, "api")

    @property
    def address(self) -> TCPAddress | UnixAddress | None:
        """The address to listen on; ``None`` for no listener."""
        return _address_of(self.listen, "api")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClamdSettings:
    """The clamd door, which programs ask that know ClamAV's daemon.

    Attributes:
        listen: ``unix:/PATH``, whose mode and group say who may ask, or ``HOST:PORT``
            that only this machine reaches: the protocol knows no token. Empty for none.
    """

    listen: str = ""

    def __post_init__(self) -> None:
        """Refuse a malformed address, and one that other machines reach."""
        address = self.address
        if isinstance(address, TCPAddress) and not _is_loopback(address.host):
            raise ValueError(
                "listen of clamd must be unix:/PATH, or an address of this machine "
                "alone such as 127.0.0.1:3310: the protocol knows no token"
            )

    @property
    def address(self) -> TCPAddress | UnixAddress | None:
        """The address to listen on; ``None`` for no listener."""
        return _address_of(self.listen, "clamd")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _address_of(text: str, name: str) -> TCPAddress | UnixAddress | None:
    if not text:
        return None
    address = parse_address(text)
    if isinstance(address, InheritedAddress) or address.proxy_protocol:
        raise ValueError(f"listen of {name} must be unix:/PATH or HOST:PORT")
    return address
