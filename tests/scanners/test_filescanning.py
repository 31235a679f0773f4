"""A file is scanned by its name, which the scanner is not told."""

import os
from pathlib import Path

import pytest

from tests.corpus import pictures
from uploadfilter.scanners.filescanning import FileScanner
from uploadfilter.scanners.pool.pool import ScannerPool
from uploadfilter.scanners.pool.settings import ScannerSettings
from uploadfilter.signals.views import ALWAYS


@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_file_is_scanned_by_its_name(tmp_path: Path) -> None:
    """What cannot be opened is an error of the system, and nothing stays open."""
    picture, pipe = tmp_path / "a.png", tmp_path / "pipe"
    picture.write_bytes(pictures.png(pictures.photograph(1, width=64, height=64)))
    os.mkfifo(pipe)
    async with ScannerPool.open(ScannerSettings(workers=1, spares=0)) as pool:
        scanner = FileScanner(pool, types=ALWAYS, workers=1)
        found = await scanner.scan(str(picture))
        named = await scanner.scan(str(picture), path="b")
        before = os.listdir("/proc/self/fd")  # noqa: PTH208 - descriptors
        with pytest.raises(OSError, match="not a regular file"):
            await scanner.scan(str(pipe))
        with pytest.raises(FileNotFoundError):
            await scanner.scan(str(tmp_path / "none"))
        after = os.listdir("/proc/self/fd")  # noqa: PTH208 - descriptors

    assert found.views
    assert found.exact
    assert (found.path, named.path) == ("0", "b")
    assert len(after) == len(before)
