"""Entries that a gate keeps out of force, and their release by people.

A quarantined entry stays in the tables of its set, but no search finds it. Rules this
module keeps: it is pure; a quarantine ends when two people release the entry, or when
the entry is compared again and nothing is found; a release applies to the entry as it
was compared, so that an entry that changes is compared again.
"""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np

from uploadfilter.errors import HashSetNameError, UsageError
from uploadfilter.reference.entries.tables import Tables

MOST_QUARANTINED = 10_000
"""Most entries in all: they take a megabyte in every overlay, and people must review
each."""

FEWEST_RELEASING = 2
"""People needed for a release: a single one may be mistaken, or be persuaded."""

_DIGEST_BYTES = 8


class Likeness(StrEnum):
    """The way in which an entry matches known-good files or pictures."""

    EXACT = "exact"
    NEAR = "near"
    NEGATIVE = "negative"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantine:
    """An entry that is kept out of force.

    Attributes:
        set: Name of its hash set.
        entry: Id of the entry.
        kind: The way in which it matches.
        corpus: The known-good corpus that holds the matching signal.
        distance: Bits that differ; 0 for exact types.
        digest: Digest of the entry's signals, 16 hex digits.
        since: When it was found, in seconds since the epoch.
    """

    set: str
    entry: str
    kind: Likeness
    corpus: str
    distance: int
    digest: str
    since: int

    @property
    def key(self) -> tuple[str, str]:
        """The entry that is in quarantine."""
        return self.set, self.entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A quarantine that people ended.

    Attributes:
        set: Name of the hash set.
        entry: Id of the entry.
        digest: Digest of its signals at that time.
        by: Accounts or initials of the people.
        at: When, in seconds since the epoch.
    """

    set: str
    entry: str
    digest: str
    by: tuple[str, ...]
    at: int

    @property
    def key(self) -> tuple[str, str]:
        """The entry that was released."""
        return self.set, self.entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Turnover:
    """The effect that a change of a signed set would have.

    Attributes:
        before: Entries of the set until now; 0 if it is new.
        after: Entries that it would have.
        gone: Entries of the set until now that it would lose.
        new: Entries that would be new or changed; for a full set, only the new ones.
        quarantined: Entries of the set that would be in quarantine.
        is_chosen: Whether the operator asked for another set, with other categories.
    """

    before: int
    after: int
    gone: int
    new: int
    quarantined: int
    is_chosen: bool


class Gate(Protocol):
    """Compares entries with known-good corpora before they are in force."""

    @property
    def identity(self) -> str:
        """The corpora and settings that it compares with; changes whenever they do."""

    def look(self, tables: Tables) -> Sequence[Quarantine]:
        """Return the entries of one set that match a known-good file or picture.

        Args:
            tables: The tables of one set, exact signals included.
        """

    def check(self, turnover: Turnover, found: Sequence[Quarantine]) -> None:
        """Refuse a change that a person must review first.

        Raises:
            HashSetGateError: A person must review it.
        """


def merged(
    found: Sequence[Quarantine],
    kept: Iterable[Quarantine],
    released: Collection[Release],
) -> tuple[Quarantine, ...]:
    """Return the entries in quarantine: found now or kept from before, not released.

    Args:
        found: Findings of a gate now.
        kept: Findings of earlier, for entries that have not changed since.
        released: Releases by people.
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
    """Return the release that ends a quarantine.

    Args:
        quarantined: The entries in quarantine.
        name: Name of the hash set.
        entry: Id of the entry.
        by: Accounts or initials of at least two people, already checked.
        at: Seconds since the epoch.

    Raises:
        UsageError: There are too few people.
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
        hint="'uploadfilter hashset list --off' shows the entries that are.",
    )


def check_people(what: str, by: Sequence[str], *, fewest: int) -> None:
    """Refuse an action if too few people are named for it.

    Args:
        what: The action, in the words of the message.
        by: Accounts or initials; upper and lower case do not make two people.
        fewest: How many people there must be: 2.

    Raises:
        UsageError: There are too few people, or one is named twice.
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
        hint="Give --by NAME twice: who reviewed the entry, and who agrees.",
    )


def digests_of(tables: Tables, rows: Sequence[int]) -> list[str]:
    """Return a digest of each entry's signals, which changes whenever one of them does.

    Args:
        tables: The tables of one set, exact signals included.
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
