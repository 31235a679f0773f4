"""Google's resumable uploads through the filter: one request with bytes, or none."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from tests.corpus import pictures
from tests.proxy.assembling.googleorigin import GoogleOrigin
from tests.proxy.assembling.test_tus import header
from tests.proxy.site import CLOSE, Site, exact_entry, site
from tests.proxy.wire import status
from uploadfilter.model import Mode, Verdict
from uploadfilter.proxy.routing.routes import Route, UploadProtocol

LISTED = pictures.png(pictures.photograph(1, width=16, height=12))
UNLISTED = pictures.png(pictures.photograph(2, width=16, height=12))

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROUTE = Route(
    name="media",
    origin="default",
    path="/upload",
    mode=Mode.ENFORCE,
    protocol=UploadProtocol.GOOGLE,
)
LENIENT = Route(
    name="lenient",
    origin="default",
    path="/lenient",
    mode=Mode.MONITOR,
    protocol=UploadProtocol.GOOGLE,
)
METADATA = b'{"name": "a.png", "contentType": "image/png"}'
JSON = "Content-Type: application/json"


@dataclass(slots=True)
class Client:
    """A client that sends any bytes, and the service behind the filter."""

    site: Site
    origin: GoogleOrigin

    async def ask(
        self, method: str, target: str, *headers: str, body: bytes | None = b""
    ) -> bytes:
        """Send one request; a body of ``None`` has no length either."""
        lines = list(headers)
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        head = f"{method} {target} HTTP/1.1\r\n".encode() + CLOSE
        head += "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n"
        return await self.site.send(head + (body or b""))

    async def begin(self, *headers: str, path: str = "/upload") -> str:
        """Begin a session; return its target."""
        target = f"{path}?uploadType=resumable&name=a.png"
        answer = await self.ask("POST", target, JSON, *headers, body=METADATA)
        assert status(answer) == 200, answer
        return header(answer, b"location").removeprefix("http://site.example")

    async def put(
        self, target: str, at: int, data: bytes, total: int | str, *headers: str
    ) -> bytes:
        """Send one piece."""
        ranged = f"Content-Range: bytes {at}-{at + len(data) - 1}/{total}"
        return await self.ask("PUT", target, ranged, *headers, body=data)

    async def offset(self, target: str) -> int:
        """Ask how many bytes a session has."""
        answer = await self.ask("PUT", target, "Content-Range: bytes */*")
        assert status(answer) == 308, answer
        return held_in(answer)

    async def command(self, target: str, *headers: str, body: bytes = b"") -> bytes:
        """Send a command of the other way."""
        lines = [f"X-Goog-Upload-{line}" for line in headers]
        return await self.ask("POST", target, *lines, body=body)


def held_in(answer: bytes) -> int:
    """Return how many bytes an answer says to have."""
    if b"\r\nrange:" not in answer.lower():
        return 0
    return int(header(answer, b"range").removeprefix("bytes=0-")) + 1


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A filter for all tests of this module."""
    state = tmp_path_factory.mktemp("google")
    listed = (exact_entry(1, LISTED),)
    async with site(state, listed=listed, routes=(ROUTE, LENIENT)) as made:
        yield made


@pytest.fixture
def client(shared: Site) -> Client:
    """A client before a service that has got nothing yet."""
    origin = GoogleOrigin()
    shared.origin.got.clear()
    shared.origin.answering = origin.answer
    return Client(shared, origin)


def cuts(data: bytes, *at: int) -> list[tuple[int, bytes]]:
    """Return the pieces between some offsets, with the offset of each."""
    ends = [*at, len(data)]
    return [(a, data[a:b]) for a, b in zip([0, *at], ends, strict=True) if b > a]


