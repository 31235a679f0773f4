"""The service as a process of its own, and the faults a process can meet.

The promise under test: nothing is at the origin without a decision on record, whatever
is killed and whenever, and the service comes back by itself.
"""

import asyncio
import contextlib
import json
import os
import random
import resource
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.corpus import pictures
from tests.doors.visiting import chunks
from tests.proxy.site import CLOSE, Site, list_entries
from tests.proxy.wire import TIMEOUT_S, WireOrigin, closed, status, wire_origin
from tests.waiting import is_alive, until
from uploadfilter.decisions.files.verify import verify
from uploadfilter.reference.store import REFERENCE_DIRECTORY, ReferenceDirectory
from uploadfilter.state import DEFAULT_INSTANCE, log_directory

PICTURE = pictures.jpeg(pictures.photograph(4, width=160, height=120))


@dataclass(slots=True)
class Service:
    """``uploadfilter serve`` as a process.

    Attributes:
        process: The process.
        site: Its address, and the server behind it.
        events: The operational log so far.
    """

    process: asyncio.subprocess.Process
    site: Site
    events: list[dict[str, object]] = field(default_factory=list)

    def event(self, name: str) -> dict[str, object] | None:
        """Return the first event of that name, if it has happened."""
        return next((item for item in self.events if item["event"] == name), None)

    async def happened(self, name: str) -> dict[str, object]:
        """Wait for an event of the operational log."""
        await until(lambda: self.event(name) is not None)
        return self.event(name) or {}

    def scanners(self) -> list[int]:
        """Return the process ids of its scanners."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    async def kill(self) -> None:
        """End it without a chance to tidy up."""
        self.process.kill()
        await self.process.wait()

    async def _read(self) -> None:
        if self.process.stderr is None:
            raise RuntimeError("the service has no stderr")
        async for line in self.process.stderr:
            self.events.append(json.loads(line))


@contextlib.asynccontextmanager
async def service(
    state: Path,
    origin: WireOrigin,
    *options: str,
    before_start: Callable[[], None] | None = None,
) -> AsyncIterator[Service]:
    """Run the service for the length of the block, and kill it if it still runs.

    It keeps no compiled module: if files must not grow, Python leaves an incomplete
    one, which no later test can load.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "uploadfilter", "serve"),
        *("--origin", origin.url, "--listen", "127.0.0.1:0"),
        *("--state", str(state), "--mode", "enforce", *options),
        stderr=asyncio.subprocess.PIPE,
        stdin=asyncio.subprocess.DEVNULL,
        preexec_fn=before_start,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    running = Service(process, Site(port=0, origin=origin, state=state))
    reading = asyncio.ensure_future(running._read())  # noqa: SLF001
    try:
        running.site.port = int(str((await running.happened("listening"))["port"]))
        yield running
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        await reading


async def upload(site: Site, number: int) -> int:
    """Upload a picture that no other upload sends; return the status, 0 if none."""
    body = PICTURE + number.to_bytes(4, "big")
    head = b"PUT /x HTTP/1.1\r\n%sContent-Length: %d\r\n\r\n" % (CLOSE, len(body))
    try:
        return status(await site.send(head, body))
    except OSError:
        return 0


def passed_on(origin: WireOrigin) -> set[str]:
    """Return the ids of the decisions that the origin was told of."""
    return {
        value.decode()
        for got in origin.got
        for value in got.header(b"uploadfilter-decision")
    }


