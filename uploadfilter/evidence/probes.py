"""Compare probes with an entry and with the cohort: a plain value, or soft views.

Rules this module keeps: it is pure; a reach is the lower one of two sides, the probe
that the upload makes and the one that the entry makes with the same strengths.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from uploadfilter.evidence.background import (
    BITS,
    Background,
    Signs,
    Strengths,
    signs_of,
    strengths_of,
)
from uploadfilter.evidence.crowds import (
    CROWD,
    Crowd,
    Floats,
    bits_of,
    crowd_of,
    reaches,
)
from uploadfilter.evidence.patterns import KEPT, Gauge
from uploadfilter.model import Variant
from uploadfilter.signals.soft.family import SoftViews

PLAIN: Final = np.ones(BITS, np.uint8)
"""The strengths of a plain value."""

PLAIN.flags.writeable = False

_LOOKED_AT: Final = 8
"""Views of a candidate whose reach is computed exactly, those that agree best."""

_CROWD_VIEWS: Final = 64
"""Views that are compared with the cohort to describe its tail; of more, evenly chosen
ones. Neighbouring views are alike, so that a part shows the tail of all."""

_NEAREST: Final = 8 * CROWD
"""Values of the cohort whose reach towards several views is computed exactly."""

Value = NDArray[np.uint64]


@dataclass(slots=True, kw_only=True)
class Probes:
    """The soft views of an upload, with their strengths.

    Attributes:
        views: The views.
        strengths: Strength of each bit, shape (views, 256).
        weights: The same with the signs of the bits.
        lengths: Length of the weights of each view, at least 1.
        crowds: The crowds of the views of a variant that were computed.
    """

    views: SoftViews
    strengths: Strengths
    weights: Signs
    lengths: NDArray[np.float32]
    crowds: dict[Variant, Crowd] = field(default_factory=dict)

    @classmethod
    def of(cls, views: SoftViews) -> "Probes":
        """Compute the strengths of views."""
        strengths = strengths_of(views.flips)
        signs = np.unpackbits(views.values, axis=1).astype(np.float32) * 2 - 1
        weights = signs * strengths
        lengths = np.sqrt(np.maximum(np.square(weights).sum(axis=1), 1.0))
        return cls(views=views, strengths=strengths, weights=weights, lengths=lengths)

    def ranked(self, entry: Value) -> NDArray[np.intp]:
        """Return the views that agree best with an entry, the best one first."""
        agreements = self.weights @ signs_of(entry[None])[0]
        order: NDArray[np.intp] = np.argsort(-agreements / self.lengths, kind="stable")
        return order[:_LOOKED_AT]

    def best(
        self, background: Background, entry: Value, *, with_patterns: bool = True
    ) -> tuple[int, float]:
        """Return the view that reaches furthest towards an entry, and its reach.

        Args:
            background: The cohort.
            entry: The value of the entry.
            with_patterns: Whether what patterns explain is taken off; without that, the
                reach is an upper bound.
        """
        rows = self.ranked(entry)
        weights, strengths = self.weights[rows], self.strengths[rows]
        found = reach(
            background, weights, strengths, entry, with_patterns=with_patterns
        )
        place = int(found.argmax())
        return int(rows[place]), float(found[place])

    def crowd(self, background: Background, place: int, *, is_whole: bool) -> Crowd:
        """Return the crowd of the views of one variant.

        Args:
            background: The cohort, perhaps without an entry's own pictures.
            place: A view of the variant.
            is_whole: Whether it is the whole cohort, so that other entries share it.
        """
        variant = self.views.variants[place]
        if is_whole and variant in self.crowds:
            return self.crowds[variant]
        rows = np.flatnonzero([it is variant for it in self.views.variants])
        count = min(len(rows), _CROWD_VIEWS)
        rows = rows[np.arange(count) * len(rows) // count]
        crowd = crowd_of_views(background, self.weights[rows], self.strengths[rows])
        if is_whole:
            self.crowds[variant] = crowd
        return crowd


def reach(
    background: Background,
    weights: Signs,
    strengths: Strengths,
    entry: Value,
    *,
    with_patterns: bool = True,
) -> Floats:
    """Return the reach of probes towards an entry, the lower one of both sides.

    Args:
        background: The cohort.
        weights: Signs times strengths of the probes, shape (n, 256).
        strengths: The strengths.
        entry: The value of the entry.
        with_patterns: Whether what patterns explain is taken off.
    """
    entries = np.broadcast_to(signs_of(entry[None]), weights.shape)
    agreements = np.einsum("nb,nb->n", weights, entries)
    sides = []
    for probes, others in (
        (weights, entries),
        (strengths * entries, np.where(weights < 0, np.float32(-1), np.float32(1))),
    ):
        moments = background.moments(probes)
        by = moments.deviations(agreements)
        far = np.flatnonzero(by > KEPT)
        if with_patterns and len(far):
            gauge = Gauge.of(background, probes[far], strengths[far])
            by[far] = gauge.capped(by[far], others[far], np.arange(len(far)))
        total = strengths.sum(axis=1, dtype=np.float32)
        sides.append(reaches(by, bits_of(total, moments.deviation)))
    found: Floats = np.minimum(*sides)
    return found


def crowd_of_value(
    background: Background, value: Value, strengths: Strengths = PLAIN
) -> Crowd:
    """Return the crowd of a single probe, over the whole cohort."""
    gauge = Gauge.of(background, signs_of(value[None]) * strengths, strengths[None])
    agreements = background.agreements(value, strengths).astype(np.float32)
    found = gauge.deviations(agreements)
    far = np.flatnonzero(found > KEPT)
    others = signs_of(background.rows(far))
    found[far] = gauge.capped(found[far], others, np.zeros_like(far))
    return crowd_of(reaches(found, gauge.bits))


def crowd_of_views(
    background: Background, weights: Signs, strengths: Strengths
) -> Crowd:
    """Return the crowd of several probes, of which the best one counts.

    Args:
        background: The cohort, of which a sample is compared.
        weights: Signs times strengths of the probes, shape (n, 256).
        strengths: The strengths.
    """
    sample = background.sample()
    gauge = Gauge.of(background, weights, strengths)
    deviations = gauge.deviations(sample @ weights.T)
    reached: Floats = deviations.max(axis=-1)
    # The others are not of the crowd, unless patterns explain most of these.
    near = np.argsort(-reached, kind="stable")[:_NEAREST]
    found, others = deviations[near], sample[near]
    far, probe = np.nonzero(found > KEPT)
    found[far, probe] = gauge.capped(found[far, probe], others[far], probe)
    reached[near] = reaches(found, gauge.bits).max(axis=-1)
    return crowd_of(reached, views=len(weights))
