"""The answers of the admin listener, their recipients, and its behaviour under load."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from tests.proxy.admin.desk import watched
from tests.proxy.site import exact_entry, list_entries, settings
from tests.proxy.wire import WireOrigin, exchange, wire_origin
from tests.waiting import until
from tests.web.counting.samples import decision
from uploadfilter.errors import ServiceError
from uploadfilter.proxy.admin.listening import AdminHandler, listening
from uploadfilter.proxy.admin.page import STATIC
from uploadfilter.proxy.admin.settings import AdminSettings
from uploadfilter.service.running import running
from uploadfilter.web.clients.addresses import TCPAddress
from uploadfilter.web.requests.limits import ProxyLimits
from uploadfilter.web.routing.routes import Route
from uploadfilter.web.serving import MOST_CONNECTIONS, POLICY

LOOPBACK = AdminSettings(listen="127.0.0.1:0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An answer of the admin listener.

    Attributes:
        status: Its status.
        headers: Its header fields.
        text: Its body.
    """

    status: int
    headers: dict[str, str]
    text: str


async def ask(
    port: int, path: str, *, method: str = "GET", host: str | None = None
) -> Told:
    """Ask the admin listener on a separate connection."""
    headers = {"Host": host} if host is not None else {}
    url = f"http://127.0.0.1:{port}{path}"
    async with (
        aiohttp.ClientSession() as client,
        client.request(method, url, headers=headers) as answer,
    ):
        return Told(
            status=answer.status,
            headers=dict(answer.headers),
            text=await answer.text(),
        )


async def metrics_with(port: int, line: str) -> str:
    """Return the metrics once they have a line: a client may know before them."""
    async with asyncio.timeout(20):
        while (
            f"uploadfilter_{line}\n" not in (told := await ask(port, "/metrics")).text
        ):
            pass
    return told.text


