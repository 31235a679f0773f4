"""Define the limits of decoding one content, and check them before decoding.

A picture that needs more memory than an ordinary process has is decoded in a *large*
one (``scanners/pool/crew.py``), of which there is one at a time. Its decoder is the
same. A short file may not claim it: each byte of a file pays for some pixels.
"""

from dataclasses import dataclass, replace

from uploadfilter.model import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeLimits:
    """The limits of decoding one content.

    Attributes:
        max_pixels: Most pixels of one frame, after scaling, in an ordinary process. 64
            million is more than any camera's JPEG at 1/8.
        max_decoded_bytes: Most bytes that a decoder holds at a time in an ordinary
            process, by the measured figure of its format (``formats.py``). 200 million
            bytes are 50 megapixels as RGB, and with the libraries 300 MiB resident.
        max_large_pixels: Most pixels of one frame in a large process, where they may
            take seconds. The largest cameras have 150 million.
        max_large_bytes: Most bytes that a decoder holds in a large process; 0 if there
            is no such process.
        is_large: Whether this is a large process.
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
    """

    max_pixels: int = 64_000_000
    max_decoded_bytes: int = 200_000_000
    max_large_pixels: int = 256_000_000
    max_large_bytes: int = 1_288_490_188
    is_large: bool = False
    max_frames: int = 60
    max_jpeg_scans: int = 100
    max_total_pixels: int = 64_000_000
    max_block_visits: int = 3_000_000
    least_side: int = 1

    def for_file(self, paid: int) -> "DecodeLimits":
        """Return the limits of a file whose length pays for some pixels."""
        if paid >= self.max_large_pixels:
            return self
        return replace(self, max_large_pixels=paid)


class OverBudgetError(Exception):
    """A header announces more than the limits allow; leaves only to ``signals``.

    Attributes:
        reason: The exceeded limit.
        is_large: Whether a large process may decode it.
    """

    def __init__(self, reason: Reason, *, is_large: bool = False) -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.is_large = is_large


def check_frame(
    size: tuple[int, int],
    limits: DecodeLimits,
    *,
    bytes_per_pixel: int,
    held_bytes: int = 0,
) -> None:
    """Refuse a frame that has too many pixels, or needs too many bytes to be decoded.

    ``held_bytes`` are those besides its pixels, such as the file itself.
    """
    width, height = size
    needed = width * height * bytes_per_pixel + held_bytes
    _check(width * height, needed, limits, Reason.TOO_MANY_PIXELS)


def check_bytes(needed: int, limits: DecodeLimits) -> None:
    """Refuse a file that needs more bytes than the limits allow."""
    _check(0, needed, limits, Reason.TOO_MANY_BYTES)


def _check(pixels: int, needed: int, limits: DecodeLimits, reason: Reason) -> None:
    is_usual = pixels <= limits.max_pixels and needed <= limits.max_decoded_bytes
    is_large = pixels <= limits.max_large_pixels and needed <= limits.max_large_bytes
    if not (is_usual or (is_large and limits.is_large)):
        raise OverBudgetError(reason, is_large=is_large)
