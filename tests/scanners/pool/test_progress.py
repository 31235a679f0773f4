"""The effects of lost processes on an upload, in every order, and the sums of parts.

The replies are frames as a scanner sends them.
"""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.scanners.replies import VIEW
from uploadfilter.model import Reason, Scan
from uploadfilter.scanners.pool.progress import (
    MAX_UPLOAD_REPLY_BYTES,
    MOST_PARTS,
    Loss,
    Progress,
)
from uploadfilter.scanners.wire.budgets import Budgets
from uploadfilter.scanners.wire.messages import (
    FRAME_HEADER,
    ContentReply,
    ContentSpan,
    ProcessKind,
    ScanRequest,
    encode_frame,
)

SPANS = [
    ContentSpan(path=name, offset=10 * number, length=10, declared_type="image/png")
    for number, name in enumerate("abc")
]
NESTED = Scan(path="!/x.png", kind="png", size=5, views=(VIEW,))


def progress_of(
    *, alone: str = "", max_losses: int = 4, budgets: Budgets | None = None
) -> Progress:
    """Return the progress of an upload of three contents.

    Args:
        alone: Names of those that are asked for alone.
        max_losses: Processes that it may cost.
        budgets: Its budgets; those of the product by default.
    """
    return Progress(
        SPANS,
        alone=[span.path in alone for span in SPANS],
        types=frozenset(),
        budgets=budgets or Budgets(),
        digests=False,
        formats=frozenset({"psd"}),
        max_losses=max_losses,
    )


def part(*names: str, reason: Reason | None = None, nested: int = 0) -> Scan:
    """Return a part of a scan with views of these names."""
    views = tuple(replace(VIEW, name=name) for name in names)
    return Scan(
        path="",
        kind="zip",
        size=10,
        views=views,
        reason=reason,
        contents=(NESTED,) * nested,
    )


