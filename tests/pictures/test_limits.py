"""Costs that a header tells are refused before there is any."""

import pytest

from uploadfilter.model import Reason
from uploadfilter.pictures.limits import (
    DecodeLimits,
    OverBudgetError,
    check_frame,
    check_large,
)

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
    """Both limits are inclusive; a decoder's memory counts with the file."""
    refused: Reason | None = None
    try:
        check_frame(
            size, LIMITS, bytes_per_pixel=bytes_per_pixel, held_bytes=held_bytes
        )
    except OverBudgetError as exc:
        refused = exc.reason

    assert refused == (Reason.TOO_MANY_PIXELS if is_refused else None)


@pytest.mark.parametrize(
    ("pixels", "file_bytes", "needed_bytes", "is_allowed"),
    [
        pytest.param(25_000_000, 0, 0, True, id="free"),
        pytest.param(25_010_000, 10, 0, False, id="unpaid"),
        pytest.param(48_000_000, 400_000, 0, True, id="paid"),
        pytest.param(256_010_000, 10**9, 0, False, id="larger than any"),
        pytest.param(1_000_000, 0, 200_000_001, False, id="too many bytes"),
    ],
)
def test_large_pictures_are_paid_for_in_bytes(
    pixels: int, file_bytes: int, needed_bytes: int, *, is_allowed: bool
) -> None:
    """A short file may have few pixels, a long one many, and none needs too much."""

    def check() -> None:
        check_large(
            (pixels // 10_000, 10_000),
            DecodeLimits(),
            file_bytes=file_bytes,
            flat_pixels=25_000_000,
            pixels_per_byte=64,
            needed_bytes=needed_bytes,
        )

    if is_allowed:
        check()
    else:
        with pytest.raises(OverBudgetError):
            check()
