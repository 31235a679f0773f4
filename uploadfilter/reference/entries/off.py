"""The entries that are off, as one table: by whom, since when, until when, and why.

Four parties switch entries off: their issuer, who withdraws them; the operator, for a
while; the gate, which finds them among harmless files; and the tripwire, which leaves
only their exact matches.

Rules this module keeps: it is pure; each party has a row of its own, so an entry is on
again only when every party has let it go; no row of an operator is without a reason, a
person and an end.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final

import msgspec

from uploadfilter.errors import UsageError

OFF_S: Final = 72 * 3600
"""How long an operator's row lasts unless another time is chosen: over a weekend, so
that the issuer of the entry can be asked."""

MOST_OFF_S: Final = 30 * 24 * 3600
"""Longest time of such a row: the issuer should withdraw an entry that is wrong for
longer. The tripwire leaves a released entry alone for as long."""

MOST_REASON_CHARACTERS: Final = 200
"""One sentence; the details belong in a case file elsewhere."""

FEWEST_RELEASING: Final = 2
"""People needed to end the row of a gate or a tripwire: a single one may be mistaken,
or be persuaded."""

_BY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""An account or initials. It is never an address, because ``@`` is not allowed."""

Key = tuple[str, str]
"""Name of a hash set, and id of one of its entries."""


class Party(StrEnum):
    """Who switched an entry off."""

    ISSUER = "issuer"
    OPERATOR = "operator"
    GATE = "gate"
    TRIPWIRE = "tripwire"


MOST: Final[Mapping[Party, int]] = {
    Party.ISSUER: 100_000,
    Party.OPERATOR: 1000,
    Party.GATE: 10_000,
    Party.TRIPWIRE: 1000,
}
"""Most rows of each party, those of entries that wait to be listed again not counted.
The issuer's take 10 MB in every overlay: an issuer who withdraws more than a hundredth
of ten million entries should publish the set anew. People must review each of the
others; with more of them the hash set should be removed."""


class Likeness(StrEnum):
    """The way in which an entry matches known-good files or pictures."""

    EXACT = "exact"
    NEAR = "near"
    NEGATIVE = "negative"


class GateFinding(msgspec.Struct, frozen=True, kw_only=True):
    """The reason of a gate.

    Attributes:
        kind: The way in which the entry matches.
        corpus: The known-good corpus that holds the matching signal.
        distance: Bits that differ; 0 for exact types.
        digest: Digest of the entry's signals, 16 hex digits.
    """

    kind: Likeness
    corpus: str
    distance: int
    digest: str


