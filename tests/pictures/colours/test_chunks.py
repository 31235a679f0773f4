"""Gamma, primaries and code points are converted to a profile."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from tests.pictures import icc
from uploadfilter.pictures.colours.chunks import (
    profile_of_chunks,
    profile_of_points,
)
from uploadfilter.pictures.colours.conversions import conversion_of, needs_conversion

SRGB = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
ROTATED = (0.3127, 0.329, 0.3, 0.6, 0.15, 0.06, 0.64, 0.33)
DISPLAY_P3 = (0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)
CORNERS = np.array(
    [[[r, g, b] for g in (0, 128, 255) for b in (0, 60, 255)] for r in (0, 200, 255)],
    np.uint8,
)


def converted(
    profile: bytes | None, colours: NDArray[np.uint8] = CORNERS
) -> NDArray[np.int64]:
    """Return colours as a profile says they look."""
    assert profile is not None
    found = conversion_of(profile)
    assert found is not None
    (transform,) = found.transforms
    return np.asarray(transform.apply(Image.fromarray(colours))).astype(np.int64)


@pytest.mark.parametrize(
    "info",
    [
        pytest.param({}, id="no chunks"),
        pytest.param({"gamma": 0.45455}, id="usual gamma"),
        pytest.param({"gamma": 0.45455, "chromaticity": SRGB}, id="usual chunks"),
        pytest.param({"gamma": 0.1, "srgb": 0}, id="overruled"),
        pytest.param({"gamma": 0.0}, id="no gamma at all"),
        pytest.param({"gamma": 40_000.0}, id="absurd gamma"),
        pytest.param({"gamma": "steep"}, id="odd gamma"),
        pytest.param({"chromaticity": (0.0,) * 8}, id="no light"),
        pytest.param({"chromaticity": (0.3, 0.3) * 4}, id="one colour"),
        pytest.param({"chromaticity": (1.0, 2.0)}, id="too few"),
    ],
)
def test_chunks_that_change_nothing_need_no_conversion(
    info: dict[object, object],
) -> None:
    """Usual chunks mean sRGB, and nonsense means nothing."""
    assert not needs_conversion(profile_of_chunks(info))


def test_intent_that_means_nothing_overrules_nothing() -> None:
    """Browsers skip such a chunk."""
    assert profile_of_chunks({"gamma": 0.1, "srgb": 4}) is not None
    assert profile_of_chunks({"gamma": 0.1, "srgb": 3}) is None


def test_gamma_becomes_a_curve() -> None:
    """Light is the stored value to the power of one by gamma."""
    ours = converted(profile_of_chunks({"gamma": 0.125}))

    theirs = converted(icc.colour_profile(icc.formula(0, 8)))
    assert np.abs(ours - theirs).max() <= 2


def test_primaries_become_columns() -> None:
    """Exchanged primaries exchange the channels, as in a profile."""
    ours = converted(profile_of_chunks({"gamma": 0.45455, "chromaticity": ROTATED}))

    assert np.abs(ours - CORNERS[:, :, [2, 0, 1]]).max() <= 3


def test_primaries_are_adapted_to_the_white_of_profiles() -> None:
    """Display P3 by its chunks is Display P3 by its profile."""
    ours = converted(profile_of_chunks({"chromaticity": DISPLAY_P3}))

    theirs = converted(icc.colour_profile(icc.SRGB_FORMULA, icc.DISPLAY_P3))
    assert np.abs(ours - theirs).max() <= 3


def test_code_points_become_a_profile() -> None:
    """Linear light in the primaries of Display P3."""
    ours = converted(profile_of_points(bytes((12, 8, 0, 1))))

    theirs = converted(icc.colour_profile(icc.formula(0, 1), icc.DISPLAY_P3))
    assert np.abs(ours - theirs).max() <= 3


@pytest.mark.parametrize(
    ("transfer", "greys"),
    [
        pytest.param(1, (5, 58, 129, 201, 255), id="BT.709"),
        pytest.param(4, (9, 66, 137, 205, 255), id="power of 2.2"),
        pytest.param(5, (2, 44, 115, 194, 255), id="power of 2.8"),
        pytest.param(7, (35, 85, 148, 210, 255), id="SMPTE 240M"),
        pytest.param(8, (73, 141, 193, 231, 255), id="linear"),
        pytest.param(14, (5, 58, 129, 201, 255), id="BT.2020"),
        pytest.param(16, (1, 34, 153, 255, 255), id="PQ"),
        pytest.param(17, (3, 53, 127, 205, 255), id="cinema"),
    ],
)
def test_curve_is_that_of_chromium(transfer: int, greys: tuple[int, ...]) -> None:
    """Greys were read from screenshots of Chromium 156."""
    stored = np.array([[[grey] * 3 for grey in (17, 68, 136, 204, 255)]], np.uint8)
    profile = profile_of_points(bytes((1, transfer, 0, 1)), is_png=True)

    shown = converted(profile, stored)

    assert np.abs(shown[0, :, 1] - greys).max() <= 2


def test_curves_of_cameras_are_that_of_srgb_outside_of_a_png() -> None:
    """In another profile, and in an AVIF."""
    assert not needs_conversion(profile_of_points(bytes((1, 6, 0, 1))))
    assert needs_conversion(profile_of_points(bytes((1, 8, 0, 1))))


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param(None, id="no chunk"),
        pytest.param("text", id="text"),
        pytest.param(b"", id="none"),
        pytest.param(bytes((1, 8, 0, 1, 0)), id="five"),
        pytest.param(bytes((1, 8, 1, 1)), id="not RGB"),
        pytest.param(bytes((1, 8, 0, 0)), id="not full range"),
        pytest.param(bytes((2, 8, 0, 1)), id="unknown primaries"),
        pytest.param(bytes((1, 2, 0, 1)), id="unknown transfer"),
        pytest.param(bytes((200, 200, 0, 1)), id="reserved"),
    ],
)
def test_code_points_that_mean_nothing_make_no_profile(stored: object) -> None:
    """Browsers ignore them."""
    assert profile_of_points(stored) is None


@given(
    gamma=st.floats(0, 43_000),
    places=st.tuples(*[st.floats(0, 43_000) | st.floats(0, 1)] * 8),
    points=st.binary(max_size=5),
)
def test_any_numbers_are_a_value(
    gamma: float, places: tuple[float, ...], points: bytes
) -> None:
    """Whatever is stated ends as a profile that can be looked at, or as none."""
    needs_conversion(profile_of_chunks({"gamma": gamma, "chromaticity": places}))
    needs_conversion(profile_of_points(points))
