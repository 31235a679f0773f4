"""Programs that know ClamAV's daemon ask the filter."""

import asyncio
import contextlib
import fnmatch
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.doors.visiting import LISTED, Visit, chunks, pass_files, visit
from tests.proxy.wire import TIMEOUT_S
from tests.waiting import until
from uploadfilter.decisions.policy import Policy
from uploadfilter.doors.settings import ClamdSettings
from uploadfilter.model import Action, Mode
from uploadfilter.uploads.limits import UploadLimits
from uploadfilter.web.clients.addresses import TCPAddress
from uploadfilter.web.requests.limits import ProxyLimits
from uploadfilter.web.routing.routes import Route

pytestmark = pytest.mark.asyncio(loop_scope="module")

KNOWN = "Uploadfilter.Known.a FOUND"
TOO_LONG = "INSTREAM size limit exceeded. ERROR"
UNKNOWN = "UNKNOWN COMMAND"

NEVER = b"x" * 5001
"""More than the filter of these tests takes."""

SMALL = UploadLimits(max_body_bytes=5000)
HASTY = ProxyLimits(body_idle_s=0.05, linger_s=0.05, drain_idle_s=0.05)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Visit]:
    """Return a filter that takes 5,000 bytes, shared by the tests of this module."""
    async with visit(tmp_path_factory.mktemp("shared"), limits=SMALL) as it:
        yield it


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        ("zPING\0", "PONG\0"),
        ("nPING\n", "PONG\n"),
        ("PING", "PONG\n"),
        ("zVERSION\0", "uploadfilter */2/Thu Jan  1 00:00:00 1970\0"),
        ("nVERSIONCOMMANDS\n", "uploadfilter */*| COMMANDS: * INSTREAM *\n"),
        ("zSTATS\0", "POOLS: 1\n*END\0"),
        ("zSCAN /etc/passwd\0", f"{UNKNOWN}\0"),
        ("nSHUTDOWN\n", f"{UNKNOWN}\n"),
        ("zping\0", f"{UNKNOWN}\0"),
        ("z\0", f"{UNKNOWN}\0"),
        ("GET / HTTP/1.1\r\n\r\n", f"{UNKNOWN}\n"),
        ("z" + "A" * 5000, f"{UNKNOWN}\0"),
        ("zFILDES\0!", "No file descriptor received. ERROR\0"),
        ("zEND\0", f"{UNKNOWN}\0"),
        ("zIDSESSION\0zIDSESSION\0zPING\0", f"1: {UNKNOWN}\0"),
        ("zPING\0zPING\0", "PONG\0"),
        ("zIDSESSION\0nPING\nzPING\0zEND\0zPING\0", "1: PONG\n2: PONG\0"),
        ("zIDSESSION\0zSCAN\0zPING\0", f"1: {UNKNOWN}\0"),
    ],
)
async def test_command_has_clamds_answer(shared: Visit, sent: str, answer: str) -> None:
    """Each command, also an unknown one, is answered in its own framing."""
    found = await shared.say(sent.encode())

    assert fnmatch.fnmatchcase(found.decode(), answer)


