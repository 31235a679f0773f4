"""Which uploads are admitted, and which are turned away before their body is read."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.corpus.pictures import jpeg, photograph
from tests.proxy.site import HOST, Site, exact_entry, site
from tests.proxy.wire import closed, status
from uploadfilter.decisions.records.records import ShedRecord
from uploadfilter.inspection.admission import SCARCE_DAYS, Admission
from uploadfilter.inspection.pacing import (
    CLIENT_SHARE,
    FREE_S,
    RECORD_S,
    UPLOAD_S,
)
from uploadfilter.inspection.rounds import BYTE_S, ROUND_S
from uploadfilter.inspection.spool import GIB, SpoolLimits, SpoolRoom
from uploadfilter.model import Mode, Reason
from uploadfilter.web.counting.metrics import Metrics
from uploadfilter.web.requests.limits import ProxyLimits

pytestmark = pytest.mark.asyncio(loop_scope="module")

TRUSTED = (ipaddress.ip_network("127.0.0.1"),)
LISTED = b"bytes that somebody has listed"
TEXT = b"a holiday greeting without any picture"


def limits(**changes: Any) -> ProxyLimits:  # noqa: ANN401 - any of its fields
    """Return limits with which tests are quick."""
    return ProxyLimits(linger_s=0.05, drain_idle_s=0.05, **changes)


def told(address: str) -> bytes:
    """Return the header by which a front end says who its client is."""
    return b"X-Forwarded-For: " + address.encode()


@asynccontextmanager
async def begun(shared: Site, address: str) -> AsyncIterator[asyncio.StreamReader]:
    """Keep an upload of a client open for the length of the block, then finish it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", shared.port)
    writer.write(
        b"PUT /x HTTP/1.1\r\n%sConnection: close\r\n%s\r\nContent-Length: 2\r\n"
        b"Expect: 100-continue\r\n\r\n" % (HOST, told(address))
    )
    assert b" 100 " in await reader.readuntil(b"\r\n\r\n")
    try:
        yield reader
    finally:
        writer.write(b"ok")
        await reader.read()
        await closed(writer)


