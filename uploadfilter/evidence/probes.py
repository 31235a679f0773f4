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
from uploadfilter.evidence.crowds import Crowd, Floats, bits_of, crowd_of, reaches
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

    def best(self, background: Background, entry: Value) -> tuple[int, float]:
        """Return the view that reaches furthest towards an entry, and its reach."""
        rows = self.ranked(entry)
        found = reach(background, self.weights[rows], self.strengths[rows], entry)
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
    background: Background, weights: Signs, strengths: Strengths, entry: Value
) -> Floats:
    """Return the reach of probes towards an entry, the lower one of both sides.

    Args:
        background: The cohort.
        weights: Signs times strengths of the probes, shape (n, 256).
        strengths: The strengths.
        entry: The value of the entry.
    """
    signs = signs_of(entry[None])[0]
    agreements = weights @ signs
    found: Floats = np.minimum(
        *(
            _reaches(background, probe, strengths, agreements)
            for probe in (weights, strengths * signs)
        )
    )
    return found


def crowd_of_value(
    background: Background, value: Value, strengths: Strengths = PLAIN
) -> Crowd:
    """Return the crowd of a single probe, over the whole cohort."""
    weights = signs_of(value[None]) * strengths
    agreements = background.agreements(value, strengths).astype(np.float32)
    return crowd_of(_reaches(background, weights, strengths[None], agreements))


def crowd_of_views(
    background: Background, weights: Signs, strengths: Strengths
) -> Crowd:
    """Return the crowd of several probes, of which the best one counts.

    Args:
        background: The cohort, of which a sample is compared.
        weights: Signs times strengths of the probes, shape (n, 256).
        strengths: The strengths.
    """
    agreements = weights @ background.sample().T
    found = _reaches(background, weights, strengths, agreements.T)
    return crowd_of(found.max(axis=-1), views=len(weights))


def _reaches(
    background: Background, weights: Signs, strengths: Strengths, agreements: Signs
) -> Floats:
    """Return the reach of agreements; the last axis is that of the probes."""
    moments = background.moments(weights)
    bits = bits_of(strengths.sum(axis=1, dtype=np.float32), moments.deviation)
    return reaches(moments.deviations(agreements), bits)
