"""Show a JPEG in the luma of its colours, if screens cannot show these colours.

A JPEG stores luma and two colour differences. Together they may mean too much red, or
less than no green. Screens then show the nearest colour that they have, which has
another luma. So the stored luma may show a decoy while the colours show the target.
Decoding the colours of a JPEG is expensive. They can change luma only by so much that a
picture with high contrast stays the same; so they are decoded only if the stored luma
has little contrast.
"""

from typing import Final

import numpy as np

from uploadfilter.model import View
from uploadfilter.pictures.faults import DECODER_ERRORS
from uploadfilter.pictures.frame import Frame
from uploadfilter.pictures.limits import OverBudgetError
from uploadfilter.pictures.picture import Blend, Picture
from uploadfilter.pictures.showing import showings

CLIPPED: Final = "clipped"
"""The name of this view of a frame."""

_MOST_SPREAD: Final = 36.0
"""Standard deviation of luma, in PDQ's plane, below which colours may turn it into
another picture. With more contrast than this, colours cannot hide the stored picture:
they move middle grey by 23 steps up or down, and black or white by 80 steps in one
direction. On two greys that are 32 steps from their middle, only colours of 19 steps or
fewer can be the same."""

_LEAST_SHIFT: Final = 1.0
"""Mean difference of the two lumas, in steps, below which they show the same. In
saturated photographs with strong compression it is half as large."""


def has_little_contrast(view: View) -> bool:
    """Return whether colours may change a picture of so little contrast."""
    plane = np.frombuffer(view.plane, dtype=np.float32)
    # Every picture is tested, and numpy takes four times as long for a deviation.
    mean, square = float(plane.sum()), float(plane.dot(plane))
    mean, square = mean / len(plane), square / len(plane)
    return square - mean * mean < _MOST_SPREAD**2


def show_clipped(frame: Frame, coloured: Frame | None) -> Picture | Blend | None:
    """Return the luma of a frame's colours; ``None`` if it equals the stored luma."""
    if frame.load_colours is None or coloured is None or coloured.image.mode != "RGB":
        return None
    stored, shown = (next(showings(each)).picture for each in (frame, coloured))
    if stored.plane.shape != shown.plane.shape:
        return shown
    shift = np.abs(stored.plane.astype(np.int16) - shown.plane.astype(np.int16))
    return shown if float(shift.mean()) >= _LEAST_SHIFT else None


def load_colours(frame: Frame) -> Frame | None:
    """Return a frame with its colours, decoded again if needed; ``None`` on failure."""
    if frame.load_colours is None:
        return frame
    try:
        return frame.load_colours()
    except (OverBudgetError, *DECODER_ERRORS):
        return None
