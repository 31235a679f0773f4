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

from uploadfilter.evidence.background import (
    BITS,
    Background,
    Signs,
    Strengths,
    signs_of,
    strengths_of,
)
from uploadfilter.evidence.chance import excess_of, expected
from uploadfilter.evidence.cohort import LEAST_VALUES, Words
from uploadfilter.model import SignalType, Variant
from uploadfilter.outlines import Outline
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

_LOOKED_AT: Final = 8
"""Views of a candidate whose excess is computed exactly, those that agree best."""

_PLAIN: Final = np.ones(SignalType.PDQ.width_bytes * 8, np.uint8)
_PLAIN.flags.writeable = False

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
            them.
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
    excess = _excess(listed.background, one, listed.value, _PLAIN)
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
    soft = _Soft.of(views)
    return tuple(
        _judged(soft, _Listed.of(background, it), plane, entries=entries, tries=tries)
        for it in candidates
    )


def _judged(
    soft: "_Soft", listed: "_Listed", plane: bytes | None, *, entries: int, tries: float
) -> Evidence:
    """Judge one candidate by its best view, then refined."""
    place, rough = soft.best(listed)
    figure = expected(rough, entries=entries, tries=tries)
    best, index = soft, place
    if plane is not None and listed.background is not None and figure <= HOPELESS:
        refined = refine(plane, soft.views, place, listed.raw).view
        other = _Soft.of(refined)
        _, better = other.best(listed)
        if better > rough:
            best, index, rough = other, 0, better
    value = words(best.views.values[index].tobytes())
    found = replace(
        listed.evidence(int(np.bitwise_count(value ^ listed.value).sum())),
        outline=best.views.outlines[index],
        variant=best.views.variants[index],
    )
    if listed.background is None:
        return found
    if figure <= HOPELESS:
        rough = _excess(listed.background, value, listed.value, best.strengths[index])
    figure = expected(rough, entries=entries, tries=tries)
    return replace(found, expected=figure, excess=rough)


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
            return cls(raw=raw, value=value, background=None, refused=0, generic=0)
        distances = background.distances(value, _PLAIN)
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

    def evidence(self, distance: int) -> Evidence:
        """Return a judgement that has no figure so far."""
        return Evidence(
            expected=None,
            excess=0.0,
            distance=distance,
            refused=self.refused,
            generic=self.generic,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Soft:
    """Views with their strengths.

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
    def of(cls, views: SoftViews) -> "_Soft":
        """Compute the strengths of views."""
        strengths = strengths_of(views.flips)
        signs = np.unpackbits(views.values, axis=1).astype(np.float32) * 2 - 1
        weights = signs * strengths
        lengths = np.sqrt(np.maximum(np.square(weights).sum(axis=1), 1.0))
        return cls(views=views, strengths=strengths, weights=weights, lengths=lengths)

    def best(self, listed: _Listed) -> tuple[int, float]:
        """Return the view of the greatest excess without crowds, and this excess."""
        entry = signs_of(listed.value[None])[0]
        agreements = self.weights @ entry
        order = np.argsort(-agreements / self.lengths, kind="stable")[:_LOOKED_AT]
        if listed.background is None:
            return int(order[0]), 0.0
        ours = listed.background.moments(self.weights[order])
        theirs = listed.background.moments(self.strengths[order] * entry)
        z = np.minimum(ours.z(agreements[order]), theirs.z(agreements[order]))
        place = int(z.argmax())
        return int(order[place]), float(z[place])


def _excess(
    background: Background,
    upload: NDArray[np.uint64],
    entry: NDArray[np.uint64],
    strengths: Strengths,
) -> float:
    """Return the excess of a pair, crowds of both sides included."""
    different = (signs_of(upload[None]) != signs_of(entry[None]))[0]
    agreement = int(strengths.sum()) - 2 * int(strengths[different].sum())
    return min(
        _side(background, probe, strengths, agreement) for probe in (upload, entry)
    )


def _side(
    background: Background,
    probe: NDArray[np.uint64],
    strengths: Strengths,
    agreement: float,
) -> float:
    """Return the excess of an agreement by one side of the pair."""
    moments = background.moments(signs_of(probe[None]) * strengths)
    crowd = background.crowd(probe, strengths)
    z, crowd_z = moments.z(np.array([[agreement], [crowd]], np.float32))[:, 0].tolist()
    return excess_of(z, crowd_z)


def words(value: bytes) -> Words:
    """Return a value as four numbers.

    Raises:
        ValueError: It is no PDQ value.
    """
    if len(value) != SignalType.PDQ.width_bytes:
        raise ValueError(f"a PDQ value has 32 bytes, not {len(value)}")
    return np.frombuffer(value, ">u8").astype(np.uint64)
