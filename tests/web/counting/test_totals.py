"""Counters on the operator's page."""

from dataclasses import replace

from tests.decisions.logs import ACCEPTED, REJECTED, decision
from uploadfilter.model import Action, Verdict
from uploadfilter.web.counting.totals import Totals


def test_what_would_be_done_is_counted_beside_what_was_done() -> None:
    """A match with a set that is only monitored counts as one to be rejected."""
    totals = Totals()
    monitored = replace(ACCEPTED, verdict=Verdict.MATCH, would=Action.REJECT)
    for judged in (ACCEPTED, REJECTED, monitored):
        totals.decided(decision("d", judged))

    assert totals.verdicts == {Verdict.NO_MATCH: 1, Verdict.MATCH: 2}
    assert totals.effects == {Action.ACCEPT: 2, Action.REJECT: 1}
    assert totals.would == {Action.ACCEPT: 1, Action.REJECT: 2}
