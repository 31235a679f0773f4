"""Judge whether an entry is near to an upload by more than chance.

Rules this module keeps: it is pure; the cost of a judgement is that of its candidates;
the cohort's values within ``Thresholds.pdq`` of an entry do not count for that entry,
because they are its own picture.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from uploadfilter.evidence.background import BITS, Background, Strengths, signs_of
from uploadfilter.evidence.chance import (
    ALTERED,
    BOXED_TRIES,
    REFINED_TRIES,
    SHIFTED_TRIES,
    expected,
    least_excess,
)
from uploadfilter.evidence.cohort import LEAST_VALUES, Words
from uploadfilter.evidence.crowds import Crowd
from uploadfilter.evidence.patterns import counted
from uploadfilter.evidence.probes import PLAIN, Probes, crowd_of_value, reach
from uploadfilter.evidence.sharing import GuessSort, guess_of
from uploadfilter.model import SignalType, Variant
from uploadfilter.outlines import WHOLE, Outline
from uploadfilter.reference.search.matching import Thresholds
from uploadfilter.signals.soft.family import SoftViews
from uploadfilter.signals.soft.refining import refine

GENERIC: Final = 60
"""Bits within which nearly all pairs from different collections show the same
picture."""

HOPELESS: Final = 0.1
"""Expected chance matches from which a candidate is not looked at any further. The
crowd only adds to them. A refinement may take off more decades than there are between
this and ``chance.NEAR``, but hardly does: of 1,244 altered pictures of half A of
``benchmarks altered``, 905 have E of at most ``chance.ALTERED`` with it, 906 with 1,
899 with 0.01."""

_WHOLE: Final = Outline()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The judgement on one entry.

    Attributes:
        expected: E, the number of entries that chance is expected to bring so near to
            this upload; ``None`` if there is no usable cohort to judge by.
        excess: Deviations by which the pair is nearer than the cohort, see ``chance``.
        distance: Bits that differ, of the view that was judged.
        outline: The part of the original that the upload shows.
        variant: How the upload is turned or mirrored.
        refused: Values of the cohort that did not count, because the entry matches
            them; 0 for a candidate that is no better than chance.
        generic: Values of the cohort within ``GENERIC`` bits of the entry, without the
            refused ones: a generic entry is near many pictures.
    """

    expected: float | None
    excess: float
    distance: int
    outline: Outline = _WHOLE
    variant: Variant = Variant.UPRIGHT
    refused: int = 0
    generic: int = 0


def judge_values(
    background: Background | None,
    upload: bytes,
    entry: bytes,
    *,
    entries: int,
    tries: float,
) -> Evidence:
    """Judge a pair of PDQ values; it takes some 2 ms.

    Args:
        background: The prepared cohort; ``None`` if there is none.
        upload: A value of the upload, in the variant that is compared.
        entry: The value of the entry; for a match of the negative, its complement.
        entries: Entries of the reference set that have a value.
        tries: Comparisons of this upload with each entry, see ``chance.expected``.
    """
    one = words(upload)
    listed = _Listed.of(background, entry)
    distance = int(np.bitwise_count(one ^ listed.value).sum())
    found = listed.evidence(distance)
    if listed.background is None:
        return found
    weights = signs_of(one[None])
    reached = float(reach(listed.background, weights, PLAIN[None], listed.value)[0])
    crowds = crowd_of_value(listed.background, one), listed.crowd(listed.background)
    excess = min(crowd.excess(reached) for crowd in crowds)
    figure = expected(excess, entries=entries, tries=tries)
    return replace(found, expected=figure, excess=excess)


