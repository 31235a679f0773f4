"""The small half of a generation: added entries, and withdrawals from the base.

An overlay is stored like a base that holds the added entries, with one more record. So
a small change writes some kilobytes and never the base.
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from uploadfilter.reference.entries.changes import Changes
from uploadfilter.reference.entries.off import Off, Release
from uploadfilter.reference.entries.tables import Tables
from uploadfilter.reference.files.base import (
    Meta,
    decoded,
    read_meta,
    write_base,
)
from uploadfilter.reference.files.layout import FORMAT
from uploadfilter.reference.files.mapping import Mapped

OVERLAY_MOST_ROWS = 1 << 15
"""Entries, perceptual signals and exact signals that an overlay may add, together.

They are searched one after the other: 32,768 PDQ values cost 0.07 ms a query, a third
of the cost of the index of ten million. Writing them takes a quarter of a second.
"""

_CHANGES_NAME = b"changes"


class _ChangesRecord(msgspec.Struct, frozen=True, kw_only=True):
    """``Changes`` in the form in which they are stored."""

    format: int
    hidden: tuple[str, ...]
    removed: Mapping[str, int]
    monitored: tuple[str, ...]
    enforced: tuple[str, ...]
    off: tuple[Off, ...]
    released: tuple[Release, ...]


def fits(additions: Tables) -> bool:
    """Tell whether additions are few enough for an overlay."""
    signals = sum(len(table) for table in additions.perceptual.values())
    rows = len(additions.entries) + signals + len(additions.exact)
    return rows <= OVERLAY_MOST_ROWS


def write_overlay(
    path: Path, additions: Tables, changes: Changes, *, secret: str
) -> None:
    """Write an overlay into a new directory.

    Raises:
        lmdb.Error: It could not be written, for example because the disk is full.
    """
    record = _ChangesRecord(
        format=FORMAT,
        hidden=tuple(sorted(changes.hidden)),
        removed=changes.removed,
        monitored=tuple(sorted(changes.monitored)),
        enforced=tuple(sorted(changes.enforced)),
        off=changes.off,
        released=changes.released,
    )
    records = {_CHANGES_NAME: msgspec.json.encode(record)}
    write_base(path, additions, secret=secret, records=records, costs=None)


def read_overlay(mapped: Mapped) -> tuple[Meta | None, Changes]:
    """Read an overlay.

    Returns:
        The description of the entries that it adds, if there are any, and the changes.

    Raises:
        StoreVersionError: Another version wrote it.
        StoreCorruptError: The overlay is damaged.
    """
    meta = read_meta(mapped)
    record = decoded(mapped, _CHANGES_NAME, _ChangesRecord)
    changes = Changes(
        hidden=frozenset(record.hidden),
        removed=record.removed,
        monitored=frozenset(record.monitored),
        enforced=frozenset(record.enforced),
        off=record.off,
        released=record.released,
    )
    return meta if meta.sets else None, changes
