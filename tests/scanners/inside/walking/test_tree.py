"""A growing scan is sent in parts that add up to the whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.model import Reason, Scan, View
from uploadfilter.scanners.inside.walking.tree import Node


def node(path: str = "") -> Node:
    """Return the node of a content."""
    return Node(path=path, kind="zip", size=9)


def view(name: str) -> View:
    """Return a view that is told by its name."""
    return View(name=name, rows=(), plane=b"")


def names(scan: Scan) -> dict[str, list[str]]:
    """Return the names of the views of every content in a scan."""
    return {each.path: [item.name for item in each.views] for each in scan.walk()}


@given(st.lists(st.sampled_from(["a", "a#2", "a#3", "b", "", "a!/b"]), max_size=12))
def test_no_two_contents_have_one_path(called: list[str]) -> None:
    """However often a name comes, and whatever other names look like."""
    root = node()

    paths = [root.path_of(name) for name in called]

    assert len(set(paths)) == len(called)


def test_part_holds_what_was_found_since_the_last_one() -> None:
    """A view is sent once, with the contents that it is nested in."""
    root, inner = node(), node("!/a")
    root.nest(inner)
    inner.add_view(view("stored"))
    first = root.part()
    inner.add_view(view("white"))
    second = root.part()

    assert names(first) == {"": [], "!/a": ["stored"]}
    assert names(second) == {"": [], "!/a": ["white"]}


def test_part_leaves_out_contents_without_news() -> None:
    """Unchanged contents are not sent again."""
    root, old, new = node(), node("!/a"), node("!/b")
    root.nest(old)
    root.part()
    root.nest(new)

    assert names(root.part()) == {"": [], "!/b": []}


def test_content_without_views_is_sent_too() -> None:
    """That a text was in an archive belongs to its record."""
    root, inner = node(), node("!/a")
    root.nest(inner)
    inner.close()

    assert not root.has_views
    assert names(root.part()) == {"": [], "!/a": []}


def test_reason_that_comes_late_is_sent() -> None:
    """A content may fall short after its views were sent."""
    root, inner = node(), node("!/a")
    root.nest(inner)
    inner.add_view(view("stored"))
    root.part()
    inner.fall_short(Reason.TRUNCATED)
    inner.close()

    assert not root.has_views
    assert [each.reason for each in root.part().walk()] == [None, Reason.TRUNCATED]


def test_first_reason_stands() -> None:
    """The first end of a scan is the reason why it is not complete."""
    root = node()
    root.fall_short(Reason.TOO_DEEP)
    root.fall_short(Reason.ENCRYPTED)
    root.fall_short(Reason.NOT_INSPECTED)

    assert root.part().reasons == (
        Reason.TOO_DEEP,
        Reason.ENCRYPTED,
        Reason.NOT_INSPECTED,
    )


def test_reason_is_named_once() -> None:
    """However often a content falls short for it, before or after it was sent."""
    root = node()
    for _ in range(2):
        root.fall_short(Reason.TOO_DEEP)
        root.fall_short(Reason.ENCRYPTED)
    root.part()
    root.fall_short(Reason.ENCRYPTED)

    assert not root.has_news
    assert root.part().reasons == (Reason.TOO_DEEP, Reason.ENCRYPTED)


def test_reasons_are_taken_back_by_name() -> None:
    """A removed chance reason leaves the others."""
    root = node()
    for reason in (Reason.TRUNCATED, Reason.TOO_MANY_FRAMES, Reason.UNDECODABLE):
        root.fall_short(reason)
    root.forget({Reason.TRUNCATED, Reason.UNDECODABLE})

    assert root.part().reasons == (Reason.TOO_MANY_FRAMES,)


@pytest.mark.parametrize(
    "everyday",
    [
        Reason.NOT_INSPECTED,
        Reason.TOO_MANY_FRAMES,
        Reason.SEARCH_UNFINISHED,
        Reason.ENCRYPTED,
    ],
)
def test_everyday_reason_hides_no_other(everyday: Reason) -> None:
    """A drawing or a long animation in which too much is hidden does not pass."""
    root = node()
    root.fall_short(everyday)
    assert root.part().reason is everyday

    root.fall_short(Reason.TOO_MANY_CONTENTS)
    root.fall_short(Reason.OUT_OF_TIME)

    assert root.has_news
    assert root.part().reasons == (
        Reason.TOO_MANY_CONTENTS,
        everyday,
        Reason.OUT_OF_TIME,
    )


def test_dropped_candidates_add_up_over_the_parts() -> None:
    """Each candidate is counted in one part."""
    root = node()
    root.drop(most=1000)
    root.drop(most=1000)
    first = root.part()
    root.drop(most=1000)

    assert (first.dropped, root.part().dropped) == (2, 1)


@given(given_names=st.lists(st.text(max_size=300), max_size=8))
def test_paths_are_unique_printable_and_one_step_deep(given_names: list[str]) -> None:
    """With any names of members, each has a separate path."""
    root = node("0")
    paths = [root.path_of(name) for name in given_names]

    assert len(set(paths)) == len(paths)
    for path in paths:
        assert path.startswith("0!/")
        assert path.count("!/") == 1
        assert path.isprintable()
        assert len(path.encode()) < 1000


def test_embedded_pictures_are_numbered_as_they_are_kept() -> None:
    """A candidate that was dropped takes no number."""
    root = node("0")
    first = root.path_of_embedded("thumb")
    again = root.path_of_embedded("embedded")
    root.nest_embedded(node(again))

    assert (first, again) == ("0!/thumb:1", "0!/embedded:1")
    assert root.path_of_embedded("embedded") == "0!/embedded:2"


def test_view_far_down_is_seen_from_the_top_until_it_is_sent() -> None:
    """Whether it was found before or after its content was nested."""
    root, middle, early, late = (
        node(path) for path in ("0", "0!/a", "0!/a!/b", "0!/c")
    )
    early.add_view(view("stored"))
    middle.nest(early)
    root.nest(middle)
    root.nest_embedded(late)
    assert root.has_views
    assert not late.has_views

    root.part()
    assert not root.has_views

    late.add_view(view("stored"))
    assert root.has_views


def test_candidates_are_counted_up_to_what_a_reply_may_say() -> None:
    """More of them do not make a reply invalid."""
    root = node()
    for _ in range(5):
        root.drop(most=3)

    assert root.part().dropped == 3
    root.drop(most=3)
    assert root.part().dropped == 0
