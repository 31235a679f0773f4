"""How figures become lines."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.proxy.admin.charts import HEIGHT, WIDTH, charts, path, round_up
from uploadfilter.proxy.admin.history import SAMPLES, Level, LoadSample

LEVEL = Level(waiting=1, scanning=2, spool_memory=3000, spool_disk=0)


def sample(match: float = 0.0, p50_s: float | None = None) -> LoadSample:
    """Return a sample of a quiet moment."""
    return LoadSample(
        at=0.0,
        match=match,
        no_match=0.0,
        inconclusive=0.0,
        sheds=0.0,
        requests=0.0,
        p50_s=p50_s,
        p99_s=p50_s,
        level=LEVEL,
    )


def test_newest_value_is_at_the_right_edge() -> None:
    """Two values are drawn in the last two units, the top one below the edge."""
    assert path([0.0, 1.0], top=1.0) == f"M{WIDTH - 2} {HEIGHT}.0h0L{WIDTH} 4.0"


def test_gap_lifts_the_pen() -> None:
    """A missing value is a gap in the line; a value between gaps is a dot."""
    drawn = path([1.0, None, 0.5], top=1.0)

    assert drawn == f"M{WIDTH - 4} 4.0h0M{WIDTH} 52.0h0"


def test_nothing_is_an_empty_path() -> None:
    """A proxy that has just started has no lines."""
    assert path([], top=1.0) == ""


@given(values=st.lists(st.none() | st.floats(0, 1e12), min_size=1, max_size=SAMPLES))
def test_lines_stay_within_the_drawing(values: list[float | None]) -> None:
    """No value draws a point outside of the drawing."""
    top = round_up(max((value for value in values if value is not None), default=0.0))
    numbers = [float(text) for text in re.findall(r"[\d.]+", path(values, top=top))]
    points = re.findall(r"[ML]([\d.]+) ([\d.]+)", path(values, top=top))

    assert all(0 <= number <= WIDTH for number in numbers)
    assert all(4 <= float(y) <= HEIGHT for _, y in points)


@pytest.mark.parametrize(
    ("value", "top"),
    [(0, 1), (1, 1), (1.1, 2), (4, 5), (6, 10), (0.03, 0.05), (0.2, 0.2), (3e9, 5e9)],
)
def test_round_up_table(value: float, top: float) -> None:
    """A scale ends at a number that people can halve."""
    assert round_up(value) == pytest.approx(top)


def test_charts_name_their_newest_values() -> None:
    """People who cannot see a line can read its value."""
    drawn = {
        line.key: line.last
        for chart in charts([sample(), sample(match=2.0, p50_s=0.012)])
        for line in chart.lines
    }

    assert drawn == {
        "no_match": "0/s",
        "inconclusive": "0/s",
        "sheds": "0/s",
        "match": "2/s",
        "p99": "12 ms",
        "p50": "12 ms",
        "scanning": "2",
        "waiting": "1",
        "disk": "0 B",
        "memory": "3 kB",
    }


def test_keys_are_unique_on_the_page() -> None:
    """The script finds each line and each chart by its key."""
    drawn = charts([])
    lines = [line.key for chart in drawn for line in chart.lines]

    assert len(set(lines)) == len(lines)
    assert len({chart.key for chart in drawn}) == len(drawn)
