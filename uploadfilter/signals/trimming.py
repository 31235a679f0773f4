"""Find the picture inside a uniform border, letterbox or pillarbox.

A border changes the signal of a picture, and costs the uploader nothing. So a
picture with one has a further view without it, and one more if there is another border
inside (a letterboxed picture in a frame).

Each side is looked at from the outside in. A border is what differs little from the
colour of the outermost line; how little depends on how clean that line is. It ends at
the sharpest step near the first line that differs: the block of a JPEG in which border
and picture meet is full of ringing. Two further rules keep smooth skies from being
taken for borders, and small scraps from being taken for pictures.

What happens to pages and graphics: a page of text has a view of its text without the
margins, a logo one of the logo. They are no worse evidence than the whole page, and
stand under the same rules of quality.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from uploadfilter.pictures.picture import Blend, Luma, Picture, Shape

_STEPS: Final = 2
"""Borders inside borders that are looked for; a third has never been seen."""

_LEAST_SIDE: Final = 64
"""Pixels of the full picture: PDQ's own. Less is no picture to tell anything by."""

_LEAST_SHARE: Final = 0.01
"""Of a side: what is thinner moves no signal out of its threshold."""

_SAMPLES: Final = 64
"""Pixels of a line that are looked at first."""

_MOST_SPREAD: Final = 64
"""Grey steps between the darkest and the brightest of them: more is no border, not even
with ringing or noise. Ends the search in most pictures."""

_MOST_UNREST: Final = 6.0
"""Mean difference in the outermost line from its mean, in grey steps: noise with a
deviation of 7, or the ringing of a JPEG of quality 50 beside a thin border."""

_MOST_DIFFERENCE: Final = 24
"""As much as one pixel counts, in grey steps: a line is border still if 4 % of it have
other colours. A JPEG that broke off ends with such lines."""

_CLEAN: Final = 0.75
"""Unrest of a border that was drawn, not photographed; it may end softly."""

_BLOCK: Final = 8
"""Lines of a JPEG's block, in which border and picture may meet."""

_RINGING: Final = 3.0
"""Unrest that the outermost lines may have beyond the first: behind a border that was
cut away, they belong to the block in which it ended."""

_CHUNK: Final = 32
"""Lines that are compared at a time."""


Corner = tuple[int, int]
"""First row and first column of a part, in pixels of the plane."""


def trimmed(picture: Picture | Blend) -> Iterator[Picture]:
    """Yield the picture without its border, and without the border inside of that.

    Args:
        picture: Any picture.

    Yields:
        None, one or two pictures, each smaller than the one before; their planes are
        parts of the plane.
    """
    for inner, _ in trimmed_parts(picture):
        yield inner


def trimmed_parts(picture: Picture | Blend) -> Iterator[tuple[Picture, Corner]]:
    """Yield what ``trimmed`` yields, and where in the picture each part begins."""
    top, left = 0, 0
    for _ in range(_STEPS):
        box = _box(picture.plane, picture.shape.scale)
        if box is None:
            return
        picture = _cut(picture, *box)
        top, left = top + box[0].start, left + box[1].start
        yield picture, (top, left)


def _cut(picture: Picture | Blend, rows: slice, columns: slice) -> Picture:
    """Return a part of a picture, with the shape that fits its plane."""
    shape = picture.shape
    return Picture(
        plane=picture.plane[rows, columns],
        shape=Shape(
            height=_side(shape.height, rows, shape.scale),
            width=_side(shape.width, columns, shape.scale),
            scale=shape.scale,
        ),
    )


def _side(length: int, kept: slice, scale: int) -> int:
    """Return the full length of what is kept of a side; its last pixel may be a part.

    Args:
        length: The full length of the whole side.
        kept: What is kept, in pixels of the plane.
        scale: How much smaller the plane is.
    """
    return min(int(kept.stop) * scale, length) - int(kept.start) * scale


