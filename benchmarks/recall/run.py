"""How many altered copies of listed pictures are found, and how many innocent ones?

Some thousand freely licensed pictures are listed by the PDQ and pHash that the
reference implementations compute from all their pixels. Each alteration is applied to
some of them. The file is then scanned and matched against a real reference set, and its
verdict is made, by the functions that a proxy calls. The peer in the same run is plain
PDQ at 31 bits: ``pdqhash`` of the result of ``Image.open(...).convert("RGB")``.
"""

import math
import multiprocessing
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track

from benchmarks import originals
from benchmarks.harness import Aim, Options, Report, share
from benchmarks.packages import Sort
from benchmarks.recall import trials
from benchmarks.recall.alterations import ALTERATIONS
from benchmarks.recall.trials import Listed, Outcome, Trial

SEED = 20_110
PACKAGES = ("imagehash", "numpy", "pdqhash", "pillow", "pillow-heif")
PROCESSES = 2

PHOTOGRAPHS, PRODUCTS, OTHERS = "photographs", "products", "others"
"""The groups of sorts: the aims are about the first one."""

TRIED = {PHOTOGRAPHS: 250, PRODUCTS: 100, OTHERS: 100}
"""Pictures of each group that each alteration is tried on."""

_QUICK = 3
_Z = 1.96
"""Standard deviations for a confidence of 95 %."""

_SHOWN = 40


def group_of(sort: str) -> str:
    """Return the group in which a sort is counted."""
    return {Sort.PHOTOGRAPH.value: PHOTOGRAPHS, Sort.PRODUCT.value: PRODUCTS}.get(
        sort, OTHERS
    )


def interval(found: int, tries: int) -> tuple[float, float]:
    """Return Wilson's interval of a share, at a confidence of 95 %.

    Source:
        Wilson, "Probable Inference, the Law of Succession, and Statistical Inference",
        Journal of the American Statistical Association 22 (1927).
    """
    if not tries:
        return 0.0, 1.0
    part = found / tries
    middle = part + _Z * _Z / (2 * tries)
    around = _Z * math.sqrt(part * (1 - part) / tries + (_Z / (2 * tries)) ** 2)
    scale = 1 + _Z * _Z / tries
    return max(0.0, (middle - around) / scale), min(1.0, (middle + around) / scale)


def measure(options: Options, folder: Path) -> Report:
    """Try every alteration on some pictures of each group."""
    spawning = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(PROCESSES, mp_context=spawning) as pool:
        known = originals.make(options.cache, pool)
        list_one = partial(trials.list_original, known.folder)
        jobs = list(enumerate(known.listed))[:: 20 if options.quick else 1]
        values = list(pool.map(list_one, jobs, chunksize=16))
    listed = tuple(item for item in values if item is not None)
    asked = _trials(listed, options)
    trials.write_reference(listed, folder / "reference")
    with ProcessPoolExecutor(
        PROCESSES,
        mp_context=spawning,
        initializer=trials.begin,
        initargs=(listed, str(folder / "reference")),
    ) as pool:
        done = pool.map(trials.try_one, asked, chunksize=24)
        console = Console(stderr=True)
        outcomes = list(track(done, "uploads", total=len(asked), console=console))
    rows, false = list(_rows(outcomes)), _false(outcomes)
    figures = {
        "seed": SEED,
        "listed": len(listed),
        "uploads": len(asked),
        "corpus": known.corpus(),
        "false": false,
        "examples": [text for it in outcomes for _, _, text in it.false][:_SHOWN],
    }
    return Report(rows=rows, figures=figures, aims=list(_aims(rows, false)))


def _trials(listed: Sequence[Listed], options: Options) -> list[Trial]:
    """Return all uploads to try, mixed so that processes take about the same time."""
    rng = np.random.default_rng(SEED)
    groups = np.array([group_of(item.sort) for item in listed])
    found = []
    for number in range(len(ALTERATIONS)):
        for group, most in TRIED.items():
            places = np.flatnonzero(groups == group)
            count = min(_QUICK if options.quick else most, len(places))
            chosen = rng.choice(places, count, replace=False).tolist()
            found += [Trial(number, place, SEED + place) for place in chosen]
    return [found[place] for place in rng.permutation(len(found))]


def _rows(outcomes: Sequence[Outcome]) -> Iterator[dict[str, Any]]:
    for number, alteration in enumerate(ALTERATIONS):
        row: dict[str, Any] = {
            "name": alteration.name,
            "group": alteration.group,
            "aim": alteration.aim,
        }
        lost = 0
        for group in TRIED:
            its = [
                it
                for it in outcomes
                if it.alteration == number and group_of(it.sort) == group
            ]
            found = sum(it.is_found for it in its)
            lost += sum(not (it.is_found or it.inconclusive) for it in its)
            row[group] = share(found, len(its))
            row[f"{group}_plain"] = share(
                sum(it.is_found_plainly for it in its), len(its)
            )
            if group == PHOTOGRAPHS:
                row["uploads"] = len(its)
                row["interval"] = [round(end, 4) for end in interval(found, len(its))]
                reasons = Counter(it.inconclusive for it in its if it.inconclusive)
                row["inconclusive"] = dict(reasons.most_common())
        yield row | {"lost": lost}


def _false(outcomes: Sequence[Outcome]) -> list[dict[str, object]]:
    """Return the numbers of uploads with a verdict from entries of other pictures."""
    counts: Counter[tuple[str, str]] = Counter()
    for it in outcomes:
        counts.update((what, f"{it.sort} / {sort}") for what, sort, _ in it.false)
        counts.update(("plain PDQ", f"{it.sort} / {sort}") for sort in it.plain_false)
    return [
        {"verdict": what, "pair": pair, "uploads": count}
        for (what, pair), count in sorted(counts.items())
    ]


def _aims(
    rows: Sequence[dict[str, Any]], false: Sequence[dict[str, Any]]
) -> Iterator[Aim]:
    for row in rows:
        if row["aim"]:
            text = f"recall, {row['name']}"
            yield Aim(text=text, measured=row[PHOTOGRAPHS], least=row["aim"])
        if row["group"] == "contrast":
            text = f"neither found nor of low quality, {row['name']}"
            yield Aim(text=text, measured=row["lost"], most=0)
    photographs = {f"{one} / {other}" for one in _SMALL for other in _SMALL}
    wrong = sum(
        row["uploads"]
        for row in false
        if row["verdict"] == "match" and row["pair"] in photographs
    )
    yield Aim(text="false matches among photographs", measured=wrong, most=0)


_SMALL = (Sort.PHOTOGRAPH.value, Sort.PRODUCT.value)
"""A product is a photograph, too."""
