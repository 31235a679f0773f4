"""Reference sets of any size, made without a Python object for each signal."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import numpy as np

from uploadfilter.model import EXACT_TYPES, Entry, SignalType
from uploadfilter.reference.entries.collecting import BlockSignals, EntryBlock
from uploadfilter.reference.entries.sets import LOCAL_ISSUER, SetInfo
from uploadfilter.reference.store import ReferenceDirectory

CATEGORY: Final = "benchmark"
_BLOCK: Final = 1_000_000
_QUALITY: Final = b"d"
"""100 of 100."""


def set_info() -> SetInfo:
    """Return an enforced set of this machine."""
    return SetInfo(
        name="benchmark",
        issuer=LOCAL_ISSUER,
        categories=(CATEGORY,),
        enforced=True,
        imported_at=0,
    )


def block_of(
    values: Mapping[SignalType, bytes], count: int, first: int = 0
) -> EntryBlock:
    """Return entries with a signal of each type; the id of an entry is its number.

    Args:
        values: The values of each type, one after the other.
        count: Number of entries.
        first: Number of the first one.
    """
    rows = np.arange(count, dtype=np.uint32)
    signals = {
        kind: BlockSignals(
            rows=rows,
            values=data,
            quality=b"" if kind in EXACT_TYPES else _QUALITY * count,
        )
        for kind, data in values.items()
    }
    return EntryBlock(
        ids=[str(number) for number in range(first, first + count)],
        categories=[CATEGORY] * count,
        exact_only=bytes(count),
        signals=signals,
    )


def random_values(
    rng: np.random.Generator, count: int, *types: SignalType
) -> dict[SignalType, bytes]:
    """Return random values, far from each other, so that a whole search is done."""
    return {kind: rng.bytes(kind.width_bytes * count) for kind in types}


def list_signals(
    path: Path,
    values: Mapping[SignalType, bytes],
    count: int,
    more: Iterable[Entry] = (),
) -> None:
    """Make a reference directory of so many entries, and further ones.

    Args:
        path: The directory.
        values: The values of each type, one after the other.
        count: Number of entries.
        more: Entries in addition.
    """
    with ReferenceDirectory(path).writer() as writer:
        collected = writer.collect()
        for first in range(0, count, _BLOCK):
            part = min(_BLOCK, count - first)
            cut = {
                kind: data[first * kind.width_bytes : (first + part) * kind.width_bytes]
                for kind, data in values.items()
            }
            collected.add_block(block_of(cut, part, first))
        for entry in more:
            collected.add(entry)
        writer.replace_set(collected, set_info())
