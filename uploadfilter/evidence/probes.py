"""Compare probes with an entry and with the cohort: a plain value, or soft views.

Rules this module keeps: it is pure; a reach is the lower one of two sides, the probe
that the upload makes and the one that the entry makes with the same strengths.
"""

import math
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from uploadfilter.evidence.background import (
    BITS,
    Background,
    Signs,
    Strengths,
    bits_of_some,
    signs_of,
    strengths_of,
)
from uploadfilter.evidence.cohort import Words
from uploadfilter.evidence.crowds import (
    CROWD,
    Crowd,
    Floats,
    bits_of,
    crowd_of,
    reaches,
)
from uploadfilter.evidence.patterns import KEPT, Gauge, counted
from uploadfilter.evidence.sharing import times_of
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

_DECISIVE: Final = 9.0
"""Reach of a pair that is judged ``altered`` in a set of a million. There, a view that
counts as e times as many views must reach further by a ninth of a deviation."""

Value = NDArray[np.uint64]


@dataclass(slots=True, kw_only=True)
class Probes:
    """The soft views of an upload, with their strengths.

    Attributes:
        views: The views.
        strengths: Strength of each bit, shape (views, 256).
        weights: The same with the signs of the bits.
        lengths: Length of the weights of each view, at least 1.
        times: As how many views each one counts, see ``sharing.times_of``.
        crowds: The crowds of the views of a variant that were computed, by how much
            patterns count.
        samples: The cohort as the views of a variant see it.
    """

    views: SoftViews
    strengths: Strengths
    weights: Signs
    lengths: NDArray[np.float32]
    times: Floats
    crowds: dict[tuple[Variant, float], Crowd] = field(default_factory=dict)
    samples: dict[Variant, "Sampled"] = field(default_factory=dict)

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
            times=times_of(views.outlines),
        )

    @property
    def _handicaps(self) -> Floats:
        """Return by how much further each view must reach than one that counts once."""
        return np.log(self.times) / _DECISIVE

    def nearest(self, entry: Value) -> int:
        """Return the view that agrees best with an entry."""
        agreements = self.weights @ signs_of(entry[None])[0]
        return int((agreements / self.lengths).argmax())

    def pairs(
        self,
        background: Background,
        entries: Words,
        *,
        least: float = -math.inf,
        counted_at_least: float = 0.0,
    ) -> "list[Pairs]":
        """Return the views that agree best with some entries, for each entry.

        Args:
            background: The cohort.
            entries: Their values, shape (n, 4).
            least: A reach below which all are alike.
            counted_at_least: How much patterns count at least.
        """
        signs = signs_of(entries)
        agreements = self.weights @ signs.T
        by = agreements / self.lengths[:, None] - self._handicaps[:, None]
        order = np.argsort(-by, axis=0, kind="stable")
        rows = order[:_LOOKED_AT].T
        each = rows.shape[1]
        flat = rows.reshape(-1)
        found = Pairs.of(
            background,
            self.weights[flat],
            self.strengths[flat],
            np.repeat(signs, each, axis=0),
            self._handicaps[flat],
        )
        wanted = np.flatnonzero(found.bounds() > least)
        if len(wanted):
            of_entries = np.maximum(counted(signs), counted_at_least)
            found.counted[wanted] = np.repeat(of_entries, each)[wanted]
            self._cap(background, found, wanted, flat)
        return [
            found.part(slice(number * each, (number + 1) * each), shown)
            for number, shown in enumerate(rows)
        ]

    def _cap(
        self,
        background: Background,
        pairs: "Pairs",
        places: NDArray[np.intp],
        numbers: NDArray[np.intp],
    ) -> None:
        """Take off what patterns explain, where they count for the entry or the view.

        The entries share many of the views, and with them the patterns.
        """
        for_views = places[pairs.counted[places] < 1]
        if len(for_views):
            views, probes = np.unique(numbers[for_views], return_inverse=True)
            of_views = self._counted(views)[probes]
            pairs.counted[for_views] = np.maximum(pairs.counted[for_views], of_views)
        places = places[pairs.counted[places] > 0]
        if len(places):
            views, probes = np.unique(numbers[places], return_inverse=True)
            gauge = Gauge.of(background, self.weights[views], self.strengths[views])
            pairs.cap(places, gauge, probes)

    def counted(self, place: int, entry: Value) -> float:
        """Return how much patterns count for a view and an entry."""
        of_view = self._counted(np.array([place]))
        return float(max(of_view[0], counted(signs_of(entry[None]))[0]))

    def _counted(self, views: NDArray[np.intp]) -> Floats:
        """Return how much patterns count for some views."""
        bits = np.unpackbits(self.views.values[views], axis=1)
        return counted(bits.astype(np.float32) * 2 - 1)

    def known_crowd(self, place: int, counted: float = 1.0) -> Crowd | None:
        """Return the crowd of the variant of a view, if ``crowd`` has kept it."""
        return self.crowds.get((self.views.variants[place], counted))

    def crowd(
        self,
        background: Background,
        place: int,
        *,
        is_whole: bool,
        counted: float = 1.0,
    ) -> Crowd:
        """Return the crowd of the views of one variant.

        Args:
            background: The cohort, perhaps without an entry's own pictures.
            place: A view of the variant.
            is_whole: Whether it is the whole cohort, so that other entries share it.
            counted: How much patterns count.
        """
        variant = self.views.variants[place]
        if is_whole and (variant, counted) in self.crowds:
            return self.crowds[variant, counted]
        rows = np.flatnonzero([it is variant for it in self.views.variants])
        count = min(len(rows), _CROWD_VIEWS)
        rows = rows[np.arange(count) * len(rows) // count]
        sampled = self.samples.get(variant) if is_whole else None
        if sampled is None:
            sampled = Sampled.of(background, self.weights[rows], self.strengths[rows])
        crowd = sampled.crowd(counted)
        if is_whole:
            self.samples[variant] = sampled
            self.crowds[variant, counted] = crowd
        return crowd


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Probes, each beside an entry, as both sides see it: the probe and the entry.

    Attributes:
        weights: Signs times strengths of the probes, shape (n, 256).
        strengths: The strengths, shape (n, 256).
        entries: The bits of the entries as -1 and 1, shape (n, 256).
        by: Deviations by which the agreement exceeds the mean, shape (2, n): the
            probe's and the entry's. What patterns explain is taken off by ``cap``.
        bits: As how many equal and independent bits each side counts, shape (2, n).
        handicaps: By how much further each probe must reach, shape (n,).
        counted: How much patterns count for each pair, see ``patterns.counted``.
        views: Numbers of the probes, if they are views of an upload, shape (n,).
    """

    weights: Signs
    strengths: Strengths
    entries: Signs
    by: Floats
    bits: Floats
    handicaps: Floats
    counted: Floats
    views: NDArray[np.intp]

    @classmethod
    def of(
        cls,
        background: Background,
        weights: Signs,
        strengths: Strengths,
        entries: Signs,
        handicaps: Floats | None = None,
    ) -> "Pairs":
        """Compare probes with entries, without patterns."""
        agreements = np.einsum("nb,nb->n", weights, entries)
        total = strengths.sum(axis=1, dtype=np.float32)
        sides = [background.moments(it) for it in (weights, strengths * entries)]
        return cls(
            weights=weights,
            strengths=strengths,
            entries=entries,
            by=np.stack([it.deviations(agreements) for it in sides]),
            bits=np.stack([bits_of(total, it.deviation) for it in sides]),
            handicaps=np.zeros(len(weights)) if handicaps is None else handicaps,
            counted=np.ones(len(weights)),
            views=np.arange(len(weights)),
        )

    def part(self, places: slice, views: NDArray[np.intp]) -> "Pairs":
        """Return some of the pairs, with the numbers of their views."""
        return Pairs(
            weights=self.weights[places],
            strengths=self.strengths[places],
            entries=self.entries[places],
            by=self.by[:, places],
            bits=self.bits[:, places],
            handicaps=self.handicaps[places],
            counted=self.counted[places],
            views=views,
        )

    def bounds(self) -> Floats:
        """Return the reaches; upper bounds while patterns are not taken off."""
        found: Floats = reaches(self.by, self.bits).min(axis=0)
        return found

    def cap(
        self, places: NDArray[np.intp], gauge: Gauge, probes: NDArray[np.intp]
    ) -> None:
        """Take off what patterns explain, as the probes see it.

        Args:
            places: The pairs.
            gauge: The gauge of the probes.
            probes: The place of each pair in it.
        """
        self._cap(0, places, self.entries[places], gauge, probes)

    def cap_other(self, background: Background, places: NDArray[np.intp]) -> None:
        """Take off what patterns explain, as the entries see it."""
        strengths = self.strengths[places]
        gauge = Gauge.of(background, strengths * self.entries[places], strengths)
        others = np.where(self.weights[places] < 0, np.float32(-1), np.float32(1))
        self._cap(1, places, others, gauge, np.arange(len(places)))

    def _cap(
        self,
        side: int,
        places: NDArray[np.intp],
        others: Signs,
        gauge: Gauge,
        probes: NDArray[np.intp],
    ) -> None:
        by = self.by[side, places]
        far = by > KEPT
        counts = self.counted[places][far]
        by[far] = gauge.capped(by[far], others[far], probes[far], counts)
        self.by[side, places] = by

    def best(
        self, background: Background, *, least: float = -math.inf
    ) -> tuple[int, float]:
        """Return the view that reaches furthest towards its entry, and its reach.

        A view that counts as many must reach further, by its handicap. Patterns take
        most of the time, and only lower a reach. So an entry is not compared with them
        where that cannot make a view the best one.

        Args:
            background: The cohort.
            least: A reach below which all are alike: the result may be an upper bound
                then.
        """
        bounds = self.bounds() - self.handicaps
        best, place = -math.inf, int(bounds.argmax())
        for number in np.argsort(-bounds, kind="stable").tolist():
            if bounds[number] <= max(best, least):
                best = max(best, float(bounds[number]))
                break
            if self.counted[number] > 0:
                self.cap_other(background, np.array([number]))
            one = slice(number, number + 1)
            found = float(reaches(self.by[:, one], self.bits[:, one]).min())
            found -= float(self.handicaps[number])
            if found > best:
                best, place = found, number
        return int(self.views[place]), best + float(self.handicaps[place])


def reach(
    background: Background,
    weights: Signs,
    strengths: Strengths,
    entry: Value,
    counted: Floats | float = 1.0,
) -> Floats:
    """Return the reach of probes towards an entry, the lower one of both sides.

    Args:
        background: The cohort.
        weights: Signs times strengths of the probes, shape (n, 256).
        strengths: The strengths.
        entry: The value of the entry.
        counted: How much patterns count for each probe, see ``patterns.counted``.
    """
    every = np.arange(len(weights))
    entries = np.repeat(signs_of(entry[None]), len(weights), axis=0)
    pairs = Pairs.of(background, weights, strengths, entries)
    pairs.counted[:] = counted
    pairs.cap(every, Gauge.of(background, weights, strengths), every)
    pairs.cap_other(background, every)
    return pairs.bounds()


def crowd_of_value(
    background: Background,
    value: Value,
    strengths: Strengths = PLAIN,
    counted: float = 1.0,
) -> Crowd:
    """Return the crowd of a single probe, over the whole cohort.

    Args:
        background: The cohort.
        value: The value of the probe.
        strengths: Its strengths.
        counted: How much patterns count, see ``patterns.counted``.
    """
    gauge = Gauge.of(
        background,
        signs_of(value[None]) * strengths,
        strengths[None],
        with_patterns=counted > 0,
    )
    agreements = background.agreements(value, strengths)
    # Only those of the crowd count; capped ones stay further than all others.
    near = np.flatnonzero(agreements > gauge.mean[0] + KEPT * gauge.deviation[0])
    if len(near) < CROWD:
        near = np.argpartition(agreements, -min(CROWD, len(agreements)))[-CROWD:]
    found = gauge.deviations(agreements[near].astype(np.float32))
    far = np.flatnonzero(found > KEPT)
    others = signs_of(background.rows(near[far]))
    found[far] = gauge.capped(found[far], others, np.zeros_like(far), counted)
    return crowd_of(reaches(found, gauge.bits), size=len(background))


def crowd_of_views(
    background: Background,
    weights: Signs,
    strengths: Strengths,
    counted: float = 1.0,
) -> Crowd:
    """Return the crowd of several probes, of which the best one counts.

    Args:
        background: The cohort, of which a sample is compared.
        weights: Signs times strengths of the probes, shape (n, 256).
        strengths: The strengths.
        counted: How much patterns count, see ``patterns.counted``.
    """
    return Sampled.of(background, weights, strengths).crowd(counted)


@dataclass(frozen=True, slots=True, kw_only=True)
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
    """

    background: Background
    weights: Signs
    strengths: Strengths
    gauge: Gauge
    reached: Floats
    near: NDArray[np.intp]
    others: Signs
    deviations: Floats

    @classmethod
    def of(
        cls, background: Background, weights: Signs, strengths: Strengths
    ) -> "Sampled":
        """Compare a sample of the cohort with probes."""
        sample = background.sample()
        gauge = Gauge.of(background, weights, strengths, with_patterns=False)
        reached = np.empty(len(sample), np.float32)
        twice, sums = 2 * weights.T, weights.sum(axis=1)
        for rows, bits in bits_of_some(sample):
            # Whole numbers: twice what agrees with ones, minus all.
            by = bits @ twice
            by -= sums
            by -= gauge.mean
            by /= gauge.deviation
            by.max(axis=1, out=reached[rows])
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
        found = self.deviations.copy()
        if counted > 0:
            gauge = Gauge.of(self.background, self.weights, self.strengths)
            far, probe = np.nonzero(found > KEPT)
            found[far, probe] = gauge.capped(
                found[far, probe], self.others[far], probe, counted
            )
        reached = self.reached.copy()
        reached[self.near] = reaches(found, self.gauge.bits).max(axis=-1)
        return crowd_of(reached, size=len(reached), views=len(self.weights))
