"""FilePond in chunks through the filter: the whole file, or none of it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from tests.corpus import pictures
from tests.proxy.assembling.pondorigin import PondOrigin
from tests.proxy.site import CLOSE, Site, exact_entry, site
from tests.proxy.wire import status
from uploadfilter.model import Action, Mode, Reason, Verdict
from uploadfilter.proxy.routing.routes import Route, UploadProtocol

LISTED = pictures.png(pictures.photograph(1, width=16, height=12))
UNLISTED = pictures.png(pictures.photograph(2, width=16, height=12))
SIZE = 60

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(slots=True)
class Pond:
    """A page with FilePond, and the origin."""

    site: Site
    origin: PondOrigin
    path: str = "/pond"

    async def ask(self, method: str, target: str, body: bytes, *headers: str) -> bytes:
        """Send one request."""
        lines = [f"{method} {target} HTTP/1.1", f"Content-Length: {len(body)}"]
        head = "\r\n".join([*lines, *headers, ""]).encode() + CLOSE
        return await self.site.send(head + b"\r\n" + body)

    async def begin(
        self, total: int, *headers: str, more: bytes = b"", meta: bytes = b"{}"
    ) -> bytes:
        """Send the form that begins an upload."""
        body = (
            b'--b\r\nContent-Disposition: form-data; name="filepond"\r\n\r\n'
            + meta
            + b"\r\n"
            + more
            + b"--b--\r\n"
        )
        kind = "Content-Type: multipart/form-data; boundary=b"
        length = f"Upload-Length: {total}"
        return await self.ask("POST", self.path, body, kind, length, *headers)

    async def chunk(
        self, at: int, data: bytes, total: int, *headers: str, name: str = ""
    ) -> bytes:
        """Send one chunk."""
        lines = (
            "Content-Type: application/offset+octet-stream",
            f"Upload-Offset: {at}",
            f"Upload-Length: {total}",
            "Upload-Name: a lake.png",
        )
        target = f"{self.path}?patch={name or list(self.origin.files)[-1]}"
        return await self.ask("PATCH", target, data, *lines, *headers)

    async def upload(self, data: bytes, *, size: int = SIZE) -> list[int]:
        """Send a file as FilePond does; return the statuses."""
        found = [status(await self.begin(len(data)))]
        for at in range(0, len(data) + 1, size):
            answer = await self.chunk(at, data[at : at + size], len(data))
            found.append(status(answer))
        return found

    @property
    def file(self) -> bytes:
        """What can be fetched of the last upload."""
        return bytes(list(self.origin.files.values())[-1])

    def held(self) -> int:
        """Return how many files wait with some bytes."""
        files = (self.site.state / "uploads").glob("*.data")
        return sum(file.stat().st_size > 0 for file in files)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A filter for all tests of this module."""
    routes = tuple(
        Route(
            name=mode.name,
            origin="default",
            path=path,
            mode=mode,
            protocol=UploadProtocol.FORMS,
        )
        for path, mode in (("/pond", Mode.ENFORCE), ("/monitored", Mode.MONITOR))
    )
    state = tmp_path_factory.mktemp("pond")
    async with site(state, listed=(exact_entry(1, LISTED),), routes=routes) as made:
        yield made


@pytest.fixture
def pond(shared: Site) -> Pond:
    """A page, and an origin that has got nothing."""
    origin = PondOrigin()
    shared.origin.got.clear()
    shared.origin.answering = origin.answer
    for file in (shared.state / "uploads").glob("*.*"):
        file.unlink()
    return Pond(shared, origin)


@pytest.mark.parametrize("length", [len(UNLISTED), 120], ids=["odd", "even"])
async def test_file_arrives_in_its_chunks(pond: Pond, length: int) -> None:
    """The file is one decision; of a length that divides, the last chunk is empty."""
    data = (b"harmless bytes" * 100)[:120] if length == 120 else UNLISTED
    known = len(pond.site.decisions())
    statuses = await pond.upload(data)
    assert statuses == [201] + [204] * (len(statuses) - 1)
    assert pond.file == data
    assert pond.file == data
    first = list(range(0, len(data), SIZE))
    assert pond.origin.offsets[: len(first)] == first
    (form, file) = pond.site.decisions()[known : known + 2]
    assert (form.verdict, file.verdict) == (Verdict.NO_MATCH, Verdict.NO_MATCH)
    assert file.size == len(data)
    assert pond.held() == 0


async def test_listed_picture_in_chunks_goes_nowhere(pond: Pond) -> None:
    """A page that sends its last chunk again hears 403 again."""
    statuses = await pond.upload(LISTED)
    assert statuses == [201] + [204] * (len(statuses) - 2) + [403]
    last = pond.site.decisions()[-1]
    assert (last.verdict, last.effect) == (Verdict.MATCH, Action.REJECT)
    at = (len(LISTED) - 1) // SIZE * SIZE
    for _ in range(3):
        again = await pond.chunk(at, LISTED[at:], len(LISTED))
        assert status(again) == 403
        assert last.id.encode() in again
    assert (pond.file, pond.origin.offsets, pond.held()) == (b"", [], 0)


