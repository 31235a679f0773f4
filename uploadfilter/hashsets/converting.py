"""Convert a file of any supported format into JSON lines, or a list.

The new file appears whole, or not at all. It holds the entries of the old one, so only
its owner may read it.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from uploadfilter.errors import HashSetError
from uploadfilter.hashsets import formats
from uploadfilter.hashsets.exporting import entries_of, id_of, json_lines, listed
from uploadfilter.hashsets.formats import NOTHING_SAID, KnownBefore
from uploadfilter.hashsets.importing import (
    Progress,
    checked_categories,
    ticking,
)
from uploadfilter.hashsets.opening import opened
from uploadfilter.hashsets.refusing import BadLines, check_outcome
from uploadfilter.hashsets.tally import Tally
from uploadfilter.model import SignalType

_MODE: Final = 0o600
_PART: Final = ".part"


def convert_file(
    path: Path,
    new: Path,
    *,
    categories: Sequence[str],
    only: SignalType | None = None,
    said: KnownBefore = NOTHING_SAID,
    bad_lines: BadLines = BadLines.REFUSE,
    progress: Progress | None = None,
) -> Tally:
    """Write the allowed entries of a file into a new one.

    Args:
        path: A file in a supported format.
        new: Must not be there yet.
        categories: Those that are allowed; for a list exactly one, which it gets.
        only: The type that a list of one type is made of; ``None``: JSON lines.
        said: The options for the file.
        bad_lines: How to treat a file with malformed lines.
        progress: Told how far the reading is.

    Returns:
        The survey of the file.

    Raises:
        UsageError: The categories cannot be used.
        HashSetFormatError: The file is malformed, or holds nothing to be accepted.
        HashSetError: A file cannot be read or written, or the new one is there already.
    """
    allowed = checked_categories(categories)
    tally = Tally()
    with _new_file(new) as out, opened(path) as (file, raw):
        items = formats.read(
            file,
            categories=allowed,
            tally=tally,
            said=said,
            id_of=id_of,
            tick=ticking(file, progress),
        )
        entries = entries_of(items)
        out.writelines(json_lines(entries) if only is None else listed(entries, only))
        tally.sha256 = raw.sha256()
        check_outcome(str(path), tally, bad_lines)
    tally.hide_remarks(allowed)
    return tally


@contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    """Yield a file that gets its final name when the block has succeeded."""
    part = path.with_name(f"{path.name}{_PART}")
    if path.exists():
        raise HashSetError(
            f"{str(path)!r} is there already",
            hint="Name a file that is not, or remove it.",
        )
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
    except OSError as exc:
        raise _unwritable(part, exc) from exc
    try:
        with os.fdopen(handle, "wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        part.rename(path)
    except OSError as exc:
        raise _unwritable(path, exc) from exc
    finally:
        with suppress(FileNotFoundError):
            part.unlink()


def _unwritable(path: Path, exc: OSError) -> HashSetError:
    return HashSetError(
        f"cannot write {str(path)!r}: {exc.strerror}",
        hint="Check the path, that this user may write there, and the space.",
    )
