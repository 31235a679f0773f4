"""The key of the codes: made once, shared by the proxies and forms of a machine."""

import os
import secrets
from pathlib import Path
from typing import Final

from uploadfilter.errors import ObjectionError
from uploadfilter.objecting.codes import KEY_BYTES
from uploadfilter.state import PRIVATE_FILE, make_private, sync_directory

DIRECTORY: Final = "objections"
"""Folder in the state directory, for this key, the objections and the reviewers."""

_FILE: Final = "key"


def objection_directory(state: Path) -> Path:
    """Return the folder of objections in a state directory."""
    return state / DIRECTORY


def opened_key(state: Path) -> bytes:
    """Return the key of this installation; make it if there is none.

    Several proxies may start at once: one of them makes the key, and all read it.

    Args:
        state: The state directory.

    Raises:
        ObjectionError: It cannot be read or made, or is damaged.
    """
    path = objection_directory(state) / _FILE
    try:
        if not path.exists():
            _make(path)
        key = path.read_bytes()
    except OSError as exc:
        raise ObjectionError(
            f"cannot read or make the key of objections {str(path)!r}: {exc.strerror}",
            hint="Check the disk, and that this user may write there.",
        ) from exc
    if len(key) != KEY_BYTES:
        raise ObjectionError(
            f"the key of objections {str(path)!r} has {len(key)} bytes, not "
            f"{KEY_BYTES}",
            hint="Restore it from a backup. If there is none, delete it: codes that "
            "were given out until now are then wrong, new ones work.",
        )
    return key


def _make(path: Path) -> None:
    """Write a new key, unless another process is first."""
    make_private(path.parent)
    new = path.with_name(f"{_FILE}.{secrets.token_hex(8)}.tmp")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            # A link fails if the name is taken; a rename would replace the first key.
            path.hardlink_to(new)
        except FileExistsError:
            return
    finally:
        new.unlink(missing_ok=True)
    sync_directory(path.parent)
