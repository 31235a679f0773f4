"""Read a hash set, and list what may be matched."""

import io
from collections.abc import Sequence

from uploadfilter.hashsets import formats
from uploadfilter.hashsets.exporting import entries_of
from uploadfilter.hashsets.formats import NOTHING_SAID, KnownBefore
from uploadfilter.hashsets.lines.items import IdOf
from uploadfilter.hashsets.tally import Tally
from uploadfilter.model import Entry, SignalType


def read(
    data: bytes,
    *,
    categories: Sequence[str] | None = ("A",),
    said: KnownBefore = NOTHING_SAID,
) -> tuple[list[str], Tally]:
    """Read a file; return the ids of its entries: the value where it states no id."""
    found, tally = read_entries(data, categories=categories, said=said, id_of=hex_id)
    return [entry.id for entry in found], tally


def read_entries(
    data: bytes,
    *,
    categories: Sequence[str] | None = ("A",),
    said: KnownBefore = NOTHING_SAID,
    id_of: IdOf,
) -> tuple[list[Entry], Tally]:
    """Read a file; return its entries."""
    tally = Tally()
    items = formats.read(
        io.BufferedReader(io.BytesIO(data)),
        categories=None if categories is None else frozenset(categories),
        tally=tally,
        said=said,
        id_of=id_of,
    )
    return list(entries_of(items)), tally


def hex_id(_kind: SignalType, value: bytes) -> str:
    """Return the value as the id."""
    return value.hex()
