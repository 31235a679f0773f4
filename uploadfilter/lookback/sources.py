"""The sources of looking back: the files of a folder, or the objects of a bucket.

Rules this module keeps: a file is known by its path and its version, so that a changed
file is another one; nothing is written to a source; a file that vanished or changed
while it was read is an outcome and not an error.
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from uploadfilter.scanners.files import find, open_regular


class Trouble(StrEnum):
    """Why a file of the source has no scan."""

    UNREADABLE = "unreadable"
    VANISHED = "vanished"
    CHANGED = "changed"
    NO_FILE = "no_file"


class TroubleError(Exception):
    """A file cannot be scanned; it is an outcome, which the caller counts."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.value)
        self.trouble = trouble


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One file of a source.

    Attributes:
        path: Its path below the source: the bytes of a file's path, or of a key.
        version: Changes if the content changes: time and size, or an ETag.
        trouble: Why it cannot be opened; ``None`` if it may be.
    """

    path: bytes
    size: int
    version: str
    trouble: Trouble | None = None

    @property
    def name(self) -> str:
        """The path as text, for people and for the guess of its type."""
        return os.fsdecode(self.path)


class FileSource(Protocol):
    """Files that can be listed and opened; it can be pickled."""

    @property
    def address(self) -> str:
        """The folder or address, by which a store knows its source."""

    def items(self) -> Iterator[Item]:
        """Yield every file, in a stable order."""

    def opened(self, item: Item) -> contextlib.AbstractContextManager[int]:
        """Open a file for reading, as a descriptor of a regular file.

        Raises:
            TroubleError: It vanished, changed, or cannot be read; also at the end of
                the block, if it changed during the block.
        """


@dataclass(frozen=True, slots=True)
class FolderSource:
    """The files of a folder and those below, without following links out of it.

    Attributes:
        folder: The folder, as an absolute path.
    """

    folder: str

    @property
    def address(self) -> str:
        """The folder."""
        return self.folder

    def items(self) -> Iterator[Item]:
        """Yield every file, by the names within each folder."""
        for found in find([self.folder]):
            path = os.fsencode(os.path.relpath(found.path, self.folder))
            if found.problem is not None:
                yield Item(path=path, size=0, version="", trouble=_trouble(found.path))
                continue
            try:
                status = os.stat(found.path)  # noqa: PTH116 -- names stay as given
            except FileNotFoundError:
                yield Item(path=path, size=0, version="", trouble=Trouble.VANISHED)
            except OSError:
                yield Item(path=path, size=0, version="", trouble=Trouble.UNREADABLE)
            else:
                yield Item(path=path, size=status.st_size, version=_version(status))

    @contextlib.contextmanager
    def opened(self, item: Item) -> Iterator[int]:
        """Open a file, and check before and after that it is the listed one."""
        path = os.path.join(self.folder, item.name)  # noqa: PTH118 -- names stay
        try:
            handle = open_regular(path)
        except FileNotFoundError as exc:
            raise TroubleError(Trouble.VANISHED) from exc
        except OSError as exc:
            raise TroubleError(Trouble.UNREADABLE) from exc
        try:
            _check_version(handle, item)
            yield handle
            _check_version(handle, item)
        finally:
            os.close(handle)


def _version(status: os.stat_result) -> str:
    return f"{status.st_mtime_ns}-{status.st_size}"


def _check_version(handle: int, item: Item) -> None:
    if _version(os.fstat(handle)) != item.version:
        raise TroubleError(Trouble.CHANGED)


def _trouble(path: str) -> Trouble:
    """Return why a path that was found is not a file that can be read."""
    try:
        os.stat(path)  # noqa: PTH116 -- names stay as given
    except FileNotFoundError:
        return Trouble.VANISHED
    except OSError:
        return Trouble.UNREADABLE
    return Trouble.NO_FILE
