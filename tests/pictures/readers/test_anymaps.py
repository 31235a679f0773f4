"""The formats of Netpbm are read by Pillow, and only short ones where it takes long."""

import numpy as np
import pytest
from PIL import Image

from tests.corpus import pictures
from tests.pictures.sketches import frames, lacks
from uploadfilter.model import Reason

PHOTO = pictures.photograph(3, width=96, height=64)


def plain(image: Image.Image, *, magic: bytes) -> bytes:
    """Return a picture with its samples as text."""
    numbers = " ".join(map(str, np.asarray(image).ravel().astype(int)))
    size = f"{image.width} {image.height}".encode()
    return magic + b"\n# a comment\n" + size + b" 255\n" + numbers.encode()


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "F"])
def test_bytes_are_samples(mode: str) -> None:
    """The forms in bytes, of whole numbers and of real ones."""
    image = PHOTO.convert(mode)

    (frame,) = frames(pictures.encoded(image, "PPM"))

    assert frame.image.convert("L").tobytes() == image.convert("L").tobytes()


@pytest.mark.parametrize(("mode", "magic"), [("L", b"P2"), ("RGB", b"P3")])
def test_text_says_the_same_as_bytes(mode: str, magic: bytes) -> None:
    """However the samples are written."""
    image = PHOTO.convert(mode)

    (frame,) = frames(plain(image, magic=magic))

    assert frame.image.tobytes() == image.tobytes()


def test_file_that_breaks_off_shows_its_rows() -> None:
    """The rows that arrived count."""
    content = pictures.encoded(PHOTO, "PPM")

    (frame,) = frames(content[: len(content) // 2])

    assert frame.is_truncated
    assert frame.image.getpixel((5, 5)) == PHOTO.getpixel((5, 5))


SLOW = b"P3 400 400 255\n" + b"9 " * 480_000


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"P5 1 255", Reason.UNDECODABLE, id="no-number"),
        pytest.param(b"P5 1 1 70000\na", Reason.UNDECODABLE, id="high-maximum"),
        pytest.param(b"P7\nWIDTH 1\nENDHDR\na", Reason.UNDECODABLE, id="youngest"),
        pytest.param(b"P2 2 1 100\n1 101", Reason.TRUNCATED, id="above-the-maximum"),
        pytest.param(b"P2 2 1 100\n1 x", Reason.TRUNCATED, id="word"),
        pytest.param(
            b"P2 9 9 9\n" + b"#\n" * 100_000, Reason.UNDECODABLE, id="comments"
        ),
        pytest.param(
            b"P5#" + bytes(5000) + b"\n1 1 255\na", Reason.UNDECODABLE, id="long-head"
        ),
        pytest.param(SLOW, Reason.TOO_MANY_PIXELS, id="long-text"),
        pytest.param(
            b"P6 400 400 99\n" + bytes(480_000),
            Reason.TOO_MANY_PIXELS,
            id="odd-maximum",
        ),
    ],
)
def test_file_that_is_not_shown_has_a_reason(content: bytes, reason: Reason) -> None:
    """Whatever readers disagree about, and what would take long."""
    assert lacks(content) == [reason]


def test_second_picture_behind_the_first_is_a_lack() -> None:
    """Some readers show it as a frame."""
    content = pictures.encoded(PHOTO, "PPM")

    assert lacks(content + b"\n") == []
    assert lacks(content + content) == [Reason.KEY_FRAME_UNSEEN]


def test_large_one_is_refused_by_its_header() -> None:
    """Before any row of it is read."""
    assert lacks(b"P6 6000 6000 255\n" + bytes(9)) == [Reason.TOO_MANY_PIXELS]
