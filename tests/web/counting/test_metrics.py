"""The proxy's counters, and labels that clients must not create."""

from collections.abc import Sequence

import pytest

from tests.web.counting.samples import decision, value
from uploadfilter.model import INCAPACITY, Reason, Verdict
from uploadfilter.web.counting.labels import (
    Limit,
    OriginOutcome,
    Phase,
    Reload,
    RequestKind,
    outcome_of,
)
from uploadfilter.web.counting.metrics import DURATIONS_KEPT, Metrics
from uploadfilter.web.origins.failing import OriginFailure


def test_requests_are_counted_by_kind_and_status() -> None:
    """Two answers of a kind with one status are one series of two."""
    metrics = Metrics()

    metrics.answered(RequestKind.PASSED, 304)
    metrics.answered(RequestKind.PASSED, 304)
    metrics.answered(RequestKind.UPLOAD, 403)

    assert value(metrics, "requests_total", kind="passed", status="304") == 2
    assert value(metrics, "requests_total", kind="upload", status="403") == 1


@pytest.mark.parametrize(
    ("status", "label"),
    [
        pytest.param(None, "none", id="client-gone"),
        pytest.param(599, "other", id="made-up"),
        pytest.param(200, "200", id="registered"),
    ],
)
def test_status_labels_are_registered_ones(status: int | None, label: str) -> None:
    """An origin that makes statuses up cannot make series grow."""
    metrics = Metrics()

    metrics.answered(RequestKind.PASSED, status)

    assert value(metrics, "requests_total", kind="passed", status=label) == 1


def test_decisions_are_counted_and_remembered() -> None:
    """A decision on record is a series and a row of the page."""
    metrics = Metrics()

    metrics.decided(decision(Verdict.INCONCLUSIVE, reason=Reason.ENCRYPTED))

    labels = {
        "verdict": "INCONCLUSIVE",
        "action": "ACCEPT",
        "effect": "ACCEPT",
        "reason": "encrypted",
        "mode": "ENFORCE",
    }
    assert value(metrics, "uploads_total", **labels) == 1
    assert [recent.reason for recent in metrics.recent] == [Reason.ENCRYPTED]


@pytest.mark.parametrize(
    ("name", "label", "values"),
    [
        ("uploads_shed_total", "reason", [str(reason) for reason in INCAPACITY]),
        ("limits_reached_total", "limit", [str(limit) for limit in Limit]),
        ("outcomes_total", "outcome", [str(outcome) for outcome in OriginOutcome]),
        (
            "origin_failures_total",
            "failure",
            [failure.name.lower() for failure in OriginFailure],
        ),
        ("phase_seconds_count", "phase", [str(phase) for phase in Phase]),
        ("reloads_total", "result", [str(result) for result in Reload]),
    ],
)
def test_series_of_small_domains_exist_from_the_start(
    name: str, label: str, values: Sequence[str]
) -> None:
    """An alert sees the first event: a series that begins at 1 never rose."""
    metrics = Metrics()

    assert {value(metrics, name, **{label: item}) for item in values} == {0.0}


def test_each_fact_moves_its_series() -> None:
    """Every method of ``Metrics`` is seen by Prometheus."""
    metrics = Metrics()

    metrics.moved(received=10, sent=20)
    metrics.took(Phase.SCAN, 0.003)
    metrics.shed(Reason.OVERLOADED)
    metrics.limited(Limit.OPEN_UPLOADS)
    metrics.came_out(201)
    metrics.origin_failed(OriginFailure.UNREACHABLE)
    metrics.scanned(0.02)
    metrics.checked_in(60.0)
    metrics.started(1.0)
    metrics.reloaded(Reload.REFUSED, 2.0)

    assert value(metrics, "received_bytes_total") == 10
    assert value(metrics, "sent_bytes_total") == 20
    assert value(metrics, "phase_seconds_sum", phase="scan") == 0.003
    assert value(metrics, "uploads_shed_total", reason="overloaded") == 1
    assert value(metrics, "limits_reached_total", limit="open_uploads") == 1
    assert value(metrics, "outcomes_total", outcome="2xx") == 1
    assert value(metrics, "origin_failures_total", failure="unreachable") == 1
    assert value(metrics, "scan_cpu_seconds_sum") == 0.02
    assert value(metrics, "last_checkpoint_timestamp_seconds") == 60
    assert value(metrics, "reloads_total", result="refused") == 1
    assert value(metrics, "last_reload_timestamp_seconds") == 1


def test_applied_file_is_in_force_from_then_on() -> None:
    """The time of the last reload is that of the settings in force."""
    metrics = Metrics()

    metrics.started(1.0)
    metrics.reloaded(Reload.APPLIED, 2.0)

    assert value(metrics, "last_reload_timestamp_seconds") == 2


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (101, OriginOutcome.INFORMATION),
        (200, OriginOutcome.SUCCESS),
        (303, OriginOutcome.REDIRECTION),
        (409, OriginOutcome.CLIENT_ERROR),
        (502, OriginOutcome.SERVER_ERROR),
        (999, OriginOutcome.SERVER_ERROR),
        (None, OriginOutcome.ABORTED),
    ],
)
def test_outcome_table(status: int | None, outcome: OriginOutcome) -> None:
    """An outcome is the class of a status."""
    assert outcome_of(status) is outcome


def test_durations_are_kept_for_a_while_only() -> None:
    """A page that nobody opens takes a bounded amount of memory."""
    metrics = Metrics()

    for _ in range(DURATIONS_KEPT + 5):
        metrics.took(Phase.WHOLE, 0.01)

    assert len(metrics.durations_s) == DURATIONS_KEPT


def test_two_sets_of_metrics_share_nothing() -> None:
    """There is no global registry."""
    one, other = Metrics(), Metrics()

    one.moved(received=1, sent=1)

    assert value(other, "received_bytes_total") == 0


def test_no_series_tells_when_it_was_made() -> None:
    """The library's ``_created`` series would double the answer and tell nothing."""
    assert b"_created" not in Metrics().exposition()
