"""Pieces are drawn and taken away as browsers do it."""

import numpy as np
import pytest
from PIL import Image

from uploadfilter.pictures.faults import BadPictureError
from uploadfilter.pictures.readers.composing import (
    Composer,
    Disposal,
    Drawing,
    Piece,
    begins_anew,
    cost_of,
    within,
)

SIZE = (4, 4)
WHOLE = (0, 0, 4, 4)


def piece(
    box: tuple[int, int, int, int] = WHOLE,
    drawing: Drawing = Drawing.REPLACE,
    disposal: Disposal = Disposal.KEEP,
) -> Piece:
    """Return a piece."""
    return Piece(box=box, drawing=drawing, disposal=disposal)


def shown(*layers: tuple[Piece, Image.Image]) -> list[Image.Image]:
    """Return the shown pictures of pieces."""
    pieces = [each for each, _ in layers]
    reader = Composer(
        SIZE,
        pieces,
        lambda number: layers[number][1].copy(),
        first=layers[0][1].copy,
        course=None,
    )
    return [reader.frame(number).image for number in range(len(pieces))]


def test_half_transparent_piece_lets_half_through() -> None:
    """Blending is that of the specification of PNG."""
    white = Image.new("RGBA", SIZE, (255, 255, 255, 255))
    shade = Image.new("RGBA", SIZE, (0, 0, 0, 128))

    _, after = shown((piece(), white), (piece(drawing=Drawing.BLEND), shade))

    assert after.convert("RGB").getpixel((1, 1)) == (127, 127, 127)


def test_transparent_grey_of_16_bits_is_refused() -> None:
    """Pillow keeps the transparent grey, and compares it with nothing."""
    grey = Image.fromarray(np.full((4, 4), 9000, np.uint16))
    plain = Image.new("RGBA", SIZE)
    assert shown((piece(), plain), (piece(), grey))[1].getpixel((0, 0)) == (35, 35, 35)

    grey.info["transparency"] = 9000

    with pytest.raises(BadPictureError):
        shown((piece(), plain), (piece(), grey))


@pytest.mark.parametrize(
    ("box", "part"),
    [
        ((0, 0, 4, 4), (0, 0, 4, 4)),
        ((1, 2, 9, 3), (1, 2, 4, 3)),
        ((4, 0, 9, 9), None),
        ((1, 1, 1, 4), None),
    ],
)
def test_only_what_is_on_the_canvas_is_drawn(
    box: tuple[int, int, int, int], part: tuple[int, int, int, int] | None
) -> None:
    """A piece may lie beyond the edge, or have no pixels."""
    assert within(box, SIZE) == part


@pytest.mark.parametrize(
    ("before", "own", "begins"),
    [
        pytest.param(piece(), piece(), True, id="covers all"),
        pytest.param(piece(), piece((0, 0, 4, 3)), False, id="covers a part"),
        pytest.param(piece(), piece(drawing=Drawing.BLEND), False, id="lets through"),
        pytest.param(
            piece(), piece(disposal=Disposal.RESTORE), False, id="what was comes back"
        ),
        pytest.param(
            piece(disposal=Disposal.CLEAR),
            piece((0, 0, 1, 1)),
            True,
            id="after nothing",
        ),
        pytest.param(
            piece((0, 0, 4, 3), disposal=Disposal.CLEAR),
            piece((0, 0, 1, 1)),
            False,
            id="after a part is cleared",
        ),
    ],
)
def test_piece_begins_anew_where_nothing_before_matters(
    before: Piece, own: Piece, *, begins: bool
) -> None:
    """It does not change its own picture or a later one."""
    assert begins_anew([piece(), before, own], 2, SIZE) == begins


def test_what_comes_back_costs_twice() -> None:
    """It is copied before, and drawn again."""
    once, twice = cost_of(piece()), cost_of(piece(disposal=Disposal.RESTORE))

    assert twice - once == 16
