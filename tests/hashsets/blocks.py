"""Entries of a block, one by one, for tests."""

from uploadfilter.model import Entry, EntrySignal, Signal, SignalType
from uploadfilter.reference.entries.collecting import EntryBlock
from uploadfilter.reference.entries.tables import UNKNOWN_QUALITY


def entries_in(block: EntryBlock) -> list[Entry]:
    """Return the entries of a block."""
    signals: list[list[EntrySignal]] = [[] for _ in block.ids]
    for kind, column in block.signals.items():
        for at, row in enumerate(column.rows.tolist()):
            quality = column.quality[at] if column.quality else UNKNOWN_QUALITY
            signals[row].append(
                EntrySignal(
                    signal=_signal(kind, column.values, at),
                    quality=None if quality == UNKNOWN_QUALITY else quality,
                )
            )
    return [
        Entry(
            id=block.ids[row],
            category=block.categories[row],
            signals=tuple(signals[row]),
            exact_only=bool(block.exact_only[row]),
        )
        for row in range(len(block))
    ]


def _signal(kind: SignalType, values: bytes, at: int) -> Signal:
    width = kind.width_bytes
    return Signal(type=kind, value=values[at * width : (at + 1) * width])
