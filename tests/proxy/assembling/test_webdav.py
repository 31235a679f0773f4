"""Ranges of files through the filter: the origin gets whole files, or nothing."""

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from tests.corpus import pictures
from tests.proxy.assembling.webdavorigin import WebDAVOrigin
from tests.proxy.site import CLOSE, Site, exact_entry, site
from tests.proxy.wire import status
from uploadfilter.model import Mode, Verdict
from uploadfilter.proxy.routing.routes import Route, UploadProtocol

LISTED = pictures.png(pictures.photograph(1, width=16, height=12))
UNLISTED = pictures.png(pictures.photograph(2, width=16, height=12))
TOTAL = len(LISTED)

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROUTES = tuple(
    Route(
        name=name,
        origin="default",
        path=f"/{name}",
        mode=mode,
        protocol=protocol,
    )
    for name, mode, protocol in [
        ("dav", Mode.ENFORCE, UploadProtocol.WEBDAV),
        ("lenient", Mode.MONITOR, UploadProtocol.WEBDAV),
        ("plain", Mode.ENFORCE, None),
    ]
)
PATCH_TYPE = "Content-Type: application/x-sabredav-partialupdate"
FILE = "/dav/a.png"


@dataclass(slots=True)
class Client:
    """A client that sends any bytes, and the server behind the filter."""

    site: Site
    origin: WebDAVOrigin

    async def ask(
        self, method: str, target: str, *headers: str, body: bytes = b""
    ) -> bytes:
        """Send one request."""
        lines = [*headers, f"Content-Length: {len(body)}"]
        head = f"{method} {target} HTTP/1.1\r\n".encode() + CLOSE
        head += "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n"
        return await self.site.send(head + body)

    async def put(
        self, at: int, data: bytes, total: int | str, *headers: str, target: str = FILE
    ) -> int:
        """Put a range; return the status."""
        ranged = f"Content-Range: bytes {at}-{at + len(data) - 1}/{total}"
        return status(await self.ask("PUT", target, ranged, *headers, body=data))

    async def patch(self, update: str, data: bytes, *headers: str) -> int:
        """Patch a range; return the status."""
        lines = (f"X-Update-Range: {update}", *(headers or (PATCH_TYPE,)))
        return status(await self.ask("PATCH", FILE, *lines, body=data))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A filter for all tests of this module."""
    state = tmp_path_factory.mktemp("webdav")
    async with site(state, listed=(exact_entry(1, LISTED),), routes=ROUTES) as made:
        yield made


@pytest.fixture
def client(shared: Site) -> Client:
    """A client before a server without files."""
    origin = WebDAVOrigin()
    shared.origin.got.clear()
    shared.origin.answering = origin.answer
    return Client(shared, origin)


def pieces(data: bytes, *cuts: int) -> list[tuple[int, bytes]]:
    """Return the pieces between some offsets, with the offset of each."""
    ends = [*cuts, len(data)]
    return [(a, data[a:b]) for a, b in zip([0, *cuts], ends, strict=True)]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
@pytest.mark.parametrize("data", [LISTED, UNLISTED], ids=["listed", "unlisted"])
async def test_new_file_waits_until_all_ranges_are_there(
    client: Client, data: bytes, order: tuple[int, ...]
) -> None:
    """In any order, with one decision, and one ordinary request with the whole."""
    known = len(client.site.decisions())
    parts = pieces(data, 50, 90)
    for index in order[:-1]:
        assert await client.put(*parts[index], len(data)) == 202
        assert client.origin.files == {}
    last = await client.put(*parts[order[-1]], len(data), "Content-Type: image/png")
    (decision,) = client.site.decisions()[known:]
    assert decision.size == len(data)
    assert client.origin.ranges == 0
    if data == LISTED:
        assert (last, decision.verdict) == (403, Verdict.MATCH)
        assert client.origin.files == {}
        return
    assert (last, client.origin.files) == (201, {FILE: data})
    got = client.site.origin.got[-1]
    assert got.header(b"content-type") == [b"image/png"]
    assert got.header(b"content-range") == []


@pytest.mark.parametrize("cut", range(1, TOTAL, 61))
async def test_listed_picture_is_never_there_wherever_it_is_cut(
    client: Client, cut: int
) -> None:
    """Made anew, in the place of another file, and by appending to its beginning."""
    first, second = LISTED[:cut], LISTED[cut:]
    assert await client.put(0, first, TOTAL) == 202
    assert await client.put(cut, second, TOTAL) == 403
    client.origin.files[FILE] = bytes(TOTAL)
    assert await client.put(0, first, TOTAL) in {204, 403}
    assert await client.put(cut, second, TOTAL) in {204, 403}
    assert await client.patch(f"bytes=0-{cut - 1}", first) in {204, 403}
    assert await client.patch(f"bytes={cut}-", second) in {204, 403}
    client.origin.files[FILE] = first
    assert await client.put(cut, second, TOTAL) == 403
    assert await client.put(cut, second, "*") == 403
    assert await client.patch("append", second) == 403
    assert await client.patch(f"bytes={cut}-{TOTAL - 1}", second) == 403
    assert LISTED not in client.origin.seen
    assert client.origin.ranges == 0


@pytest.mark.parametrize("seed", range(4))
async def test_no_order_of_ranges_makes_a_listed_picture(
    client: Client, seed: int
) -> None:
    """Ranges of it, overlapping, repeated and mixed with others, in every way.

    The file is what a slow twin makes of the accepted ranges, and is never listed.
    """
    chance = random.Random(seed)  # noqa: S311 - a test
    client.origin.files[FILE] = twin = bytes(TOTAL)
    for _ in range(25):
        at = chance.randrange(TOTAL)
        end = chance.randrange(at, TOTAL) + 1
        data = chance.choice([LISTED, LISTED, UNLISTED])[at:end]
        way = chance.choice(["put", "any", "patch", "end"])
        match way:
            case "put":
                found = await client.put(at, data, TOTAL)
            case "any":
                found = await client.put(at, data, "*")
            case "patch":
                found = await client.patch(f"bytes={at}-{end - 1}", data)
            case _:
                found = await client.patch(f"bytes=-{TOTAL - at}", data)
        if (at, end) == (0, TOTAL) and way == "put":
            assert found == (403 if data == LISTED else 204)
        if found == 204:
            twin = twin[:at] + data + twin[end:]
        else:
            assert found == 403
        assert client.origin.files[FILE] == twin
    assert LISTED not in client.origin.seen
    assert client.origin.ranges == 0


@pytest.mark.parametrize(
    ("update", "expected"),
    [
        ("append", b"0123456789ab"),
        ("bytes=0-1", b"ab23456789"),
        ("bytes=8-9", b"01234567ab"),
        ("bytes=9-", b"012345678ab"),
        ("bytes=10-", b"0123456789ab"),
        ("bytes=-3", b"0123456ab9"),
        ("Bytes=4-5", b"0123ab6789"),
    ],
)
async def test_patch_changes_the_file_as_sabre_does(
    client: Client, update: str, expected: bytes
) -> None:
    """The origin gets an ordinary PUT, which it takes only for the same version."""
    client.origin.files[FILE] = b"0123456789"
    tag = client.origin._tag(FILE).encode()  # noqa: SLF001 - the origin is ours
    assert await client.patch(update, b"ab") == 204
    assert client.origin.files[FILE] == expected
    got = client.site.origin.got[-1]
    assert got.head.startswith(b"PUT ")
    assert got.header(b"if-match") == [tag]
    assert got.header(b"content-type") == got.header(b"x-update-range") == []


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (("X-Update-Range: bytes=11-", PATCH_TYPE), 416),
        (("X-Update-Range: bytes=-11", PATCH_TYPE), 416),
        (("X-Update-Range: bytes=0-2", PATCH_TYPE), 400),
        (("X-Update-Range: bytes=3-1", PATCH_TYPE), 400),
        (("X-Update-Range: bytes=-", PATCH_TYPE), 400),
        (("X-Update-Range: 0-1", PATCH_TYPE), 400),
        (("X-Update-Range: append", "X-Update-Range: append", PATCH_TYPE), 400),
        (("X-Update-Range: append", "Content-Type: image/png"), 415),
        (("X-Update-Range: append", PATCH_TYPE, "Content-Encoding: gzip"), 415),
        (("X-Update-Range: append", "Content-Range: bytes 0-1/9", PATCH_TYPE), 400),
        (("X-Update-Range: append", PATCH_TYPE, "X-HTTP-Method: PUT"), 400),
        (("X_Update_Range: append", PATCH_TYPE), 400),
        (("Content-Range: bytes 0-1/9",), 400),
    ],
)
async def test_odd_patches_are_refused(
    client: Client, headers: tuple[str, ...], expected: int
) -> None:
    """Nothing of them goes on."""
    client.origin.files[FILE] = b"0123456789"
    answer = await client.ask("PATCH", FILE, *headers, body=b"ab")
    assert status(answer) == expected
    assert client.origin.files == {FILE: b"0123456789"}


@pytest.mark.parametrize(
    ("ranged", "expected"),
    [
        ("bytes 5-6/30", 409),
        ("bytes 11-12/*", 416),
        ("bytes 0-2/10", 400),
        ("bytes 1-0/10", 400),
        ("bytes 8-9/9", 400),
        ("bytes */10", 400),
        ("bytes=0-1/10", 400),
        ("bytes 0-1", 400),
        ("bytes 0-1/10, bytes 2-3/10", 400),
        ("bytes 0-1/99999999999999", 413),
    ],
)
async def test_odd_ranges_are_refused(
    client: Client, ranged: str, expected: int
) -> None:
    """And those of a file whose other bytes nobody holds."""
    client.origin.files[FILE] = b"0123456789"
    answer = await client.ask("PUT", FILE, f"Content-Range: {ranged}", body=b"ab")
    assert status(answer) == expected
    assert client.origin.files == {FILE: b"0123456789"}
    assert client.origin.ranges == 0


async def test_range_of_the_whole_file_replaces_it(client: Client) -> None:
    """On each route: a server would keep the end of the older file behind it."""
    for target in (FILE, "/plain/a.png"):
        client.origin.files[target] = LISTED
        assert await client.put(0, b"text", 4, target=target) == 204
        assert client.origin.files[target] == b"text"
    assert client.origin.ranges == 0


async def test_ranges_need_their_route(client: Client) -> None:
    """Elsewhere they are refused, whatever they say."""
    target = "/plain/a.png"
    assert await client.put(0, LISTED[:20], TOTAL, target=target) == 400
    assert await client.put(0, LISTED[:20], "*", target=target) == 400
    lines = ("X-Update-Range: append", PATCH_TYPE)
    assert status(await client.ask("PATCH", target, *lines, body=LISTED)) == 400
    assert client.origin.files == {}


async def test_client_that_may_not_see_a_file_gets_the_origins_answer(
    client: Client,
) -> None:
    """With its challenge; and a patch of nothing is the origin's 404."""
    answer = await client.ask(
        "PUT",
        FILE,
        "Content-Range: bytes 0-1/9",
        "Authorization: bad",
        body=b"ab",
    )
    assert status(answer) == 401
    assert b'\r\nWWW-Authenticate: Basic realm="a"\r\n' in answer
    assert await client.patch("append", b"ab") == 404


