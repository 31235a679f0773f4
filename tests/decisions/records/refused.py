"""Summaries of refused uploads."""

from msgspec.structs import replace

from tests.decisions.logs import NOON, REFUSED, decision
from uploadfilter.decisions.records.records import moment
from uploadfilter.decisions.records.summaries import SummaryRecord
from uploadfilter.decisions.records.totals import DayCounts
from uploadfilter.model import Reason


def summary(count: int, route: str = "all") -> SummaryRecord:
    """Return refused uploads without their own decision."""
    tally = DayCounts()
    for _ in range(count):
        refused = replace(decision("d", REFUSED), route=route)
        tally.decided(replace(refused, reasons=(Reason.MALFORMED_FORM,)))
    totals = tally.totals(moment(NOON).date())
    return SummaryRecord(
        time=moment(NOON),
        client="00ff",
        prefix=None,
        since=moment(NOON),
        until=moment(NOON),
        uploads=totals.uploads,
        reasons=totals.reasons,
    )
