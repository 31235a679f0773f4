"""Listening sockets: opened, inherited, replaced and removed, against a real kernel."""

import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from uploadfilter.errors import ServiceError
from uploadfilter.web.clients.addresses import (
    Address,
    InheritedAddress,
    TCPAddress,
    UnixAddress,
)
from uploadfilter.web.clients.sockets import (
    Inherited,
    Listener,
    open_listeners,
    remove,
)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Close the sockets that a test opens."""
    with ExitStack() as opened:
        yield opened


def opened(stack: ExitStack, address: Address) -> list[Listener]:
    """Open listeners for the length of a test."""
    listeners = list(open_listeners(address, Inherited()))
    for listener in listeners:
        stack.enter_context(listener.socket)
    return listeners


def test_tcp_address_is_bound_with_a_free_port(stack: ExitStack) -> None:
    """Port 0 picks one, and the address tells which."""
    (listener,) = opened(stack, TCPAddress(host="127.0.0.1", port=0))

    assert isinstance(listener.address, TCPAddress)
    assert listener.address.port == listener.socket.getsockname()[1] > 0
    assert not listener.is_unix


def test_ipv6_listener_takes_no_ipv4(stack: ExitStack) -> None:
    """Both families are two addresses, so that no client has two spellings."""
    (listener,) = opened(stack, TCPAddress(host="::", port=0))

    assert listener.socket.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1


@pytest.mark.parametrize(
    ("host", "hint"),
    [
        ("192.0.2.1", "No interface of this machine has this address."),
        ("no-such-host.invalid", "Check the"),
        ("a..b", "Check the address."),
    ],
)
def test_address_that_is_not_ours_is_said(host: str, hint: str) -> None:
    """The error names the address and the remedy."""
    with pytest.raises(ServiceError, match="cannot listen on") as error:
        list(open_listeners(TCPAddress(host=host, port=8080), Inherited()))

    assert error.value.hint.startswith(hint)
    assert "another program" not in error.value.hint


def test_address_that_is_taken_is_said(stack: ExitStack) -> None:
    """The error names another program as the cause only if there is one."""
    (listener,) = opened(stack, TCPAddress(host="127.0.0.1", port=0))
    listener.socket.listen()
    with pytest.raises(ServiceError, match="already in use") as error:
        list(open_listeners(listener.address, Inherited()))

    assert error.value.hint.startswith("Stop the program that uses this address.")


def test_unix_socket_is_private_by_default(stack: ExitStack, tmp_path: Path) -> None:
    """Only this user may connect, and no file is left beside it."""
    path = tmp_path / "http"
    opened(stack, UnixAddress(path=str(path)))

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [item.name for item in tmp_path.iterdir()] == ["http"]


def test_unix_socket_has_the_mode_and_group_of_its_address(
    stack: ExitStack, tmp_path: Path
) -> None:
    """A front end of another user is let in by its group."""
    group = subprocess.check_output(["id", "-gn"], text=True).strip()  # noqa: S607
    address = UnixAddress(path=str(tmp_path / "http"), mode=0o660, group=group)
    opened(stack, address)

    found = Path(address.path).stat()
    assert stat.S_IMODE(found.st_mode) == 0o660
    assert found.st_gid == os.getgid()


def test_group_that_does_not_exist_is_said(tmp_path: Path) -> None:
    """A socket that the front end cannot open is of no use."""
    address = UnixAddress(path=str(tmp_path / "http"), group="no-such-group")
    with pytest.raises(ServiceError, match="no group 'no-such-group'"):
        list(open_listeners(address, Inherited()))

    assert list(tmp_path.iterdir()) == []


def test_stale_unix_socket_is_replaced(stack: ExitStack, tmp_path: Path) -> None:
    """A leftover of a crash does not prevent a start."""
    path = str(tmp_path / "http")
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(path)
    opened(stack, UnixAddress(path=path))

    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)


def test_unix_socket_on_which_somebody_listens_is_left(
    stack: ExitStack, tmp_path: Path
) -> None:
    """A proxy never replaces a socket on which another program listens."""
    address = UnixAddress(path=str(tmp_path / "http"))
    opened(stack, address)

    with pytest.raises(ServiceError, match="in use"):
        list(open_listeners(address, Inherited()))


def test_file_that_is_no_socket_is_left(tmp_path: Path) -> None:
    """A mistyped path never removes a file."""
    path = tmp_path / "precious"
    path.write_text("data")
    with pytest.raises(ServiceError, match="not a socket"):
        list(open_listeners(UnixAddress(path=str(path)), Inherited()))

    assert path.read_text() == "data"


def test_own_socket_is_removed_and_another_is_not(
    stack: ExitStack, tmp_path: Path
) -> None:
    """A proxy that ends does not remove the name of the one that took its place."""
    address = UnixAddress(path=str(tmp_path / "http"))
    (first,) = opened(stack, address)
    first.socket.close()
    opened(stack, address)
    remove(first)
    assert Path(address.path).exists()

    stack.close()
    remove(first)
    assert not Path(address.path).exists()


def test_inherited_unix_socket_is_neither_removed_nor_looked_at(
    stack: ExitStack, tmp_path: Path
) -> None:
    """A check would be a connection, for which the manager would start us again."""
    path = tmp_path / "http"
    manager = stack.enter_context(socket.socket(socket.AF_UNIX))
    manager.bind(str(path))
    manager.listen()
    manager.setblocking(False)
    remove(Listener(socket=manager, address=UnixAddress(path=str(path))))

    assert path.exists()
    with pytest.raises(BlockingIOError):
        manager.accept()


INHERIT = """
import os, sys
# The work of a service manager between fork and exec: move them to 3, 4, ...
handed = [os.dup2(int(number), 100 + place) for place, number
          in enumerate(os.environ.pop("HANDED").split())]
