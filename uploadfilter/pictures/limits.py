"""What decoding one content may cost, and the check of it before there is a cost."""

from dataclasses import dataclass

from uploadfilter.model import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeLimits:
    """What the decoding of one content may cost.

    Attributes:
        max_pixels: Pixels of one frame, after scaling. 64 million is more than any
            camera's JPEG at 1/8.
        max_decoded_bytes: Bytes that a decoder holds at a time, by the measured figure
            of its format (``formats.py``). 200 million are 50 megapixels as RGB, and
            with the libraries 300 MiB resident.
        max_frames: Frames of one content that are shown; of more, a sample.
        max_jpeg_scans: Scans of a JPEG; encoders write about ten.
        max_total_pixels: Pixels of all frames that are shown, 30 in full HD; and
            pixels of all that are decoded, since a later one is built on them, which
            are 500 of a usual animation. To decode a pixel takes 3 to 12 ns, of
            photographs in PNG and lossless WebP up to 30, and to compare it 10, so
            that twice as many would run out of time.
        max_block_visits: Blocks (8 x 8) that a JPEG may have beyond eight for each of
            its bytes, counted once for each scan that they are part of. An empty scan
            costs up to 50 ns for each, and this is 0.15 s. No complete JPEG in one scan
            comes to it, since a block takes two bits; a progressive photo has one block
            for each byte.
        least_side: Pixels of the shorter side below which a frame is no picture. Where
            pictures are carved, icons of buttons are none.
        max_large_pixels: Pixels of a picture that is made smaller while it is decoded,
            so that it is never held whole. Cameras with the most have 150 million.
    """

    max_pixels: int = 64_000_000
    max_decoded_bytes: int = 200_000_000
    max_frames: int = 60
    max_jpeg_scans: int = 100
    max_total_pixels: int = 64_000_000
    max_block_visits: int = 3_000_000
    least_side: int = 1
    max_large_pixels: int = 256_000_000


class OverBudgetError(Exception):
    """A header promises more than the limits allow; leaves only to ``signals``.

    Attributes:
        reason: Which limit.
    """

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


def check_frame(
    size: tuple[int, int],
    limits: DecodeLimits,
    *,
    bytes_per_pixel: int,
    held_bytes: int = 0,
) -> None:
    """Refuse a frame that would cost more than the limits, by its size.

    Args:
        size: Width and height as they will be decoded, in pixels.
        limits: What it may cost.
        bytes_per_pixel: What is held for each pixel while it is decoded.
        held_bytes: What is held besides, such as the file itself.

    Raises:
        OverBudgetError: It has too many pixels, or needs too many bytes.
    """
    width, height = size
    pixels = width * height
    if pixels > limits.max_pixels:
        raise OverBudgetError(Reason.TOO_MANY_PIXELS)
    if pixels * bytes_per_pixel + held_bytes > limits.max_decoded_bytes:
        raise OverBudgetError(Reason.TOO_MANY_PIXELS)


def check_large(
    size: tuple[int, int],
    limits: DecodeLimits,
    *,
    file_bytes: int,
    flat_pixels: int,
    pixels_per_byte: int,
    needed_bytes: int,
) -> None:
    """Refuse a picture that is made smaller as it is decoded, if it costs too much.

    Args:
        size: Its full width and height, in pixels.
        limits: What it may cost.
        file_bytes: How long its file is.
        flat_pixels: Pixels that such a file may have, however short it is.
        pixels_per_byte: How many more each byte of the file allows.
        needed_bytes: What its decoder holds, the file included.

    Raises:
        OverBudgetError: It has too many pixels, or needs too many bytes.
    """
    width, height = size
    paid = flat_pixels + pixels_per_byte * file_bytes
    if width * height > min(paid, limits.max_large_pixels):
        raise OverBudgetError(Reason.TOO_MANY_PIXELS)
    if needed_bytes > limits.max_decoded_bytes:
        raise OverBudgetError(Reason.TOO_MANY_PIXELS)