def _box(plane: Luma, scale: int) -> tuple[slice, slice] | None:
    """Return the rows and columns inside the border; ``None`` if there is none."""
    rows = _inside(plane)
    if rows is None:
        # In rows that are long beside what is in them, it counts for nothing.
        columns = _inside(plane.T)
        rows = _inside(plane[:, columns]) if columns is not None else None
        if columns is None or rows is None:
            return None
    else:
        # Few stars on a dark sky are border from side to side, and yet something.
        columns = _inside(plane[rows].T) or slice(0, plane.shape[1])
    kept = plane[rows, columns].shape
    if min(kept) * scale < _LEAST_SIDE:
        return None
    removed = max(1 - kept[0] / plane.shape[0], 1 - kept[1] / plane.shape[1])
    return (rows, columns) if removed >= _LEAST_SHARE else None


def _inside(lines: Luma) -> slice | None:
    """Return the lines between the borders of two sides; ``None`` if all are border."""
    first = _border(lines)
    if first >= len(lines):
        return None
    last = len(lines) - _border(lines[::-1])
    return slice(first, last) if first < last else None


def _border(lines: Luma) -> int:
    """Return how many lines belong to a border.

    Args:
        lines: A plane, or a plane turned so that the side comes first.

    Returns:
        0 if there is none; all of them if nothing else is there.
    """
    outermost = lines[0]
    if not is_plain(outermost):
        return 0
    colour = _colour(outermost)
    unrest = float(_unrest(lines[:1], colour)[0])
    tolerance = 1 + 1.5 * unrest
    end = _uniform(lines, colour, tolerance)
    if end == len(lines):
        return end
    edge, step = _edge(lines, end)
    is_drawn = unrest <= _CLEAN
    return edge if is_drawn or step >= 4 + 2 * tolerance else 0


def is_plain(outermost: Luma) -> bool:
    """Say whether an outermost line is as a border may be; without one there is none.

    Args:
        outermost: Luma of the line.
    """
    # Of so few values, Python finds the extremes before numpy has begun.
    sampled = outermost[:: -(-len(outermost) // _SAMPLES)].tobytes()
    if max(sampled) - min(sampled) > _MOST_SPREAD:
        return False
    return float(_unrest(outermost[None], _colour(outermost))[0]) <= _MOST_UNREST


def _colour(line: Luma) -> int:
    return round(float(line.mean()))


def _unrest(lines: Luma, colour: int) -> NDArray[np.float64]:
    """Return the mean difference of each line from a colour, in grey steps."""
    # Whole numbers as floats: numpy clips and adds those up twice as fast.
    differences = lines.astype(np.float32)
    differences -= np.float32(colour)
    np.clip(differences, -_MOST_DIFFERENCE, _MOST_DIFFERENCE, out=differences)
    np.abs(differences, out=differences)
    width = lines.shape[1]
    sums = differences @ np.ones(width, np.float32)
    unrest: NDArray[np.float64] = sums.astype(np.float64) / width
    return unrest


def _uniform(lines: Luma, colour: int, tolerance: float) -> int:
    """Return how many lines from the outside are of this colour."""
    for start in range(0, len(lines), _CHUNK):
        unrest = _unrest(lines[start : start + _CHUNK], colour)
        if start == 0:
            unrest[:_BLOCK] -= _RINGING
        differs = unrest > tolerance
        if differs.any():
            return start + int(differs.argmax())
    return len(lines)


def _edge(lines: Luma, end: int) -> tuple[int, float]:
    """Return the first line of the picture, and the step before it in grey steps.

    Args:
        lines: The lines.
        end: The first that differs from the border, at least 1.

    Returns:
        The line behind the first step that is at least half as high as the highest
        within a block.
    """
    near = lines[end - 1 : end + _BLOCK].astype(np.int16)
    steps = np.abs(np.diff(near, axis=0)).mean(axis=1)
    place = int((steps >= steps.max() / 2).argmax())
    return end + place, float(steps[place])
