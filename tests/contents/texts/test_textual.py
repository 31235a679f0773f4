"""Letters of base64 that stand for text are told from others."""

import base64

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.contents.texts.beginnings import letters_of
from uploadfilter.contents.texts.textual import textuals

NOISE = np.random.default_rng(11).bytes(300_000)
PROSE = b"It was the best of times, it was the worst of times, and so on. " * 4000
CODE = b"def getFirst(listOfItems): return listOfItems[0] if listOfItems else 1\n"


@given(
    before=st.text("ABCabc019+/", max_size=40),
    text=st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=40),
)
def test_encoded_text_is_found(before: str, text: str) -> None:
    """In each of the four phases, whatever it says."""
    letters = before.encode() + base64.b64encode(text.encode()).rstrip(b"=")
    found = [each for each in textuals(letters) if each.start % 4 == len(before) % 4]

    assert found
    assert found[0].start <= len(before) + 32


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(base64.b64encode(NOISE), id="noise"),
        pytest.param(PROSE, id="prose"),
        pytest.param(CODE * 4000, id="program"),
        pytest.param(NOISE.hex().encode(), id="digits"),
        pytest.param(b"A" * 100_000, id="zeros"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_other_letters_are_no_text(content: bytes) -> None:
    """Whatever they would be as base64."""
    assert not list(textuals(letters_of(content)))


def test_stretches_of_one_text_are_one() -> None:
    """Letters outside of ASCII stand between them."""
    text = ("hello world, this is a text " + "\u0434\u0430 " * 20) * 9000
    found = list(textuals(base64.b64encode(text.encode()).rstrip(b"=")))

    assert any(each.start == 0 and each.end > 1_000_000 for each in found)
