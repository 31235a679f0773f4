"""A route names the protocol of its uploads in pieces."""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass

import pytest
import pytest_asyncio

from tests.corpus import pictures
from tests.proxy.assembling import (
    test_nextcloud,
    test_s3,
    test_tus,
    test_webforms,
)
from tests.proxy.assembling.nextcloudorigin import NextcloudOrigin
from tests.proxy.assembling.s3origin import S3Origin
from tests.proxy.assembling.tusorigin import TusOrigin
from tests.proxy.site import Site, exact_entry, site
from tests.proxy.wire import OK, Got
from uploadfilter.decisions.records.records import PiecesRecord
from uploadfilter.model import Mode, Verdict
from uploadfilter.proxy.routing.routes import Route, UploadProtocol


@dataclass(slots=True)
class Served:
    """A filter before an origin of one protocol.

    Attributes:
        site: The filter.
        shown: Returns every file that somebody can fetch at the origin by itself.
    """

    site: Site
    shown: Callable[[], Iterable[bytes]]


async def by_tus(site: Site, pieces: Sequence[bytes]) -> Served:
    """Send pieces as partial uploads, which a final one joins."""
    origin = TusOrigin()
    site.origin.answering = origin.answer
    client = test_tus.Client(site)
    targets = []
    for piece in pieces:
        concat = "Upload-Concat: partial"
        targets.append(await client.create(len(piece), concat, path="/tus"))
        await client.patch(targets[-1], 0, piece)
    await client.ask("POST", "/tus", f"Upload-Concat: final;{' '.join(targets)}")
    return Served(site, origin.retrievable)


async def by_s3(site: Site, pieces: Sequence[bytes]) -> Served:
    """Send pieces as parts, each of which GetObject returns by its number."""
    origin = S3Origin()
    site.origin.answering = origin.answer
    client = test_s3.Client(site, path="/s3/key")
    upload_id = await client.begin()
    parts = dict(enumerate(pieces, 1))
    for number, piece in parts.items():
        await client.part(upload_id, number, piece)
    await client.complete(upload_id, parts)
    # A part can be fetched only after its object is there.
    return Served(
        site, lambda: [*origin.objects.values(), *(origin.objects and pieces)]
    )


async def by_nextcloud(site: Site, pieces: Sequence[bytes]) -> Served:
    """Send pieces as chunks, which their user can fetch."""
    origin = NextcloudOrigin()
    site.origin.answering = origin.answer
    client = test_nextcloud.Client(site, total=sum(map(len, pieces)))
    await client.upload(pieces, range(len(pieces)))
    return Served(site, lambda: origin.seen)


async def by_forms(site: Site, pieces: Sequence[bytes]) -> Served:
    """Send pieces as slices of a form, which a script appends to a file."""
    page, at = test_webforms.Page(site, "dropzone"), 0
    total = sum(map(len, pieces))
    for index, piece in enumerate(pieces):
        await page.post(piece, index, len(pieces), at, total)
        at += len(piece)

    def shown() -> list[bytes]:
        slices = [test_webforms.file_in(got) for got in site.origin.got]
        return [*slices, *(b"".join(slices[:end]) for end in range(len(slices) + 1))]

    return Served(site, shown)


SENDERS = {
    UploadProtocol.TUS: by_tus,
    UploadProtocol.S3: by_s3,
    UploadProtocol.NEXTCLOUD: by_nextcloud,
    UploadProtocol.FORMS: by_forms,
}
PATHS = {UploadProtocol.NEXTCLOUD: "/remote.php"}
"""Where a protocol, or the client of its tests, has its addresses."""

LISTED = b"words that a test lists by their digest alone, in no picture"
PICTURE = pictures.png(pictures.photograph(2, width=64, height=48))
CUT = [PICTURE[:500], PICTURE[500:900], PICTURE[900:]]
OTHERS = [b"what stands before them; ", b", and what comes after them"]


def test_each_protocol_is_sent() -> None:
    """A further protocol is held to the same property."""
    assert SENDERS.keys() == set(UploadProtocol)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A filter with a route for each protocol."""
    routes = tuple(
        Route(
            name=name.value,
            origin="default",
            path=PATHS.get(name, f"/{name.value}"),
            mode=Mode.ENFORCE,
            protocol=name,
        )
        for name in UploadProtocol
    )
    state = tmp_path_factory.mktemp("protocols")
    async with site(state, listed=(exact_entry(1, LISTED),), routes=routes) as made:
        yield made


@pytest.fixture
def served(shared: Site) -> Site:
    """The filter, without an upload, before an origin that has got nothing."""
    for file in (shared.state / "uploads").glob("*.*"):
        file.unlink()
    shared.origin.got.clear()
    shared.origin.answering = shared.origin.breaks = None
    shared.origin.answers = [OK]
    return shared


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("protocol", UploadProtocol)
async def test_piece_that_is_a_listed_file_is_never_shown(
    served: Site, protocol: UploadProtocol, place: int
) -> None:
    """Wherever it stands among others; only the digest of the piece tells it."""
    pieces = list(OTHERS)
    pieces.insert(place, LISTED)
    known = len(served.decisions())
    sent = await SENDERS[protocol](served, pieces)
    assert LISTED not in sent.shown()
    (decision,) = served.decisions()[known:]
    assert decision.verdict is Verdict.MATCH


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("protocol", UploadProtocol)
async def test_pieces_that_begin_as_a_listed_file_are_never_shown(
    served: Site, protocol: UploadProtocol
) -> None:
    """An origin that refuses the last piece keeps those before it."""
    sent = await SENDERS[protocol](served, [LISTED[:20], LISTED[20:], OTHERS[1]])
    assert LISTED not in sent.shown()


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("protocol", UploadProtocol)
async def test_harmless_pieces_are_not_turned_away(
    served: Site, protocol: UploadProtocol
) -> None:
    """A picture that a client cut is broken in each piece, and accepted whole."""
    known = len(served.decisions())
    sent = await SENDERS[protocol](served, CUT)
    (decision,) = served.decisions()[known:]
    assert (decision.verdict, decision.reasons) == (Verdict.NO_MATCH, ())
    assert decision.pieces == PiecesRecord(protocol=protocol, count=len(CUT))
    assert any(sent.shown())


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("protocol", UploadProtocol)
async def test_origin_that_breaks_off_a_replay_gets_nothing_twice(
    served: Site, protocol: UploadProtocol
) -> None:
    """Its decision has an outcome, and the client that repeats it begins anew."""
    known = len(served.decisions())
    replayed: list[bytes] = []

    def breaks(got: Got) -> bool:
        replayed.extend(got.header(b"uploadfilter-decision"))
        return bool(got.header(b"uploadfilter-decision"))

    served.origin.breaks = breaks
    await SENDERS[protocol](served, CUT)
    (decision,) = served.decisions()[known:]
    assert await served.outcome(decision.id) == "aborted"
    assert replayed == [decision.id.encode()]
    files = (served.state / "uploads").glob("*.data")
    assert sum(file.stat().st_size for file in files) == 0
