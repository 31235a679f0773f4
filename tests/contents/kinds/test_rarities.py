"""Pictures that only tools of an origin open are recognised."""

import io

import pytest
from PIL import Image

from tests.corpus import pictures
from uploadfilter.contents.kinds.magic import Kind, sniff
from uploadfilter.contents.kinds.rarities import is_one, is_wireless

IMAGE = pictures.photograph(1, width=64, height=48)
MODES = {"MSP": "1", "XBM": "1", "SPIDER": "F", "BLP": "P", "PCX": "L"}


@pytest.mark.parametrize(
    "name", ["DDS", "PCX", "SGI", "XBM", "MSP", "SPIDER", "ICNS", "BLP"]
)
def test_formats_of_pillow_are_known(name: str) -> None:
    """Each that Pillow writes and we do not decode has its kind."""
    file = io.BytesIO()
    image = IMAGE.resize((128, 128)) if name == "ICNS" else IMAGE
    image.convert(MODES.get(name, "RGB")).save(file, name)
    with Image.open(file) as opened:
        assert opened.format == name

    assert sniff(file.getvalue()[:1100]) is Kind.OTHER


def test_lines_of_ifunc_are_known() -> None:
    """They come in any order, one of them the size."""
    head = b"Image type: Greyscale image\r\nImage size (x*y): 64*48\r\n"

    assert is_one(head)
    assert not is_one(b"prose about the Image size (x*y): of pictures")


@pytest.mark.parametrize("more", [0, 1, 700])
def test_picture_without_a_magic_is_known_by_its_size(more: int) -> None:
    """A WBMP has a zero, a width and a height, and then its bits."""
    content = bytes((0, 0, 0x81, 0, 96)) + bytes(16 * 96)

    assert is_wireless(content, len(content) + more)


@pytest.mark.parametrize(
    "content",
    [
        bytes((0, 0, 64, 64)) + bytes(511),
        bytes((0, 0, 31, 64)) + bytes(4 * 64),
        bytes((0, 0, 64, 64)) + bytes(5000),
        bytes((1, 0, 64, 64)) + bytes(512),
        bytes((0, 0, 0xFF, 0xFF, 0x7F, 64)) + bytes(5000),
    ],
    ids=["cut", "small", "long", "other", "wide"],
)
def test_other_files_with_a_zero_are_none(content: bytes) -> None:
    """Too few bytes, too many, or sides that no program shows."""
    assert not is_wireless(content, len(content))


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"\n\nprose", b"#define a 1\n", b"icnsx", bytes(200)]
)
def test_everyday_contents_are_none(content: bytes) -> None:
    """Prose, code and zeros are not pictures."""
    assert not is_one(content)
