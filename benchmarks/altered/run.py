"""How many altered copies are found by evidence, and how often does chance do the same?

- **recall**: photographs of thirty packages are altered in some forty ways, their soft
  views are judged against the cohort, and E of the true entry is kept. Beside it stand
  plain PDQ at 31 bits, and PDQ at 60 bits without any judgement.
- **strangers**: pictures of every sort are uploaded against a million values of other
  pictures.

Parameters were chosen on half A of the pictures (``recall-A``, ``strangers-A``); the
usual run is about half B. *Found* counts copies with E of at most 10⁻⁹ in a set of a
million, and those within 31 bits; *detailed* are photographs that no pattern explains.
"""

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmarks import originals
from benchmarks.altered import entries, judged, strangers, trials
from benchmarks.harness import Aim, Kept, Options, Report
from benchmarks.packages import Sort

PACKAGES = ("numpy", "pillow")
ENTRIES = 1_000_000
_QUICK = 8


@contextmanager
def _pool() -> Iterator[ProcessPoolExecutor]:
    spawning = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=spawning) as pool:
        yield pool


def recall(half: str, options: Options, folder: Path) -> Report:
    """Alter the photographs of a half in every way, and judge them."""
    with _pool() as pool:
        known = originals.make(options.cache, pool)
        prepared = judged.prepare(known)
        numbers = known.of(Sort.PHOTOGRAPH, half)[: _QUICK if options.quick else None]
        kept = _kept(options, folder, f"recall-{half}")
        rows = trials.try_all(pool, options.cache, numbers, kept)
    return Report(
        rows=rows,
        figures={
            "half": half,
            "cohort": len(prepared.background or ()),
            "poisoned": prepared.poisoned,
            "corpus": known.corpus(),
        },
        aims=[
            Aim(text=row["name"], measured=row["found"], least=row["aim"])
            for row in rows
            if row["aim"]
        ],
    )


def uploads_of_strangers(half: str, options: Options, folder: Path) -> Report:
    """Upload the pictures of a half against a set that shows none of them."""
    with _pool() as pool:
        known = originals.make(options.cache, pool)
        prepared = judged.prepare(known)
        listed = entries.make(known, options.cache / "packages", pool, ENTRIES)
    numbers = [number for sort in Sort for number in known.of(sort, half)]
    if options.quick:
        numbers = numbers[:_QUICK]
    kept = _kept(options, folder, f"strangers-{half}")
    strangers.upload_all(known, prepared.background, listed, numbers, kept)
    return strangers.report(known, numbers, kept, len(listed.values))


def _kept(options: Options, folder: Path, name: str) -> Kept:
    """Return the results so far; a quick run has none."""
    return Kept((folder if options.quick else options.cache) / f"{name}.jsonl")


PARTS = {
    "recall": partial(recall, "B"),
    "strangers": partial(uploads_of_strangers, "B"),
    "recall-A": partial(recall, "A"),
    "strangers-A": partial(uploads_of_strangers, "A"),
}
USUAL = ("recall", "strangers")
