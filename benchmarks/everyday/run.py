"""How many everyday files are rejected, although nothing is listed?

Ten thousand files as people have them are scanned by the scanners of the proxy, in
processes, as single uploads; no reference set is asked, so that every rejection is one
without a match. What each preset would do with each is counted, with the reasons. Names
of packages and of files in them are kept, and nothing of their contents.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.progress import track

from benchmarks import machine
from benchmarks.everyday import made, packages
from benchmarks.everyday.files import File, chosen, files_of, packed
from uploadfilter.decisions.policy import Policy, decide, strictest
from uploadfilter.decisions.presets import PRESETS
from uploadfilter.model import Action, Mode
from uploadfilter.proxy.inspecting.upload import ALWAYS_SCANNED
from uploadfilter.scanners.messages import ContentSpan
from uploadfilter.scanners.pool import ScannerPool
from uploadfilter.scanners.settings import ScannerSettings

RESULTS = Path(__file__).parent.parent / "results"
CACHE = Path(tempfile.gettempdir()) / "uploadfilter-everyday"
PACKAGES = ("numpy", "pillow", "pillow-heif", "pikepdf")
AIM = 0.001
"""Part of the files that ``balanced`` may reject."""

SLOW_S = 1.0


def everyday(cache: Path, *, share: float, only: Sequence[str]) -> list[File]:
    """Return the files, fetching, unpacking and making what is not there yet."""
    folder = cache / "made"
    folder.mkdir(parents=True, exist_ok=True)
    found = list(made.made(folder))
    for number, package in enumerate(packages.fetched(cache, share=min(1, 3 * share))):
        found += files_of(package)
        if number % 3 == 0:
            found += packed(package, folder)
    kept = chosen(found, share=share)
    return [file for file in kept if not only or file.sort in only]


async def scan(pool: ScannerPool, file: File) -> dict[str, object]:
    """Scan one file; return what it cost and what became of it."""
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
    return {
        "sort": file.sort,
        "name": file.name,
        "bytes": size,
        "cpu_s": round(pool.cpu_s - before_s, 3),
        "wall_s": round(time.perf_counter() - begun_s, 3),
        "contents": sum(1 for _ in found.walk()),
        "is_rejected": judged.action is not Action.ACCEPT,
        "rejected_by": rejecting,
        "reasons": [reason.value for reason in judged.reasons],
        "where": sorted(
            f"{each.path.rpartition('!/')[2]} ({each.kind}): {each.reason.value}"
            for each in found.walk()
            if each.reason is not None
        )[:6],
    }


async def scan_all(files: Sequence[File]) -> list[dict[str, object]]:
    """Scan all files, one after another."""
    async with ScannerPool.open(ScannerSettings(workers=1)) as pool:
        return [await scan(pool, file) for file in track(files, description="files")]


def summary(rows: Sequence[dict[str, object]]) -> dict[str, object]:
    """Count what became of the files."""
    rejected = [row for row in rows if row["is_rejected"]]
    by_sort = Counter(str(row["sort"]) for row in rows)
    lost = Counter(str(row["sort"]) for row in rejected)
    why = Counter(str(row["reasons"][0]) for row in rejected)  # type: ignore[index]
    seen = Counter(reason for row in rows for reason in row["reasons"])  # type: ignore[attr-defined]
    return {
        "files": len(rows),
        "bytes": sum(int(str(row["bytes"])) for row in rows),
        "cpu_s": round(sum(float(str(row["cpu_s"])) for row in rows), 1),
        "rejected": len(rejected),
        "presets": {
            preset.value: sum(preset.value in row["rejected_by"] for row in rows)  # type: ignore[operator]
            for preset in PRESETS
        },
        "sorts": {sort: [lost[sort], count] for sort, count in sorted(by_sort.items())},
        "rejected_for": dict(why.most_common()),
        "reasons": dict(seen.most_common()),
        "rejections": rejected,
        "slow": [row for row in rows if float(str(row["cpu_s"])) > SLOW_S],
    }


def show(results: dict[str, object]) -> None:
    """Print the counts, and every rejection."""
    print(f"{results['rejected']} of {results['files']} files rejected")
    print(f"by preset: {results['presets']}")
    for sort, (lost, count) in results["sorts"].items():  # type: ignore[attr-defined]
        print(f"  {sort:12} {lost:>5} of {count:>6}")
    for row in results["rejections"]:  # type: ignore[attr-defined]
        print(f"  {', '.join(row['reasons'])}: {row['name']}  {row['where']}")


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; exit code 1 if the aim was missed."""
    parser = argparse.ArgumentParser(prog="benchmarks everyday", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a hundredth, not kept")
    parser.add_argument("--share", type=float, default=1.0, help="of the files")
    parser.add_argument("--only", nargs="+", default=[], help="these sorts, not kept")
    parser.add_argument("--cache", type=Path, default=CACHE, help="for the packages")
    parser.add_argument("--fetch", action="store_true", help="fetch, and scan nothing")
    options = parser.parse_args(arguments)
    share = 0.01 if options.quick else options.share
    described = machine.describe(*PACKAGES)
    files = everyday(options.cache, share=share, only=options.only)
    if options.fetch:
        return 0
    rows = asyncio.run(scan_all(files))
    results = {
        "benchmark": "everyday",
        "machine": described,
        "share": share,
        **summary(rows),
    }
    show(results)
    if not options.quick and not options.only:
        text = json.dumps(results, indent=1, ensure_ascii=False)
        (RESULTS / "everyday.json").write_text(text + "\n", encoding="utf-8")
    is_missed = len(results["rejections"]) > AIM * len(rows)  # type: ignore[arg-type]
    print(f"aim: {AIM:.1%}: " + ("missed" if is_missed else "met"), file=sys.stdout)
    return int(is_missed)