async def test_file_in_pieces_arrives_in_one_request(client: Client) -> None:
    """With the credentials and the type of the last piece, and one decision."""
    target = await client.begin("X-Upload-Content-Type: image/png")
    known = len(client.site.decisions())
    total = len(UNLISTED)
    assert await client.offset(target) == 0
    answer = await client.put(target, 0, UNLISTED[:50], total)
    assert (status(answer), held_in(answer)) == (308, 50)
    assert await client.offset(target) == 50
    assert client.origin.seen == set()
    answer = await client.put(
        target, 50, UNLISTED[50:], total, "Authorization: a", "Content-Type: image/png"
    )
    assert status(answer) == 200
    assert client.origin.ended == {target: UNLISTED}
    got = next(got for got in client.site.origin.got if got.body == UNLISTED)
    assert got.header(b"content-range") == [b"bytes 0-%d/%d" % (total - 1, total)]
    assert got.header(b"authorization") == [b"a"]
    assert got.header(b"content-type") == [b"image/png"]
    (decision,) = client.site.decisions()[known:]
    assert (decision.verdict, decision.size) == (Verdict.NO_MATCH, total)
    assert await client.site.outcome(decision.id) == 200


@pytest.mark.parametrize("cut", [*range(1, len(LISTED), 61), len(LISTED)])
async def test_listed_picture_is_rejected_wherever_it_is_cut(
    client: Client, cut: int
) -> None:
    """No byte of it arrives, and its session is over."""
    target, answer = await client.begin(), b""
    for at, data in cuts(LISTED, cut):
        answer = await client.put(target, at, data, len(LISTED))
    assert status(answer) == 403
    assert client.origin.seen == set()
    assert client.origin.sessions == {}
    assert status(await client.ask("PUT", target, "Content-Range: bytes */*")) == 404


@pytest.mark.parametrize("data", [LISTED, UNLISTED], ids=["listed", "unlisted"])
@pytest.mark.parametrize("last", ["range", "status", "open", "known", "open-known"])
async def test_length_may_come_with_the_end(
    client: Client, data: bytes, last: str
) -> None:
    """In each way in which clients say that there is no more."""
    target, total = await client.begin(), len(data)
    assert status(await client.put(target, 0, data[:50], "*")) == 308
    match last:
        case "range":
            answer = await client.put(target, 50, data[50:], total)
        case "status":
            assert status(await client.put(target, 50, data[50:], "*")) == 308
            assert client.origin.seen == set()
            ranged = f"Content-Range: bytes */{total}"
            answer = await client.ask("PUT", target, ranged)
        case "known":
            assert status(await client.put(target, 50, data[50:60], total)) == 308
            answer = await client.put(target, 60, data[60:], "*")
        case _:
            stated = total if last == "open-known" else "*"
            ranged = f"Content-Range: bytes 50-*/{stated}"
            chunk = b"%x\r\n%s\r\n0\r\n\r\n" % (total - 50, data[50:])
            coded = "Transfer-Encoding: chunked"
            head = f"PUT {target} HTTP/1.1\r\n{ranged}\r\n{coded}\r\n".encode()
            answer = await client.site.send(head + CLOSE + b"\r\n" + chunk)
    assert status(answer) == (403 if data == LISTED else 200)
    assert client.origin.seen == (set() if data == LISTED else {data})


@pytest.mark.parametrize("data", [LISTED, UNLISTED], ids=["listed", "unlisted"])
async def test_commands(client: Client, data: bytes) -> None:
    """The other way to send a file: of Firebase, and of Google Photos."""
    begin = ("Protocol: resumable", "Command: start")
    answer = await client.command("/upload/v1", *begin, body=b"{}")
    url = header(answer, b"x-goog-upload-url")
    target = url.removeprefix("http://site.example")
    upload = "Command: upload"
    answer = await client.command(target, upload, "Offset: 0", body=data[:50])
    assert header(answer, b"x-goog-upload-size-received") == "50"
    answer = await client.command(target, "Command: query")
    assert header(answer, b"x-goog-upload-size-received") == "50"
    assert header(answer, b"x-goog-upload-status") == "active"
    answer = await client.command(target, upload, "Offset: 49", body=data[49:])
    assert status(answer) == 400
    last = "Command: upload, finalize"
    answer = await client.command(target, last, "Offset: 50", body=data[50:])
    assert status(answer) == (403 if data == LISTED else 200)
    assert client.origin.seen == (set() if data == LISTED else {data})
    assert client.origin.sessions == {}


