"""Draw bars and columns as SVG, with a title, a description and texts that scale.

They are some rectangles; a library that plots would be larger than the program, and its
next version would draw other bytes, so that nobody could compare a page with the one
that its figures make. The numbers stand in the table below each drawing as well.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from markupsafe import Markup

WIDTH: Final = 360
"""Units: on a phone one is a pixel, so that texts keep their size there."""

_ROW: Final = 38
_BAR: Final = 14
_HEIGHT: Final = 150
_FOOT: Final = 20
_MOST_NAMES: Final = 4
"""Names of periods below the columns; more would overlap."""


_MAIN: Final = "#17607a"
_BACK: Final = "#e3e9ee"
_INK: Final = "#1c2530"
"""Colours are attributes, because programs that print do not style drawings."""


class DrawnValue(NamedTuple):
    """One bar or column.

    Attributes:
        value: Its length; ``None`` if it is hidden.
    """

    label: str
    value: float | None
    text: str


def bars(name: str, title: str, values: Sequence[DrawnValue]) -> Markup:
    """Draw bars, one below the other, each with its label above it.

    Args:
        name: Part of the ids, unique on the page.
        title: The title, for those who do not see the drawing.
        values: The bars.
    """
    top = max((it.value or 0 for it in values), default=0) or 1
    parts = []
    for number, it in enumerate(values):
        y = number * _ROW
        width = round((it.value or 0) / top * WIDTH, 1)
        parts.append(
            Markup(
                '<text x="0" y="{}">{}</text>'
                '<text x="{}" y="{}" text-anchor="end" font-weight="600">{}</text>'
                '<rect fill="{}" x="0" y="{}" width="{}" height="{}"/>'
                '<rect fill="{}" x="0" y="{}" width="{}" height="{}"/>'
            ).format(
                *(y + 13, it.label, WIDTH, y + 13, it.text),
                *(_BACK, y + 18, WIDTH, _BAR, _MAIN, y + 18, width, _BAR),
            )
        )
    return _drawing(name, title, values, parts, len(values) * _ROW)


def columns(name: str, title: str, values: Sequence[DrawnValue]) -> Markup:
    """Draw columns side by side, such as one for each period."""
    top = max((it.value or 0 for it in values), default=0) or 1
    step = WIDTH / max(len(values), 1)
    every = -(-len(values) // _MOST_NAMES)
    room = _HEIGHT - _FOOT - 16
    parts = []
    for number, it in enumerate(values):
        height = round((it.value or 0) / top * room, 1)
        x = round(number * step, 1)
        parts.append(
            Markup('<rect fill="{}" x="{}" y="{}" width="{}" height="{}"/>').format(
                _MAIN, x, _HEIGHT - _FOOT - height, round(step * 0.8, 1), height
            )
        )
        if number % every == 0:
            parts.append(
                Markup('<text font-size="10.5" x="{}" y="{}">{}</text>').format(
                    x, _HEIGHT - 5, it.label
                )
            )
        if len(values) <= _MOST_NAMES:
            parts.append(
                Markup('<text x="{}" y="{}">{}</text>').format(
                    x, _HEIGHT - _FOOT - height - 4, it.text
                )
            )
    parts.append(
        Markup('<line stroke="{}" x1="0" x2="{}" y1="{}" y2="{}"/>').format(
            _INK, WIDTH, _HEIGHT - _FOOT, _HEIGHT - _FOOT
        )
    )
    return _drawing(name, title, values, parts, _HEIGHT)


def _drawing(
    name: str,
    title: str,
    values: Sequence[DrawnValue],
    parts: Sequence[Markup],
    height: int,
) -> Markup:
    described = "; ".join(f"{it.label}: {it.text}" for it in values)
    return Markup(
        '<svg class="drawing" viewBox="0 0 {} {}" font-size="12.5" fill="{}" '
        'font-family="system-ui, Segoe UI, DejaVu Sans, sans-serif" role="img" '
        'aria-labelledby="{}-t {}-d"><title id="{}-t">{}</title>'
        '<desc id="{}-d">{}</desc>{}</svg>'
    ).format(
        *(WIDTH, height, _INK, name, name, name, title, name, described),
        Markup("").join(parts),
    )
