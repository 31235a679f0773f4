"""A profile is applied in each way in which programs read it, once if they agree."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageCms

from tests.pictures import icc
from tests.pictures.colours.test_icctables import old_table
from uploadfilter.pictures.colours.conversions import (
    conversions_of,
    is_jagged,
    is_steep,
)
from uploadfilter.pictures.colours.profiles import MAX_PROFILE_BYTES, needs_conversion

RAMP = np.arange(0, 256, 17, dtype=np.uint8)
COLOURS = np.stack(np.meshgrid(RAMP, RAMP, RAMP), axis=-1).reshape(64, 64, 3)
SRGB = icc.table(icc.srgb_light())
FALLING = icc.table(icc.srgb_light()[::-1])
LITTLECMS_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def lumas(profile: bytes, image: Image.Image | None = None) -> list[NDArray[np.int64]]:
    """Return the luma of all colours in each way to convert them."""
    image = image or Image.fromarray(COLOURS)
    found = conversions_of(profile)
    return [np.asarray(item.luma(image)).astype(np.int64) for item in found]


def luma_of(colours: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the luma of colours as they are stored."""
    return np.asarray(Image.fromarray(colours).convert("L")).astype(np.int64)


@pytest.mark.parametrize(
    "profile",
    [
        pytest.param(icc.colour_profile(SRGB, icc.DISPLAY_P3), id="Display P3"),
        pytest.param(icc.colour_profile(icc.power(2.2), icc.ADOBE), id="Adobe RGB"),
        pytest.param(icc.colour_profile(icc.SRGB_FORMULA, icc.DISPLAY_P3), id="para"),
        pytest.param(icc.grey_profile(icc.power(1.8)), id="grey"),
        pytest.param(icc.colour_profile(icc.power(8)), id="steep"),
        pytest.param(LITTLECMS_SRGB, id="littlecms"),
    ],
)
def test_plain_profile_is_converted_once(profile: bytes) -> None:
    """Profiles of cameras and screens cost one conversion."""
    assert len(conversions_of(profile)) == 1


@pytest.mark.parametrize(
    ("profile", "stored"),
    [
        pytest.param(
            icc.colour_profile(
                FALLING, more={b"x%03d" % at: b"text" + bytes(8) for at in range(120)}
            ),
            255 - COLOURS,
            id="many tags",
        ),
        pytest.param(
            icc.colour_profile(FALLING, more={b"D2B0": b"mpet" + bytes(60)}),
            255 - COLOURS,
            id="a table of real numbers",
        ),
        pytest.param(
            icc.renamed(
                icc.colour_profile(FALLING, more={b"zXYZ": icc.xyz(icc.SRGB[0])}),
                b"zXYZ",
                b"rXYZ",
            ),
            255 - COLOURS,
            id="a primary twice",
        ),
        pytest.param(
            icc.colour_profile(icc.table(icc.srgb_light(70_000)[::-1])),
            255 - COLOURS,
            id="a long curve",
        ),
        pytest.param(
            icc.colour_profile(
                FALLING, more={b"cicp": b"cicp" + bytes(4) + b"\1\x0d\0\1"}
            ),
            COLOURS,
            id="code points",
        ),
    ],
)
def test_first_conversion_is_that_of_browsers(
    profile: bytes, stored: NDArray[np.uint8]
) -> None:
    """Profiles that littlecms refuses or reads differently are read as in Chromium."""
    assert np.abs(lumas(profile)[0] - luma_of(stored)).max() <= 3


def test_both_ways_are_there_where_programs_differ() -> None:
    """A table that only some know stands beside the curves that others go by."""
    head = b"mft1" + bytes(4) + bytes((3, 3, 2, 0)) + bytes(36)
    table = head + bytes(3 * 256) + bytes(24) + bytes(3 * 256)
    profile = icc.colour_profile(FALLING, more={b"A2B2": table})

    first, *others = lumas(profile)

    assert np.abs(first - luma_of(255 - COLOURS)).max() <= 3
    assert others


def test_table_is_preferred_to_curves_and_both_are_shown() -> None:
    """Chromium follows the table, unless the table changes too little."""
    profile = icc.colour_profile(FALLING, more={b"A2B0": old_table(length=2)})

    by_table, by_curves, *_ = lumas(profile)

    assert np.abs(by_curves - luma_of(255 - COLOURS)).max() <= 3
    assert np.abs(by_table - by_curves).max() > 30


@given(
    gamma=st.floats(0.2, 5),
    moves=st.lists(st.floats(-0.2, 0.2), min_size=9, max_size=9),
    curved=st.booleans(),
)
def test_plain_profiles_come_to_the_same_in_both_ways(
    gamma: float, moves: list[float], curved: bool
) -> None:
    """Where one conversion stands for two, it is within three steps of either."""
    primaries = (np.array(icc.SRGB) + np.reshape(moves, (3, 3))).tolist()
    curve = icc.table(icc.srgb_light() ** gamma) if curved else icc.formula(0, gamma)
    plain = icc.colour_profile(curve, primaries)
    crowded = icc.colour_profile(
        curve, primaries, more={b"x%03d" % at: b"text" + bytes(8) for at in range(99)}
    )
    (by_skia,) = lumas(crowded)
    found = lumas(plain)

    if len(found) == 1:
        assert np.abs(found[0] - by_skia).max() <= 8
    else:
        np.testing.assert_array_equal(found[0], by_skia)


