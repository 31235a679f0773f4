"""The shown pictures of JPEGs, and their cost."""

import pytest

from tests.corpus import pictures
from tests.fuzz import seeds
from tests.pictures.headers.jpegs import many_scans, resized
from tests.pictures.lossless import lossless_jpeg
from tests.pictures.sketches import frames, lacks
from uploadfilter.model import Reason
from uploadfilter.pictures.limits import DecodeLimits


@pytest.mark.parametrize(
    ("side", "scale"), [(511, 1), (1023, 1), (1024, 2), (2048, 4), (4096, 8)]
)
def test_jpeg_is_decoded_as_small_as_512_pixels_allow(side: int, scale: int) -> None:
    """The image is the smallest whose shorter side has 512 pixels."""
    content = pictures.jpeg(pictures.flat(width=side, height=side))

    (frame,) = frames(content)

    assert frame.scale == scale
    assert frame.full == (side, side)
    assert frame.size == (-(-side // scale), -(-side // scale))


def test_four_colour_jpeg_is_inverted() -> None:
    """Pillow puts the values of Adobe right, and others do not."""
    (inverted,) = frames(seeds.seed("jpeg/cmyk"))
    (plain,) = frames(seeds.seed("tiff/cmyk"))

    assert inverted.is_inverted
    assert not plain.is_inverted


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(many_scans(101), Reason.TOO_MANY_JPEG_SCANS, id="many scans"),
        pytest.param(
            resized(many_scans(50), b"\xff\xc2", 8000, 8000),
            Reason.TOO_MANY_JPEG_SCANS,
            id="scans of a large picture",
        ),
        pytest.param(
            resized(seeds.seed("jpeg"), b"\xff\xc0", 60_000, 60_000),
            Reason.TOO_MANY_PIXELS,
            id="large picture, few bytes",
        ),
    ],
)
def test_costly_jpeg_is_not_decoded(content: bytes, reason: Reason) -> None:
    """Scans and coefficients are counted before anything is decoded."""
    assert lacks(content) == [reason]
    assert frames(content) == []


def test_coefficients_count_as_memory() -> None:
    """A JPEG of several scans is held at its full size, however small it is shown."""
    content = resized(seeds.seed("jpeg/progressive"), b"\xff\xc2", 9000, 9000)
    limits = DecodeLimits(max_block_visits=10**9)

    assert lacks(content, limits=limits) == [Reason.TOO_MANY_PIXELS]


def test_jpeg_with_a_hundred_scans_is_decoded() -> None:
    """The limit is inclusive."""
    assert len(frames(many_scans(100))) == 1


@pytest.mark.parametrize("mode", ["L", pytest.param("RGB", marks=pytest.mark.slow)])
def test_lossless_jpeg_is_decoded_as_it_is(mode: str) -> None:
    """It cannot be made smaller or converted by its decoder, and is shown exactly."""
    image = pictures.photograph(3, width=1100, height=1030).convert(mode)

    (frame,) = frames(lossless_jpeg(image))

    assert (frame.mode, frame.scale, frame.full) == (mode, 1, image.size)
    assert frame.image.tobytes() == image.tobytes()


@pytest.mark.parametrize(
    ("bits", "marker"),
    [(12, 0xC3), (16, 0xC3), (12, 0xC1), (8, 0xC7), (8, 0xCB)],
)
def test_jpeg_that_our_decoder_does_not_know_is_undecodable(
    bits: int, marker: int
) -> None:
    """Nothing is missing of the file: we cannot show it, and others may."""
    image = pictures.photograph(3, width=64, height=48)

    assert lacks(lossless_jpeg(image, bits=bits, marker=marker)) == [Reason.UNDECODABLE]
