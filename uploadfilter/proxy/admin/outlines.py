"""Draw the outline of an altered copy: where the original lies in the upload.

The operator's page shows it beside the match. It holds a few numbers of the record and
nothing of the picture.
"""

from typing import Final

from uploadfilter.outlines import Outline, Point

SIDE: Final = 100
"""Units of a side of the upload, as the page draws it, whatever its aspect is."""

_MOST_BEYOND: Final = 0.5
"""How far a drawing goes beyond the upload, as a fraction of its side: a corner that
was cut off lies there."""


def drawing(text: str | None) -> str:
    """Return the outline as ``d`` of an SVG path; empty if there is none to draw.

    Args:
        text: The text form that the record has; ``None`` for a match without one.
    """
    if text is None:
        return ""
    try:
        outline = Outline.parse(text)
    except ValueError:  # of a newer version
        return ""
    shapes = [outline.corners()]
    if outline.hidden is not None:
        left, top, right, bottom = outline.hidden
        shapes.append(
            tuple(
                _in_box(outline, point)
                for point in (
                    (left, top),
                    (right, top),
                    (right, bottom),
                    (left, bottom),
                )
            )
        )
    return "".join(_closed(points) for points in shapes)


def _in_box(outline: Outline, point: Point) -> Point:
    """Return where a point of the box lies in the upload."""
    left, top, right, bottom = outline.box
    return left + point[0] * (right - left), top + point[1] * (bottom - top)


def _closed(points: tuple[Point, ...]) -> str:
    first, *others = (f"{_units(x)} {_units(y)}" for x, y in points)
    return f"M{first}{''.join(f'L{point}' for point in others)}Z"


def _units(fraction: float) -> str:
    inside = min(max(fraction, -_MOST_BEYOND), 1 + _MOST_BEYOND)
    return f"{SIDE * inside:.4g}"
