"""Entries that a gate keeps out of force, and those that people let in.

A quarantined entry stays in the tables of its set, and is not found by any search.
Rules this module keeps: it is pure; a quarantine ends by a release, by two people, or
when the entry is looked at anew and nothing is found; a release is of the entry as it
was looked at, so that an entry that changes is looked at again.
"""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np

from uploadfilter.errors import HashSetNameError, UsageError
from uploadfilter.reference.tables import Tables

MOST_QUARANTINED = 10_000
"""In all: they are a megabyte in every overlay, and each is for a person to look at."""

FEWEST_RELEASING = 2
"""People: one may be mistaken, or be talked into it."""

_DIGEST_BYTES = 8


class Kind(StrEnum):
    """In which way an entry matches what is known to be harmless."""

    EXACT = "exact"
    NEAR = "near"
    NEGATIVE = "negative"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantine:
    """An entry that is kept out of force.

    Attributes:
        set: Name of its hash set.
        entry: Its id.
        kind: In which way it matches.
        corpus: The known-good corpus that has what it matches.
        distance: Bits that differ; 0 for exact types.
        digest: Of the entry's signals, 16 hex digits.
        since: When, in seconds since the epoch.
    """

    set: str
    entry: str
    kind: Kind
    corpus: str
    distance: int
    digest: str
    since: int

    @property
    def key(self) -> tuple[str, str]:
        """Which entry it is about."""
        return self.set, self.entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A quarantine that people ended.

    Attributes:
        set: Name of the hash set.
        entry: Id of the entry.
        digest: Of its signals as they were.
        by: Who did it.
        at: When, in seconds since the epoch.
    """

    set: str
    entry: str
    digest: str
    by: tuple[str, ...]
    at: int

    @property
    def key(self) -> tuple[str, str]:
        """Which entry it is about."""
        return self.set, self.entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Turnover:
    """What a change of a signed set would do.

    Attributes:
        before: Entries of the set until now; 0 if it is new.
        after: Entries that it would have.
        gone: Of those until now, how many it would lack.
        new: How many would be new or changed; of a full set, only the new ones.
        quarantined: How many of its entries would be in quarantine.
        is_chosen: Whether the operator asked for another set: other categories.
    """

    before: int
    after: int
    gone: int
    new: int
    quarantined: int
    is_chosen: bool


class Gate(Protocol):
    """What looks at entries before they are in force."""

    @property
    def identity(self) -> str:
        """What it compares with: another text whenever that is something else."""

    def look(self, tables: Tables) -> Sequence[Quarantine]:
        """Return which entries of one set match what is known to be harmless.

        Args:
            tables: Of one set, exact signals included.
        """

    def check(self, turnover: Turnover, found: Sequence[Quarantine]) -> None:
        """Refuse a change that a person must see first.

        Raises:
            HashSetGateError: It is one.
        """


def merged(
    found: Sequence[Quarantine],
    kept: Iterable[Quarantine],
    released: Collection[Release],
) -> tuple[Quarantine, ...]:
    """Return what is in quarantine: found now or kept from before, and not released.

    Args:
        found: What a gate found now.
        kept: What it found before, of entries that have not changed since.
        released: What people ended.
    """
    ended = {(*it.key, it.digest) for it in released}
    before = {it.key: it for it in kept}
    now = {it.key: before.get(it.key, it) for it in found}
    return tuple(
        it for it in {**before, **now}.values() if (*it.key, it.digest) not in ended
    )


def new_release(
    quarantined: Iterable[Quarantine],
    name: str,
    entry: str,
    *,
    by: Sequence[str],
    at: float,
) -> Release:
    """Return the end of a quarantine.

    Args:
        quarantined: What is in quarantine.
        name: Name of the hash set.
        entry: Id of the entry.
        by: Accounts or initials of at least two people, which were checked.
        at: Seconds since the epoch.

    Raises:
        UsageError: They are too few.
        HashSetNameError: The entry is not in quarantine.
    """
    check_people("a quarantine is ended", by, fewest=FEWEST_RELEASING)
    for item in quarantined:
        if item.key == (name, entry):
            return Release(
                set=name,
                entry=entry,
                digest=item.digest,
                by=tuple(by),
                at=int(at),
            )
    raise HashSetNameError(
        f"entry {entry!r} of hash set {name!r} is not in quarantine",
        hint="'uploadfilter hashset quarantine list' shows those that are.",
    )


def check_people(what: str, by: Sequence[str], *, fewest: int) -> None:
    """Refuse what too few people stand for.

    Args:
        what: What they would do, in words.
        by: Accounts or initials; capitals make no other person.
        fewest: How many there must be: 2.

    Raises:
        UsageError: They are too few, or one is named twice.
    """
    people = {it.casefold() for it in by}
    if len(people) >= fewest:
        return
    named = "nobody is named"
    if people:
        times = f", {len(by)} times" if len(by) > len(people) else ""
        named = f"only {by[0]!r} is named{times}"
    raise UsageError(
        f"{what} by {fewest} different people, and {named}",
        hint="Give --by NAME twice: who looked at the entry, and who agrees.",
    )


def digests_of(tables: Tables, rows: Sequence[int]) -> list[str]:
    """Return of some entries what changes whenever one of their signals does.

    Args:
        tables: Of one set, exact signals included.
        rows: Rows of the entries.
    """
    wanted = np.asarray(rows, np.uint32)
    parts: dict[int, list[bytes]] = {row: [] for row in rows}
    exact = tables.exact
    for at in np.flatnonzero(np.isin(exact.entries, wanted)).tolist():
        key = int(exact.high[at]).to_bytes(8) + int(exact.low[at]).to_bytes(8)
        parts[int(exact.entries[at])].append(b"exact" + key)
    for (kind, geometry), table in tables.perceptual.items():
        word = f"{kind}/{geometry}/".encode()
        for at in np.flatnonzero(np.isin(table.entries, wanted)).tolist():
            value = b"".join(int(lane[at]).to_bytes(8) for lane in table.lanes)
            quality = bytes([int(table.quality[at])])
            parts[int(table.entries[at])].append(word + value + quality)
    found = []
    for row in rows:
        text = b"\0".join(
            [*sorted(parts[row]), bytes([tables.entries.exact_only[row]])]
        )
        digest = hashlib.blake2b(text, digest_size=_DIGEST_BYTES)
        found.append(digest.hexdigest())
    return found