def retry_after(answer: bytes) -> int:
    """Return when a client is to try again, in seconds."""
    (line,) = [
        line for line in answer.split(b"\r\n") if line.startswith(b"Retry-After")
    ]
    return int(line.partition(b":")[2])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def enforcing(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A filter behind a trusted front end; each test has its own clients."""
    async with site(
        tmp_path_factory.mktemp("enforcing"),
        listed=[exact_entry(1, LISTED)],
        trusted_proxies=TRUSTED,
        proxy=limits(match_budget=2, match_window_s=1000, open_uploads_per_client=2),
    ) as shared:
        yield shared


async def test_client_that_was_rejected_too_often_is_told_to_wait(
    enforcing: Site,
) -> None:
    """All its uploads are answered 429 until the window ends, and no other client's."""
    prober = told("192.0.2.7")
    rejected = [status(await enforcing.put(LISTED, prober)) for _ in range(2)]
    known = len(enforcing.origin.got)
    answer = await enforcing.put(TEXT, prober)

    assert rejected == [403, 403]
    assert status(answer) == 429
    assert 900 < retry_after(answer) <= 1000
    assert status(await enforcing.put(TEXT, told("192.0.2.8"))) == 200
    assert len(enforcing.origin.got) == known + 1


async def test_network_of_ipv6_is_one_client(enforcing: Site) -> None:
    """A client with 64 bits of addresses has one budget for all of them."""
    await enforcing.put(LISTED, told("2001:db8::1"))
    await enforcing.put(LISTED, told("2001:db8::2"))

    assert status(await enforcing.put(TEXT, told("2001:db8::ffff:2"))) == 429
    assert status(await enforcing.put(TEXT, told("2001:db8:0:1::1"))) == 200


async def test_clients_that_look_alike_are_not_held_to_account(
    enforcing: Site,
) -> None:
    """Behind a front end that is not trusted, all clients have one address."""
    for _ in range(3):
        assert status(await enforcing.put(LISTED)) == 403
    assert status(await enforcing.put(TEXT)) == 200


async def test_one_client_cannot_take_every_place(enforcing: Site) -> None:
    """Its next upload is answered 429, and another client's is taken."""
    greedy = "192.0.2.9"
    async with begun(enforcing, greedy), begun(enforcing, greedy):
        answer = await enforcing.put(TEXT, told(greedy))

        assert status(answer) == 429
        assert retry_after(answer) > 0
        assert status(await enforcing.put(TEXT, told("192.0.2.10"))) == 200

    assert status(await enforcing.put(TEXT, told(greedy))) == 200


async def test_monitor_holds_nothing_against_a_client(tmp_path: Path) -> None:
    """An upload that would be rejected passes, and so does the next one."""
    async with (
        site(
            tmp_path,
            listed=[exact_entry(1, LISTED)],
            mode=Mode.MONITOR,
            trusted_proxies=TRUSTED,
            proxy=limits(match_budget=1, open_uploads_per_client=1),
        ) as shared,
        begun(shared, "192.0.2.7"),
    ):
        for _ in range(3):
            assert status(await shared.put(LISTED, told("192.0.2.7"))) == 200


async def test_bodies_that_never_end_keep_nobody_out(tmp_path: Path) -> None:
    """When all places are taken, a body of who has the most yields, on record."""
    crowd = ["2001:db8::1", "2001:db8:0:1::1", "2001:db8:1::1", "2001:db8:2::1"]
    async with (
        site(tmp_path, trusted_proxies=TRUSTED, proxy=limits(open_uploads=4)) as shared,
        AsyncExitStack() as stack,
    ):
        readers = []
        for address in crowd:
            reader, writer = await asyncio.open_connection("127.0.0.1", shared.port)
            stack.push_async_callback(closed, writer)
            writer.write(
                b"PUT /x HTTP/1.1\r\n%s%s\r\nContent-Length: 90000\r\n"
                b"Expect: 100-continue\r\n\r\n" % (HOST, told(address))
            )
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"abc")
            readers.append(reader)
        answers = [await shared.put(TEXT, told("192.0.2.8")) for _ in range(3)]

        ended, _ = await asyncio.wait(
            [asyncio.ensure_future(reader.readuntil(b"\r\n")) for reader in readers],
            return_when="FIRST_COMPLETED",
        )
        refused = {status(task.result()) for task in ended}
        reasons = {decision.reason for decision in shared.decisions()}

    assert [status(answer) for answer in answers] == 3 * [200]
    assert refused == {408}
    assert reasons == {None, Reason.TOO_SLOW}


async def test_clients_with_many_uploads_leave_places_to_others(tmp_path: Path) -> None:
    """Where places are scarce, who holds as many as are left gets no more of them."""
    places = limits(open_uploads=8)
    async with (
        site(tmp_path, trusted_proxies=TRUSTED, proxy=places) as shared,
        AsyncExitStack() as held,
    ):
        for address in ("198.51.100.1", "198.51.100.2"):
            for _ in range(3):
                await held.enter_async_context(begun(shared, address))

        greedy = status(await shared.put(TEXT, told("198.51.100.1")))
        other = status(await shared.put(TEXT, told("192.0.2.8")))

    assert (greedy, other) == (503, 200)


async def test_monitor_looks_at_uploads_as_long_as_there_are_places(
    tmp_path: Path,
) -> None:
    """Nothing goes on without a look because its client has many open uploads."""
    places = limits(open_uploads=8)
    async with (
        site(
            tmp_path, mode=Mode.MONITOR, trusted_proxies=TRUSTED, proxy=places
        ) as shared,
        AsyncExitStack() as held,
    ):
        for address in ("198.51.100.1", "198.51.100.2"):
            for _ in range(3):
                await held.enter_async_context(begun(shared, address))

        assert status(await shared.put(TEXT, told("198.51.100.1"))) == 200
        assert {item.reason for item in shared.decisions()} == {None}


