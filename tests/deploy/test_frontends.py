"""The filter behind nginx, HAProxy and Caddy, with TLS and a real site behind it."""

import contextlib
import hashlib
import http.client
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.demo import running
from tests.deploy.conftest import Site
from tests.deploy.frontends import FRONT_ENDS, NAME, FrontEnd
from tests.e2e import pictures
from tests.e2e.curl import curl

pytestmark = pytest.mark.e2e

LARGE_BYTES = 100 * 1024 * 1024
PIECE = b"holiday " * (128 * 1024)
"""One MiB in which nothing looks like a picture."""

SMALL_BYTES = 16 * 1024
"""The size that every front end waits for: HAProxy's buffer, which is the smallest."""

HELD_BYTES = 24 * 1024 * 1024
"""Most bytes of a large body that a front end may hold: a little more than its buffers,
those of TLS, and memory that its garbage collector has not freed yet."""

_DECISION = re.compile(rb"[0-9a-f]")
"""The number of a decision is shown in groups; it is all that differs."""

HANDSHAKE = """GET /socket HTTP/1.1\r
Host: {host}:{port}\r
Connection: Upgrade\r
Upgrade: websocket\r
Sec-WebSocket-Version: 13\r
Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r
\r
"""
"""The headers that open a WebSocket (RFC 6455, 1.3)."""

_OWN_HEADERS = frozenset(
    {"date", "server", "via", "alt-svc", "connection", "keep-alive"}
)
"""The headers of a front end about itself or its connections."""


