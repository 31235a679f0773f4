"""Who runs this program: for the record of what was changed."""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_LOGIN: Final = Path("/proc/self/loginuid")
"""Where the kernel says with which account the session was begun (proc(5))."""

_UNSET: Final = 2**32 - 1
"""What it says of a process that belongs to no session, such as a service."""

_NAME_CHARACTERS: Final = 64
"""Of a name from the environment, which could hold anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """An account, and who stands behind it.

    Attributes:
        uid: Number of the account that the process runs as.
        user: Its name; ``None`` if it has none.
        login: The account that the session was begun with, by its name or number, which
            the kernel keeps through ``sudo`` and ``su``; ``None`` if it does not know.
        sudo_user: Who called ``sudo``, as the environment says; ``None`` if nobody did.
    """

    uid: int
    user: str | None = None
    login: str | None = None
    sudo_user: str | None = None


def current_actor() -> Actor:
    """Return who runs this process."""
    uid = os.getuid()
    login = _login()
    return Actor(
        uid=uid,
        user=_name(uid),
        login=None if login is None else _name(login) or str(login),
        sudo_user=_plain(os.environ.get("SUDO_USER", "")),
    )


def _name(uid: int) -> str | None:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None


def _login() -> int | None:
    try:
        number = int(_LOGIN.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return None if number == _UNSET else number


def _plain(name: str) -> str | None:
    """Return a name from the environment, if it can be one."""
    return name[:_NAME_CHARACTERS] if name.isprintable() and name else None