@pytest.mark.parametrize("way", ["stream", "file"])
@pytest.mark.parametrize(
    ("content", "answer", "verdict", "reason"),
    [
        (b"", "OK", "NO_MATCH", None),
        (b"x", "OK", "NO_MATCH", None),
        (LISTED, KNOWN, "MATCH", None),
        (
            b"\x89PNG\r\n\x1a\n" + bytes(60),
            "Uploadfilter.Inconclusive.undecodable FOUND",
            "INCONCLUSIVE",
            "undecodable",
        ),
        (
            NEVER,
            "Uploadfilter.Inconclusive.too_large FOUND",
            "INCONCLUSIVE",
            "too_large",
        ),
    ],
    ids=["empty", "harmless", "listed", "cut-picture", "too-large"],
)
async def test_upload_is_answered_once_it_is_on_record(
    shared: Visit,
    tmp_path: Path,
    way: str,
    content: bytes,
    answer: str,
    verdict: str,
    reason: str | None,
) -> None:
    """Whatever is not accepted is found; a stream over the limit, as clamd says it."""
    before = len(shared.site.decisions())
    if way == "stream":
        found = (await shared.stream(content)).decode()
    else:
        (tmp_path / "file").write_bytes(content)
        found = await pass_file(shared, tmp_path / "file")
    (record,) = shared.site.decisions()[before:]

    if way == "stream" and reason == "too_large":
        assert found == f"{TOO_LONG}\0"
    else:
        assert fnmatch.fnmatchcase(
            found, f"{'stream' if way == 'stream' else 'fd[[]*]'}: {answer}\0"
        )
    assert (record.verdict, record.reason) == (verdict, reason)
    assert record.effect == ("ACCEPT" if answer == "OK" else "REJECT")
    assert record.method == ("INSTREAM" if way == "stream" else "FILDES")
    assert record.client is None or record.client


async def pass_file(it: Visit, path: Path, flags: int = os.O_RDONLY) -> str:
    """Pass an open file to the clamd door, and return the answer."""
    file = os.open(path, flags | os.O_NONBLOCK)
    try:
        answer = await asyncio.to_thread(pass_files, it.clamd, [file], b"zFILDES\0")
        return answer.decode()
    finally:
        os.close(file)


async def test_only_a_regular_file_is_read(shared: Visit, tmp_path: Path) -> None:
    """A folder or a pipe, which could be endless, is answered as clamd does."""
    os.mkfifo(tmp_path / "pipe")
    found = [await pass_file(shared, it) for it in (tmp_path, tmp_path / "pipe")]

    assert all(it.endswith(": Not a regular file ERROR\0") for it in found)


async def test_file_that_cannot_be_read_is_found(shared: Visit, tmp_path: Path) -> None:
    """A file that is open for writing alone was not seen, and is on record."""
    before = len(shared.site.decisions())
    found = await pass_file(shared, tmp_path / "file", os.O_WRONLY | os.O_CREAT)
    (record,) = shared.site.decisions()[before:]

    assert found.endswith(": Uploadfilter.Inconclusive.malformed_request FOUND\0")
    assert record.effect == "REJECT"


async def test_only_one_file_is_asked_about(shared: Visit, tmp_path: Path) -> None:
    """An answer about one of two files would be taken for one about the other."""
    (tmp_path / "file").write_bytes(b"x")
    before = len(shared.site.decisions())
    with (tmp_path / "file").open("rb") as file:
        files = [file.fileno()] * 2
        found = await asyncio.to_thread(pass_files, shared.clamd, files, b"zFILDES\0")

    assert found == b"More than one file descriptor received. ERROR\0"
    assert len(shared.site.decisions()) == before


async def test_no_passed_file_stays_open(tmp_path: Path) -> None:
    """However many files a client passes, and wherever, all are closed in the end."""
    path = tmp_path / "file"
    path.write_bytes(b"x")
    async with visit(tmp_path) as it:
        with path.open("rb") as file:
            files = [file.fileno()]
            for sent, many in (
                (b"zFILDES\0", files * 100),
                (b"zPING\0", files),
                (b"zINSTREAM\0" + chunks(b"x")[0], files),
                (b"zIDSESSION\0zFILDES\0", files * 2),
                (b"zFIL", files),
            ):
                await asyncio.to_thread(_break_off, it.clamd, many, sent)
            await until(lambda: len(open_names(path)) == 1)


def _break_off(door: Path, files: list[int], sent: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(door))
        client.sendall(sent)
        with contextlib.suppress(BrokenPipeError):  # it was answered meanwhile
            socket.send_fds(client, [b"\0"], files)


def open_names(path: Path) -> list[str]:
    """Return the descriptors of this process that are open for a file."""
    found = []
    for name in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            found += [name.name] * (name.readlink() == path)
    return found


