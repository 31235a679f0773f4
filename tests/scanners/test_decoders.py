"""Every format and every container, decoded inside the sandbox.

A library that is updated may ask the kernel for something new, or import a part of
itself late; then its result in a scanner differs from its result here.
"""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.corpus import pictures
from tests.corpus.bombs.bombs import Bomb
from tests.corpus.tricks.kit import Family, Trick
from tests.corpus.tricks.tricks import TRICKS
from tests.scanners.made import CHEAP, bomb_file
from tests.scanners.memory import upload_of
from tests.scanners.scans import scanned
from uploadfilter.model import PERCEPTUAL_TYPES, Scan
from uploadfilter.pictures.formats import SWITCHED_ON
from uploadfilter.scanners.pool.pool import ScannerPool
from uploadfilter.scanners.pool.settings import ScannerSettings

TARGET = pictures.photograph(11, width=96, height=72)
DECOY = pictures.photograph(12, width=96, height=72)
SETTINGS = ScannerSettings(workers=2, formats=tuple(sorted(SWITCHED_ON)))


def of(*families: Family) -> list[Trick]:
    """Return the tricks of some families."""
    return [trick for trick in TRICKS if trick.family in families]


def seen(scan: Scan) -> Iterator[tuple[object, ...]]:
    """Yield the findings in a content and in those inside it."""
    # Paths begin with that of the upload, which is not the same here and there.
    name = scan.path.partition("!/")[2]
    yield name, scan.kind, scan.size, scan.exact, scan.views, scan.reason
    for content in scan.contents:
        yield from seen(content)


FEW = [of(family)[0] for family in Family]
"""One trick of each family."""

GROUPS = {
    "formats": of(Family.FORMAT, Family.DEPTH),
    "frames": of(Family.FRAMES, Family.PROFILE),
    "containers": of(Family.CONTAINER, Family.COMBINED),
    "texts": of(Family.TEXT, Family.EMBEDDED),
}


@pytest.mark.asyncio(loop_factories=["uvloop"])
@pytest.mark.parametrize(
    "tricks",
    [
        pytest.param(FEW, id="few"),
        *(
            pytest.param(tricks, id=group, marks=pytest.mark.slow)
            for group, tricks in GROUPS.items()
        ),
    ],
)
async def test_decoders_see_in_the_sandbox_what_they_see_outside(
    tricks: Sequence[Trick],
) -> None:
    """No decoder needs anything that a scanner has given up."""
    types = frozenset(PERCEPTUAL_TYPES)
    contents = [trick.make(TARGET, DECOY) for trick in tricks]
    with upload_of(*contents) as (fd, spans):
        async with ScannerPool.open(SETTINGS) as pool:
            scans = [(await pool.scan(fd, [span], types=types))[0] for span in spans]
    names = [trick.name for trick in tricks]
    outside = [
        scanned(content, types=types, formats=SWITCHED_ON) for content in contents
    ]
    strange = [
        name
        for name, inside, expected in zip(names, scans, outside, strict=True)
        if list(seen(inside)) != list(seen(expected))
    ]

    assert strange == []
    assert sum(bool(scan.views or scan.contents) for scan in scans) > len(scans) / 2


@pytest.mark.parametrize(
    ("tricks", "bombs"),
    [
        pytest.param(FEW, [], id="few"),
        # The other bombs take minutes, and end at the same budgets.
        pytest.param(TRICKS, CHEAP, id="all", marks=pytest.mark.slow),
    ],
)
def test_nothing_is_imported_while_a_content_is_scanned(
    tricks: Sequence[Trick],
    bombs: Sequence[Bomb],
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Modules and codecs are there before, for sound, broken and costly files."""
    for trick in tricks:
        content = trick.make(TARGET, DECOY)
        (tmp_path / f"{trick.name}{trick.suffix}").write_bytes(content)
        half = content[: len(content) // 2]
        (tmp_path / f"{trick.name}-half{trick.suffix}").write_bytes(half)
    for bomb in bombs:
        (tmp_path / bomb.name).hardlink_to(bomb_file(bomb, tmp_path_factory))
    # Half a CPU minute in total, which may take minutes on a busy machine.
    command = [sys.executable, "-m", "tests.scanners.importing", str(tmp_path)]
    late = subprocess.run(  # noqa: S603 - our own program
        command, check=True, capture_output=True, text=True, timeout=1200
    )

    assert late.stdout == ""
