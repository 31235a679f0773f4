"""Which records an operator's own system is told of, and what it gets."""

import msgspec
import pytest

from tests.decisions.logs import ACCEPTED, REFUSED, REJECTED, decision
from tests.reporting.site import ALTERED_COPY
from uploadfilter.decisions.judgement import Judgement
from uploadfilter.decisions.records.lasting import Change, ChangeRecord
from uploadfilter.decisions.records.notifications import Topic, notification_of
from uploadfilter.decisions.records.records import CopyRecord, moment
from uploadfilter.model import MatchKind

NOON = moment(1_800_000_000)


def change(kind: Change, **details: object) -> ChangeRecord:
    """Make the record of a change."""
    return ChangeRecord(time=NOON, change=kind, at=NOON, by=None, details=details)


def test_match_is_told_with_its_entries_and_without_the_client() -> None:
    """No address, not even a hashed one, and nothing of the picture."""
    record = decision(judgement=REJECTED)
    told = notification_of(record, "main")

    assert told is not None
    assert told.type is Topic.MATCH
    assert told.data["decision"] == record.id
    assert "client" not in told.data
    assert msgspec.json.decode(msgspec.json.encode(told))["timestamp"]


@pytest.mark.parametrize("judgement", [ACCEPTED, REFUSED])
def test_other_decisions_are_not_told(judgement: Judgement) -> None:
    """They are in the log."""
    assert notification_of(decision(judgement=judgement), "main") is None


@pytest.mark.parametrize(
    ("kind", "topic"), [(MatchKind.ALTERED, Topic.COPY), (MatchKind.NEAR, None)]
)
def test_copy_is_told_with_its_decision_unless_chance_explains_it(
    kind: MatchKind, topic: Topic | None
) -> None:
    """The answer is long sent, so the event names the decision that stays."""
    match = msgspec.structs.replace(ALTERED_COPY, kind=kind)
    record = CopyRecord(time=NOON, decision="a", generation=7, matches=(match,))
    told = notification_of(record, "main")

    assert (told and told.type) == topic
    if told:
        data = msgspec.json.decode(msgspec.json.encode(told))["data"]
        assert (data["instance"], data["decision"]) == ("main", "a")
        assert [it["entry"] for it in data["matches"]] == [match.entry]


@pytest.mark.parametrize(
    ("kind", "topic"),
    [
        (Change.DEMOTE, Topic.DEMOTION),
        (Change.OBJECTION, Topic.OBJECTION),
        (Change.IMPORT, None),
        (Change.START, None),
    ],
)
def test_changes_that_need_a_person_are_told(kind: Change, topic: Topic | None) -> None:
    """Others are the operator's own acts."""
    told = notification_of(change(kind, set="unit7", entry="e"), "second")

    assert (told and told.type) == topic
    if told:
        assert told.data["instance"] == "second"
        assert (told.data["set"], told.data["entry"]) == ("unit7", "e")
