"""What do soft views cost at a million real entries, and which entries do they miss?

*Unrelated* uploads are the originals of half B of the ``altered`` benchmark, none of
which is listed: CPU time of making the views, of the search, and of the whole way with
the judgement, as the proxy goes it. The *recall* is that
of the search alone: of the altered photographs of half A whose original has a
sufficient score, which a full scan would find, the share that the search finds.

Beside it: what a lone match of 64 bits costs and yields, by the pHash of as many real
pictures, with the threshold of 8 bits and with the 2 bits that are left of it.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.altered import judged, originals
from uploadfilter.evidence.background import Background
from uploadfilter.evidence.finding import AlteredCopies, find_altered
from uploadfilter.evidence.settings import EvidenceSettings
from uploadfilter.model import (
    FULL_WINDOW,
    EntryState,
    MatchKind,
    Scan,
    SignalType,
    View,
)
from uploadfilter.reference.search.chunk_tables import ChunkTables, build
from uploadfilter.reference.search.index import Lane, lanes_of
from uploadfilter.reference.search.matcher import matcher_for
from uploadfilter.reference.search.matching import (
    LONE_BITS,
    Candidate,
    Query,
    Thresholds,
)
from uploadfilter.reference.search.near.asking import (
    BUDGET,
    MOST_CANDIDATES,
    NearCandidate,
    NearFound,
)
from uploadfilter.reference.search.near.near_index import NearIndex
from uploadfilter.reference.search.planning import plan_for
from uploadfilter.reference.search.soft import LEAST_SCORE, Scorer, SoftBatch
from uploadfilter.signals import pdq
from uploadfilter.signals.phash import PHash
from uploadfilter.signals.soft.family import soft_views

SIZES = (100_000, 1_000_000, 10_000_000)
UNRELATED = 150
"""Uploads without relation to any entry."""

ALTERED = 600
"""Altered photographs, evenly chosen from all rows of the ``altered`` benchmark."""

BANDS = (15, 25, 40, 60)
"""Lowest scores of the pairs whose recall is stated. Evidence hardly ever judges a pair
with a score below 40 as more than chance."""

NEAR_BITS = 60
_WITHIN = f"within {NEAR_BITS} bits"
VALUES = "values-10m.npy"
PHASHES = "phash.npy"
"""Files in the folder of the originals, as ``regions.py`` makes them."""

AIM_MS = {1_000_000: 5.0, 10_000_000: 25.0}
AIM_WHOLE_MS = {1_000_000: (10.0, 20.0), 10_000_000: (30.0, 60.0)}
"""Median and 95 of 100 of the whole way, of photographs."""

AIM_RECALL = 0.99
_SIDE = 32
_SEED = 15_016

Values = NDArray[np.uint8]


def measure(
    folder: Path, sizes: Sequence[int], say: Callable[[str], None]
) -> dict[str, Any]:
    """Measure every size, and return the results to keep."""
    known = originals.load(folder)
    numbers = [at for at, item in enumerate(known.listed) if item.half == "B"]
    numbers = _evenly(numbers, UNRELATED)
    uploads = [
        (known.listed[at].sort, np.ascontiguousarray(known.planes[at]).tobytes())
        for at in numbers
    ]
    batches, views_ms = _unrelated([plane for _, plane in uploads])
    background = judged.prepare(known).background
    pairs = list(_altered(folder, known))
    values = np.load(folder / VALUES, mmap_mode="r")
    found: dict[str, Any] = {"views_ms": views_ms, "pairs": len(pairs), "sizes": []}
    say(f"views: {views_ms}")
    for size in sizes:
        count = min(size, len(values))
        row = _size(values[:count], batches, pairs, _Asked(uploads, background))
        found["sizes"].append({"n": count, **row})
        say(f"altered {count:,}: {row}")
    found["lone"] = list(_lone(folder, known, numbers, sizes, say))
    return found


def failures(results: dict[str, Any]) -> list[str]:
    """Return the missed aims, in words."""
    missed = []
    for row in results.get("sizes", []):
        aim = AIM_MS.get(row["n"])
        if aim and row["search_ms"]["p50"] > aim:
            missed.append(f"soft search at {row['n']:,}: {row['search_ms']['p50']} ms")
        for name, most in zip(
            ("p50", "p95"), AIM_WHOLE_MS.get(row["n"], ()), strict=False
        ):
            ms = row["whole"]["ms"]["photograph"][name]
            if ms > most:
                missed.append(f"altered copies at {row['n']:,}: {name} {ms} ms")
        share = row["recall"][_WITHIN]["share"]
        if share < AIM_RECALL:
            missed.append(f"soft search at {row['n']:,}: recall {share}")
    return missed


def _evenly(items: Sequence[int], most: int) -> list[int]:
    step = max(1.0, len(items) / most)
    return [items[int(at * step)] for at in range(min(most, len(items)))]


def _timed(call: Callable[..., object], *arguments: object) -> float:
    """Return the CPU time of the faster of two calls, in milliseconds."""
    taken = []
    for _ in range(2):
        begun = time.thread_time()
        call(*arguments)
        taken.append((time.thread_time() - begun) * 1000)
    return min(taken)


def _spread(taken: Sequence[float]) -> dict[str, float]:
    values = np.percentile(np.array(taken), [50, 95])
    return {
        "p50": round(float(values[0]), 2),
        "mean": round(float(np.mean(taken)), 2),
        "p95": round(float(values[1]), 2),
    }


def _unrelated(
    planes: Sequence[bytes],
) -> tuple[list[SoftBatch], dict[str, float]]:
    """Return the views of uploads, and the time that they take."""
    batches, taken = [], []
    for plane in planes:
        taken.append(_timed(soft_views, plane))
        views = soft_views(plane)
        batches.append(SoftBatch(values=views.values, flips=views.flips))
    return batches, _spread(taken)


def _altered(
    folder: Path, known: originals.Originals
) -> Iterator[tuple[SoftBatch, Values, float, int]]:
    """Yield views, true value, score and distance of altered photographs of half A."""
    planes = np.load(folder / "altered-A-planes.npy", mmap_mode="r")
    index = np.load(folder / "altered-A-index.npy")
    rng = np.random.default_rng(_SEED)
    each = -(-ALTERED // len(planes))
    for row in range(len(planes)):
        for column in rng.choice(len(index), each, replace=False).tolist():
            plane = np.ascontiguousarray(planes[row, column]).tobytes()
            views = soft_views(plane)
            if not len(views):
                continue
            batch = SoftBatch(values=views.values, flips=views.flips)
            value = known.values[index[column]]
            bits = np.unpackbits(value)[np.newaxis].astype(np.float32)
            scores, best = Scorer(batch).best(bits)
            apart = int(np.bitwise_count(batch.values[best[0]] ^ value).sum())
            yield batch, value, float(scores[0]), apart


def _size(
    values: Values,
    batches: Sequence[SoftBatch],
    pairs: Sequence[tuple[SoftBatch, Values, float, int]],
    asked: "_Asked",
) -> dict[str, Any]:
    """Measure one number of entries."""
    # The originals take the place of other rows; each is listed once.
    listed = np.array(values)
    places = {value.tobytes(): 0 for _, value, _, _ in pairs}
    places = {value: at for at, value in enumerate(places)}
    for value, at in places.items():
        listed[at] = np.frombuffer(value, np.uint8)
    lanes = lanes_of(listed.tobytes(), listed.shape[1])
    tables, plan = _tables(lanes, Thresholds().pdq)
    index = NearIndex(lanes, tables)
    index.search(batches[0])
    found = [index.search(batch) for batch in batches]
    taken = [_timed(index.search, batch) for batch in batches]
    is_found = np.array(
        [
            places[value.tobytes()] in index.search(batch).row
            for batch, value, *_ in pairs
        ]
    )
    scores = np.array([score for *_, score, _ in pairs])
    near = np.array([apart <= NEAR_BITS for *_, apart in pairs]) & (scores >= BANDS[0])
    recall = {str(band): _share(is_found[scores >= band]) for band in BANDS}
    return {
        "plan": plan,
        "views": round(float(np.mean([len(batch) for batch in batches]))),
        "search_ms": _spread(taken),
        "whole": asked.measure(index),
        "work": _spread([item.work for item in found]),
        "candidates": _spread([len(item.row) for item in found]),
        "cut_short": sum(not item.is_complete for item in found),
        "recall": {**recall, _WITHIN: _share(is_found[near])},
    }


@dataclass(frozen=True, slots=True)
class _Asked:
    """Uploads that go the whole way: views, search, judgement.

    Attributes:
        uploads: Sort and plane of each.
        background: The cohort.
    """

    uploads: Sequence[tuple[str, bytes]]
    background: Background | None

    def measure(self, index: NearIndex) -> dict[str, Any]:
        """Return the CPU time by sort of picture, and how many were found."""
        generation = _Generation(index)
        taken: dict[str, list[float]] = {}
        kinds: Counter[str] = Counter()
        for sort, plane in self.uploads:
            view = View(name="stored", rows=(), plane=plane)
            scans = [Scan(path="0", kind="png", size=1, views=(view,))]

            def find(scans: list[Scan] = scans) -> AlteredCopies:
                return find_altered(
                    generation,
                    scans,
                    self.background,
                    settings=EvidenceSettings(),
                    quality_of=pdq.quality,
                )

            found = find()
            kinds.update({match.kind for match in found.matches})
            kinds.update(["unfinished"] * bool(found.unfinished))
            ms = _timed(find)
            for name in ("all", sort):
                taken.setdefault(name, []).append(ms)
        return {
            "uploads": len(self.uploads),
            **{kind.value: kinds[kind] for kind in (MatchKind.NEAR, MatchKind.ALTERED)},
            "unfinished": kinds["unfinished"],
            "ms": {name: _spread(times) for name, times in taken.items()},
        }


@dataclass(frozen=True, slots=True)
class _Generation:
    """A generation of one table of PDQ values, without entries."""

    index: NearIndex
    number: int = 1
    signal_types: frozenset[SignalType] = frozenset({SignalType.PDQ})
    windows: frozenset[str] = frozenset({FULL_WINDOW})

    @property
    def entry_count(self) -> int:
        """The number of values."""
        return len(self.index)

    def search(self, queries: Sequence[Query]) -> tuple[tuple[Candidate, ...], ...]:
        """Find nothing: only what lies beyond the threshold is asked for."""
        return tuple(() for _ in queries)

    def glimpses(self, values: Sequence[bytes]) -> bool:
        """Tell nothing: only the proxy asks."""
        raise NotImplementedError

    def search_near(
        self, batch: SoftBatch, *, budget: int = BUDGET, least: float = LEAST_SCORE
    ) -> NearFound:
        """Search the table."""
        found = self.index.search(batch, budget=budget, least=least)
        rows = zip(found.row, found.view, found.score, found.values, strict=True)
        return NearFound(
            candidates=tuple(
                NearCandidate(
                    candidate=Candidate(
                        set="s",
                        entry=str(row),
                        category="c",
                        state=EntryState.ACTIVE,
                        distance=0,
                    ),
                    value=value.tobytes(),
                    view=int(view),
                    score=float(score),
                )
                for row, view, score, value in islice(rows, MOST_CANDIDATES)
            ),
            work=found.work,
            is_complete=found.is_complete,
        )


def _share(is_found: NDArray[np.bool_]) -> dict[str, float]:
    share = round(float(is_found.mean()), 4) if len(is_found) else 1.0
    return {"pairs": len(is_found), "share": share}


def _tables(lanes: tuple[Lane, ...], threshold: int) -> tuple[ChunkTables | None, str]:
    plan = plan_for(64 * len(lanes), threshold, len(lanes[0]))
    return (build(lanes, plan.bits) if plan.chunks else None), str(plan)


def _lone(
    folder: Path,
    known: originals.Originals,
    numbers: Sequence[int],
    sizes: Sequence[int],
    say: Callable[[str], None],
) -> Iterator[dict[str, Any]]:
    """Yield cost and yield of lone 64-bit look-ups, by number of entries."""
    phashes = np.load(folder / PHASHES, mmap_mode="r")
    asked = [_phash(known.image(number)) for number in numbers]
    before = Thresholds().bits(SignalType.PHASH)
    for size in sizes:
        count = min(size, len(phashes))
        lanes = lanes_of(np.array(phashes[:count]).tobytes(), 8)
        tables, plan = _tables(lanes, before)
        kind = plan_for(64, before, count).kind
        matcher = matcher_for(kind, lanes, tables)
        row: dict[str, Any] = {"n": count, "plan": plan}
        for bits in (before, LONE_BITS):
            taken, chance = [], []
            for values in asked:
                limits = [bits] * len(values)
                taken.append(_timed(matcher.search, values, limits))
                chance.append(len(np.unique(matcher.search(values, limits).row)))
            row[f"{bits} bits"] = {
                "ms": _spread(taken),
                "chance_matches_an_upload": round(float(np.mean(chance)), 3),
                "uploads_with_one": round(float(np.mean(np.array(chance) > 0)), 3),
            }
        say(f"lone 64 bits: {row}")
        yield row


def _phash(image: Image.Image) -> list[bytes]:
    """Return the pHash of a picture in all eight variants."""
    small = image.convert("L").resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    (row,) = PHash().rows(np.asarray(small, np.float64))
    return [row.values[at : at + 8] for at in range(0, len(row.values), 8)]
