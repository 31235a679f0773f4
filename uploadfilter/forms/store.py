"""The store of the forms: objections, their events, and the queue of what goes out.

One SQLite file in the state directory. The process of the forms writes it; the proxies
of the machine read the events that belong into their logs. In WAL mode a commit
outlives ``kill -9`` and a power cut, and others read while one writes.

Rules this module keeps: a change is on disk before the caller is told of it, and with
it, or not at all, its event and its message; each event has a number and is of exactly
one proxy; the file is bounded; deleted texts are overwritten.
"""

import contextlib
import os
import secrets
import sqlite3
import threading
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple, Self

import msgspec

from uploadfilter.errors import ObjectionError
from uploadfilter.forms.cases import Objection, ObjectionState
from uploadfilter.state import PRIVATE_FILE, make_private

FILE: Final = "objections.db"

MOST_OPEN: Final = 10_000
"""Objections that may wait: a reviewer decides some hundred a day, and at 8 KB each
they take 80 MB."""

MOST_MESSAGES: Final = 10_000
"""Messages that may wait for one recipient, at 8 KB each."""

_MOST_BYTES: Final = 2 << 30
"""Largest file: a hundred thousand objections of the longest text, kept for half a
year, with their answers. Beyond it nothing new is taken."""

_PAGE_BYTES: Final = 4096
_WAIT_S: Final = 5.0
"""Seconds to wait for another process that writes; each writes for milliseconds."""

