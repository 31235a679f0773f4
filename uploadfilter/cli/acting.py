"""Run a command as the owner of the state directory, even if root started it.

A file that root writes there belongs to root. The service does not run as root, cannot
read the file, and answers every upload with 503. So each command that writes into the
state directory goes through this module: it gives up root for good before it writes.
``cli/writing.py`` opens the reference set in this way.

Rules this module keeps: nothing is written before the process has become the owner; the
command is refused if the process cannot become the owner, or if files inside belong to
other users. Commands that only read keep their user.
"""

import contextlib
import grp
import importlib
import os
import pwd
from pathlib import Path
from typing import Final

from uploadfilter.errors import UsageError
from uploadfilter.state import ForeignFile, foreign

_SHOWN = 3
"""Most foreign files that a message names: the remedy is the same for all of them."""


def become_owner(path: Path) -> None:
    """Change to the owner of the state directory for good, if root runs this process.

    A directory that does not exist yet will belong to the owner of its parent.
    """
    if os.geteuid() != 0:
        return
    owner = _owner(path)
    if owner is None or owner.st_uid == 0:
        return
    refuse_foreign(path)
    try:
        _become(owner)
    except OSError as exc:
        raise UsageError(
            f"{str(path)!r} belongs to {user_name(owner.st_uid)}, and this process may "
            f"not act as that user: {exc.strerror}",
            hint="Nothing was written. Run the command as that user.",
        ) from exc


def refuse_foreign(path: Path) -> None:
    """Refuse a state directory that holds files of other users."""
    found = foreign(path)
    if found:
        raise UsageError(foreign_words(path, found), hint=foreign_cure(path))


def foreign_words(path: Path, found: list[ForeignFile]) -> str:
    """Return a message that names the files of other users."""
    owner = user_name(path.stat().st_uid)
    names = ", ".join(
        f"{str(it.path)!r} to {user_name(it.uid)}" for it in found[:_SHOWN]
    )
    more = f", and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return f"{str(path)!r} belongs to {owner}, but {names}{more}"


def foreign_cure(path: Path) -> str:
    """Return the command that gives a state directory back to its owner."""
    uid = path.stat().st_uid
    name = user_name(uid) if _account(uid) else str(uid)
    return (
        f"The service cannot use them. As root: chown -R {name}: {path} -- then repeat "
        "the command."
    )


def user_name(uid: int) -> str:
    """Return the name of a user, or the user's number if there is no name."""
    account = _account(uid)
    return account.pw_name if account else f"user {uid}"


def _account(uid: int) -> pwd.struct_passwd | None:
    with contextlib.suppress(KeyError):
        return pwd.getpwuid(uid)
    return None


def _owner(path: Path) -> os.stat_result | None:
    """Return the status of a directory, or of the parent that it will be made in."""
    for place in (path, *path.absolute().parents):
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            return place.stat()
    return None


def _become(owner: os.stat_result) -> None:
    """Become a user, with the groups of that account only."""
    account = _account(owner.st_uid)
    gid = account.pw_gid if account else owner.st_gid
    groups = [gid]
    if account:
        named = (it.gr_gid for it in grp.getgrall() if account.pw_name in it.gr_mem)
        groups = sorted({gid, *named})
    for name in _IMPORTED_LATE:
        importlib.import_module(name)
    os.setgroups(groups)
    os.setresgid(gid, gid, gid)
    os.setresuid(owner.st_uid, owner.st_uid, owner.st_uid)


_IMPORTED_LATE: Final = (
    *("_strptime", "atexit", "lmdb._envid", "numpy.ma", "rich._emoji_codes"),
)
"""Modules that libraries import late, on first use. They are imported before the user
changes, because the new user cannot read a program in a folder of root's; a test finds
further modules."""


def why_denied(error: BaseException) -> str:
    """Explain a refused file access: whose file it is, and the remedy.

    Returns:
        The explanation; empty for any other error.
    """
    cause: BaseException | None = error
    seen: set[int] = set()
    # Each of two errors may be the cause of the other.
    while cause is not None and not isinstance(cause, PermissionError):
        seen.add(id(cause))
        cause = cause.__cause__ or cause.__context__
        cause = None if id(cause) in seen else cause
    if cause is None or not isinstance(cause.filename, str | bytes | Path):
        return ""
    path = Path(os.fsdecode(cause.filename)).absolute()
    place, uid = _denying(path)
    me = os.geteuid()
    if uid == me:
        return ""
    words = f"{str(place)!r} belongs to {user_name(uid)}, and this is {user_name(me)}."
    ours = [it for it in place.parents if _uid_of(it) == me]
    if ours:
        name = user_name(me) if _account(me) else str(me)
        return f"{words} Give it back, as root: chown -R {name}: {ours[-1]}"
    return f"{words} Run the command as root, or as that user."


def _denying(path: Path) -> tuple[Path, int]:
    """Return the outermost folder that this user cannot enter, and its owner."""
    last = path
    for place in reversed((path, *path.parents)):
        if _uid_of(place) is None:
            break
        last = place
    return last, _uid_of(last) or 0


def _uid_of(path: Path) -> int | None:
    try:
        return path.lstat().st_uid
    except OSError:
        return None
