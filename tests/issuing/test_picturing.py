"""Building from pictures: off the main thread, broken off, and gone on with."""

import asyncio
import os
import threading
from pathlib import Path

import pytest

from tests.corpus import pictures
from uploadfilter.issuing.building import BuildFile, LeftOut, Naming
from uploadfilter.issuing.picturing import build
from uploadfilter.scanners.pool.settings import ScannerSettings

SETTINGS = ScannerSettings(workers=1)
FILES = 12
"""More than are in work at a time, so that some are left when it is broken off."""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a folder of pictures of one category."""
    folder = tmp_path / "in" / "1"
    folder.mkdir(parents=True)
    for seed in range(FILES):
        photo = pictures.photograph(seed, width=96, height=72)
        (folder / f"{seed:02}.png").write_bytes(pictures.png(photo))
    return folder.parent


def test_broken_off_in_a_thread_it_goes_on_where_it_was(
    source: Path, tmp_path: Path
) -> None:
    """A page builds in a thread of its own; no file is read twice or missed."""
    path = tmp_path / "out.jsonl"
    first = BuildFile(path)

    async def broken_off() -> None:
        def stop() -> None:
            task.cancel()

        work = build(source, first, Naming(), SETTINGS, on_done=stop)
        task = asyncio.ensure_future(work)
        await asyncio.wait([task])
        assert task.cancelled()

    thread = threading.Thread(target=lambda: asyncio.run(broken_off()))
    thread.start()
    thread.join()
    first.close()
    second = BuildFile(path)
    asyncio.run(build(source, second, Naming(), SETTINGS, on_done=lambda: None))
    second.finish()
    second.close()

    assert 0 < first.built.entries < FILES
    assert second.built.resumed == first.built.entries
    assert len(path.read_text().splitlines()) == FILES


def test_what_is_no_file_is_told_from_what_cannot_be_read(
    source: Path, tmp_path: Path
) -> None:
    """Links to folders and pipes are named as such; links to files are followed."""
    for path in sorted((source / "1").iterdir())[1:]:
        path.unlink()
    (source / "1" / "folder").symlink_to(tmp_path)
    os.mkfifo(source / "1" / "pipe")
    (source / "1" / "gone").symlink_to(tmp_path / "gone")
    out = BuildFile(tmp_path / "out.jsonl")
    asyncio.run(build(source, out, Naming(), SETTINGS, on_done=lambda: None))
    out.close()

    assert out.built.entries == 1
    assert out.built.refused == {LeftOut.NO_FILE: 2, LeftOut.UNREADABLE: 1}