for place, number in enumerate(handed):
    os.dup2(number, 3 + place)
from uploadfilter.errors import ServiceError
from uploadfilter.web.clients.addresses import InheritedAddress
from uploadfilter.web.clients.sockets import Inherited, open_listeners
if "LISTEN_PID" not in os.environ:
    os.environ["LISTEN_PID"] = str(os.getpid())
try:
    inherited = Inherited.of(os.environ)
    for name in sys.argv[1:]:
        for listener in open_listeners(InheritedAddress(name=name), inherited):
            print(listener.address, listener.socket.get_inheritable())
except ServiceError as exc:
    print("error:", exc)
else:
    print("left", *inherited.left())
print("environment", *(key for key in os.environ if key.startswith("LISTEN")))
"""


def inherit(
    *names: str, sockets: tuple[socket.socket, ...], **environment: str
) -> list[str]:
    """Hand sockets over to a process, like a service manager; return its output.

    It is a separate process, since the numbers of the descriptors are fixed.
    """
    numbers = [sock.fileno() for sock in sockets]
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", INHERIT, *names],
        env={
            **os.environ,
            "HANDED": " ".join(map(str, numbers)),
            "LISTEN_FDS": str(len(numbers)),
            **environment,
        },
        pass_fds=numbers,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


@pytest.fixture
def bound() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two sockets that listen."""
    with socket.socket() as first, socket.socket() as second:
        for sock in (first, second):
            sock.bind(("127.0.0.1", 0))
            sock.listen()
        yield first, second


def place(sock: socket.socket) -> str:
    """Return where a socket is."""
    return f"127.0.0.1:{sock.getsockname()[1]}"


def test_inherited_sockets_are_taken_by_name(
    bound: tuple[socket.socket, socket.socket],
) -> None:
    """Each address takes its own sockets; children take none; the rest is listed."""
    said = inherit("uploads", sockets=bound, LISTEN_FDNAMES="other:uploads")

    assert said == [
        f"{place(bound[1])} False",
        f"left {place(bound[0])}",
        "environment",
    ]


def test_inherited_sockets_without_names_are_all_taken(
    bound: tuple[socket.socket, socket.socket],
) -> None:
    """A plain ``inherited`` is everything that was handed over."""
    said = inherit("", sockets=bound)

    assert said[:2] == [f"{place(sock)} False" for sock in bound]
    assert said[2] == "left"


def test_sockets_of_another_process_are_not_ours(
    bound: tuple[socket.socket, socket.socket],
) -> None:
    """The variables may have been inherited by mistake."""
    said = inherit("", sockets=bound, LISTEN_PID="1")

    assert said[0] == "error: no socket was handed over to listen on"
    assert said[-1] == "environment"


def test_socket_that_does_not_listen_is_refused() -> None:
    """``Accept=yes`` hands over connections, which is not supported."""
    with socket.socket() as idle:
        said = inherit("", sockets=(idle,))

    assert "does not listen" in said[0]


@pytest.mark.parametrize("count", ["-1", "x", "2"])
def test_wrong_number_of_sockets_is_refused(count: str) -> None:
    """The number of descriptors is never guessed."""
    said = inherit("", sockets=(), LISTEN_FDS=count)

    assert said[0].startswith("error:")


def test_missing_inherited_socket_is_said() -> None:
    """An operator who starts the service by hand learns what to do."""
    with pytest.raises(ServiceError, match="of the name 'uploads'"):
        list(open_listeners(InheritedAddress(name="uploads"), Inherited()))
