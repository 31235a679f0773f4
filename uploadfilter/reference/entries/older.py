"""Read the records of format 2, which had several kinds of entries that are off.

This module goes, with format 2, after the release that brings format 3. ``Demotions``
was a file of its own in the state directory, ``tripwire.json``.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from uploadfilter.reference.entries.changes import Changes
from uploadfilter.reference.entries.off import GateFinding, Off, Party, Release

_Row = dict[str, Any]


class OlderChanges(msgspec.Struct, frozen=True, kw_only=True):
    """``Changes`` as format 2 stored them."""

    format: int
    hidden: tuple[str, ...]
    removed: Mapping[str, int]
    revoked: tuple[_Row, ...]
    suppressed: tuple[_Row, ...]
    monitored: tuple[str, ...] = ()
    quarantined: tuple[_Row, ...] = ()
    released: tuple[_Row, ...] = ()
    enforced: tuple[str, ...] = ()


class Demotions(msgspec.Struct, frozen=True, kw_only=True):
    """The content of ``tripwire.json``."""

    demoted: tuple[_Row, ...] = ()
    restored: tuple[_Row, ...] = ()


def changes_of(older: OlderChanges) -> Changes:
    """Return the changes with one table.

    Raises:
        ValueError: A field is missing or has another type.
    """
    return Changes(
        hidden=frozenset(older.hidden),
        removed=older.removed,
        monitored=frozenset(older.monitored),
        enforced=frozenset(older.enforced),
        off=tuple(_rows(older)),
        released=_releases(older.released, Party.GATE),
    )


def _rows(older: OlderChanges) -> Iterator[Off]:
    for row in older.revoked:
        yield msgspec.convert({**row, "party": Party.ISSUER}, Off)
    for row in older.suppressed:
        words = {"why": row.get("reason"), "until": row.get("expires_at")}
        yield msgspec.convert({**row, **words, "party": Party.OPERATOR}, Off)
    for row in older.quarantined:
        finding = msgspec.convert(row, GateFinding)
        yield msgspec.convert({**row, "party": Party.GATE, "finding": finding}, Off)


def changes_with(changes: Changes, older: Demotions) -> Changes:
    """Return the changes with the rows of the tripwire's own file.

    Raises:
        ValueError: A field is missing or has another type.
        StoreError: There are too many.
    """
    rows = [
        Off(
            set=it["set"],
            entry=it["entry"],
            party=Party.TRIPWIRE,
            why=f"perceptual matches from {it['networks']:,} networks",
            since=it["at"],
        )
        for it in older.demoted
    ]
    released = _releases(older.restored, Party.TRIPWIRE)
    since = [it for it in changes.released if it.party is Party.TRIPWIRE]
    newest = {it.slot: it for it in (*released, *since)}
    return changes.with_off(rows).with_released(tuple(newest.values()))


def _releases(rows: Sequence[_Row], party: Party) -> tuple[Release, ...]:
    return tuple(
        msgspec.convert({**row, "why": row.get("reason", ""), "party": party}, Release)
        for row in rows
    )
