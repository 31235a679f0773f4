"""Choose the grey pages on which a transparent picture is shown, beside two others.

A picture may be made so that it is seen only on pages of some grey. What is seen is
linear in the grey of the page: luma on a page is the luma on black, and so much of the
difference to the luma on white as the page is bright. Of a coloured page only its luma
counts. So one number describes every plain page, and PDQ, whose block is linear in the
picture as well, is known for every page from the two planes on black and on white,
without a picture being drawn.

Pages are chosen until each page on which PDQ says something lies within ``NEAR_BITS``
of one that is shown and on which it does too: as few as that takes, each for as many
others as it can. A picture whose alpha only softens its edges needs few or none,
and one that nobody can make out gets none: packages hold icons by the thousand.
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
GREYS: Final = np.append(np.arange(0, _WHITE, STEP), _WHITE)
_MOST_OF_ALL_FRAMES: Final = 8
"""Pages of all frames of an animation together, but one of each frame at least: more
pages would leave fewer frames within the budget of views."""


def shown_on_pages(frame: Frame) -> Iterator[Shown]:
    """Yield every way to show a frame, on each page that shows something else.

    Args:
        frame: A loaded frame, which must not be changed meanwhile.
    """
    return showings(frame, pages=greys_between)


def greys_between(
    black: Picture, white: Picture, frames: int
) -> Iterator[tuple[int, Blend]]:
    """Yield the greys of pages that show something else, and what they show.

    Args:
        black: The picture on black.
        white: The same picture on white.
        frames: How many frames its file has.
    """
    if min(black.shape.height, black.shape.width) < LEAST_SIDE:
        return
    black, white = (_smaller(picture) for picture in (black, white))
    most = len(GREYS) if frames == 1 else max(1, _MOST_OF_ALL_FRAMES // frames)
    for grey in greys_chosen(pdq.plane_of(black), pdq.plane_of(white), most):
        yield grey, Blend(one=black, other=white, share=grey)


def _smaller(picture: Picture) -> Picture:
    """Return a picture whose plane is smaller where it is large: pages may be many."""
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


def greys_chosen(black: Floats, white: Floats, most: int) -> list[int]:
    """Return the greys of the pages to show, those that stand for most others first.

    Args:
        black: PDQ's plane of the picture on black.
        white: The same on white.
        most: How many at most.
    """
    if not pdq.may_speak(np.stack((black, white))):
        # What is linear is strongest at one of its ends.
        return []
    shares = (GREYS / _WHITE).astype(np.float32)[:, None, None]
    planes = black + (white - black) * shares
    speaks = np.ones(len(planes), np.bool_)
    speaks[_ENDS] = pdq.qualities_of(planes[_ENDS]) >= QUALITY_FLOOR
    near = _near(pdq.bits_of(planes))
    if (near[_ENDS] & speaks[_ENDS, None]).any(axis=0).all():
        return []
    speaks[1:-1] = pdq.qualities_of(planes[1:-1]) >= QUALITY_FLOOR
    # What says too little is never matched, so that it stands for nothing.
    near &= speaks[:, None] & speaks
    left = speaks & ~near[_ENDS].any(axis=0)
    chosen: list[int] = []
    while left.any():
        # As pages change from black to white, so does what they are near to.
        stands_for = (near & left).sum(axis=1) * near[left.argmax()]
        chosen.append(int(stands_for.argmax()))
        left &= ~near[chosen[-1]]
    chosen.sort(key=lambda place: int(near[place].sum()), reverse=True)
    return [int(GREYS[place]) for place in chosen[:most]]


_ENDS: Final = [0, -1]
"""Places of the pages that are shown anyway."""


def _near(bits: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Say of each two pages whether their bits differ by no more than is near."""
    signs = bits.astype(np.float32) * 2 - 1
    # Bits that agree add one, others take one away.
    near: NDArray[np.bool_] = signs @ signs.T >= bits.shape[1] - 2 * NEAR_BITS
    return near
