"""Define the limits of decoding one content, and check them before decoding."""

from dataclasses import dataclass

from uploadfilter.model import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeLimits:
    """The limits of decoding one content.

    Attributes:
        max_pixels: Most pixels of one frame, after scaling. 64 million is more than any
            camera's JPEG at 1/8.
        max_decoded_bytes: Most bytes that a decoder holds at a time, by the measured
            figure of its format (``formats.py``). 200 million bytes are 50 megapixels
            as RGB, and with the libraries 300 MiB resident.
        max_frames: Most frames of one content that are shown; if there are more, a
            sample is chosen.
        max_jpeg_scans: Most scans of a JPEG; encoders write about ten.
        max_total_pixels: Most pixels of all frames that are shown, 30 in full HD; and
            of all frames that are decoded because later ones build on them, 500 of a
            usual animation. Decoding a pixel takes 3 to 12 ns, or up to 30 in
            photographs as PNG and lossless WebP, and comparing it takes 10, so that
            twice as many would exceed the time limit.
        max_block_visits: Most blocks (8 x 8) of a JPEG besides eight for each of its
            bytes, counted once for each scan with them. An empty scan costs up to 50 ns
            for each block, so that this is 0.15 s. No complete JPEG in one scan reaches
            it, since a block takes two bits; a progressive photo has one block for each
            byte.
        least_side: Shorter side, in pixels, below which a frame does not count as a
            picture: among carved pictures, icons of buttons do not count.
        max_large_pixels: Most pixels of a picture that is reduced while it is decoded,
            so that it is never held as a whole. The largest cameras have 150 million.
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
    """A header announces more than the limits allow; leaves only to ``signals``.

    Attributes:
        reason: The exceeded limit.
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
    """Refuse a frame whose size exceeds the limits.

    Args:
        size: Width and height of the decoded frame, in pixels.
        limits: The limits of its cost.
        bytes_per_pixel: Bytes that are held for each pixel during decoding.
        held_bytes: Other bytes that are held, such as the file itself.

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
    """Refuse a picture that is reduced while it is decoded, if it costs too much.

    Args:
        size: Its full width and height, in pixels.
        limits: The limits of its cost.
        file_bytes: Length of its file in bytes.
        flat_pixels: Pixels that even a very short file may have.
        pixels_per_byte: More pixels that each byte of the file allows.
        needed_bytes: Bytes that its decoder holds, including the file.

    Raises:
        OverBudgetError: It has too many pixels, or needs too many bytes.
    """
    width, height = size
    paid = flat_pixels + pixels_per_byte * file_bytes
    if width * height > min(paid, limits.max_large_pixels):
        raise OverBudgetError(Reason.TOO_MANY_PIXELS)
    if needed_bytes > limits.max_decoded_bytes:
        raise OverBudgetError(Reason.TOO_MANY_PIXELS)
