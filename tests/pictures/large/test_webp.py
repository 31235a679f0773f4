"""WebP that is too large to be held whole."""

import io

import pytest
from PIL import Image, ImageCms

from tests.pictures.large.made import agree, photo, saved, seen, with_alpha
from tests.pictures.sketches import frames, lacks
from uploadfilter.model import Reason, View
from uploadfilter.pictures.decoding import DecodeLimits, frames_of
from uploadfilter.pictures.formats import FORMATS
from uploadfilter.pictures.frame import Frame

LIMITS = DecodeLimits(max_pixels=4_000_000)
"""Pictures of 4.3 million pixels are too large for these as a whole."""


@pytest.mark.parametrize(
    "options",
    [{"quality": 80}, {"lossless": True, "quality": 0}],
    ids=["lossy", "lossless"],
)
@pytest.mark.parametrize("is_transparent", [False, True], ids=["opaque", "alpha"])
def test_smaller_picture_shows_what_the_whole_shows(
    options: dict[str, object], is_transparent: bool
) -> None:
    """All views of a large picture are those of the whole, except for rounding."""
    picture = with_alpha(photo()) if is_transparent else photo()
    content = saved(picture, "WEBP", method=0, **options)

    names = agree(content, LIMITS)

    expected = ["stored", "white", "black", "alpha"] if is_transparent else ["stored"]
    assert names == expected


@pytest.mark.parametrize("size", [(2048, 2048), (2049, 2111), (2055, 2063)])
def test_last_row_and_column_are_kept(size: tuple[int, int]) -> None:
    """A side that is not a multiple of the scale is rounded up."""
    content = saved(photo(*size), "WEBP", method=0)

    (frame,) = frames(content, limits=LIMITS)

    assert (frame.full, frame.scale) == (size, 4)
    assert frame.size == (-(-size[0] // 4), -(-size[1] // 4))


def test_colours_under_transparency_are_seen() -> None:
    """A picture with only transparent pixels is shown as stored."""
    hidden = photo().copy()
    hidden.putalpha(0)
    content = saved(hidden, "WEBP", lossless=True, exact=True, quality=0, method=0)

    assert agree(content, LIMITS)[0] == "stored"


def test_profile_is_kept() -> None:
    """A large picture is converted by its profile like any other."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    content = saved(photo(), "WEBP", method=0, icc_profile=profile)

    (frame,) = frames(content, limits=LIMITS)

    assert frame.profile == profile


def test_truncated_picture_shows_its_beginning() -> None:
    """The arrived part of a truncated file is compared, and reported as a part."""
    content = saved(photo(), "WEBP", quality=90, method=0)
    cut = content[: len(content) * 3 // 4]

    shown = [item for item in seen(cut, LIMITS) if isinstance(item, View)]

    assert shown
    assert lacks(cut, limits=LIMITS) == [Reason.TRUNCATED]


def test_small_file_may_not_claim_to_be_larger_than_ever() -> None:
    """Pixels beyond those that plain colour may have are paid for in bytes."""
    content = saved(Image.new("RGB", (7900, 6500)), "WEBP", lossless=True, method=0)

    assert len(content) < 1000
    assert lacks(content) == [Reason.TOO_MANY_PIXELS]


def test_lossless_picture_that_is_too_large_is_refused() -> None:
    """A lossless picture is held by its decoder as a whole."""
    content = saved(photo(), "WEBP", lossless=True, quality=0, method=0)
    limits = DecodeLimits(max_decoded_bytes=30_000_000)

    assert lacks(content, limits=limits) == [Reason.TOO_MANY_PIXELS]


def test_picture_is_decoded_again_at_another_scale() -> None:
    """A small part of it can be decoded at a better scale."""
    content = saved(photo(), "WEBP", method=0)
    shown = frames_of(io.BytesIO(content), formats=FORMATS, limits=LIMITS)

    frame = next(shown)
    assert isinstance(frame, Frame)
    assert frame.again is not None
    closer = frame.again(2, "RGB")

    assert (closer.scale, closer.full) == (2, photo().size)
    assert closer.image.size == (1051, 1042)
