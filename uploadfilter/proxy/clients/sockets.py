"""Open the sockets on which the proxy listens, or take those that were handed over.

Rules this module keeps:

- A socket in the file system appears under its name with its mode and group already
  set, by rename. One that is there already is replaced only if nobody listens on it,
  and at the end only our own is removed.
- Sockets that were inherited stay open in the program that opened them. Connections
  that wait in them are lost by nobody's end, so that this is the way to restart
  without loss.
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
from uploadfilter.proxy.clients.addresses import (
    Address,
    InheritedAddress,
    TCPAddress,
    UnixAddress,
)

_FIRST_INHERITED: Final = 3
"""``SD_LISTEN_FDS_START`` of ``sd-daemon.h``: behind stdin, stdout and stderr."""

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
"""What to do about an address that cannot be listened on, by the number of the "
"error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A socket that listens, and what is to be known of its connections.

    Attributes:
        socket: Bound, and not yet accepting.
        address: Where it is, with the port that was picked.
        is_ours: Whether its name in the file system is ours to remove. One that was
            inherited is not: its opener goes on listening, and would take a look
            whether it does for somebody who wants us started again.
    """

    socket: socket.socket
    address: Address
    is_ours: bool = False

    @property
    def is_unix(self) -> bool:
        """Whether it is in the file system."""
        return self.socket.family == socket.AF_UNIX


@dataclass(frozen=True, slots=True, kw_only=True)
class _Handed:
    name: str
    socket: socket.socket


class Inherited:
    """The sockets that the program which started us has opened for us.

    Args:
        handed: The sockets, by their names.
    """

    def __init__(self, handed: Sequence[_Handed] = ()) -> None:
        self._handed = list(handed)

    @classmethod
    def of(cls, environment: MutableMapping[str, str]) -> "Inherited":
        """Take the sockets that an environment tells of, and the words about them.

        Our own children must not think that the sockets are theirs.

        Args:
            environment: With ``LISTEN_PID``, ``LISTEN_FDS`` and perhaps
                ``LISTEN_FDNAMES``; without them there are none.

        Raises:
            ServiceError: What it says cannot be, or is no listening stream socket.

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
        """Hand out the sockets of a name, or all that are left.

        Raises:
            ServiceError: There is none.
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
        """Return where sockets listen that nobody took."""
        return tuple(str(_named(item.socket)) for item in self._handed)

    def close(self) -> None:
        """Close what nobody took, so that nobody waits here for an answer."""
        for item in self._handed:
            item.socket.close()
        self._handed.clear()


def open_listeners(address: Address, inherited: Inherited) -> Iterator[Listener]:
    """Bind an address: a name may stand for several.

    Raises:
        ServiceError: It cannot be bound, or belongs to somebody else.
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
    """Return what helps against an address that cannot be listened on."""
    hint = _HINTS.get(error.errno or 0) if isinstance(error, OSError) else None
    return f"{hint or 'Check the address.'} Or choose another address with --listen."


def remove(listener: Listener) -> None:
    """Remove the name of a socket that has been ours; another's stays.

    A proxy that took our place has put its own there.
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
            # A restart must not wait for connections of the last run to be forgotten.
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
    """Bind a socket aside, make it what it is to be, and put it in its place."""
    if not _is_free(address.path):
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
    aside = f"{address.path}.{os.getpid()}"
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        with suppress(FileNotFoundError):
            Path(aside).unlink()
        sock.bind(aside)
        _belong(aside, address)
        # Nobody finds a name behind which nobody listens yet.
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
    """Tell whether a name may be taken: nothing is there, or a socket of nobody.

    Raises:
        OSError: Something else is there, or it cannot be told.
    """
    try:
        if not stat.S_ISSOCK(Path(path).lstat().st_mode):
            raise OSError(errno.EEXIST, "the path exists and is not a socket")
    except FileNotFoundError:
        return True
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        # A listener whose queue is full is one that lives.
        probe.setblocking(False)
        refused = probe.connect_ex(path)
    return refused in _NOBODY


def _inherited(descriptor: int) -> socket.socket:
    """Make a socket of a descriptor that was handed over."""
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
    """Return where a socket is."""
    name = sock.getsockname()
    if sock.family == socket.AF_UNIX:
        return UnixAddress(path=str(name))
    return TCPAddress(host=name[0], port=name[1])
