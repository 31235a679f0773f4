"""Show a JPEG in the luma of its colours, where these are none that a screen has.

A JPEG stores luma and two differences of colours. They may say more red, or less than
no green; screens then show the nearest colour that they have, whose luma is another. So
the stored luma may show a decoy while the colours show the target. The colours of a
JPEG are dear, and change luma by so much only that a picture with much contrast stays
what it is: so they are decoded where the stored luma has little contrast.
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
"""Name of this way to show a frame."""

_MOST_SPREAD: Final = 36.0
"""Standard deviation of luma, in PDQ's plane, below which another picture may be made
of it. Colours move middle grey by 23 steps either way, and black or white by 80 one
way: where the luma has two greys 32 steps from their middle, no colours but those of 19
steps or fewer are the same on both."""

_LEAST_SHIFT: Final = 1.0
"""Mean difference of both lumas, in steps, below which they show the same. That of
saturated photographs with hard compression is half as large."""


def may_be_clipped(frame: Frame) -> bool:
    """Return whether a frame is a JPEG with colours of which only luma was decoded."""
    return frame.again is not None and frame.image.mode == "L"


def is_calm(view: View) -> bool:
    """Say whether a view has so little contrast that colours may make another of it."""
    plane = np.frombuffer(view.plane, dtype=np.float32)
    # Every picture is asked, and numpy takes four times as long for a deviation.
    mean, square = float(plane.sum()), float(plane.dot(plane))
    mean, square = mean / len(plane), square / len(plane)
    return square - mean * mean < _MOST_SPREAD**2


def clipped(frame: Frame, coloured: Frame | None) -> Picture | Blend | None:
    """Return the luma of a frame's colours; ``None`` if it is the stored luma.

    Args:
        frame: The frame; only one of which luma alone was decoded can have another.
        coloured: The same with its colours (``recoloured``).
    """
    if not may_be_clipped(frame) or coloured is None or coloured.image.mode != "RGB":
        return None
    stored, shown = (next(showings(each)).picture for each in (frame, coloured))
    if stored.plane.shape != shown.plane.shape:
        return shown
    shift = np.abs(stored.plane.astype(np.int16) - shown.plane.astype(np.int16))
    return shown if float(shift.mean()) >= _LEAST_SHIFT else None


def recoloured(frame: Frame) -> Frame | None:
    """Return a frame with its colours; if only its luma was decoded, it is once more.

    Returns:
        ``None`` if that is too dear, or fails.
    """
    if frame.again is None or not may_be_clipped(frame):
        return frame
    try:
        return frame.again(frame.scale, "RGB")
    except (OverBudgetError, *DECODER_ERRORS):
        return None