async def test_session_numbers_its_answers(shared: Visit) -> None:
    """Streams and commands of one connection are answered in order."""
    found = await shared.say(
        b"zIDSESSION\0zINSTREAM\0",
        *chunks(LISTED, 7),
        b"nINSTREAM\n" + b"".join(chunks(b"x")) + b"zPING\0zINSTREAM\0",
        *chunks(b""),
        b"zEND\0",
    )

    assert found.decode() == (
        f"1: stream: {KNOWN}\0" + "2: stream: OK\n" + "3: PONG\0" + "4: stream: OK\0"
    )


async def test_stream_is_read_to_its_end_though_it_is_answered(shared: Visit) -> None:
    """A client that is broken off could send the rest anew, as a whole file."""
    reader, writer = await asyncio.open_unix_connection(str(shared.clamd))
    async with asyncio.timeout(TIMEOUT_S):
        writer.write(b"zINSTREAM\0" + chunks(NEVER)[0])
        answer = await reader.readuntil(b"\0")
        for _ in range(40):
            writer.write(chunks(bytes(65536))[0])
            await writer.drain()
        writer.write(chunks(b"")[0])
        rest = await reader.read()
    writer.close()
    await writer.wait_closed()

    assert answer.decode() == f"{TOO_LONG}\0"
    assert rest == b""


@pytest.mark.parametrize(
    "sent",
    [chunks(b"abc")[0], chunks(b"abc")[0][:-1], b"\0\0", b"", b"\xff\xff\xff\xffabc"],
    ids=["no-end", "cut-chunk", "cut-length", "nothing", "huge-length"],
)
async def test_stream_that_does_not_come_whole_is_refused(
    shared: Visit, sent: bytes
) -> None:
    """What its client breaks off is on record, and never accepted."""
    before = len(shared.site.decisions())
    _, writer = await asyncio.open_unix_connection(str(shared.clamd))
    writer.write(b"zINSTREAM\0" + sent)
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    record = await shared.site.new_decision(before)

    assert (record.effect, record.reason) == ("REJECT", "aborted")


async def test_stream_in_chunks_of_a_few_bytes_is_found(shared: Visit) -> None:
    """Bytes that cost more to parse than to scan are refused, and read to the end."""
    tiny = b"".join(chunks(bytes(3000), 1)[:-1])
    found = await shared.say(
        b"zIDSESSION\0zINSTREAM\0" + tiny, *chunks(LISTED), b"zPING\0zEND\0"
    )

    assert found.decode() == (
        "1: stream: Uploadfilter.Inconclusive.malformed_request FOUND\0" + "2: PONG\0"
    )


async def test_stream_that_stands_still_is_found(tmp_path: Path) -> None:
    """A slow client is refused after the pause that any upload may make, once only.

    If it were broken off, too, Nextcloud would send the rest as a whole file.
    """
    async with (
        visit(tmp_path, proxy=HASTY) as it,
        it.talk(b"zINSTREAM\0" + chunks(b"abc")[0], at=it.clamd) as (reader, writer),
    ):
        found = await reader.readuntil(b"\0")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(10 * HASTY.body_idle_s):
                await reader.read(1)
        writer.write(b"".join(chunks(LISTED)))
        rest = await reader.read()
        (record,) = it.site.decisions()

    assert found == b"stream: Uploadfilter.Inconclusive.too_slow FOUND\0"
    assert rest == b""
    assert (record.effect, record.reason) == ("REJECT", "too_slow")


Changes = dict[str, Any]


