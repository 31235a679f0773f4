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

from uploadfilter.evidence.background import BITS, Background, signs_of
from uploadfilter.evidence.chance import (
    ALTERED,
    BOXED_TRIES,
    REFINED_TRIES,
    SHIFTED_TRIES,
    expected,
    least_excess,
)
from uploadfilter.evidence.cohort import LEAST_VALUES, Words
from uploadfilter.evidence.comparing import (
    Best,
    GuessSort,
    UploadSide,
    guess_of,
)
from uploadfilter.evidence.crowding import crowd_of_value
from uploadfilter.evidence.probes import PLAIN, Pairs, Probes, reach
from uploadfilter.model import SignalType, Variant
from uploadfilter.outlines import WHOLE, Outline
from uploadfilter.reference.search.matching import Thresholds
from uploadfilter.signals.soft.family import SoftViews
from uploadfilter.signals.soft.refining import refine

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
    """

    expected: float | None
    excess: float
    distance: int
    outline: Outline = _WHOLE
    variant: Variant = Variant.UPRIGHT
    refused: int = 0


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
    crowds = [crowd_of_value(listed.background, it) for it in (one, listed.value)]
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
    figure is then a lower bound of E, above ``most``.

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
    size = _Size(entries=entries, tries=tries, most=most)
    whole = UploadSide(probes=probes, background=background)
    pairs = whole.pairs(np.stack([words(it) for it in candidates]))
    return tuple(
        _judged(whole, own, raw, plane, size)
        for own, raw in zip(pairs, candidates, strict=True)
    )


def _judged(
    whole: UploadSide,
    pairs: Pairs,
    raw: bytes,
    plane: bytes | None,
    size: "_Size",
) -> Evidence:
    """Judge one candidate, without its own pictures in the cohort."""
    best = None
    if not whole.background.resembles(words(raw)):
        best, figure = _best(whole, pairs, size)
        if figure > size.most:
            seen = _seen(whole.probes, best.view, _Listed.unjudged(raw))
            return replace(seen, expected=figure, excess=best.reach)
    listed = _Listed.of(whole.background, raw)
    if listed.background is None:
        return _seen(whole.probes, whole.probes.nearest(listed.value), listed)
    if listed.refused:
        whole = UploadSide(probes=whole.probes, background=listed.background)
        (pairs,) = whole.pairs(listed.value[None])
        best = None
    case = _Case(side=whole, pairs=pairs, listed=listed, plane=plane, size=size)
    return case.judged_both_ways(best)


def _best(
    side: UploadSide, pairs: Pairs, size: "_Size", *, counted_at_least: float = 0.0
) -> tuple[Best, float]:
    """Return the best view of an entry, and E as far as its reach alone says.

    If no view is better than chance, that is a lower bound.
    """
    best = side.best(pairs, least=size.least, counted_at_least=counted_at_least)
    return best, size.expected(best.reach, _times(side, best))


def _times(side: UploadSide, best: Best) -> float:
    """Return how many comparisons the best view counts as."""
    is_boxed = side.probes.views.outlines[best.view].box != WHOLE
    return BOXED_TRIES if is_boxed else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Size:
    """What turns an excess into E, and the figures of E that matter."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One candidate beside the views of the upload.

    Attributes:
        side: The views of the upload, beside the cohort.
        pairs: Those that agree best with the entry.
        listed: The entry.
        plane: The plane that the views were made from; ``None`` to refine nothing.
        size: What turns an excess into E.
    """

    side: UploadSide
    pairs: Pairs
    listed: "_Listed"
    plane: bytes | None
    size: _Size

    def judged_both_ways(self, best: Best | None) -> Evidence:
        """Judge as far as patterns count for the entry, and as if they did wholly.

        Where they do not count a copy reaches further, but so does the crowd: sometimes
        one way shows more, sometimes the other. Both together are two tries.

        Args:
            best: The best view, if it is known.
        """
        if self.pairs.counted == 1:
            return self.judged(best)
        case = replace(self, size=replace(self.size, tries=self.size.tries * 2))
        found = case.judged(best)
        if found.expected is None or found.expected <= ALTERED:
            return found
        other = case.judged(None, counted_at_least=1.0)
        if other.expected is not None and other.expected < found.expected:
            return other
        return found

    def judged(self, best: Best | None, *, counted_at_least: float = 0.0) -> Evidence:
        """Judge the entry by its best view, then refined.

        Each crowd only adds to E, so a candidate that is no better than chance is not
        looked at any further.

        Args:
            best: The best view; it is looked for unless it is known.
            counted_at_least: How much patterns count at least.
        """
        side, size = self.side, self.size
        if best is None:
            best, _ = _best(side, self.pairs, size, counted_at_least=counted_at_least)
        found = _seen(side.probes, best.view, self.listed)
        times = _times(side, best)
        figure = size.expected(best.reach, times)
        if figure > size.most:
            return replace(found, expected=figure, excess=best.reach)
        own = side.crowd_of_entry(self.pairs, self.listed.value, best)
        excess = own.excess(best.reach)
        figure = size.expected(excess, times)
        if figure > size.most:
            return replace(found, expected=figure, excess=excess)
        # It takes ten times as long as that of the entry.
        crowd = side.crowd(self.pairs, best)
        excess = min(crowd.excess(best.reach), excess)
        figure = size.expected(excess, times)
        if figure <= size.most and self.plane is not None:
            views, raw = side.probes.views, self.listed.raw
            fine = Probes.of(refine(self.plane, views, best.view, raw).view)
            reached = self._reach(fine, best)
            further = min(crowd.excess(reached), own.excess(reached))
            refined = size.expected(further, times * self._tries(best))
            if refined < figure:
                found, excess, figure = _seen(fine, 0, self.listed), further, refined
        return replace(found, expected=figure, excess=excess)

    def _tries(self, best: Best) -> float:
        """Return as how many further comparisons a refinement counts."""
        outline = self.side.probes.views.outlines[best.view]
        is_cut = guess_of(outline) is GuessSort.CUT
        return SHIFTED_TRIES if is_cut else REFINED_TRIES

    def _reach(self, fine: Probes, best: Best) -> float:
        """Return the reach of a refined view."""
        refined = UploadSide(probes=fine, background=self.side.background)
        (pairs,) = refined.pairs(self.listed.value[None])
        return refined.best(pairs, counted_at_least=best.counted).reach


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

    @classmethod
    def of(cls, background: Background | None, raw: bytes) -> "_Listed":
        """Compare an entry with the cohort."""
        value = words(raw)
        if background is None:
            return cls.unjudged(raw)
        distances = background.apart(value)
        is_own = distances <= Thresholds().bits(SignalType.PDQ)
        refused = int(np.count_nonzero(is_own))
        is_usable = len(background) - refused >= LEAST_VALUES
        return cls(
            raw=raw,
            value=value,
            background=background.without(is_own) if is_usable else None,
            refused=refused,
        )

    @classmethod
    def unjudged(cls, raw: bytes) -> "_Listed":
        """Return an entry that is not compared with the cohort."""
        value = words(raw)
        return cls(raw=raw, value=value, background=None, refused=0)

    def evidence(self, distance: int) -> Evidence:
        """Return a judgement that has no figure so far."""
        return Evidence(
            expected=None,
            excess=0.0,
            distance=distance,
            refused=self.refused,
        )


def words(value: bytes) -> Words:
    """Return a value as four numbers.

    Raises:
        ValueError: It is no PDQ value.
    """
    if len(value) != SignalType.PDQ.width_bytes:
        raise ValueError(f"a PDQ value has 32 bytes, not {len(value)}")
    return np.frombuffer(value, ">u8").astype(np.uint64)