async def test_full_proxy_answers_before_the_body_comes(tmp_path: Path) -> None:
    """Clients do not send the bodies; the record has counts of them and no list."""
    head = (
        b"PUT /x HTTP/1.1\r\n%sConnection: close\r\nContent-Length: 2\r\n"
        b"Expect: 100-continue\r\n\r\n" % HOST
    )
    async with (
        site(tmp_path, proxy=limits(open_uploads=1)) as shared,
        begun(shared, "192.0.2.7"),
    ):
        answers = [await shared.send(head) for _ in range(3)]

    assert [answer[:13] for answer in answers] == 3 * [b"HTTP/1.1 503 "]
    assert retry_after(answers[0]) > 0
    (shed,) = [item for item in shared.records() if isinstance(item, ShedRecord)]
    assert (shed.reason, shed.status, shed.count) == (Reason.OVERLOADED, 503, 3)


async def test_full_proxy_in_monitor_forwards_without_a_look(tmp_path: Path) -> None:
    """The record states that it was not inspected, and no memory is used for it."""
    async with (
        site(tmp_path, mode=Mode.MONITOR, proxy=limits(open_uploads=1)) as shared,
        begun(shared, "192.0.2.7"),
    ):
        assert status(await shared.put(TEXT)) == 200

        (decision,) = shared.decisions()
        assert decision.reason is Reason.OVERLOADED
        assert shared.origin.got[0].body == TEXT


async def test_body_that_says_it_has_no_room_is_refused_at_its_head(
    tmp_path: Path,
) -> None:
    """Two gigabytes are not sent in vain."""
    room = SpoolLimits(disk_total_bytes=GIB)
    async with site(tmp_path, spool=room, proxy=limits()) as shared:
        answer = await shared.send(
            b"PUT /x HTTP/1.1\r\n%sConnection: close\r\nContent-Length: %d\r\n\r\n"
            % (HOST, GIB + 1)
        )

        assert answer.startswith(b"HTTP/1.1 503 ")


