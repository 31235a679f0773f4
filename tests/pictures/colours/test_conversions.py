"""A profile is applied in each of its readings; sRGB and garbage change nothing."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageCms

from tests.pictures import icc
from tests.pictures.colours.curves import FALLING, POINTS, SRGB, table
from uploadfilter.pictures.colours.conversions import (
    Conversion,
    conversion_of,
    needs_conversion,
)
from uploadfilter.pictures.colours.profiles import MAX_PROFILE_BYTES

RAMP = np.arange(0, 256, 17, dtype=np.uint8)
COLOURS = np.stack(np.meshgrid(RAMP, RAMP, RAMP), axis=-1).reshape(64, 64, 3)
"""Colours evenly over all that RGB can be."""

LITTLECMS_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def conversion(profile: bytes) -> Conversion:
    """Return the conversion of a profile that changes colours."""
    found = conversion_of(profile)
    assert found is not None
    return found


def lumas(profile: bytes) -> list[NDArray[np.int64]]:
    """Return the luma of all colours in each reading of a profile."""
    found = conversion(profile).lumas(Image.fromarray(COLOURS))
    return [np.asarray(item).astype(np.int64) for item in found]


def luma_of(colours: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the luma of colours as they are stored."""
    return np.asarray(Image.fromarray(colours).convert("L")).astype(np.int64)


@pytest.mark.parametrize(
    "profile",
    [
        pytest.param(LITTLECMS_SRGB, id="littlecms"),
        pytest.param(icc.colour_profile(SRGB), id="table"),
        pytest.param(icc.colour_profile(icc.table(icc.srgb_light(256))), id="256"),
        pytest.param(icc.colour_profile(icc.SRGB_FORMULA), id="formula"),
        pytest.param(icc.grey_profile(SRGB), id="grey"),
        pytest.param(icc.colour_profile(SRGB, says=b"hostile"), id="named otherwise"),
        pytest.param(None, id="none"),
        pytest.param(b"", id="empty"),
        pytest.param(b"no profile" * 40, id="garbage"),
        pytest.param(LITTLECMS_SRGB[:128].replace(b"acsp", b"scpa"), id="no signature"),
    ],
)
def test_what_changes_nothing_needs_no_conversion(profile: bytes | None) -> None:
    """However sRGB is written; and bytes that browsers ignore."""
    assert not needs_conversion(profile)


@pytest.mark.parametrize(
    "profile",
    [
        pytest.param(icc.colour_profile(SRGB, icc.DISPLAY_P3), id="Display P3"),
        pytest.param(icc.colour_profile(icc.power(2.2), icc.ADOBE), id="Adobe RGB"),
        pytest.param(icc.colour_profile(icc.power(1.8), icc.ADOBE), id="gamma 1.8"),
        pytest.param(icc.colour_profile(icc.power(1.0)), id="linear"),
        pytest.param(icc.grey_profile(icc.power(1.8)), id="grey"),
        pytest.param(icc.colour_profile(icc.power(8)), id="dark"),
        pytest.param(icc.colour_profile(FALLING), id="falling"),
        pytest.param(icc.colour_profile(SRGB, icc.SRGB[::-1]), id="rotated"),
    ],
)
def test_ordinary_profile_is_converted_once(profile: bytes) -> None:
    """Profiles of cameras and screens, and those that exchange what they show."""
    found = conversion(profile)

    assert len(found.transforms) == 1
    assert not found.is_unsure


@pytest.mark.parametrize(
    ("profile", "reading", "stored"),
    [
        pytest.param(icc.colour_profile(FALLING), 0, 255 - COLOURS, id="falling"),
        pytest.param(
            icc.colour_profile(
                FALLING, more={b"x%03d" % at: b"text" + bytes(8) for at in range(120)}
            ),
            0,
            255 - COLOURS,
            id="many tags",
        ),
        pytest.param(
            icc.colour_profile(FALLING, more={b"A2B1": table()}),
            -1,
            255 - COLOURS,
            id="a table that some prefer",
        ),
        pytest.param(
            icc.colour_profile(FALLING, more={b"cicp": POINTS[:9] + b"\x0d\0\1"}),
            -1,
            COLOURS,
            id="code points",
        ),
    ],
)
def test_each_reading_is_shown(
    profile: bytes, reading: int, stored: NDArray[np.uint8]
) -> None:
    """Browsers show one of them."""
    assert np.abs(lumas(profile)[reading] - luma_of(stored)).max() <= 3


