"""The rows of the table of ``altered``: an alteration of a photograph each.

The aims are those of the issue that asked for the class ``altered``.
"""

import io
from dataclasses import dataclass
from functools import partial

import numpy as np
from PIL import Image

from benchmarks.altered import changes
from benchmarks.altered.changes import Change, Other

WORKING_SIDE = 480
"""Longest side of a picture that is altered, in pixels. PDQ shrinks to 64, so that a
larger one would only cost time."""

JPEG_QUALITY = 85
"""Quality of an altered picture, unless the row is about the encoder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of the table.

    Attributes:
        name: Its name.
        group: The group of rows that it belongs to.
        aim: Least recall of ``altered`` among photographs, 0 to 1; 0 if it is only
            reported.
        change: Alters the picture.
        quality: Quality of the JPEG.
        share: The result is reduced to this share of its size.
    """

    name: str
    group: str
    aim: float
    change: Change
    quality: int = JPEG_QUALITY
    share: float = 1.0

    def altered(self, image: Image.Image, seed: int, other: Other) -> Image.Image:
        """Return the altered picture as it arrives: encoded as JPEG and decoded.

        Args:
            image: The original, RGB.
            seed: Number of the picture; the same seed gives the same picture.
            other: Returns another photograph.
        """
        rng = np.random.default_rng([seed, *self.name.encode()])
        changed = self.change(image, rng, other).convert("RGB")
        if self.share < 1:
            width, height = changed.size
            size = (round(width * self.share), round(height * self.share))
            changed = changed.resize(size, Image.Resampling.LANCZOS)
        buffer = io.BytesIO()
        changed.save(buffer, "JPEG", quality=self.quality)
        return Image.open(buffer).convert("RGB")


def _row(
    group: str,
    aim: float,
    name: str,
    change: Change,
    quality: int = JPEG_QUALITY,
    share: float = 1.0,
) -> Row:
    return Row(
        name=name, group=group, aim=aim, change=change, quality=quality, share=share
    )


_MARK, _TONE, _LITTLE, _MIDDLE, _MUCH = 0.97, 0.97, 0.97, 0.92, 0.75
_SIDE, _TURN, _FRAME, _BORDER, _SQUARE = 0.85, 0.95, 0.9, 0.98, 0.6


def _turn(degrees: int, canvas: str) -> Row:
    change = partial(changes.rotated, degrees, canvas)
    return _row("turn", _TURN, f"turn {degrees}°, {canvas}", change)


def _flip(aim: float, name: str, first: Change, second: Change) -> Row:
    return _row("flip", aim, name, changes.after(first, second))


ROWS: tuple[Row, ...] = (
    _row("plain", 0, "jpeg 30, half size", changes.as_it_is, 30, 0.5),
    _row("mark", _MARK, "watermark", changes.watermarked),
    _row("mark", _MARK, "logo 14 %", partial(changes.with_box, 0.14, "logo")),
    _row("mark", _MARK, "banner 10 %", partial(changes.with_banner, 0.1)),
    _row("mark", _MARK, "sticker 20 %", partial(changes.with_box, 0.2, "sticker")),
    _row("mark", 0, "caption", changes.captioned),
    _row("tone", _TONE, "brightness x 1.5", partial(changes.brightened, 1.5)),
    _row("tone", _TONE, "equalised", changes.equalised),
    _row("crop", 0, "crop 1 %", partial(changes.cropped, 0.01)),
    _row("crop", _LITTLE, "crop 2.5 %", partial(changes.cropped, 0.025)),
    _row("crop", _MIDDLE, "crop 5 %", partial(changes.cropped, 0.05)),
    _row("crop", _MUCH, "crop 10 %", partial(changes.cropped, 0.1)),
    _row("crop", 0, "crop 15 %", partial(changes.cropped, 0.15)),
    _row("side", _SIDE, "one side 20 %", partial(changes.cut_side, 0.2)),
    _row("area", _SQUARE, "cut to a square", partial(changes.cut_to, 1.0)),
    *(_turn(degrees, "kept") for degrees in (1, 2, 5)),
    *(_turn(degrees, "grown") for degrees in (2, 5)),
    *(_turn(degrees, "cut") for degrees in (1, 2, 3, 5)),
    _row("perspective", _TURN, "perspective 4 %", partial(changes.perspective, 0.04)),
    *(
        _row("frame", _BORDER, f"border 5 %, {it}", partial(changes.bordered, 0.05, it))
        for it in ("white", "black")
    ),
    _row("frame", _FRAME, "letterbox", changes.boxed),
    _row("frame", _FRAME, "screenshot", changes.screenshot),
    _row("frame", _FRAME, "band above", partial(changes.with_band, "above")),
    _row("frame", _FRAME, "band below", partial(changes.with_band, "below")),
    _row("collage", _FRAME, "collage of two", changes.collage_of_two),
    _flip(
        _MIDDLE, "mirror, crop 5 %", changes.mirrored, partial(changes.cropped, 0.05)
    ),
    _flip(_MUCH, "mirror, crop 10 %", changes.mirrored, partial(changes.cropped, 0.1)),
    _flip(
        _MIDDLE,
        "quarter turn, crop 5 %",
        changes.quarter,
        partial(changes.cropped, 0.05),
    ),
    _flip(
        0, "crop 2.5 %, watermark", partial(changes.cropped, 0.025), changes.watermarked
    ),
    _row("both", 0, "screenshot, half, jpeg 40", changes.screenshot, 40, 0.5),
)
"""The rows, in the order of the table."""