class Scanner:
    """The other end: sends replies to the last request.

    Args:
        progress: Whose requests it answers.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._index = 0
        self.request: ScanRequest | None = None

    def ask(self) -> ScanRequest:
        """Take the next request, unless the last one is not answered yet."""
        if self.request is None or not self._progress.is_asking:
            self.request = self._progress.ask()
            self._index = 0
        return self.request

    def say(
        self, scan: Scan, *, is_last: bool = True, needs: ProcessKind | None = None
    ) -> Loss | bool:
        """Answer; return how that was received."""
        self.ask()
        message = ContentReply(
            index=self._index, scan=scan, is_last=is_last, needs=needs
        )
        self._index += is_last
        reply = self._progress.read(encode_frame(message)[FRAME_HEADER.size :])
        return reply if isinstance(reply, Loss) else self._progress.take(reply)

    def die(self, loss: Loss, *, wall_s: float = 0) -> None:
        """Get lost in the middle of the present content."""
        self.ask()
        self.request = None
        self._progress.lose(loss, wall_s=wall_s)

    def break_off(self) -> None:
        """Be ended since somebody else wants the place."""
        self.request = None
        self._progress.break_off(wall_s=0)


def reasons(progress: Progress) -> list[Reason | None]:
    """Return the reason of each scan."""
    return [scan.reason for scan in progress.scans]


def names(scan: Scan) -> list[str]:
    """Return the names of the views of a scan."""
    return [view.name for view in scan.views]


S = Loss.STARVED
T, M, G, C, X = Loss.TIME, "made it", Loss.GARBAGE, Loss.CRASH, Loss.EXCESS
A, NO = Loss.ACCIDENT, Reason.NO_SCANNER
OUT, CRASHED, MANY = Reason.OUT_OF_TIME, Reason.CRASHED, Reason.TOO_MANY_SIGNALS


@pytest.mark.parametrize("alone", ["", "abc", "b"])
@pytest.mark.parametrize(
    ("events", "expected"),
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
        pytest.param([A, A, M, M, M], [None, None, None], id="accidents"),
        pytest.param([A, C, M, M, M], [None, None, None], id="accident-then-crash"),
        pytest.param([C, A, M, M, M], [None, None, None], id="crash-then-accident"),
        pytest.param([C, A, C, M, M], [CRASHED, None, None], id="crash-between"),
        pytest.param([A, A, A, A], [NO, NO, NO], id="nothing-but-accidents"),
        pytest.param([C, C, C, C], [CRASHED] * 3, id="no-more-processes"),
        pytest.param([T, C, C, C], [OUT, CRASHED, CRASHED], id="last-loss-a-crash"),
        pytest.param([M, X], [None, MANY, MANY], id="too-much"),
        pytest.param([S, M, M, M], [None, None, None], id="starved-once"),
        pytest.param([S, S, M, M], [NO, None, None], id="starved-twice"),
        pytest.param([S, C, M, M, M], [None, None, None], id="starved-then-crash"),
        pytest.param([S, T, M, M], [OUT, None, None], id="starved-then-out-of-time"),
    ],
)
def test_progress_table(
    alone: str, events: Sequence[object], expected: Sequence[Reason | None]
) -> None:
    """A crash is retried once, an accident does not count; time and garbage are final.

    Four losses are enough, whatever they are.
    """
    order = sorted("abc", key=lambda name: (name in alone, name))
    progress = progress_of(alone=alone)
    scanner = Scanner(progress)
    for event in events:
        assert not progress.is_complete
        if isinstance(event, Loss):
            scanner.die(event)
        else:
            assert scanner.say(part("stored")) is True

    assert progress.is_complete
    by_name = {scan.path: scan.reason for scan in progress.scans}
    assert list(by_name) == ["a", "b", "c"]
    assert [by_name[name] for name in order] == expected


def test_progress_ends_when_its_time_is_used_up() -> None:
    """After a loss, an upload without time left gets no other process."""
    progress = progress_of(budgets=Budgets(upload_wall_s=5))
    Scanner(progress).die(Loss.TIME, wall_s=6)

    assert reasons(progress) == [OUT] * 3


@pytest.mark.parametrize(
    ("wall_s", "cpu_s", "reason"), [(61, 0, NO), (0, 11, OUT), (61, 11, OUT)]
)
def test_progress_ends_when_the_budget_of_the_upload_is_used_up(
    wall_s: float, cpu_s: float, reason: Reason
) -> None:
    """Contents share one budget; an end by the clock alone is not due to them."""
    progress = progress_of(alone="bc")
    Scanner(progress).say(part("stored"))
    progress.finish(wall_s=wall_s, cpu_s=cpu_s)

    assert reasons(progress) == [None, reason, reason]


def test_starved_content_is_not_charged() -> None:
    """Unused time is left; without time there is no other try."""
    progress = progress_of(budgets=Budgets(upload_cpu_s=2))
    scanner = Scanner(progress)
    scanner.die(Loss.STARVED, wall_s=1)

    assert scanner.ask().cpu_left_s == 2

    scanner.die(Loss.STARVED, wall_s=60)
    assert reasons(progress) == [NO] * 3


def test_progress_tells_each_process_what_cpu_is_left() -> None:
    """Used CPU time is not given to the next process again."""
    progress = progress_of(alone="bc")
    scanner = Scanner(progress)
    scanner.say(part("stored"))
    progress.finish(wall_s=1, cpu_s=1.5)

    assert scanner.ask().cpu_left_s == pytest.approx(8.5, abs=1e-3)


def test_progress_charges_the_upload_for_a_lost_process() -> None:
    """A lost process is charged with all that one content may use."""
    budgets = Budgets()
    progress = progress_of()
    Scanner(progress).die(Loss.CRASH)

    assert progress.ask().cpu_left_s == budgets.upload_cpu_s - budgets.content_cpu_s


def test_progress_is_charged_nothing_for_an_accident() -> None:
    """A process that dies with its template leaves its upload all its time."""
    progress = progress_of(max_losses=9)
    for _ in range(6):
        progress.ask()
        progress.lose(Loss.ACCIDENT, wall_s=0.0)

    assert not progress.is_complete
    assert progress.ask().cpu_left_s == Budgets().upload_cpu_s


def test_progress_asks_for_common_contents_together() -> None:
    """One process scans all that are common, another one each of the others."""
    progress = progress_of(alone="b")
    scanner = Scanner(progress)
    common = scanner.ask()
    for _ in common.spans:
        scanner.say(part("stored"))
    alone = scanner.ask()

    assert [span.offset for span in common.spans] == [0, 20]
    assert common.process is ProcessKind.COMMON
    assert [span.offset for span in alone.spans] == [10]
    assert alone.process is ProcessKind.ALONE
    assert common.formats == alone.formats == {"psd"}


def test_progress_asks_for_what_is_left() -> None:
    """The next process is asked for the contents that have no scan yet."""
    progress = progress_of()
    scanner = Scanner(progress)
    scanner.say(part("stored"))
    scanner.die(Loss.TIME)
    (span,) = scanner.ask().spans

    assert (span.offset, span.length) == (20, 10)


def test_progress_asks_alone_for_what_needs_it() -> None:
    """A content that a common process skipped is requested again, after the others."""
    progress = progress_of()
    scanner = Scanner(progress)
    scanner.say(part("void"), is_last=False)
    scanner.say(part(), needs=ProcessKind.ALONE)
    scanner.say(part("stored"))
    scanner.say(part("stored"))
    request = scanner.ask()
    scanner.say(part("frame:1"))

    assert request.process is ProcessKind.ALONE
    assert [span.offset for span in request.spans] == [0]
    assert [names(scan) for scan in progress.scans] == [
        ["frame:1"],
        ["stored"],
        ["stored"],
    ]


def test_progress_refuses_a_second_request_to_be_alone() -> None:
    """A process that was asked alone has no reason to ask for that."""
    scanner = Scanner(progress_of(alone="abc"))

    assert scanner.say(part(), needs=ProcessKind.ALONE) is False


def test_findings_before_a_large_picture_are_kept() -> None:
    """The content is requested again of a large process, whose end may be early."""
    progress = progress_of(alone="abc")
    scanner = Scanner(progress)
    scanner.say(part("stored"), is_last=False)
    scanner.say(part(), needs=ProcessKind.LARGE)
    scanner.say(part("stored"))
    scanner.say(part("stored"))
    request = scanner.ask()
    scanner.die(Loss.TIME)

    assert request.process is ProcessKind.LARGE
    assert [span.offset for span in request.spans] == [0]
    assert reasons(progress) == [OUT, None, None]
    assert names(progress.scans[0]) == ["stored"]


@pytest.mark.parametrize("needs", ProcessKind)
def test_large_process_can_ask_for_no_other(needs: ProcessKind) -> None:
    """It may do everything, so that such a reply is a lie."""
    scanner = Scanner(progress_of(alone="abc"))
    for _ in SPANS:
        scanner.say(part(), needs=ProcessKind.LARGE)

    assert scanner.say(part(), needs=needs) is False


def test_progress_puts_parts_together() -> None:
    """Views in order, the later reason, and nested contents by path."""
    progress = progress_of()
    scanner = Scanner(progress)
    scanner.say(part("stored", reason=Reason.TRUNCATED, nested=1), is_last=False)
    scanner.say(part("white", reason=Reason.TOO_MANY_FRAMES), is_last=False)
    scanner.say(part("black"))
    progress.give_up(Reason.OVERLOADED)
    scan = progress.scans[0]

    assert names(scan) == ["stored", "white", "black"]
    assert scan.reason is Reason.TOO_MANY_FRAMES
    assert [nested.path for nested in scan.contents] == ["a!/x.png"]


@pytest.mark.parametrize(
    ("loss", "reason"), [(T, OUT), (G, CRASHED), (X, MANY)], ids=["time", "lie", "much"]
)
def test_progress_keeps_what_was_seen_before_a_loss(loss: Loss, reason: Reason) -> None:
    """A part that came counts, however its process ends."""
    progress = progress_of()
    scanner = Scanner(progress)
    scanner.say(part("stored", reason=Reason.TRUNCATED, nested=1), is_last=False)
    scanner.die(loss)
    progress.give_up(reason)
    scan = progress.scans[0]

    assert (names(scan), len(scan.contents), scan.reason) == (["stored"], 1, reason)


def test_progress_adds_the_first_try_to_the_second() -> None:
    """Findings of only the first of two processes are not lost."""
    progress = progress_of()
    scanner = Scanner(progress)
    scanner.say(part("stored", "white", nested=1), is_last=False)
    scanner.die(Loss.CRASH)
    scanner.say(part("stored", "black"), is_last=False)
    scanner.die(Loss.CRASH)
    scan = progress.scans[0] if progress.is_complete else _given_up(progress)

    assert names(scan) == ["stored", "black", "white"]
    assert len(scan.contents) == 1
    assert scan.reason is CRASHED


def test_progress_goes_on_where_it_was_broken_off() -> None:
    """No findings are lost, and no process, try or CPU time is charged."""
    progress = progress_of(max_losses=2)
    scanner = Scanner(progress)
    cpu_left_s = scanner.ask().cpu_left_s
    for name in ("white", "black"):
        scanner.say(part("stored", name), is_last=False)
        scanner.break_off()
    scanner.die(Loss.CRASH)
    request = scanner.ask()
    scanner.say(part("stored"))
    scan = _given_up(progress)

    assert (request.cpu_left_s, len(request.spans)) == (cpu_left_s - 2, 3)
    assert (names(scan), scan.reason) == (["stored", "black", "white"], None)


def test_progress_keeps_the_first_try_when_there_is_no_second() -> None:
    """Findings count even if there is no other process."""
    progress = progress_of()
    scanner = Scanner(progress)
    scanner.say(part("stored"), is_last=False)
    scanner.die(Loss.CRASH)
    scan = _given_up(progress)

    assert names(scan) == ["stored"]
    assert scan.reason is Reason.OVERLOADED


def _given_up(progress: Progress) -> Scan:
    progress.give_up(Reason.OVERLOADED)
    return progress.scans[0]


@pytest.mark.parametrize(
    "second",
    [
        pytest.param(part("stored"), id="view-again"),
        pytest.param(replace(part("white"), kind="tar"), id="another-kind"),
        pytest.param(
            part(*(f"frame:{n}" for n in range(Budgets().max_views))),
            id="too-many-views",
        ),
    ],
)
def test_progress_refuses_parts_that_do_not_fit(second: Scan) -> None:
    """Parts that are sound one by one must be so together."""
    scanner = Scanner(progress_of())

    assert scanner.say(part("stored"), is_last=False) is True
    assert scanner.say(second) is False


def test_progress_takes_only_so_many_parts() -> None:
    """A process that never ends its answer is lost for that content."""
    scanner = Scanner(progress_of())
    heard = [scanner.say(part(), is_last=False) for _ in range(MOST_PARTS + 1)]

    assert heard == [True] * MOST_PARTS + [Loss.EXCESS]


def test_progress_takes_only_so_many_bytes() -> None:
    """All replies to one upload together are bounded, not only each of them."""
    progress = progress_of(budgets=Budgets(max_views=10_000))
    scanner = Scanner(progress)
    views = MAX_UPLOAD_REPLY_BYTES // len(VIEW.plane) // 3
    heard = [scanner.say(part(*(f"frame:{n}" for n in range(views)))) for _ in range(3)]

    assert heard == [True, True, Loss.EXCESS]


def test_progress_tells_a_process_no_paths() -> None:
    """A scanner learns the place of a content, and not its name."""
    assert {span.path for span in progress_of().ask().spans} == {""}


def test_progress_gives_more_time_to_more_bytes() -> None:
    """A long video is read to its end, which is not an attack."""
    long = ContentSpan(path="v", offset=0, length=1 << 30)
    progress = Progress(
        [long],
        alone=[False],
        types=frozenset(),
        budgets=Budgets(),
        digests=False,
        formats=frozenset(),
        max_losses=1,
    )
    progress.ask()
    budgets = Budgets()

    more_s = 4 * (budgets.per_gib_s + 32 * budgets.first_mib_s)
    assert progress.content_wall_s == budgets.content_wall_s + more_s
    assert progress.wall_left_s == budgets.upload_wall_s + more_s
