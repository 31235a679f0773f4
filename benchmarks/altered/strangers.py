"""How often chance brings an entry near to an upload that it has nothing to do with.

Each picture of a half, of every sort, is uploaded against a set of a million real
values none of which shows it. The candidates are those of the search for soft views;
each is judged, and the figures of all are kept: as many are expected at E or less as
E times the number of uploads. What lies below the operating points is looked at, and
``same-thing.txt`` lists the pairs that show the same thing.
"""

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.altered import judged
from benchmarks.altered.entries import Entries
from benchmarks.harness import Aim, Kept, Report
from benchmarks.originals import Originals
from uploadfilter.evidence.background import Background
from uploadfilter.evidence.chance import ALTERED
from uploadfilter.model import Variant
from uploadfilter.reference.search.index import lanes_of
from uploadfilter.reference.search.near.near_index import NearIndex
from uploadfilter.reference.search.soft import SoftBatch

LEVELS = tuple(10.0**power for power in range(2, -13, -1))
"""Figures of E at which observed pairs are counted."""

LOOKED_AT = 1e-2
"""Pairs with this E or less are listed one by one."""

_MOST_JUDGED = 16
"""Candidates that are judged of an upload, best first."""

_SAME_THING = Path(__file__).with_name("same-thing.txt")


def upload_all(
    known: Originals,
    background: Background | None,
    entries: Entries,
    numbers: Sequence[int],
    kept: Kept,
) -> None:
    """Upload originals one after the other, unless they were uploaded before.

    Args:
        known: The originals.
        background: The prepared cohort.
        entries: The set.
        numbers: Numbers of the uploads.
        kept: Receives for each its compared pairs, all figures, and the near pairs.
    """
    values, scenes = np.asarray(entries.values), np.asarray(entries.scenes)
    index = NearIndex(lanes_of(values.tobytes(), values.shape[1]), None)
    for number in numbers:
        if number in kept:
            continue
        own = known.listed[number]
        unwanted = [at for at, name in enumerate(entries.names) if name == own.scene]
        may_match = ~np.isin(scenes, unwanted)
        plane = known.planes[number]
        views = judged.views_of(plane, (Variant.UPRIGHT,), known.aspect(number))
        rows = index.search(SoftBatch(values=views.values, flips=views.flips)).row
        rows = rows[may_match[rows]][:_MOST_JUDGED]
        found = judged.evidence(background, plane, values[rows], views)
        figures = [math.inf if it.expected is None else it.expected for it in found]
        near = [
            {
                "upload": own.scene,
                "entry": entries.names[int(scenes[row])],
                "E": figure,
                "distance": item.distance,
            }
            for row, figure, item in zip(rows.tolist(), figures, found, strict=True)
            if figure <= LOOKED_AT
        ]
        pairs = int(may_match.sum())
        kept.add(number, {"pairs": pairs, "figures": figures, "near": near})


def report(known: Originals, numbers: Sequence[int], kept: Kept, size: int) -> Report:
    """Return the numbers of pairs at each level of E, by the sort of the upload.

    Args:
        known: The originals.
        numbers: Numbers of the uploads.
        kept: Their results.
        size: Number of entries.
    """
    same = same_things()
    uploads: Counter[str] = Counter()
    pairs: Counter[str] = Counter()
    figures: dict[str, list[float]] = {}
    near: list[dict[str, Any]] = []
    for number in numbers:
        sort, found = known.listed[number].sort, kept[number]
        uploads[sort] += 1
        pairs[sort] += found["pairs"]
        figures.setdefault(sort, []).extend(found["figures"])
        for it in found["near"]:
            is_same = (it["upload"], it["entry"]) in same
            near.append({"sort": sort, "same_thing": is_same, **it})
    rows = [
        {"E": level, "expected": level * uploads.total()}
        | {sort: int((np.array(its) <= level).sum()) for sort, its in figures.items()}
        for level in LEVELS
    ]
    near.sort(key=lambda it: it["E"])
    wrong = sum(it["E"] <= ALTERED and not it["same_thing"] for it in near)
    counts = {"entries": size, "uploads": dict(uploads), "pairs": dict(pairs)}
    aim = Aim(text="false matches", measured=wrong, most=0)
    return Report(rows=rows, figures={**counts, "near": near}, aims=[aim])


def same_things() -> set[tuple[str, str]]:
    """Return the scenes of uploads and entries that show the same thing."""
    lines = _SAME_THING.read_text(encoding="utf-8").splitlines()
    pairs = (line.split("\t") for line in lines if not line.startswith("#"))
    return {(upload, entry) for upload, entry in pairs}
