"""Judge uploads as the filter does: soft views, then evidence against the cohort.

The cohort is the known-good corpus that comes with the program, without its values
within 31 bits of an original, in any turn or negative: many originals come from
packages that the corpus was made of. The filter refuses such values itself for each
entry; here they are left out for all, so that no original is its own background.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.originals import Originals, Values, turned
from uploadfilter.evidence import chance
from uploadfilter.evidence.background import Background, background_of
from uploadfilter.evidence.cohort import cohort_of
from uploadfilter.evidence.judging import Evidence, judge
from uploadfilter.knowngood.corpus import read
from uploadfilter.model import SignalType, Variant
from uploadfilter.pictures.picture import Floats
from uploadfilter.reference.search.matching import Thresholds
from uploadfilter.signals.soft.family import SoftViews, soft_views

CORPUS = Path(__file__).parents[2] / "uploadfilter" / "knowngood" / "default.corpus"

ENTRIES = 1_000_000
"""Entries of the set for which E is computed: the size of the aims."""

_FULL_BITS = 256


@dataclass(frozen=True, slots=True)
class Prepared:
    """The background, and how many values of the corpus were left out of it."""

    background: Background | None
    poisoned: int


def prepare(originals: Originals) -> Prepared:
    """Prepare the background without the originals.

    It takes a minute to find their values in the corpus, so the rows are kept.
    """
    values = read(CORPUS).values
    upright = values[:, 0] if values.ndim == 3 else values  # noqa: PLR2004
    path = originals.folder / "poisoned.npy"
    if not path.is_file():
        packed = np.ascontiguousarray(upright.astype(">u8")).view(np.uint64)
        np.save(path, np.flatnonzero(_near(packed, originals.values)))
    is_kept = np.ones(len(upright), bool)
    is_kept[np.load(path)] = False
    cohort = cohort_of([upright[is_kept]])
    return Prepared(background_of(cohort), int((~is_kept).sum()))


def _near(packed: NDArray[np.uint64], values: Values) -> NDArray[np.bool_]:
    """Return which of some values are pictures of others, in any turn or negative."""
    is_near = np.zeros(len(packed), bool)
    threshold = Thresholds().bits(SignalType.PDQ)
    for value in values:
        bits = np.bitwise_count(packed[:, None] ^ turned(value)[None]).sum(2)
        nearest = np.minimum(bits.min(axis=1), _FULL_BITS - bits.max(axis=1))
        is_near |= nearest <= threshold
    return is_near


def views_of(
    plane: Floats, ways: Sequence[Variant], aspect: float | None = None
) -> SoftViews:
    """Return the soft views of a plane, turned in these ways."""
    data = np.asarray(plane, np.float32).tobytes()
    return soft_views(data, variants=ways, aspect=aspect)


def evidence(
    background: Background | None, plane: Floats, entries: Values, views: SoftViews
) -> tuple[Evidence, ...]:
    """Judge entries by the views of a plane; each view that was made counts in E."""
    return judge(
        background,
        views,
        [value.tobytes() for value in entries],
        entries=ENTRIES,
        tries=chance.tries_of(len(views)),
        plane=np.asarray(plane, np.float32).tobytes(),
    )


def distances(asked: Values, value: Values) -> NDArray[np.int64]:
    """Return the bits between values and one value in its nearest turn."""
    words = np.ascontiguousarray(asked).view(np.uint64)
    bits = np.bitwise_count(words[:, None] ^ turned(value)[None]).sum(2, dtype=np.int64)
    nearest: NDArray[np.int64] = bits.min(axis=1)
    return nearest
