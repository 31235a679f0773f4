"""Sift the rows of a small table: which may have a sufficient score under some view?

The score of a row under a view is a sum over its bits. A quarter of the bits, those
that are the most certain over all views, give most of it: a listed value that the
upload shows agrees with its view there, and hardly any other row does. One product of
these bits with all views is enough to leave out the others.

Rules this module keeps: it is pure; it compares every row.
"""

import numpy as np
from numpy.typing import NDArray

from uploadfilter.reference.search.index import Lane
from uploadfilter.reference.search.soft import WIDTH_BITS, Scorer, values_at

SIFTED_BITS = 64
"""Bits that are compared. Of 150 altered photographs whose entries have a sufficient
score, 48 bits find all as well, and let four times as many other rows pass."""

SLACK = 15.0
"""How much the part of the score may be below the lowest score. With it, no entry was
lost; with 5, one of a hundred was."""

_SLICE_SCORES = 1 << 17
"""Scores that are computed at a time: 512 KiB stay in the cache of a core."""


class Sieve:
    """The bits of a table, ready to be sifted; one kilobyte a row.

    Args:
        lanes: The values, as ``index.lanes_of`` returns them.
    """

    def __init__(self, lanes: tuple[Lane, ...]) -> None:
        rows = np.arange(len(lanes[0]))
        bits = np.unpackbits(values_at(lanes, rows), axis=1)
        # One bit more, always set, brings each view's constant into the product.
        self._bits = np.ones((WIDTH_BITS + 1, len(rows)), np.float32)
        self._bits[:-1] = bits.T

    def likely(self, scorer: Scorer, least: float) -> NDArray[np.intp]:
        """Return the rows that may have a sufficient score, ascending.

        Args:
            scorer: Of the batch; at least one view.
            least: Lowest score.
        """
        by_certainty = np.argsort(-scorer.costs.sum(axis=0), kind="stable")
        chosen = by_certainty[:SIFTED_BITS]
        weights = np.empty((len(scorer.costs), SIFTED_BITS + 1), np.float32)
        weights[:, :-1] = scorer.weights.take(chosen, axis=1)
        right = scorer.certain.take(chosen, axis=1).sum(axis=1)
        set_bits = scorer.bits.take(chosen, axis=1) * weights[:, :-1]
        weights[:, -1] = right - set_bits.sum(axis=1) + SIFTED_BITS * np.log(2)
        rows = np.append(chosen, WIDTH_BITS)
        step = max(1, _SLICE_SCORES // len(weights))
        found = [np.empty(0, np.intp)]
        for start in range(0, self._bits.shape[1], step):
            scores = weights @ self._bits[rows, start : start + step]
            best = scores.max(axis=0)
            found.append(np.flatnonzero(best >= least - SLACK) + start)
        return np.concatenate(found)
