"""Choose grey pages for a transparent picture, besides the black and the white page.

A picture may be made to be visible only on pages of some grey. The visible luma is
linear in the grey of the page: it is the luma on black, plus a share of the difference
to the luma on white by the brightness of the page. Of a coloured page only its luma
counts. So one number describes every plain page. The block of PDQ is linear in the
picture as well, so that PDQ on every page can be computed from the two planes on black
and on white, without drawing a picture.

Pages are chosen until each page with sufficient quality of PDQ is within ``NEAR_BITS``
of a shown page that also has it. As few as possible are chosen, first those that cover
the most others. A picture whose alpha only softens its edges needs few pages or none. A
picture that is too small to be recognised gets none: packages hold thousands of icons.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from uploadfilter.model import QUALITY_FLOOR
from uploadfilter.pictures.frame import Frame
from uploadfilter.pictures.picture import Blend, Floats, Picture
from uploadfilter.pictures.showing import Shown, showings
from uploadfilter.signals import pdq

NEAR_BITS: Final = 12
"""Most bits of PDQ between a page and the nearest shown page. With 8 bits an ordinary
transparent picture would have two more views, with 4 bits seven more."""

LEAST_SIDE: Final = 32
"""Shorter side, in pixels, below which nobody can tell what a picture shows. Such a
picture gets no pages: PDQ of so few pixels changes much from grey to grey, so that an
icon of 185 bytes would have more than sixty views."""

STEP: Final = 8
"""Grey steps between candidate pages. PDQ of a high-contrast picture changes by a few
bits from one to the next."""

_LEAST_SIDE: Final = 360
_MOST_PIXELS: Final = 1 << 20
_MOST_SCALE: Final = 8
"""Planes of pages are reduced as long as both sides stay at least this long, and in any
case if they have more pixels than this: a page takes 10 ns for each pixel."""

_WHITE: Final = 255
GREYS: Final = np.append(np.arange(0, _WHITE, STEP), _WHITE)
_MOST_OF_ALL_FRAMES: Final = 8
"""Most pages of all frames of an animation together, but at least one of each frame:
more pages would leave fewer frames within the limit of views."""


def show_on_pages(frame: Frame) -> Iterator[Shown]:
    """Yield every way to show a frame, on each page that shows something else."""
    return showings(frame, pages=choose_pages)


def choose_pages(
    black: Picture, white: Picture, frames: int
) -> Iterator[tuple[int, Blend]]:
    """Yield the greys of pages with other views, and the pictures on them."""
    if min(black.shape.height, black.shape.width) < LEAST_SIDE:
        return
    black, white = (_reduce(picture) for picture in (black, white))
    most = len(GREYS) if frames == 1 else max(1, _MOST_OF_ALL_FRAMES // frames)
    for grey in choose_greys(pdq.plane_of(black), pdq.plane_of(white), most):
        yield grey, Blend(one=black, other=white, share=grey)


def _reduce(picture: Picture) -> Picture:
    """Return a picture with a smaller plane if it is large, since pages may be many."""
    shape, plane = picture.shape, picture.plane
    scale = shape.scale
    while scale < _MOST_SCALE and (
        min(plane.shape) >= 2 * _LEAST_SIDE or plane.size > _MOST_PIXELS
    ):
        plane = np.asarray(Image.fromarray(plane).reduce(2))
        scale *= 2
    if scale == shape.scale:
        return picture
    return Picture(plane=plane, shape=replace(shape, scale=scale))


def choose_greys(black: Floats, white: Floats, most: int) -> list[int]:
    """Return the greys of pages to show; pages that cover most others come first.

    From PDQ's planes of the picture on black and on white.
    """
    if not pdq.may_have_quality(np.stack((black, white))):
        # A linear function is largest at one of its ends.
        return []
    shares = (GREYS / _WHITE).astype(np.float32)[:, None, None]
    planes = black + (white - black) * shares
    has_quality = np.ones(len(planes), np.bool_)
    has_quality[_ENDS] = pdq.qualities_of(planes[_ENDS]) >= QUALITY_FLOOR
    near = _near(pdq.bits_of(planes))
    if (near[_ENDS] & has_quality[_ENDS, None]).any(axis=0).all():
        return []
    has_quality[1:-1] = pdq.qualities_of(planes[1:-1]) >= QUALITY_FLOOR
    # A page of too low quality is never matched, so that it covers nothing.
    near &= has_quality[:, None] & has_quality
    left = has_quality & ~near[_ENDS].any(axis=0)
    chosen: list[int] = []
    while left.any():
        # From black to white, the pages that each one covers follow each other.
        stands_for = (near & left).sum(axis=1) * near[left.argmax()]
        chosen.append(int(stands_for.argmax()))
        left &= ~near[chosen[-1]]
    chosen.sort(key=lambda place: int(near[place].sum()), reverse=True)
    return [int(GREYS[place]) for place in chosen[:most]]


_ENDS: Final = [0, -1]
"""Places of the pages that are always shown."""


def _near(bits: NDArray[np.bool_]) -> NDArray[np.bool_]:
    signs = bits.astype(np.float32) * 2 - 1
    # Equal bits add one, others subtract one.
    near: NDArray[np.bool_] = signs @ signs.T >= bits.shape[1] - 2 * NEAR_BITS
    return near
