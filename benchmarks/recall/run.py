"""How many altered copies of listed pictures are found, and how many innocent ones?

A few thousand freely licensed pictures are listed by the PDQ and pHash that the
reference implementations compute from all their pixels. Each alteration is applied to
some of them. The file is then scanned and matched against a real reference set, and its
verdict is made, by the functions that a proxy calls. The peer in the same run is plain
PDQ at 31 bits: ``pdqhash`` of the result of ``Image.open(...).convert("RGB")``.

At the same time every signal of every upload is compared with the entries of all
*other* pictures, by class of views: false matches would come from there.
"""

import argparse
import dataclasses
import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress

from benchmarks import aims, machine
from benchmarks.recall import corpus, flat, plots, report, trials
from benchmarks.recall.alterations import ALTERATIONS
from benchmarks.recall.counting import Tally
from benchmarks.recall.trials import Trial

RESULTS = Path(__file__).parent.parent / "results"
SEED = 20_110
PACKAGES = ("imagehash", "numpy", "pdqhash", "pillow", "pillow-heif")
PROCESSES = 2
BATCH = 24
"""Uploads that a process tries at a time: a second of work or less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The amount of measuring.

    Attributes:
        most: Most pictures of each package; ``None`` means no limit.
        photographs: Number of photographs that each alteration is tried on.
        thumbnails: The same for thumbnails.
        others: The same for all other sorts together.
        flat: Flat pictures of each kind.
    """

    most: int | None
    photographs: int
    thumbnails: int
    others: int
    flat: int


FULL = Plan(most=None, photographs=250, thumbnails=100, others=100, flat=250)
QUICK = Plan(most=12, photographs=4, thumbnails=2, others=2, flat=3)


def trials_of(
    plan: Plan, listed: Sequence[corpus.Original], flats: int, only: Sequence[str]
) -> list[Trial]:
    """Return all uploads to try, mixed so that batches take about the same time."""
    rng = np.random.default_rng(SEED)
    kinds = np.array([report.group_of(item.sort) for item in listed])
    groups = (
        (np.flatnonzero(kinds == report.PHOTOGRAPHS), plan.photographs),
        (np.flatnonzero(kinds == report.THUMBNAILS), plan.thumbnails),
        (np.flatnonzero(kinds == report.OTHERS), plan.others),
    )
    found = []
    for number, alteration in enumerate(ALTERATIONS):
        chosen = (
            [*range(len(listed))]
            if alteration.make is None
            else [
                int(place)
                for places, count in groups
                for place in rng.choice(places, min(count, len(places)), replace=False)
            ]
        )
        if only and alteration.group not in only:
            continue
        found += [Trial(number, place, SEED + place) for place in chosen]
    if not only or "flat" in only:
        found += [Trial(-1, place, SEED) for place in range(flats)]
    order = rng.permutation(len(found))
    return [found[place] for place in order]


def tried(pool: ProcessPoolExecutor, asked: Sequence[Trial]) -> Tally:
    """Try all uploads in parallel, and show the progress."""
    batches = [asked[at : at + BATCH] for at in range(0, len(asked), BATCH)]
    total = Tally()
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("uploads", total=len(asked))
        for batch, part in zip(batches, _mapped(pool, batches), strict=True):
            total.add(part)
            progress.advance(task, len(batch))
    return total


def _mapped(
    pool: ProcessPoolExecutor, batches: Sequence[Sequence[Trial]]
) -> Iterator[Tally]:
    return pool.map(trials.try_all, batches)


def measure(plan: Plan, only: Sequence[str]) -> dict[str, object]:
    """Measure everything, and return the results to keep."""
    described = machine.describe(*PACKAGES)
    spawning = multiprocessing.get_context("spawn")
    began = time.monotonic()
    with ProcessPoolExecutor(PROCESSES, mp_context=spawning) as pool:
        found = corpus.load(pool, most=plan.most)
    flats = tuple(flat.all_of(found.weak, plan.flat))
    asked = trials_of(plan, found.originals, len(flats), only)
    loaded = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "reference"
        trials.list_originals(found.originals, path)
        with ProcessPoolExecutor(
            PROCESSES,
            mp_context=spawning,
            initializer=trials.begin,
            initargs=(found.originals, flats, str(path)),
        ) as pool:
            tally = tried(pool, asked)
    return {
        "benchmark": "recall",
        "machine": described,
        "seed": SEED,
        "plan": dataclasses.asdict(plan),
        "seconds": {
            "corpus": round(loaded - began),
            "uploads": round(time.monotonic() - loaded),
        },
        "corpus": found.manifest,
        "near_originals": found.near,
        "listed": len(found.originals),
        "uploads": len(asked),
        **report.summary(tally),
    }


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; exit code 1 if an aim was missed."""
    parser = argparse.ArgumentParser(prog="benchmarks recall", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run, not kept")
    groups = sorted({item.group for item in ALTERATIONS} | {"flat"})
    parser.add_argument(
        "--share", type=float, default=1.0, help="of the pictures of a row"
    )
    parser.add_argument(
        "--only", nargs="+", default=[], choices=groups, help="these rows, not kept"
    )
    options = parser.parse_args(arguments)
    # Before the processes start: one thread each.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    partial = options.quick or options.only
    results = measure(_plan(options), options.only)
    report.show(results)
    missed = report.failures(results)
    results["missed"] = missed
    if not partial:
        text = json.dumps(results, indent=1)
        (RESULTS / "recall.json").write_text(text + "\n", encoding="utf-8")
        plots.draw(results, RESULTS / "recall.svg")
    return aims.exit_code("recall", missed, is_whole=not partial)


def _plan(options: argparse.Namespace) -> Plan:
    if options.quick:
        return QUICK
    return Plan(
        most=None,
        photographs=round(FULL.photographs * options.share),
        thumbnails=round(FULL.thumbnails * options.share),
        others=round(FULL.others * options.share),
        flat=round(FULL.flat * options.share),
    )
