"""Compare generations: which entries a hash set lost, except revoked ones.

A set can also lose the right to reject; this module finds both.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from uploadfilter.errors import StoreError
from uploadfilter.reference.entries.changes import (
    MOST_REMEMBERED,
    ChangeKind,
    Changes,
)
from uploadfilter.reference.entries.folding import find_entries
from uploadfilter.reference.entries.off import MOST, Party
from uploadfilter.reference.entries.tables import Positions, Tables
from uploadfilter.reference.entries.withdrawing import ids_at, withdrawn, withdrawn_ids
from uploadfilter.reference.files.generation import MappedGeneration
from uploadfilter.reference.files.layered import LayeredGeneration
from uploadfilter.reference.files.layout import Current


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """The result of a rollback.

    Attributes:
        number: The generation that it returned to.
        kept_out: By hash set, how many entries of that generation are not in force,
            because an import since lacks them.
        monitored: Hash sets that rejected then and are only monitored now, because an
            import since says so.
    """

    number: int
    kept_out: Mapping[str, int]
    monitored: tuple[str, ...] = ()


def _in_force_of(
    half: MappedGeneration, changes: Changes, name: str, rows: Positions
) -> Positions:
    """Return the rows of a hash set that were not withdrawn before."""
    out = find_entries(half.tables, name, changes.withdrawn(name))
    return np.setdiff1d(rows, list(out.values())) if out else rows


def gone_with(
    live: LayeredGeneration, new: Tables, name: str
) -> tuple[int, Iterator[str]]:
    """Return how many entries in force an import lacks, and the last of their ids."""
    half = live.half_with(name)
    if half is None:
        return 0, iter(())
    rows = withdrawn_ids(half.tables, new, name)
    rows = _in_force_of(half, live.changes, name, rows)
    return len(rows), ids_at(half.tables.entries, rows[-MOST_REMEMBERED:])


def withdrawn_since(
    older: LayeredGeneration, live: LayeredGeneration
) -> dict[str, list[str]]:
    """Return by hash set the entries of an older generation withdrawn since then.

    Raises:
        StoreError: There are too many to leave out one by one.
    """
    found: dict[str, list[str]] = {}
    for name in _imported_since(older, live):
        before, after = older.half_with(name), live.half_with(name)
        if before is None or after is None:
            continue
        old = before.tables_with_exact()
        rows = withdrawn(old, after.tables_with_exact(), name)
        rows = _in_force_of(before, older.changes, name, rows)
        if len(rows) > MOST[Party.ISSUER]:
            raise StoreError(
                f"{len(rows):,} entries of {name!r} were withdrawn since generation "
                f"{older.number}, but a rollback can leave out only "
                f"{MOST[Party.ISSUER]:,}",
                hint="Import the right file again instead: that needs no rollback.",
            )
        if len(rows):
            found[name] = list(ids_at(old.entries, rows))
    return found


def monitored_since(
    older: LayeredGeneration, live: LayeredGeneration
) -> tuple[str, ...]:
    """Return the enforced hash sets that are only monitored by now, on purpose.

    A later import of them said so, or the operator.
    """
    once = {info.name for info in older.sets if info.enforced}
    now = {info.name for info in live.sets if not info.enforced}
    chosen = live.changes.monitored.union(_imported_since(older, live))
    return tuple(sorted(once & now & chosen))


def _imported_since(older: LayeredGeneration, live: LayeredGeneration) -> list[str]:
    """Return the hash sets of both generations that were imported between the two.

    If the live import came first, a rollback has put it in force, and nothing is
    withdrawn.
    """
    now = {info.name: info.imported_with for info in live.sets}
    before = {info.name: info.imported_with for info in older.sets}
    return [
        name for name, number in before.items() if name in now and now[name] > number
    ]


def before_last_import(generations: Sequence[Current]) -> int:
    """Return the generation before the import that brought the entries in force.

    Args:
        generations: The generation in force and those that are kept, newest first.

    Raises:
        StoreError: It is not kept.
    """
    known = {item.generation: item for item in generations}
    at: int | None = generations[0].generation
    while at in known:
        kind = known[at].kind
        older = max((n for n in known if n < at), default=None)
        if kind is ChangeKind.IMPORT and older is not None:
            return older
        at = int(known[at].subject) if kind is ChangeKind.ROLLBACK else older
    raise StoreError(
        "no generation is kept from before the last import",
        hint="'uploadfilter hashset list --generations' lists the kept ones.",
    )
