"""Counting many records at once."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reporting.logs import lines_of, records
from uploadfilter.decisions.records.records import Record
from uploadfilter.reporting.counting import count, labels_in, labels_of
from uploadfilter.reporting.lines import MatchFields, read_lines
from uploadfilter.reporting.obvious import count_plainly
from uploadfilter.reporting.tables import CountTable, Part, packed


@settings(max_examples=30)
@given(st.lists(records, max_size=30))
def test_fast_count_is_the_plain_one(found: list[Record]) -> None:
    """Records counted many at once have the counts of records taken one by one."""
    lines = lines_of(found)

    assert count(read_lines(b"\n".join(lines))) == count_plainly(lines)


@settings(max_examples=15)
@given(st.lists(records, max_size=20), st.randoms(use_true_random=False))
def test_parts_add_up_in_any_order(found: list[Record], random: object) -> None:
    """However records are divided, and whichever part comes first, counts agree."""
    lines = lines_of(found)
    shuffled = lines.copy()
    random.shuffle(shuffled)  # type: ignore[attr-defined] # Hypothesis's own Random
    whole = Part()
    for start in range(0, len(shuffled), 3):
        whole.merge(count(read_lines(b"\n".join(shuffled[start : start + 3]))))

    assert packed(whole) == packed(count_plainly(lines))


def test_labels_beyond_the_most_count_together() -> None:
    """A row names eight groups of matches; the others are the set ``*``."""
    found = [MatchFields(f"s{n}", "1", "active", "md5") for n in range(10)]

    rows = labels_in(labels_of(found))

    assert len(rows) == 9
    assert rows[-1] == ("*", "*", "*", "md5")


def test_uploads_that_were_turned_away_are_counted() -> None:
    """A record of uploads that were turned away counts as many as it says."""
    line = (
        b'{"record":"shed","seq":1,"previous":"","time":"2026-11-25T12:00:00Z",'
        b'"reason":"overloaded","status":503,"count":7}'
    )

    part = count(read_lines(line))

    assert part.tables[CountTable.SHEDS] == {("2026-11-25", "overloaded", 503): [7]}
