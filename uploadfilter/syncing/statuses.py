"""Read what the state directory holds about signed sets: statuses, and canaries' notes.

Nothing here loads the code that verifies signatures, which takes long.
"""

import contextlib
import os
from pathlib import Path
from typing import Final

import msgspec

from uploadfilter.signedsets.canaries import CanaryNote, read_note
from uploadfilter.signedsets.freshness import Status

SIGNED: Final = "signed"
"""Folder of trusted roots in the state directory."""

STATUS_FILE: Final = "status.json"
"""The result of the last sync, in the folder of a set."""

NOTE: Final = "canary.json"
"""A proxy's note about canaries, in the folder of its instance."""

_MOST_STATUS_BYTES: Final = 1 << 20


def signed_folders(state: Path) -> tuple[Path, ...]:
    """Return the folders of the signed sets of a state directory, by name."""
    try:
        names = sorted(entry.name for entry in os.scandir(state / SIGNED))
    except OSError:
        return ()
    return tuple(state / SIGNED / name for name in names)


def read_status(path: Path) -> Status | None:
    """Return the status of a set; ``None`` if it cannot be read."""
    try:
        with (path / STATUS_FILE).open("rb") as file:
            return msgspec.json.decode(file.read(_MOST_STATUS_BYTES), type=Status)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def read_statuses(state: Path) -> tuple[Status, ...]:
    """Return the statuses of all signed sets of a state directory."""
    found = map(read_status, signed_folders(state))
    return tuple(it for it in found if it is not None)


def notes(state: Path) -> tuple[CanaryNote, ...]:
    """Return the notes of a state directory's proxies about canaries."""
    paths = sorted((state / "instances").glob(f"*/{NOTE}"))
    found = []
    for path in paths:
        with contextlib.suppress(OSError):
            found.append(read_note(path.read_bytes()))
    return tuple(found)


def last_found(state: Path) -> dict[str, int]:
    """Return when the canaries of each set were last found, since the epoch."""
    found: dict[str, int] = {}
    for note in notes(state):
        for name, at in note.found.items():
            found[name] = max(at, found.get(name, at))
    return found
