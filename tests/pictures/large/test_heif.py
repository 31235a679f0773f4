"""HEIC that is too large to be held whole."""

import io
from collections.abc import Sequence
from functools import lru_cache

import pillow_heif
import pytest
from PIL import ImageCms

from tests.corpus import grids
from tests.fuzz import seeds
from tests.pictures.large.made import agree, photo, with_alpha
from tests.pictures.sketches import frames, lacks
from uploadfilter.model import Reason
from uploadfilter.pictures.decoding import DecodeLimits

LIMITS = DecodeLimits(max_pixels=4_000_000)
"""Pictures of 4.3 million pixels are too large for these as a whole."""

SIZE = (2101, 2083)
EVEN = (2102, 2086)
"""For a picture in one piece; the library cuts one with odd sides by an aperture."""


@lru_cache
def tiled(*turns: bytes, side: int = 512) -> bytes:
    """Return a large HEIC in tiles."""
    tiles = [photo().crop((at, at, at + side, at + side)) for at in (0, 700, 1400)]
    return grids.grid(tiles, size=SIZE, turns=turns)


@pytest.mark.parametrize(
    ("quarters", "axis"), [(0, None), (1, None), (2, None), (3, None), (0, 0), (1, 1)]
)
def test_tiles_show_what_the_whole_shows(quarters: int, axis: int | None) -> None:
    """However the picture is turned and mirrored, with edges within a tile."""
    turns = [grids.turn(quarters)] if quarters else []
    turns += [grids.mirror(axis)] if axis is not None else []

    assert agree(tiled(*turns), LIMITS) == ["stored"]


@pytest.mark.parametrize(
    "turns", [(), (grids.turn(1),), (grids.turn(2), grids.mirror(1))]
)
def test_clean_aperture_is_cut_as_the_library_does(turns: Sequence[bytes]) -> None:
    """The part is shown first, then the whole, as of smaller pictures."""
    part = grids.aperture(1601, 1583, right=40, down=-30)

    assert agree(tiled(part, *turns), LIMITS) == ["stored", "frame:1"]


def test_picture_in_one_piece_shows_what_the_whole_shows() -> None:
    """Its planes are made smaller, without its colours ever being there."""
    assert agree(seeds.heic(photo(*EVEN)), LIMITS) == ["stored"]


def test_alpha_of_a_picture_in_one_piece_is_kept() -> None:
    """It is drawn on white and on black like any other."""
    names = agree(seeds.heic(with_alpha(photo(*EVEN))), LIMITS)

    assert names == ["stored", "white", "black", "alpha"]


def test_deep_samples_are_shown_in_8_bits() -> None:
    """Samples of 10 bits need twice the room, and look the same."""
    assert agree(seeds.deep_heic(photo(*EVEN)), LIMITS) == ["stored"]


def test_profile_is_kept() -> None:
    """A large picture is converted by its profile like any other."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    file = pillow_heif.from_pillow(photo(*EVEN))
    file.info["icc_profile"] = profile
    out = io.BytesIO()
    file.save(out, enc_params=grids.FAST)

    (frame,) = frames(out.getvalue(), limits=LIMITS)

    assert frame.profile == profile
    assert (frame.full, frame.scale) == (EVEN, 4)


def test_tile_that_is_missing_is_told() -> None:
    """The other tiles are shown, and the missing part is reported."""
    content = tiled()
    start = content.index(b"mdat") + 4
    broken = content[:start] + b"\xff" * 4000 + content[start + 4000 :]

    assert frames(broken, limits=LIMITS)
    assert lacks(broken, limits=LIMITS) == [Reason.TRUNCATED]


def test_more_tiles_than_are_decoded_are_refused() -> None:
    """Each tile takes time, however small it is."""
    tiles = [photo().crop((at, at, at + 96, at + 96)) for at in (0, 700, 1400)]
    content = grids.grid(tiles, size=SIZE, is_shared=True)

    assert lacks(content, limits=LIMITS) == [Reason.TOO_MANY_PIXELS]


def test_blocks_may_lie_in_two_tiles() -> None:
    """The sides of a tile need be no multiple of anything."""
    tiles = [photo().crop((at, at, at + 502, at + 502)) for at in (0, 700, 1400)]
    content = grids.grid(tiles, size=SIZE)

    assert agree(content, LIMITS) == ["stored"]


def test_grid_of_anything_but_pictures_is_refused() -> None:
    """A grid in a grid would have its pictures decoded for each tile again."""
    content = tiled().replace(b"grid\0", b"grad\0")

    assert lacks(content, limits=LIMITS) != []
