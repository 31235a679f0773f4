"""Settings of the admin listener."""

from dataclasses import dataclass

from uploadfilter.web.clients.addresses import (
    InheritedAddress,
    TCPAddress,
    UnixAddress,
    parse_address,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminSettings:
    """The address for the operator, the monitoring and the probes of a cluster.

    There is no password: everyone who can connect may read, and nobody can change
    anything. So it belongs on the loopback address, a unix socket or a network of its
    own.

    Attributes:
        listen: ``HOST:PORT`` or ``unix:/PATH``; empty for none.
        hosts: Names by which a browser may address it, beside ``localhost`` and
            addresses in figures. Another name may be a foreign site's that was pointed
            here to read it (DNS rebinding).
    """

    listen: str = ""
    hosts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a malformed address, and inherited sockets."""
        if self.listen and isinstance(parse_address(self.listen), InheritedAddress):
            raise ValueError(
                "listen of the admin listener must be HOST:PORT or unix:/PATH"
            )

    @property
    def address(self) -> TCPAddress | UnixAddress | None:
        """The address to listen on; ``None`` for no listener."""
        address = parse_address(self.listen) if self.listen else None
        return None if isinstance(address, InheritedAddress) else address
