"""Choose a folder of this machine on a page.

Rules this module keeps: only folders are listed, never a file; a name that is not valid
text is shown escaped and still works; a form sends a number from the list, or a path
that somebody typed, which may not exist.
"""

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from uploadfilter.errors import UsageError
from uploadfilter.issuing.page import forms
from uploadfilter.issuing.wording import shown

MOST_LISTED: Final = 500
"""Folders that are listed; if there are more, people can type the path."""

_MOST_DIGITS: Final = len(str(MOST_LISTED))
"""Most digits of a folder's number: Python may refuse to parse much longer ones."""

MOST_PATH_BYTES: Final = 4096
"""Longest path on Linux (``PATH_MAX``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedFolder:
    """A folder, and the folders in it.

    Attributes:
        path: The folder.
        inner: The names of the folders in it, in order.
        more: How many folders are not listed.
    """

    path: Path
    inner: tuple[str, ...]
    more: int = 0

    def into(self, number: int) -> Path:
        """Return the folder with a number of the list."""
        if not 0 <= number < len(self.inner):
            raise UsageError("there is no such folder", hint="Choose from the list.")
        return self.path / self.inner[number]


def listed(path: Path) -> ListedFolder:
    """Return the folders in a folder."""
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
            f"cannot read the folder {shown(path)!r}: {why}",
            hint="Check the path, and that the user of this page may read the folder.",
        ) from exc
    more = max(0, len(names) - MOST_LISTED)
    return ListedFolder(path=path, inner=tuple(names[:MOST_LISTED]), more=more)


def typed(text: str) -> Path:
    """Return the folder that somebody typed."""
    path = _typed(text)
    check(path)
    return path


def typed_file(text: str) -> Path:
    """Return the file that somebody typed."""
    path = _typed(text)
    if not stat.S_ISREG(_mode(path)):
        raise UsageError(f"{shown(path)!r} is not a file", hint="Name the file itself.")
    return path


def _typed(text: str) -> Path:
    if not text:
        raise UsageError("no path was typed", hint="Type one, or choose from the list.")
    if len(os.fsencode(text)) > MOST_PATH_BYTES or "\0" in text:
        raise UsageError("this is not a path", hint="Choose from the list.")
    path = Path(text)
    if not path.is_absolute():
        raise UsageError(
            f"{text!r} does not begin with '/'",
            hint="Type the whole path, such as /media/stick/pictures.",
        )
    # Without '..': the path that is shown is the path that is used.
    return Path(os.path.normpath(path))


def check(path: Path) -> None:
    """Refuse a path that is not a folder."""
    if not stat.S_ISDIR(_mode(path)):
        raise UsageError(f"{shown(path)!r} is not a folder", hint="Name its folder.")


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except OSError as exc:
        raise UsageError(
            f"cannot use {shown(path)!r}: {exc.strerror}",
            hint="Check the path; is the stick still there?",
        ) from exc


def mark(path: Path) -> str:
    """Return a digest of a path, which does not disclose its name."""
    return hashlib.blake2b(os.fsencode(path), digest_size=8).hexdigest()


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


class Chooser:
    """Goes from folder to folder.

    Attributes:
        at: The folder whose folders are shown.
        back: The page that the folder is chosen for.
    """

    def __init__(self) -> None:
        self.at = Path.home()
        self.back = "/"

    def begin(self, known: Path | None, *, back: str) -> None:
        """Begin to choose."""
        self.at = known or self.at
        self.back = back

    def go(self, where: str, found: forms.Fields) -> None:
        """Open another folder.

        Args:
            where: ``up``, ``typed`` or the number of a folder in the list.
            found: The form, which states the list that the number refers to.
        """
        if where == "up":
            self.at = self.at.parent
            return
        if where == "typed":
            self.at = typed(forms.text(found, "path"))
            return
        # Two tabs may show two lists; each form states its own.
        is_number = where.isdecimal() and len(where) <= _MOST_DIGITS
        if not is_number or forms.text(found, "here") != mark(self.at):
            raise UsageError("the list has changed", hint="Choose once more.")
        self.at = listed(self.at).into(int(where))
