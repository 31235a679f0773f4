"""Front ends that lead only requests with a body to the filter: no body goes round it.

Each of some hundred requests is sent in a different way: methods, framings of HTTP/1
and HTTP/2, overrides of the method, upgrades. However a front end treats it, the origin
must never get a body without a decision.
"""

import contextlib
import itertools
import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy.demo import running
from tests.deploy import http2
from tests.deploy.conftest import Site
from tests.deploy.frontends import (
    BODIES_ONLY,
    FRONT_ENDS,
    NAME,
    FrontEnd,
    caddy,
    haproxy,
    nginx,
)
from tests.e2e.curl import curl

pytestmark = pytest.mark.e2e

BODY = b"upload"
CHUNKS = b"6\r\nupload\r\n0\r\n\r\n"
LATE_S = 0.2
"""After which a front end that does not wait for a body has sent its head on."""

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PROPFIND")

Pieces = Sequence[bytes]
"""The pieces that are sent one after the other, with a pause between."""

FRAMINGS_1: dict[str, tuple[bytes, Pieces]] = {
    "none": (b"", ()),
    "zero": (b"Content-Length: 0\r\n", ()),
    "zeros": (b"Content-Length: 00\r\n", ()),
    "length": (b"Content-Length: 6\r\n", (BODY,)),
    "late-length": (b"Content-Length: 6\r\n", (b"", BODY)),
    "plus": (b"Content-Length: +6\r\n", (BODY,)),
    "list": (b"Content-Length: 0, 6\r\n", (BODY,)),
    "two-lengths": (b"Content-Length: 0\r\nContent-Length: 6\r\n", (BODY,)),
    "space": (b"Content-Length : 6\r\n", (BODY,)),
    "underline": (b"Content_Length: 6\r\n", (BODY,)),
    "folded": (b"X-A: a\r\n Content-Length: 6\r\n", (BODY,)),
    "chunked": (b"Transfer-Encoding: chunked\r\n", (CHUNKS,)),
    "late-chunked": (b"Transfer-Encoding: chunked\r\n", (b"", CHUNKS)),
    "no-chunks": (b"Transfer-Encoding: chunked\r\n", (b"0\r\n\r\n",)),
    "zero-and-chunked": (
        b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
        (CHUNKS,),
    ),
    "tab": (b"Transfer-Encoding:\tchunked\r\n", (CHUNKS,)),
    "unknown": (b"Transfer-Encoding: xchunked\r\n", (CHUNKS,)),
    "identity": (b"Transfer-Encoding: identity\r\nContent-Length: 6\r\n", (BODY,)),
    "expected": (b"Expect: 100-continue\r\nContent-Length: 6\r\n", (b"", BODY)),
}
"""Lines of the head, and the body, of HTTP/1."""

FRAMINGS_2: dict[str, tuple[tuple[tuple[bytes, bytes], ...], Pieces]] = {
    "none": ((), ()),
    "zero": (((b"content-length", b"0"),), ()),
    "length": (((b"content-length", b"6"),), (http2.data(BODY),)),
    "data": ((), (http2.data(BODY),)),
    "late-data": ((), (b"", http2.data(BODY))),
    "pieces": ((), (http2.data(BODY[:3], is_last=False), http2.data(BODY[3:]))),
    "no-data": ((), (http2.data(b""),)),
    "zero-and-data": (((b"content-length", b"0"),), (http2.data(BODY),)),
    "chunked": (((b"transfer-encoding", b"chunked"),), (http2.data(BODY),)),
    "missing": (((b"content-length", b"6"),), ()),
}
"""Fields of the head, and frames of the body, of HTTP/2; without frames the head ends
the stream."""

OVERRIDES: dict[str, tuple[bytes, bytes]] = {
    "header": (b"X-HTTP-Method-Override", b"PUT"),
    "header-of-others": (b"X-HTTP-Method", b"PUT"),
    "another-header": (b"X-Method-Override", b"PUT"),
    "small": (b"x-http-method-override", b"put"),
    "query": (b"", b"_method=PUT"),
    "second": (b"", b"a=1&_METHOD=PUT"),
    "escaped": (b"", b"%5fmethod=PUT"),
    "all-escaped": (b"", b"%5F%6D%65%74%68%6F%64=PUT"),
    "semicolon": (b"", b"a=1;_method=PUT"),
}
"""Name and value of a header, or no name and the query."""

UPGRADES: dict[str, tuple[tuple[bytes, bytes], ...]] = {
    "websocket": (
        (b"Connection", b"Upgrade"),
        (b"Upgrade", b"websocket"),
        (b"Sec-WebSocket-Version", b"13"),
        (b"Sec-WebSocket-Key", b"AAAAAAAAAAAAAAAAAAAAAA=="),
    ),
    "h2c": ((b"Connection", b"Upgrade, HTTP2-Settings"), (b"Upgrade", b"h2c")),
    "other": ((b"Connection", b"keep-alive, upgrade"), (b"Upgrade", b"tus")),
}

