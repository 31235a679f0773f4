"""Decide which entries of a signed set are quarantined, and which changes wait.

Rules this module keeps: it is pure; an entry that an upload of a known-good picture
would match is quarantined; a signal that takes no part in matching has no influence; an
entry that is only near is reported, without any effect; every unusual change waits for
a person, except withdrawals by duty officers, which never come here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from uploadfilter.errors import HashSetGateError
from uploadfilter.gate.nearness import FAR, Nearest, look, nothing_near
from uploadfilter.gate.variants import VARIANT_COUNT, Words, all_variants
from uploadfilter.model import QUALITY_FLOOR, SignalType
from uploadfilter.reference.entries.off import MOST, GateFinding, Likeness, Off, Party
from uploadfilter.reference.entries.quarantining import Turnover, digests_of
from uploadfilter.reference.entries.tables import (
    UNKNOWN_QUALITY,
    ExactTable,
    PerceptualTable,
    Tables,
)

BLOCK_PICTURES: Final = 1 << 17
"""Known-good pictures that are compared at a time: 130,000 with all their variants take
some 200 MB."""

MOST_GENERIC: Final = 10_000
"""Entries that a report lists as near; it also states how many there are in all."""

Keys = NDArray[np.bytes_]
"""Keyed digests, 16 bytes each, sorted."""

_ROWS_AT_A_TIME: Final = 1 << 20
"""Digests that are looked up together; it bounds the memory for temporaries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSettings:
    """The changes of a signed set that are allowed without a person.

    Attributes:
        quarantined: Most entries in quarantine, unless the share is more: a list with
            more of them was not made with care, and even a part of it must not be in
            force. A hundred is the number that a person can review in an hour.
        quarantined_share: Share of all entries of the set.
        growth: Most new and changed entries, unless the share is more: a day's change
            is some thousand.
        growth_share: Share of the entries until then.
        shrinkage: Most entries that go, unless the share is more: a set that empties
            switches the filter off.
        shrinkage_share: Share of the entries until then.
    """

    quarantined: int = 100
    quarantined_share: float = 0.01
    growth: int = 10_000
    growth_share: float = 0.25
    shrinkage: int = 1_000
    shrinkage_share: float = 0.1

    def __post_init__(self) -> None:
        """Refuse negative numbers, and shares outside of 0 to 1."""
        if min(self.quarantined, self.growth, self.shrinkage) < 0:
            raise ValueError("a number of entries is 0 or more")
        shares = (self.quarantined_share, self.growth_share, self.shrinkage_share)
        if not all(0 <= share <= 1 for share in shares):
            raise ValueError("a share is from 0 to 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCorpus:
    """Signals of known-good files and pictures, under one name.

    Attributes:
        values: PDQ, shape (pictures, 1 or 4, 4), as ``variants.all_variants`` takes it.
        keys: Keyed digests, sorted.
    """

    values: Words
    keys: Keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Generic:
    """An entry that lies near known-good pictures, but beyond the threshold.

    Attributes:
        entry: Id of the entry.
        near: Lower bound of the number of their values within 60 bits.
    """

    entry: str
    near: int


class CorpusGate:
    """A gate that compares with known-good corpora; see ``quarantining.Gate``.

    Args:
        known: The corpora, by name.
        identity: Identifies these corpora.
        settings: The changes that are allowed without a person.
        is_accepted: Whether a person has seen the change, and accepts it.
        epoch_s: Seconds since the epoch.
        withdrawn: Entries that go because duty officers withdrew them; their number has
            a bound of its own.

    Attributes:
        generic: Entries of the last comparison that are near; at most ``MOST_GENERIC``.
        generic_count: Number of such entries.
        refused: The findings of a comparison after which the change was refused.
    """

    def __init__(
        self,
        known: Mapping[str, KnownCorpus],
        *,
        identity: str,
        settings: GateSettings,
        is_accepted: bool,
        epoch_s: float,
        withdrawn: int = 0,
    ) -> None:
        self._withdrawn = withdrawn
        self._known = known
        self._identity = identity
        self._settings = settings
        self._is_accepted = is_accepted
        self._epoch_s = epoch_s
        self.generic: tuple[Generic, ...] = ()
        self.generic_count = 0
        self.refused: tuple[Off, ...] = ()

    @property
    def identity(self) -> str:
        """Identifies the corpora that it compares with."""
        return self._identity

    def look(self, tables: Tables) -> Sequence[Off]:
        """Return the entries of one set that match known-good files or pictures."""
        (info,) = tables.sets
        found: dict[int, tuple[int, Likeness, str]] = {}
        near = np.zeros(len(tables.entries), np.int64)
        for name, known in sorted(self._known.items()):
            for row in _same(tables.exact, known.keys).tolist():
                found[row] = min(found.get(row, _NOTHING), (0, Likeness.EXACT, name))
            for table, at in _compared(tables):
                nearest = _nearest(table, at, known)
                _add_near(found, table.entries[at], nearest, name)
                np.add.at(near, table.entries[at], nearest.generic)
        rows = sorted(found)
        near[rows] = 0
        self._tell_generic(tables, near)
        prints = digests_of(tables, rows)
        return tuple(
            Off(
                set=info.name,
                entry=tables.entries.id_of(row),
                party=Party.GATE,
                since=int(self._epoch_s),
                finding=GateFinding(
                    kind=found[row][1],
                    corpus=found[row][2],
                    distance=found[row][0],
                    digest=digest,
                ),
            )
            for row, digest in zip(rows, prints, strict=True)
        )

    def check(self, turnover: Turnover, found: Sequence[Off]) -> None:
        """Refuse a change that a person must review first.

        Raises:
            HashSetGateError: Too many entries are in quarantine, which nobody can
                accept; or unusually many entries come or go, and nobody has accepted
                that.
        """
        gone = max(0, turnover.gone - self._withdrawn)
        counted = replace(turnover, gone=gone)
        error = problem_of(counted, self._settings, is_accepted=self._is_accepted)
        if error is not None:
            self.refused = tuple(found)
            raise error

    def _tell_generic(self, tables: Tables, near: NDArray[np.int64]) -> None:
        rows = np.flatnonzero(near)
        most = rows[np.argsort(-near[rows], kind="stable")][:MOST_GENERIC]
        self.generic_count = len(rows)
        self.generic = tuple(
            Generic(entry=tables.entries.id_of(row), near=int(near[row]))
            for row in most.tolist()
        )


_NOTHING: Final = (FAR, Likeness.NEGATIVE, "")


def problem_of(
    turnover: Turnover, settings: GateSettings, *, is_accepted: bool
) -> HashSetGateError | None:
    """Return the error of a change that waits for a person; ``None`` for others."""
    at_once = max(
        settings.quarantined, int(settings.quarantined_share * turnover.after)
    )
    if turnover.quarantined > min(at_once, MOST[Party.GATE]):
        return HashSetGateError(
            f"{turnover.quarantined:,} entries match files that are known to be "
            f"harmless, more than {min(at_once, MOST[Party.GATE]):,}: the whole change "
            "is refused",
            hint="The set in force stays, withdrawals were taken. Send the issuer the "
            "report: 'uploadfilter hashset list --findings --json'.",
        )
    if is_accepted or turnover.is_chosen or not turnover.before:
        return None
    for count, number, share, words in (
        (turnover.new, settings.growth, settings.growth_share, "are new or changed"),
        (turnover.gone, settings.shrinkage, settings.shrinkage_share, "would go"),
    ):
        most = max(number, int(share * turnover.before))
        if count > most:
            return HashSetGateError(
                f"{count:,} entries of {turnover.before:,} {words}, more than {most:,}",
                hint="The set in force stays, withdrawals were taken. Ask the issuer "
                "whether this is intended; then sync with --accept-change.",
            )
    return None


def _compared(
    tables: Tables,
) -> list[tuple[PerceptualTable, NDArray[np.intp]]]:
    found = []
    for (kind, _), table in tables.perceptual.items():
        if kind is SignalType.PDQ:
            is_good = (table.quality >= QUALITY_FLOOR) | (
                table.quality == UNKNOWN_QUALITY
            )
            is_exact = tables.entries.exact_only.take(table.entries).astype(np.bool_)
            found.append((table, np.flatnonzero(is_good & ~is_exact)))
    return found


def _nearest(
    table: PerceptualTable, rows: NDArray[np.intp], known: KnownCorpus
) -> Nearest:
    values = np.stack([lane.take(rows) for lane in table.lanes], axis=-1)
    found = nothing_near(len(values))
    for at in range(0, len(known.values) if len(values) else 0, BLOCK_PICTURES):
        block = all_variants(known.values[at : at + BLOCK_PICTURES])
        look(found, values, block.reshape(-1, 4), first=at * VARIANT_COUNT)
    return found


def _add_near(
    found: dict[int, tuple[int, Likeness, str]],
    entries: NDArray[np.uint32],
    nearest: Nearest,
    name: str,
) -> None:
    for at in np.flatnonzero(nearest.distance < FAR).tolist():
        row = int(entries[at])
        kind = Likeness.NEGATIVE if nearest.negative[at] else Likeness.NEAR
        seen = (int(nearest.distance[at]), kind, name)
        found[row] = min(found.get(row, _NOTHING), seen)


def _same(exact: ExactTable, keys: Keys) -> NDArray[np.uint32]:
    """Return the rows of entries that have a known-good digest."""
    found = [np.empty(0, np.uint32)]
    for first in range(0, len(exact) if len(keys) else 0, _ROWS_AT_A_TIME):
        part = slice(first, first + _ROWS_AT_A_TIME)
        halves = np.stack((exact.high[part], exact.low[part]), axis=-1)
        wanted = halves.astype(">u8").view(keys.dtype).ravel()
        at = np.searchsorted(keys, wanted).clip(max=len(keys) - 1)
        found.append(exact.entries[part][keys[at] == wanted])
    rows: NDArray[np.uint32] = np.unique(np.concatenate(found))
    return rows
