"""Open the sockets that the proxy listens on, or take inherited ones.

Rules this module keeps:

- A Unix socket appears under its name with its mode and group already set, by rename.
  An existing one is replaced only if no program listens on it, and at the end only the
  proxy's own one is removed.
- Inherited sockets stay open in the program that opened them. Connections that wait in
  them are not lost when a proxy ends, so this is the way to restart without loss.
"""

import errno
import grp
import os
import socket
import stat
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final, assert_never

from uploadfilter.errors import ServiceError
from uploadfilter.web.clients.addresses import (
    Address,
    InheritedAddress,
    TCPAddress,
    UnixAddress,
)

_FIRST_INHERITED: Final = 3
"""``SD_LISTEN_FDS_START`` of ``sd-daemon.h``: after stdin, stdout and stderr."""

_NOBODY: Final = frozenset({errno.ECONNREFUSED, errno.ENOENT})

_HINTS: Final[Mapping[int, str]] = MappingProxyType(
    {
        errno.EADDRINUSE: "Stop the program that uses this address.",
        errno.EADDRNOTAVAIL: "No interface of this machine has this address.",
        errno.EACCES: "Let this user listen there.",
        errno.EEXIST: "Move that file away.",
        errno.ENOENT: "Make the directory.",
        socket.EAI_NONAME: "Check the name of the host.",
    }
)
"""Remedies for an address that cannot be listened on, by the number of the error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A listening socket, and the facts about its connections.

    Attributes:
        socket: The bound socket, not yet accepting.
        address: Its address, with the port that was picked.
        is_ours: Whether this process may remove its name in the file system. It may not
            if the socket was inherited: its opener goes on listening, and would notice
            a missing name only when somebody wants to connect.
    """

    socket: socket.socket
    address: Address
    is_ours: bool = False

    @property
    def is_unix(self) -> bool:
        """Whether it is a Unix socket."""
        return self.socket.family == socket.AF_UNIX


@dataclass(frozen=True, slots=True, kw_only=True)
class _Handed:
    name: str
    socket: socket.socket


class Inherited:
    """The sockets that the parent program has opened for this one."""

    def __init__(self, handed: Sequence[_Handed] = ()) -> None:
        self._handed = list(handed)

    @classmethod
    def of(cls, environment: MutableMapping[str, str]) -> "Inherited":
        """Take the sockets that an environment names, and its variables about them.

        Child processes must not take the sockets for theirs.

        Args:
            environment: With ``LISTEN_PID``, ``LISTEN_FDS`` and perhaps
                ``LISTEN_FDNAMES``; without them there are no sockets.

        Raises:
            ServiceError: The variables are impossible, or a descriptor is not a
                listening stream socket.

        Source:
            ``sd_listen_fds_with_names(3)``.
        """
        pid = environment.pop("LISTEN_PID", None)
        count = environment.pop("LISTEN_FDS", None)
        names = environment.pop("LISTEN_FDNAMES", "").split(":")
        if count is None or pid != str(os.getpid()):
            return cls()
        if not (count.isascii() and count.isdigit()):
            raise ServiceError(
                f"LISTEN_FDS = {count!r} is not a number of sockets",
                hint="The service manager sets it; do not set it by hand.",
            )
        names += [""] * int(count)
        return cls(
            [
                _Handed(name=names[index], socket=_inherited(_FIRST_INHERITED + index))
                for index in range(int(count))
            ]
        )

    def take(self, address: InheritedAddress) -> Iterator[Listener]:
        """Yield the sockets of a name, or all that are left.

        Raises:
            ServiceError: There is no such socket.
        """
        taken = [item for item in self._handed if address.name in ("", item.name)]
        if not taken:
            named = f" of the name {address.name!r}" if address.name else ""
            raise ServiceError(
                f"no socket{named} was handed over to listen on",
                hint="Start the service by its socket unit, or name an address with "
                "--listen.",
            )
        for item in taken:
            self._handed.remove(item)
            place = _named(item.socket)
            place = replace(place, proxy_protocol=address.proxy_protocol)
            yield Listener(socket=item.socket, address=place)

    def left(self) -> tuple[str, ...]:
        """Return the addresses of sockets that were not taken."""
        return tuple(str(_named(item.socket)) for item in self._handed)

    def close(self) -> None:
        """Close the sockets that were not taken, so that no client waits in them."""
        for item in self._handed:
            item.socket.close()
        self._handed.clear()


