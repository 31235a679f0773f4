"""Reduce a large picture while it is decoded, so that it is never held as a whole.

A decoder that gives a picture in strips of rows passes each strip to a ``Shrinker``,
which keeps the average of each block of pixels. All signals are computed from planes of
this size (``showing.py``), so nothing is lost: except for rounding, the planes equal
those of the whole picture.

Rules this module keeps:

- If there is alpha, two averages of the colours are kept: one weighted by alpha, to be
  drawn on a background; and one unweighted, since transparent pixels may contain a
  picture.
"""

from dataclasses import dataclass
from typing import Final

from PIL import Image

from uploadfilter.model import Reason
from uploadfilter.pictures import modes
from uploadfilter.pictures.frame import Frame
from uploadfilter.pictures.limits import OverBudgetError

LEAST_SIDE: Final = 512
"""Shortest side of a plane when a large frame is reduced, as libjpeg does with JPEGs:
signals of 64 million pixels would take seconds."""

LONGEST_SIDE: Final = 12_288
"""A plane with a longer side is reduced even if its other side becomes too short: the
operators of a side of 65,535 pixels take seconds to build."""

SCALES: Final = (1, 2, 4, 8)

_PIECE_PIXELS: Final = 1 << 20
"""Pixels of a strip that are processed together, with several copies."""


def reduction_of(size: tuple[int, int]) -> int:
    """Return the factor of reduction of a picture's planes: 1, 2, 4 or 8.

    Args:
        size: Width and height in pixels.
    """
    width, height = size
    by = 1
    if width * height > modes.WHOLE_PIXELS:
        by = max(s for s in SCALES if s == 1 or min(size) >= s * LEAST_SIDE)
    while max(size) > by * LONGEST_SIDE and by < SCALES[-1]:
        by *= 2
    return by


def scale_of_large(size: tuple[int, int]) -> int:
    """Return the factor of reduction of a picture that is too large to be held.

    Raises:
        OverBudgetError: Its planes would not be smaller, so nothing is gained.
    """
    by = reduction_of(size)
    if by == 1:
        raise OverBudgetError(Reason.TOO_MANY_PIXELS)
    return by


@dataclass(frozen=True, slots=True, kw_only=True)
class Shrunk:
    """A reduced picture.

    Attributes:
        image: Its colours; with an alpha, the colours weighted by it, and the alpha.
        stored: If it has an alpha, its unweighted colours.
        full: Width and height before the reduction.
        scale: Factor of the reduction; sizes are rounded up.
    """

    image: Image.Image
    stored: Image.Image | None
    full: tuple[int, int]
    scale: int

    def frame(
        self, number: int, *, profile: bytes | None, is_truncated: bool = False
    ) -> Frame:
        """Return it as a frame of a file."""
        return Frame(
            image=self.image,
            stored=self.stored,
            number=number,
            full=self.full,
            scale=self.scale,
            profile=profile,
            is_truncated=is_truncated,
        )


class Shrinker:
    """Takes a picture in strips of rows, from top to bottom.

    Args:
        size: Width and height of the picture.
        mode: The mode of each strip: ``L``, ``LA``, ``RGB`` or ``RGBA``.
        by: How many times smaller it becomes.
    """

    def __init__(self, size: tuple[int, int], mode: str, by: int) -> None:
        width, height = size
        small = -(-width // by), -(-height // by)
        self._size = size
        self._by = by
        self._colours = mode.removesuffix("A")
        self._image = Image.new(mode, small)
        self._stored = Image.new(self._colours, small) if mode.endswith("A") else None
        self._row = 0
        self._rest: Image.Image | None = None

    def add(self, strip: Image.Image) -> None:
        """Take the next rows, as wide as the picture."""
        if self._rest is not None:
            strip = _joined(self._rest, strip)
            self._rest = None
        whole = strip.height // self._by * self._by
        if self._row * self._by + strip.height >= self._size[1]:
            # The last block may be incomplete.
            whole = strip.height
        if whole < strip.height:
            self._rest = strip.crop((0, whole, strip.width, strip.height))
        rows = max(1, _PIECE_PIXELS // (strip.width * self._by)) * self._by
        for top in range(0, whole, rows):
            bottom = min(top + rows, whole)
            self._keep(strip.crop((0, top, strip.width, bottom)))

    def _keep(self, strip: Image.Image) -> None:
        """Note the averages of a strip of whole blocks."""
        # Pillow weights colours by the alpha of their own image.
        small = strip.reduce(self._by)
        self._image.paste(small, (0, self._row))
        if self._stored is not None:
            colours = strip.convert(self._colours).reduce(self._by)
            self._stored.paste(colours, (0, self._row))
        self._row += small.height

    def shrunk(self) -> Shrunk:
        """Return the reduced picture; missing rows are zero."""
        return Shrunk(
            image=self._image, stored=self._stored, full=self._size, scale=self._by
        )


def shrunk_of(pixels: bytes, mode: str, size: tuple[int, int], by: int) -> Shrunk:
    """Reduce a picture that is in memory as samples.

    Args:
        pixels: Its samples of 8 bits, row by row.
        mode: ``L``, ``LA``, ``RGB`` or ``RGBA``.
        size: Width and height.
        by: How many times smaller it becomes.
    """
    width, height = size
    stride = len(mode) * width
    rows = max(1, _PIECE_PIXELS // (width * by)) * by
    shrinker, whole = Shrinker(size, mode, by), memoryview(pixels)
    for top in range(0, height, rows):
        count = min(rows, height - top)
        piece = bytes(whole[top * stride : (top + count) * stride])
        shrinker.add(Image.frombuffer(mode, (width, count), piece, "raw", mode, 0, 1))
    return shrinker.shrunk()


def _joined(above: Image.Image, below: Image.Image) -> Image.Image:
    """Join two strips."""
    both = Image.new(below.mode, (below.width, above.height + below.height))
    both.paste(above, (0, 0))
    both.paste(below, (0, above.height))
    return both
