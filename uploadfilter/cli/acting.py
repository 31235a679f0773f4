"""As whom a command acts: root becomes the owner of the state directory.

What root writes there belongs to root, and the service, which is not root, then answers
every upload with 503. So whatever writes into the state directory goes through here:
before anything is written, the process gives up being root for good.

Rules this module keeps: nothing is written before the process has become the owner; if
it cannot, or if files inside belong to others already, the command is refused. Commands
that only read stay what they are.
"""

import contextlib
import grp
import importlib
import os
import pwd
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from uploadfilter.acting import current_actor
from uploadfilter.cli.options import create_state, state_directory
from uploadfilter.errors import UsageError
from uploadfilter.reference.store import REFERENCE_DIRECTORY, ReferenceDirectory
from uploadfilter.reference.writing.writing import ReferenceWriter
from uploadfilter.state import ForeignFile, foreign

_SHOWN = 3
"""Files that are named where there are more: all have the same cure."""


@contextlib.contextmanager
def reference_writer(
    state: Path | None, *, create: bool = False
) -> Iterator[ReferenceWriter]:
    """Be the one writer of the reference set, as the owner of the state directory.

    Args:
        state: The state directory that was named.
        create: Make state directory and reference set if there are none.

    Raises:
        UsageError: This user cannot act as the owner.
        StoreError: The reference set cannot be used.
    """
    directory = directory_to_write(state, create=create)
    with directory.writer(create=create) as writer:
        yield writer


@contextlib.contextmanager
def writer_apart(
    folder: Path,
) -> Iterator[tuple[ReferenceDirectory, ReferenceWriter]]:
    """Be the writer of a new reference set that nobody else sees.

    Args:
        folder: A temporary folder of this process.
    """
    directory = ReferenceDirectory(folder / "reference")
    with directory.writer(create=True) as writer:
        yield directory, writer


def directory_to_write(state: Path | None, *, create: bool) -> ReferenceDirectory:
    """Return the reference directory, after root has become the owner of the state.

    What is changed is on record as done by the account that typed the command.

    Args:
        state: The state directory that was named.
        create: Make the state directory if there is none.

    Raises:
        UsageError: That is not possible.
    """
    # Before it becomes another: the journal says who did it, not as whom.
    actor = current_actor()
    path = state_directory(state)
    become_owner(path)
    if create:
        create_state(path)
    return ReferenceDirectory(path / REFERENCE_DIRECTORY, actor=lambda: actor)


def become_owner(path: Path) -> None:
    """Give up being root, for good, if the state directory is another user's.

    A directory that is not there yet will be its parent's owner's.

    Args:
        path: The state directory.

    Raises:
        UsageError: Files in it belong to others, or the user cannot be changed.
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
    """Refuse to work on a state directory in which files belong to others.

    Raises:
        UsageError: Some do; which, and what to do, is in it.
    """
    found = foreign(path)
    if found:
        raise UsageError(foreign_words(path, found), hint=foreign_cure(path))


def foreign_words(path: Path, found: list[ForeignFile]) -> str:
    """Return what is wrong with files that belong to others, for people."""
    owner = user_name(path.stat().st_uid)
    names = ", ".join(
        f"{str(it.path)!r} to {user_name(it.uid)}" for it in found[:_SHOWN]
    )
    more = f", and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return f"{str(path)!r} belongs to {owner}, but {names}{more}"


def foreign_cure(path: Path) -> str:
    """Return how to give a state directory back to its owner."""
    uid = path.stat().st_uid
    name = user_name(uid) if _account(uid) else str(uid)
    return (
        f"The service cannot use them. As root: chown -R {name}: {path} -- then repeat "
        "the command."
    )


def user_name(uid: int) -> str:
    """Return the name of a user, or the number of one without a name."""
    account = _account(uid)
    return account.pw_name if account else f"user {uid}"


def _account(uid: int) -> pwd.struct_passwd | None:
    with contextlib.suppress(KeyError):
        return pwd.getpwuid(uid)
    return None


def _owner(path: Path) -> os.stat_result | None:
    """Return what is known of a directory, or of the one that it will be made in."""
    for place in (path, *path.absolute().parents):
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            return place.stat()
    return None


def _become(owner: os.stat_result) -> None:
    """Become a user, with the groups of his or her account alone."""
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
    *("_strptime", "lmdb._envid", "numpy.ma", "rich._emoji_codes"),
)
"""Modules that libraries import when they first need them. The owner may not read them
where the program lies in a folder that only root may enter; a test watches for more."""


def why_denied(error: BaseException) -> str:
    """Say whose file it was, if the system did not let this user at one.

    Returns:
        What was found out, and what to do; empty if the error is another one.
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
    """Return the outermost place that this user may not go through, and its owner."""
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
