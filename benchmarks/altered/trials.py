"""Try altered photographs of a half: one tally for each row."""

import math
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.altered import camera, ceiling, judged
from benchmarks.altered.kept import Kept
from benchmarks.altered.originals import Originals, Values, load
from benchmarks.altered.rows import ROWS, Row
from uploadfilter.evidence.background import signs_of
from uploadfilter.evidence.chance import ALTERED, NEAR
from uploadfilter.evidence.patterns import counted
from uploadfilter.model import Variant

PLAIN_BITS, FAR_BITS = 31, 60
"""The threshold of plain PDQ, and one without any judgement."""

FEWER = 8
"""One of so many photographs is tried in the rows that have no aim."""

_UPRIGHT = (Variant.UPRIGHT,)
_WAYS = {
    "mirror": (Variant.UPRIGHT, Variant.MIRROR),
    "quarter": (Variant.R90, Variant.R270),
}
"""Variants that are looked at, by the first word of the row's name."""


@dataclass(slots=True)
class Tally:
    """The results of a row.

    Attributes:
        name: Name of the row.
        figures: E of the true entry, for each upload.
        bits: Distance of plain PDQ in the nearest turn.
        inliers: Features that agree with the original; empty without OpenCV.
        is_detailed: Whether no pattern counts for the original, for each upload.
        by_camera: Whether a camera says that it made the original, for each upload.
    """

    name: str
    figures: list[float] = field(default_factory=list)
    bits: list[int] = field(default_factory=list)
    inliers: list[int] = field(default_factory=list)
    is_detailed: list[bool] = field(default_factory=list)
    by_camera: list[bool] = field(default_factory=list)

    def summary(self) -> dict[str, object]:
        """Return the shares that were found, 0 to 1."""
        figures, bits = np.array(self.figures), np.array(self.bits)
        found = (figures <= ALTERED) | (bits <= PLAIN_BITS)
        parts = {"detailed": self.is_detailed, "camera": self.by_camera}
        return {
            "uploads": len(figures),
            "found": _share(found),
            **{name: sum(part) for name, part in parts.items()},
            **{
                f"found_{name}": _share(found[np.array(part)]) if any(part) else None
                for name, part in parts.items()
            },
            "altered": _share(figures <= ALTERED),
            "near": _share(figures <= NEAR),
            "median": round(float(np.log10(np.median(figures) + 1e-99)), 1),
            "plain_31": _share(bits <= PLAIN_BITS),
            "plain_60": _share(bits <= FAR_BITS),
            "features": _share(np.array(self.inliers) >= ceiling.LEAST_INLIERS)
            if self.inliers
            else None,
        }


def _share(found: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> float:
    return round(float(found.mean()), 4)


def ways_of(row: Row) -> tuple[Variant, ...]:
    """Return the variants that are looked at for a row."""
    return _WAYS.get(row.name.replace(",", " ").split()[0], _UPRIGHT)


def tried(
    executor: Executor,
    folder: Path,
    cache: Path,
    half: str,
    columns: Sequence[int],
    features: int,
) -> list[Tally]:
    """Try the uploads of some photographs in each row.

    Rows without an aim are tried with one of ``FEWER`` photographs.

    Args:
        executor: Its processes do the work.
        folder: Folder of the originals.
        cache: Folder of the packages.
        half: The half.
        columns: Columns of ``Altered``.
        features: Photographs that ORB is tried with, fewer because it is slow.
    """
    kept = Kept(folder / f"trials-{half}.jsonl")
    # By chance, so that a run that was ended early is about all packages.
    wanted = np.random.default_rng(1).permutation(columns).tolist()
    full = set(wanted[::FEWER])
    jobs = [(it, it in full) for it in kept.missing(wanted)]
    for job, found in zip(
        jobs, executor.map(partial(_try, folder, half), jobs), strict=True
    ):
        kept.add(job[0], found)
    agreeing = ceiling.tried(executor, folder, half, wanted[:features], full)
    return tallied(kept, wanted, agreeing, _Sorts.of(folder, cache, half))


@dataclass(frozen=True, slots=True)
class _Sorts:
    """The kinds of the originals of all columns.

    Attributes:
        is_detailed: Whether no pattern counts for the original.
        by_camera: Whether a camera says that it made the original.
    """

    is_detailed: NDArray[np.bool_]
    by_camera: NDArray[np.bool_]

    @classmethod
    def of(cls, folder: Path, cache: Path, half: str) -> "_Sorts":
        """Look at the originals of a half."""
        originals = load(folder)
        numbers = np.load(folder / f"altered-{half}-index.npy")
        made = camera.scenes(originals, cache)
        by_camera = [originals.listed[number].scene in made for number in numbers]
        return cls(_detailed(originals.values[numbers]), np.array(by_camera))


def tallied(
    kept: Kept,
    wanted: list[int],
    agreeing: Mapping[str, Mapping[int, int]],
    sorts: _Sorts,
) -> list[Tally]:
    """Return the results of each row.

    Args:
        kept: E and distance of the columns.
        wanted: The columns.
        agreeing: Features that agree, by row and column.
        sorts: The kinds of the originals.
    """
    tallies = {
        row.name: Tally(row.name, inliers=list(agreeing.get(row.name, {}).values()))
        for row in ROWS
    }
    for column, rows in kept.of(wanted):
        for name, (expected, bits) in rows.items():
            tally = tallies[name]
            tally.figures.append(np.inf if expected is None else expected)
            tally.bits.append(bits)
            tally.is_detailed.append(bool(sorts.is_detailed[column]))
            tally.by_camera.append(bool(sorts.by_camera[column]))
    return list(tallies.values())


def _detailed(values: Values) -> NDArray[np.bool_]:
    """Tell for each original whether no pattern counts for it."""
    words = np.ascontiguousarray(values).view(">u8").astype(np.uint64)
    owed: NDArray[np.bool_] = counted(signs_of(words)) == 0
    return owed


Found = tuple[float | None, int]


def _try(folder: Path, half: str, job: tuple[int, bool]) -> dict[str, Found]:
    """Try rows of a photograph, in a process of the pool."""
    column, is_full = job
    originals, prepared = _loaded(folder)
    numbers, planes, values = (
        np.load(folder / f"altered-{half}-{kind}.npy", mmap_mode="r")
        for kind in ("index", "planes", "values")
    )
    number = int(numbers[column])
    own = originals.values[number]
    bits = judged.distances(values[:, column], own)
    found: dict[str, Found] = {}
    for place, row in enumerate(ROWS):
        if not row.aim and not is_full:
            continue
        plane, ways = planes[place, column], ways_of(row)
        aspect = _aspect_of(row, originals.aspect(number))
        views = judged.views_of(plane, ways, aspect)
        (best,) = judged.evidence(prepared.background, plane, own[None], ways, views)
        found[row.name] = (best.expected, int(bits[place]))
    return found


def _aspect_of(row: Row, aspect: float) -> float:
    """Return the aspect of an upload as far as small turns need it.

    The planes alone are kept, so it follows from that of the original; a canvas that
    grew has the middle of the angles of its row.
    """
    if row.name.startswith("quarter"):
        return 1 / aspect
    degrees = re.search(r"(\d+)°, grown", row.name)
    if degrees is None:
        return aspect
    angle = math.radians(int(degrees[1]))
    cosine, sine = math.cos(angle), math.sin(angle)
    return (aspect * cosine + sine) / (cosine + aspect * sine)


@lru_cache(1)
def _loaded(folder: Path) -> tuple[Originals, judged.Prepared]:
    originals = load(folder)
    return originals, judged.prepare(originals)