@pytest.mark.parametrize("cut", range(1, len(LISTED), 47))
async def test_picture_cut_anywhere_is_seen_whole(pond: Pond, cut: int) -> None:
    """In two chunks, also backwards and twice."""
    await pond.begin(len(LISTED))
    later = await pond.chunk(cut, LISTED[cut:], len(LISTED))
    twice = await pond.chunk(cut, LISTED[cut:], len(LISTED))
    last = await pond.chunk(0, LISTED[:cut], len(LISTED))
    assert list(map(status, (later, twice, last))) == [204, 204, 403]
    assert pond.file == b""


async def test_page_learns_how_much_has_come(pond: Pond) -> None:
    """A person who tries again sends the missing chunks."""
    await pond.begin(len(UNLISTED))
    await pond.chunk(0, UNLISTED[:SIZE], len(UNLISTED))
    target = f"{pond.path}?patch={list(pond.origin.files)[-1]}"
    head = f"HEAD {target} HTTP/1.1\r\n".encode() + CLOSE + b"\r\n"
    assert b"upload-offset: 60\r\n" in (await pond.site.send(head)).lower()
    last = await pond.chunk(SIZE, UNLISTED[SIZE:], len(UNLISTED))
    assert (status(last), pond.file) == (204, UNLISTED)


async def test_other_bytes_at_the_same_place_are_refused(pond: Pond) -> None:
    """A chunk that was answered stays, and nothing replaces it."""
    await pond.begin(200)
    assert status(await pond.chunk(0, b"a" * 60, 200)) == 204
    assert status(await pond.chunk(0, b"b" * 60, 200)) == 409
    assert status(await pond.chunk(60, b"b" * 60, 300)) == 400
    assert status(await pond.chunk(190, b"b" * 60, 200)) == 400
    assert pond.file == b""


async def test_origin_with_bytes_of_another_upload_gets_no_more(pond: Pond) -> None:
    """It could join both to a file that nobody has inspected."""
    await pond.begin(len(UNLISTED))
    list(pond.origin.files.values())[-1].extend(b"a" * 30)
    answer = await pond.chunk(0, UNLISTED, len(UNLISTED))
    assert (status(answer), pond.file) == (409, b"a" * 30)
    pond.origin.says_offset = False
    await pond.begin(len(UNLISTED))
    answer = await pond.chunk(0, UNLISTED, len(UNLISTED))
    assert (status(answer), pond.file) == (204, UNLISTED)


async def test_origin_that_refuses_a_chunk_gets_no_more(pond: Pond) -> None:
    """The page gets its answer, and the record the outcome."""
    pond.origin.refused = SIZE
    statuses = await pond.upload(UNLISTED)
    assert statuses[-1] == 500
    assert pond.origin.offsets == [0, SIZE]
    decision = pond.site.decisions()[-1]
    assert await pond.site.outcome(decision.id) == 500


@pytest.mark.parametrize(
    "lines",
    [
        ("Tus-Resumable: 1.0.0",),
        ("Upload-Complete: ?0",),
        ("Content-Range: bytes 0-59/200",),
        ("X-Chunk-Index: 3", "X-Chunk-Count: 9"),
    ],
    ids=["tus", "resumable", "range", "own"],
)
async def test_head_that_reads_otherwise_too_is_refused(
    pond: Pond, lines: tuple[str, ...]
) -> None:
    """An origin could obey the other words."""
    begun = await pond.begin(200, *lines)
    chunk = await pond.chunk(0, LISTED[:60], 200, *lines, name="a")
    assert (status(begun), status(chunk)) == (400, 400)
    assert pond.origin.files == {}


PART = b'--b\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'


@pytest.mark.parametrize(
    "more",
    [
        PART % (b"file", b'; filename="blob"', LISTED[:60]),
        PART % (b"chunkIndex", b"", b"3") + PART % (b"chunkCount", b"", b"9"),
    ],
    ids=["file", "words"],
)
async def test_form_that_brings_a_piece_is_refused(pond: Pond, more: bytes) -> None:
    """Only a form without a file begins an upload."""
    assert status(await pond.begin(200, more=more)) == 400
    assert pond.site.decisions()[-1].reason is Reason.PIECEWISE_UPLOAD
    assert pond.origin.files == {}


async def test_form_that_begins_an_upload_is_inspected(pond: Pond) -> None:
    """Its fields go on, so that they are contents."""
    answer = await pond.begin(200, meta=LISTED)
    assert (status(answer), pond.origin.files) == (403, {})
    assert pond.site.decisions()[-1].verdict is Verdict.MATCH


async def test_monitor_holds_chunks_too(pond: Pond) -> None:
    """So that the record says what ``ENFORCE`` would reject."""
    pond.path = "/monitored"
    statuses = await pond.upload(LISTED)
    assert set(statuses) == {201, 204}
    assert pond.file == LISTED
    assert pond.site.decisions()[-1].verdict is Verdict.MATCH


async def test_file_over_the_limit_is_refused_at_its_first_chunk(pond: Pond) -> None:
    """Its length is known from there on."""
    answer = await pond.chunk(0, b"a" * 60, 10**13, name="a")
    assert (status(answer), pond.held()) == (413, 0)
