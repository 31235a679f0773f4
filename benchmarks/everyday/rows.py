"""The rows of the benchmark: the result of each file, saved at once.

A row is one line of JSON in a file beside the packages, so that a run may end at any
time and the next one goes on. Files are scanned in an order that has nothing to do with
their names, so that the files scanned so far are a fair sample of all.
"""

import hashlib
import json
import os
import subprocess
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypedDict

from rich.progress import track

from benchmarks.everyday.files import File
from uploadfilter.decisions.policy import Policy, decide, strictest
from uploadfilter.decisions.presets import PRESETS
from uploadfilter.model import Action, Mode, Reason
from uploadfilter.proxy.inspecting.scanning import ALWAYS_SCANNED
from uploadfilter.scanners.pool.pool import ScannerPool
from uploadfilter.scanners.pool.settings import ScannerSettings
from uploadfilter.scanners.wire.messages import ContentSpan

_MOST_PLACES = 6
"""Contents with a reason that are listed for one file."""


class Row(TypedDict):
    """The result of one file."""

    sort: str
    name: str
    code: str
    bytes: int
    cpu_s: float
    wall_s: float
    contents: int
    rejected_by: list[str]
    reasons: list[str]
    where: list[str]


def is_rejected(row: Row) -> bool:
    """Tell whether the default policy rejects a file."""
    return "balanced" in row["rejected_by"]


def is_starved(row: Row) -> bool:
    """Tell whether the machine was too busy for a scan, so that there is no result."""
    return Reason.NO_SCANNER.value in row["reasons"]


def load(path: Path) -> dict[str, Row]:
    """Return the newest row of each file.

    Args:
        path: File of the saved rows; it may not exist.
    """
    if not path.exists():
        return {}
    rows: list[Row] = [
        json.loads(line) for line in path.read_text("utf-8").split("\n") if line
    ]
    return {row["name"]: row for row in rows}


def in_any_order(files: Iterable[File]) -> list[File]:
    """Return files in an arbitrary order, the same each time."""
    return sorted(files, key=lambda file: hashlib.sha256(file.name.encode()).digest())


def code() -> str:
    """Return the commit of the code, with a plus if it was changed since."""
    git = ["git", "-C", str(Path(__file__).parent)]
    try:
        commit = _output(*git, "rev-parse", "--short", "HEAD")
        changes = _output(*git, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return os.environ.get("EVERYDAY_CODE", "unknown")
    return commit + "+" * bool(changes)


def _output(*command: str) -> str:
    done = subprocess.run(  # noqa: S603 - fixed commands
        command, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


async def scan_all(
    files: Sequence[File], kept: Path, *, minutes: float | None
) -> dict[str, Row]:
    """Scan files, one after another, and keep a row of each.

    Args:
        files: The files.
        kept: File that rows are added to.
        minutes: Time after which no further file is begun; ``None`` scans all.

    Returns:
        The rows, by the names of the files.
    """
    rows: dict[str, Row] = {}
    begun_s, now = time.perf_counter(), code()
    async with ScannerPool.open(ScannerSettings(workers=1)) as pool:
        with kept.open("a", encoding="utf-8") as lines:
            for file in track(files, description="files"):
                spent_min = (time.perf_counter() - begun_s) / 60
                if minutes is not None and spent_min > minutes:
                    break
                row = await _scan(pool, file, now)
                lines.write(json.dumps(row, ensure_ascii=False) + "\n")
                lines.flush()
                rows[file.name] = row
    return rows


async def _scan(pool: ScannerPool, file: File, code: str) -> Row:
    """Scan one file; return its cost and its result."""
    before_s, begun_s = pool.cpu_s, time.perf_counter()
    fd = os.open(file.path, os.O_RDONLY)
    try:
        size = os.fstat(fd).st_size
        span = ContentSpan(path="0", offset=0, length=size)
        (found,) = await pool.scan(fd, [span], types=ALWAYS_SCANNED)
    finally:
        os.close(fd)
    judged = decide([found], (), mode=Mode.ENFORCE, policy=Policy())
    rejecting = [
        preset.value
        for preset, policy in PRESETS.items()
        if strictest(map(policy.action_for, judged.reasons)) is not Action.ACCEPT
    ]
    places = [
        (reason, f"{each.path.rpartition('!/')[2]} ({each.kind}): {reason.value}")
        for each in found.walk()
        for reason in each.reasons
    ]
    # Reasons that reject stand first, because not all are kept.
    places.sort(key=lambda place: Policy().action_for(place[0]) is Action.ACCEPT)
    return Row(
        sort=file.sort,
        name=file.name,
        code=code,
        bytes=size,
        cpu_s=round(max(0.0, pool.cpu_s - before_s), 3),
        wall_s=round(time.perf_counter() - begun_s, 3),
        contents=sum(1 for _ in found.walk()),
        rejected_by=rejecting,
        reasons=[reason.value for reason in judged.reasons],
        where=[place for _, place in places[:_MOST_PLACES]],
    )
