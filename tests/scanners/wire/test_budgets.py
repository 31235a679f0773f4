"""Budgets of scans, as an operator sets them and as they grow."""

import pytest

from uploadfilter.scanners.wire.budgets import (
    MOST_CONTENTS,
    MOST_SIGNALS,
    Bounds,
    Budgets,
)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"max_pixels": 0}, "max_pixels must be positive", id="pixels"),
        pytest.param({"content_cpu_s": 0}, "content_cpu_s must be", id="no-time"),
        pytest.param({"per_gib_s": -1}, "must not be negative", id="negative"),
        pytest.param({"first_mib_s": -1}, "must not be negative", id="negative-first"),
        pytest.param({"address_space": 1 << 20}, "at least", id="memory"),
    ],
)
def test_budgets_that_nothing_can_keep_are_refused(
    changes: dict[str, float], message: str
) -> None:
    """A typing error in the configuration is found at the start."""
    with pytest.raises(ValueError, match=message):
        Budgets(**changes)  # type: ignore[arg-type]  # any field


@pytest.mark.parametrize(
    ("length", "contents"),
    [
        pytest.param(0, 5000, id="nothing"),
        pytest.param(3 << 20, 5000 + 3 * 30_000, id="package"),
        pytest.param(1 << 30, MOST_CONTENTS, id="backup"),
    ],
)
def test_more_contents_may_be_nested_in_more_bytes(length: int, contents: int) -> None:
    """An archive of 6 MB may hold more than one of 6 KB, up to a bound."""
    assert Budgets().for_content(length).max_contents == contents


@pytest.mark.parametrize(
    ("length", "signals"),
    [
        pytest.param(0, 65_536, id="nothing"),
        pytest.param(3 << 20, 65_536 + 3 * 1024, id="package"),
        pytest.param(1 << 30, MOST_SIGNALS, id="backup"),
    ],
)
def test_more_bytes_may_have_more_signals(length: int, signals: int) -> None:
    """A package of 20 MB has more icons than one of 20 KB, up to a bound."""
    assert Budgets().for_content(length).max_upload_signals == signals


def test_bound_of_an_operator_is_never_lowered() -> None:
    """Budgets above the bounds apply."""
    budgets = Budgets(
        max_contents=MOST_CONTENTS + 1, max_upload_signals=MOST_SIGNALS + 1
    )

    bounds = budgets.for_content(1 << 30)
    assert bounds == Bounds(**{name: getattr(budgets, name) for name in Bounds._fields})
