"""Connections of the installed program, whose event loop is not that of the tests."""

import contextlib
import socket
from collections.abc import Iterator

import pytest

from deploy.demo import running
from tests.e2e.raw import exchange
from tests.web.clients.proxyheaders import TCP4, header

pytestmark = pytest.mark.e2e

IDLE = 2000
GET = b"GET /files HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
PUT = b"PUT /files/a.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\na greeting"


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    """Run the proxy on two ports; on the second a front end says who the client is."""
    folder = tmp_path_factory.mktemp("wire")
    state = folder / "state"
    running.run_program("init", state=state)
    with running.origin(folder / "uploads", log=folder / "origin.log") as origin:
        config = folder / "uploadfilter.toml"
        config.write_text(
            f'origin = "{origin}"\nstate = "{state}"\n'
            'listen = ["127.0.0.1:0", "127.0.0.1:0 proxy_protocol"]\n'
            'trusted_proxies = ["127.0.0.1"]\n'
        )
        command = [running.program(), "serve", "--config", str(config)]
        log = folder / "proxy.log"
        with running.process(command, log=log) as process:
            yield running.said(process, log, _ports)  # type: ignore[misc] # as made


def _ports(line: object) -> object:
    if not isinstance(line, dict) or line.get("event") != "listening":
        return None
    words = [address.split()[0] for address in line["addresses"]]
    return tuple(int(word.rpartition(":")[2]) for word in words)


def test_half_closed_clients_get_their_answers(ports: tuple[int, int]) -> None:
    """An upload, and requests in a row, after the client's side has ended."""
    assert b" 201 " in exchange(ports[0], PUT, half=True)
    keep = GET.replace(b"Connection: close\r\n", b"")
    assert exchange(ports[0], 5 * keep, half=True).count(b" 200 OK\r\n") == 5


@pytest.mark.parametrize(
    ("data", "status"),
    [
        pytest.param(b"\x16\x03\x01\x02\x00\x01" + bytes(range(256)), 400, id="tls"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, id="http2"),
        pytest.param(b"GET / HTTP/1.1\r\nHost:", 408, id="slow-head"),
        pytest.param(
            b"GET / HTTP/1.1\r\n" + b"X-A: %s\r\n" % (8000 * b"a") * 20,
            431,
            id="large-head",
        ),
    ],
)
def test_what_is_no_request_is_answered_and_ended(
    ports: tuple[int, int], data: bytes, status: int
) -> None:
    """Each gets the status for its fault."""
    assert exchange(ports[0], data).split()[1] == b"%d" % status


def test_front_end_says_who_the_client_is(ports: tuple[int, int]) -> None:
    """A request with its header is one, cut anywhere; without it there is no answer."""
    start = header(0x21, 0x11, TCP4)
    bits = [start[at : at + 1] for at in range(len(start))]

    assert b" 200 " in exchange(ports[1], start + GET)
    assert b" 200 " in exchange(ports[1], *bits, GET)
    assert exchange(ports[1], GET) == b""


def test_thousands_of_idle_connections_keep_nobody_out(ports: tuple[int, int]) -> None:
    """They say nothing, and an upload is answered as ever."""
    with contextlib.ExitStack() as stack:
        for _ in range(IDLE):
            idle = socket.create_connection(("127.0.0.1", ports[0]), timeout=60)
            stack.enter_context(idle)

        assert b" 201 " in exchange(ports[0], PUT, half=True)
