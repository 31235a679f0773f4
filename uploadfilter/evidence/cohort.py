"""The cohort: PDQ values of harmless pictures, the background of every judgement.

It is put together from the known-good corpora. A bad corpus never ends a search:
its bad values are refused and counted, and a cohort that is too small is not *usable*,
so that nothing is judged by it.

Rules this module keeps: it is pure; each refused value is counted with its reason; a
cohort never holds a value that matches an entry it was checked against.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from uploadfilter.model import Signal, SignalType
from uploadfilter.reference.search.matching import (
    SLICE_QUERIES,
    Generation,
    Query,
    Thresholds,
)

Words = NDArray[np.uint64]
"""PDQ values, shape (n, 4): four numbers of 64 bits, the most significant first."""

LEAST_VALUES: Final = 4096
"""Fewer values are not usable: the 256 x 256 covariances and the crowd of a picture
(``background.CROWD_SHARE``) would be mostly noise."""

MOST_VALUES: Final = 1 << 18
"""More are thinned evenly: a candidate costs some 50 ns for each."""

LEAST_SET, MOST_SET = 96, 160
"""A picture sets 128 of its 256 bits, fewer only if coefficients are equal. Other
values are no pictures, and would bend the moments."""

_WORDS: Final = 4
_MOST_REPORTED: Final = 100


class CohortRefusal(StrEnum):
    """Why a value is not in the cohort."""

    UNBALANCED = "unbalanced"
    REPEATED = "repeated"
    THINNED = "thinned"
    NEAR_AN_ENTRY = "near_an_entry"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """Values of harmless pictures.

    Attributes:
        values: Shape (n, 4), sorted, each once.
        refused: How many values were refused, by reason.
        near: Hash set and id of entries that a refused value matches; at most a
            hundred. Such an entry lists a picture that a known-good corpus has too.
    """

    values: Words
    refused: Mapping[CohortRefusal, int] = field(
        default_factory=lambda: MappingProxyType({})
    )
    near: tuple[tuple[str, str], ...] = ()

    def __len__(self) -> int:
        """Return the number of values."""
        return len(self.values)

    @property
    def is_usable(self) -> bool:
        """Tell whether it has enough values to judge by."""
        return len(self) >= LEAST_VALUES


def cohort_of(parts: Iterable[NDArray[np.uint64]]) -> Cohort:
    """Put a cohort together from the values of known-good corpora.

    Args:
        parts: ``knowngood.corpus.Corpus.values`` of each corpus: shape (pictures, each,
            4) or (pictures, 4), in any byte order. The first value of a picture counts,
            which is the upright one.

    Returns:
        A cohort, which may be too small to be usable, or empty.

    Raises:
        ValueError: An array has another shape.
    """
    upright = [_upright(part) for part in parts]
    values = np.concatenate(upright) if upright else np.empty((0, _WORDS), np.uint64)
    refused: Counter[CohortRefusal] = Counter()
    counted = np.bitwise_count(values).sum(axis=1, dtype=np.int64)
    balanced = values[(counted >= LEAST_SET) & (counted <= MOST_SET)]
    refused[CohortRefusal.UNBALANCED] = len(values) - len(balanced)
    once = np.unique(balanced, axis=0)
    refused[CohortRefusal.REPEATED] = len(balanced) - len(once)
    if len(once) > MOST_VALUES:
        refused[CohortRefusal.THINNED] = len(once) - MOST_VALUES
        once = once[np.arange(MOST_VALUES) * len(once) // MOST_VALUES]
    return Cohort(
        values=np.ascontiguousarray(once), refused=MappingProxyType(dict(+refused))
    )


def without_listed(cohort: Cohort, generation: Generation) -> Cohort:
    """Return the cohort without values that match an entry of the reference set.

    Such a value hides its entry: the upload would be near the background as well. A
    judgement leaves such values out by itself, so this is a report and no protection;
    it takes as long as a search for each value.

    Args:
        cohort: The cohort.
        generation: The reference set.
    """
    is_near = np.zeros(len(cohort), np.bool_)
    names: list[tuple[str, str]] = []
    threshold = Thresholds().bits(SignalType.PDQ)
    for first in range(0, len(cohort), SLICE_QUERIES):
        part = cohort.values[first : first + SLICE_QUERIES].astype(">u8")
        queries = [
            Query(
                signal=Signal(type=SignalType.PDQ, value=row.tobytes()),
                threshold=threshold,
            )
            for row in part
        ]
        for place, found in enumerate(generation.search(queries), start=first):
            is_near[place] = bool(found)
            names.extend((it.set, it.entry) for it in found)
    count = int(is_near.sum())
    if not count:
        return cohort
    refused = Counter(cohort.refused)
    refused[CohortRefusal.NEAR_AN_ENTRY] += count
    return Cohort(
        values=np.ascontiguousarray(cohort.values[~is_near]),
        refused=MappingProxyType(dict(refused)),
        near=(*cohort.near, *dict.fromkeys(names))[:_MOST_REPORTED],
    )


def _upright(part: NDArray[np.uint64]) -> Words:
    """Return the first value of each picture, in native byte order."""
    first = part[:, 0] if part.ndim == _WORDS - 1 else part
    if first.ndim != 2 or first.shape[1] != _WORDS:  # noqa: PLR2004  # rows of words
        raise ValueError(f"values have the shape {part.shape}, not (n, 4) or (n, k, 4)")
    return first.astype(np.uint64)
