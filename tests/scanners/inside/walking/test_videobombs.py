"""Videos that cost a careless reader seconds or gigabytes."""

import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.corpus import pictures
from tests.pictures.films import film, needs_av
from tests.repository import ROOT

FRAMES = [pictures.photograph(it, width=96, height=64) for it in range(3)]

MOST_KIB = 400 * 1024
CPU_S = 4.0
"""CPU seconds of the walk; one long step may take some more."""

SCAN = r"""
import re, sys, time
from pathlib import Path

from tests.scanners.scans import scanned

content = Path(sys.argv[1]).read_bytes()
scanned(b"", cpu_s=1.0)
begun_s = time.process_time()
scan = scanned(content, cpu_s=float(sys.argv[2]))
print(time.process_time() - begun_s)
status = Path("/proc/self/status").read_text()  # `getrusage` tells of the parent
print(re.search(r"VmHWM:\s+(\d+)", status)[1])
"""


def with_count(name: bytes, place: int, count: int) -> bytes:
    """Return a video with another number in one of its tables."""
    content = film(FRAMES)
    at = content.index(name) + place
    return content[:at] + struct.pack(">I", count) + content[at + 4 :]


def with_size(side: int) -> bytes:
    """Return a video that says it has so many pixels a side."""
    content = film(FRAMES)
    at = content.index(b"avc1") + 28
    return content[:at] + struct.pack(">HH", side, side) + content[at + 4 :]


def endless_boxes() -> bytes:
    """Return an MP4 of a million boxes without content."""
    return b"\0\0\0\x14ftypisom\0\0\0\0mp42" + b"\0\0\0\x08free" * 1_000_000


def large_frames() -> bytes:
    """Return a video of frames in 8K, which take a few bytes each."""
    return film([pictures.flat(width=7680, height=4320)] * 6, group=2)


def many_frames() -> bytes:
    """Return a video of thirty thousand frames of sixteen pixels a side."""
    little = [it.resize((16, 16)) for it in FRAMES]
    return film(little * 10_000, form="matroska", group=10, rate=1000)


@needs_av
@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: with_count(b"stsz", 12, 0x7FFF_FFFF), id="sizes"),
        pytest.param(lambda: with_count(b"stsz", 12, 1_999_999), id="some-sizes"),
        pytest.param(lambda: with_count(b"stts", 8, 0x7FFF_FFFF), id="times"),
        pytest.param(lambda: with_count(b"stts", 12, 0x7FFF_FFFF), id="long-run"),
        pytest.param(lambda: with_count(b"stsc", 8, 0x0FFF_FFFF), id="chunks"),
        pytest.param(lambda: with_count(b"stco", 8, 0x0FFF_FFFF), id="offsets"),
        pytest.param(lambda: with_count(b"stss", 8, 0x0FFF_FFFF), id="keys"),
        pytest.param(lambda: with_size(65_535), id="lying-size"),
        pytest.param(endless_boxes, id="boxes"),
        pytest.param(large_frames, id="8k"),
        pytest.param(many_frames, id="many"),
    ],
)
def test_bomb_stays_within_its_budgets(
    make: Callable[[], bytes], tmp_path: Path
) -> None:
    """It takes less than 400 MiB, and not much more time than it may."""
    file = tmp_path / "film"
    file.write_bytes(make())
    result = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", SCAN, str(file), str(CPU_S)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    cpu_s, peak_kib = result.stdout.splitlines()

    assert float(cpu_s) < CPU_S
    assert int(peak_kib) < MOST_KIB
