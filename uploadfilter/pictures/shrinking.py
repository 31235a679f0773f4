"""Make a large picture smaller while it is decoded, so that it is never held whole.

A decoder that gives a picture in strips of rows hands each one to a ``Shrinker``, which
keeps the average of each block of pixels. All signals are computed from planes that are
as small (``showing.py``), so nothing else is lost: the planes are those that the whole
picture would have given, but for rounding.

Rules this module keeps:

- Where there is alpha, two averages of the colours are kept: of each pixel as far as it
  is seen, to be drawn on a background; and of all pixels alike, since a picture may lie
  under transparent ones.
"""

from dataclasses import dataclass
from typing import Final

from PIL import Image

from uploadfilter.model import Reason
from uploadfilter.pictures import modes
from uploadfilter.pictures.frame import Frame
from uploadfilter.pictures.limits import OverBudgetError

LEAST_SIDE: Final = 512
"""Both sides of a plane stay at least this long when a large frame is made smaller, as
libjpeg does with JPEGs while it decodes: signals of 64 million pixels would take
seconds."""

LONGEST_SIDE: Final = 12_288
"""A plane with a longer side is made smaller also where its other side gets shorter
than that: the operators of a side of 65,535 pixels take seconds to build."""

SCALES: Final = (1, 2, 4, 8)

_PIECE_PIXELS: Final = 1 << 20
"""Pixels of a strip that are looked at together: several copies of them are made."""


def reduction_of(size: tuple[int, int]) -> int:
    """Return how many times smaller the planes of a picture are: 1, 2, 4 or 8.

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
    """Return how many times smaller a picture becomes that is too large to be whole.

    Raises:
        OverBudgetError: Its planes would be no smaller, so there is nothing to gain.
    """
    by = reduction_of(size)
    if by == 1:
        raise OverBudgetError(Reason.TOO_MANY_PIXELS)
    return by


@dataclass(frozen=True, slots=True, kw_only=True)
class Shrunk:
    """A picture that was made smaller.

    Attributes:
        image: Its colours; if it has an alpha, as far as they are seen, and the alpha.
        stored: If it has an alpha, the colours of all pixels alike.
        full: Width and height before.
        scale: How many times smaller it is, rounded up.
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
        mode: ``L``, ``LA``, ``RGB`` or ``RGBA``: that of each strip.
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
            # The last block may be a part of one.
            whole = strip.height
        if whole < strip.height:
            self._rest = strip.crop((0, whole, strip.width, strip.height))
        rows = max(1, _PIECE_PIXELS // (strip.width * self._by)) * self._by
        for top in range(0, whole, rows):
            bottom = min(top + rows, whole)
            self._keep(strip.crop((0, top, strip.width, bottom)))

    def _keep(self, strip: Image.Image) -> None:
        """Note the averages of a strip of whole blocks."""
        # Pillow weighs colours by the alpha of their own image.
        small = strip.reduce(self._by)
        self._image.paste(small, (0, self._row))
        if self._stored is not None:
            colours = strip.convert(self._colours).reduce(self._by)
            self._stored.paste(colours, (0, self._row))
        self._row += small.height

    def shrunk(self) -> Shrunk:
        """Return what was taken; rows that never came are zero."""
        return Shrunk(
            image=self._image, stored=self._stored, full=self._size, scale=self._by
        )


def shrunk_of(pixels: bytes, mode: str, size: tuple[int, int], by: int) -> Shrunk:
    """Return a picture that stands in memory as samples, made smaller.

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
    """Return two strips as one."""
    both = Image.new(below.mode, (below.width, above.height + below.height))
    both.paste(above, (0, 0))
    both.paste(below, (0, above.height))
    return both
