"""Plans against the slow twin of one estimated block."""

import numpy as np
import pytest

from tests.signals.soft import twins
from tests.signals.soft.planes import drawn, plane_of
from uploadfilter.outlines import Outline
from uploadfilter.signals.soft import plans
from uploadfilter.signals.soft.plans import Guess, GuessPlan, plan_of

OUTLINES = [
    Outline(),
    Outline(left=0.05, top=0.1, right=0.0, bottom=0.2),
    Outline(left=-0.05, box=(0.1, 0.2, 0.9, 0.75)),
    Outline(hidden=(0.0, 0.8, 1.0, 1.0)),
    Outline(left=0.1, hidden=(0.0, 0.0, 0.2, 1.0)),
]


def places_of(outline: Outline) -> tuple[dict[int, float], dict[int, float]]:
    """Return the seen cells of rows and of columns, by the twin."""
    box, hidden = outline.box, outline.hidden
    of_rows = hidden and hidden[0] == 0 and hidden[2] == 1
    return (
        twins.seen_cells(
            outline.top,
            outline.bottom,
            (box[1], box[3]),
            (hidden[1], hidden[3]) if hidden and of_rows else None,
        ),
        twins.seen_cells(
            outline.left,
            outline.right,
            (box[0], box[2]),
            (hidden[0], hidden[2]) if hidden and not of_rows else None,
        ),
    )


def test_blocks_equal_their_twin() -> None:
    """Two products for all guesses give the block of each guess."""
    plane = plane_of(drawn(3))
    plane -= plane.mean()
    plan = plan_of([Guess(outline=outline) for outline in OUTLINES])

    blocks = plan.blocks(plane)

    assert plan.outlines == tuple(OUTLINES)
    for number in (1, 2, 3):
        expected = twins.block(plane.astype(np.float64), *places_of(OUTLINES[number]))
        assert np.allclose(blocks[number], expected, atol=0.05 * expected.std())


def test_guess_that_shows_too_little_is_left_out() -> None:
    """A frame of which three cells are left makes no view."""
    plan = plan_of(
        [Guess(outline=Outline()), Guess(outline=Outline(box=(0.5, 0, 0.55, 1)))]
    )

    assert plan.outlines == (Outline(),)


@pytest.mark.parametrize(
    ("plan", "count"),
    [
        pytest.param(plans.upright(), 1, id="upright"),
        pytest.param(plans.crops(), 288, id="crops"),
        pytest.param(plans.squares(), 40, id="squares"),
        pytest.param(plans.strips(), 8, id="strips"),
        pytest.param(plans.cells(), 14, id="cells"),
    ],
)
def test_fixed_plans_have_a_fixed_number_of_guesses(
    plan: GuessPlan, count: int
) -> None:
    """Views cost time and evidence, so that their number is no accident."""
    assert len(set(plan.outlines)) == count


def test_boxes_are_guesses_like_others() -> None:
    """Boxes have the plan of their outlines; one that shows too little is left out."""
    boxes = [(0.25, 0.0, 1.0, 0.75), (0.5, 0.0, 0.55, 1.0), (0.25, 0.25, 0.75, 0.75)]
    plane = plane_of(drawn(4))

    plan = plans.boxed(boxes)

    other = plan_of([Guess(outline=Outline(box=box), step=0.004) for box in boxes])
    assert plan.outlines == other.outlines
    assert len(plan.outlines) == 2
    assert (plan.noise == other.noise).all()
    assert (plan.blocks(plane) == other.blocks(plane)).all()