async def test_two_clients_do_not_meet_in_one_file(client: Client) -> None:
    """The ranges of each are held by themselves."""
    half = TOTAL // 2
    assert (
        await client.put(0, UNLISTED[:half], len(UNLISTED), "Authorization: a") == 202
    )
    assert await client.put(
        half, UNLISTED[half:], len(UNLISTED), "Authorization: b"
    ) == (202)
    assert client.origin.files == {}
    assert await client.put(
        half, UNLISTED[half:], len(UNLISTED), "Authorization: a"
    ) == (201)


async def test_file_that_begins_anew_with_other_bytes(client: Client) -> None:
    """The older ranges are dropped, and the client is told to begin again."""
    assert await client.put(0, b"x" * 50, len(UNLISTED)) == 202
    assert await client.put(0, UNLISTED[:50], len(UNLISTED)) == 409
    assert await client.put(0, UNLISTED[:50], len(UNLISTED)) == 202
    assert await client.put(50, UNLISTED[50:], len(UNLISTED)) == 201
    assert client.origin.files == {FILE: UNLISTED}


async def test_change_of_another_client_is_not_lost(client: Client) -> None:
    """Between the question for the file and the write, or before."""
    client.origin.files[FILE] = b"0123456789"
    client.origin.changes_after_get = b"other"
    assert await client.patch("append", b"ab") == 412
    assert client.origin.files == {FILE: b"other"}


