"""The cohort: PDQ values of harmless pictures, the background of every judgement.

It is put together from the known-good corpora. Values that are no pictures are left
out, and nothing is judged by a cohort that is too small.

Rule this module keeps: it is pure.
"""

from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
"""PDQ values, shape (n, 4): four numbers of 64 bits, the most significant first."""

LEAST_VALUES: Final = 4096
"""Nothing is judged by fewer values: the 256 x 256 covariances and the crowd of a
picture would be mostly noise."""

MOST_VALUES: Final = 1 << 18
"""More are thinned evenly: a candidate costs some 50 ns for each."""

LEAST_SET, MOST_SET = 96, 160
"""A picture sets 128 of its 256 bits, fewer only if coefficients are equal. Other
values are no pictures, and would bend the moments."""

_WORDS: Final = 4


def cohort_of(parts: Iterable[NDArray[np.uint64]]) -> Words:
    """Put a cohort together from the values of known-good corpora.

    Args:
        parts: ``knowngood.corpus.Corpus.values`` of each corpus: shape (pictures, each,
            4) or (pictures, 4), in any byte order. The first value of a picture counts,
            which is the upright one.

    Returns:
        The cohort, sorted, each value once; it may be too small to judge by, or empty.

    Raises:
        ValueError: An array has another shape.
    """
    upright = [_upright(part) for part in parts]
    values = np.concatenate(upright) if upright else np.empty((0, _WORDS), np.uint64)
    counted = np.bitwise_count(values).sum(axis=1, dtype=np.int64)
    balanced = values[(counted >= LEAST_SET) & (counted <= MOST_SET)]
    once = np.unique(balanced, axis=0)
    if len(once) > MOST_VALUES:
        once = once[np.arange(MOST_VALUES) * len(once) // MOST_VALUES]
    return np.ascontiguousarray(once)


def _upright(part: NDArray[np.uint64]) -> Words:
    """Return the first value of each picture, in native byte order."""
    first = part[:, 0] if part.ndim == _WORDS - 1 else part
    if first.ndim != 2 or first.shape[1] != _WORDS:  # noqa: PLR2004  # rows of words
        raise ValueError(f"values have the shape {part.shape}, not (n, 4) or (n, k, 4)")
    return first.astype(np.uint64)
