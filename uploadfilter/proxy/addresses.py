"""Where the proxy listens: values, read from the operator's words.

To add a kind of address, add its value here, its spelling to ``parse_address`` and its
listener to ``proxy/listening.py``.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

from typing_extensions import override

_TOP_PORT: Final = 65535
_UNIX: Final = "unix:"
_INHERITED: Final = "inherited"


@dataclass(frozen=True, slots=True, kw_only=True)
class TCPAddress:
    """A host and a port.

    Attributes:
        host: Name or address; an IPv6 address without brackets.
        port: 0 for any free one.
    """

    host: str
    port: int

    @override
    def __str__(self) -> str:
        """Return it as an operator writes it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnixAddress:
    """A socket in the file system.

    Attributes:
        path: Absolute path of the socket.
    """

    path: str

    @override
    def __str__(self) -> str:
        """Return it as an operator writes it."""
        return f"{_UNIX}{self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class InheritedAddress:
    """Sockets that whoever started us has opened (``sd_listen_fds(3)``).

    Attributes:
        name: Of the sockets, as in ``FileDescriptorName=``; empty for all of them.
    """

    name: str = ""

    @override
    def __str__(self) -> str:
        """Return it as an operator writes it."""
        return f"{_INHERITED}:{self.name}" if self.name else _INHERITED


Address: TypeAlias = TCPAddress | UnixAddress | InheritedAddress


def parse_address(text: str) -> Address:
    """Read an address.

    Args:
        text: ``HOST:PORT`` with an IPv6 host in brackets, ``unix:/PATH``,
            ``inherited`` or ``inherited:NAME``.

    Raises:
        ValueError: It is none of these.
    """
    if text.startswith(_UNIX):
        path = text.removeprefix(_UNIX)
        if not path.startswith("/") or "\0" in path:
            raise ValueError("the path of a unix socket begins with /")
        return UnixAddress(path=path)
    kind, _, name = text.partition(":")
    if kind == _INHERITED:
        return InheritedAddress(name=name)
    return _tcp(text)


def _tcp(text: str) -> TCPAddress:
    host, _, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    host = host[1:-1] if bracketed else host
    if not host or (":" in host and not bracketed):
        raise ValueError("an address is HOST:PORT, an IPv6 host in brackets")
    if not port.isascii() or not port.isdigit() or int(port) > _TOP_PORT:
        raise ValueError("a port is a number up to 65535")
    return TCPAddress(host=host, port=int(port))
