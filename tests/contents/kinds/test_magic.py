"""The first bytes decide, and short magic needs a plausible sequel."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contents.kinds.samples import KINDS, old_tar
from uploadfilter.contents.kinds.magic import (
    CONTAINERS,
    DRAWINGS,
    HEAD_BYTES,
    PICTURES,
    Kind,
    declares_picture,
    is_container,
    is_drawing,
    is_picture,
    sniff,
)


def bitmap(*, header: int, depth: int) -> bytes:
    """Return the beginning of a BMP of Microsoft's newer kind."""
    start = struct.pack("<2sIHHI", b"BM", 1000, 0, 0, 54)
    return start + struct.pack("<IiiHH", header, 9, 9, 1, depth)


@pytest.mark.parametrize(("head", "kind"), KINDS, ids=lambda item: str(item)[:24])
def test_kind_of_first_bytes(head: bytes, kind: Kind) -> None:
    """Each kind is known by its own magic."""
    assert sniff(head[:HEAD_BYTES]) is kind


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"BMW is a maker of cars and motorcycles.", id="text with BM"),
        pytest.param(bitmap(header=41, depth=24), id="BM with an unknown header"),
        pytest.param(bitmap(header=40, depth=7), id="BM with an unknown depth"),
        pytest.param(b"BM", id="BM alone"),
        pytest.param(b"\0\0\1\0\0\0" + bytes(20), id="icon without entries"),
        pytest.param(
            b"\0\0\1\0\1\0" + bytes(8) + b"\0\0\0\0\x16\0\0\0" + b"neither",
            id="icon of nothing",
        ),
        pytest.param(
            b"\0\0\1\0\1\0" + b"\xff" * 8 + bytes(4) + b"\xff" * 4,
            id="icon of odd numbers",
        ),
        pytest.param(b"\0\0\1\xba\x21\0\1\0" + bytes(20), id="MPEG stream"),
        pytest.param(b"RIFF\0\0\0\0WAVEfmt ", id="RIFF with sound"),
        pytest.param(b"GIF is a format", id="text with GIF"),
        pytest.param(b"GIF89a is a format of pictures.", id="text with GIF89a"),
        pytest.param(b"II* is not enough", id="text with II*"),
        pytest.param(b"P1 is the first of six", id="text with P1"),
        pytest.param(b"P2 10 20 30 sheep", id="text with P2 and numbers"),
        pytest.param(b"qoif" + bytes(20), id="QOI without channels"),
        pytest.param(b"\x89PNG\n\n", id="PNG after a text conversion"),
        pytest.param(b"\xff\xfb\x90\x44" + bytes(20), id="MP3 frame"),
    ],
)
def test_short_magic_alone_is_no_picture(head: bytes) -> None:
    """Texts, sounds and videos that begin like a picture are not pictures."""
    assert not is_picture(sniff(head))


def test_plausible_bitmap_is_a_picture() -> None:
    """The usual header after BM makes it one."""
    assert sniff(bitmap(header=40, depth=24)) is Kind.BMP


@given(head=st.binary(max_size=400))
def test_every_beginning_has_one_kind(head: bytes) -> None:
    """Arbitrary bytes have a kind, and it is a picture or a container or neither."""
    kind = sniff(head)

    assert not (is_picture(kind) and is_container(kind))


@pytest.mark.parametrize("size", range(16, 68, 4))
def test_bitmap_of_os2_is_a_picture(size: int) -> None:
    """Its header may be cut off at many lengths."""
    assert sniff(bitmap(header=size, depth=24)) is Kind.BMP


def test_gif_whose_screen_looks_like_prose_is_a_picture() -> None:
    """If a block follows, it is a GIF nevertheless."""
    assert sniff(b"GIF89a" + b" " * 7 + b",") is Kind.GIF
    assert sniff(b"GIF89a" + b" " * 7 + b"e") is Kind.TEXT


def test_damaged_header_of_an_old_tar_is_none() -> None:
    """One changed byte gives another sum."""
    header = bytearray(old_tar())
    header[3] ^= 1

    assert sniff(bytes(header)) is Kind.DATA


def test_sets_of_kinds_fit_together() -> None:
    """Every decoded kind is a picture; no picture is a container."""
    assert PICTURES.isdisjoint(CONTAINERS | DRAWINGS)
    assert is_drawing(Kind.SVG)
    assert not is_drawing(Kind.HTML)


@pytest.mark.parametrize(
    ("declared", "is_picture"),
    [
        (None, False),
        ("", False),
        ("text/html", False),
        (" Image/PNG; x=1", True),
        ("image/x-unheard-of", True),
        ("image/svg+xml", False),
    ],
)
def test_declared_picture_is_made_of_pixels(
    declared: str | None, is_picture: bool
) -> None:
    """A drawing is a text to decoders, whatever it is called."""
    assert declares_picture(declared) is is_picture
