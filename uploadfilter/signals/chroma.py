"""Show the colours of a picture whose luma is nearly flat.

PDQ and similar signals use luma only. A picture whose colours all have the same luma is
flat to them, although a person sees it well. So if luma is too flat to be matched, the
colours are shown as well: the colour difference in which the pixels differ most,
stretched over the whole range. A photograph has more contrast in luma, and is not
looked at here.
"""

from typing import Final

import numpy as np
from PIL import Image

from uploadfilter.model import QUALITY_FLOOR
from uploadfilter.pictures import modes
from uploadfilter.pictures.frame import Frame
from uploadfilter.pictures.picture import SCALES, Blend, Floats, Luma, Picture, Shape
from uploadfilter.signals import pdq

CHROMA: Final = "chroma"
"""The name of this view of a frame."""

_LEAST_SIDE: Final = 256
"""Shortest side to which colours are reduced before they are looked at, in pixels."""

_LEAST_SPREAD: Final = 6.0
"""Standard deviation of the colours, in steps, below which nobody sees a picture: JPEG
and conversions give grey pictures less."""

_REACH: Final = 2.5
"""Standard deviations from the middle that become black and white."""

_COLOURS: Final = frozenset({"RGB", "RGBA", "P", "PA", "CMYK", "YCbCr", "RGBa", "HSV"})


def is_flat(luma: Picture | Blend) -> bool:
    """Return whether luma is too flat for PDQ to be matched."""
    return int(pdq.qualities_of(pdq.plane_of(luma)[None])[0]) < QUALITY_FLOOR


def show_chroma(frame: Frame) -> Picture | None:
    """Return the colours of a frame as one plane; ``None`` if it has hardly any."""
    if frame.image.mode not in _COLOURS:
        return None
    image = frame.image
    by = max(s for s in SCALES if s == 1 or min(image.size) >= s * _LEAST_SIDE)
    while frame.scale * by > SCALES[-1]:
        by //= 2
    plane = _project_widest(_small_colours(image, by))
    if plane is None:
        return None
    width, height = frame.full if frame.scale > 1 else image.size
    shape = Shape(height=height, width=width, scale=frame.scale * by)
    return Picture(plane=plane, shape=shape)


def _small_colours(image: Image.Image, by: int) -> Image.Image:
    small = Image.new("YCbCr", (-(-image.width // by), -(-image.height // by)))
    # In bands, since there is no memory for a second copy of a large picture.
    for top, band in modes.bands(image, rows_of=by):
        coloured = band if band.mode in {"RGB", "RGBA"} else band.convert("RGBA")
        bare = coloured if coloured.mode == "RGB" else coloured.convert("RGB")
        smaller = bare.reduce(by) if by > 1 else bare
        small.paste(smaller.convert("YCbCr"), (0, top // by))
    return small


def _project_widest(small: Image.Image) -> Luma | None:
    """Return the mix of Cb and Cr with the largest spread, over the range of grey."""
    blue, red = (small.getchannel(name) for name in ("Cb", "Cr"))
    ranges = np.ptp(np.array([blue.getextrema(), red.getextrema()]), axis=1)
    # No deviation is more than half the range.
    if np.hypot(*ranges) < 2 * _LEAST_SPREAD:
        return None
    colours = np.stack([_centre(blue), _centre(red)])
    spreads, axes = np.linalg.eigh(colours @ colours.T / colours.shape[1])
    spread = float(np.sqrt(max(spreads[-1], 0.0)))
    if spread < _LEAST_SPREAD:
        return None
    # Of the two signs, the one with more red; the other matches as a negative.
    axis = axes[:, -1] * (1 if axes[1, -1] >= 0 else -1)
    values = (axis * np.float32(127.5 / (_REACH * spread))) @ colours
    values += np.float32(127.5)
    np.clip(np.rint(values, out=values), 0, 255, out=values)
    plane: Luma = values.astype(np.uint8)
    return plane.reshape(small.height, small.width)


def _centre(channel: Image.Image) -> Floats:
    samples = np.asarray(channel).reshape(-1).astype(np.float32)
    samples -= samples.mean()
    return samples