async def test_origin_that_breaks_off_gets_the_file_once(client: Client) -> None:
    """The client learns it, and begins anew; the record says it."""
    total = len(UNLISTED)
    client.origin.breaks_off = True
    assert await client.put(0, UNLISTED[:50], total) == 202
    assert await client.put(50, UNLISTED[50:], total) == 502
    decision = client.site.decisions()[-1]
    assert await client.site.outcome(decision.id) == "aborted"
    assert client.origin.puts == 1
    client.origin.breaks_off = False
    assert await client.put(50, UNLISTED[50:], total) == 202
    assert await client.put(0, UNLISTED[:50], total) == 201
    assert client.origin.files == {FILE: UNLISTED}


@pytest.mark.parametrize("line", ["Content-Encoding: gzip", "no tags"])
async def test_output_of_a_program_is_no_file(client: Client, line: str) -> None:
    """A range of a program is not written into its output."""
    client.origin.files[FILE] = b"0123456789"
    client.origin.has_tags = line != "no tags"
    client.origin.headers = [line] if client.origin.has_tags else []
    assert await client.patch("append", b"ab") == 409
    assert client.origin.files == {FILE: b"0123456789"}


async def test_monitor_records_and_passes(client: Client) -> None:
    """Held and applied ranges pass after their decision, others as everywhere."""
    target = "/lenient/a.png"
    assert await client.put(0, LISTED[:50], TOTAL, target=target) == 202
    assert await client.put(50, LISTED[50:], TOTAL, target=target) == 201
    assert client.site.decisions()[-1].verdict is Verdict.MATCH
    assert client.origin.ranges == 0
    assert await client.put(60, LISTED[60:70], 999, target=target) == 204
    assert client.origin.ranges == 1


@pytest.mark.parametrize("path", ["/dav/uploads/a/b/1", "/dav/a-chunking-7-2-0"])
async def test_ranges_of_a_chunk_make_no_chunk(client: Client, path: str) -> None:
    """The origin would join the chunk, which is whole here, with others."""
    for at, data in pieces(UNLISTED, 40):
        assert await client.put(at, data, TOTAL, target=path) == 400
    assert client.origin.seen == set()
