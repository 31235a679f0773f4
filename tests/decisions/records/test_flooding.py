"""Which refused uploads are on record by themselves, and how the others are counted."""

import itertools
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
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
    AT_ONCE_OF_ALL,
    CLIENTS_OF_A_NETWORK,
    MOST_GROUPS,
    NETWORK_BITS,
    PER_S,
    PER_S_OF_ALL,
    SUMMARISED,
    Flooding,
    Groups,
    Who,
    may_be_summarised,
)
from uploadfilter.decisions.records.making import match_records
from uploadfilter.decisions.records.records import moment
from uploadfilter.decisions.records.summaries import SummaryRecord
from uploadfilter.model import (
    EXEMPTIONS,
    INCAPACITY,
    Action,
    Mode,
    Reason,
    Verdict,
)

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
            if self.flooding.is_listed(who, now_s=self.now_s):
                self.listed += 1
            else:
                self.flooding.add(who, BROKEN_OFF)

    def summaries(self) -> list[SummaryRecord]:
        """Return the counts."""
        return list(self.flooding.take(now=moment(NOON), now_s=self.now_s))


@pytest.fixture
def flood() -> Flood:
    """Nobody has been refused yet."""
    return Flood(Flooding(Groups()))


def test_what_matched_or_went_on_or_was_inspected_is_never_summarised() -> None:
    """Only refusals of a request without a match may be counted instead of recorded."""
    listed = match_records([LISTED], ())
    refused = decision("d", REFUSED)
    found = 0
    for verdict, effect, reason, status, matches in itertools.product(
        Verdict,
        Action,
        [None, *Reason],
        [None, 400, 403, 408, 413, 415, 503],
        [(), listed],
    ):
        record = replace(
            refused,
            verdict=verdict,
            effect=effect,
            reason=reason,
            status=status,
            matches=matches,
        )
        if may_be_summarised(record):
            found += 1
            assert verdict is not Verdict.MATCH
            assert not matches
            assert effect is not Action.ACCEPT
            assert status not in {None, 403}
            assert reason in SUMMARISED

    assert found


def test_summarised_reasons_end_a_request_before_its_inspection() -> None:
    """Failures of the proxy and exemptions by the operator are not among them."""
    assert not SUMMARISED & (INCAPACITY | EXEMPTIONS)
    assert {Reason.UNDECODABLE, Reason.LOW_QUALITY, Reason.NEAR_MATCH}.isdisjoint(
        SUMMARISED
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


def test_rate_is_kept_for_hours(flood: Flood) -> None:
    """One client writes at most its rate, for as long as it goes on."""
    hour_s, every_s = 3600, 0.05
    flood.run(SOMEBODY, uploads=int(hour_s / every_s), every_s=every_s)

    assert flood.listed <= AT_ONCE + PER_S * hour_s + 1
    assert flood.listed >= PER_S * hour_s


def test_one_client_does_not_take_the_records_of_another(flood: Flood) -> None:
    """Uploads of a flooding client are summarised; others have decisions."""
    flood.run(SOMEBODY, uploads=100_000, every_s=0.001)
    flood.listed = 0
    flood.run(Who("0abc"), uploads=20)

    assert flood.listed == 20


def test_networks_of_one_customer_have_one_rate(flood: Flood) -> None:
    """65,536 clients of a /48 write no more decisions than one, and few summaries."""
    for number in range(2000):
        flood.run(Who(f"{number:04x}", network="ffff"), uploads=2)
    summaries = flood.summaries()
    network = [it for it in summaries if it.prefix == NETWORK_BITS]

    assert flood.listed == AT_ONCE
    assert len(summaries) <= CLIENTS_OF_A_NETWORK + 1
    assert [it.client for it in network] == ["ffff"]
    assert sum(it.count for it in summaries) == 4000 - AT_ONCE


def test_all_clients_together_have_a_rate(flood: Flood) -> None:
    """Thousands of addresses do not fill the disk either, and none is forgotten."""
    for number in range(3000):
        flood.run(Who(f"{number:04x}"), uploads=10)
    summaries = flood.summaries()

    assert flood.listed == AT_ONCE_OF_ALL
    assert len(summaries) <= MOST_GROUPS + 1
    assert sum(it.count for it in summaries) == 30_000 - flood.listed


def test_address_that_many_share_has_the_rate_of_all(flood: Flood) -> None:
    """Uploads through an unknown front end are not charged to one client."""
    flood.run(Who("00ff", is_shared=True), uploads=10 * int(AT_ONCE))
    flood.run(Who("00ff", is_shared=True), uploads=100, every_s=1 / PER_S_OF_ALL)

    assert flood.listed == 10 * AT_ONCE + 100


@given(
    steps=st.lists(
        st.tuples(
            st.builds(
                Who,
                st.sampled_from(["a", "b", None]),
                st.sampled_from(["n", None]),
                st.booleans(),
            ),
            st.sampled_from([0.0, 0.3, 90.0]),
            st.sampled_from([1, 20, 65]),
            st.booleans(),
        ),
        max_size=10,
    )
)
@settings(max_examples=25)
def test_every_upload_is_either_listed_or_counted(
    steps: list[tuple[Who, float, int, bool]],
) -> None:
    """The rates are those of the slow twin, and the sums of all records agree."""
    flood, twin = Flood(Flooding(Groups())), Twin()
    begun = counted = 0
    for who, pause_s, uploads, is_minute in steps:
        flood.now_s += pause_s
        for _ in range(uploads):
            before = flood.listed
            flood.run(who, uploads=1)
            assert (flood.listed > before) is twin.lists(who, flood.now_s)
        begun += uploads
        if is_minute:
            counted += sum(it.count for it in flood.summaries())
    counted += sum(it.count for it in flood.summaries())

    assert flood.listed + counted == begun


class Twin:
    """The rates, reckoned at each upload from all that were listed before it."""

    def __init__(self) -> None:
        self._listed: list[tuple[Who, float]] = []

    def lists(self, who: Who, now_s: float) -> bool:
        """Tell whether an upload has a decision, and remember it if so."""
        of_all = [at for _, at in self._listed]
        fits = _left(AT_ONCE_OF_ALL, PER_S_OF_ALL, of_all, now_s) >= 1
        own = [(it, at) for it, at in self._listed if not it.is_shared]
        if not who.is_shared:
            of_client = [at for it, at in own if it.client == who.client]
            fits = fits and _left(AT_ONCE, PER_S, of_client, now_s) >= 1
        if not who.is_shared and who.network is not None:
            of_network = [at for it, at in own if it.network == who.network]
            fits = fits and _left(AT_ONCE, PER_S, of_network, now_s) >= 1
        if fits:
            self._listed.append((who, now_s))
        return fits


def _left(most: float, per_s: float, taken: list[float], now_s: float) -> float:
    left, at_s = most, taken[0] if taken else now_s
    for time_s in taken:
        left = min(most, left + (time_s - at_s) * per_s) - 1
        at_s = time_s
    return min(most, left + (now_s - at_s) * per_s)
