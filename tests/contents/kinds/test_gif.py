"""A text that begins with the magic of GIF is not a GIF."""

import pytest

from tests.corpus import pictures
from uploadfilter.contents.kinds.gif import is_plausible


@pytest.mark.parametrize(
    "head",
    [
        pictures.gif(pictures.photograph(1, width=48, height=32))[:1100],
        b"GIF89a" + b" " * 7 + b",",
        b"GIF89a" + b" " * 7 + b"!",
        b"GIF89a" + b" " * 7 + b"," + b" " * 9 + b"\x08",
        b"GIF87a\0\0",
    ],
)
def test_pictures_are_plausible(head: bytes) -> None:
    """One byte that is not prose is enough, or a block that can be one."""
    assert is_plausible(head)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"GIF",
        b"GIF87A\0\0",
        b"GIF87a format is old.",
        b"GIF87a format, as it was, is old.",
        b"GIF89a is the younger of both; it has more.",
    ],
)
def test_prose_is_not(head: bytes) -> None:
    """This also holds with a comma where an image would begin."""
    assert not is_plausible(head)
