"""Pictures of Netpbm are known by their header, however it is spelled."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from uploadfilter.contents.kinds.magic import HEAD_BYTES, Kind, sniff

MAGICS = (b"P1", b"P2", b"P3", b"P4", b"P5", b"P6", b"Pf", b"P0CMYK", b"PyRGBA", b"PyP")
BLANKS = st.lists(
    st.sampled_from((b" ", b"\n", b"\t\v\f\r", b"#\n", b"# 7 words\r", b" " * 900)),
    max_size=6,
).map(b"".join)
NUMBERS = st.sampled_from((b"64", b"+48", b"0000000065", b"6_4", b"255", b"6#c\n4"))


def begins_like(content: bytes) -> Kind:
    """Return the kind by as many bytes as a scan reads first."""
    return sniff(content[:HEAD_BYTES])


@given(
    magic=st.sampled_from(MAGICS),
    words=st.lists(st.tuples(BLANKS, NUMBERS), min_size=2, max_size=3),
    end=st.sampled_from((b"\n", b" ", b"\r")),
)
def test_every_header_that_pillow_opens_is_recognised(
    magic: bytes, words: list[tuple[bytes, bytes]], end: bytes
) -> None:
    """With any blanks and comments before its numbers, also many."""
    header = magic + b" " + b" ".join(blanks + number for blanks, number in words) + end
    try:
        Image.open(io.BytesIO(header), formats=("PPM",))
    except (OSError, ValueError):
        return

    assert begins_like(header + b"1 " * HEAD_BYTES) is Kind.PNM


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        pytest.param(b"P7\nWIDTH 4\nHEIGHT 4\nENDHDR\n", Kind.PNM, id="pam"),
        pytest.param(b"P7\n#\n" + b"WIDTH 4\n" * 500, Kind.PNM, id="long-pam"),
        pytest.param(b"PF\n4 4\n-1.0\n", Kind.PNM, id="pfm"),
        pytest.param(b"P6#c\r0000000064 48 255\n", Kind.PNM, id="comment"),
        pytest.param(b"P5" + b" " * 5000 + b"64 48 255\n", Kind.PNM, id="blanks"),
        pytest.param(b"P5\n#" + b"a" * 5000, Kind.PNM, id="comment-without-end"),
        pytest.param(b"P5 64 48", Kind.TEXT, id="too-few-numbers"),
        pytest.param(b"P2 3 4 9 lines of a text\n", Kind.TEXT, id="text"),
        pytest.param(b"P7 is the last of them\n" * 99, Kind.TEXT, id="prose"),
        pytest.param(b"P3 ways to begin\n" * 99, Kind.TEXT, id="more-prose"),
    ],
)
def test_header_is_told_from_prose(content: bytes, kind: Kind) -> None:
    """Also a header of which only the beginning is read."""
    assert begins_like(content) is kind
