"""The private folder of sealed files: write files, and delete the old ones.

::

    instances/<name>/evidence/   0700
      <decision id>.sealed       0600

The id of a decision begins with its day, which decides when its file is deleted: not
the file's own time, which a copy changes.

Rules this module keeps: a file is on the disk before its name is returned; a file whose
name is not an id of a decision is left alone.
"""

import hashlib
import os
import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from uploadfilter.sealing.envelope import MOST_BYTES
from uploadfilter.state import make_private, sync_directory, write_private

SUFFIX: Final = ".sealed"
_NAME: Final = re.compile(r"(\d{8})-[0-9a-f]{20}\.sealed")


class Expired(NamedTuple):
    """A file whose days are over.

    Attributes:
        day: The day of its decision, UTC.
        sha256: SHA-256 of the file, hex; empty if it cannot be read.
    """

    path: Path
    day: date
    sha256: str


class EvidenceFolder:
    """The folder of the sealed files of one proxy.

    Args:
        path: The folder, which is made with the first file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def free_bytes(self) -> int:
        """Return the free space of the disk for this user, in bytes.

        Raises:
            OSError: The folder cannot be made or asked.
        """
        make_private(self._path)
        found = os.statvfs(self._path)
        return found.f_bavail * found.f_frsize

    def write(self, decision: str, data: bytes) -> str:
        """Write a sealed file durably, and return its SHA-256 in hex.

        Raises:
            OSError: The file is not on the disk.
        """
        write_private(self._path / f"{decision}{SUFFIX}", data)
        return hashlib.sha256(data).hexdigest()

    def discard(self, decision: str) -> None:
        """Delete the file of an upload that was not rejected after all."""
        (self._path / f"{decision}{SUFFIX}").unlink(missing_ok=True)

    def count(self, day: date) -> int:
        """Return the number of files of a day.

        Raises:
            OSError: The folder cannot be read.
        """
        if not self._path.is_dir():
            return 0
        found = (_NAME.fullmatch(it.name) for it in os.scandir(self._path))
        return sum(it is not None and _day(it[1]) == day for it in found)

    def expired(self, today: date, *, keep_days: int) -> Iterator[Expired]:
        """Yield the files whose days are over, the oldest day first.

        Args:
            today: The current day, UTC.
            keep_days: Whole days that a file is kept after its own day.

        Raises:
            OSError: The folder cannot be read.
        """
        if not self._path.is_dir():
            return
        found = sorted(it.name for it in os.scandir(self._path) if it.is_file())
        for name in found:
            matched = _NAME.fullmatch(name)
            day = None if matched is None else _day(matched[1])
            if day is not None and day + timedelta(days=keep_days) < today:
                path = self._path / name
                yield Expired(path, day, _digest(path))

    def delete(self, files: list[Expired]) -> None:
        """Delete files durably.

        Raises:
            OSError: A file cannot be deleted.
        """
        for it in files:
            it.path.unlink(missing_ok=True)
        sync_directory(self._path)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError:
        return ""
    return hashlib.sha256(data).hexdigest()
