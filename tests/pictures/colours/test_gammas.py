"""The chunks of a PNG about its colours are converted to a profile."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.pictures import icc
from uploadfilter.pictures.colours.gammas import (
    CODE_POINTS,
    profile_of_chunks,
    profile_of_code_points,
)
from uploadfilter.pictures.colours.profiles import needs_conversion, transform_of

SRGB = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
ROTATED = (0.3127, 0.329, 0.3, 0.6, 0.15, 0.06, 0.64, 0.33)
DISPLAY_P3 = (0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)
CORNERS = np.array(
    [[[r, g, b] for g in (0, 128, 255) for b in (0, 60, 255)] for r in (0, 200, 255)],
    np.uint8,
)


def test_intent_that_means_nothing_overrules_nothing() -> None:
    """Browsers skip such a chunk."""
    assert profile_of_chunks({"gamma": 0.1, "srgb": 4}) is not None
    assert profile_of_chunks({"gamma": 0.1, "srgb": 3}) is None


def converted(profile: bytes | None) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Return some colours as a profile says they look."""
    assert profile is not None
    transform = transform_of(profile)
    assert transform is not None
    return np.asarray(transform.apply(Image.fromarray(CORNERS))).astype(np.int64)


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
def test_chunks_that_change_nothing_make_no_profile(info: dict[object, object]) -> None:
    """Usual chunks mean sRGB, and nonsense means nothing."""
    assert profile_of_chunks(info) is None


def test_gamma_becomes_a_curve() -> None:
    """Light is the stored value to the power of one by gamma."""
    profile = profile_of_chunks({"gamma": 0.125})
    assert profile is not None
    assert needs_conversion(profile)

    ours = converted(profile)

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
    ours = converted(profile_of_code_points({CODE_POINTS: bytes((12, 8, 0, 1))}))

    theirs = converted(icc.colour_profile(icc.formula(0, 1), icc.DISPLAY_P3))
    assert np.abs(ours - theirs).max() <= 3


def test_code_points_of_srgb_change_nothing() -> None:
    """Their profile is recognised as sRGB."""
    profile = profile_of_code_points({CODE_POINTS: bytes((1, 13, 0, 1))})

    assert profile is not None
    assert not needs_conversion(profile)


@pytest.mark.parametrize("stored", [None, b"", "text", bytes((2, 2, 0, 1))])
def test_code_points_that_mean_nothing_make_no_profile(stored: object) -> None:
    """Browsers ignore them."""
    assert profile_of_code_points({CODE_POINTS: stored}) is None


@given(primaries=st.integers(0, 255), transfer=st.integers(0, 255))
def test_any_code_points_are_a_value(primaries: int, transfer: int) -> None:
    """Those that mean something end as a profile that littlecms takes."""
    stored = bytes((primaries, transfer, 0, 1))
    profile = profile_of_code_points({CODE_POINTS: stored})

    assert profile is None or transform_of(profile) is not None


@given(
    gamma=st.floats(0, 43_000),
    places=st.tuples(*[st.floats(0, 43_000) | st.floats(0, 1)] * 8),
)
def test_any_numbers_are_a_value(gamma: float, places: tuple[float, ...]) -> None:
    """Whatever the chunks say ends as a profile that can be looked at, or as none."""
    profile = profile_of_chunks({"gamma": gamma, "chromaticity": places})

    if profile is not None:
        needs_conversion(profile)
        transform_of(profile)
