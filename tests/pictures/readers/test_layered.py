"""Colours and their alpha from two files are one transparent picture."""

import numpy as np
import pytest
from PIL import Image

from tests.corpus import pictures
from tests.pictures.sketches import frames, lacks, photograph
from uploadfilter.contents.kinds import magic
from uploadfilter.contents.layering import layered
from uploadfilter.model import Reason
from uploadfilter.pictures.readers import layered as reading

PHOTO = photograph(71, 96, 64)
SHADE = photograph(72, 96, 64).convert("L")


def file_of(colours: bytes, alpha: bytes) -> bytes:
    """Return one file of two."""
    parts = layered(iter([colours]), iter([alpha]))
    return b"".join(part for part in parts if isinstance(part, bytes))


def test_magic_is_that_which_is_written() -> None:
    """Two rooms that do not import each other agree."""
    assert magic.LAYERED_MAGIC == reading.MAGIC


@pytest.mark.parametrize("mode", ["RGB", "L", "P"])
def test_alpha_is_the_luma_of_the_second_file(mode: str) -> None:
    """The pixels are those of both files."""
    image = PHOTO.convert(mode)
    (frame,) = frames(file_of(pictures.png(image), pictures.png(SHADE)))

    ours = np.asarray(frame.image.convert("RGBA"))

    np.testing.assert_array_equal(ours[:, :, :3], np.asarray(image.convert("RGB")))
    np.testing.assert_array_equal(ours[:, :, 3], np.asarray(SHADE))


@pytest.mark.parametrize(
    ("colours", "alpha"), [((32, 24), (96, 64)), ((96, 64), (32, 24))]
)
def test_larger_of_both_gives_the_size(
    colours: tuple[int, int], alpha: tuple[int, int]
) -> None:
    """No visible part is lost if one is smaller."""
    one, other = pictures.jpeg(PHOTO.resize(colours)), pictures.png(SHADE.resize(alpha))
    (frame,) = frames(file_of(one, other))

    assert frame.full == frame.image.size == (96, 64)


def test_inks_become_colours() -> None:
    """A JPEG of inks has no alpha."""
    (frame,) = frames(file_of(pictures.cmyk_jpeg(PHOTO), pictures.png(SHADE)))

    assert frame.image.mode == "RGBA"
    assert not frame.is_inverted


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (file_of(b"no picture", pictures.png(SHADE)), Reason.TRUNCATED),
        (file_of(pictures.png(PHOTO), b""), Reason.TRUNCATED),
        (reading.MAGIC + b"\xff" * 8 + b"short", Reason.UNDECODABLE),
        (reading.MAGIC, Reason.UNDECODABLE),
    ],
)
def test_broken_pair_has_a_reason(content: bytes, reason: Reason) -> None:
    """A failed combination always has a reason."""
    assert frames(content) == []
    assert lacks(content) == [reason]


def test_pair_in_a_pair_is_no_picture() -> None:
    """They are not nested."""
    inner = file_of(pictures.png(PHOTO), pictures.png(SHADE))

    assert frames(file_of(inner, pictures.png(SHADE))) == []


def test_image_without_alpha_is_left_as_it_is() -> None:
    """The two files are used as they were."""
    content = file_of(pictures.png(PHOTO), pictures.png(Image.new("L", (96, 64), 255)))
    (frame,) = frames(content)

    assert np.asarray(frame.image)[:, :, 3].min() == 255