def open_listeners(address: Address, inherited: Inherited) -> Iterator[Listener]:
    """Bind an address: a name may stand for several.

    Raises:
        ServiceError: It cannot be bound, or another program uses it.
    """
    try:
        match address:
            case TCPAddress():
                yield from _tcp(address)
            case UnixAddress():
                yield _unix(address)
            case InheritedAddress():
                yield from inherited.take(address)
            case never:
                assert_never(never)
    except (OSError, UnicodeError) as exc:  # a name that no name server could know
        why = exc.strerror if isinstance(exc, OSError) else exc
        raise ServiceError(
            f"cannot listen on {address}: {why or exc}", hint=_what_to_do(exc)
        ) from exc


def _what_to_do(error: OSError | UnicodeError) -> str:
    """Return the remedy for an address that cannot be listened on."""
    hint = _HINTS.get(error.errno or 0) if isinstance(error, OSError) else None
    return f"{hint or 'Check the address.'} Or choose another address with --listen."


def remove(listener: Listener) -> None:
    """Remove the name of this proxy's socket; another one's stays.

    A new proxy in place of this one has put its own socket there.
    """
    address = listener.address
    if not listener.is_ours or not isinstance(address, UnixAddress):
        return
    with suppress(OSError):
        if _is_free(address.path):
            Path(address.path).unlink()


def _tcp(address: TCPAddress) -> Iterator[Listener]:
    found = socket.getaddrinfo(
        address.host, address.port, 0, socket.SOCK_STREAM, 0, socket.AI_PASSIVE
    )
    for family, kind, protocol, _, place in dict.fromkeys(found):
        sock = socket.socket(family, kind | socket.SOCK_NONBLOCK, protocol)
        try:
            # A restart must not wait until the connections of the last run are
            # forgotten.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind(place)
        except OSError:
            sock.close()
            raise
        bound = sock.getsockname()
        yield Listener(
            socket=sock, address=replace(address, host=bound[0], port=bound[1])
        )


def _unix(address: UnixAddress) -> Listener:
    """Bind a socket under another name, set mode and group, and rename it."""
    if not _is_free(address.path):
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
    aside = f"{address.path}.{os.getpid()}"
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        with suppress(FileNotFoundError):
            Path(aside).unlink()
        sock.bind(aside)
        _belong(aside, address)
        # Clients must not find a name on which no program listens yet.
        sock.listen()
        Path(aside).rename(address.path)
    except OSError:
        sock.close()
        with suppress(OSError):
            Path(aside).unlink()
        raise
    return Listener(socket=sock, address=address, is_ours=True)


def _belong(path: str, address: UnixAddress) -> None:
    if address.group:
        try:
            group = grp.getgrnam(address.group).gr_gid
        except KeyError as exc:
            raise OSError(errno.EINVAL, f"no group {address.group!r}") from exc
        os.chown(path, -1, group)
    Path(path).chmod(address.mode)


def _is_free(path: str) -> bool:
    """Tell whether a name is free: nothing is there, or a socket without a listener.

    Raises:
        OSError: Something else is there, or this cannot be found out.
    """
    try:
        if not stat.S_ISSOCK(Path(path).lstat().st_mode):
            raise OSError(errno.EEXIST, "the path exists and is not a socket")
    except FileNotFoundError:
        return True
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        # A listener with a full queue is a living one.
        probe.setblocking(False)
        refused = probe.connect_ex(path)
    return refused in _NOBODY


def _inherited(descriptor: int) -> socket.socket:
    """Make a socket of an inherited descriptor."""
    try:
        sock = socket.socket(fileno=descriptor)
        sock.set_inheritable(False)
        sock.setblocking(False)
        is_listening = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as exc:
        raise ServiceError(
            f"descriptor {descriptor} was handed over and is not a socket: "
            f"{exc.strerror}",
            hint="The program that starts the service opens its sockets: check "
            "LISTEN_FDS.",
        ) from exc
    if not is_listening or sock.type != socket.SOCK_STREAM:
        raise ServiceError(
            f"descriptor {descriptor} was handed over and does not listen for streams",
            hint="In the socket unit, write ListenStream= and Accept=no.",
        )
    return sock


def _named(sock: socket.socket) -> TCPAddress | UnixAddress:
    """Return the address of a socket."""
    name = sock.getsockname()
    if sock.family == socket.AF_UNIX:
        return UnixAddress(path=str(name))
    return TCPAddress(host=name[0], port=name[1])
