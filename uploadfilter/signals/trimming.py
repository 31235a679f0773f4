"""Find the picture inside a uniform border, letterbox or pillarbox.

A border changes the signal of a picture, and is easy to add. So a picture with a border
has a second view without it, and a third one if there is another border inside (a
letterboxed picture in a frame).

Each side is read from the outside in. Lines belong to the border if they differ little
from the colour of the outermost line; the allowed difference depends on the noise of
that line. The border ends at the sharpest step near the first line that differs, since
the block of a JPEG in which border and picture meet has much ringing. Two further rules
keep smooth skies from being taken for borders, and small scraps from being taken for
pictures.

Pages and graphics are trimmed too: a page of text has a view of its text without the
margins, and a logo a view of the logo. These views are no worse evidence than the whole
page, and the same rules of quality apply to them.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from uploadfilter.pictures.picture import Blend, Luma, Picture, part_of

_STEPS: Final = 2
"""Most nested borders that are looked for; a third one was never seen."""

_LEAST_SIDE: Final = 64
"""Shortest side of a trimmed picture, in pixels of the full picture: that of PDQ's
plane. Smaller pictures have too little detail."""

_LEAST_SHARE: Final = 0.01
"""Least share of a side: a thinner border moves no signal out of its threshold."""

_SAMPLES: Final = 64
"""Pixels of a line that are tested first."""

_MOST_SPREAD: Final = 64
"""Most grey steps between the darkest and the brightest of them: no border has more,
not even with ringing or noise. This ends the search in most pictures."""

_MOST_UNREST: Final = 6.0
"""Largest mean difference of the outermost line from its mean, in grey steps: noise
with a deviation of 7, or the ringing of a JPEG of quality 50 beside a thin border."""

_MOST_DIFFERENCE: Final = 24
"""Largest difference that one pixel counts with, in grey steps: a line with other
colours in 4 % of its pixels is still border. A truncated JPEG ends with such lines."""

_CLEAN: Final = 0.75
"""Largest unrest of a drawn border, which may have a soft end."""

_BLOCK: Final = 8
"""Lines of a block of JPEG, in which border and picture may meet."""

_RINGING: Final = 3.0
"""Additional unrest of the outermost lines once an outer border was cut away: they
belong to the block in which it ended."""

_CHUNK: Final = 32
"""Lines that are compared at a time."""


def trim(picture: Picture | Blend) -> Iterator[Picture]:
    """Yield the picture without its border, then without a border inside that.

    There may be none; the planes are parts of the plane.
    """
    if isinstance(picture, Blend) and not any(map(_may_be_border, picture.edges())):
        # Its plane is expensive to make.
        return
    for step in range(_STEPS):
        ringing = _RINGING if step else 0.0
        box = _box(picture.plane, picture.shape.scale, ringing)
        if box is None:
            return
        picture = part_of(picture.plane, picture.shape, *box)
        yield picture


def _box(plane: Luma, scale: int, ringing: float) -> tuple[slice, slice] | None:
    rows = _inside(plane, ringing)
    if rows is None:
        # In long rows with a small picture, the picture counts too little.
        columns = _inside(plane.T, ringing)
        rows = _inside(plane[:, columns], ringing) if columns is not None else None
        if columns is None or rows is None:
            return None
    else:
        # Few stars on a dark sky look like border from side to side, but are a picture.
        columns = _inside(plane[rows].T, ringing) or slice(0, plane.shape[1])
    kept = plane[rows, columns].shape
    if min(kept) * scale < _LEAST_SIDE:
        return None
    removed = max(1 - kept[0] / plane.shape[0], 1 - kept[1] / plane.shape[1])
    return (rows, columns) if removed >= _LEAST_SHARE else None


def _inside(lines: Luma, ringing: float) -> slice | None:
    first = _border(lines, ringing)
    if first >= len(lines):
        return None
    last = len(lines) - _border(lines[::-1], ringing)
    return slice(first, last) if first < last else None


def _border(lines: Luma, ringing: float) -> int:
    """Return the number of lines of a border; all of them if there is nothing else.

    The side comes first. Its outermost lines may have ``ringing`` grey steps more
    unrest.
    """
    outermost = lines[0]
    if not _may_be_border(outermost):
        return 0
    colour = _colour(outermost)
    unrest = float(_unrest(lines[:1], colour)[0])
    tolerance = 1 + 1.5 * unrest
    end = _uniform(lines, colour, tolerance, ringing)
    if end == len(lines):
        return end
    edge, step = _edge(lines, end)
    is_drawn = unrest <= _CLEAN
    return edge if is_drawn or step >= 4 + 2 * tolerance else 0


def _may_be_border(outermost: Luma) -> bool:
    """Return whether an outermost line may be a border; otherwise there is none."""
    # For so few values, Python finds the extremes faster than numpy.
    sampled = outermost[:: -(-len(outermost) // _SAMPLES)].tobytes()
    if max(sampled) - min(sampled) > _MOST_SPREAD:
        return False
    return float(_unrest(outermost[None], _colour(outermost))[0]) <= _MOST_UNREST


def _colour(line: Luma) -> int:
    return round(float(line.mean()))


def _unrest(lines: Luma, colour: int) -> NDArray[np.float64]:
    # Integers as floats: numpy clips and adds them twice as fast.
    differences = lines.astype(np.float32)
    differences -= np.float32(colour)
    np.clip(differences, -_MOST_DIFFERENCE, _MOST_DIFFERENCE, out=differences)
    np.abs(differences, out=differences)
    width = lines.shape[1]
    sums = differences @ np.ones(width, np.float32)
    unrest: NDArray[np.float64] = sums.astype(np.float64) / width
    return unrest


def _uniform(lines: Luma, colour: int, tolerance: float, ringing: float) -> int:
    for start in range(0, len(lines), _CHUNK):
        unrest = _unrest(lines[start : start + _CHUNK], colour)
        if start == 0:
            unrest[:_BLOCK] -= ringing
        differs = unrest > tolerance
        if differs.any():
            return start + int(differs.argmax())
    return len(lines)


def _edge(lines: Luma, end: int) -> tuple[int, float]:
    """Return the first line of the picture, and the step before it in grey steps.

    It comes after the first step that is at least half as high as the highest within a
    block. ``end`` is the first line that differs from the border, at least 1.
    """
    near = lines[end - 1 : end + _BLOCK].astype(np.int16)
    steps = np.abs(np.diff(near, axis=0)).mean(axis=1)
    place = int((steps >= steps.max() / 2).argmax())
    return end + place, float(steps[place])
