"""Make the soft views of a plane: guess by guess, what the original's PDQ may be.

Families of guesses can be chosen; the upright guess always comes first. To add a
family, add its member, and what makes its blocks to ``_fixed``.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import chain, compress
from typing import Final

import numpy as np
from numpy.typing import NDArray

from uploadfilter.model import Variant
from uploadfilter.outlines import Outline
from uploadfilter.signals.soft import plans, turns, windows
from uploadfilter.signals.soft.axes import CELLS, Floats
from uploadfilter.signals.soft.batches import Batch, Prepared, detailed
from uploadfilter.signals.soft.covers import covers
from uploadfilter.signals.soft.framing import boxes
from uploadfilter.signals.soft.reliabilities import BITS

MOST_VIEWS: Final = 4096
"""Most views of one plane, whatever was asked for: eight variants of all families."""

UNKNOWN_ASPECTS: Final = (4 / 3, 3 / 4)
"""Aspects that are tried for turns if that of the upload is unknown."""

_CACHED: Final = 32
"""Batches that are kept, of some 2 MB each: one for each rounded shape of a picture."""

_PLANE_BYTES: Final = CELLS * CELLS * 4

_MOST_GREY: Final = 1024.0
"""Largest value of a plane: luma has 255, and resampling goes over it by little. A
plane with larger ones comes from no scanner of ours."""

_LEAST_SPREAD: Final = 0.5
"""Least deviation of a plane, in grey steps: below it, all detail is rounding."""


class Family(StrEnum):
    """A family of guesses."""

    CROPS = "crops"
    TURNS = "turns"
    STRIPS = "strips"
    COVERS = "covers"
    CELLS = "cells"
    FRAMES = "frames"
    WINDOWS = "windows"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SoftViews:
    """Guesses of an original's PDQ.

    Attributes:
        values: Guessed values, uint8, shape (views, 32), as PDQ is published.
        flips: Probability that each bit of the original differs, 0.03 to 0.5, float32,
            shape (views, 256), in the order of ``np.unpackbits`` of the values.
        outlines: The guess of each view; it holds for the upload turned as its variant.
        variants: How the upload is turned or mirrored, for each view.
    """

    values: NDArray[np.uint8]
    flips: Floats
    outlines: tuple[Outline, ...]
    variants: tuple[Variant, ...]

    def __len__(self) -> int:
        return len(self.values)


ALL_FAMILIES: Final = frozenset(Family) - {Family.WINDOWS}
"""The families that any hash set needs; ``WINDOWS`` finds nothing in a set that lists
no windows."""

NO_VIEWS: Final = SoftViews(
    values=np.empty((0, BITS // 8), np.uint8),
    flips=np.empty((0, BITS), np.float32),
    outlines=(),
    variants=(),
)


def soft_views(
    plane: bytes,
    *,
    families: Collection[Family] = ALL_FAMILIES,
    variants: Sequence[Variant] = (Variant.UPRIGHT,),
    aspect: float | None = None,
    most: int = MOST_VIEWS,
) -> SoftViews:
    """Return the soft views of a plane, in a fixed order.

    The plane is ``View.plane``: 64 x 64 float32 in native byte order; the aspect is
    width by height, for turns. There are none if the plane has no detail at all, or
    values that no scanner computes (not finite, or far outside of luma's range).
    """
    luma = luma_of(plane)
    if luma is None:
        return NO_VIEWS
    chosen = frozenset(families)
    found = []
    for variant in variants:
        turned = turned_as(luma, variant)
        batches = _batches(turned, chosen, _aspects(aspect, variant))
        found.append(_views_of(turned, variant, tuple(batches)))
    return _joined(found, most)


def luma_of(plane: bytes) -> Floats | None:
    """Return a plane around its mean; ``None`` if it shows nothing."""
    if len(plane) != _PLANE_BYTES:
        raise ValueError(f"a plane has {_PLANE_BYTES} bytes, not {len(plane)}")
    luma = np.frombuffer(plane, np.float32).reshape(CELLS, CELLS)
    # Not-a-number fails the comparison as well.
    if not bool((np.abs(luma) <= _MOST_GREY).all()):
        return None
    luma = luma - luma.mean()
    return luma if luma.std() >= _LEAST_SPREAD else None


def turned_as(luma: Floats, variant: Variant) -> Floats:
    """Return a plane turned or mirrored as a variant says."""
    turned = luma
    for _ in range(_QUARTERS[variant]):
        turned = np.rot90(turned)
    if variant in _MIRRORED:
        turned = np.fliplr(turned)
    return np.ascontiguousarray(turned)


_QUARTERS: Final = {
    Variant.UPRIGHT: 0,
    Variant.R90: 1,
    Variant.R180: 2,
    Variant.R270: 3,
    Variant.MIRROR: 0,
    Variant.TRANSVERSE: 1,
    Variant.FLIP: 2,
    Variant.TRANSPOSE: 3,
}
"""Quarter turns of each variant, counter-clockwise, before it is mirrored."""

_MIRRORED: Final = frozenset(
    {Variant.MIRROR, Variant.FLIP, Variant.TRANSPOSE, Variant.TRANSVERSE}
)
"""Variants that are mirrored left to right after their quarter turns."""

_SIDEWAYS: Final = frozenset(
    {Variant.R90, Variant.R270, Variant.TRANSPOSE, Variant.TRANSVERSE}
)
"""Variants whose width is the upload's height."""


def _aspects(aspect: float | None, variant: Variant) -> tuple[float, ...]:
    if aspect is None or not 0 < aspect < np.inf:
        return tuple(map(turns.rounded, UNKNOWN_ASPECTS))
    aspect = min(max(aspect, 1 / _MOST_ASPECT), _MOST_ASPECT)
    return (turns.rounded(1 / aspect if variant in _SIDEWAYS else aspect),)


_MOST_ASPECT: Final = 4.0
"""Longest picture that is taken as it is: a longer one would lose all by a turn."""


def _batches(
    luma: Floats, families: frozenset[Family], aspects: tuple[float, ...]
) -> Iterator[Batch]:
    yield _fixed(families, aspects if Family.TURNS in families else ())
    if Family.FRAMES in families and (found := detailed(luma, boxes(luma))):
        yield Batch.of([plans.boxed(found)], are_detailed=True)
    if Family.WINDOWS in families:
        yield _of_windows()


@lru_cache(_CACHED)
def _fixed(families: frozenset[Family], aspects: tuple[float, ...]) -> Batch:
    """Return the guesses that are the same for each upload of a shape."""
    parts: list[Prepared] = [plans.upright()]
    if Family.CROPS in families:
        parts += [plans.crops(), plans.squares()]
    if aspects:
        parts.append(turns.turns(aspects))
    if Family.STRIPS in families:
        parts.append(plans.strips())
    if Family.COVERS in families:
        parts.append(covers())
    if Family.CELLS in families:
        parts.append(plans.cells())
    return Batch.of(parts)


@lru_cache(1)
def _of_windows() -> Batch:
    return Batch.of([windows.windows()])


def _views_of(luma: Floats, variant: Variant, batches: Sequence[Batch]) -> SoftViews:
    count = sum(map(len, batches))
    values = np.empty((count, BITS // 8), np.uint8)
    flips = np.empty((count, BITS), np.float32)
    lacking = []
    start = 0
    for batch in batches:
        rows = slice(start, start + len(batch))
        batch.apply(luma, values[rows], flips[rows])
        lacking.append(batch.without_detail(luma) + start)
        start = rows.stop
    outlines = tuple(chain.from_iterable(batch.outlines for batch in batches))
    without = np.concatenate(lacking)
    if len(without):
        values, flips, outlines = _without(values, flips, outlines, without)
    return SoftViews(
        values=values,
        flips=flips,
        outlines=outlines,
        variants=(variant,) * len(outlines),
    )


def _without(
    values: NDArray[np.uint8],
    flips: Floats,
    outlines: tuple[Outline, ...],
    without: NDArray[np.intp],
) -> tuple[NDArray[np.uint8], Floats, tuple[Outline, ...]]:
    """Return views without some of them; only what comes after is moved."""
    first = int(without.min())
    shows = np.ones(len(outlines) - first, np.bool_)
    shows[without - first] = False
    kept = np.flatnonzero(shows) + first
    last = first + len(kept)
    values[first:last] = values.take(kept, axis=0)
    flips[first:last] = flips.take(kept, axis=0)
    after = tuple(compress(outlines[first:], shows.tolist()))
    return values[:last], flips[:last], outlines[:first] + after


def _joined(parts: Sequence[SoftViews], most: int) -> SoftViews:
    if len(parts) == 1 and len(parts[0]) <= most:
        return parts[0]
    return SoftViews(
        values=np.concatenate([part.values for part in parts])[:most],
        flips=np.concatenate([part.flips for part in parts])[:most],
        outlines=tuple(item for part in parts for item in part.outlines)[:most],
        variants=tuple(item for part in parts for item in part.variants)[:most],
    )
