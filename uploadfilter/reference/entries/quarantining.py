"""The gate that compares entries with known-good files, as the reference set sees it.

An entry that it finds stays in the tables of its set, but no search finds it. Rules
this module keeps: it is pure; the gate's row ends when two people release the entry,
or when the entry is compared again and nothing is found; a release applies to the entry
as it was compared, so that an entry that changes is compared again.
"""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from uploadfilter.reference.entries.off import Off, Release, without_released
from uploadfilter.reference.entries.tables import Tables

_DIGEST_BYTES = 8


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

    def look(self, tables: Tables) -> Sequence[Off]:
        """Return the entries of one set that match a known-good file or picture."""

    def check(self, turnover: Turnover, found: Sequence[Off]) -> None:
        """Refuse a change that a person must review first.

        Raises:
            HashSetGateError: A person must review it.
        """


def merged(
    found: Sequence[Off], kept: Iterable[Off], released: Collection[Release]
) -> tuple[Off, ...]:
    """Return the rows of a gate: found now or kept from before, not released."""
    before = {it.key: it for it in kept}
    now = {it.key: before.get(it.key, it) for it in found}
    return tuple(without_released({**before, **now}.values(), released))


def digests_of(tables: Tables, rows: Sequence[int]) -> list[str]:
    """Return a digest of each entry's signals, which changes whenever one does."""
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
