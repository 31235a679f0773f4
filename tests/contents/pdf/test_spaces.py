"""Colour spaces are evaluated; others are ``None``."""

import numpy as np
import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name

from tests.corpus.tricks.papers import inks, program
from uploadfilter.contents.pdf.spaces import Space, space_of

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


USUAL = {
    "WhitePoint": [0.9505, 1, 1.089],
    "Gamma": [2.2, 2.2, 2.2],
    "Matrix": [0.4124, 0.2126, 0.0193, 0.3576, 0.7152, 0.1192, 0.1805, 0.0722, 0.9505],
}


def calibrated(name: str, **fields: object) -> Space:
    """Read a space whose light is measured."""
    given = {
        f"/{key}": Array(value) if isinstance(value, list) else value
        for key, value in fields.items()
    }
    found = space_of(Array([Name(name), Dictionary(given)]))
    assert found is not None
    return found


def test_usual_calibration_is_what_decoders_take_it_for() -> None:
    """Programs write spaces that mean sRGB; a second picture would show the same."""
    assert calibrated("/CalRGB", **USUAL).is_device
    assert calibrated("/CalGray", WhitePoint=[0.9505, 1, 1.089], Gamma=2.2).is_device
    assert not calibrated("/CalRGB", **(USUAL | {"Gamma": [8, 2.2, 2.2]})).is_device
    assert not calibrated("/CalGray", Gamma=8).is_device


@pytest.mark.parametrize(
    "white", [[0.9505, 1, 1.089], [1.2, 1, 0.4], [0.9642, 1, 0.8249]]
)
def test_white_of_a_calibration_is_white(white: list[float]) -> None:
    """Whatever light it is, the eye is used to it."""
    thirds = [part / 3 for part in white] * 3
    space = calibrated("/CalRGB", WhitePoint=white, Gamma=[1, 2, 3], Matrix=thirds)
    grey = calibrated("/CalGray", WhitePoint=white, Gamma=5)

    np.testing.assert_allclose(space.convert(np.ones((1, 3))), 1, atol=0.01)
    np.testing.assert_allclose(grey.convert(np.ones((1, 1))), 1, atol=0.01)


@pytest.mark.parametrize(
    "fields",
    [
        {"Gamma": [-3, 0, 900], "Matrix": [1e30] * 9},
        {"WhitePoint": [0, 0, 0]},
        {"WhitePoint": [1, 1]},
        {"Gamma": "x", "Matrix": [1, 2]},
    ],
)
def test_nonsense_in_a_calibration_gives_some_colours(
    fields: dict[str, object],
) -> None:
    """It raises nothing, and every colour is one of a screen."""
    colours = calibrated("/CalRGB", **fields).convert(
        np.random.default_rng(1).random((50, 3))
    )

    assert ((colours >= 0) & (colours <= 1)).all()
