"""Changes of encoded bytes are told from changes of other bytes."""

import pytest

from uploadfilter.contents.texts.hot import Hot
from uploadfilter.contents.texts.layers import is_layered
from uploadfilter.contents.texts.rewritings import REWRITINGS

BY_NAME = {way.name: way for way in REWRITINGS}


@pytest.mark.parametrize(
    ("at", "sign", "is_touched"),
    [
        (30, rb"\n", True),
        (15, rb"\n", False),
        (15, rb"\4a", True),
        (45, rb"\4a", True),
        (2, rb"\4a", False),
        (70, rb"\4a", False),
    ],
    ids=["in", "usual before", "before", "after", "far before", "far after"],
)
def test_what_is_encoded_is_touched_by_signs_in_it(
    at: int, sign: bytes, *, is_touched: bool
) -> None:
    """Or beside it, except for signs that are common in programs."""
    text = b"z" * at + sign + b"z" * 90
    hot = Hot(start=20, end=40, first=10, last=60)

    assert BY_NAME["style sheet"].touches(text, hot) is is_touched
    assert is_layered(text.replace(sign, b"%41"), hot) is (10 <= at < 60)
