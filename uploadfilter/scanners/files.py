"""Find and open the files that a command was given.

Rules this module keeps: every named or found file is reported, also if it cannot be
read; only regular files are opened, so that a pipe never hangs and a device is never
touched; symbolic links to folders are not followed within a folder, so that there are
no loops and no way out of the named folder.

The order is that of the arguments and, within a folder, that of the names. For sorting,
only the names of one folder and of the folders above it are held in memory.
"""

import mimetypes
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from uploadfilter.model import Reason

_MISSING_TYPES = {
    ".avif": "image/avif",
    ".heic": "image/heic",
    ".heif": "image/heif",
    ".jxl": "image/jxl",
    ".webp": "image/webp",
    ".lzma": "application/x-lzma",
}
"""Types that Python's table has only in later versions, or not at all."""

_CODED = {"br": "application/x-brotli"}
"""Codings that the bytes do not tell; other codings are told by their bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFile:
    """One named or found file.

    Attributes:
        path: As named, or the named folder and the path within it.
        problem: Why it cannot be scanned: ``UNREADABLE``, or ``NOT_INSPECTED`` for
            anything except a regular file; ``None`` if it may be opened.
        detail: The message of the system, for people; empty without a problem.
    """

    path: str
    problem: Reason | None = None
    detail: str = ""


def find(arguments: Iterable[str]) -> Iterator[FoundFile]:
    """Yield every named file, and every file in a named folder.

    Yields:
        Files, and everything that cannot be scanned, in order.
    """
    for argument in arguments:
        try:
            mode = os.stat(argument).st_mode  # noqa: PTH116 -- names stay as given
        except (OSError, ValueError) as exc:
            yield _unreadable(argument, exc)
            continue
        if stat.S_ISDIR(mode):
            yield from _walk(argument)
        else:
            yield _file(argument, mode)


def open_regular(path: str) -> int:
    """Open a regular file for reading.

    Args:
        path: Path of a file, which may have changed since it was found.

    Returns:
        A file descriptor, which the caller must close.

    Raises:
        OSError: It cannot be opened, or is not a regular file any more.
    """
    # Without O_NONBLOCK, opening a pipe would wait for a writer for ever.
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return handle
    os.close(handle)
    raise OSError(0, "not a regular file any more")


def type_guesser() -> Callable[[str], str | None]:
    """Return a function from a path to the media type that its suffix declares.

    The tables of the system are not used: the same file must get the same scan on every
    machine.
    """
    types = mimetypes.MimeTypes(filenames=())
    for suffix, media_type in _MISSING_TYPES.items():
        types.add_type(media_type, suffix)

    def declared_type(path: str) -> str | None:
        media_type, coding = types.guess_type(path)
        return _CODED.get(coding) if coding else media_type

    return declared_type


def _walk(folder: str) -> Iterator[FoundFile]:
    """Yield the files in a folder and in the folders below it, in order of names."""
    pending: list[Iterator[FoundFile | str]] = [_entries(folder)]
    while pending:
        item = next(pending[-1], None)
        if item is None:
            pending.pop()
        elif isinstance(item, FoundFile):
            yield item
        else:
            pending.append(_entries(item))


def _entries(folder: str) -> Iterator[FoundFile | str]:
    """Yield the files of one folder, and its folders as paths."""
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError as exc:
        yield _unreadable(folder, exc)
        return
    yield from map(_entry, found)


def _entry(entry: "os.DirEntry[str]") -> FoundFile | str:
    """Return one entry of a folder as a file, or as a path if it is a folder."""
    try:
        if entry.is_dir(follow_symlinks=False):
            return entry.path
        mode = entry.stat().st_mode
    except OSError as exc:
        return _unreadable(entry.path, exc)
    if stat.S_ISDIR(mode):
        return FoundFile(
            path=entry.path,
            problem=Reason.NOT_INSPECTED,
            detail="a symbolic link to a folder is not followed",
        )
    return _file(entry.path, mode)


def _file(path: str, mode: int) -> FoundFile:
    """Return a file, with a problem if it is not a regular file."""
    if stat.S_ISREG(mode):
        return FoundFile(path=path)
    return FoundFile(
        path=path, problem=Reason.NOT_INSPECTED, detail="not a regular file or folder"
    )


def _unreadable(path: str, exc: OSError | ValueError) -> FoundFile:
    """Return an unreadable file, with the message of the system."""
    detail = exc.strerror if isinstance(exc, OSError) else None
    return FoundFile(path=path, problem=Reason.UNREADABLE, detail=detail or str(exc))
