"""How many everyday files are rejected, although nothing is listed?

Ten thousand files as people have them are scanned by the scanners of the proxy, in
processes, as single uploads. No reference set is used, so that every rejection is one
without a match. The action of each preset is counted for each file, with the reasons.
Names of packages and of their files are kept, but no contents of files.

The result of each file is kept beside the packages (``rows.py``), so that a run goes on
after the end of the last one.
"""

import argparse
import asyncio
import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypedDict

from benchmarks import aims, machine
from benchmarks.everyday import made, packages
from benchmarks.everyday.explained import explained
from benchmarks.everyday.files import File, chosen, files_of, packed
from benchmarks.everyday.rows import (
    Row,
    in_any_order,
    is_rejected,
    is_starved,
    load,
    scan_all,
)
from uploadfilter.decisions.presets import PRESETS

RESULTS = Path(__file__).parent.parent / "results"
CACHE = Path(tempfile.gettempdir()) / "uploadfilter-everyday"
PACKAGES = ("numpy", "pillow", "pillow-heif", "pypdfium2")
AIM = 0.001
"""Share of the files that ``balanced`` may reject."""

SLOW_S = 1.0


def everyday(cache: Path, *, share: float, only: Sequence[str]) -> list[File]:
    """Return the files; missing ones are fetched, unpacked or made."""
    folder = cache / "made"
    folder.mkdir(parents=True, exist_ok=True)
    found = list(made.made(folder))
    for number, package in enumerate(packages.fetched(cache, share=min(1, 3 * share))):
        found += files_of(package)
        if number % 3 == 0:
            found += packed(package, folder)
    kept = chosen(found, share=share)
    return [file for file in kept if not only or file.sort in only]


class Explained(Row):
    """A file that was rejected, and why."""

    explanation: str


class Summary(TypedDict):
    """The results of all files."""

    files: int
    bytes: int
    cpu_s: float
    code: dict[str, int]
    rejected: int
    starved: list[str]
    presets: dict[str, int]
    sorts: dict[str, tuple[int, int]]
    rejected_for: dict[str, int]
    reasons: dict[str, int]
    rejections: list[Explained]
    slow: list[Row]


def summary(rows: Sequence[Row]) -> Summary:
    """Count the results of the files.

    Args:
        rows: The rows of all scanned files. If the machine was too busy for a scan,
            there is no result for the file; such files are counted separately.
    """
    starved = [row for row in rows if is_starved(row)]
    known = [row for row in rows if not is_starved(row)]
    rejected = [row for row in known if is_rejected(row)]
    lost = Counter(row["sort"] for row in rejected)
    sorts = Counter(row["sort"] for row in known)
    return Summary(
        files=len(known),
        bytes=sum(row["bytes"] for row in known),
        cpu_s=round(sum(row["cpu_s"] for row in known), 1),
        code=_counted(row["code"] for row in known),
        rejected=len(rejected),
        starved=[row["name"] for row in starved],
        presets={
            preset.value: sum(preset.value in row["rejected_by"] for row in known)
            for preset in PRESETS
        },
        sorts={sort: (lost[sort], count) for sort, count in sorted(sorts.items())},
        rejected_for=_counted(row["reasons"][0] for row in rejected),
        reasons=_counted(reason for row in known for reason in row["reasons"]),
        rejections=[
            Explained(**row, explanation=explained(row["name"])) for row in rejected
        ],
        slow=[row for row in known if row["cpu_s"] > SLOW_S],
    )


def _counted(words: Iterable[str]) -> dict[str, int]:
    return dict(Counter(words).most_common())


def show(counts: Summary) -> None:
    """Print the counts, and every rejection."""
    print(f"{counts['rejected']} of {counts['files']} files rejected")
    print(f"by preset: {counts['presets']}; not scanned: {len(counts['starved'])}")
    for sort, (lost, count) in counts["sorts"].items():
        print(f"  {sort:12} {lost:>5} of {count:>6}")
    for row in counts["rejections"]:
        why = row["explanation"] or "NOT EXPLAINED"
        print(f"  {', '.join(row['reasons'])}: {row['name']}  {row['where']}: {why}")


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; exit code 1 if the aim was missed."""
    options = _parser().parse_args(arguments)
    described = machine.describe(*PACKAGES)
    share = 0.01 if options.quick else options.share
    files = everyday(options.cache, share=share, only=options.only)
    if options.fetch:
        return 0
    kept = options.cache / "rows.jsonl"
    if options.afresh:
        kept.unlink(missing_ok=True)
    known = load(kept)
    if options.again:
        left = [file for file in files if file.name in known]
        left = [file for file in left if _is_doubtful(known[file.name])]
    else:
        left = [file for file in files if file.name not in known]
    left = in_any_order(left)
    known |= asyncio.run(scan_all(left, kept, minutes=options.minutes))
    counts = summary([known[file.name] for file in files if file.name in known])
    show(counts)
    if not options.quick and not options.only:
        results = {
            "benchmark": "everyday",
            "machine": described,
            "share": share,
            "planned": len(files),
            **counts,
        }
        text = json.dumps(results, indent=1, ensure_ascii=False)
        (RESULTS / "everyday.json").write_text(text + "\n", encoding="utf-8")
    aim = f"{counts['rejected']} of {counts['files']} files rejected, at most {AIM:.1%}"
    is_missed = counts["rejected"] > AIM * counts["files"]
    return aims.exit_code("everyday", [aim] if is_missed else [])


def _is_doubtful(row: Row) -> bool:
    """Tell whether a file is scanned again after something was repaired."""
    return is_rejected(row) or is_starved(row)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks everyday", description=__doc__)
    add = parser.add_argument
    add("--quick", action="store_true", help="a hundredth, not kept")
    add("--share", type=float, default=1.0, help="of the files")
    add("--only", nargs="+", default=[], help="these sorts, not kept")
    add("--cache", type=Path, default=CACHE, help="for the packages, and rows")
    add("--fetch", action="store_true", help="fetch, and scan nothing")
    add("--minutes", type=float, help="after which no further file is begun")
    add("--again", action="store_true", help="scan only files that were rejected")
    add("--afresh", action="store_true", help="forget earlier results")
    return parser
