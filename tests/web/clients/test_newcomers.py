"""Accepted connections are opened by client in turn, not by arrival."""

import ipaddress
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.proxy.site import settings
from uploadfilter.networks import path_of
from uploadfilter.web.clients.newcomers import Newcomers, told_client
from uploadfilter.web.clients.proxyheader import SIGNATURE
from uploadfilter.web.requests.clientkeys import queueing_client

ONE, OTHER = "192.0.2.1", "198.51.100.7"
LOCAL = "127.0.0.1"
FRONT = (ipaddress.ip_network("127.0.0.0/8"),)
HEADER = (
    SIGNATURE
    + b"\x21\x11\x00\x0c"
    + ipaddress.ip_address(ONE).packed
    + ipaddress.ip_address(LOCAL).packed
    + bytes(4)
)
"""It names the client in the PROXY protocol."""


def first_byte(sent: bytes, _: str) -> str:
    """Take the first byte for the client."""
    return sent[:1].decode("ascii")


@contextmanager
def arriving(
    sent: Sequence[bytes],
) -> Iterator[list[tuple[socket.socket, socket.socket]]]:
    """Yield pairs of ends; the first one has sent some bytes."""
    with ExitStack() as stack:
        pairs = []
        for data in sent:
            client, accepted = socket.socketpair()
            stack.enter_context(client)
            stack.enter_context(accepted)
            accepted.setblocking(False)
            client.sendall(data)
            pairs.append((client, accepted))
        yield pairs


def taken(newcomers: Newcomers) -> bytes:
    """Take all; return the first byte of each, or a dash for none."""
    found = b""
    while newcomers:
        try:
            found += newcomers.take().recv(1)
        except BlockingIOError:
            found += b"-"
    return found


def test_client_with_one_connection_is_not_behind_those_of_another() -> None:
    """Clients take turns, and each one's are opened in the order of arrival."""
    newcomers = Newcomers(first_byte)
    with arriving([b"a"] * 5 + [b"b"]) as pairs:
        for _, accepted in pairs:
            newcomers.add(accepted)

        assert taken(newcomers) == b"abaaaa"


def test_bytes_are_looked_at_and_not_taken() -> None:
    """They are still there when the connection is opened."""
    newcomers = Newcomers(first_byte)
    with arriving([b"abc"]) as pairs:
        newcomers.add(pairs[0][1])

        assert newcomers.take().recv(10) == b"abc"


def test_connections_that_sent_nothing_are_those_of_one_client() -> None:
    """They are opened too, so that none waits for ever."""
    newcomers = Newcomers(first_byte)
    with arriving([b"", b"", b"", b"a", b"a"]) as pairs:
        for _, accepted in pairs:
            newcomers.add(accepted)

        assert taken(newcomers) == b"-a-a-"


def test_connections_of_nobody_in_particular_keep_their_order() -> None:
    """They are not looked at again, nor mixed with those that have sent nothing."""
    looks: list[bytes] = []

    def nobody(sent: bytes, _: str) -> str:
        looks.append(sent)
        return ""

    newcomers = Newcomers(nobody)
    sent = [b"%c" % (33 + number) for number in range(90)]
    with arriving([b"", *sent]) as pairs:
        for _, accepted in pairs:
            newcomers.add(accepted)
        newcomers.look()

        assert taken(newcomers).replace(b"-", b"", 1) == b"".join(sent)
        assert looks == sent


def test_connection_whose_client_is_not_told_yet_is_looked_at_again() -> None:
    """Its header may come in two pieces."""
    newcomers = Newcomers(lambda sent, _: "b" if len(sent) > 1 else None)
    with arriving([b"b", b"bb", b"bb"]) as pairs:
        for _, accepted in pairs:
            newcomers.add(accepted)
        pairs[0][0].sendall(b"b")
        newcomers.look()

        assert [newcomers.take() for _ in pairs] == [
            accepted for _, accepted in (*pairs[1:], pairs[0])
        ]


def test_connection_that_sends_later_is_known_then() -> None:
    """It is looked at again in each round."""
    newcomers = Newcomers(first_byte)
    with arriving([b"", b"", b""]) as pairs:
        for _, accepted in pairs:
            newcomers.add(accepted)
        pairs[2][0].sendall(b"b")
        pairs[1][0].sendall(b"b")
        newcomers.look()

        assert len(newcomers) == 3
        assert taken(newcomers) == b"-bb"


@pytest.mark.parametrize(
    ("sent", "peer", "client"),
    [
        pytest.param(b"PUT / HTTP/1.1\r\n\r\n", ONE, ONE, id="the other end"),
        pytest.param(
            b"PUT / HTTP/1.1\r\nHost: a\r\nx-forwarded-for: 203.0.113.9, 192.0.2.1\r\n",
            LOCAL,
            ONE,
            id="told by a front end",
        ),
        pytest.param(
            b"PUT / HTTP/1.1\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n",
            OTHER,
            OTHER,
            id="told by a stranger",
        ),
        pytest.param(
            b"PUT / HTTP/1.1\r\nHost: a\r\n\r\nx\r\nX-Forwarded-For: 192.0.2.1\r\n",
            LOCAL,
            "",
            id="in the body",
        ),
        pytest.param(
            b"PUT / HTTP/1.1\r\nX-Forwarded-For: \xff\xfe,,\r\n",
            LOCAL,
            "",
            id="garbage",
        ),
        pytest.param(
            b"PUT / HTTP/1.1\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n",
            "",
            ONE,
            id="told on a unix socket",
        ),
        pytest.param(b"\x16\x03\x01", OTHER, OTHER, id="TLS"),
    ],
)
def test_client_is_the_one_that_limits_know(
    tmp_path: Path, sent: bytes, peer: str, client: str
) -> None:
    """As if the head were parsed: only trusted proxies are believed."""
    live = replace(settings(tmp_path, "http://127.0.0.1:9").live, trusted_proxies=FRONT)

    key = told_client(sent, peer, live, proxy_protocol=False)

    assert key == (queueing_client(client) if client else "")
    assert path_of(key).client == key


@pytest.mark.parametrize(
    ("sent", "peer", "key"),
    [
        pytest.param(HEADER, LOCAL, queueing_client(ONE), id="front end"),
        pytest.param(HEADER, "", queueing_client(ONE), id="unix socket"),
        pytest.param(HEADER, OTHER, queueing_client(OTHER), id="stranger"),
        pytest.param(HEADER[:20], LOCAL, None, id="first piece"),
        pytest.param(b"PUT / HTTP/1.1\r\n\r\n", LOCAL, "", id="no header"),
    ],
)
def test_header_of_a_front_end_tells_the_client(
    tmp_path: Path, sent: bytes, peer: str, key: str | None
) -> None:
    """A stranger may not take the turns of whom it names."""
    live = replace(settings(tmp_path, "http://127.0.0.1:9").live, trusted_proxies=FRONT)

    assert told_client(sent, peer, live, proxy_protocol=True) == key
