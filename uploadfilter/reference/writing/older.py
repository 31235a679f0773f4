"""Take ``tripwire.json`` of earlier versions into the table of entries that are off.

This module goes after the release that brings the table.
"""

import contextlib
from pathlib import Path
from typing import Final

import msgspec

from uploadfilter.reference.entries.changes import ChangeKind
from uploadfilter.reference.entries.older import Demotions, changes_with
from uploadfilter.reference.writing.committing import Committer

FILE: Final = "tripwire.json"
_LOCK: Final = "tripwire.lock"


def take_demotions(committer: Committer, state: Path) -> None:
    """Put the demotions of a state directory into the table, and delete their file.

    A crash between the two does it again, which changes nothing. A damaged file demotes
    nothing, as in earlier versions.

    Raises:
        StoreError: The table could not be written; nothing has changed.
    """
    try:
        data = (state / FILE).read_bytes()
    except OSError:
        return
    before = committer.live.changes
    changes = before
    with contextlib.suppress(ValueError, KeyError):
        changes = changes_with(before, msgspec.json.decode(data, type=Demotions))
    if changes != before:
        committer.advance(ChangeKind.DEMOTE, FILE, changes=changes)
    with contextlib.suppress(OSError):
        for name in (FILE, _LOCK):
            (state / name).unlink(missing_ok=True)
