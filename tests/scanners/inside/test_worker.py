"""The real scanner process: its findings, and the cost of hostile pictures."""

from dataclasses import replace

import pytest

from tests.corpus import pictures
from tests.fuzz import seeds
from tests.pictures import made
from tests.scanners.inside.walking.zips import zip_of
from tests.scanners.memory import upload_of
from uploadfilter.model import PERCEPTUAL_TYPES, Reason, Scan, SignalType
from uploadfilter.scanners.inside.scanning import scan_content
from uploadfilter.scanners.pool.merging import MergedContent
from uploadfilter.scanners.pool.pool import ScannerPool
from uploadfilter.scanners.pool.settings import ScannerSettings
from uploadfilter.scanners.wire.budgets import LEAST_ADDRESS_SPACE, Budgets
from uploadfilter.scanners.wire.messages import ContentSpan
from uploadfilter.signals.views import ALWAYS

pytestmark = pytest.mark.asyncio(loop_factories=["uvloop"])

ONE = ScannerSettings(workers=1)

PATIENT = Budgets(content_wall_s=600, upload_wall_s=600)
"""A busy machine gives a scan of low priority little time by the clock."""
PHOTO = pictures.photograph(5, width=640, height=480)
JPEG = pictures.jpeg(PHOTO)


def here(fd: int, spans: list[ContentSpan], types: frozenset[SignalType]) -> list[Scan]:
    """Scan in this process, as the process should."""
    scans = []
    for span in spans:
        gathered = MergedContent(Budgets())
        for part in scan_content(fd, span, types=types, budgets=Budgets()):
            assert gathered.add(part.scan)
        scan = gathered.scan()
        assert scan is not None
        scans.append(scan)
    return scans


async def test_scanner_finds_what_is_found_without_one() -> None:
    """Scans are the same in a process and out of it, and come in order."""
    contents = (JPEG, b"", b"text", pictures.png(PHOTO), JPEG[:40])
    with upload_of(*contents, declared=(None, "image/png")) as (fd, spans):
        async with ScannerPool.open(ONE) as pool:
            scans = await pool.scan(fd, spans, types=ALWAYS)

        assert list(scans) == here(fd, spans, ALWAYS)


@pytest.mark.usefixtures("started_anew")
async def test_scanner_computes_every_type_within_its_limits() -> None:
    """Late imports of a signal type still work in a confined process."""
    types = frozenset(PERCEPTUAL_TYPES)
    with upload_of(JPEG) as (fd, spans):
        async with ScannerPool.open(ONE) as pool:
            scans = await pool.scan(fd, spans, types=types)

        assert list(scans) == here(fd, spans, types)


async def test_scanner_computes_digests_when_asked() -> None:
    """The command line has the digests of its files computed in the process."""
    with upload_of(JPEG) as (fd, spans):
        async with ScannerPool.open(ONE) as pool:
            (with_digests,) = await pool.scan(fd, spans, types=ALWAYS, digests=True)
            (without,) = await pool.scan(fd, spans, types=ALWAYS)

    assert len(with_digests.exact) == 3
    assert without == replace(with_digests, exact=())


@pytest.mark.parametrize(
    ("content", "budgets", "reason"),
    [
        pytest.param(pictures.bomb_png(), PATIENT, Reason.TOO_MANY_PIXELS, id="pixels"),
        pytest.param(
            pictures.bomb_png(side=7000),
            replace(PATIENT, address_space=LEAST_ADDRESS_SPACE),
            Reason.OUT_OF_MEMORY,
            id="memory",
        ),
        pytest.param(
            pictures.bomb_png(side=7000),
            replace(PATIENT, content_cpu_s=0.05),
            Reason.OUT_OF_TIME,
            id="time",
        ),
    ],
)
async def test_bomb_costs_no_more_than_its_budget(
    content: bytes, budgets: Budgets, reason: Reason
) -> None:
    """A bomb ends with the budget it exceeds as the reason, and the next is fine."""
    settings = replace(ONE, budgets=budgets)
    with upload_of(content, pictures.png(pictures.flat())) as (fd, spans):
        async with ScannerPool.open(settings) as pool:
            scans = await pool.scan(fd, spans, types=ALWAYS)

    assert [scan.reason for scan in scans] == [reason, None]


LITTLE = pictures.jpeg(PHOTO.resize((96, 96)))
TIGHT = replace(PATIENT, max_decoded_bytes=150_000)
"""Pictures of 40,000 pixels are too large for an ordinary process."""


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF", "TIFF"])
async def test_large_picture_has_the_views_of_any_other(kind: str) -> None:
    """The same decoder runs in a process with more memory; also inside an archive."""
    picture = PHOTO.resize((200, 200))
    content = seeds.heic(picture) if kind == "HEIF" else made.saved(picture, kind)
    with upload_of(content, zip_of(a=LITTLE, b=content)) as (fd, spans):
        async with ScannerPool.open(replace(ONE, budgets=TIGHT)) as pool:
            large = await pool.scan(fd, spans, types=ALWAYS)
            assert pool.figures.large == 2
        async with ScannerPool.open(replace(ONE, budgets=PATIENT)) as pool:
            usual = await pool.scan(fd, spans, types=ALWAYS)
            assert pool.figures.large == 0

    assert [scan.reasons for scan in large] == [(), ()]
    assert large == usual


async def test_machine_without_memory_for_large_pictures_refuses_them() -> None:
    """An operator may switch the large process off."""
    budgets = replace(TIGHT, large_address_space=0)
    content = made.saved(PHOTO.resize((200, 200)), "WEBP")
    with upload_of(content) as (fd, spans):
        async with ScannerPool.open(replace(ONE, budgets=budgets)) as pool:
            (scan,) = await pool.scan(fd, spans, types=ALWAYS)

    assert scan.reasons == (Reason.TOO_MANY_PIXELS,)


async def test_scanner_scans_a_picture_after_a_bomb_that_ate_its_memory() -> None:
    """A process that ran out of memory is replaced before the next upload."""
    settings = replace(ONE, budgets=replace(PATIENT, address_space=LEAST_ADDRESS_SPACE))
    with upload_of(pictures.bomb_png(side=7000)) as (fd, spans):
        async with ScannerPool.open(settings) as pool:
            pids = pool.pids
            await pool.scan(fd, spans, types=ALWAYS)
            with upload_of(JPEG) as (other, other_spans):
                (scan,) = await pool.scan(other, other_spans, types=ALWAYS)

            assert not set(pids) & set(pool.pids)

    assert scan.reason is None
