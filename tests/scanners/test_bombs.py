"""Every bomb ends within its budgets in the real pool, and does not harm the pool."""

from collections.abc import Sequence

import pytest

from tests.corpus import pictures
from tests.corpus.bombs.bombs import BOMBS, Bomb
from tests.scanners.made import CHEAP, bomb_file
from tests.scanners.memory import upload_of
from uploadfilter.model import Reason, Scan
from uploadfilter.scanners.pool.pool import ScannerPool
from uploadfilter.scanners.pool.settings import ScannerSettings
from uploadfilter.scanners.wire.budgets import Budgets
from uploadfilter.signals.views import ALWAYS

PHOTO = pictures.jpeg(pictures.photograph(1, width=320, height=240))
WORKERS, SPARES = 2, 2
PARTS = 4
"""The number of processes that share the work of minutes."""

MANY = [bomb for bomb in BOMBS if bomb not in CHEAP]

PATIENCE_S = 600.0
"""Seconds by the clock after which a scan is given up."""

BOUNDED = frozenset(
    {
        Reason.TOO_MANY_PIXELS,
        Reason.SEARCH_UNFINISHED,
        Reason.TOO_MANY_FRAMES,
        Reason.KEY_FRAME_UNSEEN,
        Reason.TOO_MANY_VIEWS,
        Reason.TOO_MANY_SIGNALS,
        Reason.TOO_MANY_JPEG_SCANS,
        Reason.TOO_MANY_CONTENTS,
        Reason.TOO_MANY_BYTES,
        Reason.TOO_COMPRESSED,
        Reason.TOO_DEEP,
        Reason.OUT_OF_TIME,
        Reason.OUT_OF_MEMORY,
        Reason.UNDECODABLE,
        Reason.TRUNCATED,
        Reason.NOT_INSPECTED,
        Reason.ENCRYPTED,
    }
)
"""Allowed results of a bomb, besides a complete scan."""


async def scan(pool: ScannerPool, content: bytes, declared: str) -> Scan:
    """Scan one content."""
    with upload_of(content, declared=(declared,)) as (fd, spans):
        (found,) = await pool.scan(fd, spans, types=ALWAYS)
        return found


async def check(pool: ScannerPool, bomb: Bomb, content: bytes) -> None:
    """Scan a bomb and a photo after it."""
    most = Budgets().for_content(len(content)).max_contents
    found = await scan(pool, content, bomb.media_type)
    reasons = {each.reason for each in found.walk() if each.reason is not None}

    assert reasons <= BOUNDED, bomb.name
    assert sum(1 for _ in found.walk()) <= 2 + 2 * most, bomb.name
    photo = await scan(pool, PHOTO, "image/jpeg")
    assert photo.reason is None, bomb.name
    assert photo.views, bomb.name
    assert len(pool.pids) <= WORKERS + SPARES + 1, bomb.name


@pytest.mark.asyncio(loop_factories=["uvloop"])
@pytest.mark.parametrize(
    "bombs",
    [
        pytest.param(CHEAP, id="few"),
        *(
            pytest.param(MANY[part::PARTS], id=str(part), marks=pytest.mark.slow)
            for part in range(PARTS)
        ),
    ],
)
async def test_bombs_end_within_their_budgets(
    bombs: Sequence[Bomb], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Each has a reason or is complete, crashes nothing, and the next is served."""
    # A busy machine gives a scan of low priority little time by the clock.
    budgets = Budgets(content_wall_s=PATIENCE_S, upload_wall_s=PATIENCE_S)
    settings = ScannerSettings(workers=WORKERS, spares=SPARES, budgets=budgets)
    async with ScannerPool.open(settings) as pool:
        for bomb in bombs:
            await check(pool, bomb, bomb_file(bomb, tmp_path_factory).read_bytes())

        assert (pool.figures.crashed, pool.figures.garbled) == (0, 0)
