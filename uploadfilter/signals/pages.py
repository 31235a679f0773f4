"""Choose the grey pages on which a transparent picture is shown, beside two others.

A picture may be made so that it is seen only on pages of some grey. What is seen is
linear in the grey of the page: luma on a page is the luma on black, and so much of the
difference to the luma on white as the page is bright. Of a coloured page only its luma
counts. So one number describes every plain page, and PDQ, whose block is linear in the
picture as well, is known for every page from the two planes on black and on white,
without a picture being drawn.

Pages are chosen until each page on which PDQ says something lies within ``NEAR_BITS``
of one that is shown. A picture whose alpha only softens its edges needs few or none,
and one that nobody can make out gets none: packages hold icons by the thousand.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from uploadfilter.model import QUALITY_FLOOR
from uploadfilter.signals import pdq
from uploadfilter.signals.picture import Floats, Picture

NEAR_BITS: Final = 12
"""Bits of PDQ between a page and the nearest one that is shown, at most. At 8 bits an
ordinary transparent picture has two more views, at 4 bits seven more."""

LEAST_SIDE: Final = 32
"""Pixels of the shorter side below which nobody can tell what a picture shows. It has
no pages: PDQ of so few pixels moves much from grey to grey, so that an icon of 185
bytes would have more than sixty views."""

STEP: Final = 8
"""Grey steps between pages that are thought of. PDQ of a picture that stands out moves
by a few bits from one to the next."""

_LEAST_SIDE: Final = 360
_MOST_PIXELS: Final = 1 << 20
_MOST_SCALE: Final = 8
"""Planes of pages are made smaller as long as both sides stay at least so long, and
however long they are if they have more pixels than that: a page takes 10 ns for each.
"""

_WHITE: Final = 255
_GREYS: Final = np.append(np.arange(0, _WHITE, STEP), _WHITE)
_MOST_OF_ALL_FRAMES: Final = 8
"""Pages of all frames of an animation together, but one of each frame at least: more
pages would leave fewer frames within the budget of views."""


def greys_between(
    black: Picture, white: Picture, *, frames: int
) -> Iterator[tuple[int, Picture]]:
    """Yield the greys of pages that show something else, and what they show.

    Args:
        black: The picture on black.
        white: The same picture on white.
        frames: How many frames its file has.
    """
    if min(black.shape.height, black.shape.width) < LEAST_SIDE:
        return
    black, white = (_smaller(picture) for picture in (black, white))
    most = len(_GREYS) if frames == 1 else max(1, _MOST_OF_ALL_FRAMES // frames)
    for grey in _chosen(pdq.plane_of(black), pdq.plane_of(white), most):
        yield grey, Picture(plane=mixed(black, white, grey), shape=black.shape)


def _smaller(picture: Picture) -> Picture:
    """Return a picture whose plane is smaller where it is large: pages may be many."""
    shape, plane = picture.shape, picture.plane
    scale = shape.scale
    while scale < _MOST_SCALE and (
        min(plane.shape) >= 2 * _LEAST_SIDE or plane.size > _MOST_PIXELS
    ):
        plane = np.asarray(Image.fromarray(plane).reduce(2))
        scale *= 2
    return Picture(plane=plane, shape=replace(shape, scale=scale))


def _chosen(black: Floats, white: Floats, most: int) -> list[int]:
    """Return the greys of the pages to show, those that show most anew first."""
    shares = (_GREYS / _WHITE).astype(np.float32)[:, None, None]
    planes = black + (white - black) * shares
    bits = pdq.bits_of(planes)
    speaks = pdq.qualities_of(planes) >= QUALITY_FLOOR
    far = np.minimum(_distances(bits, bits[0]), _distances(bits, bits[-1])) * speaks
    chosen: list[int] = []
    while far.max() > NEAR_BITS and len(chosen) < most:
        place = int(far.argmax())
        chosen.append(int(_GREYS[place]))
        far = np.minimum(far, _distances(bits, bits[place]))
    return chosen


def _distances(
    all_bits: NDArray[np.bool_], bits: NDArray[np.bool_]
) -> NDArray[np.int64]:
    distances: NDArray[np.int64] = np.count_nonzero(all_bits != bits, axis=1)
    return distances


def mixed(black: Picture, white: Picture, grey: int) -> NDArray[np.uint8]:
    """Return what a page of a grey shows, rounded as nearly as half a grey step."""
    one, other = (plane.plane.astype(np.uint16) for plane in (black, white))
    mixed = one * np.uint16(_WHITE - grey) + other * np.uint16(grey)
    mixed += np.uint16(_WHITE // 2)
    return (mixed // np.uint16(_WHITE)).astype(np.uint8)