@pytest.fixture(scope="module", params=list(FRONT_ENDS))
def front_end(
    request: pytest.FixtureRequest,
    site: Site,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[FrontEnd]:
    """Return a front end before the site."""
    folder = tmp_path_factory.mktemp(request.param)
    with FRONT_ENDS[request.param](site.behind, folder) as running_one:
        yield running_one


@contextlib.contextmanager
def upload(
    front_end: FrontEnd, path: str, size: int
) -> Iterator[http.client.HTTPConnection]:
    """Begin to upload a body of a size; the block sends it and takes the answer."""
    connection = http.client.HTTPConnection(NAME, front_end.port)
    with contextlib.closing(connection):
        connection.sock = front_end.connect()
        connection.putrequest("PUT", path)
        connection.putheader("Content-Length", str(size))
        connection.endheaders()
        yield connection


def clients(site: Site, *, newest: int) -> list[str]:
    """Return the keyed hashes of the clients of the newest decisions, oldest first."""
    folder = site.state / "instances" / "main" / "log"
    files = sorted(folder.glob("*.jsonl"))
    lines = [json.loads(line) for f in files for line in f.read_text().splitlines()]
    decisions = [line["client"] for line in lines if line["record"] == "decision"]
    return decisions[-newest:]


def test_upload_arrives_as_it_was_sent(front_end: FrontEnd, site: Site) -> None:
    """Over HTTP/2, a picture that is not listed reaches the origin unchanged."""
    content = pictures.unlisted()
    answer = front_end.curl("/files/a.jpg", "--http2", "-T", "-", data=content)
    stored = curl(f"{site.origin}/files/a.jpg").body

    assert answer.status == 201
    assert stored == content


def test_rejection_reaches_the_client_untouched(
    front_end: FrontEnd, site: Site
) -> None:
    """The page of a rejection, and its headers, are the filter's own."""
    options = ("-T", "-", "-H", "Accept: text/html")
    through = front_end.curl("/files/l.jpg", *options, data=pictures.listed())
    straight = curl(f"{site.proxy.url}/files/l.jpg", *options, data=pictures.listed())

    def told(headers: Any) -> dict[str, str]:  # noqa: ANN401
        return {k: v for k, v in headers.items() if k not in _OWN_HEADERS}

    assert through.status == straight.status == 403
    assert _DECISION.sub(b"", through.body) == _DECISION.sub(b"", straight.body)
    assert told(through.headers) == told(straight.headers)
    assert curl(f"{site.origin}/files/l.jpg").status == 404


def test_each_client_is_told_apart(front_end: FrontEnd, site: Site) -> None:
    """Two addresses are two clients in the decision log, and one address is one."""
    for number, address in enumerate(("127.0.0.1", "127.0.0.2", "127.0.0.1")):
        options = ("--interface", address, "-T", "-")
        answer = front_end.curl(f"/files/{number}.txt", *options, data=b"holiday")
        assert answer.status == 201
    first, second, again = clients(site, newest=3)

    assert first == again
    assert first != second


@pytest.mark.parametrize(
    "header", ["X-Forwarded-For: 203.0.113.9", "Forwarded: for=203.0.113.9"]
)
def test_client_cannot_choose_its_address(
    front_end: FrontEnd, site: Site, header: str
) -> None:
    """A client's own statement counts as little as without a front end."""
    front_end.curl("/files/a.txt", "-T", "-", data=b"holiday")
    front_end.curl("/files/a.txt", "-T", "-", "-H", header, data=b"holiday")
    honest, lying = clients(site, newest=2)

    assert honest == lying


def test_origin_knows_host_scheme_and_client(front_end: FrontEnd) -> None:
    """Links that the site makes lead back to the front end."""
    told = front_end.curl("/client").json()

    assert told["Host"] == f"{NAME}:{front_end.port}"
    assert told["X-Forwarded-Proto"] == "https"
    assert told["X-Forwarded-For"] == "127.0.0.1"


def test_events_arrive_one_by_one(front_end: FrontEnd) -> None:
    """An event is not held back until more events follow."""
    connection = http.client.HTTPConnection(NAME, front_end.port)
    with contextlib.closing(connection):
        connection.sock = front_end.connect()
        connection.request("GET", "/events")
        answer = connection.getresponse()
        first = answer.readline()
        answer.readline()
        front_end.curl("/release")
        second = answer.readline()

    assert first == b"data: first\n"
    assert second == b"data: second\n"


def test_websocket_goes_around_the_filter(front_end: FrontEnd) -> None:
    """The path that the operator named carries messages both ways."""
    message = b"hello"
    frame = bytes([0x81, 0x80 | len(message), 0, 0, 0, 0]) + message  # RFC 6455, 5.2
    with front_end.connect() as sock, sock.makefile("rwb") as stream:
        stream.write(HANDSHAKE.format(host=NAME, port=front_end.port).encode())
        stream.flush()
        status = stream.readline()
        while stream.readline().strip():
            pass
        stream.write(frame)
        stream.flush()
        _, size = stream.read(2)
        echoed = stream.read(size)

    assert status.split()[1] == b"101"
    assert echoed == b"echo hello"


@pytest.mark.parametrize(
    ("path", "options"),
    [
        pytest.param("/socket", ("-X", "POST"), id="post"),
        pytest.param("/socket", ("-X", "GET"), id="get-with-body"),
        pytest.param(
            "/socket", ("-X", "GET", "-H", "Transfer-Encoding: chunked"), id="chunked"
        ),
        pytest.param("/socket/../files/l.jpg", ("-X", "PUT"), id="dots"),
        pytest.param("/files/l.jpg", ("-X", "PUT"), id="another-path"),
        pytest.param("/%73ocket", ("-X", "POST"), id="encoded"),
    ],
)
def test_upload_cannot_take_the_way_of_websockets(
    front_end: FrontEnd, site: Site, path: str, options: tuple[str, ...]
) -> None:
    """An upload that calls itself a WebSocket does not pass uninspected."""
    upgrade = ("-H", "Connection: Upgrade", "-H", "Upgrade: websocket", "--http1.1")
    sent = ("--data-binary", "@-", *upgrade, *options)
    # Some front ends answer and close before they have taken the body.
    with contextlib.suppress(AssertionError):
        front_end.curl(path, *sent, data=pictures.listed())

    assert curl(f"{site.origin}/files/l.jpg").status == 404
    assert curl(f"{site.origin}/files/socket.bin").status == 404


def test_large_body_is_held_in_one_file_at_most(
    front_end: FrontEnd, site: Site
) -> None:
    """No process has 100 MiB in memory, and of the front ends only nginx has a file."""
    digest = hashlib.sha256()
    taken = front_end.memory_bytes if front_end.keeps_bodies else front_end.held_bytes
    with upload(front_end, "/files/large.bin", LARGE_BYTES + 1) as connection:
        before = taken()
        for _ in range(LARGE_BYTES // len(PIECE)):
            connection.send(PIECE)
            digest.update(PIECE)
        held = taken() - before
        connection.send(b".")
        digest.update(b".")
        status = connection.getresponse().status
    stored = json.loads(curl(f"{site.origin}/files").body)

    assert status == 201
    assert held < HELD_BYTES
    assert digest.hexdigest() in {file["sha256"] for file in stored}


def open_uploads(site: Site) -> float:
    """Return how many uploads have a place at the filter."""
    text = curl(f"http://127.0.0.1:{site.admin}/metrics").body.decode()
    (line,) = re.findall(r"^uploadfilter_open_uploads (\S+)$", text, re.MULTILINE)
    return float(line)


@pytest.mark.parametrize("size", [12_000, 1_000_000], ids=["small", "large"])
def test_slow_client_holds_no_place_at_the_filter(
    front_end: FrontEnd, site: Site, size: int
) -> None:
    """A body that fits the buffer comes to the filter when it is there as a whole.

    An answered request after its first half shows that nothing is still on its way.
    """
    is_kept = front_end.keeps_bodies or size < SMALL_BYTES
    with upload(front_end, "/files/slow.bin", size) as connection:
        connection.send(b"h" * (size // 2))
        statuses = {front_end.curl("/files").status for _ in range(5)}
        if not is_kept:
            running.wait_for(lambda: open_uploads(site) or None, what="a place")
        held = open_uploads(site)
        connection.send(b"h" * (size - size // 2))
        status = connection.getresponse().status

    assert (status, statuses) == (201, {200})
    assert held == (0 if is_kept else 1)


@pytest.mark.parametrize(
    ("name", "way"),
    [
        pytest.param("nginx", "unix:{site.folder}/http", id="nginx-unix"),
        pytest.param("haproxy", "unix@{site.folder}/http", id="haproxy-unix"),
        pytest.param(
            "haproxy", "127.0.0.1:{site.told} send-proxy-v2", id="haproxy-proxy"
        ),
    ],
)
def test_other_ways_to_the_filter(
    site: Site, tmp_path: Path, name: str, way: str
) -> None:
    """It works the same by a unix socket, and with the PROXY header."""
    behind = site.behind_at(way.format(site=site))
    with FRONT_ENDS[name](behind, tmp_path) as front_end:
        answers = [
            front_end.curl("/files/a.txt", "--interface", address, "-T", "-", data=b"x")
            for address in ("127.0.0.2", "127.0.0.3", "127.0.0.2")
        ]
    first, second, again = clients(site, newest=3)

    assert [answer.status for answer in answers] == [201] * 3
    assert first == again != second


def test_reload_loses_no_request(front_end: FrontEnd) -> None:
    """An upload in flight is completed, and new requests are answered meanwhile."""
    with upload(front_end, "/files/slow.txt", 8) as connection:
        connection.send(b"holi")
        front_end.reload()
        statuses = {front_end.curl("/files").status for _ in range(10)}
        connection.send(b"days")
        status = connection.getresponse().status

    assert status == 201
    assert statuses == {200}
