"""Canaries are counted apart from uploads."""

from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

from uploadfilter.decisions.records.records import CanaryRecord
from uploadfilter.model import Action, Mode, Verdict
from uploadfilter.web.counting.canaries import CanaryCounts, Result


@pytest.mark.parametrize("is_listed", [True, False])
@pytest.mark.parametrize("verdict", Verdict)
def test_only_a_match_is_found(verdict: Verdict, is_listed: bool) -> None:
    """A canary that could not be inspected counts as missed, listed or not."""
    registry = CollectorRegistry()
    counts = CanaryCounts(registry, "x")
    record = CanaryRecord(
        time=datetime(2026, 11, 27, tzinfo=UTC),
        id="d",
        instance="main",
        mode=Mode.ENFORCE,
        generation=1,
        verdict=verdict,
        action=Action.REJECT,
        effect=Action.REJECT,
        reason=None,
        status=403,
        route="default",
        duration_ms=1.0,
    )
    result = counts.decided(record, is_listed=is_listed)
    counts.refused()
    told = generate_latest(registry).decode()

    assert (result is Result.FOUND) is (verdict is Verdict.MATCH)
    is_clean = verdict is Verdict.NO_MATCH
    assert (result is Result.UNLISTED) is (is_clean and not is_listed)
    for name in Result:
        count = float(name in {result, Result.REFUSED})
        assert f'x_canaries_total{{result="{name}"}} {count}' in told
