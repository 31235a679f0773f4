"""The scan shows every picture that PHP and ImageMagick open, or gives a reason.

They are who makes thumbnails on most sites, and both go by the first bytes whatever a
file is called.
"""

import re
import subprocess
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from tests.scanners.inside.walking.samples import (
    LEAST_SIDE,
    NAMES,
    STRAY,
    sample,
    says_something,
)
from tests.scanners.scans import scanned
from uploadfilter.uploads.head.codings import claimed_type

pytestmark = pytest.mark.e2e

SEED: Final = 20_112
ROUNDS: Final = 12
"""Files that are made of each sample."""

LIMIT_S: Final = 300

PHP: Final = """
foreach (array_slice($argv, 1) as $file) {
    // Without a magic, noise is a picture too: WBMP is looked for by its size.
    if (file_get_contents($file, false, null, 0, 1) === "\\0"
        && (@getimagesize($file)[2] ?? IMAGETYPE_WBMP) === IMAGETYPE_WBMP) continue;
    $image = @imagecreatefromstring(file_get_contents($file));
    $side = $image ? min(imagesx($image), imagesy($image)) : 0;
    if ($side >= 32) echo basename($file), "\\n";
}
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Write samples with changed heads, under names that say nothing."""
    folder = tmp_path_factory.mktemp("kinds")
    rng = np.random.default_rng(SEED)
    made: dict[str, Path] = {}
    for name in NAMES:
        content = sample(name)
        for number in range(ROUNDS):
            path = folder / f"{name}-{number}.bin"
            path.write_bytes(changed(content, rng) if number else content)
            made[path.name] = path
    return made


def changed(content: bytes, rng: np.random.Generator) -> bytes:
    """Change some bytes of a head, or put one in front or between."""
    data = bytearray(content)
    for at in rng.integers(0, 40, rng.integers(0, 5)):
        data[at] = rng.choice((0, 1, 9, 32, 65, 127, 255))
    if rng.integers(2):
        at = rng.choice((0, 13, 30))
        data[at:at] = STRAY[rng.integers(len(STRAY))]
    return bytes(data)


def passed_over(files: dict[str, Path], shown: set[str]) -> list[str]:
    """Return the files that are shown and of which a scan says nothing."""
    return [
        name
        for name in sorted(shown)
        if not says_something(scanned(files[name].read_bytes()))
    ]


def test_what_php_shows_is_never_passed_over(
    files: dict[str, Path], tmp_path: Path
) -> None:
    """PHP's GD, which WordPress uses where there is no ImageMagick."""
    script = tmp_path / "show.php"
    script.write_text("<?php" + PHP, encoding="ascii")
    done = subprocess.run(  # noqa: S603 - a program of the distribution
        ("/usr/bin/php", str(script), *map(str, files.values())),
        capture_output=True,
        check=True,
        timeout=LIMIT_S,
    )
    shown = set(done.stdout.decode("utf-8").split())

    assert {"JPEG-0.bin", "PNG-0.bin", "GIF-0.bin"} <= shown
    assert passed_over(files, shown) == []


def test_what_imagemagick_shows_is_never_passed_over(files: dict[str, Path]) -> None:
    """ImageMagick, by any magic that it knows."""
    shown = seen_in(files)

    assert {"JPEG-0.bin", "PNG-0.bin", "GIF-0.bin"} <= shown
    assert passed_over(files, shown) == []


WRITTEN: Final = (
    *("cin", "dcx", "dds", "dpx", "exr", "farbfeld", "fits", "fl32", "hdr", "mng"),
    *("palm", "pcx", "pdb", "pfm", "pgx", "phm", "sgi", "sun", "txt", "vicar"),
    *("viff", "vips", "wpg", "xbm", "xpm", "miff", "pam"),
)
"""The formats that ImageMagick writes and browsers do not show; the magic of a Photo CD
is too far from its start."""


def test_what_imagemagick_writes_is_never_passed_over(tmp_path: Path) -> None:
    """Each of its formats that it recognises by its first bytes."""
    names = [f"{name}:{tmp_path}/{name}-0.bin" for name in WRITTEN]
    writes = [word for name in names for word in ("(", "+clone", "-write", name, ")")]
    subprocess.run(  # noqa: S603 - a program of the distribution
        ("/usr/bin/convert", "-size", "64x48", "plasma:", *writes, "null:"),
        capture_output=True,
        check=False,  # of some only the first line is another's
        timeout=LIMIT_S,
    )
    files = {path.name: path for path in tmp_path.glob("*.bin")}
    done = subprocess.run(  # noqa: S603 - a program of the distribution
        ("/usr/bin/identify", "-format", "%f\\n", *map(str, files.values())),
        capture_output=True,
        check=False,
        timeout=LIMIT_S,
    )
    shown = set(done.stdout.decode("utf-8").split())

    assert {"dcx-0.bin", "vips-0.bin", "viff-0.bin", "wpg-0.bin"} <= shown
    assert passed_over(files, shown) == []


UNSIZED: Final = frozenset(
    {"cal", "cals", "info", "json", "map", "mpc", "stegano", "yaml"}
)
"""Formats that it reads only with another file or a given size, and formats without
pictures."""


def test_what_imagemagick_opens_by_its_name_is_never_passed_over(
    tmp_path: Path,
) -> None:
    """Each format that it writes and reads again, as it says itself."""
    listed = subprocess.run(
        ("/usr/bin/convert", "-list", "format"),
        capture_output=True,
        check=True,
        timeout=LIMIT_S,
    )
    found = re.findall(
        r"^ +([A-Z0-9]+)\*? +\S+ +rw", listed.stdout.decode(), re.MULTILINE
    )
    names = sorted({name.lower() for name in found} - UNSIZED)
    files = {f"{name}.{name}": tmp_path / f"{name}.{name}" for name in names}
    for path in files.values():
        subprocess.run(  # noqa: S603 - a program of the distribution
            ("/usr/bin/convert", "-size", "64x48", "plasma:", str(path)),
            capture_output=True,
            check=False,  # of some it cannot
            timeout=LIMIT_S,
        )
    shown = seen_in(files)
    passed = [
        name
        for name in sorted(shown)
        if not says_something(
            scanned(files[name].read_bytes(), claimed_type(None, name))
        )
    ]

    assert {"pict.pict", "palm.palm", "mtv.mtv", "jbig.jbig"} <= shown
    assert passed == []


def seen_in(files: dict[str, Path]) -> set[str]:
    """Return the files in which ImageMagick sees a picture."""
    done = subprocess.run(  # noqa: S603 - a program of the distribution
        ("/usr/bin/identify", "-format", "%f %w %h\\n", *map(str, files.values())),
        capture_output=True,
        check=False,  # it fails for those that it does not know
        timeout=LIMIT_S,
    )
    lines = (line.split() for line in done.stdout.decode("utf-8").splitlines())
    return {name for name, *sides in lines if min(map(int, sides)) >= LEAST_SIDE}
