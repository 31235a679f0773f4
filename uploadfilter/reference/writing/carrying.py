"""Update facts that depend on the state before a change.

They concern a set, or an older generation, that comes into force.
"""

from dataclasses import replace

from uploadfilter.reference.entries.changes import Changes
from uploadfilter.reference.entries.folding import find_entries
from uploadfilter.reference.entries.off import Party
from uploadfilter.reference.entries.tables import Tables
from uploadfilter.reference.files.layered import LayeredGeneration


def with_present_in(
    older: LayeredGeneration, additions: Tables, changes: Changes
) -> Changes:
    """Find out which withdrawn entries an older base and its overlay hold."""
    by_set: dict[str, list[str]] = {}
    for item in changes.rows(Party.ISSUER):
        by_set.setdefault(item.set, []).append(item.entry)
    added = {info.name for info in additions.sets}
    present = set()
    for name, ids in by_set.items():
        if name in added:
            found = find_entries(additions, name, ids)
        elif name in changes.hidden:
            continue
        else:
            found = older.base.rows_by_id(name, ids)
        present |= {(name, entry) for entry in found}
    return changes.with_present(present)


def with_turnover(tables: Tables, *, withdrawn: int, listed_again: int) -> Tables:
    """Note in the one set of some tables what its import withdrew and listed again."""
    (info,) = tables.sets
    source = replace(info.source, withdrawn=withdrawn, listed_again=listed_again)
    return replace(tables, sets=(replace(info, source=source),))
