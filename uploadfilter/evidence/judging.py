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
from uploadfilter.evidence.chance import BOXED_TRIES, REFINED_TRIES, expected
from uploadfilter.evidence.cohort import LEAST_VALUES, Words
from uploadfilter.evidence.crowds import Crowd
from uploadfilter.evidence.probes import PLAIN, Probes, crowd_of_value, reach
from uploadfilter.model import SignalType, Variant
from uploadfilter.outlines import WHOLE, Outline
from uploadfilter.reference.search.matching import Thresholds
from uploadfilter.signals.soft.family import SoftViews
from uploadfilter.signals.soft.refining import refine

GENERIC: Final = 60
"""Bits within which nearly all pairs from different collections show the same
picture."""

HOPELESS: Final = 1.0
"""Expected chance matches from which a candidate is not looked at any further. The
crowd only adds to them, and a refinement takes off some decades less than there are
between this and ``chance.NEAR``."""

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
) -> tuple[Evidence, ...]:
    """Judge candidates by the views of an upload; each takes some milliseconds.

    The views of a candidate that agree best are judged exactly, and the best one is
    refined. A candidate that is no better than chance is not looked at any further.

    Args:
        background: The prepared cohort; ``None`` if there is none.
        views: The soft views of the upload's plane.
        candidates: PDQ values of entries.
        entries: Entries of the reference set that have a value.
        tries: Comparisons of this upload with each entry, see ``chance.tries_of``.
        plane: The plane that the views were made from, to refine the best view of a
            candidate; ``None`` to leave that out.

    Returns:
        One judgement for each candidate, in their order.
    """
    if not candidates or not len(views):
        return tuple(
            Evidence(expected=None, excess=0.0, distance=BITS) for _ in candidates
        )
    probes = Probes.of(views)
    found = []
    for it in candidates:
        if background is not None and not background.resembles(words(it)):
            place, reached = probes.best(background, words(it), with_patterns=False)
            figure = expected(reached, entries=entries, tries=tries)
            if figure > HOPELESS:
                seen = _seen(probes, place, _Listed.unjudged(it))
                found.append(replace(seen, expected=figure, excess=reached))
                continue
        listed = _Listed.of(background, it)
        found.append(_judged(probes, listed, plane, entries=entries, tries=tries))
    return tuple(found)


def _judged(
    probes: Probes,
    listed: "_Listed",
    plane: bytes | None,
    *,
    entries: int,
    tries: float,
) -> Evidence:
    """Judge one candidate by its best view, then refined."""
    background = listed.background
    if background is None:
        return _seen(probes, int(probes.ranked(listed.value)[0]), listed)
    place, reached = probes.best(background, listed.value)
    found = _seen(probes, place, listed)
    rough = expected(reached, entries=entries, tries=tries)
    if rough > HOPELESS:
        return replace(found, expected=rough, excess=reached)
    tries *= BOXED_TRIES if found.outline.box != WHOLE else 1
    own = listed.crowd(background, probes.strengths[place])
    excess = own.excess(reached)
    figure = expected(excess, entries=entries, tries=tries)
    if figure > HOPELESS:
        return replace(found, expected=figure, excess=excess)
    # The crowd of the upload takes ten times as long as that of the entry.
    crowd = probes.crowd(background, place, is_whole=not listed.refused)
    excess = min(crowd.excess(reached), excess)
    figure = expected(excess, entries=entries, tries=tries)
    if plane is not None and figure <= HOPELESS:
        fine = Probes.of(refine(plane, probes.views, place, listed.raw).view)
        _, reached = fine.best(background, listed.value)
        further = min(crowd.excess(reached), own.excess(reached))
        refined = expected(further, entries=entries, tries=tries * REFINED_TRIES)
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

    def crowd(self, background: Background, strengths: Strengths = PLAIN) -> Crowd:
        """Return the crowd of the entry, compared with some strengths."""
        return crowd_of_value(background, self.value, strengths)


def words(value: bytes) -> Words:
    """Return a value as four numbers.

    Raises:
        ValueError: It is no PDQ value.
    """
    if len(value) != SignalType.PDQ.width_bytes:
        raise ValueError(f"a PDQ value has 32 bytes, not {len(value)}")
    return np.frombuffer(value, ">u8").astype(np.uint64)
