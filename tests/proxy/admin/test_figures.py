"""Figures as people read them."""

import pytest

from uploadfilter.proxy.admin.figures import age, counted, duration, rate, size


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (12345, "12,345"), (1.5, "1.5"), (2.0, "2")],
)
def test_counted_table(value: float, text: str) -> None:
    """Thousands are separated by commas, and whole numbers have no point."""
    assert counted(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0/s"), (0.0312, "0.031/s"), (1.24, "1.2/s"), (12.4, "12/s"), (3.0, "3/s")],
)
def test_rate_table(value: float, text: str) -> None:
    """A rate has two digits."""
    assert rate(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.00085, "850 µs"),
        (0.0012, "1.2 ms"),
        (0.0124, "12 ms"),
        (1.24, "1.2 s"),
        (75.0, "75 s"),
    ],
)
def test_duration_table(seconds: float, text: str) -> None:
    """A duration has the unit that people use for it."""
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (512, "512 B"),
        (1_200, "1.2 kB"),
        (268_435_456, "268 MB"),
        (5e15, "5,000 TB"),
    ],
)
def test_size_table(count: float, text: str) -> None:
    """Bytes are counted in thousands, as disks are."""
    assert size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7199, "119 min"),
        (7200, "2 h"),
        (172_800, "2 days"),
    ],
)
def test_age_table(seconds: float, text: str) -> None:
    """An age is given in the smaller unit until there are two of the larger one."""
    assert age(seconds) == text
