"""Calculator programs of PDF documents are run as PostScript would run them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.contents.pdf.programs import program_of


def result(text: bytes, *inputs: float, outputs: int = 1) -> list[float]:
    """Run a program for one input, and beside another one that must not matter."""
    run = program_of(text, inputs=len(inputs), outputs=outputs)
    assert run is not None
    rows = run(np.array([inputs, [0.25] * len(inputs)], dtype=float))
    return [round(float(value), 6) for value in rows[0]]


@pytest.mark.parametrize(
    ("text", "inputs", "expected"),
    [
        (b"{}", (0.5,), [0.5]),
        (b"{ 1 exch sub }", (0.25,), [0.75]),
        (b"{ 2 mul cvi 2 mod }", (0.9,), [1]),
        (b"{ dup 0.5 gt { pop 1 } { pop 0 } ifelse }", (0.7,), [1]),
        (b"{ dup 0.5 gt { pop 1 } { pop 0 } ifelse }", (0.3,), [0]),
        (b"{ dup 0.5 lt { 1 exch sub } if }", (0.2,), [0.8]),
        (b"{ -7 2 idiv add }", (0.0,), [-3]),
        (b"{ pop -5 3 mod }", (0.0,), [-2]),
        (b"{ pop 2 0.5 exp }", (0.0,), [1.414214]),
        (b"{ pop 1 1 atan }", (0.0,), [45]),
        (b"{ pop -1 0 atan }", (0.0,), [270]),
        (b"{ pop 7 2 bitshift }", (0.0,), [28]),
        (b"{ pop 28 -2 bitshift }", (0.0,), [7]),
        (b"{ pop 12 10 and }", (0.0,), [8]),
        (b"{ pop 12 10 xor }", (0.0,), [6]),
        (b"{ pop true false or }", (0.0,), [1]),
        (b"{ pop true not }", (0.0,), [0]),
        (b"{ pop 52 not }", (0.0,), [-53]),
        (b"{ pop 6.5 round }", (0.0,), [7]),
        (b"{ pop -3.2 floor }", (0.0,), [-4]),
        (b"{ pop -3.2 ceiling }", (0.0,), [-3]),
        (b"{ pop -3.8 truncate }", (0.0,), [-3]),
        (b"{ pop 9 sqrt 100 log add }", (0.0,), [5]),
        (b"{ pop 90 sin 60 cos add }", (0.0,), [1.5]),
        (b"{ pop 16#FF }", (0.0,), [255]),
        (b"{ pop 1 0 div }", (0.0,), [1]),
        (b"{ % a comment } { \n neg }", (0.5,), [-0.5]),
    ],
)
def test_each_word_does_its_work(
    text: bytes, inputs: tuple[float, ...], expected: list[float]
) -> None:
    """Results are those of the standard's definitions."""
    assert result(text, *inputs) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"{ exch }", [3, 1, 2]),
        (b"{ neg }", [3, 2, -1]),
        (b"{ 3 1 roll }", [1, 3, 2]),
        (b"{ 3 -1 roll }", [2, 1, 3]),
        (b"{ 2 copy pop }", [2, 1, 2]),
        (b"{ 2 index }", [2, 1, 3]),
        (b"{ 0 index }", [2, 1, 1]),
    ],
)
def test_stack_is_arranged(text: bytes, expected: list[float]) -> None:
    """The top of the stack is the last value."""
    assert result(text, 3, 2, 1, outputs=3) == expected


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"no braces",
        b"{ 1 add",
        b"{ unknown }",
        b"{ 1 \xff }",
        b"{" * 40 + b"}" * 40,
        b"{ " + b"1 pop " * 2000 + b"}",
    ],
)
def test_what_is_no_program_is_none(text: bytes) -> None:
    """Nothing is guessed, and nothing is longer or deeper than the bounds."""
    assert program_of(text, inputs=1, outputs=1) is None


@pytest.mark.parametrize(
    "text",
    [
        b"{ pop pop pop }",
        b"{ " + b"dup " * 150 + b"}",
        b"{ dup 0.5 gt { 1 } if }",
        b"{ if }",
        b"{ 99 copy }",
        b"{ -2 index }",
        b"{ copy }",
    ],
)
def test_program_that_errs_is_none(text: bytes) -> None:
    """It is tried when it is read."""
    assert program_of(text, inputs=1, outputs=2) is None


def test_program_that_errs_for_some_inputs_only_gives_zeros() -> None:
    """It ends at once, and gives as many numbers as were asked for."""
    run = program_of(b"{ dup 1 exch 2 mul cvi index }", inputs=1, outputs=2)
    assert run is not None

    assert run(np.array([[0.2], [0.9]])).tolist() == [[0, 0], [0, 0]]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_many_inputs_at_once_are_as_one_by_one(inputs: list[float]) -> None:
    """Each side of a choice is run for all, and taken where it holds."""
    text = b"{ dup 0.5 gt { dup 0.75 gt { 2 mul } { 3 mul } ifelse } { neg } ifelse }"
    run = program_of(text, inputs=1, outputs=1)
    assert run is not None

    together = run(np.array(inputs)[:, None])[:, 0]

    apart = [
        -x if x <= 0.5 else x * (2 if x > 0.75 else 3)  # the same, said in Python
        for x in inputs
    ]
    np.testing.assert_allclose(together, apart)
