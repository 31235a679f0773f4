"""Compare two states of the reference set by the matches of given files.

Rules this module keeps: it is pure; both states get the same queries; a match is
reported by set and entry, whatever a policy decides about it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from uploadfilter.gate.nearness import NEAR, NEGATIVE
from uploadfilter.gate.variants import Words, all_variants
from uploadfilter.model import Match, Scan, Signal, SignalType
from uploadfilter.reference.search.matching import (
    Candidate,
    Generation,
    Query,
    Thresholds,
    match_scans,
)

Key = tuple[str, str]
"""Name of a hash set, and id of one of its entries."""

PICTURES_AT_A_TIME = 64
"""Known-good pictures that are searched for together: each needs sixteen queries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The difference between the two states for one file.

    Attributes:
        name: Path of the file, or number of the picture in a corpus.
        begins: Entries that match it afterwards, and did not before.
        ends: Entries that matched it before, and do not afterwards.
    """

    name: str
    begins: tuple[Key, ...]
    ends: tuple[Key, ...]


@dataclass(slots=True)
class Differences:
    """The results of the comparison so far.

    Attributes:
        begins: For each entry, the number of files that it matches now and did not
            before.
        ends: For each entry, the number of files that it does not match any more.
    """

    files: int = 0
    unread: int = 0
    begins: dict[Key, int] = field(default_factory=dict)
    ends: dict[Key, int] = field(default_factory=dict)

    def add(self, item: Difference) -> None:
        """Count one file."""
        self.files += 1
        for keys, counts in ((item.begins, self.begins), (item.ends, self.ends)):
            for key in keys:
                counts[key] = counts.get(key, 0) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two states.

    Attributes:
        sets: Names of the hash sets that count; ``None`` for all.
    """

    generation: Generation
    sets: frozenset[str] | None = None

    def counts(self, name: str) -> bool:
        """Tell whether a hash set counts."""
        return self.sets is None or name in self.sets


def of_scan(
    scan: Scan, before: Side, after: Side, *, quality_of: Callable[[bytes], int]
) -> Difference:
    """Return the difference for one scanned file."""

    def matched(side: Side) -> set[Key]:
        found: Sequence[Match] = match_scans(
            side.generation, (scan,), thresholds=Thresholds(), quality_of=quality_of
        )
        return {(it.set, it.entry) for it in found if side.counts(it.set)}

    return _difference(scan.path, matched(before), matched(after))


def of_pictures(
    kept: Words, before: Side, after: Side, *, name: str
) -> Iterator[Difference]:
    """Yield the differences for the pictures of a known-good corpus.

    Args:
        kept: Their values, as ``variants.all_variants`` takes them.
        before: The state before.
        after: The state after the change.
        name: Name of the corpus.
    """
    for first in range(0, len(kept), PICTURES_AT_A_TIME):
        values = all_variants(kept[first : first + PICTURES_AT_A_TIME])
        one, two = (_found(values, side) for side in (before, after))
        for at, (old, new) in enumerate(zip(one, two, strict=True)):
            yield _difference(f"{name}:{first + at}", old, new)


def _found(values: Words, side: Side) -> list[set[Key]]:
    """Return, for each picture, the entries that match one of its variants."""
    count, variants, _ = values.shape
    plain = values.reshape(-1, values.shape[-1])
    queries = [
        Query(
            signal=Signal(type=SignalType.PDQ, value=row.astype(">u8").tobytes()),
            threshold=threshold,
        )
        for threshold, asked in ((NEAR, plain), (NEGATIVE, np.invert(plain)))
        for row in asked
    ]
    found: list[set[Key]] = [set() for _ in range(count)]
    for number, candidates in enumerate(side.generation.search(queries)):
        place = number % len(plain) // variants
        found[place] |= _keys(candidates, side)
    return found


def _keys(candidates: Iterable[Candidate], side: Side) -> set[Key]:
    return {(it.set, it.entry) for it in candidates if side.counts(it.set)}


def _difference(name: str, before: set[Key], after: set[Key]) -> Difference:
    return Difference(
        name=name,
        begins=tuple(sorted(after - before)),
        ends=tuple(sorted(before - after)),
    )
