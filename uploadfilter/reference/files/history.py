"""Keep one small file for each generation that a rollback can return to.

``generations/<n>`` holds what ``current`` said while generation *n* was in force. It is
written before ``current``, so that every generation that ever was in force has a file,
until the rule below removes it.

These are kept: the last ``KEPT_GENERATIONS`` before the current one, if they lie on the
current base or on one of the ``KEPT_BASES`` before it. Generations in which only the
table of entries that are off differs are not: the table goes along with every rollback,
so they are like the ones before them. Files are removed first, and
then the directories that no file names, unless a reader still uses them.
"""

import contextlib
import os
from collections.abc import Collection
from pathlib import Path

from uploadfilter.errors import StoreError, StoreMissingError
from uploadfilter.reference.entries.changes import OF_ROWS
from uploadfilter.reference.files import layout
from uploadfilter.reference.files.layout import Current

KEPT_GENERATIONS = 20
"""Generations kept besides the current one: a week of three syncs a day. With small
changes each takes one overlay of a few MB at most."""

KEPT_BASES = 2
"""Bases kept besides the current one, because a base takes gigabytes: the last two
large imports can be undone."""


def kept(directory: Path, current: Current) -> tuple[Current, ...]:
    """Return the generations before the current one that are kept, newest first.

    A file that cannot be read is left out: no rollback can return to its generation.
    """
    found: list[Current] = []
    bases = {current.base.number}
    numbers = layout.numbered(directory / layout.GENERATIONS)
    older = [n for n in reversed(numbers) if n < current.generation]
    for number in older:
        recorded = _read(directory, number)
        if recorded is None:
            continue
        if recorded.kind in OF_ROWS:
            continue
        bases.add(recorded.base.number)
        if len(found) == KEPT_GENERATIONS or len(bases) > KEPT_BASES + 1:
            break
        found.append(recorded)
    return tuple(found)


def _read(directory: Path, number: int) -> Current | None:
    path = directory / layout.GENERATIONS / str(number)
    try:
        recorded = layout.parse_current(path.read_bytes(), path)
    except (StoreError, OSError):
        return None
    return recorded if recorded.generation == number else None


def record(directory: Path, current: Current) -> None:
    """Write the file of a generation that is about to be put in force.

    Raises:
        OSError: It could not be written.
    """
    path = directory / layout.GENERATIONS / str(current.generation)
    layout.write_named(path, current)


def oldest(directory: Path) -> int:
    """Return a number that is not above that of any kept generation."""
    return min(layout.numbered(directory / layout.GENERATIONS), default=0)


def next_number(directory: Path, current: Current) -> int:
    """Return a number that no generation ever had, also after an older backup came."""
    kinds = (layout.GENERATIONS, layout.BASES, layout.OVERLAYS)
    taken = [n for kind in kinds for n in layout.numbered(directory / kind)]
    return max(current.generation, *taken, 0) + 1


def sweep(directory: Path) -> None:
    """Remove what crashed writers left, and generations that are not needed.

    The caller is the writer. Whatever cannot be removed now is left to the next sweep.
    """
    kinds = (layout.BASES, layout.OVERLAYS, layout.GENERATIONS)
    for folder in (directory, *(directory / kind for kind in kinds)):
        layout.sweep_leavings(folder)
    needed: tuple[Current, ...] = ()
    with contextlib.suppress(StoreMissingError):
        current, _ = layout.read_current(directory)
        needed = (current, *kept(directory, current))
    _sweep_records(directory / layout.GENERATIONS, {c.generation for c in needed})
    layout.sweep_parts(directory / layout.BASES, {c.base.number for c in needed})
    layout.sweep_parts(directory / layout.OVERLAYS, {c.overlay.number for c in needed})


def _sweep_records(folder: Path, needed: Collection[int]) -> None:
    """Remove the files of other generations, except for the highest number of all.

    A writer that crashed may have left that file, or its generation was in force before
    an older backup was restored. The number of that generation must not be used again,
    and the file is all that is left of the generation.
    """
    numbers = layout.numbered(folder)
    for number in numbers:
        path = folder / str(number)
        if number in needed:
            continue
        if number == numbers[-1]:
            os.truncate(path, 0)
        else:
            path.unlink(missing_ok=True)
