"""Write a file over several runs, each of which continues where the last one stopped.

::

    x.part    the lines so far
    x.done    for each finished item its mark, the length of x.part, and a word

Rules this module keeps: finished items are known by marks, never by names; an item that
an interrupted run did not finish is cut off in both files.
"""

import contextlib
import errno
import hashlib
import os
import re
from collections.abc import Callable, Iterator
from io import BufferedWriter
from pathlib import Path
from typing import Final

from uploadfilter.errors import UploadFilterError

_NOTE: Final = re.compile(r"([^ \n]+) ([0-9]{1,18}) ([^\n]*)\n")


class UnfinishedFile:
    """The two files beside a file that is not complete yet.

    Args:
        path: The path of the complete file; it must not exist yet.
        read: Gets the word of each finished item of an earlier run, and returns whether
            it is valid. Items after an invalid one count as not finished.

    Raises:
        FileExistsError: The complete file exists.
        OSError: The two files cannot be read or written.
    """

    def __init__(self, path: Path, read: Callable[[str], bool]) -> None:
        self._path = path
        self.part = path.with_name(path.name + ".part")
        self._log = path.with_name(path.name + ".done")
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
        self._done: set[str] = set()
        self._resume(read)
        self._lines, self._notes = _opened(self.part), _opened(self._log)

    def is_done(self, mark: str) -> bool:
        """Return whether an earlier run has done an item."""
        return mark in self._done

    def add(self, mark: str, line: bytes, word: str) -> None:
        """Store the result of one item.

        Args:
            mark: The mark of the item, see ``mark_of``.
            line: The line that it adds, with its line end; empty for no line.
            word: The result, in one line.

        Raises:
            OSError: It cannot be written.
        """
        if line:
            self._lines.write(line)
            self._lines.flush()
        self._notes.write(f"{mark} {self._lines.tell()} {word}\n".encode())
        self._notes.flush()

    def put_in_place(self) -> None:
        """Turn the lines into the complete file, durably.

        Raises:
            OSError: It cannot be written.
        """
        os.fsync(self._lines.fileno())
        self.close()
        self.part.rename(self._path)
        self._log.unlink()

    def remove(self) -> None:
        """Remove both files, after the complete file was written.

        Raises:
            OSError: They cannot be removed.
        """
        self.part.unlink()
        self._log.unlink()

    def close(self) -> None:
        """Close the files; finished items stay finished."""
        for file in (self._lines, self._notes):
            # An error of a full disk was raised when the line was added.
            with contextlib.suppress(OSError):
                file.close()

    def _resume(self, read: Callable[[str], bool]) -> None:
        """Read the finished items of an earlier run; cut off an unfinished one."""
        length = self.part.stat().st_size if self.part.exists() else 0
        end = whole = 0
        if self._log.exists():
            with self._log.open("rb") as file:
                for line in file:
                    found = _NOTE.fullmatch(line.decode("utf-8", "replace"))
                    # After a power cut, a note may exist without its line.
                    if found is None or int(found[2]) > length or not read(found[3]):
                        break
                    self._done.add(found[1])
                    end = int(found[2])
                    whole += len(line)
            os.truncate(self._log, whole)
        if self.part.exists():
            os.truncate(self.part, end)


@contextlib.contextmanager
def translated(path: Path, error: type[UploadFilterError]) -> Iterator[None]:
    """Raise what ``UnfinishedFile`` raises as an error of the caller.

    Args:
        path: The file that is being made.
        error: The class of the error.

    Raises:
        UploadFilterError: The file exists, or something cannot be read or written.
    """
    try:
        yield
    except FileExistsError as exc:
        raise error(
            f"{str(path)!r} exists already",
            hint="Name another file, or remove it.",
        ) from exc
    except OSError as exc:
        raise error(
            f"cannot write {str(path)!r}: {exc.strerror}",
            hint="Make room on the disk, or check that the folder is writable. Run the "
            "command again then: it goes on where it stopped.",
        ) from exc


def mark_of(path: str, status: os.stat_result) -> str:
    """Return the mark by which a file counts as done; it does not hold the name."""
    what = f"{path}\0{status.st_size}\0{status.st_mtime_ns}"
    digest = hashlib.blake2b(what.encode("utf-8", "surrogateescape"), digest_size=16)
    return digest.hexdigest()


def _opened(path: Path) -> BufferedWriter:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    return os.fdopen(fd, "ab")
