"""Series against those of the library, which are slower and whose text is the same."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import generate_latest

from uploadfilter.web.counting.series import Counts, Spreads

BOUNDS = (0.001, 0.01, 0.5, 1.0, 2.5, 300.0)
PHASES = ("receive", "scan")
values = st.floats(0, 1000) | st.sampled_from(BOUNDS)


def told(registry: CollectorRegistry) -> list[str]:
    """Return the exposed text, without the times at which series were made."""
    text = generate_latest(registry).decode()
    return [line for line in text.splitlines() if "_created" not in line]


@given(moved=st.lists(st.tuples(st.sampled_from(PHASES), values)))
def test_spreads_are_the_librarys_histograms(moved: list[tuple[str, float]]) -> None:
    """For any values, every bucket, sum and count is the same."""
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    spreads = Spreads(ours, "x_seconds", "Text.", BOUNDS, label="phase", known=PHASES)
    histogram = Histogram(
        "x_seconds", "Text.", ("phase",), buckets=BOUNDS, registry=theirs
    )
    twins = {phase: histogram.labels(phase) for phase in PHASES}
    for phase, seconds in moved:
        spreads.of[phase].observe(seconds)
        twins[phase].observe(seconds)

    assert told(ours) == told(theirs)


@given(moved=st.lists(values))
def test_a_spread_needs_no_label(moved: list[float]) -> None:
    """A histogram of one series has no such line."""
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    spreads = Spreads(ours, "x_seconds", "Text.", BOUNDS)
    histogram = Histogram("x_seconds", "Text.", buckets=BOUNDS, registry=theirs)
    for seconds in moved:
        spreads.of[""].observe(seconds)
        histogram.observe(seconds)

    assert told(ours) == told(theirs)


@given(
    moved=st.lists(
        st.tuples(
            st.sampled_from("abc"), st.sampled_from("xy"), st.integers(0, 1 << 40)
        )
    )
)
def test_counts_are_the_librarys_counters(moved: list[tuple[str, str, int]]) -> None:
    """A known series is there before it moves, any other from its first move on."""
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    counts = Counts(ours, "x_total", "Text.", ("one", "other"), known=(("a", "x"),))
    counter = Counter("x_total", "Text.", ("one", "other"), registry=theirs)
    counter.labels("a", "x")
    for one, other, by in moved:
        counts.add(one, other, by=by)
        counter.labels(one, other).inc(by)

    assert told(ours) == told(theirs)


def test_a_counter_without_labels_begins_at_nothing() -> None:
    """It has one series, which is there from the start."""
    registry = CollectorRegistry()
    counts = Counts(registry, "x_total", "Text.")
    assert told(registry)[-1] == "x_total 0.0"
    counts.add(by=7)

    assert told(registry)[-1] == "x_total 7.0"
