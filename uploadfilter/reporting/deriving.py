"""Derive figures from counts: chance, work, cost and percentiles.

Rules this module keeps: it is pure; a figure is shown only if the count below it is.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from uploadfilter.reporting.document import Figure
from uploadfilter.reporting.queries import Rows
from uploadfilter.reporting.tables import CHANCE_UNIT, LATENCY_EDGES_US

MEANS: Final = ("md5", "digest", "pdq", "altered")
"""The means that found an upload, the simplest first."""

QUANTILES: Final = (50, 95, 99)
"""Percentiles of the durations."""

_US_OF_HOUR: Final = 3_600_000_000
_US_OF_MS: Final = 1000
_GIGABYTE: Final = 1_000_000_000
_MILLION: Final = 1_000_000

TEXTS: Final = {
    "gigabytes": f"bytes / {_GIGABYTE:,}",
    "cpu_ms": f"cpu / {_US_OF_MS:,} / uploads",
    "cpu_hours": f"cpu / {_US_OF_HOUR:,}",
    "cost": "cpu_hours x the price of a CPU hour",
    "cost_of_million": f"cost / uploads x {_MILLION:,}",
    "percentile": "upper edge of the bin of durations with this share below it; a bin "
    "is 9 % wide",
    "expected": f"chance x {CHANCE_UNIT:g}, which is the sum of E over the rejected "
    "uploads: of each the least E of its matches, and 0 beside an exact match",
    "unjudged": "rejected uploads without an exact match of which no E is on record",
}
"""How the figures follow from others, in words."""

_Numbers = Sequence[float]


def derived(
    found: Mapping[str, Rows], counted: Sequence[Figure], *, price: float | None
) -> Iterator[Figure]:
    """Yield the derived figures.

    Args:
        found: The numbers of each query.
        counted: The counts, without the hidden ones.
        price: Price of a CPU hour; ``None`` if it was not given.
    """
    shown = {it.query: it for it in counted if not it.key}
    for means in MEANS:
        below = shown[f"rejected_{means}"]
        units = found[f"chance_{means}"].values[()]
        yield _figure("expected", (means,), units, below, lambda it: it * CHANCE_UNIT)
        unjudged = found[f"unjudged_{means}"].values[()]
        yield _figure("unjudged", (means,), unjudged, below, float)
    uploads = shown["uploads"]
    size, cpu = found["bytes"].values[()], found["cpu"].values[()]
    yield _figure("gigabytes", (), size, uploads, lambda it: it / _GIGABYTE)
    yield _figure("cpu_hours", (), cpu, uploads, lambda it: it / _US_OF_HOUR)
    counts = found["uploads"].values[()]
    yield _share("cpu_ms", cpu, counts, uploads, 1 / _US_OF_MS)
    if price is not None:
        money = price / _US_OF_HOUR
        yield _figure("cost", (), cpu, uploads, lambda it: it * money)
        yield _share("cost_of_million", cpu, counts, uploads, money * _MILLION)
    yield from _percentiles(found["durations"], uploads)


def _figure(
    query: str,
    key: tuple[str, ...],
    values: _Numbers,
    below: Figure,
    turned: Callable[[float], float],
) -> Figure:
    is_hidden = below.periods is None
    return Figure(
        query=query,
        key=key,
        total=None if below.total is None else _rounded(turned(sum(values))),
        periods=None if is_hidden else tuple(_rounded(turned(it)) for it in values),
    )


def _share(
    query: str, values: _Numbers, counts: _Numbers, below: Figure, times: float
) -> Figure:
    def share(value: float, count: float) -> float:
        return _rounded(value / count * times) if count else 0.0

    periods = tuple(map(share, values, counts))
    return Figure(
        query=query,
        total=None if below.total is None else share(sum(values), sum(counts)),
        periods=None if below.periods is None else periods,
    )


def _percentiles(durations: Rows, below: Figure) -> Iterator[Figure]:
    bins = sorted((int(str(key[0])), row) for key, row in durations.values.items())
    periods = len(below.periods or ()) or (len(bins[0][1]) if bins else 0)
    for share in QUANTILES:
        of_periods = [
            _percentile([(bin_, row[at]) for bin_, row in bins], share)
            for at in range(periods)
        ]
        whole = _percentile([(bin_, sum(row)) for bin_, row in bins], share)
        yield Figure(
            query="percentile",
            key=(str(share),),
            total=None if below.total is None else whole,
            periods=None if below.periods is None else tuple(of_periods),
        )


def _percentile(bins: Iterable[tuple[int, int]], share: int) -> float:
    """Return the upper edge of the bin of a percentile, in milliseconds."""
    counts = list(bins)
    wanted = sum(count for _, count in counts) * share
    seen = 0
    for number, count in counts:
        seen += count * 100
        if count and seen >= wanted:
            edge = LATENCY_EDGES_US[min(number, len(LATENCY_EDGES_US) - 1)]
            return _rounded(edge / _US_OF_MS)
    return 0.0


def _rounded(value: float) -> float:
    """Return a number with six significant digits, the same on every machine."""
    return float(f"{value:.6g}")
