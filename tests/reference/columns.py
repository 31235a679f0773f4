"""Tables made of entries, and entries read back from tables, for tests."""

from collections.abc import Sequence

from uploadfilter.model import Entry, EntrySignal, Signal, SignalType
from uploadfilter.reference.entries.collecting import TableBuilder
from uploadfilter.reference.entries.secret import SECRET_BYTES, Secret
from uploadfilter.reference.entries.sets import LOCAL_ISSUER, SetInfo
from uploadfilter.reference.entries.tables import UNKNOWN_QUALITY, Tables

SECRET = Secret(bytes(SECRET_BYTES))


def info_of(name: str) -> SetInfo:
    """Return the facts about a set before its entries are counted."""
    return SetInfo(
        name=name, issuer=LOCAL_ISSUER, categories=("A",), enforced=True, imported_at=0
    )


def tables_of(name: str, entries: Sequence[Entry]) -> Tables:
    """Return the tables of one set."""
    builder = TableBuilder(SECRET.exact_key)
    for entry in entries:
        builder.add(entry)
    return builder.finish(info_of(name))


def perceptual_of(tables: Tables) -> list[tuple[str, str, EntrySignal]]:
    """Return set, entry id and signal of every perceptual signal, sorted."""
    found = []
    for (signal_type, geometry), table in tables.perceptual.items():
        for row in range(len(table)):
            entry = int(table.entries[row])
            value = b"".join(int(lane[row]).to_bytes(8) for lane in table.lanes)
            quality = int(table.quality[row])
            item = EntrySignal(
                signal=Signal(type=signal_type, value=value),
                quality=None if quality == UNKNOWN_QUALITY else quality,
                geometry=geometry,
                window=tables.windows[table.windows[row]],
            )
            name = tables.sets[tables.entries.sets[entry]].name
            found.append((name, tables.entries.id_of(entry), item))
    return sorted(found, key=repr)


def exact_of(tables: Tables) -> list[tuple[bytes, str, str]]:
    """Return key, set and entry id of every exact signal, in the order stored."""
    exact = tables.exact
    return [
        (
            int(exact.high[at]).to_bytes(8) + int(exact.low[at]).to_bytes(8),
            tables.sets[tables.entries.sets[row]].name,
            tables.entries.id_of(row),
        )
        for at, row in enumerate(exact.entries.tolist())
    ]


def entries_of(tables: Tables) -> list[tuple[str, str, str, bool]]:
    """Return set, id, category and exact-only of every entry, in the order stored."""
    entries = tables.entries
    return [
        (
            tables.sets[entries.sets[row]].name,
            entries.id_of(row),
            tables.categories[entries.categories[row]],
            bool(entries.exact_only[row]),
        )
        for row in range(len(entries))
    ]


def key_of(signal_type: SignalType, value: bytes) -> bytes:
    """Return the stored key of an exact signal."""
    return SECRET.exact_key(signal_type, value)
