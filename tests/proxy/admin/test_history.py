"""The events of the last quarter of an hour."""

import asyncio
from contextlib import suppress

import pytest

from tests.waiting import until
from tests.web.counting.samples import decision
from uploadfilter.model import Reason, Verdict
from uploadfilter.proxy.admin import history as module
from uploadfilter.proxy.admin.history import (
    DURATIONS_SHOWN,
    SAMPLES,
    History,
    Level,
    quantile,
)
from uploadfilter.web.counting.labels import Phase, RequestKind
from uploadfilter.web.counting.metrics import Metrics

LEVEL = Level(waiting=4, scanning=1, spool_memory=2, spool_disk=3)


def history(metrics: Metrics) -> History:
    """Return a history that has just begun."""
    return History(metrics, level=lambda: LEVEL, clock=lambda: 60.0)


def test_rates_are_of_the_interval() -> None:
    """Events before the last sample are not counted again."""
    metrics = Metrics()
    metrics.decided(decision(Verdict.MATCH))
    samples = history(metrics)

    for _ in range(4):
        metrics.decided(decision(Verdict.NO_MATCH))
        metrics.answered(RequestKind.UPLOAD, 200)
    metrics.shed(Reason.OVERLOADED)
    samples.sample(elapsed_s=2.0)
    samples.sample(elapsed_s=2.0)

    first, second = samples
    assert (first.match, first.no_match, first.sheds, first.requests) == (0, 2, 0.5, 2)
    assert (second.no_match, second.sheds, second.requests) == (0, 0, 0)
    assert first.level == LEVEL


def test_quantiles_are_of_the_uploads_in_between() -> None:
    """Each duration counts once, and an interval without uploads has no durations."""
    metrics = Metrics()
    samples = history(metrics)

    for number in range(1, 101):
        metrics.took(Phase.WHOLE, number / 1000)
    samples.sample(elapsed_s=1.0)
    samples.sample(elapsed_s=1.0)

    first, second = samples
    assert first.p50_s == pytest.approx(0.051)
    assert first.p99_s == pytest.approx(0.1)
    assert (second.p50_s, second.p99_s) == (None, None)


def test_median_is_there_as_soon_as_there_was_an_upload() -> None:
    """It is there before the first sample, and long after the last upload."""
    metrics = Metrics()
    samples = history(metrics)
    assert samples.last_durations_s == []

    metrics.took(Phase.WHOLE, 0.3)
    assert samples.last_durations_s == [0.3]
    metrics.took(Phase.WHOLE, 0.1)
    for _ in range(3):
        samples.sample(elapsed_s=5.0)
    assert samples.last_durations_s == [0.1, 0.3]

    for _ in range(DURATIONS_SHOWN - 1):
        metrics.took(Phase.WHOLE, 0.2)
    assert samples.last_durations_s == [0.1] + [0.2] * (DURATIONS_SHOWN - 1)


def test_oldest_samples_are_forgotten() -> None:
    """A history takes the same memory after a year as after an hour."""
    samples = history(Metrics())
    assert samples.last is None

    for _ in range(SAMPLES + 5):
        samples.sample(elapsed_s=1.0)

    assert len(list(samples)) == SAMPLES
    assert samples.last is not None


async def test_samples_are_taken_until_cancelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The task goes on without further calls."""
    monkeypatch.setattr(module, "INTERVAL_S", 0.001)
    samples = history(Metrics())
    keeping = asyncio.get_running_loop().create_task(samples.keep())

    await until(lambda: len(list(samples)) >= 2)
    keeping.cancel()
    with suppress(asyncio.CancelledError):
        await keeping

    assert keeping.cancelled()


@pytest.mark.parametrize(
    ("values", "part", "value"),
    [
        ((), 0.5, None),
        ((1.0,), 0.99, 1.0),
        ((1.0, 2.0), 0.5, 2.0),
        ((1.0, 2.0), 1.0, 2.0),
    ],
)
def test_quantile_table(
    values: tuple[float, ...], part: float, value: float | None
) -> None:
    """A quantile is one of the values."""
    assert quantile(values, part) == value
