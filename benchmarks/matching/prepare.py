"""Make the values, the queries and the reference directory of one size.

It runs in a process of its own, so that its memory is free when contenders are
measured.
"""

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.matching import data
from benchmarks.matching.filling import fill

DIGESTS = 1000
"""Number of digests that are listed and looked up."""

KINDS = ("random", "real")


def main(kind: str, count: str, each: str, seed: str, folder: str) -> None:
    """Write files into a folder; print their description as one line of JSON."""
    path = Path(folder)
    rng = np.random.default_rng([int(seed), KINDS.index(kind), int(count)])
    begun = time.perf_counter()
    planted = int(each) * (data.MOST_PLANTED + 1)
    made_of: dict[str, int] = {}
    if kind == "random":
        values = data.random_values(int(count), rng)
        unrelated = data.random_values(planted, rng)
    else:
        values, made_of = data.real_values(int(count), rng)
        unrelated = data.held_out(planted, rng)
    asked = data.questions(values, unrelated, each=int(each), rng=rng)
    # Digests are the same whatever the perceptual values are: one run is enough.
    listed = min(DIGESTS, len(values)) if kind == "random" else 0
    digests = data.random_values(listed, rng)
    np.save(path / "values.npy", values)
    np.save(path / "questions.npy", asked.values)
    np.save(path / "planted.npy", asked.planted)
    np.save(path / "digests.npy", digests)
    made = time.perf_counter() - begun
    begun = time.perf_counter()
    fill(path / "reference", values, digests=digests)
    filled = time.perf_counter() - begun
    size = sum(f.stat().st_size for f in (path / "reference").rglob("*") if f.is_file())
    found = {
        "kind": kind,
        "n": int(count),
        "made_of": made_of,
        "distinct": _distinct(values),
        "make_s": round(made, 2),
        "fill_s": round(filled, 2),
        "fill_peak_mb": round(_peak_mb()),
        "file_mb": round(size / 1e6, 1),
        "bytes_an_entry": round(size / int(count), 1),
    }
    print(json.dumps(found))


def _distinct(values: data.Values) -> int:
    """Return how many values differ, up to chance: by 64 bits that are made of each."""
    mixed = np.random.default_rng(0).integers(0, 1 << 63, 4, np.uint64) | np.uint64(1)
    numbers = values.view(np.uint64)
    codes = np.zeros(len(values), np.uint64)
    for lane, factor in enumerate(mixed):
        codes ^= numbers[:, lane] * factor
        codes *= factor
    return len(np.unique(codes))


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


if __name__ == "__main__":
    main(*sys.argv[1:])
