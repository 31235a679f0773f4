"""The store of objections: one SQLite file in the state directory.

The process of the forms writes it; the proxies of the machine read the events that
belong into their logs. SQLite in WAL mode keeps each commit through ``kill -9``
and a power cut, lets others read while one writes, and is in Python.

Rules this module keeps: a change is on disk before the caller is told of it; each event
has a number and is of exactly one proxy; the store is bounded, and when it fills up, a
network that holds its share is refused first, so that nobody else's objection is lost.
"""

import contextlib
import json
import secrets
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Self

from uploadfilter.errors import ObjectionError
from uploadfilter.networks import NETWORK_SHARE, SCARCE
from uploadfilter.objecting.cases import (
    EvidenceShown,
    Objection,
    ObjectionEvent,
    ObjectionState,
)
from uploadfilter.objecting.storing import closed_on_failure, connected

FILE: Final = "objections.db"

MOST_BYTES: Final = 2 << 30
"""Largest file: a hundred thousand objections of the longest text, kept for half a
year, with their answers. Beyond it nothing new is taken."""

FORMAT: Final = 2
"""Grows when a present reader would misunderstand the file."""

_RENAMED: Final = {"upheld": "denied", "overturned": "granted"}
"""States of format 1, and their names since format 2."""

_ID_BYTES: Final = 4
"""Bytes of the name of a store, by which a proxy notices that it was replaced."""

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS objections (
    decision TEXT PRIMARY KEY,
    network TEXT NOT NULL,
    state TEXT NOT NULL,
    event TEXT NOT NULL,
    received_s REAL NOT NULL,
    deadline_s REAL NOT NULL,
    changed_s REAL NOT NULL,
    text TEXT NOT NULL,
    language TEXT NOT NULL,
    reviewer TEXT NOT NULL DEFAULT '',
    answer TEXT NOT NULL DEFAULT '',
    chosen_set TEXT,
    chosen_entry TEXT,
    instance TEXT,
    route TEXT,
    decided_at TEXT,
    reason TEXT,
    evidence TEXT NOT NULL DEFAULT '[]'
);
CREATE INDEX IF NOT EXISTS by_state ON objections (state, received_s);
CREATE TABLE IF NOT EXISTS events (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    instance TEXT NOT NULL,
    decision TEXT NOT NULL,
    at_s REAL NOT NULL,
    event TEXT NOT NULL,
    details TEXT NOT NULL
);
"""


class Receipt(StrEnum):
    """What became of an objection that was handed in."""

    RECEIVED = "received"
    ALREADY = "already"
    NETWORK_FULL = "network_full"
    FULL = "full"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """One event, for the log of one proxy.

    Attributes:
        number: From 1, growing; numbers are not given twice.
        decision: Id of the decision.
        at_s: When it happened, in seconds since the epoch.
        event: What happened.
        details: What else is put on record.
    """

    number: int
    decision: str
    at_s: float
    event: ObjectionEvent
    details: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectionCounts:
    """What the store holds.

    Attributes:
        by_state: Objections by where they stand.
        overdue: Those that wait for longer than the deadline.
        oldest_s: When the oldest one came that waits, in seconds since the epoch;
            ``None`` if none waits.
    """

    by_state: Mapping[ObjectionState, int]
    overdue: int
    oldest_s: float | None


class ObjectionStore:
    """The objections of one machine.

    Args:
        path: The file.
        most_open: Most objections that may wait for a decision.
        most_bytes: Largest file.

    Raises:
        ObjectionError: The file is damaged, or cannot be read or made.
    """

    def __init__(
        self, path: Path, *, most_open: int = 10_000, most_bytes: int = MOST_BYTES
    ) -> None:
        self._path = path
        self._most_open = most_open
        self._lock = threading.Lock()
        with _told(path):
            self._db = connected(path, most_bytes=most_bytes)
            with closed_on_failure(self._db), self._lock, self._db:
                self._db.executescript(_SCHEMA)
                self._db.execute(
                    "INSERT OR IGNORE INTO about VALUES ('id', ?)",
                    (secrets.token_hex(_ID_BYTES),),
                )
                self._db.execute(
                    "INSERT OR IGNORE INTO about VALUES ('format', ?)", (str(FORMAT),)
                )
        with closed_on_failure(self._db):
            self._check_format()

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
        with self._reading() as db:
            return _about(db, "id")

    def _check_format(self) -> None:
        with self._writing() as db:
            found = _about(db, "format")
            if found == "1":
                found = _upgraded(db)
        if found != str(FORMAT):
            self.close()
            raise ObjectionError(
                f"the store of objections {str(self._path)!r} has format {found}, but "
                f"this version knows {FORMAT}",
                hint="Use the version that wrote it.",
            )

    def receive(self, objection: Objection, *, network: str) -> Receipt:
        """Keep a new objection, if there is room and none about this decision.

        Args:
            objection: The objection, which nobody has looked at.
            network: The keyed hash of the client's widest network; empty for no
                particular one.

        Raises:
            ObjectionError: It could not be written.
        """
        with self._writing() as db:
            known = "SELECT 1 FROM objections WHERE decision = ?"
            if db.execute(known, (objection.decision,)).fetchone():
                return Receipt.ALREADY
            refusal = self._refusal(db, network)
            if refusal is not None:
                return refusal
            db.execute(
                "INSERT INTO objections (decision, network, state, event, received_s, "
                "deadline_s, changed_s, text, language) VALUES (?,?,?,?,?,?,?,?,?)",
                (
                    objection.decision,
                    network,
                    objection.state,
                    objection.event,
                    objection.received_s,
                    objection.deadline_s,
                    objection.changed_s,
                    objection.text,
                    objection.language,
                ),
            )
        return Receipt.RECEIVED

    def _refusal(self, db: sqlite3.Connection, network: str) -> Receipt | None:
        waiting = "SELECT COUNT(*) AS n FROM objections WHERE state = 'received'"
        total = db.execute(waiting).fetchone()["n"]
        if total >= self._most_open:
            return Receipt.FULL
        if network and total >= SCARCE * self._most_open:
            own = db.execute(f"{waiting} AND network = ?", (network,)).fetchone()["n"]
            if own >= NETWORK_SHARE * self._most_open:
                return Receipt.NETWORK_FULL
        return None

    def get(self, decision: str) -> Objection | None:
        """Return the objection to a decision; ``None`` if there is none."""
        with self._reading() as db:
            row = db.execute(
                "SELECT * FROM objections WHERE decision = ?", (decision,)
            ).fetchone()
        return None if row is None else _objection(row)

    def listed(
        self, *, states: frozenset[ObjectionState] | None = None, most: int = 200
    ) -> tuple[Objection, ...]:
        """Return objections, those that came first at the front.

        Args:
            states: Only those that stand there; ``None`` for all.
            most: Most objections to return.
        """
        wanted = sorted(ObjectionState if states is None else states)
        marks = ",".join("?" * len(wanted))
        with self._reading() as db:
            rows = db.execute(
                f"SELECT * FROM objections WHERE state IN ({marks}) "  # noqa: S608 - question marks only
                "ORDER BY received_s, decision LIMIT ?",
                (*wanted, most),
            ).fetchall()
        return tuple(_objection(row) for row in rows)

    def unplaced(self, *, most: int = 1000) -> tuple[str, ...]:
        """Return the ids of decisions whose record nobody has looked for yet."""
        with self._reading() as db:
            rows = db.execute(
                "SELECT decision FROM objections WHERE instance IS NULL LIMIT ?",
                (most,),
            ).fetchall()
        return tuple(row["decision"] for row in rows)

    def place(self, placed: Objection) -> None:
        """Keep what the record of the decision says, and put the receipt on record.

        Args:
            placed: The objection with its ``instance`` and the evidence.
        """
        decided_at = (
            None if placed.decided_at is None else placed.decided_at.isoformat()
        )
        with self._writing() as db:
            changed = db.execute(
                "UPDATE objections SET instance=?, route=?, decided_at=?, reason=?, "
                "evidence=? WHERE decision=? AND instance IS NULL",
                (
                    placed.instance,
                    placed.route,
                    decided_at,
                    placed.reason,
                    _evidence_text(placed.evidence),
                    placed.decision,
                ),
            ).rowcount
            if changed:
                self._note(db, placed, at_s=placed.received_s)

    def change(self, before: Objection, after: Objection, *, at_s: float) -> bool:
        """Replace an objection by what followed from it, with an event.

        Args:
            before: The objection as it was read.
            after: The same after a decision or a warning.
            at_s: Seconds since the epoch.

        Returns:
            False if it has changed since it was read; then nothing was done.
        """
        chosen = after.chosen or (None, None)
        with self._writing() as db:
            changed = db.execute(
                "UPDATE objections SET state=?, event=?, changed_s=?, reviewer=?, "
                "answer=?, chosen_set=?, chosen_entry=? "
                "WHERE decision=? AND state=? AND event=? AND changed_s=?",
                (
                    after.state,
                    after.event,
                    after.changed_s,
                    after.reviewer,
                    after.answer,
                    *chosen,
                    before.decision,
                    before.state,
                    before.event,
                    before.changed_s,
                ),
            ).rowcount
            if changed:
                self._note(db, after, at_s=at_s)
        return bool(changed)

    def _note(self, db: sqlite3.Connection, told: Objection, *, at_s: float) -> None:
        db.execute(
            "INSERT INTO events (instance, decision, at_s, event, details) "
            "VALUES (?,?,?,?,?)",
            (
                told.instance or "",
                told.decision,
                at_s,
                told.event,
                json.dumps(_details(told)),
            ),
        )

    def events(
        self, instance: str, *, after: int, most: int = 500
    ) -> tuple[StoredEvent, ...]:
        """Return the events that belong into the log of one proxy.

        Args:
            instance: The proxy.
            after: Number of the last event that its log has; 0 for none.
            most: Most events to return.
        """
        with self._reading() as db:
            rows = db.execute(
                "SELECT * FROM events WHERE instance = ? AND number > ? "
                "ORDER BY number LIMIT ?",
                (instance, after, most),
            ).fetchall()
        return tuple(
            StoredEvent(
                number=row["number"],
                decision=row["decision"],
                at_s=row["at_s"],
                event=ObjectionEvent(row["event"]),
                details=json.loads(row["details"]),
            )
            for row in rows
        )

    def forget(self, *, decided_before_s: float) -> int:
        """Delete objections decided before a time; return their number."""
        with self._writing() as db:
            gone = db.execute(
                "DELETE FROM objections WHERE state != 'received' AND changed_s < ?",
                (decided_before_s,),
            ).rowcount
            db.execute(
                "DELETE FROM events WHERE at_s < ? AND decision NOT IN "
                "(SELECT decision FROM objections)",
                (decided_before_s,),
            )
        return gone

    def counts(self, *, now: float) -> ObjectionCounts:
        """Count the objections in the store.

        Args:
            now: Seconds since the epoch.
        """
        with self._reading() as db:
            rows = db.execute(
                "SELECT state, COUNT(*) AS n FROM objections GROUP BY state"
            ).fetchall()
            late = db.execute(
                "SELECT COUNT(*) AS n, (SELECT MIN(received_s) FROM objections WHERE "
                "state = 'received') AS oldest FROM objections WHERE "
                "state = 'received' AND deadline_s <= ?",
                (now,),
            ).fetchone()
        found = {ObjectionState(row["state"]): row["n"] for row in rows}
        return ObjectionCounts(
            by_state={state: found.get(state, 0) for state in ObjectionState},
            overdue=late["n"],
            oldest_s=late["oldest"],
        )

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, _told(self._path):
            yield self._db

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Hold the lock of the only writer; commit at the end, or change nothing."""
        with self._lock, _told(self._path), self._db:
            self._db.execute("BEGIN IMMEDIATE")
            yield self._db


