"""Find the account that runs this program, for the record of changes."""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_LOGIN: Final = Path("/proc/self/loginuid")
"""The kernel's file with the uid that began the session (proc(5))."""

_UNSET: Final = 2**32 - 1
"""The uid in it for a process without a session, such as a service."""

_NAME_CHARACTERS: Final = 64
"""Longest name from the environment, which could hold anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """An account, and the person who uses it.

    Attributes:
        uid: Number of the account that the process runs as.
        user: The account's name; ``None`` if it has none.
        login: Name or number of the account that began the session, which the kernel
            keeps through ``sudo`` and ``su``; ``None`` if the kernel does not know it.
        sudo_user: The user who called ``sudo``, by the environment; ``None`` without
            one.
    """

    uid: int
    user: str | None = None
    login: str | None = None
    sudo_user: str | None = None


def current_actor() -> Actor:
    """Return the account that runs this process."""
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
    """Return a name from the environment, if it is a valid one."""
    return name[:_NAME_CHARACTERS] if name.isprintable() and name else None
