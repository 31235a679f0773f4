"""What an operator may set about the admin listener."""

from dataclasses import dataclass

from uploadfilter.proxy.clients.addresses import (
    InheritedAddress,
    TCPAddress,
    UnixAddress,
    parse_address,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminSettings:
    """Where the operator, the monitoring and the probes of a cluster come in.

    There is no password: everyone who can connect may look, and nobody can change
    anything. So it belongs on the loopback address, a unix socket or a network of its
    own.

    Attributes:
        listen: ``HOST:PORT`` or ``unix:/PATH``; empty for none. None is the default,
            since several proxies on one machine would want the same port, and a second
            one that was only to be tried would fail to start.
        hosts: Names by which a browser may call it, beside ``localhost`` and addresses
            in figures. Any other name may be a foreign site's, which was pointed at
            this address to have a visitor's browser read it (DNS rebinding).
    """

    listen: str = ""
    hosts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what is no address, and sockets that nobody hands over."""
        if self.listen and isinstance(parse_address(self.listen), InheritedAddress):
            raise ValueError(
                "listen of the admin listener must be HOST:PORT or unix:/PATH"
            )

    @property
    def address(self) -> TCPAddress | UnixAddress | None:
        """Where to listen; ``None`` for nowhere."""
        address = parse_address(self.listen) if self.listen else None
        return None if isinstance(address, InheritedAddress) else address
