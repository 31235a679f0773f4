"""Find and open the files that a command was pointed at.

Rules this module keeps: what was named or found is always reported, also when it cannot
be read; nothing is opened but regular files, so that a pipe never hangs and a device is
never touched; symbolic links to folders are not followed while walking, so that there
are no loops and no way out of the folder that was named.

The order is that of the arguments and, within a folder, of the names. To sort, the
names of one folder and of those above it are held in memory, never more.
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
"""Types that Python's own table has only in later versions, or not at all."""

_CODED = {"br": "application/x-brotli"}
"""Codings that the bytes do not tell; of others it does not matter what is inside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFile:
    """One thing that was named or found.

    Attributes:
        path: As it was named, or the named folder and what follows.
        problem: Why it cannot be scanned: ``UNREADABLE``, or ``NOT_INSPECTED`` for
            what is no regular file; ``None`` if it may be opened.
        detail: What the system says, for people; empty without a problem.
    """

    path: str
    problem: Reason | None = None
    detail: str = ""


def find(arguments: Iterable[str]) -> Iterator[FoundFile]:
    """Yield every file that was named, or lies in a folder that was named.

    Args:
        arguments: Paths of files and folders. A symbolic link that is named itself is
            followed, also to a folder.

    Yields:
        Files and whatever cannot be scanned, in order.
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
        A file descriptor, which the caller closes.

    Raises:
        OSError: It cannot be opened, or is no regular file any more.
    """
    # Without O_NONBLOCK, opening a pipe would wait for a writer for ever.
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return handle
    os.close(handle)
    raise OSError(0, "not a regular file any more")


def type_guesser() -> Callable[[str], str | None]:
    """Return a function from a path to the media type that its suffix declares.

    The system's own tables are left out: the same file must be scanned alike on every
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
    """Yield what lies in a folder and in the folders below it, in order of names."""
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
    """Yield what lies in one folder; folders in it as their paths."""
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError as exc:
        yield _unreadable(folder, exc)
        return
    yield from map(_entry, found)


def _entry(entry: "os.DirEntry[str]") -> FoundFile | str:
    """Return what one entry of a folder is; a folder as its path."""
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
    """Return a file, with its problem if it is no regular one."""
    if stat.S_ISREG(mode):
        return FoundFile(path=path)
    return FoundFile(
        path=path, problem=Reason.NOT_INSPECTED, detail="not a regular file or folder"
    )


def _unreadable(path: str, exc: OSError | ValueError) -> FoundFile:
    """Return something that cannot be read, with what the system says."""
    detail = exc.strerror if isinstance(exc, OSError) else None
    return FoundFile(path=path, problem=Reason.UNREADABLE, detail=detail or str(exc))
