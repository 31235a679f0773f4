"""Which refused uploads are on record by themselves, and how the others are counted."""

import itertools
from dataclasses import dataclass

import pytest
from msgspec.structs import replace

from tests.decisions.logs import (
    ACCEPTED,
    LISTED,
    NOON,
    REFUSED,
    REJECTED,
    decision,
)
from uploadfilter.decisions.judgement import Judgement
from uploadfilter.decisions.records.flooding import (
    AT_ONCE,
    CLIENTS_OF_A_NETWORK,
    MOST_GROUPS,
    NETWORK_BITS,
    PER_S,
    Flooding,
    Groups,
    Who,
    may_be_summarised,
)
from uploadfilter.decisions.records.making import match_records
from uploadfilter.decisions.records.records import moment
from uploadfilter.decisions.records.summaries import SummaryRecord
from uploadfilter.model import EXEMPTIONS, INCAPACITY, Action, Mode, Reason, Verdict
from uploadfilter.rejections import UNCOMPARED

BROKEN_OFF = replace(
    decision("d", REFUSED), reason=Reason.ABORTED, reasons=(Reason.ABORTED,), status=400
)
SOMEBODY = Who("00ff")


@dataclass(slots=True)
class Flood:
    """Interrupted uploads, some with decisions and some without."""

    flooding: Flooding
    now_s: float = 1000.0
    listed: int = 0

    def run(self, who: Who, *, uploads: int, every_s: float = 0.0) -> None:
        """Break off a number of uploads."""
        for _ in range(uploads):
            self.now_s += every_s
            if self.flooding.is_listed(now_s=self.now_s):
                self.listed += 1
            else:
                self.flooding.add(who, BROKEN_OFF)

    def summaries(self) -> list[SummaryRecord]:
        """Return the counts."""
        return list(self.flooding.take(now=moment(NOON)))


@pytest.fixture
def flood() -> Flood:
    """Nobody has been refused yet."""
    return Flood(Flooding(Groups()))


def test_what_matched_or_went_on_or_was_inspected_is_never_summarised() -> None:
    """Only refusals of a request without a match may be counted instead of recorded."""
    listed = match_records([LISTED], ())
    refused = decision("d", REFUSED)
    found = 0
    for verdict, effect, reason, matches in itertools.product(
        Verdict,
        Action,
        [None, *Reason],
        [(), listed],
    ):
        record = replace(
            refused,
            verdict=verdict,
            effect=effect,
            reason=reason,
            matches=matches,
        )
        if may_be_summarised(record):
            found += 1
            assert verdict is not Verdict.MATCH
            assert not matches
            assert effect is not Action.ACCEPT
            assert reason in UNCOMPARED

    assert found


def test_summarised_reasons_end_a_request_before_its_inspection() -> None:
    """Failures of the proxy and exemptions by the operator are not among them."""
    assert not UNCOMPARED & (INCAPACITY | EXEMPTIONS)
    assert {Reason.UNDECODABLE, Reason.LOW_QUALITY, Reason.NEAR_MATCH}.isdisjoint(
        UNCOMPARED
    )


@pytest.mark.parametrize("judgement", [ACCEPTED, REJECTED])
def test_other_decisions_cannot_be_counted(flood: Flood, judgement: Judgement) -> None:
    """A mistake of the caller ends in an error, never in a match that is not told."""
    with pytest.raises(ValueError, match="by itself"):
        flood.flooding.add(SOMEBODY, decision("d", judgement))


def test_first_ones_have_decisions(flood: Flood) -> None:
    """A person whose connection breaks is never merely counted."""
    flood.run(SOMEBODY, uploads=int(AT_ONCE))

    assert flood.listed == AT_ONCE
    assert flood.summaries() == []


def test_others_are_one_summary(flood: Flood) -> None:
    """However many there are, they are one record with their number and their bytes."""
    flood.run(SOMEBODY, uploads=10_000)
    (summary,) = flood.summaries()
    (row,) = summary.uploads

    assert summary.client == "00ff"
    assert summary.count == row.uploads == 10_000 - flood.listed
    assert row.bytes == BROKEN_OFF.size * row.uploads
    assert (row.reason, row.status, row.mode) == (Reason.ABORTED, 400, Mode.ENFORCE)
    assert [(it.reason, it.uploads) for it in summary.reasons] == [
        (Reason.ABORTED, row.uploads)
    ]
    assert flood.summaries() == []


def test_summary_says_when_the_first_and_the_last_came(flood: Flood) -> None:
    """This also holds if the clock was put back meanwhile."""
    for second in (5, 3, 9):
        record = replace(BROKEN_OFF, time=moment(NOON + second))
        flood.flooding.add(SOMEBODY, record)
    (summary,) = flood.summaries()

    assert (summary.since, summary.until) == (moment(NOON + 3), moment(NOON + 9))


@pytest.mark.parametrize("clients", [1, 3000])
def test_rate_is_kept_for_hours(flood: Flood, clients: int) -> None:
    """Nobody fills the disk, with however many addresses, and none is forgotten."""
    hour_s, every_s = 3600, 0.02
    begun = int(hour_s / every_s)
    for number in range(begun):
        flood.run(Who(f"{number % clients:04x}"), uploads=1, every_s=every_s)
    summaries = flood.summaries()

    assert abs(flood.listed - AT_ONCE - PER_S * hour_s) <= 1
    assert len(summaries) <= MOST_GROUPS + 1
    assert sum(it.count for it in summaries) == begun - flood.listed


def test_clock_that_goes_back_adds_nothing(flood: Flood) -> None:
    """Nor does the time until it is where it was, twice."""
    flood.run(SOMEBODY, uploads=int(AT_ONCE))
    flood.now_s -= 500
    flood.run(SOMEBODY, uploads=100)

    assert flood.listed == AT_ONCE


def test_networks_of_one_customer_have_few_summaries(flood: Flood) -> None:
    """65,536 clients of a /48 are counted as their network."""
    flood.run(SOMEBODY, uploads=int(AT_ONCE))
    for number in range(2000):
        flood.run(Who(f"{number:04x}", network="ffff"), uploads=2)
    summaries = flood.summaries()
    network = [it for it in summaries if it.prefix == NETWORK_BITS]

    assert len(summaries) <= CLIENTS_OF_A_NETWORK + 1
    assert [it.client for it in network] == ["ffff"]
    assert sum(it.count for it in summaries) == 4000
