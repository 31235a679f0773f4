"""Turn records into notifications for the operator's own systems.

Rules this module keeps: it is pure; a notification has no picture, no address of a
client, not even a hashed one, and no text that an uploader typed.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

import msgspec

from uploadfilter.decisions.records.lasting import Change, ChangeRecord
from uploadfilter.decisions.records.records import (
    CopyRecord,
    DecisionRecord,
    MatchRecord,
    Record,
)
from uploadfilter.model import Verdict


class Topic(StrEnum):
    """What a notification is about."""

    MATCH = "match"
    COPY = "copy"
    DEMOTION = "demotion"
    OBJECTION = "objection"
    STALE_SET = "stale_set"


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """A notification, in the form of Standard Webhooks.

    Attributes:
        timestamp: When it happened, UTC.
        data: What happened; see ``docs/operating/webhooks.md``.
    """

    type: Topic
    timestamp: datetime
    data: dict[str, object]


_CHANGES = {Change.DEMOTE: Topic.DEMOTION, Change.OBJECTION: Topic.OBJECTION}


def notification_of(record: Record, instance: str) -> Notification | None:
    """Return the notification about a record; ``None`` if nobody wants one."""
    match record:
        case DecisionRecord(verdict=Verdict.MATCH):
            return Notification(
                type=Topic.MATCH, timestamp=record.time, data=_of_match(record)
            )
        case CopyRecord(is_altered=True):
            return Notification(
                type=Topic.COPY,
                timestamp=record.time,
                data={
                    "instance": instance,
                    "decision": record.decision,
                    "matches": _matches(record.matches),
                },
            )
        case ChangeRecord() if record.change in _CHANGES:
            return Notification(
                type=_CHANGES[record.change],
                timestamp=record.at,
                data={
                    "instance": instance,
                    "subject": record.subject,
                    **record.details,
                },
            )
    return None


def _of_match(record: DecisionRecord) -> dict[str, object]:
    return {
        "instance": record.instance,
        "decision": record.id,
        "route": record.route,
        "mode": record.mode,
        "verdict": record.verdict,
        "action": record.action,
        "effect": record.effect,
        "status": record.status,
        "altered": record.altered,
        "matches": _matches(record.matches),
        "matches_omitted": record.matches_omitted,
    }


def _matches(matches: Iterable[MatchRecord]) -> list[dict[str, object]]:
    return [
        {
            "content": it.content,
            "set": it.set,
            "entry": it.entry,
            "category": it.category,
            "state": it.state,
            "signal": it.signal_type,
            "kind": it.kind,
            "distance": it.distance,
            "expected": it.chance,
            "frame_s": it.frame_s,
        }
        for it in matches
    ]
