"""Costs that a header tells are refused before there is any."""

import pytest

from uploadfilter.model import Reason
from uploadfilter.pictures.formats import FORMATS
from uploadfilter.pictures.limits import (
    DecodeLimits,
    OverBudgetError,
    check_bytes,
    check_frame,
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
    ("pixels", "bytes_per_pixel", "file_bytes", "is_allowed"),
    [
        pytest.param(25_000_000, 12, 0, True, id="free"),
        pytest.param(25_010_000, 12, 10, False, id="unpaid"),
        pytest.param(48_000_000, 12, 400_000, True, id="paid"),
        pytest.param(256_010_000, 1, 10**9, False, id="larger than any"),
        pytest.param(110_000_000, 12, 10**9, False, id="too many bytes"),
    ],
)
def test_large_pictures_are_paid_for_in_bytes(
    pixels: int, bytes_per_pixel: int, file_bytes: int, *, is_allowed: bool
) -> None:
    """A short file may have few pixels, a long one many, and none needs too much.

    An ordinary process refuses all of them, and says which ones a large one decodes.
    """
    paid = FORMATS[0].paid_by(file_bytes)
    for is_large in (False, True):
        limits = DecodeLimits(is_large=is_large).for_file(paid)
        refused: OverBudgetError | None = None
        try:
            check_frame(
                (pixels // 10_000, 10_000), limits, bytes_per_pixel=bytes_per_pixel
            )
        except OverBudgetError as exc:
            refused = exc

        assert (refused is None) is (is_allowed and is_large)
        assert refused is None or refused.is_large is is_allowed


def test_file_that_fills_a_process_is_refused_or_large() -> None:
    """What a decoder holds of the file itself counts like its pixels."""
    with pytest.raises(OverBudgetError) as few:
        check_bytes(200_000_001, DecodeLimits())
    with pytest.raises(OverBudgetError) as many:
        check_bytes(2 * 10**9, DecodeLimits(is_large=True))

    assert (few.value.reason, few.value.is_large) == (Reason.TOO_MANY_BYTES, True)
    assert (many.value.reason, many.value.is_large) == (Reason.TOO_MANY_BYTES, False)
    check_bytes(200_000_001, DecodeLimits(is_large=True))
