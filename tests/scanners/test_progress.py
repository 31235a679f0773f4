"""What the loss of a process costs an upload, in every order."""

from collections.abc import Sequence

import pytest

from uploadfilter.model import Reason, Scan
from uploadfilter.scanners.messages import Budgets, ContentSpan
from uploadfilter.scanners.progress import Loss, Progress

SPANS = [
    ContentSpan(path=name, offset=10 * number, length=10, declared_type="image/png")
    for number, name in enumerate("abc")
]


def progress_of(*, max_losses: int = 4, upload_wall_s: float = 60) -> Progress:
    """Return the progress of an upload of three contents."""
    return Progress(
        SPANS,
        types=frozenset(),
        budgets=Budgets(upload_wall_s=upload_wall_s),
        digests=False,
        max_losses=max_losses,
    )


def scan_of(span: ContentSpan) -> Scan:
    """Return a complete scan."""
    return Scan(path=span.path, kind="data", size=span.length)


T, M, G, C = Loss.TIME, "made it", Loss.GARBAGE, Loss.CRASH
OUT, CRASHED = Reason.OUT_OF_TIME, Reason.CRASHED


@pytest.mark.parametrize(
    ("events", "reasons"),
    [
        pytest.param([M, M, M], [None, None, None], id="nothing-happens"),
        pytest.param([C, M, M, M], [None, None, None], id="crashed-once"),
        pytest.param([C, C, M, M], [CRASHED, None, None], id="crashed-twice"),
        pytest.param([C, M, C, M, M], [None, None, None], id="each-crashed-once"),
        pytest.param([C, M, C, C, M], [None, CRASHED, None], id="once-then-twice"),
        pytest.param([M, T, M], [None, OUT, None], id="out-of-time"),
        pytest.param([M, M, G], [None, None, CRASHED], id="garbage"),
        pytest.param([C, T, M, M], [OUT, None, None], id="crash-then-out-of-time"),
        pytest.param([C, G, M, M], [CRASHED, None, None], id="crash-then-garbage"),
        pytest.param([T, T, T], [OUT, OUT, OUT], id="each-out-of-time"),
        pytest.param([C, C, C, C], [CRASHED] * 3, id="no-more-processes"),
        pytest.param([T, C, C, C], [OUT, CRASHED, CRASHED], id="last-loss-a-crash"),
    ],
)
def test_progress_table(
    events: Sequence[object], reasons: Sequence[Reason | None]
) -> None:
    """A crash is retried once; time and garbage are not; four losses are enough."""
    progress = progress_of()
    for event in events:
        assert not progress.is_complete
        if isinstance(event, Loss):
            progress.lose(event)
        else:
            progress.record(scan_of(progress.left[0]))

    assert progress.is_complete
    assert [scan.reason for scan in progress.scans] == reasons
    assert [scan.path for scan in progress.scans] == ["a", "b", "c"]


def test_progress_ends_when_its_time_is_used_up() -> None:
    """After a loss, an upload without time left gets no other process."""
    progress = progress_of(upload_wall_s=5)
    progress.spend_wall(6)
    progress.lose(Loss.TIME)

    assert progress.is_complete
    assert {scan.reason for scan in progress.scans} == {Reason.OUT_OF_TIME}


def test_progress_asks_for_what_is_left() -> None:
    """The next process is asked for the contents that have no scan yet."""
    progress = progress_of()
    progress.record(scan_of(SPANS[0]))
    progress.lose(Loss.TIME)
    (span,) = progress.request().spans

    assert (span.offset, span.length) == (20, 10)


def test_progress_charges_the_upload_for_a_lost_process() -> None:
    """What a lost process may have used is not given to the next one again."""
    progress = progress_of()
    budgets = Budgets()
    progress.lose(Loss.CRASH)

    assert progress.request().cpu_left_s == (
        budgets.upload_cpu_s - budgets.content_cpu_s
    )


def test_progress_tells_a_process_no_paths() -> None:
    """A scanner learns where a content lies, and not what it is called."""
    assert {span.path for span in progress_of().request().spans} == {""}


def test_progress_gives_more_time_to_more_bytes() -> None:
    """A long video is read to its end, which is no attack."""
    long = ContentSpan(path="v", offset=0, length=1 << 30)
    progress = progress_of()

    assert progress.wall_of(long) == pytest.approx(
        progress.wall_of(SPANS[0]) + Budgets().per_gib_s, abs=0.001
    )
