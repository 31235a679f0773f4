"""Is E right: are as many unrelated pictures as near to each other as it predicts?

The shipped corpus is parted: one half is the cohort, the other gives entries that have
nothing to do with the uploads. These are compared after a quarter turn: then a picture
and an edited copy of it, which is in the same package or in another one, are no pair,
and nearness is chance (or two pictures that look the same when turned, such as stars).

- **plain**: values are compared as ordinary matches are judged.
- **views**: the originals of ``altered``, by sort, are compared by their soft views.

As many pairs are expected at a predicted chance as it says; E is wrong if ten times as
many reach a level at which ten or more are expected.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks import originals
from benchmarks.harness import Aim, Options, Report
from benchmarks.packages import Sort
from uploadfilter.evidence.background import BITS, Background, Signs, signs_of
from uploadfilter.evidence.chance import probability, tries_of
from uploadfilter.evidence.cohort import Words, cohort_of
from uploadfilter.evidence.crowding import crowd_of_value
from uploadfilter.evidence.crowds import Crowd, Floats, reaches
from uploadfilter.evidence.judging import judge
from uploadfilter.evidence.patterns import KEPT, Gauge
from uploadfilter.evidence.probes import PLAIN, Probes
from uploadfilter.gate.variants import all_variants
from uploadfilter.knowngood.corpus import read
from uploadfilter.knowngood.store import shipped
from uploadfilter.signals.soft.family import soft_views

PACKAGES = ("numpy",)
SEED: Final = 89
HALF: Final = "B"

TURNED: Final = range(4, 8)
"""The variants of ``all_variants`` whose rows are columns."""

LEVELS: Final = tuple(10.0**power for power in range(-1, -13, -1))
"""Predicted probabilities of a pair at which pairs are counted."""

SIZES: Final = (100, 1_000, 10_000)
"""Sizes of sets, the first so many strangers each, besides all of them."""

SHARES: Final = (0.3, 0.1, 0.03, 0.01)
"""Figures of E at which uploads are counted."""

UPLOADS: Final = 12_000
"""Values that are compared with all others of their half."""

EACH: Final = 60
"""Uploads of each sort."""

_QUICK: Final = 2

WHOLE: Final = -20.0
"""Lowest deviations of a pair where every pair is looked at."""

FEW: Final = 400
"""Values each way of which every pair is looked at."""

LOWEST: Final = 4.5
"""Deviations from which a pair is looked at: three in a million of a normal
distribution, and excesses are less."""

MOST_TIMES: Final = 10.0
"""Times as many pairs as expected, at a level at which ten or more are expected, from
which E is wrong."""

JUDGED: Final = 32
"""Candidates of an upload that are judged, those that agree best."""

_ENOUGH: Final = 10
_HIGHEST: Final = 3e-4
"""Probability up to which no pair is missed: 32 of 30,000 are judged."""

_LEAST_DEVIATION: Final = 6.0
"""No value has a smaller deviation, in bits: fewer agreements than this times
``LOWEST`` are passed over at once."""

_BLOCK: Final = 1000
_PAIRS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Halves:
    """The corpus, parted.

    Attributes:
        background: The cohort.
        strangers: The other half, shape (n, 4), in an order by chance.
    """

    background: Background
    strangers: Words


@dataclass(slots=True)
class Counts:
    """The pairs of one class.

    Attributes:
        highest: Predicted probability up to which every pair was looked at.
        pairs: Pairs of an upload and an entry.
        compared: Pairs of values: each view counts.
        observed: Pairs with a predicted probability up to each level.
        uploads: Uploads.
        sets: By size of the set: uploads whose best entry has E up to each share.
    """

    highest: float
    pairs: int = 0
    compared: int = 0
    observed: list[int] = field(default_factory=lambda: [0] * len(LEVELS))
    uploads: int = 0
    sets: dict[str, list[int]] = field(default_factory=dict)

    def add(self, predicted: NDArray[np.float64]) -> None:
        """Count pairs by their predicted probabilities."""
        for place, level in enumerate(LEVELS):
            self.observed[place] += int((predicted <= level).sum())

    def add_upload(
        self, predicted: NDArray[np.float64], rows: NDArray[np.intp], entries: int
    ) -> None:
        """Count the best entry of an upload, in sets of several sizes.

        Args:
            predicted: Probabilities of the pairs that were looked at.
            rows: Number of the entry of each.
            entries: All entries.
        """
        self.uploads += 1
        for size in (*(it for it in SIZES if it < entries), entries):
            best = predicted[rows < size].min(initial=1.0) * size
            found = self.sets.setdefault(str(size), [0] * len(SHARES))
            for place, share in enumerate(SHARES):
                found[place] += int(best <= share)

    def rows(self, name: str) -> Iterator[dict[str, Any]]:
        """Yield the counts of levels and of sets, beside those that are expected."""
        for level, seen in zip(LEVELS, self.observed, strict=True):
            if level <= self.highest:
                expected = level * self.pairs
                yield _row(name, "pairs", level, expected, seen)
        for size, found in self.sets.items():
            for part, seen in zip(SHARES, found, strict=True):
                expected = part * self.uploads
                yield _row(name, f"uploads, set of {size}", part, expected, seen)


def _row(
    name: str, what: str, predicted: float, expected: float, observed: int
) -> dict[str, Any]:
    return {
        "class": name,
        "counted": what,
        "predicted": predicted,
        "expected": float(f"{expected:.4g}"),
        "observed": observed,
    }


def plain(options: Options, _folder: Path) -> Report:
    """Compare values of the corpus with each other, and with those of originals."""
    both = halves()
    strangers = both.strangers
    uploads = _QUICK if options.quick else UPLOADS
    few = min(FEW, uploads)
    found = {
        "corpus, every pair": count_values(
            both.background, strangers[:few], strangers[-few:], TURNED[:1], lowest=WHOLE
        ),
        "corpus": count_values(
            both.background, strangers[:uploads], strangers[uploads:], TURNED
        ),
    }
    if not options.quick:
        known = originals.load(options.cache)
        for sort in Sort:
            values = known.values[known.of(sort, HALF)].view(">u8").astype(np.uint64)
            found[sort.value] = count_values(both.background, values, strangers, TURNED)
    return _report(both, found)


def views(options: Options, _folder: Path) -> Report:
    """Upload originals of each sort, and judge the entries that come nearest."""
    both = halves()
    known = originals.load(options.cache)
    entries = turned(both.strangers, TURNED[0])
    each = _QUICK if options.quick else EACH
    found = {}
    for sort in Sort:
        planes = (known.planes[number] for number in known.of(sort, HALF)[:each])
        found[sort.value] = count_uploads(both.background, planes, entries)
    return _report(both, found)


def _report(both: Halves, found: Mapping[str, Counts]) -> Report:
    rows = [row for name, counts in found.items() for row in counts.rows(name)]
    aims = [
        Aim(
            text=f"pairs at {row['predicted']:.0e} beside expected, {row['class']}",
            measured=row["observed"] / row["expected"],
            most=MOST_TIMES,
        )
        for row in rows
        if row["counted"] == "pairs" and row["expected"] >= _ENOUGH
    ]
    figures = {
        "half": HALF,
        "cohort": len(both.background),
        "pairs": {name: counts.pairs for name, counts in found.items()},
        "compared": {name: counts.compared for name, counts in found.items()},
    }
    return Report(rows=rows, figures=figures, aims=aims)


PARTS: Final = {"plain": plain, "views": views}


def halves() -> Halves:
    """Part the shipped corpus.

    Raises:
        FileNotFoundError: The program has none.
    """
    path = shipped()
    if path is None:
        raise FileNotFoundError("uploadfilter/knowngood/default.corpus")
    values = cohort_of([read(path).values])
    order = np.random.default_rng(SEED).permutation(len(values))
    middle = len(values) // 2
    cohort = np.ascontiguousarray(values[order[:middle]])
    return Halves(
        background=Background.of(cohort),
        strangers=np.ascontiguousarray(values[order[middle:]]),
    )


def turned(values: Words, way: int) -> Words:
    """Return values of the pictures turned or mirrored; see ``all_variants``."""
    return np.ascontiguousarray(all_variants(values[:, None])[:, way])


def count_values(
    background: Background,
    uploads: Words,
    entries: Words,
    ways: range,
    *,
    lowest: float = LOWEST,
) -> Counts:
    """Compare all uploads, turned in some ways, with all entries.

    Args:
        background: The cohort.
        uploads: Values, shape (n, 4).
        entries: Values of other pictures, shape (m, 4).
        ways: Variants of the uploads.
        lowest: Deviations from which pairs are looked at.
    """
    found = Counts(highest=probability(lowest) / 2)
    theirs = signs_of(entries)
    listed = background.moments(theirs)
    crowd_of_entry = _crowds(background, entries)
    for way in ways:
        asked = turned(uploads, way)
        crowd_of_upload = _crowds(background, asked)
        for first in range(0, len(asked), _BLOCK):
            part = signs_of(asked[first : first + _BLOCK])
            ours = background.moments(part)
            agreements = part @ theirs.T
            found.pairs += agreements.size
            floor = max(2 * _LEAST_DEVIATION * lowest - 8, -BITS)
            one, two = np.nonzero(agreements >= floor)
            pair = agreements[one, two]
            by = [
                (pair - side.mean[at]) / side.deviation[at]
                for side, at in ((ours, one), (listed, two))
            ]
            near = np.flatnonzero(np.minimum(*by) >= lowest)
            reached = _reached(background, part[one[near]], theirs[two[near]])
            predicted = [
                probability(
                    min(
                        crowd_of_upload(first + int(one[at])).excess(reach),
                        crowd_of_entry(int(two[at])).excess(reach),
                    )
                )
                for at, reach in zip(near.tolist(), reached.tolist(), strict=True)
            ]
            found.add(np.array(predicted))
    found.compared = found.pairs
    return found


def _reached(background: Background, ours: Signs, theirs: Signs) -> Floats:
    """Return the reach of pairs of values, the lower one of both sides."""
    found = [
        _reached_by(background, probes[at : at + _PAIRS], others[at : at + _PAIRS])
        for probes, others in ((ours, theirs), (theirs, ours))
        for at in range(0, len(ours), _PAIRS)
    ]
    half = len(found) // 2
    if not half:
        return np.zeros(0, np.float32)
    ours_first, theirs_first = (
        np.concatenate(it) for it in (found[:half], found[half:])
    )
    lower: Floats = np.minimum(ours_first, theirs_first)
    return lower


def _reached_by(background: Background, probes: Signs, others: Signs) -> Floats:
    """Return the reach of probes towards one value each."""
    gauge = Gauge.of(background, probes, np.broadcast_to(PLAIN, probes.shape))
    found = gauge.deviations(np.einsum("nb,nb->n", probes, others))
    far = np.flatnonzero(found > KEPT)
    found[far] = gauge.capped(found[far], others[far], far)
    return reaches(found, gauge.bits)


def _crowds(background: Background, values: Words) -> Callable[[int], Crowd]:
    """Return the crowds of values by their numbers, each computed once."""

    @lru_cache(None)
    def crowd(number: int) -> Crowd:
        return crowd_of_value(background, values[number])

    return crowd


def count_uploads(
    background: Background, planes: Iterable[NDArray[np.float32]], entries: Words
) -> Counts:
    """Upload pictures, and judge the entries that come nearest.

    Args:
        background: The cohort.
        planes: Planes of the uploads.
        entries: Values of other pictures, shape (n, 4).
    """
    found = Counts(highest=_HIGHEST)
    theirs = signs_of(entries)
    raw = [row.tobytes() for row in entries.astype(">u8")]
    for plane in planes:
        data = np.ascontiguousarray(plane, np.float32).tobytes()
        seen = soft_views(data)
        if not len(seen):
            continue
        rows = _nearest(background, Probes.of(seen), theirs)
        judged = judge(
            background,
            seen,
            [raw[row] for row in rows.tolist()],
            entries=1,
            tries=tries_of(len(seen)),
            plane=data,
        )
        predicted = np.array(
            [1.0 if it.expected is None else it.expected for it in judged]
        )
        found.pairs += len(entries)
        found.compared += len(entries) * len(seen)
        found.add(predicted)
        found.add_upload(predicted, rows, len(entries))
    return found


def _nearest(
    background: Background, probes: Probes, theirs: NDArray[np.float32]
) -> NDArray[np.intp]:
    """Return the entries that some view of an upload agrees with best."""
    moments = background.moments(probes.weights)
    weights = probes.weights / moments.deviation[:, None]
    mean = (moments.mean / moments.deviation)[:, None]
    best = np.concatenate(
        [
            (weights @ theirs[first : first + 2048].T - mean).max(axis=0)
            for first in range(0, len(theirs), 2048)
        ]
    )
    rows: NDArray[np.intp] = np.argsort(-best)[:JUDGED]
    return rows
