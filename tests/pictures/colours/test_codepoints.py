"""The meaning of code points, as in Chromium."""

import numpy as np
import pytest

from uploadfilter.pictures.colours.codepoints import PLACES, read

FULL_RGB = b"\0\1"


def shown(transfer: int) -> list[int]:
    """Return the greys that are shown for five greys."""
    points = read(bytes((1, transfer)) + FULL_RGB)
    assert points is not None
    assert points.light is not None
    light = points.light[[17, 68, 136, 204, 255]]
    curved = 1.055 * np.power(light, 1 / 2.4) - 0.055
    encoded = np.where(light <= 0.0031308, light * 12.92, curved)
    return [round(grey) for grey in (encoded * 255).tolist()]


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
        pytest.param(18, (3, 46, 107, 207, 255), id="HLG"),
    ],
)
def test_curve_is_that_of_chromium(transfer: int, greys: tuple[int, ...]) -> None:
    """Greys were read from screenshots of Chromium 156."""
    assert np.abs(np.subtract(shown(transfer), greys)).max() <= 1


def test_transfer_of_srgb_has_no_table() -> None:
    """Its formula is at hand."""
    points = read(bytes((12, 13)) + FULL_RGB)

    assert points is not None
    assert points.light is None
    assert points.places == PLACES[12]


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param(b"", id="none"),
        pytest.param(bytes((1, 8, 0, 1, 0)), id="five"),
        pytest.param(bytes((1, 8, 1, 1)), id="not RGB"),
        pytest.param(bytes((1, 8, 0, 0)), id="not full range"),
        pytest.param(bytes((2, 8, 0, 1)), id="unknown primaries"),
        pytest.param(bytes((1, 2, 0, 1)), id="unknown transfer"),
        pytest.param(bytes((200, 200, 0, 1)), id="reserved"),
    ],
)
def test_what_browsers_pass_over_means_nothing(stored: bytes) -> None:
    """They show the stored values then, or the colours of a profile."""
    assert read(stored) is None
