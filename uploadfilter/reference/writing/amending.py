"""Change some entries of a hash set and keep the others as they are.

A signed set of ten million entries changes by some thousand a day. The unchanged
entries are copied as columns, so that no file is read again for them.

Rules this module keeps: the result equals an import of the whole set, with one
exception. The store keeps a key of each digest and not its type, so the counts of
digests by type are estimated from their shares before the delta.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np

from uploadfilter.model import EXACT_TYPES
from uploadfilter.reference.entries.collecting import exact_alone
from uploadfilter.reference.entries.folding import rows_with_ids
from uploadfilter.reference.entries.sets import ENTRIES, SetInfo
from uploadfilter.reference.entries.tables import Tables, joined, with_entries
from uploadfilter.reference.files.layered import LayeredGeneration

_EXACT_NAMES = frozenset(kind.value for kind in EXACT_TYPES)

Counts = Mapping[str, Mapping[str, int]]


def amended(live: LayeredGeneration, new: Tables, without: Collection[str]) -> Tables:
    """Return a set in force with the entries of a delta added or put in their place.

    Args:
        live: The generation in force.
        new: The tables of one set: its entries are added, or replace those of the same
            id.
        without: Ids of the entries to leave out.
    """
    (info,) = new.sets
    half = live.half_with(info.name)
    old = None if half is None else half.tables_with_exact()
    if old is None or all(it.name != info.name for it in old.sets):
        return new
    gone = {new.entries.id_of(row) for row in range(len(new.entries))}
    gone.update(without)
    # A withdrawn entry does not belong to the set any more: only a later set may list
    # it.
    gone.update(live.changes.withdrawn(info.name))
    kept = _kept(old, info.name, gone)
    both = joined(kept, new)
    one_set = np.zeros(len(both.entries), np.uint16)
    tables = replace(both, entries=replace(both.entries, sets=one_set))
    before = next(it for it in old.sets if it.name == info.name)
    return replace(tables, sets=(_counted(tables, info, kept, before.counts),))


def _kept(old: Tables, name: str, gone: Collection[str]) -> Tables:
    position = [info.name for info in old.sets].index(name)
    keep = old.entries.sets == position
    keep[[row for row, _ in rows_with_ids(old, name, gone)]] = False
    others = {info.name for info in old.sets} - {name}
    return with_entries(old, keep, gone=others)


def _counted(tables: Tables, info: SetInfo, kept: Tables, before: Counts) -> SetInfo:
    counts: dict[str, dict[str, int]] = {word: {} for word in tables.categories}
    _count(counts, tables, ENTRIES, tables.entries.categories)
    for (kind, _), table in tables.perceptual.items():
        categories = tables.entries.categories.take(table.entries)
        _count(counts, tables, kind.value, categories)
    for word, by_type in _digests(kept, before).items():
        for name, number in by_type.items():
            counts[word][name] = counts[word].get(name, 0) + number
    for word, said in info.counts.items():
        for name in _EXACT_NAMES & said.keys():
            counts[word][name] = counts[word].get(name, 0) + said[name]
    return replace(
        info,
        entries=len(tables.entries),
        counts={word: by_type for word, by_type in counts.items() if by_type},
        exact_alone=exact_alone(tables.entries, tables.perceptual),
    )


def _count(
    counts: dict[str, dict[str, int]],
    tables: Tables,
    what: str,
    categories: "np.typing.NDArray[np.uint16]",
) -> None:
    numbers = np.bincount(categories, minlength=len(tables.categories)).tolist()
    for word, number in zip(tables.categories, numbers, strict=True):
        if number:
            counts[word][what] = counts[word].get(what, 0) + number


def _digests(kept: Tables, before: Counts) -> dict[str, dict[str, int]]:
    """Return by category how many digests of each type are kept, by their share."""
    categories = kept.entries.categories.take(kept.exact.entries)
    numbers = np.bincount(categories, minlength=len(kept.categories)).tolist()
    found: dict[str, dict[str, int]] = {}
    for word, number in zip(kept.categories, numbers, strict=True):
        said = {n: c for n, c in before.get(word, {}).items() if n in _EXACT_NAMES}
        total = sum(said.values())
        if number and total:
            shares = {
                name: round(count * number / total) for name, count in said.items()
            }
            found[word] = {name: share for name, share in shares.items() if share}
    return found
