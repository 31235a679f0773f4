"""What a few edges explain: the part of an agreement that says little.

PDQ has 256 bits, but not every picture fills them. A stripe, a cross, a rectangle on a
plain ground, a gradient are products of a row and a column, and so is the block of
their frequencies: its 256 signs follow from 32. A picture of one edge, line or disc
follows from three numbers (``shapes.py``). Two such pictures agree in most bits
although they share one edge. So each probe is compared with the *patterns* that are
nearest to it, and what an agreement owes to one of them counts no more than ``ENOUGH``
deviations. That is for pictures that owe more to a pattern than chance bits do: of two
values that owe no more, nothing is taken off (``counted``).

Rules this module keeps: it is pure; a pattern is computed in whole numbers; patterns
only ever lessen a reach.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from uploadfilter.evidence.background import (
    BITS,
    Background,
    Signs,
    Strengths,
)
from uploadfilter.evidence.crowds import Floats, bits_of
from uploadfilter.evidence.shapes import shapes

ENOUGH: Final = 4.0
"""Most deviations that a pattern may add; one picture in thirty thousand has as many
by chance. Chosen on half A of ``benchmarks altered``, for stripes alone: of 432
unrelated uploads, 157 pairs of pictures have E <= 0.001 without this rule, 19 with 6,
11 with 4, 7 with 3; copies of photographs lose next to nothing by 4."""

KEPT: Final = 3.0
"""Deviations that are never taken off: a chance match is far beyond them, so that only
a few of a cohort have to be compared with patterns."""

_STRIPED: Final = (0.46, 0.54)
_SHAPED: Final = (0.35, 0.43)
"""Share of a value's bits, right minus wrong, that its nearest stripes, or its nearest
shape, explain. Up to the first figure patterns count nothing, from the second on they
count whole. Bits drawn by lot have 0.34 and 0.23, photographs of half A of ``benchmarks
altered`` 0.38 and 0.27 (median); of 60 pairs of unrelated pictures that are nearest
without patterns, 55 have a value beyond the second figure."""

_STEPS_COUNTED: Final = 2
"""Steps of ``counted`` from 0 to 1, upwards: few, so that crowds are shared."""

_SIDE: Final = 16
_STEPS: Final = 4
"""Rounds of the search for a pattern; nearly all stand still after two."""


def patterns_of(weights: Signs) -> Signs:
    """Return the patterns of probes that are nearest to them: stripes, and a shape.

    Args:
        weights: Signs times strengths, shape (n, 256).

    Returns:
        Signs of the patterns times the strengths, shape (2, n, 256).
    """
    return np.stack([stripes_of(weights), shapes_of(weights)])


def counted(values: Signs) -> Floats:
    """Return how much of what patterns explain is taken off, for some values.

    Args:
        values: Bits as -1 and 1, shape (n, 256).

    Returns:
        From 0, for a value that owes to patterns what bits drawn by lot do, to 1.
    """
    striped = np.abs(np.einsum("nb,nb->n", stripes_of(values), values))
    low, high = _STRIPED
    found = (striped / BITS - low) / (high - low)
    # To find the nearest shape takes longest.
    unsure = np.flatnonzero(found <= 1 - 1 / _STEPS_COUNTED)
    low, high = _SHAPED
    shaped = (_agreed_with_shapes(values[unsure]) / BITS - low) / (high - low)
    found[unsure] = np.maximum(found[unsure], shaped)
    by: Floats = np.ceil(np.clip(found, 0, 1) * _STEPS_COUNTED) / _STEPS_COUNTED
    return by


def _agreed_with_shapes(values: Signs) -> Floats:
    """Return how many bits more agree than not with the nearest shape or negative."""
    agreed: Floats = np.abs(values @ shapes().T).max(axis=1, initial=0)
    return agreed


def shapes_of(weights: Signs) -> Signs:
    """Return the shape that agrees most with each probe, or most with its negative.

    Args:
        weights: Signs times strengths, shape (n, 256).

    Returns:
        Signs of the shapes times the strengths, same shape.
    """
    # Sums of whole numbers: they are exact.
    agreements = weights @ shapes().T
    best = np.abs(agreements).argmax(axis=1)
    signs = _signs(agreements[np.arange(len(weights)), best])
    found: Signs = shapes()[best] * signs[:, None]
    found *= np.abs(weights)
    return found


def stripes_of(weights: Signs) -> Signs:
    """Return signs of rows times signs of columns, for each probe.

    Rows and columns are chosen in turn, so that they agree with as much of the weight
    as they can; from which row on, the strongest of all says.

    Args:
        weights: Signs times strengths, shape (n, 256).

    Returns:
        The signs times the strengths, same shape.
    """
    grid = weights.reshape(-1, _SIDE, _SIDE)
    # Sums of products of whole numbers: they are exact.
    alike = (grid @ grid.swapaxes(1, 2)).astype(np.float64)
    alike = alike @ alike
    first = np.einsum("nii->ni", alike).argmax(axis=1)
    start = alike @ alike[np.arange(len(grid)), first][..., None]
    rows = _signs(start[..., 0].astype(np.float32))
    columns = rows
    for _ in range(_STEPS):
        columns = _signs((rows[:, None] @ grid)[:, 0])
        rows = _signs((grid @ columns[..., None])[..., 0])
    found = (rows[:, :, None] * columns[:, None]).reshape(-1, BITS)
    found *= np.abs(weights)
    return found


def _signs(numbers: Signs) -> Signs:
    return np.where(numbers < 0, np.float32(-1), np.float32(1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """One pattern of each of some probes, and how much it explains.

    Attributes:
        patterns: Signs of the patterns times the strengths, shape (n, 256).
        mean: Mean of their agreement with the cohort, shape (n,).
        deviation: Its deviation, shape (n,).
        shared: Correlation of the agreements of patterns and probes, shape (n,).
    """

    patterns: Signs
    mean: Floats
    deviation: Floats
    shared: Floats

    @classmethod
    def of(
        cls,
        background: Background,
        patterns: Signs,
        products: Signs,
        deviation: Floats,
    ) -> "Explained":
        """Prepare patterns.

        Args:
            background: The cohort.
            patterns: Signs of the patterns times the strengths, shape (n, 256).
            products: Weights of the probes times the covariance of the cohort.
            deviation: Deviation of the agreements of the probes.
        """
        own = background.moments(patterns)
        together = np.einsum("nb,nb->n", products, patterns)
        return cls(
            patterns=patterns,
            mean=own.mean,
            deviation=own.deviation,
            shared=np.maximum(together / (deviation * own.deviation), 0),
        )

    def too_much(self, others: Signs) -> Floats:
        """Return the deviations that patterns add beyond ``ENOUGH``, shape (n,).

        Args:
            others: Bits as -1 or 1 of what each probe is compared with, (n, 256).
        """
        by = np.einsum("nb,nb->n", self.patterns, others) - self.mean
        by /= self.deviation
        found: Floats = np.maximum(by - ENOUGH, 0) * self.shared
        return found


def without(deviations: Floats, too_much: Floats) -> Floats:
    """Return deviations without what patterns add, but not less than ``KEPT``."""
    found: Floats = np.where(
        deviations > KEPT, np.maximum(deviations - too_much, KEPT), deviations
    )
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """What turns agreements of probes into reaches.

    Attributes:
        mean: Mean of the agreement with the cohort, shape (n,).
        deviation: Its deviation, shape (n,).
        bits: As how many equal and independent bits each probe counts, shape (n,).
        patterns: The patterns of each probe, shape (2, n, 256).
        pattern_mean: Mean of the agreement of patterns, shape (2, n).
        pattern_deviation: Its deviation, shape (2, n).
        shared: Correlation of the agreements of patterns and probes, shape (2, n).
    """

    mean: Floats
    deviation: Floats
    bits: Floats
    patterns: Signs
    pattern_mean: Floats
    pattern_deviation: Floats
    shared: Floats

    @classmethod
    def of(
        cls,
        background: Background,
        weights: Signs,
        strengths: Strengths,
        *,
        with_patterns: bool = True,
        patterns: Signs | None = None,
    ) -> "Gauge":
        """Prepare probes.

        Args:
            background: The cohort.
            weights: Signs times strengths, shape (n, 256).
            strengths: The strengths.
            with_patterns: Whether ``capped`` takes anything off.
            patterns: What ``patterns_of`` returns for the weights, if it is known.
        """
        if patterns is None:
            none = np.empty((0, *weights.shape), np.float32)
            patterns = patterns_of(weights) if with_patterns else none
        own = background.moments(weights)
        their = background.moments(patterns.reshape(-1, BITS))
        shape = patterns.shape[:2]
        pattern_deviation = their.deviation.reshape(shape)
        together = np.einsum("nb,knb->kn", weights @ background.covariance, patterns)
        return cls(
            mean=own.mean,
            deviation=own.deviation,
            bits=bits_of(strengths.sum(axis=1, dtype=np.float32), own.deviation),
            patterns=patterns,
            pattern_mean=their.mean.reshape(shape),
            pattern_deviation=pattern_deviation,
            shared=np.maximum(together / (own.deviation * pattern_deviation), 0),
        )

    def deviations(self, agreements: Floats) -> Floats:
        """Return by how many deviations agreements exceed the mean.

        Args:
            agreements: Those of each probe, or of one probe with several values.
        """
        by: Floats = (agreements - self.mean) / self.deviation
        return by

    def capped(
        self,
        deviations: Floats,
        others: Signs,
        probes: NDArray[np.intp],
        counted: Floats | float = 1.0,
    ) -> Floats:
        """Return the deviations of pairs, without what patterns add beyond ``ENOUGH``.

        Args:
            deviations: Those of each pair, more than ``KEPT``.
            others: Bits as -1 or 1 of what each pair is compared with, shape (m, 256).
            probes: Number of the probe of each pair.
            counted: How much of it is taken off, of each pair, see ``counted``.
        """
        if not len(self.patterns):
            return deviations
        if self.patterns.shape[1] == 1:
            agreed = self.patterns[:, 0] @ others.T
        else:
            agreed = np.einsum("knb,nb->kn", self.patterns[:, probes], others)
        by = agreed - self.pattern_mean[:, probes]
        by /= self.pattern_deviation[:, probes]
        too_much = np.maximum(by - ENOUGH, 0) * self.shared[:, probes]
        found: Floats = np.maximum(deviations - too_much.max(axis=0) * counted, KEPT)
        return found
