"""Functions of PDF documents are evaluated; others are ``None``."""

import numpy as np
import pikepdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pikepdf import Array, Dictionary

from tests.corpus.tricks.papers import function
from uploadfilter.contents.pdf.functions import data_of, function_of


def values(made: object, *rows: tuple[float, ...]) -> list[list[float]]:
    """Evaluate a function for some inputs."""
    found = function_of(made)
    assert found is not None
    outputs = found(np.array(rows, dtype=float))
    return [[round(float(value), 4) for value in row] for row in outputs]


@pytest.mark.parametrize("bits", [8, 16, 24, 32, 4])
def test_samples_of_any_width(bits: int) -> None:
    """A ramp of two samples is a ramp in any number of bits."""
    whole = ((1 << bits) - 1).to_bytes(-(-bits // 8), "big")
    data = b"\x0f" if bits == 4 else bytes(bits // 8) + whole
    with pikepdf.new() as pdf:
        made = function(pdf, 0, 1, 1, data=data, Size=Array([2]), BitsPerSample=bits)

        assert values(made, (0,), (0.25,), (2,)) == [[0], [0.25], [1]]


def test_samples_in_two_directions_are_mixed() -> None:
    """The first input changes fastest."""
    with pikepdf.new() as pdf:
        made = function(
            *(pdf, 0, 2, 1),
            data=bytes([0, 255, 0, 255]),
            Size=Array([2, 2]),
            BitsPerSample=8,
        )

        assert values(made, (1, 0), (0, 1), (0.5, 0.5)) == [[1], [0], [0.5]]


def test_samples_are_encoded_and_decoded() -> None:
    """Their inputs and their outputs may be reversed."""
    with pikepdf.new() as pdf:
        made = function(
            *(pdf, 0, 1, 1),
            data=bytes([0, 255]),
            Size=Array([2]),
            BitsPerSample=8,
            Encode=Array([1, 0]),
            Decode=Array([0.5, 1]),
        )

        assert values(made, (0,), (1,)) == [[1], [0.5]]


@given(st.floats(0, 1), st.sampled_from([0.5, 1, 2, 3.5]))
def test_power_mixes_two_colours(share: float, power: float) -> None:
    """Colours are interpolated by a power."""
    with pikepdf.new() as pdf:
        made = function(pdf, 2, 1, 2, C0=Array([1, 0]), C1=Array([0, 0.5]), N=power)
        found = function_of(made)
    assert found is not None

    (row,) = found(np.array([[share]]))

    np.testing.assert_allclose(row, [1 - share**power, 0.5 * share**power], atol=1e-6)


def test_functions_are_stitched() -> None:
    """Each has its stretch of the input, and its own direction."""
    with pikepdf.new() as pdf:
        ramp = function(pdf, 2, 1, 1, C0=Array([0]), C1=Array([1]), N=1)
        made = function(
            *(pdf, 3, 1, 1),
            Functions=Array([ramp, ramp]),
            Bounds=Array([0.5]),
            Encode=Array([0, 1, 1, 0]),
        )

        assert values(made, (0.25,), (0.5,), (0.75,), (1,)) == [[0.5], [1], [0.5], [0]]


def test_program_is_run() -> None:
    """The text of a program stands in a stream."""
    with pikepdf.new() as pdf:
        made = function(pdf, 4, 1, 1, data=b"{ 1 exch sub }")

        assert values(made, (0.25,), (7,)) == [[0.75], [0]]


BAD = {
    "no function": Dictionary(),
    "unknown type": Dictionary(FunctionType=1, Domain=Array([0, 1])),
    "no domain": Dictionary(FunctionType=2, N=1),
    "odd domain": Dictionary(FunctionType=2, N=1, Domain=Array([0])),
    "no power": Dictionary(FunctionType=2, Domain=Array([0, 1])),
    "uneven colours": Dictionary(
        FunctionType=2, N=1, Domain=Array([0, 1]), C0=Array([0, 0])
    ),
    "no samples": Dictionary(
        FunctionType=0,
        Domain=Array([0, 1]),
        Range=Array([0, 1]),
        Size=Array([2]),
        BitsPerSample=8,
    ),
    "endless samples": Dictionary(
        FunctionType=0,
        Domain=Array([0, 1] * 3),
        Range=Array([0, 1]),
        Size=Array([100_000] * 3),
        BitsPerSample=8,
    ),
    "no parts": Dictionary(
        FunctionType=3, Domain=Array([0, 1]), Functions=Array(), Encode=Array([0, 1])
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_evaluated_is_none(name: str) -> None:
    """Nothing is guessed."""
    assert function_of(BAD[name]) is None
    assert function_of(None) is None


def test_functions_in_functions_end() -> None:
    """A function that contains itself is refused."""
    with pikepdf.new() as pdf:
        made = function(pdf, 3, 1, 1, Bounds=Array(), Encode=Array([0, 1]))
        made.Functions = Array([made])

        assert function_of(made) is None


def test_infinite_outputs_are_numbers() -> None:
    """A power that is not defined gives a number within the range."""
    with pikepdf.new() as pdf:
        made = function(pdf, 2, 1, 1, C0=Array([0]), C1=Array([1]), N=-1)

        assert values(made, (0,)) == [[1]]


def test_data_of_what_is_no_stream_is_none() -> None:
    """A dictionary holds no bytes."""
    assert data_of(Dictionary()) is None