UNUSUAL = (
    *(
        (value, ()) if not name else (b"", ((name, value),))
        for name, value in OVERRIDES.values()
    ),
    *((b"", headers) for headers in UPGRADES.values()),
)
"""Queries and headers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One request.

    Attributes:
        protocol: ``1.0``, ``1.1`` or ``2``.
        method: Of the request.
        framing: Its key in the table of the protocol.
        query: Of its target.
        headers: Besides those of the framing.
        is_plain: Whether it neither overrides its method nor asks for an upgrade.
    """

    protocol: str
    method: str
    framing: str
    query: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    is_plain: bool = True

    @property
    def is_two(self) -> bool:
        """Whether it is one of HTTP/2."""
        return self.protocol == "2"

    @property
    def is_harmless(self) -> bool:
        """Whether it may go straight to the origin, without its body if it has one."""
        return self.is_plain and self.method in {"GET", "HEAD"}

    @property
    def is_download(self) -> bool:
        """Whether it has to go straight to the origin."""
        return self.is_harmless and self.framing == "none" and self.protocol != "1.0"

    @property
    def is_upload(self) -> bool:
        """Whether honest clients send it, so that it has to arrive."""
        usual = {
            "length",
            "late-length",
            "chunked",
            "late-chunked",
            "data",
            "late-data",
        }
        honest = self.is_plain and self.method in {"POST", "PUT", "PROPFIND"}
        return (
            honest
            and self.framing in usual
            and (not self.is_two or self.framing != "chunked")
        )

    def target(self, number: int) -> bytes:
        """Return its target, by which it is known again."""
        return b"/probe/%d" % number + (b"?" + self.query if self.query else b"")

    def pieces(self, number: int) -> Iterator[bytes]:
        """Yield the pieces to send."""
        target = self.target(number)
        if not self.is_two:
            lines, pieces = FRAMINGS_1[self.framing]
            more = b"".join(b"%s: %s\r\n" % field for field in self.headers)
            last = b"" if b"Connection" in more else b"Connection: close\r\n"
            yield b"%s %s HTTP/%s\r\nHost: %s\r\n%s%s%s\r\n" % (
                self.method.encode(),
                target,
                self.protocol.encode(),
                NAME.encode(),
                more,
                last,
                lines,
            )
            yield from pieces
            return
        fields, pieces = FRAMINGS_2[self.framing]
        first = (
            (b":method", self.method.encode()),
            (b":scheme", b"https"),
            (b":authority", NAME.encode()),
            (b":path", target),
        )
        unusual = tuple((name.lower(), value) for name, value in self.headers)
        yield http2.head((*first, *unusual, *fields), is_whole=not pieces)
        yield from pieces


def probes() -> Iterator[Probe]:
    """Yield all methods in all framings, and overrides and upgrades in some."""
    for protocol, table in (("1.1", FRAMINGS_1), ("2", FRAMINGS_2)):
        for method in METHODS:
            for framing in table:
                yield Probe(protocol=protocol, method=method, framing=framing)
        some = ("none", "length", "chunked" if protocol == "1.1" else "data")
        for method in ("GET", "HEAD", "POST"):
            for framing in some:
                for query, headers in UNUSUAL:
                    yield Probe(
                        protocol=protocol,
                        method=method,
                        framing=framing,
                        query=query,
                        headers=headers,
                        is_plain=False,
                    )
    for method in ("GET", "POST"):
        for framing in ("none", "length"):
            yield Probe(protocol="1.0", method=method, framing=framing)


PROBES = tuple(probes())

BLOCKS = itertools.count(0, 1000)
"""First numbers of unused probes, a thousand for each test."""