def judge(
    background: Background | None,
    views: SoftViews,
    candidates: Sequence[bytes],
    *,
    entries: int,
    tries: float,
    plane: bytes | None = None,
    most: float = HOPELESS,
) -> tuple[Evidence, ...]:
    """Judge candidates by the views of an upload; each takes some milliseconds.

    The views of a candidate that agree best are judged exactly, and the best one is
    refined. A candidate that is no better than chance is not looked at any further: its
    figure is then a lower bound of E above ``most``.

    Args:
        background: The prepared cohort; ``None`` if there is none.
        views: The soft views of the upload's plane.
        candidates: PDQ values of entries.
        entries: Entries of the reference set that have a value.
        tries: Comparisons of this upload with each entry, see ``chance.tries_of``.
        plane: The plane that the views were made from, to refine the best view of a
            candidate; ``None`` to leave that out.
        most: Expected chance matches above which a candidate is no better than chance.

    Returns:
        One judgement for each candidate, in their order.
    """
    if not candidates or not len(views):
        return tuple(
            Evidence(expected=None, excess=0.0, distance=BITS) for _ in candidates
        )
    probes = Probes.of(views)
    if background is None:
        unjudged = map(_Listed.unjudged, candidates)
        return tuple(_seen(probes, probes.nearest(it.value), it) for it in unjudged)
    # No view counts less than the one that counts least.
    size = _Size(entries=entries, tries=tries * float(probes.times.min()), most=most)
    values = [words(it) for it in candidates]
    pairs = probes.pairs(background, np.stack(values), least=size.least)
    found = []
    for raw, value, beside in zip(candidates, values, pairs, strict=True):
        best = None
        if not background.resembles(value):
            best = beside.best(background, least=size.least)
            figure = size.expected(best[1])
            if figure > most:
                seen = _seen(probes, best[0], _Listed.unjudged(raw))
                found.append(replace(seen, expected=figure, excess=best[1]))
                continue
        listed = _Listed.of(background, raw)
        if listed.refused:
            best = None
        found.append(_judged_both_ways(probes, listed, plane, size, best))
    return tuple(found)


def _judged_both_ways(
    probes: Probes,
    listed: "_Listed",
    plane: bytes | None,
    size: "_Size",
    best: tuple[int, float] | None,
) -> Evidence:
    """Judge one candidate as far as patterns count for it, and as if they did wholly.

    Where they do not count a copy reaches further, but so does the crowd: sometimes one
    way shows more, sometimes the other. Both together are two tries.
    """
    if counted(signs_of(listed.value[None]))[0] == 1:
        return _judged(probes, listed, plane, size, best)
    size = replace(size, tries=size.tries * 2)
    found = _judged(probes, listed, plane, size, best)
    if found.expected is None or found.expected <= ALTERED:
        return found
    other = _judged(probes, listed, plane, size, None, counted_at_least=1.0)
    if other.expected is not None and other.expected < found.expected:
        return other
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Size:
    """What turns an excess into E, and the E from which nothing is looked at."""

    entries: int
    tries: float
    most: float

    @property
    def least(self) -> float:
        """Return the reach below which a pair is no better than chance."""
        return least_excess(self.most, entries=self.entries, tries=self.tries)

    def expected(self, excess: float, times: float = 1) -> float:
        """Return E, for some times the tries."""
        return expected(excess, entries=self.entries, tries=self.tries * times)


