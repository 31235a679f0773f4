"""Where somebody is who chooses a folder: in which one, and for what."""

from pathlib import Path
from typing import Final

from uploadfilter.errors import UsageError
from uploadfilter.issuing.page import folders, forms

_MOST_DIGITS: Final = len(str(folders.MOST_LISTED))
"""Of the number of a folder: longer ones Python may refuse to read at all."""


class Chooser:
    """Goes from folder to folder.

    Attributes:
        at: The folder whose folders are shown.
        back: The page for which one is chosen.
    """

    def __init__(self) -> None:
        self.at = Path.home()
        self.back = "/"

    def begin(self, known: Path | None, *, back: str) -> None:
        """Begin to choose.

        Args:
            known: What was chosen before.
            back: The page for which it is.
        """
        self.at = known or self.at
        self.back = back

    def go(self, where: str, found: forms.Fields) -> None:
        """Go somewhere else.

        Args:
            where: ``up``, ``typed`` or the number of a folder out of the list.
            found: The form, which says which list it was.

        Raises:
            UsageError: There is no such folder.
        """
        if where == "up":
            self.at = self.at.parent
            return
        if where == "typed":
            self.at = folders.typed(forms.text(found, "path"))
            return
        # Of two pages in two tabs, each says where it was.
        is_number = where.isdecimal() and len(where) <= _MOST_DIGITS
        if not is_number or forms.text(found, "here") != folders.mark(self.at):
            raise UsageError("the list has changed", hint="Choose once more.")
        self.at = folders.listed(self.at).into(int(where))
