"""Are the bits of soft views wrong as often as they say?

Each altered photograph of half A is given to ``soft_views`` as its plane. Of the view
that fits the true original best, each bit states a probability that it is wrong, and
the original tells whether it is. Predicted and observed rates are compared by group of
alterations, and drawn. The CPU time of all views of a plane is measured as well.
"""

import argparse
import json
import multiprocessing
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import aims, machine
from benchmarks.altered import making, originals
from benchmarks.altered.rows import ROWS
from benchmarks.altered.run import CACHE, FOLDER, PROCESSES, RESULTS
from benchmarks.altered.trials import ways_of
from uploadfilter.signals.soft.family import soft_views
from uploadfilter.signals.soft.refining import scores

HALF = "A"
"""The half on which parameters are chosen; the other one is for ``altered``."""

EACH = 60
"""Photographs of each row."""

LEAST_SCORE = 15
"""Least soft score of a candidate, in nats. A best view below it is a wrong guess of
the geometry, which no reliability is about; such uploads are counted apart."""

MOST_ERROR = 0.05
"""Most that a group's observed rate may exceed the predicted one, over all bits."""

EDGES = np.array([0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.51])
"""Bounds of the classes of predicted rates."""

_QUICK = 4


class _Tally:
    """Counts of one group, by class of predicted rates."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.uploads = self.found = 0
        self.sums = np.zeros((3, len(EDGES) - 1))

    def add(self, flips: NDArray[np.float32], wrong: NDArray[np.bool_]) -> None:
        """Count the bits of one view."""
        classes = np.digitize(flips, EDGES) - 1
        for row, weights in enumerate((np.ones_like(flips), flips, wrong)):
            self.sums[row] += np.bincount(classes, weights, len(EDGES) - 1)

    def summary(self) -> dict[str, Any]:
        """Return the rates by class, and over all bits."""
        count, predicted, observed = self.sums
        kept = count > 0
        total = max(float(count.sum()), 1.0)
        return {
            "uploads": self.uploads,
            "found": self.found,
            "bits": count[kept].astype(int).tolist(),
            "predicted": (predicted[kept] / count[kept]).round(4).tolist(),
            "observed": (observed[kept] / count[kept]).round(4).tolist(),
            "predicted_in_all": round(float(predicted.sum()) / total, 4),
            "observed_in_all": round(float(observed.sum()) / total, 4),
        }


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; exit code 1 if an aim was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run, not kept")
    parser.add_argument("--each", type=int, default=EACH, help="photographs of a row")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="the originals")
    parser.add_argument("--cache", type=Path, default=CACHE, help="the packages")
    options = parser.parse_args(arguments)
    spawning = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(PROCESSES, mp_context=spawning) as pool:
        if (options.folder / "pictures.json").is_file():
            known = originals.load(options.folder)
        else:
            known = originals.make(options.folder, options.cache, pool)
        uploads = making.make(known, HALF, pool)
    results = measure(known, uploads, _QUICK if options.quick else options.each)
    show(results)
    missed = failures(results)
    results["missed"] = missed
    is_whole = not options.quick and options.each == EACH
    if is_whole:
        path = RESULTS / "reliabilities.json"
        path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        from benchmarks import plots  # noqa: PLC0415 - only with the peers

        plots.rates(results["groups"], path.with_suffix(".svg"))
    return aims.exit_code("reliabilities", missed, is_whole=is_whole)


def measure(
    known: originals.Originals, uploads: making.Altered, each: int
) -> dict[str, Any]:
    """Return the rates of every group, and the cost of a plane's views."""
    described = machine.describe("numpy")
    columns = making.kept(range(len(uploads.numbers)), each / len(uploads.numbers))
    groups: dict[str, _Tally] = defaultdict(_Tally)
    seconds, counts = [], []
    for number, row in enumerate(ROWS):
        for column in columns:
            plane = np.array(uploads.planes[number, column], np.float32).tobytes()
            began = time.process_time()
            views = soft_views(plane, variants=ways_of(row))
            seconds.append((time.process_time() - began) / len(ways_of(row)))
            counts.append(len(views) // len(ways_of(row)))
            value = known.values[uploads.numbers[column]]
            fits = scores(views, value.tobytes())
            best = int(fits.argmax())
            tally = groups[row.group]
            tally.uploads += 1
            if fits[best] >= LEAST_SCORE:
                tally.found += 1
                wrong = np.unpackbits(views.values[best] ^ value).astype(bool)
                tally.add(views.flips[best], wrong)
    return {
        "benchmark": "reliabilities",
        "machine": described,
        "half": HALF,
        "each": len(columns),
        "groups": {name: tally.summary() for name, tally in groups.items()},
        "views": {"least": min(counts), "most": max(counts)},
        "milliseconds": {
            "p50": round(float(np.percentile(seconds, 50)) * 1000, 2),
            "p95": round(float(np.percentile(seconds, 95)) * 1000, 2),
        },
    }


def failures(results: dict[str, Any]) -> list[str]:
    """Return the groups whose bits are wrong much more often than they say."""
    return [
        f"{name}: {group['observed_in_all']} observed, {group['predicted_in_all']} said"
        for name, group in results["groups"].items()
        if group["observed_in_all"] > group["predicted_in_all"] + MOST_ERROR
    ]


def show(results: dict[str, Any]) -> None:
    """Print a line for each group."""
    print(f"{'group':12} {'found':>9} {'said':>6} {'wrong':>6}   said: wrong, by class")
    for name, group in results["groups"].items():
        pairs = zip(group["predicted"], group["observed"], strict=True)
        classes = "  ".join(f"{said:.2f}: {wrong:.2f}" for said, wrong in pairs)
        rates = group["predicted_in_all"], group["observed_in_all"]
        counts = f"{group['found']:4}/{group['uploads']:4}"
        print(f"{name:12} {counts} {rates[0]:6.3f} {rates[1]:6.3f}   {classes}")
    cost, views = results["milliseconds"], results["views"]
    print(
        f"{views['least']} to {views['most']} views of a plane and variant: "
        f"{cost['p50']} ms CPU in the median, {cost['p95']} ms at p95"
    )
