"""Profiles are read as other programs read them, and odd ones are recognised."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pictures import icc
from tests.pictures.colours.curves import FALLING, POINTS, SRGB, table
from uploadfilter.pictures.colours.profiles import (
    code_points_of,
    cut,
    is_odd,
    mode_of,
    readings_of,
)


@pytest.mark.parametrize(
    "profile",
    [
        pytest.param(icc.colour_profile(SRGB, icc.ADOBE), id="of a camera"),
        pytest.param(icc.grey_profile(icc.power(1.8)), id="grey"),
        pytest.param(icc.profile({b"A2B0": table()}, samples=b"CMYK"), id="printer"),
    ],
)
def test_ordinary_profile_has_one_reading(profile: bytes) -> None:
    """All programs use the same tags of it."""
    assert readings_of(profile) == (profile,)


@pytest.mark.parametrize(
    "profile",
    [
        pytest.param(
            icc.colour_profile(
                FALLING, more={b"x%03d" % at: b"text" + bytes(8) for at in range(120)}
            ),
            id="more tags than littlecms reads",
        ),
        pytest.param(
            icc.renamed(
                icc.colour_profile(FALLING, more={b"zTRC": SRGB}), b"zTRC", b"rTRC"
            ),
            id="a curve twice",
        ),
        pytest.param(icc.colour_profile(FALLING, more={b"cicp": POINTS}), id="cicp"),
        pytest.param(
            icc.colour_profile(FALLING, more={b"D2B0": b"mpet" + bytes(60)}),
            id="a table of real numbers",
        ),
        pytest.param(icc.colour_profile(FALLING, more={b"A2B1": table()}), id="A2B1"),
        pytest.param(
            icc.headed(icc.colour_profile(FALLING), at=12, to=b"link"), id="a link"
        ),
        pytest.param(
            icc.headed(icc.colour_profile(FALLING), at=8, to=b"\5"), id="version 5"
        ),
        pytest.param(
            icc.headed(icc.colour_profile(FALLING), at=16, to=b"Lab "), id="Lab"
        ),
    ],
)
def test_profile_that_programs_read_differently_has_more_readings(
    profile: bytes,
) -> None:
    """The others have only tags that all programs know, each of them once."""
    first, *others = readings_of(profile)

    assert first == profile
    assert others
    assert all(readings_of(other) == (other,) for other in others)


def test_first_tag_of_a_name_counts() -> None:
    """As in Chromium."""
    profile = icc.colour_profile(FALLING, more={b"zTRC": SRGB})
    _, *others = readings_of(icc.renamed(profile, b"zTRC", b"rTRC"))

    assert [SRGB in other and FALLING in other for other in others] == [True]


def test_code_points_are_read() -> None:
    """Some programs prefer them to everything else."""
    assert code_points_of(icc.profile({b"cicp": POINTS})) == b"\1\x08\0\1"
    assert code_points_of(icc.profile({})) is None


@pytest.mark.parametrize(
    ("profile", "mode"),
    [
        (icc.colour_profile(SRGB), "RGB"),
        (icc.grey_profile(SRGB), "L"),
        (icc.profile({}, samples=b"CMYK"), "CMYK"),
        (icc.profile({}, samples=b"Luv "), "RGB"),
    ],
)
def test_profile_says_what_its_samples_are(profile: bytes, mode: str) -> None:
    """A profile is for the samples that its header names."""
    assert mode_of(profile) == mode


STAIRS = np.arange(65_536, dtype=float) % 256 // 32 / 7


@pytest.mark.parametrize(
    ("profile", "odd"),
    [
        pytest.param(icc.colour_profile(SRGB, icc.DISPLAY_P3), False, id="Display P3"),
        pytest.param(icc.colour_profile(icc.power(2.2), icc.ADOBE), False, id="Adobe"),
        pytest.param(icc.colour_profile(icc.SRGB_FORMULA), False, id="formula"),
        pytest.param(icc.colour_profile(FALLING), False, id="falling"),
        pytest.param(icc.grey_profile(icc.power(2.2)), False, id="grey"),
        pytest.param(icc.profile({b"A2B0": table()}), False, id="table"),
        pytest.param(icc.profile({b"A2B0": table(b"mft1")}), False, id="old table"),
        pytest.param(icc.colour_profile(icc.table(STAIRS)), True, id="16 bits"),
        pytest.param(
            icc.colour_profile(icc.table(np.arange(256, dtype=float) % 2)),
            True,
            id="last bit",
        ),
        pytest.param(
            icc.grey_profile(icc.formula(4, 1.0, 1.0, 0.0, 29.0, 0.5, 0.0, 0.5)),
            True,
            id="more light than white",
        ),
        pytest.param(
            icc.colour_profile(SRGB, (icc.SRGB[0], icc.SRGB[0], icc.SRGB[2])),
            True,
            id="no white",
        ),
        pytest.param(
            icc.headed(icc.colour_profile(SRGB), at=20, to=b"Lab "), True, id="Lab"
        ),
        pytest.param(
            icc.profile({b"A2B0": table(matrix=bytes(36))}), True, id="a matrix"
        ),
        pytest.param(
            icc.profile({b"A2B0": table().replace(b"\x10\x10", b"\xff\xff")}),
            True,
            id="a bent curve in a table",
        ),
    ],
)
def test_odd_profile_is_of_a_kind_that_no_device_has(profile: bytes, odd: bool) -> None:
    """Programs show other colours with it, or bits that nobody sees otherwise."""
    assert is_odd(profile) is odd


@given(profile=st.binary(max_size=400), at=st.integers(0, 1200))
def test_no_bytes_raise(profile: bytes, at: int) -> None:
    """Whatever is put into a profile, it is read."""
    whole = icc.colour_profile(
        icc.SRGB_FORMULA, icc.DISPLAY_P3, more={b"A2B1": table(), b"cicp": POINTS}
    )
    for content in (profile, whole[:at] + profile + whole[at + len(profile) :]):
        readings_of(cut(content))
        is_odd(content)
        code_points_of(content)
