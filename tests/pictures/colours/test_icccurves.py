"""Curves of profiles give the values that are computed one number at a time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pictures import icc
from uploadfilter.pictures.colours.icccurves import (
    BadProfileError,
    CurveTable,
    Formula,
    read_curve,
)

SAMPLES = st.lists(
    st.floats(-1, 2).map(lambda sample: round(sample, 6)), min_size=1, max_size=20
)
NUMBERS = st.floats(-2, 2).map(lambda number: round(number * 65536) / 65536)


def by_formula(curve: Formula, sample: float) -> float:
    """Return the light of one sample, as the definition says."""
    size, sign = abs(sample), -1.0 if sample < 0 else 1.0
    if size < curve.limit:
        return sign * (curve.c * size + curve.f)
    base = curve.a * size + curve.b
    return sign * ((base**curve.gamma if base > 0 else 0.0) + curve.e)


def by_table(values: list[int], sample: float) -> float:
    """Return the light of one sample between two values of a table."""
    place = min(max(sample, 0.0), 1.0) * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(values) - 1)
    return (values[low] + (values[high] - values[low]) * (place - low)) / 65535


@given(samples=SAMPLES, numbers=st.lists(NUMBERS, min_size=7, max_size=7))
def test_formula_is_worked_out_as_defined(
    samples: list[float], numbers: list[float]
) -> None:
    """The fast way gives the values of the definition for each sample."""
    curve, length = read_curve(icc.formula(4, *numbers))
    assert isinstance(curve, Formula)
    light = curve.light(np.array(samples))

    assert length == 12 + 4 * 7
    for sample, found in zip(samples, light, strict=True):
        assert found == pytest.approx(by_formula(curve, sample), abs=1e-9, rel=1e-9)


@given(samples=SAMPLES, values=st.lists(st.integers(0, 65535), min_size=2, max_size=30))
def test_table_is_worked_out_as_defined(
    samples: list[float], values: list[int]
) -> None:
    """Values between two steps of a table are interpolated."""
    curve, length = read_curve(icc.table(np.array(values) / 65535) + b"more")
    assert isinstance(curve, CurveTable)
    light = curve.light(np.array(samples))

    assert length == 12 + 2 * len(values)
    for sample, found in zip(samples, light, strict=True):
        assert found == pytest.approx(by_table(values, sample), abs=1e-9)


@pytest.mark.parametrize(
    ("kind", "numbers"),
    [(0, (2.0,)), (1, (2.0, 1.0, 0.0)), (2, (2.0, 1.0, 0.0, 0.0))],
)
def test_short_formulas_are_the_long_one(kind: int, numbers: tuple[float, ...]) -> None:
    """The missing numbers of a short formula change nothing."""
    curve, _ = read_curve(icc.formula(kind, *numbers))

    assert curve.light(np.array([0.5])) == pytest.approx([0.25])


def test_curve_of_no_values_changes_nothing() -> None:
    """A curve of no values is a straight line, one of one value a power."""
    straight, _ = read_curve(b"curv" + bytes(8))
    power, _ = read_curve(icc.power(2.0))

    assert straight.light(np.array([0.3])) == pytest.approx([0.3])
    assert power.light(np.array([0.5])) == pytest.approx([0.25])


@pytest.mark.parametrize(
    "tag",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"text" + bytes(20), id="no curve"),
        pytest.param(b"curv" + bytes(4) + b"\0\0\0\5" + bytes(9), id="cut off"),
        pytest.param(b"curv" + bytes(4) + b"\xff" * 4, id="endless"),
        pytest.param(icc.formula(5, 1.0), id="unknown formula"),
        pytest.param(icc.formula(4, 1.0), id="formula cut off"),
        pytest.param(icc.formula(1, 1.0, 0.0, 0.0), id="without slope"),
    ],
)
def test_what_is_no_curve_is_refused(tag: bytes) -> None:
    """Nothing else than a whole curve is one."""
    with pytest.raises(BadProfileError):
        read_curve(tag)
