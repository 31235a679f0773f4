"""Draw the charts of the operator's page: figures become paths of SVG.

The charts are drawn here and not in the browser, so that the page shows them without
scripts, and its script only replaces paths.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from uploadfilter.proxy.admin.figures import counted, duration, rate, size
from uploadfilter.proxy.admin.history import SAMPLES, LoadSample

WIDTH: Final = 2 * (SAMPLES - 1)
"""Units of a drawing: two for each step in time."""

HEIGHT: Final = 100

_HEADROOM: Final = 4
"""Units that stay free above the top of the scale, so that no line is cut off."""

_NOTHING: Final = 1e-9
"""Less than a nanosecond, and less than one upload in a lifetime."""

_STEPS: Final = (1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartLine:
    """One line of a chart.

    Attributes:
        key: Its name, unique on the page; style sheet and script use it.
        label: Its label in the legend.
        path: The drawing, as ``d`` of an SVG path.
        last: Its newest value, with its unit.
    """

    key: str
    label: str
    path: str
    last: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Some lines on one scale.

    Attributes:
        key: Its name, unique on the page.
        title: Title of the chart.
        top: The top of the scale, with its unit.
        lines: From the least to the most important, which is drawn last.
    """

    key: str
    title: str
    top: str
    lines: tuple[ChartLine, ...]


_Series = tuple[str, str, Callable[[LoadSample], float | None]]


def charts(samples: Iterable[LoadSample]) -> tuple[Chart, ...]:
    """Draw all charts of the page.

    Args:
        samples: The samples, the oldest first.
    """
    known = tuple(samples)
    return (
        _chart(
            known,
            "uploads",
            "Uploads per second",
            rate,
            ("no_match", "no match", lambda sample: sample.no_match),
            ("inconclusive", "inconclusive", lambda sample: sample.inconclusive),
            ("sheds", "turned away", lambda sample: sample.sheds),
            ("match", "match", lambda sample: sample.match),
        ),
        _chart(
            known,
            "latency",
            "Time until the answer",
            duration,
            ("p99", "99 %", lambda sample: sample.p99_s),
            ("p50", "50 %", lambda sample: sample.p50_s),
        ),
        _chart(
            known,
            "scanners",
            "Uploads at the scanners",
            counted,
            ("scanning", "scanned", lambda sample: sample.level.scanning),
            ("waiting", "waiting", lambda sample: sample.level.waiting),
        ),
        _chart(
            known,
            "spool",
            "Bytes held",
            size,
            ("disk", "on disk", lambda sample: sample.level.spool_disk),
            ("memory", "in memory", lambda sample: sample.level.spool_memory),
        ),
    )


def _chart(
    samples: Sequence[LoadSample],
    key: str,
    title: str,
    shown: Callable[[float], str],
    *series: _Series,
) -> Chart:
    values = {name: [value(sample) for sample in samples] for name, _, value in series}
    greatest = max(
        (value for line in values.values() for value in line if value is not None),
        default=0.0,
    )
    top = round_up(greatest)
    lines = tuple(
        ChartLine(
            key=name,
            label=label,
            path=path(values[name], top=top),
            last=_last(values[name], shown),
        )
        for name, label, _ in series
    )
    return Chart(key=key, title=title, top=shown(top), lines=lines)


def _last(values: Sequence[float | None], shown: Callable[[float], str]) -> str:
    last = values[-1] if values else None
    return "–" if last is None else shown(last)  # noqa: RUF001 - a dash for nothing


def round_up(value: float) -> float:
    """Return the next of 1, 2, 5, 10, 20, 50, ... or 0.1, 0.05, ...; 1 for zero."""
    if value < _NOTHING:
        return 1.0
    scale: float = 10.0 ** math.floor(math.log10(value))
    # A value that differs from a step only by the last bit of a float is that step.
    return next(step * scale for step in _STEPS if step * scale >= value * (1 - 1e-9))


def path(values: Sequence[float | None], *, top: float) -> str:
    """Draw values from left to right, the newest at the right edge.

    Args:
        values: The oldest first, at most ``SAMPLES``; ``None`` leaves a gap.
        top: The value at the top.

    Returns:
        Moves and lines for ``d`` of a path; a value between gaps becomes a dot.
    """
    moves: list[str] = []
    pen_is_down = False
    start = WIDTH - 2 * (len(values) - 1)
    for number, value in enumerate(values):
        if value is None:
            pen_is_down = False
            continue
        height = (HEIGHT - _HEADROOM) * min(value / top, 1.0)
        at = f"{start + 2 * number} {HEIGHT - height:.1f}"
        moves.append(f"L{at}" if pen_is_down else f"M{at}h0")
        pen_is_down = True
    return "".join(moves)
