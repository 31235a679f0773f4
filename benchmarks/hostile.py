"""What do hostile files cost?

CPU seconds and peak memory of the scanner processes, and the verdict, for every bomb of
``tests/corpus/bombs/bombs.py``, each a few kilobytes to a few megabytes. No bomb may
crash a scanner: a filter that drops work would seem fast. Whether bombs delay the
uploads of others is measured by the attacks of ``proxy``.
"""

import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.harness import Aim, Options, Report
from tests.corpus.bombs.bombs import BOMBS, Bomb
from uploadfilter.decisions.policy import Policy, decide
from uploadfilter.inspection.scanning import ALWAYS_SCANNED
from uploadfilter.model import Mode, Reason, Scan
from uploadfilter.scanners.pool.pool import ScannerPool
from uploadfilter.scanners.pool.settings import ScannerSettings
from uploadfilter.scanners.wire.messages import ContentSpan

PACKAGES = ("numpy", "pillow", "pillow-heif", "pypdfium2")

CPU_AIM_S = 0.3
"""Decoders alone take half of it and more: 0.15 CPU seconds for a HEIC of 24 million
pixels, 0.16 for a WebP of 16 million, and 0.5 for a PNG of 49 million, which therefore
is an exception. The rest makes planes of luma of so many pixels."""

MEMORY_AIM_MIB = 300
EXCEPTIONS = 3
"""Number of kinds of bombs that may cost up to the budget of a content."""

SAMPLING_S = 0.002
"""How often the memory of the scanners is read: a bomb that ends sooner has not touched
much memory."""


@dataclass(slots=True)
class Peak:
    """The highest memory of any process during the measurement."""

    bytes: int = 0


@contextmanager
def watched(pool: ScannerPool) -> Iterator[Peak]:
    """Watch the resident memory of all scanners during the block."""
    peak, is_over = Peak(), threading.Event()

    def watch() -> None:
        while not is_over.wait(SAMPLING_S):
            peak.bytes = max([peak.bytes, *map(_resident, pool.pids)])

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        is_over.set()
        thread.join()


def _resident(pid: int) -> int:
    """Return the highest resident memory of a process so far, in bytes."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return 0
    found = status.partition("VmHWM:")[2].split(None, 1)
    return int(found[0]) * 1024 if found else 0


async def explode(bomb: Bomb, *, settings: ScannerSettings) -> dict[str, Any]:
    """Scan one bomb in a pool of its own; return its cost and its result."""
    data = bomb.make()
    fd = os.memfd_create("upload")
    os.write(fd, data)
    span = ContentSpan(
        path="0", offset=0, length=len(data), declared_type=bomb.media_type
    )
    try:
        async with ScannerPool.open(settings) as pool:
            before_s, begun = pool.cpu_s, time.perf_counter()
            with watched(pool) as peak:
                (scan,) = await pool.scan(fd, [span], types=ALWAYS_SCANNED)
            wall_s = time.perf_counter() - begun
            # Measured before the template ends; its start would count as well.
            cpu_s = pool.cpu_s - before_s
    finally:
        os.close(fd)
    judged = decide([scan], (), mode=Mode.ENFORCE, policy=Policy())
    return {
        "bomb": bomb.name,
        "bytes": len(data),
        "cpu_s": round(cpu_s, 3),
        "wall_s": round(wall_s, 3),
        "peak_mib": round(peak.bytes / 2**20),
        "verdict": judged.verdict.value,
        "reasons": sorted(_reasons(scan)),
        "contents": sum(1 for _ in scan.walk()),
    }


def _reasons(scan: Scan) -> set[str]:
    return {each.reason.value for each in scan.walk() if each.reason is not None}


async def measure(options: Options, _folder: Path) -> Report:
    """Measure every bomb; the most expensive ones come first."""
    settings = ScannerSettings(workers=1)
    rows = []
    for bomb in BOMBS[:: 10 if options.quick else 1]:
        row = await explode(bomb, settings=settings)
        if Reason.CRASHED.value in row["reasons"]:
            raise RuntimeError(f"{bomb.name} crashed a scanner")
        rows.append(row)
    rows.sort(key=lambda row: -row["cpu_s"])
    return Report(rows=rows, aims=_aims(rows))


def _aims(rows: Sequence[Mapping[str, Any]]) -> list[Aim]:
    dear = sum(row["cpu_s"] > CPU_AIM_S for row in rows)
    large = sum(row["peak_mib"] > MEMORY_AIM_MIB for row in rows)
    return [
        Aim(text=f"bombs over {CPU_AIM_S} CPU s", measured=dear, most=EXCEPTIONS),
        Aim(text=f"bombs over {MEMORY_AIM_MIB} MiB", measured=large, most=EXCEPTIONS),
    ]
