"""Compare probes with the cohort: the crowd of a value, or of the views of an upload.

Rules this module keeps: it is pure; a value that is left out cannot be of the crowd.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from uploadfilter.evidence.background import (
    Background,
    Signs,
    Strengths,
    bits_of_some,
    signs_of,
)
from uploadfilter.evidence.crowds import CROWD, Crowd, Floats, crowd_of, reaches
from uploadfilter.evidence.patterns import KEPT, Gauge
from uploadfilter.evidence.probes import PLAIN, Value

_CROWDED: Final = 2.5
"""Deviations beyond which the crowd of a large cohort lies, at most ``KEPT``: 128 of
60,000 reach 2.9, and six in a thousand 2.5. To count them is faster than to sort."""

_NEAREST: Final = 8 * CROWD
"""Values of the cohort whose reach towards several views is computed exactly."""

_CAPPED_FIRST: Final = 2 * CROWD
"""Values of the cohort that are compared with patterns first, the nearest ones. The
others follow if patterns explain so much that these may be of the crowd."""


def crowd_of_value(
    background: Background,
    value: Value,
    strengths: Strengths = PLAIN,
    counted: float = 1.0,
    gauge: Gauge | None = None,
) -> Crowd:
    """Return the crowd of a single probe, over the whole cohort.

    Args:
        background: The cohort.
        value: The value of the probe.
        strengths: Its strengths.
        counted: How much patterns count, see ``patterns.counted``.
        gauge: The gauge of the probe, with patterns if they count; it is made if there
            is none.
    """
    if gauge is None:
        weights = signs_of(value[None]) * strengths
        gauge = Gauge.of(
            background, weights, strengths[None], with_patterns=counted > 0
        )
    agreements = background.agreements(value, strengths)
    # Only those of the crowd count; capped ones stay further than all others.
    near = np.flatnonzero(agreements > gauge.mean[0] + _CROWDED * gauge.deviation[0])
    if len(near) < CROWD:
        near = np.argpartition(agreements, -min(CROWD, len(agreements)))[-CROWD:]
    found = gauge.deviations(agreements[near].astype(np.float32))
    if counted > 0:
        far = np.flatnonzero(found > KEPT)
        others = signs_of(background.rows(near[far]))
        found[far] = gauge.capped(found[far], others, np.zeros_like(far), counted)
    return crowd_of(reaches(found, gauge.bits), size=len(background))


@dataclass(slots=True, kw_only=True)
class Sampled:
    """A sample of the cohort, as several probes see it before patterns.

    Attributes:
        background: The cohort.
        weights: Signs times strengths of the probes, shape (n, 256).
        strengths: The strengths.
        gauge: What turns their agreements into reaches, without patterns.
        reached: Deviations of each of the sample from the probe that it is nearest to.
        near: Places of those that may be of the crowd.
        others: Their bits as -1 and 1, shape (near, 256).
        deviations: Their deviations from each probe, shape (near, n).
        patterned: The gauge with patterns, as soon as it is needed.
    """

    background: Background
    weights: Signs
    strengths: Strengths
    gauge: Gauge
    reached: Floats
    near: NDArray[np.intp]
    others: Signs
    deviations: Floats
    patterned: Gauge | None = field(default=None, repr=False)

    @classmethod
    def of(
        cls, background: Background, weights: Signs, strengths: Strengths
    ) -> "Sampled":
        """Compare a sample of the cohort with probes."""
        sample = background.sample()
        gauge = Gauge.of(background, weights, strengths, with_patterns=False)
        reached = np.empty(len(sample), np.float32)
        # Twice the weights of the ones, minus all weights, in deviations.
        twice = 2 * weights / gauge.deviation[:, None]
        less = ((weights.sum(axis=1) + gauge.mean) / gauge.deviation)[:, None]
        for rows, bits in bits_of_some(sample):
            by = twice @ bits.T
            by -= less
            by.max(axis=0, out=reached[rows])
        # The others are not of the crowd, unless patterns explain most of these.
        near = np.argpartition(-reached, min(_NEAREST, len(reached)) - 1)[:_NEAREST]
        others = signs_of(sample[near])
        return cls(
            background=background,
            weights=weights,
            strengths=strengths,
            gauge=gauge,
            reached=reached,
            near=near,
            others=others,
            deviations=gauge.deviations(others @ weights.T),
        )

    def crowd(self, counted: float) -> Crowd:
        """Return the crowd, for how much patterns count."""
        best = reaches(self.deviations, self.gauge.bits).max(axis=-1)
        if counted > 0:
            self._cap(best, counted)
        reached = self.reached.copy()
        reached[self.near] = best
        return crowd_of(reached, size=len(reached), views=len(self.weights))

    def _cap(self, best: Floats, counted: float) -> None:
        """Take off what patterns explain, of those of ``near`` where it can matter.

        Args:
            best: The best reach of each, which only becomes less.
            counted: How much patterns count.
        """
        if self.patterned is None:
            self.patterned = Gauge.of(self.background, self.weights, self.strengths)
        order = np.argsort(-best)
        first, others = order[:_CAPPED_FIRST], order[_CAPPED_FIRST:]
        best[first] = self._capped(first, self.patterned, counted)
        if len(others) and np.partition(best[first], -CROWD)[-CROWD] < best[others[0]]:
            best[others] = self._capped(others, self.patterned, counted)

    def _capped(self, places: NDArray[np.intp], gauge: Gauge, counted: float) -> Floats:
        """Return the best reach of some of ``near``, without what patterns explain."""
        found = self.deviations[places]
        far, probes = np.nonzero(found > KEPT)
        others = self.others[places[far]]
        found[far, probes] = gauge.capped(found[far, probes], others, probes, counted)
        best: Floats = reaches(found, gauge.bits).max(axis=-1)
        return best
