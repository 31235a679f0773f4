"""Read what earlier versions kept: objections by columns, notices in another file."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from uploadfilter.forms.cases import EvidenceShown, Objection, ObjectionState

_STATES: Final = {
    "received": ObjectionState.RECEIVED,
    **dict.fromkeys(("denied", "upheld"), ObjectionState.STANDS),
    **dict.fromkeys(
        ("granted", "overturned", "suppressed", "asked", "withdrawn"),
        ObjectionState.REVERSED,
    ),
}
"""The states of the formats 1 and 2, and what each is called now."""


def read_former(db: sqlite3.Connection) -> list[Objection]:
    """Return the objections of format 1 or 2, and remove them from the file.

    Events that a proxy has not recorded yet get their present names; the warnings that
    there were go.
    """
    found = [_objection(dict(row)) for row in db.execute("SELECT * FROM objections")]
    for old, new in _STATES.items():
        db.execute("UPDATE events SET event = ? WHERE event = ?", (new, old))
    db.execute("DELETE FROM events WHERE event IN ('reminded', 'overdue')")
    db.execute("DROP TABLE objections")
    return found


def read_former_notices(path: Path) -> Iterator[tuple[float, dict[str, Any]]]:
    """Yield the notices in the file of an earlier version, with the time of each."""
    if not path.exists():
        return
    with closing(sqlite3.connect(path)) as db:
        db.row_factory = sqlite3.Row
        for row in db.execute("SELECT * FROM notices"):
            at = datetime.fromtimestamp(row["received_s"], UTC)
            names = ("what", "contact", "language")
            yield (
                row["received_s"],
                {
                    "notice": 1,
                    "id": row["id"],
                    "received": at.isoformat(timespec="seconds"),
                    "where": row["place"],
                    **{name: row[name] for name in names},
                },
            )


def _objection(row: dict[str, Any]) -> Objection:
    at, chosen = row["decided_at"], (row["chosen_set"], row["chosen_entry"])
    return Objection(
        decision=row["decision"],
        received_s=row["received_s"],
        deadline_s=row["deadline_s"],
        changed_s=row["changed_s"],
        state=_STATES[row["state"]],
        text=row["text"],
        language=row["language"],
        reviewer=row["reviewer"],
        answer=row["answer"],
        entry=None if None in chosen else chosen,
        instance=row["instance"],
        route=row["route"],
        rejected_at=at and datetime.fromisoformat(at),
        reason=row["reason"],
        evidence=msgspec.json.decode(row["evidence"], type=tuple[EvidenceShown, ...]),
    )