class Off(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An entry that one party has switched off.

    Attributes:
        set: Name of its hash set.
        entry: Id of the entry.
        party: Who switched it off.
        why: The reason of operator and tripwire, in one line for people.
        by: Account or initials of the operator's person.
        since: In seconds since the epoch; ``None`` if only the generation is known.
        until: When it ends by itself, in seconds since the epoch; ``None`` for never.
        generation: The generation in which the issuer withdrew it.
        until_listed: Whether an import of the set that lists the entry ends the row.
        present: Whether base or overlay hold an entry that its issuer withdrew, so that
            it has to be subtracted from the counts of its set.
        finding: The reason of the gate.
    """

    set: str
    entry: str
    party: Party
    why: str = ""
    by: str = ""
    since: int | None = None
    until: int | None = None
    generation: int = 0
    until_listed: bool = False
    present: bool = False
    finding: GateFinding | None = None

    @property
    def key(self) -> Key:
        """The entry that is off."""
        return self.set, self.entry

    @property
    def slot(self) -> tuple[str, str, Party]:
        """The entry and the party, which has one row for it."""
        return self.set, self.entry, self.party

    @property
    def is_lasting(self) -> bool:
        """Whether the issuer withdrew it for good."""
        return self.party is Party.ISSUER and not self.until_listed

    @property
    def reason(self) -> str:
        """The reason, in one line for people."""
        if self.party is Party.ISSUER:
            how = "until it is listed again" if self.until_listed else "for good"
            return f"withdrawn {how}, generation {self.generation}"
        if self.finding is not None:
            it = self.finding
            return f"{it.kind.value} match of {it.corpus!r}, {it.distance} bits"
        return self.why

    def holds(self, now: float) -> bool:
        """Tell whether it holds at a time, in seconds since the epoch.

        It does not if its end is further away than any end may be: then it was made
        under a clock that went ahead, and would hold until that time.
        """
        return self.until is None or now < self.until <= now + MOST_OFF_S


class Release(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The row of a gate or a tripwire that people ended.

    Attributes:
        set: Name of the hash set.
        entry: Id of the entry.
        party: Whose row ended: the gate's or the tripwire's.
        by: Accounts or initials of the people.
        at: When, in seconds since the epoch.
        why: The reason, in one line for people.
        digest: Digest of the signals that the gate had compared: it compares an entry
            with other signals again.
    """

    set: str
    entry: str
    party: Party
    by: tuple[str, ...]
    at: int
    why: str = ""
    digest: str = ""

    @property
    def slot(self) -> tuple[str, str, Party]:
        """The entry and the party."""
        return self.set, self.entry, self.party

    def spares(self, now: float) -> bool:
        """Tell whether the tripwire leaves the entry alone at a time."""
        return self.party is Party.TRIPWIRE and abs(now - self.at) < MOST_OFF_S


def withdrawals(
    name: str,
    entries: Mapping[str, bool],
    generation: int,
    *,
    until_listed: bool = False,
) -> list[Off]:
    """Return the rows of entries that their issuer withdraws.

    Args:
        name: Name of the hash set.
        entries: By id, whether there is such an entry.
        generation: The generation that makes this change.
        until_listed: Whether an import that lists an entry ends its row.
    """
    return [
        Off(
            set=name,
            entry=entry,
            party=Party.ISSUER,
            generation=generation,
            until_listed=until_listed,
            present=is_there,
        )
        for entry, is_there in entries.items()
    ]


def new_off(
    key: Key, *, why: str, by: str, now: float, until: float | None = None
) -> Off:
    """Return the row of an operator, if its reason, person and end are acceptable.

    Args:
        key: The hash set and the entry.
        why: Text for people. It stands in files that many can read: no names.
        by: Account or initials of the person who asks for it.
        now: Seconds since the epoch.
        until: When it ends, in seconds since the epoch; ``None`` means after ``OFF_S``.

    Raises:
        UsageError: The reason, the account or the end cannot be used.
    """
    ends = now + OFF_S if until is None else until
    if not now < ends <= now + MOST_OFF_S:
        days = MOST_OFF_S // 86400
        raise UsageError(
            "the end is not in the future"
            if ends <= now
            else f"the entry would be off longer than {days} days",
            hint=f"Choose an end within the next {days} days.",
        )
    what = "switching an entry off"
    check_account(by, what)
    return Off(
        set=key[0],
        entry=key[1],
        party=Party.OPERATOR,
        why=checked_reason(why, what),
        by=by,
        since=int(now),
        until=int(ends),
    )


def new_release(row: Off, *, by: Sequence[str], why: str, now: float) -> Release:
    """Return the release that ends the row of a gate or a tripwire.

    Args:
        row: The row.
        by: Accounts or initials of at least two people.
        why: The reason, for people; a tripwire's row needs one.
        now: Seconds since the epoch.

    Raises:
        UsageError: There are too few people, or a name or the reason cannot be used.
    """
    what = "switching an entry on"
    check_people(by)
    for account in by:
        check_account(account, what)
    needs_reason = bool(why) or row.party is Party.TRIPWIRE
    return Release(
        set=row.set,
        entry=row.entry,
        party=row.party,
        by=tuple(by),
        at=int(now),
        why=checked_reason(why, what) if needs_reason else "",
        digest=row.finding.digest if row.finding else "",
    )


def checked_reason(why: str, what: str) -> str:
    """Return a reason without the blanks around it.

    Raises:
        UsageError: It is empty, too long, not one line, or may name a person.
    """
    text = why.strip()
    is_plain = text.isprintable() and "@" not in text
    if not 0 < len(text) <= MOST_REASON_CHARACTERS or not is_plain:
        raise UsageError(
            f"{what} needs a reason, in one line",
            hint=f"Use 1 to {MOST_REASON_CHARACTERS} printable characters, without '@':"
            " no names and no addresses.",
        )
    return text


def check_account(by: str, what: str) -> None:
    """Refuse a text that is neither an account nor initials.

    Raises:
        UsageError: It is something else.
    """
    if not _BY.fullmatch(by):
        raise UsageError(
            f"{what} needs the account or the initials of the person who asks for it",
            hint="Use 1 to 64 of A-Z, a-z, 0-9, '.', '_', '-'; no address.",
        )


def check_people(by: Sequence[str]) -> None:
    """Refuse to end a machine's row if too few people are named for it.

    Args:
        by: Accounts or initials; upper and lower case do not make two people.

    Raises:
        UsageError: There are too few people, or one is named twice.
    """
    people = {it.casefold() for it in by}
    if len(people) >= FEWEST_RELEASING:
        return
    named = "nobody is named"
    if people:
        times = f", {len(by)} times" if len(by) > len(people) else ""
        named = f"only {by[0]!r} is named{times}"
    raise UsageError(
        f"an entry that gate or tripwire switched off is switched on by "
        f"{FEWEST_RELEASING} different people, and {named}",
        hint="Give --by NAME twice: who reviewed the entry, and who agrees.",
    )


def without_released(rows: Iterable[Off], released: Collection[Release]) -> list[Off]:
    """Return rows without those of a gate that people ended for the same signals."""
    ended = {(it.set, it.entry, it.digest) for it in released if it.digest}
    return [
        it
        for it in rows
        if it.finding is None or (it.set, it.entry, it.finding.digest) not in ended
    ]
