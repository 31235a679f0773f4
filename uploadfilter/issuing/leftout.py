"""List the files of a build that somebody should look at, by name, as CSV.

Entries and progress never hold the name of a file. This list does: without names,
nobody finds a damaged original among ten thousand files. It stays on the issuer's
machine, for its owner alone, and is never published.
"""

import contextlib
import csv
import os
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from io import TextIOWrapper
from pathlib import Path
from typing import Final

_ENDING: Final = ".left-out.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedFile:
    """One row of the list.

    Attributes:
        path: Path of the file, as the analyst named its folder.
        outcome: ``left out``, or ``listed`` if it became an entry all the same.
        reason: Why it is on the list, for people.
        detail: The known-good corpus that has it, or what the decoder said; may be
            empty.
    """

    path: str
    outcome: str
    reason: str
    detail: str


_HEADING: Final = tuple(it.name for it in fields(ListedFile))


class FileList:
    """The list of one build; a list without rows is not written.

    Raises:
        OSError: An older list cannot be removed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: TextIOWrapper | None = None
        path.unlink(missing_ok=True)

    def add(self, row: ListedFile) -> None:
        """Add a row.

        Raises:
            OSError: It cannot be written.
        """
        if self._file is None:
            fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            self._file = os.fdopen(
                fd, "w", encoding="utf-8", errors="surrogateescape", newline=""
            )
            csv.writer(self._file).writerow(_HEADING)
        csv.writer(self._file).writerow(astuple(row))

    def finish(self) -> None:
        """Write all rows.

        Raises:
            OSError: They cannot be written.
        """
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        """Close the file; rows of an unfinished list may be lost."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()


def list_beside(built: Path) -> Path:
    """Return the path of the list for a file of entries."""
    return built.with_name(built.stem + _ENDING)


def listed_files(path: Path) -> Iterator[ListedFile]:
    """Yield the rows of a list; none if there is no list.

    Raises:
        OSError: It cannot be read.
    """
    if path.exists():
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            for row in csv.DictReader(file):
                yield ListedFile(**{name: row.get(name) or "" for name in _HEADING})


def shown_files(path: Path, reasons: Sequence[str], most: int) -> list[ListedFile]:
    """Return the first rows of a list, sorted by their reasons."""
    by_reason: dict[str, list[ListedFile]] = {reason: [] for reason in reasons}
    for row in listed_files(path):
        rows = by_reason.setdefault(row.reason, [])
        if len(rows) < most:
            rows.append(row)
    return [row for rows in by_reason.values() for row in rows][:most]
