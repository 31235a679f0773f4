"""How many everyday files are rejected, although nothing is listed?

Ten thousand files as people have them are scanned by the scanners of the proxy, in
processes, as single uploads. No reference set is used, so that every rejection is one
without a match. The action of each preset is counted for each file, with the reasons.
Names of packages and of their files are kept, but no contents of files.

The result of each file is kept beside the packages, so that a run goes on after the end
of the last one. Files are scanned in an order that has nothing to do with their names,
so that the files scanned so far are a fair sample of all. ``EXPLAINED`` holds the cause
of each rejection; a run lists those that are missing.
"""

import hashlib
import os
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, TypedDict

from rich.console import Console
from rich.progress import track

from benchmarks import packages
from benchmarks.everyday import made
from benchmarks.everyday.files import File, chosen, files_of, pack_again
from benchmarks.harness import Aim, Kept, Options, Report
from uploadfilter.decisions.policy import Policy, decide, strictest
from uploadfilter.decisions.presets import PRESETS
from uploadfilter.inspection.scanning import ALWAYS_SCANNED
from uploadfilter.model import Action, Mode, Reason
from uploadfilter.scanners.pool.pool import ScannerPool
from uploadfilter.scanners.pool.settings import ScannerSettings
from uploadfilter.scanners.wire.messages import ContentSpan

PACKAGES = ("numpy", "pillow", "pillow-heif", "pypdfium2")
AIM = 0.001
"""Share of the files that ``balanced`` may reject."""

_MOST_PLACES = 6
"""Contents with a reason that are listed for one file."""

_QUICK = 0.01

EXPLAINED: Final[dict[str, str]] = {
    "sdist:pillow-heif": "tests of a library: pictures damaged on purpose, a sequence "
    "in HEIC, and a picture of 200 million pixels in one piece",
    "pypi:scikit-image": "a TIFF with samples of 64 bits, which no decoder here reads",
    "pypi:arcade": "42 MB of pictures for games: more signals than a reply may hold",
    "pypi:astropy": "a broken file as a test: packed, cut off, and in base64",
}
"""Beginnings of names of files, and why these are rejected."""


class Row(TypedDict):
    """The result of one file."""

    sort: str
    name: str
    bytes: int
    cpu_s: float
    wall_s: float
    contents: int
    rejected_by: list[str]
    reasons: list[str]
    where: list[str]


async def measure(options: Options, folder: Path) -> Report:
    """Scan the files that have no result yet, and count all results."""
    cache = folder if options.quick else options.cache
    kept = Kept(cache / "everyday.jsonl")
    files = everyday(options.cache, part=_QUICK if options.quick else 1.0)
    left = [file for file in files if file.name not in kept]
    left.sort(key=lambda file: hashlib.sha256(file.name.encode()).digest())
    async with ScannerPool.open(ScannerSettings(workers=1)) as pool:
        for file in track(left, "files", console=Console(stderr=True)):
            kept.add(file.name, await _scan(pool, file))
    return report_of([kept[file.name] for file in files])


def everyday(cache: Path, *, part: float) -> list[File]:
    """Return the files; missing ones are fetched, unpacked or made."""
    folder = cache / "made"
    folder.mkdir(parents=True, exist_ok=True)
    found = list(made.made(folder))
    each = max(1, round(1 / min(1, 3 * part)))
    fetched = packages.everyday(cache / "packages", each=each)
    for number, package in enumerate(fetched):
        found += files_of(package)
        if number % 3 == 0:
            found += pack_again(package, folder)
    return chosen(found, part=part)


async def _scan(pool: ScannerPool, file: File) -> Row:
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
        bytes=size,
        cpu_s=round(max(0.0, pool.cpu_s - before_s), 3),
        wall_s=round(time.perf_counter() - begun_s, 3),
        contents=sum(1 for _ in found.walk()),
        rejected_by=rejecting,
        reasons=[reason.value for reason in judged.reasons],
        where=[place for _, place in places[:_MOST_PLACES]],
    )


def report_of(rows: Sequence[Row]) -> Report:
    """Count the results of the files, by their sorts.

    Args:
        rows: The rows of all scanned files. If the machine was too busy for a scan,
            there is no result for the file; such files are counted as *starved*.
    """
    starved = [row for row in rows if Reason.NO_SCANNER.value in row["reasons"]]
    known = [row for row in rows if row not in starved]
    rejected = [row for row in known if "balanced" in row["rejected_by"]]
    lost = Counter(row["sort"] for row in rejected)
    sorts = Counter(row["sort"] for row in known)
    figures = {
        "files": len(known),
        "bytes": sum(row["bytes"] for row in known),
        "cpu_s": round(sum(row["cpu_s"] for row in known), 1),
        "rejected": len(rejected),
        "starved": [row["name"] for row in starved],
        "presets": {
            preset.value: sum(preset.value in row["rejected_by"] for row in known)
            for preset in PRESETS
        },
        "reasons": _counted(reason for row in known for reason in row["reasons"]),
        "rejections": [
            {"explanation": explanation_of(row["name"]), **row} for row in rejected
        ],
    }
    part = len(rejected) / max(len(known), 1)
    return Report(
        rows=[
            {"sort": sort, "files": count, "rejected": lost[sort]}
            for sort, count in sorted(sorts.items())
        ],
        figures=figures,
        aims=[Aim(text="share of files rejected", measured=part, most=AIM)],
    )


def explanation_of(name: str) -> str:
    """Return why a file is rejected; empty if there is no explanation.

    Args:
        name: The file's name, as in ``File``.
    """
    fitting = [begin for begin in EXPLAINED if name.startswith(begin)]
    return EXPLAINED[max(fitting, key=len)] if fitting else ""


def _counted(words: Iterable[str]) -> dict[str, int]:
    return dict(Counter(words).most_common())