@pytest.mark.parametrize(
    "profile",
    [
        pytest.param(icc.profile({}), id="nothing in it"),
        pytest.param(icc.profile({}, samples=b"CMYK"), id="no table"),
        pytest.param(icc.profile({b"A2B0": b"mft2" + bytes(9)}), id="cut off"),
        pytest.param(
            icc.colour_profile(icc.table(icc.srgb_light(70_000)[::-1])),
            id="a curve of more values than littlecms reads",
        ),
        pytest.param(
            icc.profile({b"A2B0": table().replace(b"\3\3\2", b"\2\3\2")}),
            id="a table for two colours",
        ),
        pytest.param(
            struct.pack(">I", MAX_PROFILE_BYTES + 999)
            + icc.colour_profile(FALLING)[4:]
            + bytes(MAX_PROFILE_BYTES),
            id="too large",
        ),
    ],
)
def test_profile_that_littlecms_refuses_is_unsure(profile: bytes) -> None:
    """Programs may show other colours; only the stored ones are compared."""
    found = conversion(profile)

    assert (found.transforms, found.is_unsure) == ((), True)


@pytest.mark.parametrize(
    "profile",
    [
        pytest.param(icc.grey_profile(icc.power(0.2)), id="steep in the dark"),
        pytest.param(
            icc.colour_profile(icc.formula(3, 1.0, 0.0, 1.0, 0.0, 0.5005)), id="a jump"
        ),
        pytest.param(
            icc.colour_profile(icc.table(np.arange(256, dtype=float) % 2)),
            id="last bit",
        ),
        pytest.param(
            icc.headed(icc.colour_profile(FALLING), at=16, to=b"Lab "), id="of Lab"
        ),
    ],
)
def test_profile_that_moves_colours_far_is_unsure(profile: bytes) -> None:
    """Both readings are compared, and the picture has a lack."""
    found = conversion(profile)

    assert found.transforms
    assert found.is_unsure


def test_curve_that_differs_at_one_value_needs_conversion() -> None:
    """Every value that a sample can have is compared."""
    light = icc.srgb_light(256)
    light[100] = light[110]

    assert needs_conversion(icc.colour_profile(icc.table(light)))


def test_table_of_srgb_is_converted() -> None:
    """It may change colours that nobody tries."""
    assert needs_conversion(icc.colour_profile(SRGB, more={b"A2B0": table()}))


def test_raised_black_stays_raised() -> None:
    """Browsers do not make black points equal."""
    light = 0.2 + 0.8 * icc.srgb_light()

    shown = lumas(icc.colour_profile(icc.table(light)))[0]

    assert shown.min() > 100


@pytest.mark.parametrize("padding", [100_000, MAX_PROFILE_BYTES])
def test_padding_behind_a_profile_changes_nothing(padding: int) -> None:
    """A profile states its length, and browsers skip the rest."""
    assert len(lumas(icc.colour_profile(FALLING) + bytes(padding))) == 1


def test_large_profile_is_read_like_a_small_one() -> None:
    """A profile that is too large for the cache is still converted."""
    padding = {b"padd": b"data" + bytes(100_000)}

    assert len(lumas(icc.colour_profile(FALLING, more=padding))) == 1


@given(content=st.binary(max_size=200), at=st.integers(0, 900))
def test_no_bytes_raise(content: bytes, at: int) -> None:
    """Whatever is put into a profile, it is converted by or not."""
    whole = icc.colour_profile(
        SRGB[:600] + SRGB[-100:], icc.ADOBE, more={b"A2B0": table(b"mft1")}
    )
    found = conversion_of(whole[:at] + content + whole[at + len(content) :])
    if found is not None:
        found.lumas(Image.new(found.mode, (3, 3)))
