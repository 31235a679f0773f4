"""The counts of an operator's logs for the entries of one set."""

from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
import pytest

from tests.decisions.logs import (
    ACCEPTED,
    NOON,
    decision,
    write_log,
)
from tests.syncing.matched import matched
from uploadfilter.decisions.records.lasting import By, Change, ChangeRecord, Mark
from uploadfilter.decisions.records.records import moment
from uploadfilter.errors import FeedbackError
from uploadfilter.model import Action, SignalType
from uploadfilter.signedsets.feedback import EntryLine, entry_line
from uploadfilter.syncing import feedback
from uploadfilter.syncing.feedback import gathered, numbers_of

FIRST, SECOND, THIRD = date(2026, 11, 25), date(2026, 11, 26), date(2026, 11, 27)


def changed(
    number: int, change: Change, subject: str, **details: object
) -> ChangeRecord:
    """Return the lines that the log took from the journal."""
    at = datetime.fromtimestamp(NOON, UTC)
    return ChangeRecord(
        time=at,
        change=change,
        at=at,
        by=By(uid=1),
        subject=subject,
        details=details,
        mark=Mark(number=number, hash=f"{number:064}"),
    )


def test_uploads_are_counted_by_entry_and_day(tmp_path: Path) -> None:
    """Two matching signals of an entry make one match; only one set is counted."""
    write_log(
        tmp_path,
        [
            [
                matched("a", "p-1", "p-1", "p-2"),
                matched("b", "p-1", kind=SignalType.PDQ),
                matched("c", "p-9", of="other"),
                decision("d", ACCEPTED),
            ],
            [matched("e", "p-1")],
            [matched("f", "p-3")],
        ],
    )

    found = gathered([tmp_path], "demo", FIRST, SECOND)

    assert list(found.lines()) == [
        EntryLine(id="p-1", days={FIRST: 2, SECOND: 1}, exact=2, rejected=3),
        EntryLine(id="p-2", days={FIRST: 1}, exact=1, rejected=1),
    ]


def test_what_only_monitoring_recorded_is_not_rejected(tmp_path: Path) -> None:
    """The effect counts, and not the action by the policy."""
    passed = msgspec.structs.replace(
        matched("a", "p-1"), effect=Action.ACCEPT, status=None
    )
    write_log(tmp_path, [[passed]])

    (line,) = gathered([tmp_path], "demo", FIRST, FIRST).lines()

    assert (line.matches, line.rejected) == (1, 0)


def test_logs_of_several_proxies_are_added_up(tmp_path: Path) -> None:
    """The uploads of each proxy count; a change that all of them recorded is one."""
    for name in ("a", "b"):
        write_log(
            tmp_path / name,
            [[matched("x", "p-1"), changed(1, Change.SUPPRESS, "demo/p-1")]],
        )

    (line,) = gathered([tmp_path / "a", tmp_path / "b"], "demo", FIRST, THIRD).lines()

    assert (line.matches, line.suppressed) == (2, 1)


def test_suppressions_and_numbers_are_told(tmp_path: Path) -> None:
    """They are those of this set; a number counts from its first day in force."""
    write_log(
        tmp_path,
        [
            [
                changed(1, Change.IMPORT, "demo", sequence=7),
                changed(2, Change.IMPORT, "other", sequence=9),
                changed(3, Change.IMPORT, "demo"),
                changed(4, Change.SUPPRESS, "demo/a/b"),
                changed(5, Change.SUPPRESS, "other/p-1"),
            ]
        ],
    )

    found = gathered([tmp_path], "demo", FIRST, FIRST)

    assert [(it.sequence, it.day) for it in numbers_of(found)] == [(7, FIRST)]
    assert list(found.lines()) == [EntryLine(id="a/b", suppressed=1)]


def test_what_is_held_back_is_told_without_a_match(tmp_path: Path) -> None:
    """An entry in quarantine is listed, although it cannot match."""
    write_log(tmp_path, [[matched("a", "p-2")]])

    lines = list(gathered([tmp_path], "demo", FIRST, FIRST).lines(["p-1", "p-2"]))

    assert [(it.id, it.quarantined, it.matches) for it in lines] == [
        ("p-1", True, 0),
        ("p-2", True, 1),
    ]


def test_uploads_with_more_matches_than_a_record_lists_are_told(tmp_path: Path) -> None:
    """Their other matching entries are unknown."""
    record = msgspec.structs.replace(matched("a", "p-1"), matches_omitted=3)
    write_log(tmp_path, [[record]])

    assert gathered([tmp_path], "demo", FIRST, FIRST).omitted == 1


def test_days_of_which_matches_are_gone_are_told(tmp_path: Path) -> None:
    """A deleted segment is not a day without a match."""
    write_log(tmp_path, [[matched("a", "p-1")], [matched("b", "p-1")], []])
    (segment,) = [
        it for it in sorted(tmp_path.glob("*")) if f"{FIRST:%Y%m%d}" in it.name
    ][-1:]
    if b'"p-1"' in segment.read_bytes():
        segment.unlink()

    found = gathered([tmp_path], "demo", FIRST, THIRD)

    assert found.gaps
    assert all(FIRST <= begin <= end <= THIRD for begin, end in found.gaps)


def test_most_entries_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over the limit no file is made: a part of it would look complete."""
    monkeypatch.setattr(feedback, "MOST_ENTRIES", 2)
    write_log(tmp_path, [[matched("a", "p-1", "p-2", "p-3")]])

    with pytest.raises(FeedbackError, match="more than 2 entries"):
        gathered([tmp_path], "demo", FIRST, FIRST)


def test_log_that_is_not_there_counts_nothing() -> None:
    """This is a proxy that has never decided anything."""
    assert list(gathered([], "demo", FIRST, FIRST).lines()) == []


def objected(
    state: str, of: str = "demo", entry: str = "p-1", **more: object
) -> ChangeRecord:
    """Return the record of an objection."""
    return ChangeRecord(
        time=moment(NOON),
        change=Change.OBJECTION,
        at=moment(NOON),
        by=None,
        subject="20261128-0123456789abcdef0123",
        details={"state": state, "set": of, "entry": entry, "number": 1, **more},
    )


def test_objections_are_counted_by_entry(tmp_path: Path) -> None:
    """Of this set alone; nothing of the decision is told."""
    records = [
        objected("received"),
        objected("received"),
        objected("reversed", switched_off=True),
        objected("reversed", switched_off=True),
        objected("reversed"),
        objected("stands"),
        objected("received", of="other"),
    ]
    write_log(tmp_path, [records])
    day = moment(NOON).date()
    (line,) = gathered([tmp_path], "demo", day, day).lines()

    assert (line.id, line.objections, line.asked) == ("p-1", 2, 2)
    assert b"0123456789abcdef0123" not in entry_line(line)
