"""Parts of a scan, cut anywhere, are the scan again; and two tries are one."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.scanners.replies import DIGESTS, PLANE, SCAN, VIEW
from uploadfilter.model import Reason, Scan, View
from uploadfilter.scanners.pool.merging import MergedContent
from uploadfilter.scanners.wire.budgets import Budgets
from uploadfilter.scanners.wire.messages import UNKNOWN_KIND

WIDE = Budgets(max_views=1000, max_signals=100_000, max_upload_signals=1_000_000)


def view(name: str) -> View:
    """Return a view of a name, with two signals."""
    return View(name=name, rows=VIEW.rows, plane=PLANE)


def content(*names: str, path: str = "c", contents: tuple[Scan, ...] = ()) -> Scan:
    """Return a scan with views of these names."""
    views = tuple(view(name) for name in names)
    return Scan(path=path, kind="zip", size=9, views=views, contents=contents)


@st.composite
def scans(draw: st.DrawFn, path: str = "c", depth: int = 3) -> Scan:
    """Draw a scan of a content with others in it, each with a separate name."""
    names = draw(st.sets(st.sampled_from(["stored", "white", "frame:1"])))
    count = draw(st.integers(0, 3)) if depth else 0
    return Scan(
        path=path,
        kind=draw(st.sampled_from(["zip", "jpeg"])),
        size=draw(st.integers(0, 99)),
        exact=draw(st.sampled_from([(), DIGESTS])),
        views=tuple(view(name) for name in sorted(names)),
        reason=draw(st.none() | st.sampled_from([Reason.TRUNCATED, Reason.CRASHED])),
        contents=tuple(
            draw(scans(path=f"{path}!/{number}", depth=depth - 1))
            for number in range(count)
        ),
        dropped=draw(st.integers(0, 5)),
    )


def cut(scan: Scan) -> list[Scan]:
    """Cut a scan into the smallest parts that a scanner could send, depth first."""
    bare = replace(scan, exact=(), views=(), reason=None, contents=(), dropped=0)
    parts = [replace(bare, exact=scan.exact)]
    parts += [replace(bare, views=(item,)) for item in scan.views]
    for nested in scan.contents:
        parts += [replace(bare, contents=(part,)) for part in cut(nested)]
    parts.append(replace(bare, reason=scan.reason, dropped=scan.dropped))
    return parts


def together(*parts: Scan, budgets: Budgets = WIDE) -> Scan | None:
    """Put parts together that fit."""
    gathered = MergedContent(budgets)
    for part in parts:
        assert gathered.add(part)
    return gathered.scan()


@settings(max_examples=40)
@given(scan=scans())
def test_parts_are_the_scan_again(scan: Scan) -> None:
    """However finely a scan is cut, nothing is lost, doubled or put elsewhere."""
    assert together(*cut(scan)) == scan


@settings(max_examples=40)
@given(scan=scans())
def test_one_part_is_the_scan(scan: Scan) -> None:
    """A whole scan is taken unchanged."""
    assert together(scan) == scan


@settings(max_examples=40)
@given(first=scans(), second=scans())
def test_two_tries_have_what_either_saw(first: Scan, second: Scan) -> None:
    """Views and contents of both, each once; the second decides on the rest."""
    gathered = MergedContent(WIDE)
    gathered.add(second)
    gathered.fill_up(first)
    both = gathered.scan()

    assert both is not None
    assert _seen(both) == _seen(first) | _seen(second)
    assert len(_views(both)) == len(set(_views(both)))
    assert (both.reason, both.exact, both.kind) == (
        second.reason,
        second.exact,
        second.kind,
    )


def _views(scan: Scan) -> list[tuple[str, str]]:
    return [(each.path, item.name) for each in scan.walk() for item in each.views]


def _seen(scan: Scan) -> set[tuple[str, str]]:
    return {*_views(scan), *((each.path, "") for each in scan.walk())}


def test_first_try_counts_alone_if_the_second_saw_nothing() -> None:
    """Findings are not lost if a process ends before its first part."""
    gathered = MergedContent(WIDE)
    gathered.fill_up(SCAN)

    assert gathered.scan() == SCAN
    assert MergedContent(WIDE).scan() is None


def test_second_try_is_filled_up_within_the_budgets() -> None:
    """Two tries together may not say more than one may."""
    budgets = Budgets(max_views=3, max_contents=1)
    gathered = MergedContent(budgets)
    gathered.add(content("stored", "white", contents=(content(path="c!/a"),)))
    gathered.fill_up(
        content("black", "alpha", contents=(content(path="c!/b"), content(path="c!/a")))
    )
    scan = gathered.scan()

    assert scan is not None
    assert [item.name for item in scan.views] == ["stored", "white", "black"]
    assert [nested.path for nested in scan.contents] == ["c!/a"]


def test_reason_of_a_loss_comes_before_those_of_parts() -> None:
    """The end of the scan takes precedence over the reason of a part."""
    gathered = MergedContent(WIDE)
    gathered.add(replace(content("stored"), reason=Reason.TRUNCATED))
    scan = gathered.scan(Reason.OUT_OF_TIME)

    assert scan is not None
    assert scan.reason is Reason.OUT_OF_TIME


def test_part_without_a_kind_leaves_it() -> None:
    """The part for a failed scan has no facts about the content."""
    scan = together(
        content("stored"), replace(content(), kind=UNKNOWN_KIND, reason=Reason.CRASHED)
    )

    assert scan is not None
    assert (scan.kind, scan.reason) == ("zip", Reason.CRASHED)


def test_contents_of_one_name_are_kept_apart() -> None:
    """An archive may hold two files of the same name; each has its own views."""
    twin = content("stored", path="c!/a")
    scan = together(content(contents=(twin, twin)), content(contents=(twin,)))

    assert scan is not None
    assert scan.contents == (twin,) * 3


@pytest.mark.parametrize(
    ("budgets", "parts"),
    [
        pytest.param(
            Budgets(max_views=1), [content("stored"), content("white")], id="views"
        ),
        pytest.param(
            Budgets(max_signals=3), [content("stored"), content("white")], id="signals"
        ),
        pytest.param(
            Budgets(max_upload_signals=3),
            [content("stored"), content(contents=(content("stored", path="c!/a"),))],
            id="signals-of-all",
        ),
        pytest.param(
            Budgets(max_contents=1),
            [content(contents=(content(path=f"c!/{name}"),)) for name in "ab"],
            id="contents",
        ),
        pytest.param(
            Budgets(max_contents=9), [replace(content(), dropped=5)] * 2, id="dropped"
        ),
    ],
)
def test_parts_keep_the_budgets_together(budgets: Budgets, parts: list[Scan]) -> None:
    """Valid parts may exceed the limits together."""
    gathered = MergedContent(budgets)

    assert [gathered.add(part) for part in parts] == [True, False]


@pytest.mark.parametrize(
    "second",
    [
        pytest.param(content("stored"), id="view-again"),
        pytest.param(replace(content("white"), kind="tar"), id="another-kind"),
        pytest.param(replace(content("white"), size=8), id="another-size"),
    ],
)
def test_part_that_contradicts_is_refused(second: Scan) -> None:
    """A content is one thing from its first part to its last."""
    gathered = MergedContent(WIDE)

    assert gathered.add(content("stored"))
    assert not gathered.add(second)
