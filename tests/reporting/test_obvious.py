"""The plain count, held to totals that are counted for each day."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reporting.logs import lines_of, records
from uploadfilter.decisions.records.lasting import TotalRecord
from uploadfilter.decisions.records.records import Record
from uploadfilter.decisions.records.totals import MOST_DAYS, OpenDays
from uploadfilter.reporting.counting import count_totals
from uploadfilter.reporting.lines import TotalLine, read_line
from uploadfilter.reporting.obvious import count_plainly
from uploadfilter.reporting.tables import OF_TOTALS, Part


@settings(max_examples=20)
@given(st.lists(records, max_size=20))
def test_plain_count_is_that_of_day_totals(found: list[Record]) -> None:
    """What a log's own totals say of its days is what the records say."""
    days = OpenDays()
    for record in found:
        days.count(record)
    totals = Part()
    for day in days.totals():
        line = lines_of([TotalRecord(time=found[0].time, totals=day)])[0]
        small = read_line(line)
        assert isinstance(small, TotalLine)
        count_totals(totals, small.totals)
    counted = count_plainly(lines_of(found))

    if len({it.time.date() for it in found}) < MOST_DAYS:
        for table in OF_TOTALS:
            assert totals.tables[table] == counted.tables[table]
