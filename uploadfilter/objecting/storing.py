"""Open a SQLite file of the forms: private, durable, bounded, and overwritten.

In WAL mode a commit outlives a kill and a power cut, and others read while one writes.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from uploadfilter.state import PRIVATE_FILE, make_private

_WAIT_S: Final = 5.0
"""Seconds to wait for another process that writes; each writes for milliseconds."""

_PAGE_BYTES: Final = 4096


def connected(path: Path, *, most_bytes: int) -> sqlite3.Connection:
    """Open a file, and make it if there is none.

    The connection commits only what a caller begins, and may be used by any thread, one
    at a time. Deleted texts are overwritten.

    Args:
        path: The file; missing folders are made.
        most_bytes: Largest file.

    Raises:
        OSError: It cannot be made.
        sqlite3.Error: It is damaged, or cannot be opened.
    """
    make_private(path.parent)
    # SQLite gives its other files the rights of this one.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE))
    db = sqlite3.connect(
        path, timeout=_WAIT_S, isolation_level=None, check_same_thread=False
    )
    db.row_factory = sqlite3.Row
    with closed_on_failure(db):
        db.execute(f"PRAGMA max_page_count={most_bytes // _PAGE_BYTES}")
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute("PRAGMA secure_delete=ON")
    return db


@contextlib.contextmanager
def closed_on_failure(db: sqlite3.Connection) -> Iterator[None]:
    """Close a database if the block fails: nobody else has it yet."""
    with contextlib.ExitStack() as stack:
        stack.callback(db.close)
        yield
        stack.pop_all()