def _upgraded(db: sqlite3.Connection) -> str:
    """Rename the states of a store of format 1; return its new format."""
    for old, new in _RENAMED.items():
        db.execute("UPDATE objections SET state = ? WHERE state = ?", (new, old))
        db.execute("UPDATE objections SET event = ? WHERE event = ?", (new, old))
        db.execute("UPDATE events SET event = ? WHERE event = ?", (new, old))
    db.execute("UPDATE about SET value = ? WHERE name = 'format'", (str(FORMAT),))
    return str(FORMAT)


def _about(db: sqlite3.Connection, name: str) -> str:
    row = db.execute("SELECT value FROM about WHERE name = ?", (name,)).fetchone()
    return str(row["value"])


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    """Translate what SQLite and the disk say.

    Raises:
        ObjectionError: With the path and the cause.
    """
    try:
        yield
    except (sqlite3.Error, OSError) as exc:
        raise ObjectionError(
            f"the store of objections {str(path)!r} cannot be used: {exc}",
            hint="Check the disk. If the file is damaged, restore it from a backup, or "
            "move it away: the decision log still has the outcomes.",
        ) from exc


def _objection(row: sqlite3.Row) -> Objection:
    values: dict[str, Any] = dict(row)
    chosen = values["chosen_set"], values["chosen_entry"]
    decided_at = values["decided_at"]
    return Objection(
        decision=values["decision"],
        received_s=values["received_s"],
        deadline_s=values["deadline_s"],
        state=ObjectionState(values["state"]),
        event=ObjectionEvent(values["event"]),
        text=values["text"],
        language=values["language"],
        changed_s=values["changed_s"],
        reviewer=values["reviewer"],
        answer=values["answer"],
        chosen=None if None in chosen else chosen,
        instance=values["instance"],
        route=values["route"],
        decided_at=decided_at and datetime.fromisoformat(decided_at),
        reason=values["reason"],
        evidence=tuple(EvidenceShown(**it) for it in json.loads(values["evidence"])),
    )


def _evidence_text(shown: tuple[EvidenceShown, ...]) -> str:
    names = EvidenceShown.__slots__
    return json.dumps([{name: getattr(it, name) for name in names} for it in shown])


def _details(told: Objection) -> dict[str, object]:
    """Return the details for the record: nothing that a person wrote."""
    first = told.evidence[0] if told.evidence else None
    chosen = told.chosen or (first and (first.set, first.entry))
    evidence = next((it for it in told.evidence if (it.set, it.entry) == chosen), None)
    found: dict[str, object | None] = {
        "deadline": datetime.fromtimestamp(told.deadline_s, UTC).isoformat(),
        "route": told.route,
        "reviewer": told.reviewer or None,
    }
    if evidence is not None:
        found |= {
            "set": evidence.set,
            "entry": evidence.entry,
            "category": evidence.category,
            "kind": evidence.kind,
            "signal_type": evidence.signal_type,
            "chance": evidence.chance,
        }
    return {name: value for name, value in found.items() if value is not None}
