"""State the chance of perceptual matches: how often it would bring an entry so near.

It changes no match and no verdict. The records, ``scan``, ``lookup`` and the operator's
page show the figure beside each match.

Rules this module keeps: it is pure; its cost is bounded for any number of matches.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from uploadfilter.evidence.background import Background
from uploadfilter.evidence.chance import VARIANTS
from uploadfilter.evidence.judging import judge_values
from uploadfilter.model import Match, Scan, Signal, SignalType
from uploadfilter.reference.search.matching import Candidate, Generation, Query

MOST_TOLD = 16
"""Most matches of an upload whose chance is computed, the nearest first: each takes
some 2 ms."""

_ONES = (1 << 8 * SignalType.PDQ.width_bytes) - 1


def with_chances(
    matches: Sequence[Match],
    scans: Sequence[Scan],
    generation: Generation,
    background: Background | None,
) -> tuple[Match, ...]:
    """Return the matches, with the chance of those by PDQ.

    Args:
        matches: The matches of an upload, in any order.
        scans: Its scans, which hold the compared values.
        generation: The generation that they were found in.
        background: The prepared cohort; ``None`` if there is none, then no chance is
            stated.

    Returns:
        The matches in their order; at most ``MOST_TOLD`` of them have a chance.
    """
    wanted = [
        place
        for place, match in enumerate(matches)
        if match.signal_type is SignalType.PDQ and match.chance is None
    ]
    if background is None or not wanted:
        return tuple(matches)
    wanted = sorted(wanted, key=lambda place: matches[place].distance)[:MOST_TOLD]
    views = sum(len(part.views) for scan in scans for part in scan.walk())
    values = [_value_of(matches[place], scans) for place in wanted]
    queries = [
        Query(
            signal=Signal(type=SignalType.PDQ, value=value),
            threshold=matches[place].distance,
            geometry=matches[place].geometry,
        )
        for place, value in zip(wanted, values, strict=True)
        if value is not None
    ]
    found = iter(generation.search(queries))
    told = list(matches)
    for place, value in zip(wanted, values, strict=True):
        if value is None:
            continue
        candidate = _same(matches[place], next(found))
        if candidate is not None:
            chance = judge_values(
                background,
                value,
                candidate.value,
                entries=generation.entry_count,
                tries=VARIANTS * max(views, 1),
            ).expected
            told[place] = replace(told[place], chance=chance)
    return tuple(told)


def _same(match: Match, candidates: Sequence[Candidate]) -> Candidate | None:
    """Return the candidate that a match was made from; an entry may have several."""
    for candidate in candidates:
        if (candidate.set, candidate.entry, candidate.distance) == (
            match.set,
            match.entry,
            match.distance,
        ):
            return candidate
    return None


def _value_of(match: Match, scans: Sequence[Scan]) -> bytes | None:
    """Return the compared PDQ value of a match, or the complement that matched."""
    for part in _walked(scans):
        if part.path != match.content:
            continue
        for view in part.views:
            if view.name != match.view:
                continue
            for row in view.rows:
                if row.type is not SignalType.PDQ or row.geometry is not match.geometry:
                    continue
                for item in row:
                    if item.variant is match.variant:
                        value = item.signal.value
                        return _complement(value) if match.complement else value
    return None


def _walked(scans: Sequence[Scan]) -> Iterator[Scan]:
    for scan in scans:
        yield from scan.walk()


def _complement(value: bytes) -> bytes:
    return (int.from_bytes(value) ^ _ONES).to_bytes(len(value))