@pytest.mark.parametrize("kills", [1, pytest.param(4, marks=pytest.mark.slow)])
async def test_killed_proxy_leaves_nothing_unrecorded(
    tmp_path: Path, kills: int
) -> None:
    """SIGKILL at any step under load: every upload at the origin is on record."""
    list_entries(tmp_path, [])
    moments = random.Random(7)  # noqa: S311 - which moments does not matter
    async with wire_origin() as origin:
        for _ in range(kills):
            async with service(tmp_path, origin) as running:
                uploads = [
                    asyncio.ensure_future(upload(running.site, number))
                    for number in range(30)
                ]
                await asyncio.sleep(moments.uniform(0.0, 0.15))
                await running.kill()
                await asyncio.gather(*uploads)

        async with service(tmp_path, origin) as running:
            assert await upload(running.site, 99) == 200, running.events
            recorded = {decision.id for decision in running.site.decisions()}
            assert passed_on(origin)
            assert passed_on(origin) <= recorded

            running.process.terminate()
            assert await running.process.wait() == 0
        outcomes = running.site.outcomes()
        accepted = [item.id for item in running.site.decisions() if item.status is None]

    assert set(outcomes) == set(accepted)
    assert verify(log_directory(tmp_path, DEFAULT_INSTANCE)).ok


async def kill_scanners(running: Service) -> None:
    """Kill the scanners three times, while uploads are scanned."""
    for _ in range(3):
        await asyncio.sleep(0.02)
        for pid in running.scanners():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


async def test_killed_scanner_costs_no_upload(tmp_path: Path) -> None:
    """Scanners that are killed one after another are replaced; every upload ends."""
    list_entries(tmp_path, [])
    async with wire_origin() as origin, service(tmp_path, origin) as running:
        uploads = [
            asyncio.ensure_future(upload(running.site, number)) for number in range(40)
        ]
        await kill_scanners(running)
        statuses = await asyncio.gather(*uploads)

        assert set(statuses) <= {200, 403, 503}
        async with asyncio.timeout(TIMEOUT_S):
            while await upload(running.site, 99) != 200:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def test_no_scanner_outlives_its_proxy(tmp_path: Path) -> None:
    """A proxy that is killed takes its scanners with it."""
    list_entries(tmp_path, [])
    async with wire_origin() as origin, service(tmp_path, origin) as running:
        pids = running.scanners()
        await running.kill()

        assert pids
        await until(lambda: not any(is_alive(pid) for pid in pids))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_signal_ends_the_service_after_its_uploads(
    tmp_path: Path, number: signal.Signals
) -> None:
    """An upload in flight gets its answer, then the process ends with 0."""
    list_entries(tmp_path, [])
    async with wire_origin() as origin, service(tmp_path, origin) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.site.port)
        writer.write(
            b"PUT /x HTTP/1.1\r\n%sExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
            % CLOSE
        )
        await reader.readuntil(b"\r\n\r\n")
        running.process.send_signal(number)
        await running.happened("stopping")
        writer.write(b"ok")

        assert status(await reader.read()) == 200
        assert await running.process.wait() == 0
        await closed(writer)


def fill_disk() -> None:
    """Have a write to the log fail in the middle of a record.

    The kernel's own limit of a file's size stands for a full disk.
    """
    resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))


async def test_full_disk_for_the_log_is_503(tmp_path: Path) -> None:
    """An upload that cannot be put on record does not pass, and the log survives."""
    list_entries(tmp_path, [])
    async with (
        wire_origin() as origin,
        service(tmp_path, origin, before_start=fill_disk) as running,
    ):
        statuses = [await upload(running.site, number) for number in range(20)]

        assert {200, 503} == set(statuses)
        assert len(origin.got) == statuses.count(200)
        assert running.event("decision_log_unwritable") is not None
        recorded = {decision.id for decision in running.site.decisions()}
        assert passed_on(origin) <= recorded

    assert verify(log_directory(tmp_path, DEFAULT_INSTANCE)).ok


