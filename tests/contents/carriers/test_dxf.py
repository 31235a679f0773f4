"""Bytes that a drawing keeps as digits are put together."""

import pytest

from tests.corpus import pictures
from tests.scanners.scans import scanned
from uploadfilter.contents.carriers.dxf import joined
from uploadfilter.contents.source import MemorySource

PHOTO = pictures.photograph(4, width=160, height=120)
PNG = pictures.png(PHOTO)
HEAD = b"  0\nSECTION\n  2\nOBJECTS\n  5\nABCDEF\n"


def lines_of(data: bytes, *, group: bytes = b"310", end: bytes = b"\n") -> bytes:
    """Return bytes as a drawing has them."""
    digits = data.hex().upper().encode()
    parts = [digits[at : at + 254] for at in range(0, len(digits), 254)]
    return b"".join(group + end + part + end for part in parts)


@pytest.mark.parametrize("group", [b"310", b"319", b" 310", b"1004"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_picture_in_a_drawing_is_found(group: bytes, end: bytes) -> None:
    """Whatever stands before it, also digits."""
    content = HEAD + lines_of(PNG, group=group, end=end) + b"  0\nENDSEC\n"

    found = scanned(content)

    assert [each.kind for each in found.walk() if each.views] == ["png"]
    assert {reason for each in found.walk() for reason in each.reasons} == set()


def test_long_picture_is_in_one_piece() -> None:
    """However many lines it has, and whatever digits stand alone in a line."""
    data = bytes(range(256)) * 6000 + b"\x10\x04"
    lines = lines_of(data[:-2]) + lines_of(data[-2:])
    content = HEAD + lines + b"  0\nENDSEC\n"

    found = joined(MemorySource(content))

    assert data.hex().upper().encode() in found.read(0, found.size)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"310\n" + lines_of(PNG), id="no-drawing"),
        pytest.param(HEAD + b"310\n89504E47\n  0\nENDSEC\n", id="one-line"),
        pytest.param(HEAD + b"310\nno digits\n310\nno digits\n", id="words"),
    ],
)
def test_other_texts_are_left_as_they_are(content: bytes) -> None:
    """Only several lines of digits in a drawing are one."""
    source = MemorySource(content)

    assert joined(source).read(0, len(content)) == content