@pytest.mark.parametrize(
    ("changes", "content", "answer"),
    [
        ({"listed": None}, b"x", "Uploadfilter.RetryLater.no_reference_set FOUND"),
        ({"mode": Mode.MONITOR}, LISTED, "OK"),
        ({"mode": Mode.MONITOR}, b"\x89PNG\r\n\x1a\n" + bytes(60), "OK"),
        ({"policy": Policy(categories={"a": Action.ACCEPT})}, LISTED, "OK"),
        (
            {"policy": Policy(categories={"a": Action.RETRY_LATER})},
            LISTED,
            "Uploadfilter.Known.a FOUND",
        ),
        (
            {"routes": (Route(name="a", origin="b", path="/clamd", exempt=True),)},
            NEVER,
            "OK",
        ),
        ({"routes": (Route(name="a", origin="b", path="/other"),)}, LISTED, KNOWN),
        ({"routes": (Route(name="a", origin="b", path="/clamd"),)}, LISTED, "OK"),
        ({"origin": None}, LISTED, KNOWN),
    ],
    ids=[
        *("no-reference-set", "monitor", "monitor-cut-picture", "accepted-category"),
        *("later-category", "exempt-route", "other-route", "monitored-route"),
        "no-proxy",
    ],
)
async def test_settings_decide_about_the_answer(
    tmp_path: Path, changes: Changes, content: bytes, answer: str
) -> None:
    """The door has no rule of its own; only what is accepted is ``OK``."""
    async with visit(tmp_path, **{"limits": SMALL, **changes}) as it:
        found = await it.stream(content)

    assert found.decode() == f"stream: {answer}\0"


async def test_upload_without_room_is_found(tmp_path: Path) -> None:
    """One upload too many is to be tried again, and its stream is read to the end."""
    limits = ProxyLimits(open_uploads=1, linger_s=0.05, drain_idle_s=0.05)
    head = b"POST /v1/scan HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nx"
    async with visit(tmp_path, proxy=limits) as it, it.talk(head):
        await until(lambda: open_uploads(it) == 1)
        found = await it.stream(b"x" * 100_000)

    assert found == b"stream: Uploadfilter.RetryLater.overloaded FOUND\0"


def open_uploads(it: Visit) -> int:
    """Return how many uploads are open."""
    assert it.site.service is not None
    return it.site.service.watched.open_uploads()


async def test_idle_connections_end_for_new_ones(tmp_path: Path) -> None:
    """Clients that say nothing keep nobody out."""
    limits = ProxyLimits(connections=4, linger_s=0.05, drain_idle_s=0.05)
    async with visit(tmp_path, proxy=limits) as it:
        idle = [await asyncio.open_unix_connection(str(it.clamd)) for _ in range(4)]
        for reader, writer in idle:
            writer.write(b"zIDSESSION\0zPING\0")
            await reader.readuntil(b"\0")
        found = await it.stream(LISTED)
        for _, writer in idle:
            writer.close()
            await writer.wait_closed()

    assert found.decode() == f"stream: {KNOWN}\0"


async def test_upload_in_flight_ends_before_the_service(tmp_path: Path) -> None:
    """A stream that has begun is decided, though the service is to end."""
    async with visit(tmp_path) as it:
        reader, writer = await asyncio.open_unix_connection(str(it.clamd))
        writer.write(b"zIDSESSION\0zINSTREAM\0" + chunks(LISTED)[0])
        await until(lambda: open_uploads(it) == 1)
        assert it.site.service is not None
        drain = it.site.service.watched.drain

        async def finish() -> bytes:
            await drain.beginning()
            writer.write(chunks(b"")[0] + b"zPING\0")
            return await reader.read()

        finishing = asyncio.ensure_future(finish())
    found = await finishing
    writer.close()
    await writer.wait_closed()

    assert found.decode() == f"1: stream: {KNOWN}\0"
    assert not it.clamd.exists()


async def test_door_over_tcp_has_no_files(tmp_path: Path) -> None:
    """On the loopback address, everything but files works."""
    async with visit(tmp_path, clamd=ClamdSettings(listen="127.0.0.1:0")) as it:
        assert it.site.service is not None
        address = it.site.service.clamd
        assert isinstance(address, TCPAddress)
        reader, writer = await asyncio.open_connection(address.host, address.port)
        writer.write(b"nINSTREAM\n" + b"".join(chunks(LISTED)))
        found = await reader.read()
        writer.close()
        await writer.wait_closed()

    assert found.decode() == f"stream: {KNOWN}\n"