@asynccontextmanager
async def listener(state: Path, admin: AdminSettings = LOOPBACK) -> AsyncIterator[int]:
    """Serve a proxy that takes no requests; yield the port."""
    async with watched(state) as proxy:
        health = proxy.health()
        await health.look()
        proxy.metrics.decided(decision())
        desk = AdminHandler(proxy, health, proxy.history(), hosts=admin.hosts)
        async with listening(desk, admin) as address:
            yield address.port if isinstance(address, TCPAddress) else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A whole service with an admin listener.

    Attributes:
        port: The port for uploads.
        admin: Port of the admin listener.
        origin: The server behind it.
    """

    port: int
    admin: int
    origin: WireOrigin

    async def put(self, body: bytes, *lines: bytes) -> bytes:
        """Upload a body, and return the whole answer."""
        head = b"PUT /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n%s"
        length = b"Content-Length: %d\r\n\r\n" % len(body)
        return await exchange(self.port, head % b"".join(lines) + length, body)

    async def is_ready(self) -> bool:
        """Return the answer to a probe."""
        return (await ask(self.admin, "/readyz")).status == 200


@asynccontextmanager
async def service(state: Path, **changes: Any) -> AsyncIterator[Service]:  # noqa: ANN401 - any field of the settings
    """Run a whole service."""
    list_entries(state, [exact_entry(1, b"listed")])
    async with (
        wire_origin() as origin,
        running(settings(state, origin.url, admin=LOOPBACK, **changes)) as proxy,
    ):
        assert isinstance(proxy.admin, TCPAddress)
        yield Service(port=proxy.port, admin=proxy.admin.port, origin=origin)


async def test_service_tells_of_itself(tmp_path: Path) -> None:
    """It is ready after its first check; an upload changes figures and page."""
    trace = b"traceparent: 00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01\r\n"
    async with service(tmp_path) as proxy:
        async with asyncio.timeout(20):
            while not await proxy.is_ready():
                pass
        accepted = await proxy.put(b"other", trace)
        rejected = await proxy.put(b"listed")
        metrics = await metrics_with(
            proxy.admin, 'requests_total{kind="upload",status="403"} 1.0'
        )
        facts = json.loads((await ask(proxy.admin, "/facts.json")).text)
        page = (await ask(proxy.admin, "/")).text
        forwarded = proxy.origin.got[0]

    assert accepted.startswith(b"HTTP/1.1 200 ")
    assert rejected.startswith(b"HTTP/1.1 403 ")
    assert forwarded.header(b"traceparent") == [trace[13:].strip()]
    assert 'uploadfilter_phase_seconds_count{phase="whole"} 2.0\n' in metrics
    assert 'uploadfilter_outcomes_total{outcome="2xx"} 1.0\n' in metrics
    assert "uploadfilter_scan_cpu_seconds_count 2.0\n" in metrics
    assert "uploadfilter_received_bytes_total 11.0\n" in metrics
    assert [row["verdict"] for row in facts["decisions"]] == ["MATCH", "NO_MATCH"]
    assert facts["decisions"][0]["id"] in page


async def test_exempt_uploads_are_a_kind_of_their_own(tmp_path: Path) -> None:
    """Exempt uploads are not counted among inspected ones."""
    exempt = Route(name="exempt", origin="default", exempt=True)
    async with service(tmp_path, routes=(exempt,)) as proxy:
        answer = await proxy.put(b"listed")
        await metrics_with(
            proxy.admin, 'requests_total{kind="exempt",status="200"} 1.0'
        )

    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_what_is_no_request_is_counted(tmp_path: Path) -> None:
    """Garbage on the upload port is counted as a refused request."""
    async with service(tmp_path) as proxy:
        answer = await exchange(proxy.port, b"GARBAGE\r\n\r\n")
        await metrics_with(
            proxy.admin, 'requests_total{kind="refused",status="400"} 1.0'
        )

    assert b" 400 " in answer.splitlines()[0]


async def test_listener_answers_when_uploads_are_turned_away(tmp_path: Path) -> None:
    """Overload of the upload port is visible here, and does not affect this page."""
    limits = ProxyLimits(open_uploads=1, linger_s=0.05)
    head = b"PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n"
    async with service(tmp_path, proxy=limits) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(head)
        await metrics_with(proxy.admin, "open_uploads 1.0")
        shed = await proxy.put(b"other")
        alive = await ask(proxy.admin, "/healthz")
        metrics = (await ask(proxy.admin, "/metrics")).text
        writer.write(b"something")
        accepted = await reader.readline()
        writer.close()

    assert shed.startswith(b"HTTP/1.1 503 ")
    assert alive.status == 200
    assert 'uploadfilter_uploads_shed_total{reason="overloaded"} 1.0\n' in metrics
    assert 'uploadfilter_limits_reached_total{limit="open_uploads"} 1.0\n' in metrics
    assert accepted == b"HTTP/1.1 200 OK\r\n"


async def test_events_of_a_request_name_its_trace_and_its_decision(
    tmp_path: Path,
) -> None:
    """A reader of the operational log can find the upload in the decision log too."""
    trace = b"traceparent: 00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01\r\n"
    with capture_logs([merge_contextvars]) as logs:
        async with service(tmp_path) as proxy:
            proxy.origin.answering = _hang_up
            answer = await proxy.put(b"other", trace)

    (failed,) = [event for event in logs if event["event"] == "origin_failed"]
    assert answer.startswith(b"HTTP/1.1 502 ")
    assert failed["trace"] == "a" * 32
    assert failed["decision"].startswith("20")


async def _hang_up(
    _: object, __: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """End the connection instead of answering."""
    writer.close()


async def test_probe_is_told_what_lacks(tmp_path: Path) -> None:
    """The answer states which checks fail, and which do not."""
    async with listener(tmp_path) as port:
        told = await ask(port, "/readyz")

    checks = json.loads(told.text)["checks"]
    assert told.status == 503
    assert checks["origin"]["ready"] is False
    assert checks["log"]["ready"] is True


async def test_service_without_an_address_has_no_listener(tmp_path: Path) -> None:
    """It is off until it is configured, since every proxy needs its own port."""
    async with (
        wire_origin() as origin,
        running(settings(tmp_path, origin.url)) as proxy,
    ):
        assert proxy.admin is None


async def test_upload_port_tells_nothing(tmp_path: Path) -> None:
    """The operator's pages do not exist on the listener of uploads."""
    async with service(tmp_path) as proxy:
        request = b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        answer = await exchange(proxy.port, request)

    assert answer.endswith(b"ok")
    assert len(proxy.origin.got) == 1


@pytest.mark.parametrize(
    ("path", "status", "media_type"),
    [
        ("/", 200, "text/html; charset=utf-8"),
        ("/?x=1", 200, "text/html; charset=utf-8"),
        ("/facts.json", 200, "application/json"),
        ("/healthz", 200, "text/plain; charset=utf-8"),
        ("/readyz", 503, "application/json"),
        ("/metrics", 200, "text/plain; version=0.0.4; charset=utf-8"),
        *(
            (f"/static/{name}", 200, f"{kind}; charset=utf-8")
            for name, (_, kind) in STATIC.items()
        ),
        ("/static/../page.py", 404, "text/plain; charset=utf-8"),
        ("/static/", 404, "text/plain; charset=utf-8"),
        ("/nothing", 404, "text/plain; charset=utf-8"),
    ],
)
async def test_answers_table(
    tmp_path: Path, path: str, status: int, media_type: str
) -> None:
    """Each path has its content, its media type, and its policy."""
    async with listener(tmp_path) as port:
        told = await ask(port, path)

    assert (told.status, told.headers["Content-Type"]) == (status, media_type)
    assert told.headers["Content-Security-Policy"] == POLICY
    assert told.headers["Server"] == "uploadfilter"
    assert told.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in told.headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
