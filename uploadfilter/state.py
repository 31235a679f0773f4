"""Find paths in the state directory, and write files privately and durably.

::

    DIR                    0700
      reference/           the reference set (``reference/files/layout.py``)
      signed/<name>/       a trusted signed set (``syncing/trusting.py``)
      canary.key           proves the sender of a canary (``syncing/canaries.py``); 0600
      uploads/             uploads in several requests (``proxy/assembling/store.py``)
      feedback.key         signs feedback for issuers (``cli/issuer/feedback.py``); 0600
      instances/<name>/    one proxy: the key that hashes its clients' addresses
        tree.key           signs the tree of its log; 0600
        evidence/            sealed evidence (``sealing/folder.py``)
        log/               its decision log (``decisions/files/segments.py``), and the
                           tree over it (``decisions/files/treefiles.py``)

Every room that keeps files on disk makes its directories here, so that they are private
and survive a power cut; a failure is an ``OSError``, which the room translates into its
own error.
"""

import contextlib
import errno
import fcntl
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

DEFAULT_INSTANCE = "main"
"""The name of the only proxy on a state directory, if it has no other."""

INSTANCE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
"""Valid names of proxies: a single path component, the same on every file system."""

PRIVATE_MODE, PRIVATE_FILE = 0o700, 0o600
"""Mode of directories: state holds keys, hash sets and data about uploads."""


def instance_directory(state: Path, instance: str) -> Path:
    """Return the directory of one proxy."""
    return state / "instances" / instance


def log_directory(state: Path, instance: str) -> Path:
    """Return the directory of the decision log of one proxy."""
    return instance_directory(state, instance) / "log"


def evidence_directory(state: Path, instance: str) -> Path:
    """Return the directory of the sealed evidence of one proxy."""
    return instance_directory(state, instance) / "evidence"


def make_private(path: Path) -> None:
    """Make a directory and its missing parents, for this user only.

    ``Path.mkdir`` would give its mode to the last one and leave the others open.

    Raises:
        OSError: The directory cannot be made.
    """
    missing = [at for at in (path, *path.parents) if not at.exists()]
    for at in reversed(missing):
        at.mkdir(mode=PRIVATE_MODE, exist_ok=True)
        sync_directory(at.parent)
    if not path.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)


def sync_directory(path: Path, sync: Callable[[int], None] = os.fsync) -> None:
    """Make changes of a directory durable: creations, renames and removals.

    Args:
        path: The directory.
        sync: Makes an open directory durable.

    Raises:
        OSError: It cannot be opened or synced.
    """
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        sync(fd)
    finally:
        os.close(fd)


def write_private(path: Path, data: bytes, *, durably: bool = True) -> None:
    """Write a file whole or not at all, readable only by its owner.

    Args:
        path: The file; missing parent directories are made.
        data: The new content.
        durably: Whether the file must survive a power cut.

    Raises:
        OSError: The file could not be written; the old file is unchanged.
    """
    make_private(path.parent)
    new = path.with_name(path.name + ".tmp")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            if durably:
                os.fsync(file.fileno())
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
    if durably:
        sync_directory(path.parent)


_LOCK_POLL_S: Final = 0.01
"""Pause between two tries of a lock that is held for some milliseconds."""


@contextlib.contextmanager
def only_one(lock: Path, *, within_s: float = 0.0) -> Iterator[None]:
    """Hold a lock file exclusively while the block runs.

    Args:
        lock: The file, which is made if it is not there.
        within_s: Seconds to wait for another process that holds it.

    Raises:
        BlockingIOError: Another process holds the lock.
        OSError: The file cannot be opened.
    """
    fd = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        _lock(fd, within_s=within_s)
        yield
    finally:
        os.close(fd)


def _lock(fd: int, *, within_s: float) -> None:
    end_s = time.monotonic() + within_s
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end_s:
                raise
            time.sleep(_LOCK_POLL_S)
        else:
            return


class ForeignFile(NamedTuple):
    """A file or directory whose owner is not the state directory's owner."""

    path: Path
    uid: int


def foreign(path: Path) -> list[ForeignFile]:
    """Find files in a state directory that do not belong to its owner.

    A folder that this user cannot read is left out: it cannot be written to either.

    Args:
        path: The state directory, which need not exist.
    """
    try:
        owner = path.stat().st_uid
    except OSError:
        return []
    return [it for it in _inside(path) if it.uid != owner]


def _inside(path: Path) -> Iterator[ForeignFile]:
    """Yield all paths below a directory; links are not followed."""
    try:
        entries = sorted(os.scandir(path), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        try:
            uid = entry.stat(follow_symlinks=False).st_uid
        except FileNotFoundError:  # removed meanwhile
            continue
        yield ForeignFile(Path(entry.path), uid)
        if entry.is_dir(follow_symlinks=False):
            yield from _inside(Path(entry.path))
