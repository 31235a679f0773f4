"""Records that last, as people read them."""

from datetime import UTC, date, datetime

from uploadfilter.cli.log.lasting import change_words, total_words
from uploadfilter.decisions.records.lasting import (
    By,
    Change,
    ChangeRecord,
    DayTotals,
    ShedsTotal,
    TotalRecord,
    UploadsTotal,
)
from uploadfilter.model import Action, Mode, Reason, Verdict

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


def test_change_in_words() -> None:
    """The change, its object, its author, its time, and its further details."""
    record = ChangeRecord(
        time=NOON,
        change=Change.IMPORT,
        at=NOON.replace(hour=9),
        by=By(uid=997, user="uploadfilter", sudo_user="alice"),
        subject="unit7",
        generation=5,
        details={"entries": 12, "enforced": False, "categories": ["1", "2"]},
    )

    assert change_words(record) == (
        "import  unit7  by uploadfilter (alice)  at 2026-11-25 09:00:00  "
        "generation 5  entries: 12, enforced: no, categories: 1 2"
    )


def test_long_details_are_cut() -> None:
    """A list of a thousand entries does not fill the screen."""
    entries = [f"entry-{number}" for number in range(1000)]
    record = ChangeRecord(
        time=NOON, change=Change.REVOKE, at=NOON, by=None, details={"entries": entries}
    )
    words = change_words(record)

    assert words.startswith("revoke  by an unknown user  entries: entry-0 entry-1")
    assert words.endswith("...")
    assert len(words) < 500


def test_totals_in_words() -> None:
    """The number of uploads, and their outcomes."""
    row = UploadsTotal(
        mode=Mode.ENFORCE,
        route="all",
        verdict=Verdict.MATCH,
        action=Action.REJECT,
        effect=Action.REJECT,
        reason=None,
        would=Action.REJECT,
        would_reason=None,
        status=403,
        uploads=1200,
        bytes=10,
        cpu_us=10,
    )
    shed = ShedsTotal(reason=Reason.OVERLOADED, status=503, uploads=4)
    totals = DayTotals(day=date(2026, 11, 24), uploads=(row,), sheds=(shed,))

    assert total_words(TotalRecord(time=NOON, totals=totals)) == (
        "2026-11-24  1,200 uploads, 1,200 MATCH, 1,200 REJECT, 4 without a decision"
    )
