"""Read a hash set, and list what may be matched."""

import io
from collections.abc import Sequence

from uploadfilter.hashsets import formats
from uploadfilter.hashsets.lines.listblocks import ListedBlock
from uploadfilter.hashsets.lines.lists import ListedSignal
from uploadfilter.hashsets.tally import Tally
from uploadfilter.model import Entry, SignalType
from uploadfilter.reference.entries.collecting import EntryBlock


def read(
    data: bytes,
    *,
    categories: Sequence[str] | None = ("A",),
    signal_type: SignalType | None = None,
) -> tuple[list[str], Tally]:
    """Read a file; return the values or ids of the entries that may be matched."""
    tally = Tally()
    items = formats.read(
        io.BufferedReader(io.BytesIO(data)),
        categories=None if categories is None else frozenset(categories),
        signal_type=signal_type,
        tally=tally,
        tick=lambda: None,
    )
    return [name for item in items for name in names_of(item)], tally


def names_of(item: Entry | EntryBlock | ListedSignal | ListedBlock) -> list[str]:
    """Return the ids of entries, or the value of a listed signal."""
    if isinstance(item, EntryBlock):
        return list(item.ids)
    if isinstance(item, ListedBlock):
        return [it.value.hex() for it in item.signals()]
    return [item.id if isinstance(item, Entry) else item.value.hex()]
