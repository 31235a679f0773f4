"""The state of choosing a folder: the folder that is open, and the page it is for."""

from pathlib import Path
from typing import Final

from uploadfilter.errors import UsageError
from uploadfilter.issuing.page import folders, forms

_MOST_DIGITS: Final = len(str(folders.MOST_LISTED))
"""Most digits of a folder's number: Python may refuse to parse much longer ones."""


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
        """Begin to choose.

        Args:
            known: The folder that was chosen before.
            back: The page that the folder is chosen for.
        """
        self.at = known or self.at
        self.back = back

    def go(self, where: str, found: forms.Fields) -> None:
        """Open another folder.

        Args:
            where: ``up``, ``typed`` or the number of a folder in the list.
            found: The form, which states the list that the number refers to.

        Raises:
            UsageError: There is no such folder.
        """
        if where == "up":
            self.at = self.at.parent
            return
        if where == "typed":
            self.at = folders.typed(forms.text(found, "path"))
            return
        # Two tabs may show two lists; each form states its own.
        is_number = where.isdecimal() and len(where) <= _MOST_DIGITS
        if not is_number or forms.text(found, "here") != folders.mark(self.at):
            raise UsageError("the list has changed", hint="Choose once more.")
        self.at = folders.listed(self.at).into(int(where))
