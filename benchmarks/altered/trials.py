"""Try altered photographs of a half: E of the true entry, for each row of the table."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks import originals
from benchmarks.altered import judged
from benchmarks.altered.rows import ROWS, WORKING_SIDE, Row
from benchmarks.harness import Kept
from benchmarks.originals import Originals, plane_of, values_of
from benchmarks.packages import Sort
from uploadfilter.evidence.background import signs_of
from uploadfilter.evidence.chance import ALTERED, NEAR
from uploadfilter.evidence.patterns import counted
from uploadfilter.model import Variant

PLAIN_BITS, FAR_BITS = 31, 60
"""The threshold of plain PDQ, and one without any judgement."""

FEWER = 8
"""One of so many photographs is tried in the rows that have no aim."""

_WAYS = {
    "mirror": (Variant.UPRIGHT, Variant.MIRROR),
    "quarter": (Variant.R90, Variant.R270),
}
"""Variants that are looked at, by the first word of the row's name."""

_OTHERS = 7
"""Part of the seed by which the other photographs of a collage are chosen."""


def altered(known: Originals, row: Row, number: int) -> Image.Image:
    """Return an altered photograph as it is uploaded; the same each time."""
    own = known.listed[number]
    others = known.of(Sort.PHOTOGRAPH, own.half)
    rng = np.random.default_rng([number, _OTHERS, *row.name.encode()])

    def other() -> Image.Image:
        while True:
            chosen = others[int(rng.integers(len(others)))]
            if known.listed[chosen].scene != own.scene:
                return _reduced(known, chosen)

    return row.altered(_reduced(known, number), number, other)


def _reduced(known: Originals, number: int) -> Image.Image:
    image = known.image(number)
    image.thumbnail((WORKING_SIDE, WORKING_SIDE), Image.Resampling.LANCZOS)
    return image


def ways_of(row: Row) -> tuple[Variant, ...]:
    """Return the variants that are looked at for a row."""
    first = row.name.replace(",", " ").split()[0]
    return _WAYS.get(first, (Variant.UPRIGHT,))


def try_all(
    executor: Executor, cache: Path, numbers: Sequence[int], kept: Kept
) -> list[dict[str, Any]]:
    """Try the photographs in each row; return the rows of the table.

    Rows without an aim are tried with one of ``FEWER`` photographs.

    Args:
        executor: Its processes do the work.
        cache: Folder of the originals.
        numbers: The photographs.
        kept: Results of runs before, and of this one.
    """
    # By chance, so that a run that was ended early is about all packages.
    wanted = np.random.default_rng(1).permutation(numbers).tolist()
    full = set(wanted[::FEWER])
    jobs = [(number, number in full) for number in wanted if number not in kept]
    for job, found in zip(jobs, executor.map(partial(_try, cache), jobs), strict=True):
        kept.add(job[0], found)
    detailed = _detailed(originals.load(cache), wanted)
    return list(_rows(wanted, kept, detailed))


def _try(cache: Path, job: tuple[int, bool]) -> dict[str, tuple[float | None, int]]:
    """Return E and bits of a photograph in its rows, in a process of the pool."""
    number, is_full = job
    known, prepared = _loaded(cache)
    own = known.values[number]
    found = {}
    for row in ROWS:
        if row.aim or is_full:
            image = altered(known, row, number)
            plane, ways = plane_of(image), ways_of(row)
            views = judged.views_of(plane, ways, image.width / image.height)
            (best,) = judged.evidence(prepared.background, plane, own[None], views)
            bits = judged.distances(values_of(plane[None]), own)
            found[row.name] = (best.expected, int(bits[0]))
    return found


@lru_cache(1)
def _loaded(cache: Path) -> tuple[Originals, judged.Prepared]:
    known = originals.load(cache)
    return known, judged.prepare(known)


def _detailed(known: Originals, numbers: Sequence[int]) -> set[int]:
    """Return the originals for which no pattern counts."""
    words = np.ascontiguousarray(known.values[numbers]).view(">u8").astype(np.uint64)
    owed = counted(signs_of(words)) == 0
    return {number for number, it in zip(numbers, owed, strict=True) if it}


def _rows(
    numbers: Sequence[int], kept: Kept, detailed: set[int]
) -> Iterator[dict[str, Any]]:
    """Yield the shares that were found, 0 to 1, of each row."""
    for row in ROWS:
        tried = [number for number in numbers if row.name in kept[number]]
        pairs = [kept[number][row.name] for number in tried]
        figures = np.array([np.inf if it is None else it for it, _ in pairs])
        bits = np.array([it for _, it in pairs])
        found = (figures <= ALTERED) | (bits <= PLAIN_BITS)
        is_detailed = np.array([number in detailed for number in tried], bool)
        yield {
            "name": row.name,
            "group": row.group,
            "aim": row.aim,
            "uploads": len(tried),
            "found": _share(found),
            "detailed": int(is_detailed.sum()),
            "found_detailed": _share(found[is_detailed]),
            "altered": _share(figures <= ALTERED),
            "near": _share(figures <= NEAR),
            "median": round(float(np.log10(np.median(figures) + 1e-99)), 1),
            "plain_31": _share(bits <= PLAIN_BITS),
            "plain_60": _share(bits <= FAR_BITS),
        }


def _share(found: NDArray[np.bool_]) -> float | None:
    return round(float(found.mean()), 4) if len(found) else None