async def test_slow_uploads_of_one_client_leave_room_for_others(
    tmp_path: Path,
) -> None:
    """One client may hold only a part of the room."""
    room = SpoolLimits(
        memory_per_upload_bytes=1000,
        disk_total_bytes=400_000,
    )
    body = b"x" * 60_000
    async with (
        site(tmp_path, spool=room, trusted_proxies=TRUSTED, proxy=limits()) as shared,
        AsyncExitStack() as stack,
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", shared.port)
        stack.push_async_callback(closed, writer)
        writer.write(
            b"PUT /x HTTP/1.1\r\n%s%s\r\nContent-Length: 90000\r\n"
            b"Expect: 100-continue\r\n\r\n" % (HOST, told("192.0.2.7"))
        )
        await reader.readuntil(b"\r\n\r\n")
        writer.write(body)
        await until_held(shared, body)

        assert status(await shared.put(body, told("192.0.2.7"))) == 503
        assert status(await shared.put(body, told("192.0.2.8"))) == 200


async def until_held(shared: Site, body: bytes) -> None:
    """Wait until a body is held, by the room that its client has left."""
    async with asyncio.timeout(10):
        while status(await shared.put(body, told("192.0.2.7"))) != 503:
            pass


async def test_lasting_overload_turns_the_newest_away(tmp_path: Path) -> None:
    """More comes than can be scanned: others are told so before they send a body."""
    impatient = limits(longest_wait_s=1e-6, open_uploads_per_client=99)
    async with site(tmp_path, trusted_proxies=TRUSTED, proxy=impatient) as shared:
        picture = jpeg(photograph(7, width=1200, height=900))
        # How long a scan takes is known from the one before.
        first = status(await shared.put(picture, told("198.51.100.1")))
        answers: list[int] = []

        async def put(client: str) -> None:
            answers.append(status(await shared.put(picture, told(client))))

        # On a busy machine all heads may come before the first body has ended, when
        # no upload waits yet. So more come while those are scanned.
        async with asyncio.timeout(60):
            while 503 not in answers:
                async with asyncio.TaskGroup() as group:
                    many = [
                        group.create_task(put(f"192.0.2.{number}"))
                        for number in range(40)
                    ]
                    while 503 not in answers and not all(one.done() for one in many):
                        await put("192.0.2.99")
        alone = status(await shared.put(picture, told("198.51.100.1")))
        shed = [item for item in shared.records() if isinstance(item, ShedRecord)]

    assert set(answers) == {200, 503}
    assert (first, alone) == (200, 200)
    assert len(shared.origin.got) == answers.count(200) + 2
    assert {item.reason for item in shed} <= {Reason.OVERLOADED}


HOUSE = [f"2001:db8::{number:x}:0:0:0:1" for number in range(5)]


async def test_network_holds_no_more_than_half_where_places_are_scarce(
    tmp_path: Path,
) -> None:
    """A client with many addresses keeps nobody out; free places are for all."""
    few = limits(open_uploads=8, open_uploads_per_client=2)
    async with (
        site(tmp_path, trusted_proxies=TRUSTED, proxy=few) as shared,
        AsyncExitStack() as held,
    ):
        for address in (*HOUSE[:4], HOUSE[0]):
            await held.enter_async_context(begun(shared, address))
        before = await shared.put(TEXT, told(HOUSE[4]))
        await held.enter_async_context(begun(shared, "192.0.2.20"))
        scarce = await shared.put(TEXT, told(HOUSE[4]))
        other = await shared.put(TEXT, told("192.0.2.21"))

    assert [status(answer) for answer in (before, scarce, other)] == [200, 429, 200]
    assert retry_after(scarce) > 0


async def test_records_are_charged_where_the_disk_of_the_log_is_scarce() -> None:
    """A client that causes many records is made slower then, and no other one."""
    asked: list[str] = []

    async def waits(admission: Admission, client: str) -> bool:
        """Tell whether an upload would wait: then it is asked if it is wanted."""

        def is_wanted() -> bool:
            asked.append(client)
            return False

        asked.clear()
        meter = admission.meter(client)
        meter.spend(FREE_S - UPLOAD_S)
        await meter.turn(is_wanted=is_wanted)
        return bool(asked)

    admission = Admission(
        SpoolRoom(SpoolLimits()),
        Metrics(),
        wait_s=lambda *_: 0.0,
        descriptors=10_000,
        clock=lambda: 0.0,
    )
    found = []
    for days in (SCARCE_DAYS, SCARCE_DAYS - 1):
        admission.log_lasts(days)
        for _ in range(3):
            admission.recorded("c0000207")
        found.append([await waits(admission, it) for it in ("c0000207", "c0000208")])

    assert found == [[False, False], [True, False]]
    # With 850 bytes for an upload, decision and outcome, a client fills 1 GB a day.
    assert 86_400 * CLIENT_SHARE / RECORD_S * 850 < 1e9


async def test_pieces_of_all_uploads_share_the_rounds_of_the_loop() -> None:
    """A round that is full for one client is full for another one, until the next."""
    admission = Admission(
        SpoolRoom(SpoolLimits()), Metrics(), wait_s=lambda *_: 0.0, descriptors=10_000
    )
    sizes = {"c0000207": int(ROUND_S / BYTE_S), "c0000208": 1}
    first, second = [
        asyncio.ensure_future(admission.meter(client).round(size))
        for client, size in sizes.items()
    ]
    await asyncio.sleep(0)
    done = first.done(), second.done()
    await asyncio.wait([first, second])

    assert done == (True, False)