def test_four_colours_are_converted_by_their_table() -> None:
    """A printer's profile has nothing else."""
    profile = icc.profile({b"A2B0": old_table(length=2, inputs=4)}, samples=b"CMYK")
    image = Image.fromarray(COLOURS).convert("CMYK")

    assert len(lumas(profile, image)) == 2


@pytest.mark.parametrize(
    "profile",
    [
        pytest.param(icc.profile({}), id="nothing in it"),
        pytest.param(icc.profile({}, samples=b"CMYK"), id="no table"),
        pytest.param(icc.profile({b"A2B0": b"mft2" + bytes(9)}), id="cut off"),
    ],
)
def test_what_cannot_be_evaluated_has_no_conversion(profile: bytes) -> None:
    """Whether that matters is for others to say."""
    assert conversions_of(profile) == ()


@pytest.mark.parametrize(("inputs", "used"), [(1, 1), (2, 2), (4, 3)])
def test_table_for_other_samples_is_applied(inputs: int, used: int) -> None:
    """Chromium gives it as many channels as it wants, the fourth is that of opacity."""
    head = b"mft1" + bytes(4) + bytes((inputs, 3, 2, 0)) + bytes(36)
    ramp = bytes(range(256))
    places = np.indices((2,) * inputs).reshape(inputs, -1).T
    # Lights up with the last sample that is a colour.
    grid = np.repeat(places[:, used - 1 : used] * 255, 3, axis=1).astype(np.uint8)
    table = head + ramp * inputs + grid.tobytes() + ramp * 3
    profile = icc.headed(icc.profile({b"A2B0": table}), at=20, to=b"Lab ")
    image = Image.fromarray(COLOURS)

    shown = lumas(profile, image)[0]

    channel = COLOURS[:, :, used - 1]
    assert len(np.unique(shown[channel == 0])) == 1
    assert shown[channel == 255].mean() != shown[channel == 0].mean()


def test_too_large_profile_has_no_conversion() -> None:
    """However sound it is."""
    whole = icc.colour_profile(FALLING) + bytes(MAX_PROFILE_BYTES)
    profile = struct.pack(">I", len(whole)) + whole[4:]

    assert needs_conversion(profile)
    assert conversions_of(profile) == ()


@given(content=st.binary(max_size=200), at=st.integers(0, 900))
def test_no_bytes_raise(content: bytes, at: int) -> None:
    """Whatever is put into a profile, it is converted by or not."""
    whole = icc.colour_profile(
        SRGB[:600] + SRGB[-100:], icc.ADOBE, more={b"A2B0": old_table(length=1)}
    )
    damaged = whole[:at] + content + whole[at + len(content) :]
    for item in conversions_of(damaged):
        item.luma(Image.new(item.mode, (3, 3)))


@pytest.mark.parametrize(
    ("profile", "steep"),
    [
        pytest.param(icc.colour_profile(icc.power(1.0)), False, id="linear"),
        pytest.param(icc.colour_profile(icc.power(8)), False, id="bent"),
        pytest.param(icc.colour_profile(icc.power(2.2), icc.ADOBE), False, id="Adobe"),
        pytest.param(icc.colour_profile(FALLING), False, id="falling"),
        pytest.param(icc.grey_profile(icc.power(2.2)), False, id="grey"),
        pytest.param(icc.grey_profile(icc.power(0.2)), True, id="steep in the dark"),
        pytest.param(
            icc.colour_profile(icc.table(np.arange(256, dtype=float) % 2)),
            True,
            id="last bit",
        ),
        pytest.param(
            icc.colour_profile(
                SRGB, [[40, 40, 40], [-40, -40, -40], [0.9642, 1.0, 0.8249]]
            ),
            True,
            id="differences",
        ),
        pytest.param(b"no profile", False, id="garbage"),
    ],
)
def test_steep_profile_shows_single_steps(profile: bytes, steep: bool) -> None:
    """A steep profile tells that averages or cut samples are not enough."""
    assert is_steep(profile) is steep


@pytest.mark.parametrize(
    ("profile", "jagged"),
    [
        pytest.param(icc.colour_profile(SRGB), False, id="usual"),
        pytest.param(icc.colour_profile(icc.power(2.2)), False, id="power"),
        pytest.param(
            icc.colour_profile(icc.table(np.arange(256, dtype=float) % 2)),
            False,
            id="8 bits",
        ),
        pytest.param(
            icc.colour_profile(
                icc.table(np.arange(65_536, dtype=float) % 256 // 32 / 7)
            ),
            True,
            id="16 bits",
        ),
        pytest.param(
            icc.colour_profile(icc.formula(3, 1.0, 0.0, 1.0, 0.0, 0.5005)),
            True,
            id="a jump",
        ),
        pytest.param(b"no profile", False, id="garbage"),
    ],
)
def test_jagged_profile_tells_more_than_eight_bits(
    profile: bytes, jagged: bool
) -> None:
    """Its curves go up and down between two samples of 8 bits."""
    assert is_jagged(profile) is jagged


def test_code_points_replace_what_they_name() -> None:
    """Unknown primaries or curves are those of the profile."""
    swapped = icc.SRGB[1:] + icc.SRGB[:1]
    names = {"primaries": b"\1\2\0\1", "curve": b"\2\x0d\0\1"}
    first = {
        name: lumas(
            icc.colour_profile(
                FALLING, swapped, more={b"cicp": b"cicp" + bytes(4) + points}
            )
        )[0]
        for name, points in names.items()
    }

    assert np.abs(first["primaries"] - luma_of(255 - COLOURS)).max() <= 3
    rotated = lumas(icc.colour_profile(SRGB, swapped))[0]
    assert np.abs(first["curve"] - rotated).max() <= 3
