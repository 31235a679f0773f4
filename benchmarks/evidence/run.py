"""Is E right: are as many unrelated pairs as near as it predicts?

Half of the shipped corpus is the cohort. The other half gives entries that have nothing
to do with the uploads (``halves.py``). Plain values are compared as ordinary matches
are judged, and the originals of ``altered``, by sort, by their soft views. The figures
are kept and drawn: a point above the line is a level at which chance comes more often
than E says.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import aims, machine
from benchmarks.altered import originals
from benchmarks.altered.packages import Sort
from benchmarks.evidence import plain, seen
from benchmarks.evidence.halves import TURNED, Halves, halves, turned
from uploadfilter.evidence.cohort import Words

RESULTS = Path(__file__).parents[1] / "results"
FOLDER = Path("build/altered")

WHOLE = -20.0
"""Lowest deviations of a pair where every pair is looked at."""

FEW = 400
"""Values each way of which every pair is looked at, for the left of the drawing."""

QUICK = 100

MOST_TIMES = 10.0
"""Times as many pairs as expected, at a level at which ten or more are expected, from
which E is wrong."""

_ENOUGH = 10
_SHOWN = 1e-3


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; exit code 1 if E is wrong somewhere."""
    parser = argparse.ArgumentParser(prog="benchmarks evidence", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run, not kept")
    parser.add_argument("--half", choices=originals.HALVES, default="B")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="the originals")
    parser.add_argument("--plain", type=int, default=12_000, help="uploads of values")
    parser.add_argument("--each", type=int, default=60, help="uploads of each sort")
    given = parser.parse_args(arguments)
    if given.quick:
        given.plain = given.each = 2
    results = measure(given)
    for part in ("plain", "views"):
        for name, found in results[part].items():
            show(f"{part}, {name}", found)
    if not given.quick:
        from benchmarks.evidence import plots  # noqa: PLC0415 - only with the peers

        path = RESULTS / "evidence.json"
        path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        plots.draw(results, RESULTS / "evidence.svg")
    return aims.exit_code("evidence", missed(results), is_whole=not given.quick)


def measure(given: argparse.Namespace) -> dict[str, Any]:
    """Return the results to keep."""
    began = time.process_time()
    both = halves()
    results: dict[str, Any] = {
        "benchmark": "evidence",
        "machine": machine.describe("numpy"),
        "half": given.half,
        "cohort": len(both.background),
        "plain": _corpus(both, given.plain),
        "views": {},
    }
    if not (given.folder / "pictures.json").is_file():
        print("no originals: run `python -m benchmarks altered` once")
        return results
    known = originals.load(given.folder)
    entries = turned(both.strangers, TURNED[0])
    for sort in Sort:
        numbers = known.of(sort, given.half)
        values = known.values[numbers].view(">u8").astype(np.uint64)
        if given.plain > QUICK:
            found = plain.count(both.background, values, both.strangers, TURNED)
            results["plain"][sort.value] = found.summary()
        planes = (known.planes[number] for number in numbers[: given.each])
        results["views"][sort.value] = seen.count(
            both.background, planes, entries
        ).summary()
        print(sort, round(time.process_time() - began), "s of CPU", flush=True)
    results["cpu_s"] = round(time.process_time() - began)
    return results


def _corpus(both: Halves, uploads: int) -> dict[str, Any]:
    """Compare values of the corpus with each other."""
    strangers: Words = both.strangers
    few = min(FEW, uploads)
    whole = plain.count(
        both.background,
        strangers[:few],
        strangers[-few:],
        TURNED[:1],
        lowest=WHOLE,
    )
    found = plain.count(
        both.background, strangers[:uploads], strangers[uploads:], TURNED
    )
    return {
        "corpus, every pair": whole.summary(),
        "corpus": found.summary(),
    }


def show(name: str, found: dict[str, Any]) -> None:
    """Print one class."""
    print(f"\n{name}: {found['pairs']:.2e} pairs, {found['compared']:.2e} of values")
    for it in found["levels"]:
        if it["expected"] > _SHOWN or it["observed"]:
            print(
                f"  {it['predicted']:.0e}: expected {it['expected']:.3g}, "
                f"observed {it['observed']}"
            )
    for size, shares in found["sets"].items():
        texts = (
            f"E {it['E']}: {it['expected']:.1f}, {it['observed']}" for it in shares
        )
        print(f"  set of {size}, uploads expected, observed: {'; '.join(texts)}")


def missed(results: dict[str, Any]) -> list[str]:
    """Return the levels at which chance comes far more often than predicted."""
    return [
        f"{part}, {name}: {it['observed']} pairs at {it['predicted']:.0e}, "
        f"{it['expected']:.1f} expected"
        for part in ("plain", "views")
        for name, found in results[part].items()
        for it in found["levels"]
        if it["expected"] >= _ENOUGH and it["observed"] > MOST_TIMES * it["expected"]
    ]
