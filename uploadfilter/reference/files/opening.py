"""Open a generation from its files, for readers, the writer and the check."""

from collections.abc import Callable
from pathlib import Path

from uploadfilter.errors import StoreCorruptError, StoreKeyError
from uploadfilter.reference.entries.secret import Secret
from uploadfilter.reference.files import keys, layout
from uploadfilter.reference.files.base import Meta, read_meta, read_tables
from uploadfilter.reference.files.generation import MappedGeneration
from uploadfilter.reference.files.layered import LayeredGeneration
from uploadfilter.reference.files.layout import Current
from uploadfilter.reference.files.mapping import Mapped, open_mapped
from uploadfilter.reference.files.overlay import read_overlay

Clock = Callable[[], float]
"""Returns the seconds since the epoch."""


def open_generation(
    path: Path,
    current: Current,
    *,
    clock: Clock,
    verify: bool = False,
    previous: LayeredGeneration | None = None,
) -> LayeredGeneration | None:
    """Open a generation.

    Args:
        path: The reference directory.
        current: The record that names its base and overlay.
        clock: Seconds since the epoch; ends suppressions.
        verify: Compare every byte with the check values, however large the base is.
        previous: An open generation; its base is used again if it is the same.
            Otherwise LMDB touches every page of each column that it reads, which takes
            0.2 s for ten million entries.

    Returns:
        The generation, or ``None`` if one of its directories does not exist.

    Raises:
        StoreCorruptError: A file is damaged.
        StoreVersionError: A newer version of this program wrote it.
        StoreKeyError: The key is missing, or belongs to another installation.
        StoreError: A file cannot be read.
    """
    secret = keys.read_secret(path)
    overlay_path = path / layout.OVERLAYS / str(current.overlay.number)
    overlay = open_mapped(overlay_path, current.overlay, verify=verify)
    base_path = path / layout.BASES / str(current.base.number)
    base = open_mapped(base_path, current.base, verify=verify)
    if base is None or overlay is None:
        return None
    base_meta = read_meta(base)
    _check_secret(path, secret, base_meta)
    added, changes = read_overlay(overlay)

    def half(mapped: Mapped, meta: Meta) -> MappedGeneration:
        return MappedGeneration(
            current.generation,
            tables=read_tables(mapped, meta),
            secret=secret,
            base=mapped,
            overlay=mapped,
        )

    is_same = previous is not None and previous.lies_on(base)
    return LayeredGeneration(
        current,
        base=previous.base if previous and is_same else half(base, base_meta),
        additions=None if added is None else half(overlay, added),
        changes=changes,
        mapped=(base, overlay),
        clock=clock,
    )


def _check_secret(path: Path, secret: Secret, meta: Meta) -> None:
    if meta.secret != secret.check_value():
        raise StoreKeyError(
            f"the key in {str(path)!r}, or the one given by {keys.KEY_VARIABLE} or a "
            "credential, is not the one that the reference set was written with",
            hint="Restore the key that belongs to this reference directory, or unset "
            f"{keys.KEY_VARIABLE}.",
        )


def lacks_directories(path: Path, number: int) -> StoreCorruptError:
    """Return the error for a generation whose directories do not exist."""
    return layout.corrupt(path, f"lacks the directories of generation {number}")
