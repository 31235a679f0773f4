"""Long runs of digits are decoded, and checksums are not."""

import binascii

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.contents.texts.digits import bytes_of_digits

DATA = np.random.default_rng(7).bytes(200)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(DATA.hex().encode(), id="alone"),
        pytest.param(DATA.hex().upper().encode(), id="capitals"),
        pytest.param(b"VALUES (X'" + DATA.hex().encode() + b"')", id="SQL"),
        pytest.param(binascii.b2a_hex(DATA, b"\n", 32), id="lines"),
        pytest.param(b"\\picw640 " + DATA.hex().encode() + b"}", id="after a number"),
        pytest.param(
            b"\r\n".join(
                DATA.hex().encode()[at : at + 127] for at in range(0, 400, 127)
            ),
            id="odd lines",
        ),
    ],
)
def test_digits_are_decoded(text: bytes) -> None:
    """In any of their usual forms."""
    assert any(DATA in found for found in bytes_of_digits(text))


def test_checksums_are_passed_over() -> None:
    """The longest has 128 digits."""
    text = b"".join(b"%b  name.txt\n" % DATA[:64].hex().encode() for _ in range(99))

    assert list(bytes_of_digits(text)) == []


@given(before=st.binary(max_size=40), behind=st.binary(max_size=40))
def test_run_is_found_anywhere(before: bytes, behind: bytes) -> None:
    """Whatever stands around it, if it is no digit."""
    text = before + b"(" + DATA.hex().encode() + b")" + behind

    assert DATA in list(bytes_of_digits(text))