async def test_file_is_not_complete_before_its_client_says_so(client: Client) -> None:
    """The bytes of a command are all there, and its length was stated."""
    length = f"Header-Content-Length: {len(LISTED)}"
    answer = await client.command("/upload/v1", "Command: start", length)
    url = header(answer, b"x-goog-upload-url")
    target = url.removeprefix("http://site.example")
    upload = ("Command: upload", "Offset: 0")
    assert status(await client.command(target, *upload, body=LISTED)) == 200
    assert client.origin.seen == set()
    assert status(await client.command(target, "Command: finalize")) == 403
    assert client.origin.seen == set()


@pytest.mark.parametrize("data", [LISTED, UNLISTED], ids=["listed", "unlisted"])
@pytest.mark.parametrize("method", ["PUT", "POST"])
async def test_file_in_one_request(client: Client, method: str, data: bytes) -> None:
    """Without a range, as short files are sent."""
    target = await client.begin()
    answer = await client.ask(method, target, body=data)
    assert status(answer) == (403 if data == LISTED else 200)
    assert client.origin.seen == (set() if data == LISTED else {data})


async def test_empty_file(client: Client) -> None:
    """Nothing is to be inspected."""
    for line in ("Content-Range: bytes */0", "Content-Type: text/plain"):
        target = await client.begin()
        assert status(await client.ask("PUT", target, line)) == 200
        assert client.origin.ended[target] == b""


async def test_requests_without_a_range_are_never_joined(client: Client) -> None:
    """Each is the whole file, and the first one ends its session."""
    length = f"X-Upload-Content-Length: {len(LISTED)}"
    target = await client.begin(length)
    assert status(await client.ask("PUT", target, body=LISTED[:50])) == 400
    target = await client.begin()
    assert status(await client.ask("PUT", target, body=UNLISTED)) == 200
    assert status(await client.ask("PUT", target, body=LISTED[50:])) == 404
    assert client.origin.seen == {UNLISTED}


@pytest.mark.parametrize("at", [0, 10, 49, 51, 99])
async def test_other_offset_is_answered_with_the_right_one(
    client: Client, at: int
) -> None:
    """Overlapping, repeated or out of order: its client goes on from there."""
    target = await client.begin()
    assert status(await client.put(target, 0, LISTED[:50], len(LISTED))) == 308
    answer = await client.put(target, at, UNLISTED[at:120], len(LISTED))
    assert (status(answer), held_in(answer)) == (308, 50)
    assert status(await client.put(target, 50, LISTED[50:], len(LISTED))) == 403
    assert client.origin.seen == set()


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (("Content-Range: bytes 0-9/20",), 400),
        (("Content-Range: bytes 5-4/20",), 400),
        (("Content-Range: bytes 0-5/3",), 400),
        (("Content-Range: bytes */6",), 400),
        (("Content-Range: bytes 0-*/7",), 400),
        (("Content-Range: 0-5/6",), 400),
        (("Content-Range: bytes 0-5/6", "Content-Range: bytes 0-5/9"), 400),
        (("Content-Range: bytes 0-5/6", "Content-Encoding: gzip"), 415),
        (("Content-Range: bytes 0-5/99999999999999",), 413),
        (
            (
                "Content-Range: bytes 0-5/6",
                "Content-Type: multipart/form-data; boundary=b",
            ),
            415,
        ),
        (("X-Goog-Upload-Command: upload",), 400),
        (("X-Goog-Upload-Command: start, upload", "X-Goog-Upload-Offset: 0"), 400),
        (
            (
                "X-Goog-Upload-Command: upload",
                "X-Goog-Upload-Offset: 0",
                "Content-Range: bytes 0-5/6",
            ),
            400,
        ),
        (("X-HTTP-Method-Override: PUT",), 400),
        (("Content_Range: bytes 0-5/6",), 400),
    ],
)
async def test_odd_steps_are_refused(
    client: Client, headers: tuple[str, ...], expected: int
) -> None:
    """Nothing of them is held, and nothing goes on."""
    target = await client.begin()
    method = "POST" if any("-Goog-" in line for line in headers) else "PUT"
    answer = await client.ask(method, target, *headers, body=b"abcdef")
    assert status(answer) == expected
    assert client.origin.seen == set()
    assert await client.offset(target) == 0