def _judged(
    probes: Probes,
    listed: "_Listed",
    plane: bytes | None,
    size: _Size,
    best: tuple[int, float] | None,
    *,
    counted_at_least: float = 0.0,
) -> Evidence:
    """Judge one candidate by its best view, then refined.

    The best view is looked for unless it is known, with its reach. Patterns count at
    least as much as ``counted_at_least``.
    """
    background = listed.background
    if background is None:
        return _seen(probes, probes.nearest(listed.value), listed)
    if best is None:
        (pairs,) = probes.pairs(
            background,
            listed.value[None],
            least=size.least,
            counted_at_least=counted_at_least,
        )
        best = pairs.best(background, least=size.least)
    place, reached = best
    found = _seen(probes, place, listed)
    rough = size.expected(reached)
    if rough > size.most:
        return replace(found, expected=rough, excess=reached)
    times = float(probes.times[place] / probes.times.min())
    times *= BOXED_TRIES if found.outline.box != WHOLE else 1
    counts = max(probes.counted(place, listed.value), counted_at_least)
    # The crowd of the upload takes ten times as long as that of the entry, unless it
    # is known from another candidate.
    crowd = None if listed.refused else probes.known_crowd(place, counts)
    excess = reached if crowd is None else crowd.excess(reached)
    figure = size.expected(excess, times)
    if figure > size.most:
        return replace(found, expected=figure, excess=excess)
    own = listed.crowd(background, probes.strengths[place], counts)
    excess = min(own.excess(reached), excess)
    figure = size.expected(excess, times)
    if figure > size.most:
        return replace(found, expected=figure, excess=excess)
    if crowd is None:
        crowd = probes.crowd(
            background, place, is_whole=not listed.refused, counted=counts
        )
    excess = min(crowd.excess(reached), excess)
    figure = size.expected(excess, times)
    if plane is not None and figure <= size.most:
        fine = Probes.of(refine(plane, probes.views, place, listed.raw).view)
        (pairs,) = fine.pairs(background, listed.value[None], counted_at_least=counts)
        _, reached = pairs.best(background)
        further = min(crowd.excess(reached), own.excess(reached))
        is_cut = guess_of(found.outline) is GuessSort.CUT
        times *= SHIFTED_TRIES if is_cut else REFINED_TRIES
        refined = size.expected(further, times)
        if refined < figure:
            found, excess, figure = _seen(fine, 0, listed), further, refined
    return replace(found, expected=figure, excess=excess)


def _seen(probes: Probes, place: int, listed: "_Listed") -> Evidence:
    """Return what a view shows of an entry, without a figure."""
    value = words(probes.views.values[place].tobytes())
    return replace(
        listed.evidence(int(np.bitwise_count(value ^ listed.value).sum())),
        outline=probes.views.outlines[place],
        variant=probes.views.variants[place],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listed:
    """An entry, and the background without its own pictures."""

    raw: bytes
    value: NDArray[np.uint64]
    background: Background | None
    refused: int
    generic: int

    @classmethod
    def of(cls, background: Background | None, raw: bytes) -> "_Listed":
        """Compare an entry with the cohort."""
        value = words(raw)
        if background is None:
            return cls.unjudged(raw)
        distances = background.distances(value, PLAIN)
        is_own = distances <= Thresholds().bits(SignalType.PDQ)
        refused = int(is_own.sum())
        is_usable = len(background) - refused >= LEAST_VALUES
        return cls(
            raw=raw,
            value=value,
            background=background.without(is_own) if is_usable else None,
            refused=refused,
            generic=int((distances <= GENERIC).sum()) - refused,
        )

    @classmethod
    def unjudged(cls, raw: bytes) -> "_Listed":
        """Return an entry that is not compared with the cohort."""
        value = words(raw)
        return cls(raw=raw, value=value, background=None, refused=0, generic=0)

    def evidence(self, distance: int) -> Evidence:
        """Return a judgement that has no figure so far."""
        return Evidence(
            expected=None,
            excess=0.0,
            distance=distance,
            refused=self.refused,
            generic=self.generic,
        )

    def crowd(
        self,
        background: Background,
        strengths: Strengths = PLAIN,
        counted: float = 1.0,
    ) -> Crowd:
        """Return the crowd of the entry, compared with some strengths."""
        return crowd_of_value(background, self.value, strengths, counted)


def words(value: bytes) -> Words:
    """Return a value as four numbers.

    Raises:
        ValueError: It is no PDQ value.
    """
    if len(value) != SignalType.PDQ.width_bytes:
        raise ValueError(f"a PDQ value has 32 bytes, not {len(value)}")
    return np.frombuffer(value, ">u8").astype(np.uint64)