async def ask_check(door: Path, number: int) -> bytes:
    """Ask the scan API about a picture that no other upload sends."""
    body = PICTURE + number.to_bytes(4, "big")
    head = b"POST /v1/check/x HTTP/1.1\r\n%sContent-Type: image/jpeg\r\n" % CLOSE
    answer = await _ask(door, head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    return answer[9:12]


async def ask_as_clamd(door: Path, number: int) -> bytes:
    """Ask the clamd door about a picture that no other upload sends."""
    body = b"".join(chunks(PICTURE + number.to_bytes(4, "big")))
    answer = await _ask(door, b"zINSTREAM\0" + body)
    return answer.removeprefix(b"stream: ")


async def _ask(door: Path, sent: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(str(door))
    writer.write(sent)
    answer = await reader.read()
    await closed(writer)
    return answer


LATER = b"Uploadfilter.RetryLater.log_unwritable FOUND\0"

each_door = pytest.mark.parametrize(
    ("option", "ask", "accepted", "later"),
    [
        pytest.param("--api", ask_check, b"200", b"503", id="api"),
        pytest.param("--clamd", ask_as_clamd, b"OK\0", LATER, id="clamd"),
    ],
)


@each_door
async def test_full_disk_for_the_log_is_no_acceptance_at_any_door(
    tmp_path: Path,
    option: str,
    ask: Callable[[Path, int], Awaitable[bytes]],
    accepted: bytes,
    later: bytes,
) -> None:
    """Without a record nothing is accepted: who asks is told to try again later."""
    list_entries(tmp_path, [])
    door = tmp_path / "door"
    async with (
        wire_origin() as origin,
        service(
            tmp_path, origin, option, f"unix:{door}", before_start=fill_disk
        ) as running,
    ):
        answers = [await ask(door, number) for number in range(20)]
        decisions = running.site.decisions()

    assert set(answers) == {accepted, later}
    assert answers.count(accepted) <= len(decisions)


@each_door
async def test_killed_scanner_leaves_no_question_without_its_record(
    tmp_path: Path,
    option: str,
    ask: Callable[[Path, int], Awaitable[bytes]],
    accepted: bytes,
    later: bytes,
) -> None:
    """Whatever is killed, each question is answered, and accepted only on record."""
    list_entries(tmp_path, [])
    door = tmp_path / "door"
    async with (
        wire_origin() as origin,
        service(tmp_path, origin, option, f"unix:{door}") as running,
    ):
        asks = [asyncio.ensure_future(ask(door, number)) for number in range(40)]
        await kill_scanners(running)
        answers = await asyncio.gather(*asks)
        on_record = [it for it in running.site.decisions() if it.effect == "ACCEPT"]

    others = {it for it in answers if it not in {accepted, later}}
    assert all(it == b"403" or it.endswith(b" FOUND\0") for it in others)
    assert answers.count(accepted) == len(on_record)


async def test_damaged_reference_set_is_503_until_it_is_mended(tmp_path: Path) -> None:
    """A reference set that cannot be read counts as missing, and this is reported."""
    list_entries(tmp_path, [])
    current = tmp_path / "reference" / "current"
    sound = current.read_bytes()
    async with wire_origin() as origin, service(tmp_path, origin) as running:
        replace(current, b"garbage")
        assert await upload(running.site, 1) == 503
        await running.happened("reference_set_unusable")

        replace(current, sound)
        assert await upload(running.site, 2) == 200


def replace(path: Path, content: bytes) -> None:
    """Replace a file as a writer does: aside, then renamed."""
    aside = path.with_suffix(".new")
    aside.write_bytes(content)
    aside.rename(path)


async def test_idle_service_notices_a_new_generation(tmp_path: Path) -> None:
    """An import is in use within two seconds, without an upload."""
    list_entries(tmp_path, [])
    async with wire_origin() as origin, service(tmp_path, origin) as running:
        first = await running.happened("generation_active")
        running.events.clear()
        list_entries(tmp_path, [], name="another")
        second = await running.happened("generation_active")

        assert int(str(second["generation"])) == int(str(first["generation"])) + 1


async def test_service_says_that_a_rollback_waits(tmp_path: Path) -> None:
    """A service that starts with a pinned generation raises an alarm, and goes on."""
    list_entries(tmp_path, [])
    async with wire_origin() as origin, service(tmp_path, origin) as running:
        await running.happened("generation_active")
        with ReferenceDirectory(tmp_path / REFERENCE_DIRECTORY).writer() as writer:
            writer.rollback()
        event = await running.happened("generation_pinned")

        assert event["generation"] == writer.number
        assert "hashset rollback --release" in str(event["hint"])
