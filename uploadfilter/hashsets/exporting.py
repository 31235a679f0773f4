"""Write the entries of any supported file as JSON lines, or as a list of one type.

So a foreign file can be examined, cut and passed on in a format that every release
reads. The output has the same ids, categories and signals as the input
(``tests/hashsets/test_exporting.py``); ids that a list lacks are made of its signals.
Clauses: ``hashsets/FORMAT.md``, sections 2 and 3.
"""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Final

from uploadfilter.model import Entry, EntrySignal, Signal, SignalType
from uploadfilter.reference.entries.collecting import EntryBlock
from uploadfilter.reference.entries.tables import UNKNOWN_QUALITY
from uploadfilter.reference.search.films import FILM_WINDOW
from uploadfilter.signedsets.operations import ADD, addition

_ID_DIGITS: Final = 20
_ID_PREFIX: Final = "auto-"


def id_of(kind: SignalType, value: bytes) -> str:
    """Return an id for an entry that has none.

    The file holds the signal as well, so the id needs no secret.
    """
    digest = hashlib.sha256(kind.value.encode() + b"\0" + value).hexdigest()
    return f"{_ID_PREFIX}{digest[:_ID_DIGITS]}"


def entries_of(items: Iterable[Entry | EntryBlock]) -> Iterator[Entry]:
    """Yield the items of a file as single entries."""
    for item in items:
        if isinstance(item, EntryBlock):
            yield from _entries_of_block(item)
        else:
            yield item


def json_lines(entries: Iterable[Entry]) -> Iterator[bytes]:
    """Yield entries as JSON lines, each with its line end."""
    for entry in entries:
        yield b"{" + addition(entry).removeprefix(ADD)


def listed(entries: Iterable[Entry], kind: SignalType) -> Iterator[bytes]:
    """Yield the signals of one type, one on each line, but no frames of films."""
    for entry in entries:
        for item in entry.signals:
            if item.signal.type is kind and not item.window.startswith(FILM_WINDOW):
                yield item.signal.value.hex().encode() + b"\n"


def _entries_of_block(block: EntryBlock) -> Iterator[Entry]:
    signals: list[list[EntrySignal]] = [[] for _ in block.ids]
    for kind, found in block.signals.items():
        width = kind.width_bytes
        qualities = found.quality or bytes([UNKNOWN_QUALITY]) * len(found.rows)
        for at, (row, quality) in enumerate(
            zip(found.rows.tolist(), qualities, strict=True)
        ):
            signal = Signal(
                type=kind, value=found.values[at * width : (at + 1) * width]
            )
            stated = None if quality == UNKNOWN_QUALITY else quality
            signals[row].append(EntrySignal(signal=signal, quality=stated))
    for entry_id, category, exact_only, kept in zip(
        block.ids, block.categories, block.exact_only, signals, strict=True
    ):
        yield Entry(
            id=entry_id,
            category=category,
            signals=tuple(kept),
            exact_only=bool(exact_only),
        )
