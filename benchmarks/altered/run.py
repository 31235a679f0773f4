"""How many altered copies are found by evidence, and how often does chance do the same?

Photographs of thirty packages are altered in some sixty ways, their soft views are
judged against the cohort, and E of the true entry is kept. Beside it stand plain PDQ at
31 bits, PDQ at 60 bits without any judgement, and ORB features with the originals at
hand. Then pictures of every sort are uploaded against a million values of other
pictures. Parameters were chosen on half A of the pictures; this is about half B.
"""

import argparse
import json
import multiprocessing
import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import aims, machine
from benchmarks.altered import (
    centres,
    judged,
    making,
    originals,
    report,
    sheets,
    strangers,
    trials,
)
from benchmarks.altered import entries as sets
from benchmarks.altered.kept import Kept
from benchmarks.altered.packages import Sort
from uploadfilter.model import Variant

RESULTS = Path(__file__).parents[1] / "results"
FOLDER = Path("build/altered")
CACHE = Path("build/packages")
PACKAGES = ("numpy", "pillow")

FEATURES = 200
"""Photographs that ORB is tried with, which costs as much as everything else."""

ENTRIES = 1_000_000
_QUICK = 8

SHOWN = 1e-4
"""E of the pairs of strangers on the contact sheet, at most."""

SHARE = 0.8
"""Share of the photographs of a half that is some 400, as many as a row shall have."""

_FEWER = 5
"""One of so many photographs is tried with windows as well."""


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; exit code 1 if an aim was missed."""
    options = _options(arguments)
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    from benchmarks.altered import plots  # noqa: PLC0415 - only with the peers

    spawning = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.processes, mp_context=spawning) as pool:
        results = measure(options, pool)
    report.show(results)
    missed = report.failures(results)
    results["missed"] = missed
    is_whole = not options.quick and options.share >= SHARE and options.half == "B"
    if is_whole:
        path = RESULTS / "altered.json"
        path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        plots.draw(results, RESULTS / "altered.svg")
    return aims.exit_code("altered", missed, is_whole=is_whole)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks altered", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run, not kept")
    parser.add_argument("--half", choices=originals.HALVES, default="B")
    parser.add_argument("--share", type=float, default=SHARE, help="of the photographs")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--features", type=int, default=FEATURES)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="the originals")
    parser.add_argument("--cache", type=Path, default=CACHE, help="the packages")
    parser.add_argument(
        "--only", choices=("recall", "strangers"), help="one part; the other is kept"
    )
    return parser.parse_args(arguments)


def measure(options: argparse.Namespace, pool: ProcessPoolExecutor) -> dict[str, Any]:
    """Measure everything, and return the results to keep."""
    described = machine.describe(*PACKAGES)
    began = time.monotonic()
    folder = options.folder
    if (folder / "pictures.json").is_file():
        known = originals.load(folder)
    else:
        known = originals.make(folder, options.cache, pool)
    prepared = judged.prepare(known)
    results: dict[str, Any] = _before(options)
    results |= {
        "benchmark": "altered",
        "machine": described,
        "half": options.half,
        "share": options.share,
        "corpus": report.corpus_of(known),
        "poisoned": prepared.poisoned,
        "cohort": len(prepared.background or ()),
    }
    if options.only != "strangers":
        uploads = making.make(known, options.half, pool)
        columns = making.kept(range(len(uploads.numbers)), options.share)
        if options.quick:
            columns = columns[:_QUICK]
        tallies = trials.tried(
            pool, folder, options.cache, options.half, columns, options.features
        )
        centred = centres.tried(known, prepared, options.half, columns[::_FEWER])
        results["rows"] = report.rows_of(
            [(it.name, it.summary()) for it in tallies], centred
        )
    if options.only != "recall":
        results["strangers"] = _strangers(options, known, prepared, pool)
    results["seconds"] = round(time.monotonic() - began)
    return results


def _before(options: argparse.Namespace) -> dict[str, Any]:
    """Return the results of the run before, if this one is about a part."""
    path = RESULTS / "altered.json"
    if not options.only or not path.is_file():
        return {}
    known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return known


def _strangers(
    options: argparse.Namespace,
    known: originals.Originals,
    prepared: judged.Prepared,
    pool: ProcessPoolExecutor,
) -> dict[str, Any]:
    entries = sets.make(known, options.cache, pool, ENTRIES)
    chosen = [number for sort in Sort for number in known.of(sort, options.half)]
    if options.quick:
        chosen = chosen[:_QUICK]
    find = strangers.by_search(np.asarray(entries.values))
    ways = (Variant.UPRIGHT,)
    kept = Kept(known.folder / f"strangers-{options.half}.jsonl")
    tally = strangers.all_of(
        known, prepared.background, entries, chosen, ways, find, kept
    )
    from benchmarks.altered import plots  # noqa: PLC0415 - only with the peers

    shown = sheets.pairs(tally, known, entries, options.cache, SHOWN)
    plots.contact_sheet(list(shown), known.folder / f"strangers-{options.half}.png")
    found = tally.summary()
    return {
        **found,
        "entries": len(entries.values),
        "apart": strangers.apart(tally, known, entries),
        "wrong": strangers.wrong(tally, known, entries),
    }
