"""The formats of Netpbm are read as Pillow reads them, and where Pillow takes long."""

import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.corpus import pictures
from uploadfilter.model import Reason
from uploadfilter.pictures import formats
from uploadfilter.pictures.faults import BadPictureError
from uploadfilter.pictures.frame import Frame
from uploadfilter.pictures.limits import DecodeLimits, OverBudgetError
from uploadfilter.pictures.readers.anymaps import AnymapReader

(PNM,) = formats.formats_named(frozenset({"pnm"}))
PHOTO = pictures.photograph(3, width=96, height=64)


def reader(content: bytes) -> AnymapReader:
    """Open a file."""
    return AnymapReader(io.BytesIO(content), PNM, DecodeLimits())


def frame(content: bytes) -> Frame:
    """Decode a file."""
    return reader(content).frame(0)


def plain(image: Image.Image, *, magic: bytes) -> bytes:
    """Return a picture with its samples as text."""
    numbers = " ".join(map(str, np.asarray(image).ravel().astype(int)))
    size = f"{image.width} {image.height}".encode()
    maximum = b"" if magic == b"P1" else b" 255"
    return magic + b"\n# a comment\n" + size + maximum + b"\n" + numbers.encode()


@pytest.mark.parametrize("mode", ["1", "L", "RGB"])
def test_file_is_read_as_pillow_reads_it(mode: str) -> None:
    """The three forms in bytes."""
    image = PHOTO.convert(mode)
    content = pictures.encoded(image, "PPM")

    expected = Image.open(io.BytesIO(content))
    expected.load()

    assert (
        frame(content).image.tobytes()
        == expected.convert("L" if mode == "1" else mode).tobytes()
    )
    assert not frame(content).is_truncated


@pytest.mark.parametrize(("mode", "magic"), [("L", b"P2"), ("RGB", b"P3")])
def test_text_says_the_same_as_bytes(mode: str, magic: bytes) -> None:
    """However the samples are written."""
    image = PHOTO.convert(mode)

    assert frame(plain(image, magic=magic)).image.tobytes() == image.tobytes()


def test_bits_may_be_written_without_a_space() -> None:
    """One is black, in text and in bytes."""
    assert frame(b"P1 3 2\n101#x\n01 0").image.tobytes() == bytes(
        (0, 255, 0, 255, 0, 255)
    )
    assert frame(b"P4 3 1\n\xa0").image.tobytes() == bytes((0, 255, 0))


@given(
    maximum=st.integers(1, 65_535),
    shares=st.lists(st.floats(0, 1), min_size=6, max_size=6),
)
def test_samples_are_shares_of_the_maximum(maximum: int, shares: list[float]) -> None:
    """Whatever it is, also where a sample has two bytes."""
    samples = [int(share * maximum) for share in shares]
    form = ">6H" if maximum > 255 else "6B"
    content = b"P5 3 2 %d\n" % maximum + struct.pack(form, *samples)

    found = list(frame(content).image.tobytes())

    expected = [value * 255 / maximum for value in samples]
    assert found == pytest.approx(expected, abs=0.51)


def test_youngest_form_has_an_alpha() -> None:
    """A line for each fact, in any order."""
    image = PHOTO.convert("RGBA")
    head = b"P7\n#x\nHEIGHT 64\nWIDTH 96\nMAXVAL 255\nDEPTH 4\nTUPLTYPE T\nENDHDR\n"

    assert frame(head + image.tobytes()).image.tobytes() == image.tobytes()


def test_file_that_breaks_off_shows_its_rows() -> None:
    """The rows that arrived count."""
    content = pictures.encoded(PHOTO, "PPM")

    found = frame(content[: len(content) // 2])

    assert found.is_truncated
    assert found.image.getpixel((5, 5)) == PHOTO.getpixel((5, 5))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"P8 1 1 255\na", id="magic"),
        pytest.param(b"P5 1 255", id="no-number"),
        pytest.param(b"P5 0 1 255\na", id="no-width"),
        pytest.param(b"P5 1 1 0\na", id="no-maximum"),
        pytest.param(b"P5 1 1 70000\na", id="high-maximum"),
        pytest.param(b"P5 1 1 255", id="no-space"),
        pytest.param(b"P7\nWIDTH 1\nENDHDR\na", id="lines-missing"),
        pytest.param(
            b"P7\nWIDTH 1\nHEIGHT 1\nDEPTH 9\nMAXVAL 1\nENDHDR\na", id="depth"
        ),
        pytest.param(b"P5 2 1 100\n\x01\x65", id="above-the-maximum"),
        pytest.param(b"P2 2 1 100\n1 101", id="above-the-maximum-in-text"),
        pytest.param(b"P2 2 1 100\n1 x", id="word"),
        pytest.param(b"P5 2 1 255\n", id="nothing"),
        pytest.param(b"P2 2 1 255\n#", id="nothing-in-text"),
    ],
)
def test_what_readers_disagree_about_is_broken(content: bytes) -> None:
    """A picture that cannot be told for certain is not shown."""
    with pytest.raises(BadPictureError):
        frame(content)


def test_second_picture_behind_the_first_is_a_lack() -> None:
    """Some readers show it as a frame."""
    content = pictures.encoded(PHOTO, "PPM")

    assert reader(content + b"\n").lack is None
    assert reader(content + content).lack is Reason.KEY_FRAME_UNSEEN


@pytest.mark.parametrize("magic", [b"P3", b"P6"])
def test_large_one_is_refused_by_its_header(magic: bytes) -> None:
    """Text needs more memory for each pixel."""
    side = 2000 if magic == b"P3" else 6000

    with pytest.raises(OverBudgetError):
        frame(magic + b" %d %d 255\n" % (side, side) + bytes(9))