_FORMAT: Final = "3"
"""Another one if a present reader would misunderstand the file."""

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS cases (
    decision TEXT PRIMARY KEY, state TEXT NOT NULL, received_s REAL NOT NULL,
    deadline_s REAL NOT NULL, changed_s REAL NOT NULL, is_placed INTEGER NOT NULL,
    document BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS cases_by_state ON cases (state, received_s);
CREATE TABLE IF NOT EXISTS events (
    number INTEGER PRIMARY KEY AUTOINCREMENT, instance TEXT NOT NULL,
    decision TEXT NOT NULL, at_s REAL NOT NULL, event TEXT NOT NULL,
    details TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS messages (
    id TEXT PRIMARY KEY, recipient TEXT NOT NULL, made_s REAL NOT NULL,
    document BLOB NOT NULL, tries INTEGER NOT NULL DEFAULT 0, next_s REAL NOT NULL
);
"""


class Receipt(StrEnum):
    """What became of an objection or a notice that was handed in."""

    RECEIVED = "received"
    ALREADY = "already"
    FULL = "full"


class Addressee(StrEnum):
    """Who gets a message."""

    HOTLINE = "hotline"
    PROVIDER = "provider"


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message that waits for its recipient.

    Attributes:
        id: Random hex digits; the same for each try.
        made_s: When it was queued, in seconds since the epoch.
    """

    id: str
    recipient: Addressee
    made_s: float
    document: Mapping[str, str | int]
    tries: int = 0


class StoredEvent(NamedTuple):
    """One event, for the log of one proxy.

    Attributes:
        number: From 1, growing; numbers are not given twice.
        at_s: When it happened, in seconds since the epoch.
    """

    number: int
    decision: str
    at_s: float
    state: ObjectionState
    details: Mapping[str, object]


class Waiting(NamedTuple):
    """How many wait, and since when (seconds since the epoch; ``None``: none)."""

    number: int
    oldest_s: float | None


class StoreCounts(NamedTuple):
    """What the store holds.

    Attributes:
        overdue: How many wait for longer than the deadline.
    """

    by_state: Mapping[ObjectionState, int]
    overdue: int
    messages: Mapping[Addressee, Waiting]


class FormStore:
    """The objections and messages of one machine.

    Args:
        path: The file; missing folders are made.

    Raises:
        ObjectionError: The file is damaged, or cannot be read or made.
    """

    def __init__(self, path: Path, *, most_open: int = MOST_OPEN) -> None:
        self._path = path
        self._most_open = most_open
        self._lock = threading.Lock()
        with contextlib.ExitStack() as stack, _translated(path):
            make_private(path.parent)
            # SQLite gives its other files the rights of this one.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE))
            self._db = sqlite3.connect(
                path, timeout=_WAIT_S, isolation_level=None, check_same_thread=False
            )
            stack.callback(self._db.close)
            self._db.row_factory = sqlite3.Row
            for setting in (
                f"max_page_count={_MOST_BYTES // _PAGE_BYTES}",
                "journal_mode=WAL",
                "synchronous=FULL",
                "secure_delete=ON",
            ):
                self._db.execute(f"PRAGMA {setting}")
            self._db.executescript(_SCHEMA)
            self._check_format()
            stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    @property
    def id(self) -> str:
        """The name of this store: another one after it was lost or replaced."""
        with self._transaction() as db:
            return _about(db, "id")

    def _check_format(self) -> None:
        with self._transaction() as db:
            fill = "INSERT OR IGNORE INTO about VALUES (?, ?)"
            db.execute(fill, ("id", secrets.token_hex(4)))
            db.execute(fill, ("format", _FORMAT))
            found = _about(db, "format")
        if found != _FORMAT:
            raise ObjectionError(
                f"the store of objections {str(self._path)!r} has format {found}, but "
                f"this version knows {_FORMAT}",
                hint="Use the version that wrote it.",
            )

    # Objections

    def receive(self, objection: Objection) -> Receipt:
        """Keep a new objection, if there is room and none about this decision.

        Raises:
            ObjectionError: It could not be written.
        """
        with self._transaction() as db:
            if _read(db, objection.decision) is not None:
                return Receipt.ALREADY
            waiting = "SELECT COUNT(*) FROM cases WHERE state = 'received'"
            if db.execute(waiting).fetchone()[0] >= self._most_open:
                return Receipt.FULL
            _write(db, objection)
        return Receipt.RECEIVED

    def get(self, decision: str) -> Objection | None:
        """Return the objection to a decision; ``None`` if there is none."""
        with self._transaction() as db:
            return _read(db, decision)

    def list(
        self, states: Collection[ObjectionState] = tuple(ObjectionState), *, most: int
    ) -> tuple[Objection, ...]:
        """Return at most ``most`` objections in some states, the oldest first."""
        marks = ",".join("?" * len(states))
        return self._select(f"state IN ({marks})", *states, most=most)

    def list_unplaced(self, *, most: int = 1000) -> tuple[Objection, ...]:
        """Return objections whose record was not looked for yet, the oldest first."""
        return self._select("NOT is_placed", most=most)

    def _select(self, where: str, *values: str, most: int) -> tuple[Objection, ...]:
        with self._transaction() as db:
            rows = db.execute(
                f"SELECT document FROM cases WHERE {where} "  # noqa: S608 - own texts
                "ORDER BY received_s, decision LIMIT ?",
                (*values, most),
            ).fetchall()
        return tuple(_objection(row) for row in rows)

    def change(
        self, before: Objection, after: Objection, *, message: Message | None = None
    ) -> bool:
        """Replace an objection by what followed from it, with an event.

        Returns:
            False if it has changed since it was read; then nothing was done.

        Raises:
            ObjectionError: It could not be written.
        """
        with self._transaction() as db:
            if _read(db, before.decision) != before:
                return False
            _write(db, after)
            db.execute(
                "INSERT INTO events (instance, decision, at_s, event, details) "
                "VALUES (?,?,?,?,?)",
                (
                    after.instance,
                    after.decision,
                    after.changed_s,
                    after.state,
                    msgspec.json.encode(_details(after)).decode(),
                ),
            )
            if message is not None:
                _queue(db, message)
        return True

    def events(
        self, instance: str, *, after: int, most: int = 500
    ) -> tuple[StoredEvent, ...]:
        """Return the events that belong into the log of one proxy.

        Args:
            instance: The proxy.
            after: Number of the last event that its log has; 0 for none.
            most: Most events to return.
        """
        with self._transaction() as db:
            rows = db.execute(
                "SELECT number, decision, at_s, event, details FROM events "
                "WHERE instance = ? AND number > ? ORDER BY number LIMIT ?",
                (instance, after, most),
            ).fetchall()
        return tuple(
            StoredEvent(
                number, decision, at_s, ObjectionState(state), msgspec.json.decode(more)
            )
            for number, decision, at_s, state, more in rows
        )

    def forget(self, *, decided_before_s: float) -> int:
        """Delete objections decided before a time; return their number."""
        with self._transaction() as db:
            gone = db.execute(
                "DELETE FROM cases WHERE state != 'received' AND changed_s < ?",
                (decided_before_s,),
            ).rowcount
            db.execute(
                "DELETE FROM events WHERE at_s < ? AND decision NOT IN "
                "(SELECT decision FROM cases)",
                (decided_before_s,),
            )
        return gone

    # Messages

    def send(self, message: Message) -> Receipt:
        """Queue a message, if there is room.

        Raises:
            ObjectionError: It could not be written.
        """
        with self._transaction() as db:
            if _waiting(db, message.recipient).number >= MOST_MESSAGES:
                return Receipt.FULL
            _queue(db, message)
        return Receipt.RECEIVED

    def list_due(
        self, recipient: Addressee, *, now: float, most: int
    ) -> tuple[Message, ...]:
        """Return the messages that are to be sent now, the oldest first."""
        with self._transaction() as db:
            rows = db.execute(
                "SELECT * FROM messages WHERE recipient = ? AND next_s <= ? "
                "ORDER BY made_s, id LIMIT ?",
                (recipient, now, most),
            ).fetchall()
        return tuple(
            Message(
                id=row["id"],
                recipient=Addressee(row["recipient"]),
                made_s=row["made_s"],
                document=msgspec.json.decode(row["document"]),
                tries=row["tries"],
            )
            for row in rows
        )

    def remove(self, message: Message) -> None:
        """Delete a message that its recipient has."""
        with self._transaction() as db:
            db.execute("DELETE FROM messages WHERE id = ?", (message.id,))

    def postpone(self, message: Message, *, until_s: float) -> None:
        """Send a message again later, at a time in seconds since the epoch."""
        with self._transaction() as db:
            db.execute(
                "UPDATE messages SET tries = tries + 1, next_s = ? WHERE id = ?",
                (until_s, message.id),
            )

    def forget_messages(self, *, before_s: float) -> int:
        """Delete messages that were queued before a time; return how many."""
        with self._transaction() as db:
            old = "DELETE FROM messages WHERE made_s < ?"
            return db.execute(old, (before_s,)).rowcount

    def count(self, *, now: float) -> StoreCounts:
        """Count what the store holds, at a time in seconds since the epoch."""
        with self._transaction() as db:
            states = "SELECT state, COUNT(*) FROM cases GROUP BY state"
            found: dict[str, int] = {row[0]: row[1] for row in db.execute(states)}
            late = "SELECT COUNT(*) FROM cases WHERE state = 'received' "
            overdue = db.execute(f"{late} AND deadline_s <= ?", (now,)).fetchone()[0]
            messages = {it: _waiting(db, it) for it in Addressee}
        return StoreCounts(
            by_state={it: found.get(it, 0) for it in ObjectionState},
            overdue=overdue,
            messages=messages,
        )

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the lock; commit at the end, or change nothing."""
        with self._lock, _translated(self._path), self._db:
            self._db.execute("BEGIN IMMEDIATE")
            yield self._db


def _read(db: sqlite3.Connection, decision: str) -> Objection | None:
    wanted = "SELECT document FROM cases WHERE decision = ?"
    row = db.execute(wanted, (decision,)).fetchone()
    return None if row is None else _objection(row)


def _objection(row: sqlite3.Row) -> Objection:
    return msgspec.json.decode(row["document"], type=Objection)


def _write(db: sqlite3.Connection, it: Objection) -> None:
    db.execute(
        "INSERT OR REPLACE INTO cases VALUES (?,?,?,?,?,?,?)",
        (
            it.decision,
            it.state,
            it.received_s,
            it.deadline_s,
            it.changed_s,
            it.instance is not None,
            msgspec.json.encode(it),
        ),
    )


def _queue(db: sqlite3.Connection, message: Message) -> None:
    db.execute(
        "INSERT OR IGNORE INTO messages (id, recipient, made_s, document, next_s) "
        "VALUES (?,?,?,?,?)",
        (
            message.id,
            message.recipient,
            message.made_s,
            msgspec.json.encode(message.document),
            message.made_s,
        ),
    )


def _waiting(db: sqlite3.Connection, recipient: Addressee) -> Waiting:
    wanted = "SELECT COUNT(*), MIN(made_s) FROM messages WHERE recipient = ?"
    return Waiting(*db.execute(wanted, (recipient,)).fetchone())


def _about(db: sqlite3.Connection, name: str) -> str:
    row = db.execute("SELECT value FROM about WHERE name = ?", (name,)).fetchone()
    return str(row["value"])


def _details(it: Objection) -> dict[str, object]:
    """Return the details for the record: nothing that a person wrote."""
    pairs = {(e.set, e.entry): e for e in reversed(it.evidence)}
    first = it.evidence[0] if it.evidence else None
    shown = first if it.entry is None else pairs.get(it.entry)
    found: dict[str, object] = {
        "deadline": datetime.fromtimestamp(it.deadline_s, UTC).isoformat(),
        "route": it.route,
        "reviewer": it.reviewer or None,
        "switched_off": True if it.entry is not None else None,
    }
    if shown is not None:
        names = ("set", "entry", "category", "kind", "signal_type", "chance")
        found |= {name: getattr(shown, name) for name in names}
    return {name: value for name, value in found.items() if value is not None}


@contextlib.contextmanager
def _translated(path: Path) -> Iterator[None]:
    """Translate what SQLite and the disk say.

    Raises:
        ObjectionError: With the path and the cause.
    """
    try:
        yield
    except (sqlite3.Error, OSError, msgspec.MsgspecError) as exc:
        raise ObjectionError(
            f"the store of objections {str(path)!r} cannot be used: {exc}",
            hint="Check the disk. If the file is damaged, restore it from a backup, or "
            "move it away: the decision log still has the outcomes.",
        ) from exc
