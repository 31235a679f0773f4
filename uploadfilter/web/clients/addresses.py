"""The addresses that the proxy listens on, parsed from the operator's text.

An address may be followed by options, each a separate word, as in nginx::

    10.0.0.7:8080 proxy_protocol
    unix:/run/uploadfilter/http mode=0660 group=www-data

To add a kind of address, add its value here, its spelling to ``parse_address`` and its
listener to ``web/clients/sockets.py``.
"""

import re
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from typing_extensions import override

_TOP_PORT: Final = 65535
_UNIX: Final = "unix:"
_INHERITED: Final = "inherited"
_PROXY_PROTOCOL: Final = "proxy_protocol"
_MODE: Final = re.compile(r"mode=0?([0-7]{3})")
_GROUP: Final = re.compile(r"group=([A-Za-z0-9_.][A-Za-z0-9_.-]*)")

PRIVATE_MODE: Final = 0o600
"""Only programs of the same user may connect, unless the operator sets another mode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TCPAddress:
    """A host and a port.

    Attributes:
        host: Name or address; an IPv6 address without brackets. ``::`` means every IPv6
            address of the machine and no IPv4 one, as in nginx: an operator who wants
            both writes both.
        port: The port; 0 means any free one.
        proxy_protocol: Whether a front end sends the PROXY header with the client's
            address.
    """

    host: str
    port: int
    proxy_protocol: bool = False

    @override
    def __str__(self) -> str:
        """Return the address as an operator writes it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}{_option(self.proxy_protocol)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnixAddress:
    """A Unix socket.

    Attributes:
        path: Absolute path of the socket, without spaces.
        mode: Permission bits of the socket: which users may connect.
        group: Group of the socket; empty for that of this process.
        proxy_protocol: Whether a front end sends the PROXY header with the client's
            address.
    """

    path: str
    mode: int = PRIVATE_MODE
    group: str = ""
    proxy_protocol: bool = False

    @override
    def __str__(self) -> str:
        """Return the address as an operator writes it."""
        mode = f" mode={self.mode:04o}" if self.mode != PRIVATE_MODE else ""
        group = f" group={self.group}" if self.group else ""
        return f"{_UNIX}{self.path}{mode}{group}{_option(self.proxy_protocol)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class InheritedAddress:
    """Sockets that the parent program has opened (``sd_listen_fds(3)``).

    Attributes:
        name: Name of the sockets, as in ``FileDescriptorName=``; empty for all of them.
        proxy_protocol: Whether a front end sends the PROXY header with the client's
            address.
    """

    name: str = ""
    proxy_protocol: bool = False

    @override
    def __str__(self) -> str:
        """Return the address as an operator writes it."""
        name = f"{_INHERITED}:{self.name}" if self.name else _INHERITED
        return f"{name}{_option(self.proxy_protocol)}"


Address: TypeAlias = TCPAddress | UnixAddress | InheritedAddress


def parse_address(text: str) -> Address:
    """Parse an address.

    Args:
        text: ``HOST:PORT`` with an IPv6 host in brackets, ``unix:/PATH``,
            ``inherited`` or ``inherited:NAME``; then options.

    Raises:
        ValueError: The text has another form.
    """
    place, *options = text.split() or [""]
    address = _place(place)
    for option in options:
        address = _with_option(address, option)
    return address


def _place(text: str) -> Address:
    if text.startswith(_UNIX):
        path = text.removeprefix(_UNIX)
        if not path.startswith("/") or "\0" in path:
            raise ValueError("the path of a unix socket must begin with /")
        return UnixAddress(path=path)
    kind, _, name = text.partition(":")
    if kind == _INHERITED:
        return InheritedAddress(name=name)
    return _tcp(text)


def _with_option(address: Address, option: str) -> Address:
    if option == _PROXY_PROTOCOL:
        return replace(address, proxy_protocol=True)
    if isinstance(address, UnixAddress):
        if mode := _MODE.fullmatch(option):
            return replace(address, mode=int(mode[1], 8))
        if group := _GROUP.fullmatch(option):
            return replace(address, group=group[1])
        known = "proxy_protocol, mode=0660 and group=NAME"
    else:
        known = "proxy_protocol"
    raise ValueError(f"unknown option {option!r}; known: {known}")


def _option(proxy_protocol: bool) -> str:
    return f" {_PROXY_PROTOCOL}" if proxy_protocol else ""


def _tcp(text: str) -> TCPAddress:
    host, _, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    host = host[1:-1] if bracketed else host
    if not host or (":" in host and not bracketed):
        raise ValueError("write HOST:PORT, with an IPv6 host in brackets")
    if not port.isascii() or not port.isdigit() or int(port) > _TOP_PORT:
        raise ValueError("the port must be a number up to 65535")
    return TCPAddress(host=host, port=int(port))
