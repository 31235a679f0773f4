"""Outlines: their text form, and where they put the original's corners."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.outlines import Outline

cuts = st.integers(-2000, 4000).map(lambda number: number / 10_000)
edges = st.tuples(*[st.integers(0, 4999).map(lambda number: number / 10_000)] * 4)
boxes = edges.map(lambda edge: (edge[0], edge[1], 1 - edge[2], 1 - edge[3]))
outlines = st.builds(
    Outline,
    left=cuts,
    top=cuts,
    right=cuts,
    bottom=cuts,
    box=boxes.map(lambda box: tuple(round(edge, 4) for edge in box)),
    hidden=st.none() | boxes.map(lambda box: tuple(round(edge, 4) for edge in box)),
)


@given(outline=outlines, angle=st.integers(-50, 50).filter(bool))
def test_text_form_is_read_as_the_same_outline(outline: Outline, angle: int) -> None:
    """The outline of a record equals the one that was found."""
    turned = Outline(left=outline.left, angle=angle / 10, aspect=1.5)

    assert Outline.parse(str(outline)) == outline
    assert Outline.parse(str(turned)) == turned


@pytest.mark.parametrize(
    ("outline", "text"),
    [
        pytest.param(Outline(), "whole", id="whole"),
        pytest.param(Outline(left=0.05, top=0.05), "crop 0.05 0.05 0 0", id="crop"),
        pytest.param(
            Outline(box=(0, 0.1, 1, 0.9), hidden=(0, 0.85, 1, 1)),
            "box 0 0.1 1 0.9, hidden 0 0.85 1 1",
            id="frame",
        ),
        pytest.param(
            Outline(angle=-2, aspect=1.5), "angle -2, aspect 1.5", id="turned"
        ),
    ],
)
def test_text_form(outline: Outline, text: str) -> None:
    """The text names only the differences from the whole original."""
    assert str(outline) == text


@pytest.mark.parametrize(
    "text", ["", "crop 1 2", "crop 0 0 0 0, crop 0 0 0 0", "circle 1", "angle x"]
)
def test_other_texts_are_refused(text: str) -> None:
    """A text of another form is refused."""
    with pytest.raises(ValueError, match=r"outline|float"):
        Outline.parse(text)


@pytest.mark.parametrize(
    "numbers",
    [
        pytest.param({"left": 0.5, "right": 0.5}, id="nothing-left"),
        pytest.param({"top": float("nan")}, id="nan"),
        pytest.param({"box": (0.5, 0.0, 0.5, 1.0)}, id="empty-box"),
        pytest.param({"aspect": 0.0}, id="no-width"),
    ],
)
def test_outline_shows_something(numbers: dict[str, float]) -> None:
    """An outline that shows nothing is refused."""
    with pytest.raises(ValueError, match=r"cut off|box|aspect"):
        Outline(**numbers)  # type: ignore[arg-type]  # a box among the numbers


def test_corners_of_a_cut_picture_lie_outside() -> None:
    """Where half of the width is missing, the original is twice as wide."""
    corners = Outline(left=0.5).corners()

    assert corners == ((-1.0, 0.0), (1.0, 0.0), (1.0, 1.0), (-1.0, 1.0))


def test_counter_clockwise_turn_lifts_the_right_side() -> None:
    """A picture turned counter-clockwise has its right side higher."""
    _, top_right, bottom_right, _ = Outline(angle=5).corners()

    assert top_right[1] < 0
    assert top_right[0] < bottom_right[0]


def test_box_holds_the_whole_original() -> None:
    """In a frame, the corners are those of the box."""
    corners = Outline(box=(0.1, 0.2, 0.9, 0.7)).corners()

    assert corners == ((0.1, 0.2), (0.9, 0.2), (0.9, 0.7), (0.1, 0.7))
