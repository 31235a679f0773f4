"""Digits and numbers are read whatever stands between them."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from uploadfilter.contents.texts.digits import from_digits
from uploadfilter.contents.texts.effort import Effort

DATA = bytes(range(256)) * 2


def read(text: bytes) -> list[bytes]:
    """Return all that the digits in a text may stand for."""
    return [data for _, data in from_digits(text, Effort(1_000_000))]


@given(st.binary(min_size=80, max_size=300), st.integers(16, 99))
@example(data=bytes(86), width=17)
def test_lines_may_end_within_a_byte(data: bytes, width: int) -> None:
    """Word processors read on in the next line."""
    digits = data.hex()
    lines = "\r\n".join(digits[at : at + width] for at in range(0, len(digits), width))

    assert any(data in each for each in read(lines.encode()))


@pytest.mark.parametrize("between", [b"", b" ", b", ", b"\\x", b":", b'","', b"\n"])
def test_signs_stand_between_bytes(between: bytes) -> None:
    """Each of these is written by some program."""
    text = between.join(b"%02x" % byte for byte in DATA)

    assert any(DATA in each for each in read(text))


@pytest.mark.parametrize("shape", ["{}", "{},", " {}\n", "{}: "])
def test_numbers_are_bytes(shape: str) -> None:
    """This includes signed ones."""
    lists = ([*DATA], [(byte ^ 128) - 128 for byte in DATA])
    for numbers in lists:
        text = " ".join(map(shape.format, numbers)).encode()

        assert any(DATA in each for each in read(text))
