"""Choose a folder of this machine on a page.

Rules this module keeps: only folders are listed, never a file; a name that is no text
is shown escaped and still works; what a form sends is a number out of the list, or a
path that somebody typed, and never believed to exist.
"""

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from uploadfilter.errors import UsageError

MOST_LISTED: Final = 500
"""Folders that are listed; of more, people type the path."""

MOST_PATH_BYTES: Final = 4096
"""As Linux has it (``PATH_MAX``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A folder, and the folders in it.

    Attributes:
        path: The folder.
        inner: The names of those in it, in order.
        more: How many are not listed.
    """

    path: Path
    inner: tuple[str, ...]
    more: int = 0

    def into(self, number: int) -> Path:
        """Return the folder with a number out of the list.

        Raises:
            UsageError: There is none.
        """
        if not 0 <= number < len(self.inner):
            raise UsageError("there is no such folder", hint="Choose from the list.")
        return self.path / self.inner[number]


def listed(path: Path) -> Listed:
    """Return what folders are in a folder.

    Raises:
        UsageError: It is no folder, or cannot be read.
    """
    try:
        with os.scandir(path) as entries:
            names = sorted(
                entry.name
                for entry in entries
                if not entry.name.startswith(".") and _is_folder(entry)
            )
    except (OSError, ValueError) as exc:
        why = exc.strerror if isinstance(exc, OSError) else str(exc)
        raise UsageError(
            f"cannot look into {shown(path)!r}: {why}",
            hint="Check the path, and that the user of this page may read the folder.",
        ) from exc
    more = max(0, len(names) - MOST_LISTED)
    return Listed(path=path, inner=tuple(names[:MOST_LISTED]), more=more)


def typed(text: str) -> Path:
    """Return the folder that somebody typed.

    Raises:
        UsageError: It is no absolute path of a folder.
    """
    path = _typed(text)
    check(path)
    return path


def typed_file(text: str) -> Path:
    """Return the file that somebody typed.

    Raises:
        UsageError: It is no absolute path of a file.
    """
    path = _typed(text)
    if not stat.S_ISREG(_mode(path)):
        raise UsageError(f"{shown(path)!r} is no file", hint="Name the file itself.")
    return path


def _typed(text: str) -> Path:
    if not text:
        raise UsageError("no path was typed", hint="Type one, or choose from the list.")
    if len(os.fsencode(text)) > MOST_PATH_BYTES or "\0" in text:
        raise UsageError("this is no path", hint="Choose from the list.")
    path = Path(text)
    if not path.is_absolute():
        raise UsageError(
            f"{text!r} does not begin with '/'",
            hint="Type the whole path, such as /media/stick/pictures.",
        )
    # Without '..': what is shown is where it is.
    return Path(os.path.normpath(path))


def check(path: Path) -> None:
    """Refuse what is no folder.

    Raises:
        UsageError: It is none, or cannot be reached.
    """
    if not stat.S_ISDIR(_mode(path)):
        raise UsageError(f"{shown(path)!r} is no folder", hint="Name its folder.")


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except OSError as exc:
        raise UsageError(
            f"cannot use {shown(path)!r}: {exc.strerror}",
            hint="Check the path; is the stick still there?",
        ) from exc


def shown(path: Path | str) -> str:
    r"""Return a path as people may read it; what is no text is written as ``\xNN``."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in text
    )


def mark(path: Path) -> str:
    """Return what tells a folder from others, and says nothing of its name."""
    return hashlib.blake2b(os.fsencode(path), digest_size=8).hexdigest()


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
