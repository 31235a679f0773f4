"""Decisions to count, and the value of a series."""

from datetime import UTC, datetime

from prometheus_client.parser import text_string_to_metric_families

from uploadfilter.decisions.records.records import DecisionRecord
from uploadfilter.model import Action, Mode, Reason, Verdict
from uploadfilter.web.counting.metrics import Metrics


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    """Return the value of a series, as Prometheus would read it."""
    for family in text_string_to_metric_families(metrics.exposition().decode()):
        for sample in family.samples:
            if sample.name == f"uploadfilter_{name}" and sample.labels == labels:
                return float(sample.value)
    return None


def decision(
    verdict: Verdict = Verdict.NO_MATCH,
    action: Action = Action.ACCEPT,
    *,
    reason: Reason | None = None,
    client: str | None = "a" * 32,
) -> DecisionRecord:
    """Return a decision as it stands in the log."""
    return DecisionRecord(
        time=datetime(2026, 11, 25, tzinfo=UTC),
        id="20261125-00",
        instance="main",
        mode=Mode.ENFORCE,
        generation=1,
        verdict=verdict,
        action=action,
        effect=action,
        would=action,
        reason=reason,
        status=None,
        client=client,
        method="POST",
        size=1,
        duration_ms=1.0,
        contents=(),
        matches=(),
    )
