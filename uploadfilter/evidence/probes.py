"""Probes, each beside an entry: a plain value, or the soft views of an upload.

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
from uploadfilter.evidence.cohort import Words
from uploadfilter.evidence.crowds import Floats, bits_of, reaches
from uploadfilter.evidence.patterns import (
    KEPT,
    Explained,
    Gauge,
    counted,
    stripes_of,
    without,
)
from uploadfilter.signals.soft.family import SoftViews

PLAIN: Final = np.ones(BITS, np.uint8)
"""The strengths of a plain value."""

PLAIN.flags.writeable = False

_LOOKED_AT: Final = 8
"""Views of a candidate whose reach is computed exactly, those that agree best."""

Value = NDArray[np.uint64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probes:
    """The soft views of an upload, with their strengths.

    Attributes:
        views: The views.
        strengths: Strength of each bit, shape (views, 256).
        weights: The same with the signs of the bits.
        lengths: Length of the weights of each view, at least 1.
    """

    views: SoftViews
    strengths: Strengths
    weights: Signs
    lengths: NDArray[np.float32]

    @classmethod
    def of(cls, views: SoftViews) -> "Probes":
        """Compute the strengths of views."""
        strengths = strengths_of(views.flips)
        signs = np.unpackbits(views.values, axis=1).astype(np.float32) * 2 - 1
        weights = signs * strengths
        lengths = np.sqrt(np.maximum(np.square(weights).sum(axis=1), 1.0))
        return cls(
            views=views,
            strengths=strengths,
            weights=weights,
            lengths=lengths,
        )

    def nearest(self, entry: Value) -> int:
        """Return the view that agrees best with an entry."""
        agreements = self.weights @ signs_of(entry[None])[0]
        return int((agreements / self.lengths).argmax())

    def pairs(self, background: Background, entries: Words) -> "list[Pairs]":
        """Return the views that agree best with some entries, for each entry.

        Args:
            background: The cohort.
            entries: Their values, shape (n, 4).
        """
        signs = signs_of(entries)
        agreements = self.weights @ signs.T
        by = agreements / self.lengths[:, None]
        rows = np.argsort(-by, axis=0, kind="stable")[:_LOOKED_AT].T
        shape = len(entries), rows.shape[1], BITS
        shown = self.weights[rows]
        strengths = self.strengths[rows]
        listed = np.broadcast_to(signs[:, None], shape)
        weights = np.stack([shown, strengths * listed]).reshape(-1, BITS)
        others = np.stack([listed, np.where(shown < 0, np.float32(-1), 1)])
        moments, products = background.moments_and_products(weights)
        agreed = agreements[rows, np.arange(len(entries))[:, None]]
        deviations = moments.deviations(np.stack([agreed, agreed]).ravel())
        stripes = Explained.of(
            background, stripes_of(weights), products, moments.deviation
        )
        total = strengths.sum(axis=-1, dtype=np.float32).ravel()
        sides = 2, *shape[:2]
        together = Pairs(
            shares=counted(signs),
            views=rows,
            weights=weights.reshape(2, *shape),
            others=others,
            products=products.reshape(2, *shape),
            deviation=moments.deviation.reshape(sides),
            by=deviations.reshape(sides),
            bits=bits_of(np.tile(total, 2), moments.deviation).reshape(sides),
            stripes=stripes.patterns.reshape(2, *shape),
            striped=stripes.too_much(others.reshape(-1, BITS)).reshape(sides),
        )
        return [together.of(number) for number in range(len(entries))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Some views beside an entry, as both sides see it: the view and the entry.

    Attributes:
        shares: How much patterns count for the entry, shape (1,).
        views: Numbers of the views, shape (n,).
        weights: Signs times strengths of each side, shape (2, n, 256).
        others: The bits of the other side as -1 and 1, same shape.
        products: The weights times the covariance of the cohort, same shape.
        deviation: Deviation of the agreements with the cohort, shape (2, n).
        by: Deviations by which the agreement of a pair exceeds the mean, same shape.
        bits: As how many equal and independent bits each side counts, same shape.
        stripes: The stripes that are nearest to each side, shape (2, n, 256).
        striped: The deviations that these explain beyond enough, shape (2, n).
        shapes: The shapes that are nearest to the entry, with the strengths of those
            views that were asked for.
        known: The upper bounds that were asked for, see ``bounds``.
    """

    shares: Floats
    views: NDArray[np.intp]
    weights: Signs
    others: Signs
    products: Signs
    deviation: Floats
    by: Floats
    bits: Floats
    stripes: Signs
    striped: Floats
    shapes: dict[int, Explained] = field(default_factory=dict)
    known: dict[float, Floats] = field(default_factory=dict)

    @property
    def counted(self) -> float:
        """How much patterns count for the entry, see ``patterns.counted``."""
        return float(self.shares[0])

    def of(self, number: int) -> "Pairs":
        """Return the pairs of one entry, of those of several."""
        return Pairs(
            shares=self.shares[number : number + 1],
            views=self.views[number],
            weights=self.weights[:, number],
            others=self.others[:, number],
            products=self.products[:, number],
            deviation=self.deviation[:, number],
            by=self.by[:, number],
            bits=self.bits[:, number],
            stripes=self.stripes[:, number],
            striped=self.striped[:, number],
        )

    def bounds(self, share: float) -> Floats:
        """Return upper bounds of the reaches: without what stripes alone explain.

        Args:
            share: How much patterns count at least.
        """
        if share not in self.known:
            by = without(self.by, self.striped * share) if share else self.by
            self.known[share] = reaches(by, self.bits).min(axis=0)
        return self.known[share]


def reach(
    background: Background,
    weights: Signs,
    strengths: Strengths,
    entry: Value,
    share: Floats | float = 1.0,
) -> Floats:
    """Return the reach of probes towards an entry, the lower one of both sides.

    Args:
        background: The cohort.
        weights: Signs times strengths of the probes, shape (n, 256).
        strengths: The strengths.
        entry: The value of the entry.
        share: How much patterns count for each probe, see ``patterns.counted``.
    """
    signs = signs_of(entry[None])
    agreements = weights @ signs[0]
    shares = np.broadcast_to(share, len(weights))
    found = []
    for side, others in (
        (weights, np.repeat(signs, len(weights), axis=0)),
        (strengths * signs, np.where(weights < 0, np.float32(-1), np.float32(1))),
    ):
        gauge = Gauge.of(background, side, strengths)
        by = gauge.deviations(agreements)
        far = np.flatnonzero(by > KEPT)
        by[far] = gauge.capped(by[far], others[far], far, shares[far])
        found.append(reaches(by, gauge.bits))
    lower: Floats = np.minimum(*found)
    return lower
