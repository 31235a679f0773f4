"""AVIF that is too large to be held whole."""

import io

import pytest
from PIL import ImageCms

from tests.corpus import grids
from tests.corpus.bombs.pictures import wide_avif
from tests.pictures.large.made import agree, photo, saved, with_alpha
from tests.pictures.sketches import frames, lacks
from uploadfilter.model import Reason
from uploadfilter.pictures.decoding import DecodeLimits, frames_of
from uploadfilter.pictures.formats import FORMATS
from uploadfilter.pictures.frame import Frame
from uploadfilter.pictures.large.planes import IS_KNOWN

LIMITS = DecodeLimits(max_pixels=4_000_000)
"""Pictures of 4.3 million pixels are too large for these as a whole."""


def avif(
    *, sampling: str = "4:2:0", is_transparent: bool = False, **options: object
) -> bytes:
    """Return a large AVIF."""
    picture = with_alpha(photo()) if is_transparent else photo()
    return saved(picture, "AVIF", speed=10, subsampling=sampling, **options)


def test_library_is_of_the_version_that_is_declared() -> None:
    """Structures are declared for libavif 1; another version decodes nothing large."""
    assert IS_KNOWN


@pytest.mark.parametrize("sampling", ["4:2:0", "4:2:2", "4:4:4", "4:0:0"])
@pytest.mark.parametrize("is_transparent", [False, True], ids=["opaque", "alpha"])
def test_smaller_picture_shows_what_the_whole_shows(
    sampling: str, is_transparent: bool
) -> None:
    """All views of a large picture are those of the whole, except for rounding."""
    names = agree(avif(sampling=sampling, is_transparent=is_transparent), LIMITS)

    expected = ["stored", "white", "black", "alpha"] if is_transparent else ["stored"]
    assert names == expected


def test_film_grain_changes_nothing() -> None:
    """Grain is added as the whole picture gets it."""
    assert agree(avif(advanced={"film-grain-test": "3"}), LIMITS) == ["stored"]


def test_grid_shows_what_the_whole_shows() -> None:
    """Tiles are put together, and cut at the edges of the picture."""
    tiles = [photo().crop((at, at, at + 512, at + 512)) for at in (0, 700, 1400)]
    content = grids.grid(tiles, size=(2102, 2086), kind=b"av01")

    assert agree(content, LIMITS) == ["stored"]


def test_profile_is_kept() -> None:
    """A large picture is converted by its profile like any other."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()

    (frame,) = frames(avif(icc_profile=profile), limits=LIMITS)

    assert frame.profile == profile
    assert (frame.full, frame.scale) == ((2101, 2083), 4)


def test_clean_aperture_of_a_large_picture_is_seen() -> None:
    """The part that some viewers show alone is a view of the smaller picture too."""
    tiles = [photo().crop((at, at, at + 512, at + 512)) for at in (0, 700, 1400)]
    part = grids.aperture(1601, 1583, right=0, down=0)
    content = grids.grid(tiles, size=(2102, 2086), kind=b"av01", turns=(part,))

    assert agree(content, LIMITS) == ["stored", "part:1"]


def test_what_is_too_large_even_so_is_refused() -> None:
    """The planes alone may be too much, and so may the pixels that a header claims."""
    content = avif(sampling="4:4:4", is_transparent=True)

    few = DecodeLimits(max_decoded_bytes=40_000_000)
    assert lacks(content, limits=few) == [Reason.TOO_MANY_PIXELS]
    assert lacks(wide_avif(), limits=few) == [Reason.TOO_MANY_PIXELS]


def test_truncated_picture_is_said_to_be_one() -> None:
    """A file that broke off is never taken for a whole one."""
    content = avif(quality=90)

    (reason,) = lacks(content[: len(content) // 2], limits=LIMITS)

    assert reason in {Reason.TRUNCATED, Reason.UNDECODABLE}


def test_picture_is_decoded_again_at_another_scale() -> None:
    """A small part of it can be decoded at a better scale."""
    content = avif()
    shown = frames_of(io.BytesIO(content), formats=FORMATS, limits=LIMITS)

    frame = next(shown)
    assert isinstance(frame, Frame)
    assert frame.again is not None
    closer = frame.again(2, "RGB")

    assert (closer.scale, closer.full) == (2, photo().size)
    assert closer.image.size == (1051, 1042)