async def test_length_never_changes(client: Client) -> None:
    """A client that lies about it begins anew."""
    target = await client.begin()
    assert status(await client.put(target, 0, UNLISTED[:50], len(UNLISTED))) == 308
    assert status(await client.put(target, 50, UNLISTED[50:], "9999")) == 400
    target = await client.begin(f"X-Upload-Content-Length: {len(UNLISTED)}")
    assert status(await client.put(target, 0, UNLISTED[:50], 50)) == 400
    assert client.origin.seen == set()


async def test_bytes_of_an_unknown_session_are_refused(client: Client) -> None:
    """Its start was not seen here, or its bytes are gone: its client begins anew."""
    client.origin.sessions["/upload?upload_id=x"] = LISTED[:50]
    target = "/upload?upload_id=x"
    assert status(await client.put(target, 50, LISTED[50:], len(LISTED))) == 404
    assert status(await client.ask("PUT", target, body=LISTED[50:])) == 404
    assert status(await client.ask("PUT", target, "Content-Range: bytes */*")) == 404
    assert client.origin.seen == set()


async def test_session_that_is_given_up_is_gone(client: Client) -> None:
    """At the origin, too."""
    target = await client.begin()
    assert status(await client.put(target, 0, UNLISTED[:50], len(UNLISTED))) == 308
    assert status(await client.ask("DELETE", target)) == 499
    assert status(await client.put(target, 50, UNLISTED[50:], len(UNLISTED))) == 404
    assert client.origin.sessions == {}


async def test_failure_of_the_origin_is_its_answer(client: Client) -> None:
    """The bytes are not sent twice; the client begins anew."""
    target = await client.begin()
    client.origin.fails = 507
    answer = await client.put(target, 0, UNLISTED, len(UNLISTED))
    assert status(answer) == 507
    assert status(await client.ask("PUT", target, "Content-Range: bytes */*")) == 404


async def test_origin_that_breaks_off_gets_the_file_once(client: Client) -> None:
    """The client learns it, the record says it, and the session is over."""
    target = await client.begin()
    client.origin.breaks_off = True
    assert status(await client.put(target, 0, UNLISTED, len(UNLISTED))) == 502
    decision = client.site.decisions()[-1]
    assert decision.verdict is Verdict.NO_MATCH
    assert await client.site.outcome(decision.id) == "aborted"
    client.origin.breaks_off = False
    assert status(await client.put(target, 0, UNLISTED, len(UNLISTED))) == 404
    assert client.origin.whole == 1


async def test_store_that_fails_begins_no_session(client: Client) -> None:
    """The client is told to try again later, and the origin forgets the session."""
    store = client.site.state / "uploads"
    assert status(await client.ask("PUT", "/upload/x", body=UNLISTED)) in {200, 404}
    await client.begin()
    moved = store.rename(store.with_name("elsewhere"))
    store.write_bytes(b"no folder")
    target = "/upload?uploadType=resumable"
    answer = await client.ask("POST", target, JSON, body=METADATA)
    store.unlink()
    moved.rename(store)
    assert status(answer) == 503
    assert len(client.origin.sessions) == 1


async def test_listed_metadata_begin_no_session(client: Client) -> None:
    """The body of a start is inspected as any other one."""
    target = "/upload?uploadType=resumable"
    assert status(await client.ask("POST", target, body=LISTED)) == 403
    assert client.site.origin.got == []


async def test_monitor_passes_what_it_does_not_hold(client: Client) -> None:
    """It is recorded as everywhere, and a held file passes after its decision."""
    target = await client.begin(path="/lenient")
    assert status(await client.put(target, 0, LISTED[:50], len(LISTED))) == 308
    assert client.origin.seen == set()
    assert status(await client.put(target, 50, LISTED[50:], len(LISTED))) == 200
    assert client.site.decisions()[-1].verdict is Verdict.MATCH
    client.origin.sessions["/lenient?upload_id=x"] = b"before"
    answer = await client.put("/lenient?upload_id=x", 6, b"after", "*")
    assert status(answer) == 308
    assert client.origin.sessions["/lenient?upload_id=x"] == b"beforeafter"
