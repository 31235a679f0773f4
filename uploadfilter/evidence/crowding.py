"""Compare probes with the cohort: the crowd of a value, or of the views of an upload.

Rules this module keeps: it is pure; a value that is left out cannot be of the crowd.
"""

from typing import Final

import numpy as np

from uploadfilter.evidence.background import (
    Background,
    Signs,
    Strengths,
    bits_of_some,
    signs_of,
)
from uploadfilter.evidence.crowds import CROWD, Crowd, crowd_of, reaches
from uploadfilter.evidence.patterns import KEPT, Gauge
from uploadfilter.evidence.probes import PLAIN, Value

_CROWDED: Final = 2.5
"""Deviations beyond which the crowd of a large cohort lies, at most ``KEPT``: 128 of
60,000 reach 2.9, and six in a thousand 2.5. To count them is faster than to sort."""

_NEAREST: Final = 8 * CROWD
"""Values of the cohort whose reach towards several views is computed exactly."""


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


def crowd_of_views(
    background: Background, weights: Signs, strengths: Strengths, counted: float
) -> Crowd:
    """Return the crowd of several probes, over a sample of the cohort.

    Each of the sample counts by the probe that it is nearest to.

    Args:
        background: The cohort.
        weights: Signs times strengths of the probes, shape (n, 256).
        strengths: The strengths.
        counted: How much patterns count, see ``patterns.counted``.
    """
    sample = background.sample()
    gauge = Gauge.of(background, weights, strengths, with_patterns=counted > 0)
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
    found = gauge.deviations(others @ weights.T)
    if counted > 0:
        far, probes = np.nonzero(found > KEPT)
        found[far, probes] = gauge.capped(
            found[far, probes], others[far], probes, counted
        )
    reached[near] = reaches(found, gauge.bits).max(axis=-1)
    return crowd_of(reached, size=len(reached), views=len(weights))
