"""Routes on the wire: exempt uploads, actions by category, targets of two readings."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.corpus import pictures
from tests.proxy.site import CLOSE, exact_entry, settings, site
from tests.proxy.wire import TIMEOUT_S, closed, status
from tests.waiting import until
from uploadfilter.decisions.policy import Policy
from uploadfilter.model import Action, Mode, Reason, Verdict
from uploadfilter.uploads.limits import UploadLimits
from uploadfilter.web.requests.limits import ProxyLimits
from uploadfilter.web.routing.routes import DEFAULT_ROUTE, Route, Routes

LISTED = pictures.jpeg(pictures.photograph(1, width=320, height=240))
FREE = Route(
    name="free",
    origin=DEFAULT_ROUTE,
    path="/free",
    mode=Mode.ENFORCE,
    exempt=True,
    limits=UploadLimits(max_body_bytes=1 << 22),
)


def with_route(tmp_path: Path, route: Route = FREE, **changes: Any) -> Any:  # noqa: ANN401 - of settings
    """Run a filter that lists one picture and has one route."""
    entries = [exact_entry(1, LISTED)]
    return site(tmp_path, listed=entries, routes=(route,), **changes)


async def test_exempt_upload_goes_on_as_it_came_and_is_recorded(tmp_path: Path) -> None:
    """Even a listed picture passes, because the operator has exempted the route."""
    async with with_route(tmp_path) as it:
        answer = await it.put(LISTED, target=b"/free/a")
        (record,) = it.decisions()
        assert await it.outcome(record.id) == 200
        (got,) = it.origin.got

    assert status(answer) == 200
    assert got.body == LISTED
    assert got.header(b"uploadfilter-decision") == [record.id.encode()]
    assert got.header(b"content-length") == [b"%d" % len(LISTED)]
    assert (record.verdict, record.reason) == (Verdict.INCONCLUSIVE, Reason.EXEMPT)
    assert (record.action, record.effect) == (Action.ACCEPT, Action.ACCEPT)
    assert not record.contents


async def test_exempt_upload_needs_no_reference_set(tmp_path: Path) -> None:
    """No signal is looked up, so no entry is needed."""
    async with site(tmp_path, listed=None, routes=(FREE,)) as it:
        assert status(await it.put(b"x", target=b"/free")) == 200


async def test_exempt_upload_streams(tmp_path: Path) -> None:
    """Received bytes are forwarded before the rest arrives; the record was first."""
    seen = asyncio.Event()

    async def answering(
        _: object, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        assert await reader.readexactly(3) == b"one"
        seen.set()
        assert await reader.readexactly(3) == b"two"
        writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")

    async with with_route(tmp_path) as it:
        it.origin.answering, it.origin.reads_bodies = answering, False
        reader, writer = await asyncio.open_connection("127.0.0.1", it.port)
        head = b"PUT /free HTTP/1.1\r\n%sContent-Length: 6\r\n\r\n" % CLOSE
        writer.write(head + b"one")
        async with asyncio.timeout(TIMEOUT_S):
            await seen.wait()
            assert [record.reason for record in it.decisions()] == [Reason.EXEMPT]
            writer.write(b"two")
            assert status(await reader.read()) == 201
        await closed(writer)


async def test_client_of_an_exempt_upload_that_waits_is_told_to_go_on(
    tmp_path: Path,
) -> None:
    """100 comes after the record, and once."""
    async with with_route(tmp_path) as it:
        head = b"PUT /free HTTP/1.1\r\n%sContent-Length: 1\r\n%s\r\n\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", it.port)
        writer.write(head % (CLOSE, b"Expect: 100-continue"))
        async with asyncio.timeout(TIMEOUT_S):
            told = await reader.readuntil(b"\r\n\r\n")
            assert len(it.decisions()) == 1
            writer.write(b"x")
            answer = await reader.read()
        await closed(writer)

    assert status(told) == 100
    assert status(answer) == 200


async def test_exempt_upload_is_bounded(tmp_path: Path) -> None:
    """If its body grows over the limit, the origin gets no complete request."""
    chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    async with with_route(tmp_path) as it:
        head = b"PUT /free HTTP/1.1\r\n%sTransfer-Encoding: chunked\r\n\r\n" % CLOSE
        answer = await it.send(head, *[chunk] * 5, b"0\r\n\r\n")
        (record,) = it.decisions()
        outcome = await it.outcome(record.id)

    assert status(answer) in {413, 0}  # it may break off while we still send
    assert outcome == "aborted"
    assert it.origin.got == []


async def test_slow_exempt_upload_is_given_up(tmp_path: Path) -> None:
    """It takes a place like any other upload."""
    limits = ProxyLimits(body_idle_s=0.05, linger_s=0.05)
    async with with_route(tmp_path, proxy=limits) as it:
        head = b"PUT /free HTTP/1.1\r\n%sContent-Length: 9\r\n\r\nx" % CLOSE
        answer = await it.send(head)

    assert status(answer) == 408


async def test_client_that_leaves_an_exempt_upload_is_not_held_against_the_origin(
    tmp_path: Path,
) -> None:
    """A phone that loses its network is not a fault that wakes an operator."""
    async with with_route(tmp_path) as it:
        _, writer = await asyncio.open_connection("127.0.0.1", it.port)
        head = b"PUT /free HTTP/1.1\r\n%sContent-Length: 9\r\n\r\nx" % CLOSE
        writer.write(head)
        decision = await it.new_decision(0)
        writer.transport.abort()
        outcome = await it.outcome(decision.id)
        assert it.service is not None
        failures = it.service.watched.metrics.registry.get_sample_value(
            "uploadfilter_origin_failures_total", {"failure": "unreachable"}
        )

    assert outcome == "aborted"
    assert failures == 0


@pytest.mark.parametrize("target", [b"/free/%2e%2e/x", b"/free//x", b"/free/a;b"])
async def test_odd_target_is_not_exempt(tmp_path: Path, target: bytes) -> None:
    """It is inspected like any other."""
    async with with_route(tmp_path) as it:
        assert status(await it.put(LISTED, target=target)) == 403


async def test_target_that_may_be_of_a_stricter_route_is_refused(
    tmp_path: Path,
) -> None:
    """This is recorded, and the origin gets nothing; without a body it is forwarded."""
    loose = replace(FREE, exempt=False, mode=Mode.MONITOR)
    target = b"/free/%2e%2e/x"
    async with with_route(tmp_path, loose) as it:
        assert status(await it.put(LISTED, target=target)) == 400
        (record,) = it.decisions()
        assert (record.reason, record.mode) == (Reason.AMBIGUOUS_REQUEST, Mode.ENFORCE)
        assert it.origin.got == []
        head = b"GET %s HTTP/1.1\r\n%s\r\n" % (target, CLOSE)
        assert status(await it.send(head)) == 200
        assert it.origin.got[0].head.startswith(b"GET " + target)


async def test_target_of_two_readings_is_recorded_in_monitor(tmp_path: Path) -> None:
    """Where no route is in ENFORCE, nothing is refused."""
    policy = Policy(truncated=Action.ACCEPT)
    loose = replace(FREE, exempt=False, mode=Mode.MONITOR, policy=policy)
    async with with_route(tmp_path, loose, mode=Mode.MONITOR) as it:
        assert status(await it.put(b"x", target=b"/free/%2e%2e/x")) == 200
        (record,) = it.decisions()

    assert (record.reason, record.effect) == (Reason.AMBIGUOUS_REQUEST, Action.ACCEPT)


async def test_request_without_a_route_is_404(tmp_path: Path) -> None:
    """It reaches no origin, with a body or without."""
    async with with_route(tmp_path) as it:
        assert it.service is not None
        in_force = it.service.watched.in_force
        alone = replace(in_force.settings, routes=Routes([FREE]))
        await in_force.replace(alone)

        assert status(await it.put(b"x", target=b"/x")) == 404
        assert status(await it.send(b"GET / HTTP/1.1\r\n%s\r\n" % CLOSE)) == 404
        assert status(await it.put(b"x", target=b"/free")) == 200
        assert len(it.origin.got) == 1


@pytest.mark.parametrize(
    ("action", "answered"),
    [(Action.ACCEPT, 200), (Action.REJECT, 403), (Action.RETRY_LATER, 503)],
)
async def test_match_is_recorded_whatever_its_category_calls_for(
    tmp_path: Path, action: Action, answered: int
) -> None:
    """The category of the entry chooses the action; the verdict is a match."""
    policy = Policy(categories={"a": action})
    async with with_route(tmp_path, policy=policy) as it:
        assert status(await it.put(LISTED)) == answered
        (record,) = it.decisions()

    assert (record.verdict, record.action) == (Verdict.MATCH, action)
    assert record.status == (None if action is Action.ACCEPT else answered)
    assert [match.category for match in record.matches] == ["a"]


async def test_upload_in_flight_keeps_its_settings(tmp_path: Path) -> None:
    """It began in MONITOR and ends in it, although ENFORCE came meanwhile."""
    async with with_route(tmp_path, mode=Mode.MONITOR) as it:
        assert it.service is not None
        watched = it.service.watched
        enforcing = settings(tmp_path, it.origin.url, routes=(FREE,)).live
        reader, writer = await asyncio.open_connection("127.0.0.1", it.port)
        head = b"PUT /x HTTP/1.1\r\n%sContent-Length: %d\r\n\r\n"
        writer.write(head % (CLOSE, len(LISTED)) + LISTED[:10])
        async with asyncio.timeout(TIMEOUT_S):
            await until(lambda: watched.open_uploads() == 1)
            await watched.in_force.replace(enforcing)
            assert status(await it.put(LISTED)) == 403
            writer.write(LISTED[10:])
            assert status(await reader.read()) == 200
        await closed(writer)
