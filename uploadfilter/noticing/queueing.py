"""The queue of notices: one SQLite file, until the hotline has them.

Rules this module keeps: a notice is on disk before it is confirmed, and leaves the disk
when it was delivered; the queue is bounded, and refuses the network that fills it
first.
"""

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple, Self

from uploadfilter.errors import NoticeError
from uploadfilter.networks import NETWORK_SHARE, SCARCE
from uploadfilter.noticing.notices import HotlineNotice
from uploadfilter.objecting.storing import closed_on_failure, connected

DIRECTORY: Final = "notices"
FILE: Final = "notices.db"

_MOST_BYTES: Final = 1 << 30
"""A hundred thousand of the longest notices."""

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS notices (
    id TEXT PRIMARY KEY,
    network TEXT NOT NULL,
    received_s REAL NOT NULL,
    place TEXT NOT NULL,
    what TEXT NOT NULL,
    contact TEXT NOT NULL,
    language TEXT NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    next_s REAL NOT NULL
)
"""


class NoticeReceipt(StrEnum):
    """What became of a notice that was handed in."""

    RECEIVED = "received"
    NETWORK_FULL = "network_full"
    FULL = "full"


class QueuedNotice(NamedTuple):
    """A notice in the queue, and how often it was tried to deliver it."""

    notice: HotlineNotice
    tries: int


class QueueLength(NamedTuple):
    """How many notices wait, and when the oldest one came (seconds; ``None``: none)."""

    waiting: int
    oldest_s: float | None


class NoticeQueue:
    """The notices of a machine that no hotline has yet.

    Args:
        path: The file.
        most_waiting: Most notices that may wait.

    Raises:
        NoticeError: The file is damaged, or cannot be read or made.
    """

    def __init__(self, path: Path, *, most_waiting: int = 10_000) -> None:
        self._path = path
        self._most = most_waiting
        self._lock = threading.Lock()
        with _told(path):
            self._db = connected(path, most_bytes=_MOST_BYTES)
            with closed_on_failure(self._db):
                self._db.execute(_SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def add(self, notice: HotlineNotice, *, network: str) -> NoticeReceipt:
        """Keep a notice, if there is room.

        Args:
            notice: The notice.
            network: Keyed hash of the client's widest network; empty for none.

        Raises:
            NoticeError: It could not be written.
        """
        with self._writing() as db:
            count = "SELECT COUNT(*) AS n FROM notices"
            total = db.execute(count).fetchone()["n"]
            if total >= self._most:
                return NoticeReceipt.FULL
            if network and total >= SCARCE * self._most:
                where = f"{count} WHERE network = ?"
                own = db.execute(where, (network,)).fetchone()["n"]
                if own >= NETWORK_SHARE * self._most:
                    return NoticeReceipt.NETWORK_FULL
            db.execute(
                "INSERT INTO notices (id, network, received_s, place, what, contact, "
                "language, next_s) VALUES (?,?,?,?,?,?,?,?)",
                (
                    notice.id,
                    network,
                    notice.received_s,
                    notice.where,
                    notice.what,
                    notice.contact,
                    notice.language,
                    notice.received_s,
                ),
            )
        return NoticeReceipt.RECEIVED

    def due(self, *, now: float, most: int) -> tuple[QueuedNotice, ...]:
        """Return the notices that are to be sent now, the oldest first.

        Args:
            now: Seconds since the epoch.
            most: Most notices to return.
        """
        with self._lock, _told(self._path):
            rows = self._db.execute(
                "SELECT * FROM notices WHERE next_s <= ? ORDER BY received_s LIMIT ?",
                (now, most),
            ).fetchall()
        return tuple(
            QueuedNotice(
                HotlineNotice(
                    id=row["id"],
                    received_s=row["received_s"],
                    where=row["place"],
                    what=row["what"],
                    contact=row["contact"],
                    language=row["language"],
                ),
                row["tries"],
            )
            for row in rows
        )

    def delivered(self, notice: HotlineNotice) -> None:
        """Delete a notice that the hotline has."""
        with self._writing() as db:
            db.execute("DELETE FROM notices WHERE id = ?", (notice.id,))

    def postpone(self, notice: HotlineNotice, *, until_s: float) -> None:
        """Send a notice again later.

        Args:
            notice: The notice.
            until_s: When, in seconds since the epoch.
        """
        with self._writing() as db:
            db.execute(
                "UPDATE notices SET tries = tries + 1, next_s = ? WHERE id = ?",
                (until_s, notice.id),
            )

    def forget(self, *, before_s: float) -> int:
        """Delete notices that came before a time; return how many."""
        with self._writing() as db:
            old = "DELETE FROM notices WHERE received_s < ?"
            return db.execute(old, (before_s,)).rowcount

    def length(self) -> QueueLength:
        """Return how many notices wait, and since when."""
        with self._lock, _told(self._path):
            row = self._db.execute(
                "SELECT COUNT(*) AS n, MIN(received_s) AS oldest FROM notices"
            ).fetchone()
        return QueueLength(row["n"], row["oldest"])

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, _told(self._path), self._db:
            self._db.execute("BEGIN IMMEDIATE")
            yield self._db


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    """Translate errors of SQLite and the disk.

    Raises:
        NoticeError: With the path and the cause.
    """
    try:
        yield
    except (sqlite3.Error, OSError) as exc:
        raise NoticeError(
            f"the queue of notices {str(path)!r} cannot be used: {exc}",
            hint="Check the disk. If the file is damaged, restore it from a backup, or "
            "move it away.",
        ) from exc