async def test_nothing_can_be_done(tmp_path: Path, method: str) -> None:
    """The listener only reads, and changes nothing."""
    async with listener(tmp_path) as port:
        told = await ask(port, "/", method=method)

    assert (told.status, told.headers["Allow"]) == (405, "GET, HEAD")


async def test_what_is_no_request_is_not_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A port scan does not fill the log with tracebacks."""
    async with listener(tmp_path) as port:
        answer = await exchange(port, b"GET / HTTP/1.1\r\nno header\r\n\r\n")

    assert answer.startswith(b"HTTP/1.0 400")
    assert caplog.records == []


async def test_head_has_no_body(tmp_path: Path) -> None:
    """HEAD is GET without the body."""
    async with listener(tmp_path) as port:
        told = await ask(port, "/", method="HEAD")

    assert (told.status, told.text) == (200, "")
    assert int(told.headers["Content-Length"]) > 0


@pytest.mark.parametrize(
    ("host", "status"),
    [
        pytest.param("127.0.0.1:9180", 200, id="address"),
        pytest.param("10.1.2.3:9180", 200, id="another-address"),
        pytest.param("[::1]:9180", 200, id="v6"),
        pytest.param("LOCALHOST:9180", 200, id="localhost"),
        pytest.param("Admin.example:80", 200, id="named"),
        pytest.param("evil.example", 421, id="foreign"),
        pytest.param("localhost.evil.example", 421, id="foreign-below"),
        pytest.param("127.0.0.1.evil.example", 421, id="foreign-figures"),
        pytest.param("user@localhost", 200, id="user"),
        pytest.param("[::1", 421, id="broken"),
        pytest.param("", 421, id="empty"),
    ],
)
async def test_foreign_names_are_refused(
    tmp_path: Path, host: str, status: int
) -> None:
    """A site that points its name here must not get a visitor's browser to read it."""
    admin = AdminSettings(listen="127.0.0.1:0", hosts=("admin.example",))
    async with listener(tmp_path, admin) as port:
        told = await ask(port, "/healthz", host=host)

    assert told.status == status


async def test_unix_socket_is_for_owner_and_group(tmp_path: Path) -> None:
    """The permissions of the file decide who may look."""
    path = tmp_path / "admin.sock"
    async with listener(tmp_path, AdminSettings(listen=f"unix:{path}")):
        connector = aiohttp.UnixConnector(path=str(path))
        async with (
            aiohttp.ClientSession(connector=connector) as client,
            client.get("http://localhost/healthz") as answer,
        ):
            assert answer.status == 200
        assert path.stat().st_mode & 0o777 == 0o660


async def test_address_in_use_is_said(tmp_path: Path) -> None:
    """If two proxies have one admin address, the second one names the remedy."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        admin = AdminSettings(listen=f"127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(ServiceError, match="admin listener") as caught:
            async with listener(tmp_path, admin):
                pass

    assert str(caught.value).endswith(": Address already in use")
    assert "another" in caught.value.hint


async def test_address_that_others_can_reach_is_warned_of(tmp_path: Path) -> None:
    """The address is bound, because it was named, and the operator is warned."""
    with capture_logs() as logs:
        async with listener(tmp_path, AdminSettings(listen="0.0.0.0:0")):
            pass

    assert [event["event"] for event in logs] == ["admin_exposed"]


async def test_oldest_connections_make_room(tmp_path: Path) -> None:
    """A client with many open connections cannot shut the operator out."""
    async with listener(tmp_path) as port:
        idle = [
            await asyncio.open_connection("127.0.0.1", port)
            for _ in range(MOST_CONNECTIONS)
        ]
        told = await ask(port, "/healthz")
        oldest = await idle[0][0].read()
        newest_is_open = not idle[-1][0].at_eof()
        for _, writer in idle:
            writer.close()

    assert told.status == 200
    assert oldest == b""
    assert newest_is_open


async def test_probe_sees_that_the_service_drains(tmp_path: Path) -> None:
    """While the last requests end, the listener still answers, and states this."""
    release = asyncio.Event()

    async def answer_late(
        _: object, __: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await release.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    end, begun = asyncio.Event(), asyncio.Event()
    ports: list[int] = []

    async def serve() -> None:
        async with service(tmp_path) as proxy:
            ports.append(proxy.admin)
            proxy.origin.answering = answer_late
            tasks.create_task(proxy.put(b"other"))
            await until(lambda: bool(proxy.origin.got))
            begun.set()
            await end.wait()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(serve())
        await begun.wait()
        while (await ask(ports[0], "/readyz")).status != 200:
            pass
        end.set()
        while (told := await ask(ports[0], "/readyz")).status == 200:
            pass
        release.set()

    assert json.loads(told.text)["checks"]["staying"]["detail"] == "stopping"