@pytest.fixture(scope="module", params=list(BODIES_ONLY))
def front_end(
    request: pytest.FixtureRequest,
    site: Site,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[FrontEnd]:
    """Return a front end that leads only bodies to the filter."""
    folder = tmp_path_factory.mktemp(request.param)
    recipe = BODIES_ONLY[request.param]
    with FRONT_ENDS[request.param](site.behind, folder, recipe) as running_one:
        yield running_one


def send(front_end: FrontEnd, probe: Probe, number: int, pause_s: float) -> None:
    """Send one request and wait for whatever is made of it."""
    protocol = "h2" if probe.is_two else "http/1.1"
    # A front end may end the connection as soon as it does not like something.
    with contextlib.suppress(OSError), front_end.connect(protocol=protocol) as sock:
        sock.settimeout(10)
        if probe.is_two:
            http2.begin(sock)
        for place, piece in enumerate(probe.pieces(number)):
            if place > 1:
                time.sleep(pause_s)
            sock.sendall(piece)
        if probe.is_two:
            http2.wait(sock)
        elif b"Connection" in dict(probe.headers):
            sock.recv(65536)  # who asked for an upgrade has not asked for an end
        else:
            while sock.recv(65536):
                pass


def arrived(site: Site, first: int) -> dict[int, list[dict[str, Any]]]:
    """Return the requests at the origin, of a thousand from a number on."""
    found: dict[int, list[dict[str, Any]]] = {}
    for item in json.loads(curl(f"{site.origin}/probes").body):
        number = int(item["target"].partition("?")[0].rpartition("/")[2])
        if first <= number < first + 1000:
            found.setdefault(number - first, []).append(item)
    return found


def passed_on(site: Site) -> float:
    """Return how many requests without a body went through the filter."""
    text = curl(f"http://127.0.0.1:{site.admin}/metrics").body.decode()
    return sum(
        float(line.rpartition(" ")[2])
        for line in text.splitlines()
        if line.startswith('uploadfilter_requests_total{kind="passed"')
    )


def is_through_the_filter(item: dict[str, Any]) -> bool:
    """Tell whether the filter has sent a request on."""
    return "uploadfilter" in item["headers"].get("via", "")


def test_no_body_goes_round_the_filter(front_end: FrontEnd, site: Site) -> None:
    """With any method, framing and protocol, an upload has a decision first."""
    first = next(BLOCKS)
    found: dict[int, list[dict[str, Any]]] = {}
    missing = list(range(len(PROBES)))
    for _ in range(3):  # a machine that is busy answers some 503
        with ThreadPoolExecutor(8) as pool:
            for number in missing:
                pool.submit(send, front_end, PROBES[number], first + number, LATE_S)
        found = arrived(site, first)
        missing = [n for n, it in enumerate(PROBES) if it.is_upload and n not in found]
    straight = [n for n in found if not is_through_the_filter(found[n][0])]
    uploads = [n for n, probe in enumerate(PROBES) if probe.is_upload]

    assert {len(items) for items in found.values()} == {1}
    for number, (item,) in found.items():
        probe = PROBES[number]
        assert item["method"] == probe.method, probe
        assert not item["body"] or "uploadfilter-decision" in item["headers"], probe
    assert [PROBES[n] for n in straight if not PROBES[n].is_harmless] == []
    assert [
        p for n, p in enumerate(PROBES) if p.is_download and n not in straight
    ] == []
    assert [PROBES[n] for n in uploads if n not in found] == []
    assert all(found[n][0]["body"] == BODY.decode() for n in uploads)


def test_downloads_cost_the_filter_nothing(front_end: FrontEnd, site: Site) -> None:
    """A request without a body does not reach the filter."""
    before = passed_on(site)
    statuses = {front_end.curl("/files", "--http2").status for _ in range(5)}
    after = passed_on(site)

    assert statuses == {200}
    assert after == before


def test_decision_of_a_client_reaches_nobody(front_end: FrontEnd, site: Site) -> None:
    """Only the filter states the id of a decision."""
    number = next(BLOCKS)
    front_end.curl(f"/probe/{number}", "-H", "Uploadfilter-Decision: 20261127-0")
    (item,) = arrived(site, number)[0]

    assert "uploadfilter-decision" not in item["headers"]


@pytest.fixture(scope="module", params=["nginx", "caddy"])
def quic_front_end(
    request: pytest.FixtureRequest,
    site: Site,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[FrontEnd]:
    """Return a front end that speaks HTTP/3: Caddy does, nginx if it is told to."""
    folder = tmp_path_factory.mktemp(f"quic-{request.param}")
    if request.param == "nginx":
        started = nginx(site.behind, folder, BODIES_ONLY["nginx"], quic=True)
    else:
        started = caddy(site.behind, folder, BODIES_ONLY["caddy"])
    with started as running_one:
        yield running_one


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize(
    "options", [("-T", "-"), ("--data-binary", "@-")], ids=["no-length", "length"]
)
def test_no_body_goes_round_over_http_3(
    quic_front_end: FrontEnd, site: Site, method: str, options: tuple[str, ...]
) -> None:
    """In QUIC a body may come without a header that announces it."""
    number = next(BLOCKS)

    def sent() -> dict[str, Any] | None:
        # A busy machine answers some 503, and curl waits for a body that HEAD does not
        # have.
        how = ("--http3-only", "-X", method, "--max-time", "5")
        with contextlib.suppress(AssertionError):
            quic_front_end.curl(f"/probe/{number}", *how, *options, data=BODY)
        return next(iter(arrived(site, number).get(0, [])), None)

    item = running.wait_for(sent, what="a request that arrives")

    assert not item["body"] or "uploadfilter-decision" in item["headers"]
    assert bool(item["body"]) or method != "POST"


def test_haproxy_does_not_take_a_late_body_for_none(site: Site, tmp_path: Path) -> None:
    """A body that comes late does not reach the origin without the filter."""
    changes = {"timeout http-request 30s": "timeout http-request 1s"}
    recipe = BODIES_ONLY["haproxy"]
    probe = Probe(protocol="2", method="GET", framing="late-data")
    with haproxy(site.behind, tmp_path, recipe, changes=changes) as front_end:
        number = next(BLOCKS)
        send(front_end, probe, number, pause_s=2)

    assert arrived(site, number) == {}
