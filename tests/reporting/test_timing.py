"""Figures about time, and objections."""

from datetime import UTC, date, datetime

from uploadfilter.reporting.cells import Periods, cells_of
from uploadfilter.reporting.document import Figure, PublishedSet
from uploadfilter.reporting.gathered import GatheredLog
from uploadfilter.reporting.queries import QUERIES, rows_of
from uploadfilter.reporting.scanning import ChangeFact
from uploadfilter.reporting.timing import delays, silences

DAY = "2026-11-25"
PERIODS = Periods([date(2026, 11, 25), date(2026, 11, 26)], date(2026, 11, 27))


def change(what: str, at: str, subject: str = "", **details: object) -> ChangeFact:
    """Return a change on the first day, unless ``at`` names another one."""
    when = at if "-" in at else f"{DAY}T{at}Z"
    return ChangeFact(1, when, what, when, subject, details)


def log(label: str, *changes: ChangeFact, bits: int = 0) -> GatheredLog:
    """Return a log with some changes, and records in some minutes."""
    found = GatheredLog(label=label, since=f"{DAY}T00:00:00Z", until=f"{DAY}T00:09:00Z")
    found.changes = list(changes)
    found.part.minutes[DAY] = bits
    return found


def total(figures: list[Figure], query: str, *key: str) -> float | None:
    """Return the number of one figure."""
    return next(it.total for it in figures if (it.query, it.key) == (query, key))


def test_minutes_of_silence_are_those_between_records() -> None:
    """Of ten minutes, those without a record count; where all are silent, apart."""
    logs = [
        log("a", change("start", "00:05:00"), bits=0b1111100111),
        log("b", bits=0b0000001111),
    ]

    figures = list(silences(logs, PERIODS))

    assert total(figures, "known_minutes", "a") == 10
    assert total(figures, "silent_minutes", "a") == 2
    assert total(figures, "silent_everywhere", "a") == 1
    assert total(figures, "silent_minutes", "b") == 6
    assert total(figures, "starts", "a") == 1


def test_days_whose_records_are_gone_are_not_silent() -> None:
    """Retention is no downtime: such days are not known."""
    gone = log("a")
    gone.from_totals = [DAY]

    figures = list(silences([gone], PERIODS))

    assert total(figures, "known_minutes", "a") == 0
    assert total(figures, "silent_minutes", "a") == 0


def test_spread_is_from_the_first_log_to_the_last() -> None:
    """Of each signed set the first import of each log counts."""
    logs = [
        log(
            "a",
            change("import", "01:00:00", "unit7", sequence=1),
            change("import", "05:00:00", "unit7", sequence=1),
            change("import", "02:00:00", "unit7", sequence=2, withdrawn=3),
            change("import", "02:00:00", "local"),
        ),
        log(
            "b",
            change("import", "03:00:00", "unit7", sequence=1),
            change("import", "02:30:00", "unit7", sequence=2, withdrawn=3),
        ),
    ]

    figures = list(delays(logs, PERIODS))

    assert total(figures, "spread", "number") == 2
    assert total(figures, "spread", "most") == 2
    assert total(figures, "spread_withdrawals", "number") == 1
    assert total(figures, "spread_withdrawals", "median") == 0.5


def test_publication_is_the_word_of_the_issuer() -> None:
    """From the given time to the last log; sets without one are left out."""
    logs = [
        log(
            "a",
            change("import", "02:00:00", "unit7", sequence=1),
            change("import", "03:00:00", "unit7", sequence=2, withdrawn=1),
        ),
        log("b", change("import", "04:00:00", "unit7", sequence=1)),
    ]
    published = [
        PublishedSet(set="unit7", sequence=1, at=datetime(2026, 11, 25, 1, tzinfo=UTC))
    ]

    figures = list(delays(logs, PERIODS, published))

    assert total(figures, "enforced", "number") == 1
    assert total(figures, "enforced", "most") == 3
    assert total(figures, "released", "number") == 0


def objected() -> GatheredLog:
    """Return a log with three objections, of which one is reversed and one stands."""
    return log(
        "a",
        change("objection", "01:00:00", "x", state="received", signal_type="pdq"),
        change("objection", "02:00:00", "y", state="received", signal_type="sha256"),
        change("objection", "03:00:00", "z", state="received"),
        change("objection", "2026-11-26T13:00:00Z", "x", state="reversed",
               signal_type="pdq", kind="altered"),
        change("objection", "2026-11-26T14:00:00Z", "unknown", state="stands"),
    )  # fmt: skip


def test_objections_take_days() -> None:
    """From the receipt to the decision, in the period of the decision."""
    figures = list(delays([objected()], PERIODS))
    answered = next(
        it for it in figures if (it.query, it.key) == ("answered", ("most",))
    )

    assert answered.periods == (0, 1.5)


def test_objections_count_by_state_and_by_means() -> None:
    """Each event counts once; an objection counts for the means of its match."""
    cells = cells_of([objected()], PERIODS)
    found = {it.name: rows_of(it, cells, 2).values for it in QUERIES}

    assert found["objections"] == {
        ("received",): [3, 0],
        ("reversed",): [0, 1],
        ("stands",): [0, 1],
    }
    assert found["objections_by_means"] == {
        ("pdq",): [1, 0],
        ("digest",): [1, 0],
        ("unknown",): [1, 0],
    }
    assert found["granted_by_means"] == {("altered",): [0, 1]}
