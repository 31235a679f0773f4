"""Colour spaces are evaluated, and what cannot be is none."""

import numpy as np
import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name

from hashsets.demo.tricks_papers import inks, program
from uploadfilter.contents.pdfspaces import space_of

WHITE = Array([0.9505, 1, 1.089])


def colours(space: object, *values: float) -> list[float]:
    """Evaluate one sample."""
    found = space_of(space)
    assert found is not None
    (row,) = found.convert(np.array([values], dtype=float))
    return [round(float(value), 2) for value in row]


@pytest.mark.parametrize(
    ("space", "values", "expected"),
    [
        (Name.DeviceGray, (0.5,), [0.5, 0.5, 0.5]),
        (Name.DeviceRGB, (0.1, 0.2, 0.3), [0.1, 0.2, 0.3]),
        (Name.DeviceCMYK, (0.5, 0, 1, 0.5), [0.25, 0.5, 0]),
        (Array([Name.Lab, Dictionary(WhitePoint=WHITE)]), (100, 0, 0), [1, 1, 1]),
        (Array([Name.Lab, Dictionary(WhitePoint=WHITE)]), (0, 0, 0), [0, 0, 0]),
        (
            Array([Name.Lab, Dictionary(WhitePoint=WHITE)]),
            (53.2, 80.1, 67.2),
            [1, 0, 0],
        ),
        (
            Array(
                [Name.Indexed, Name.DeviceRGB, 1, pikepdf.String(b"\0\0\0\xff\0\xff")]
            ),
            (1,),
            [1, 0, 1],
        ),
    ],
)
def test_colour_is_that_of_the_standard(
    space: object, values: tuple[float, ...], expected: list[float]
) -> None:
    """Each space turns its components into red, green and blue."""
    assert colours(space, *values) == expected


def test_inks_are_mixed_in_another_space() -> None:
    """Two inks that a program mixes into cyan and black."""
    with pikepdf.new() as pdf:
        tint = program(pdf, 2, 4, b"{ 0 exch 0 exch }")
        space = inks(pdf, 2, Name.DeviceCMYK, tint)

        assert colours(space, 1, 0.5) == [0, 0.5, 0.5]


BAD = {
    "nothing": None,
    "a number": 3,
    "a pattern": Name.Pattern,
    "inks without a function": Array([Name.Separation, Name.Spot, Name.DeviceGray]),
    "an empty palette": Array([Name.Indexed, Name.DeviceRGB, 1, pikepdf.String(b"")]),
    "a palette of a pattern": Array(
        [Name.Indexed, Name.Pattern, 1, pikepdf.String(b"abc")]
    ),
    "a profile of two": Array([Name.ICCBased, Dictionary(N=2)]),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_evaluated_is_none(name: str) -> None:
    """Nothing is guessed."""
    assert space_of(BAD[name]) is None


def test_profile_of_nothing_is_what_stands_for_it() -> None:
    """A reader that cannot read a profile takes the space beside it."""
    lab = Array([Name.Lab, Dictionary(WhitePoint=WHITE)])
    with pikepdf.new() as pdf:
        stream = pikepdf.Stream(pdf, b"no profile")
        stream.N, stream.Alternate = 3, lab

        assert colours(Array([Name.ICCBased, stream]), 100, 0, 0) == [1, 1, 1]


def test_space_that_holds_itself_ends() -> None:
    """Without an end there is no colour."""
    with pikepdf.new() as pdf:
        space = pdf.make_indirect(Array([Name.Indexed]))
        space.append(space)
        space.append(1)
        space.append(pikepdf.String(b"abcdef"))

        assert space_of(space) is None
