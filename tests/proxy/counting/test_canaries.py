"""Canaries are counted apart from uploads."""

from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

from uploadfilter.decisions.records.records import CanaryRecord
from uploadfilter.model import Action, Mode, Verdict
from uploadfilter.proxy.counting.canaries import CanaryCounts, Result


@pytest.mark.parametrize("verdict", Verdict)
def test_only_a_match_is_found(verdict: Verdict) -> None:
    """A canary that could not be inspected counts as missed."""
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
    result = counts.decided(record)
    counts.refused()
    told = generate_latest(registry).decode()

    assert (result is Result.FOUND) is (verdict is Verdict.MATCH)
    for name in Result:
        count = float(name in {result, Result.REFUSED})
        assert f'x_canaries_total{{result="{name}"}} {count}' in told
