"""Take a small picture inside a large plain canvas at a better scale.

Large pictures are decoded or reduced to a smaller size first. If only a small part is
left after the border is trimmed, that size was too small. The part is then taken from
the frame at a better scale; the frame of a JPEG is decoded again.

Rules this module keeps:

- A frame without a border, or with much inside it, costs nothing here.
- No more pixels are decoded again than ``MOST_PIXELS``, and no larger part is copied.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from uploadfilter.pictures.faults import DECODER_ERRORS
from uploadfilter.pictures.frame import Frame
from uploadfilter.pictures.limits import OverBudgetError
from uploadfilter.pictures.picture import Blend, Picture
from uploadfilter.pictures.showing import GREY_PAGE, Shown
from uploadfilter.signals.pages import shown_on_pages
from uploadfilter.signals.trimming import (
    Corner,
    is_plain,
    trimmed,
    trimmed_parts,
)

ENOUGH_SIDE: Final = 256
"""Shorter side of a plane, in pixels, that is enough for a trimmed picture. PDQ then
differs by up to 10 bits from that of the full picture."""

MOST_PIXELS: Final = 24_000_000
"""Most pixels of a JPEG that is decoded again, which takes an eighth of a second for a
plain one. The trimmed part has at least a 25th of the canvas's width, so that there is
a scale at which it is large enough."""

_MOST_COPIED: Final = 4_000_000
_MARGIN: Final = 10
"""Pixels of the plane around a part: the end of its border is found more exactly at the
better scale, and the first eight lines of a border may have hidden some of the part."""

_SCALES: Final = (8, 4, 2, 1)


def inner_pictures(frame: Frame, shown: Shown) -> Iterator[Picture | Blend]:
    """Yield a view without its border, and without a second border inside it.

    Args:
        frame: The frame.
        shown: One view of the frame.
    """
    picture = shown.picture
    if isinstance(picture, Blend) and not any(map(is_plain, picture.edges())):
        return
    for inner, corner in trimmed_parts(picture):
        closer = _closer(frame, inner, corner) if _is_little(inner) else None
        if closer is None:
            yield inner
            continue
        yield from _again(closer, shown.name, inner)
        return


def _is_little(inner: Picture) -> bool:
    return inner.shape.scale > 1 and min(inner.plane.shape) < ENOUGH_SIDE


def _again(closer: Frame, name: str, inner: Picture) -> Iterator[Picture | Blend]:
    """Yield the trimmed pictures of a part in the view with a name."""
    picture = _shown_as(closer, name)
    if picture is None:
        yield inner
        return
    parts = list(trimmed(picture))
    yield from parts
    if not parts:
        yield picture


def _shown_as(frame: Frame, name: str) -> Picture | Blend | None:
    """Return the view of a frame with a name; views on any grey can be made."""
    prefix, _, page = name.rpartition("/")
    word, _, grey = page.partition(":")
    shown = {item.name: item.picture for item in shown_on_pages(frame)}
    if word != GREY_PAGE or name in shown:
        return shown.get(name)
    prefix = f"{prefix}/" if prefix else ""
    black, white = shown.get(f"{prefix}black"), shown.get(f"{prefix}white")
    if not (isinstance(black, Picture) and isinstance(white, Picture)):
        return None
    return Blend(one=black, other=white, share=int(grey))


def _closer(frame: Frame, inner: Picture, corner: Corner) -> Frame | None:
    """Return a part of a frame at a better scale; ``None`` if there is none."""
    scale = _scale_for(frame, inner)
    source = frame
    if scale < frame.scale and frame.again is not None:
        try:
            source = frame.again(scale, "RGB" if frame.image.mode == "RGB" else "L")
        except (OverBudgetError, *DECODER_ERRORS):
            return None
    if source.scale >= inner.shape.scale:
        return None
    box = _box(source, inner, corner)
    width, height = box[2] - box[0], box[3] - box[1]
    if width * height > _MOST_COPIED:
        return None
    full = width * source.scale, height * source.scale
    return replace(
        source,
        image=source.image.crop(box),
        number=frame.number,
        count=frame.count,
        full=full,
        again=None,
    )


def _scale_for(frame: Frame, inner: Picture) -> int:
    """Return the scale at which a part is large enough, or the best possible one."""
    sides = inner.shape.height, inner.shape.width
    for scale in _SCALES:
        if min(sides) >= scale * ENOUGH_SIDE:
            break
    width, height = frame.full
    while scale < frame.scale and width * height > scale * scale * MOST_PIXELS:
        scale *= 2
    return scale


def _box(source: Frame, inner: Picture, corner: Corner) -> tuple[int, int, int, int]:
    """Return the box of a part in a frame that may have another scale."""
    times = inner.shape.scale // source.scale
    top, left = corner
    rows, columns = inner.plane.shape
    return (
        max(0, left - _MARGIN) * times,
        max(0, top - _MARGIN) * times,
        min(source.image.width, (left + columns + _MARGIN) * times),
        min(source.image.height, (top + rows + _MARGIN) * times),
    )
