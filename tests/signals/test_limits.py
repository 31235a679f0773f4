"""Costs that a header tells are refused before there is any."""

import pytest

from uploadfilter.model import Reason
from uploadfilter.signals.limits import DecodeLimits, OverBudgetError, check_frame

LIMITS = DecodeLimits(max_pixels=1000, max_decoded_bytes=4000)


@pytest.mark.parametrize(
    ("size", "bytes_per_pixel", "held_bytes", "is_refused"),
    [
        pytest.param((50, 20), 4, 0, False, id="just within"),
        pytest.param((1001, 1), 1, 0, True, id="one pixel too many"),
        pytest.param((50, 20), 5, 0, True, id="pixels too costly"),
        pytest.param((50, 20), 4, 1, True, id="one byte too many"),
        pytest.param((0, 0), 4, 4000, False, id="nothing but the file"),
    ],
)
def test_frame_is_refused_by_pixels_and_by_bytes(
    size: tuple[int, int], bytes_per_pixel: int, held_bytes: int, is_refused: bool
) -> None:
    """Both limits are inclusive; what a decoder holds counts with the file."""
    refused: Reason | None = None
    try:
        check_frame(
            size, LIMITS, bytes_per_pixel=bytes_per_pixel, held_bytes=held_bytes
        )
    except OverBudgetError as exc:
        refused = exc.reason

    assert refused == (Reason.TOO_MANY_PIXELS if is_refused else None)
