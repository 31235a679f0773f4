"""The rows of the table of ``altered``: an alteration of a photograph each.

The aims are those of the issue that asked for the class ``altered``.
"""

import io
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
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

ROWS: tuple[Row, ...] = (
    _row("plain", 0, "jpeg 30, half size", changes.as_it_is, 30, 0.5),
    _row("mark", _MARK, "watermark", changes.watermarked),
    _row("mark", _MARK, "logo 14 %", partial(changes.with_box, 0.14, "logo")),
    _row("mark", _MARK, "banner 10 %", partial(changes.with_banner, 0.1)),
    _row("mark", _MARK, "sticker 20 %", partial(changes.with_box, 0.2, "sticker")),
    _row("mark", 0, "sticker 35 %", partial(changes.with_box, 0.35, "sticker")),
    _row("mark", 0, "caption", changes.captioned),
    _row("mark", 0, "picture in it", changes.with_inset),
    _row("tone", _TONE, "brightness x 1.5", partial(changes.brightened, 1.5)),
    _row("tone", 0, "brightness x 0.5", partial(changes.brightened, 0.5)),
    _row("tone", _TONE, "equalised", changes.equalised),
    _row("tone", 0, "hue + 90°", changes.other_hue),
    _row("crop", 0, "crop 1 %", partial(changes.cropped, 0.01)),
    _row("crop", _LITTLE, "crop 2.5 %", partial(changes.cropped, 0.025)),
    _row("crop", _MIDDLE, "crop 5 %", partial(changes.cropped, 0.05)),
    _row("crop", 0, "crop 7.5 %", partial(changes.cropped, 0.075)),
    _row("crop", _MUCH, "crop 10 %", partial(changes.cropped, 0.1)),
    _row("crop", 0, "crop 15 %", partial(changes.cropped, 0.15)),
    _row("side", 0, "one side 10 %", partial(changes.cut_side, 0.1)),
    _row("side", _SIDE, "one side 20 %", partial(changes.cut_side, 0.2)),
    _row("area", 0, "90 % of the area", partial(changes.cut_area, 0.9)),
    _row("area", 0, "80 % of the area", partial(changes.cut_area, 0.8)),
    _row("area", 0, "70 % of the area", partial(changes.cut_area, 0.7)),
    _row("area", _SQUARE, "cut to a square", partial(changes.cut_to, 1.0)),
    _row("area", 0, "cut to 16:9", partial(changes.cut_to, 16 / 9)),
    *(
        _row(
            "turn",
            _TURN,
            f"turn {degrees}°, kept",
            partial(changes.rotated, degrees, "kept"),
        )
        for degrees in (1, 2, 5)
    ),
    *(
        _row(
            "turn",
            _TURN,
            f"turn {degrees}°, grown",
            partial(changes.rotated, degrees, "grown"),
        )
        for degrees in (2, 5)
    ),
    *(
        _row(
            "turn",
            _TURN,
            f"turn {degrees}°, cut",
            partial(changes.rotated, degrees, "cut"),
        )
        for degrees in (1, 2, 3, 5)
    ),
    _row("turn", 0, "turn 10°, kept", partial(changes.rotated, 10, "kept")),
    _row("perspective", 0, "perspective 2 %", partial(changes.perspective, 0.02)),
    _row("perspective", _TURN, "perspective 4 %", partial(changes.perspective, 0.04)),
    _row("frame", 0, "border 2 %, white", partial(changes.bordered, 0.02, "white")),
    _row(
        "frame", _BORDER, "border 5 %, white", partial(changes.bordered, 0.05, "white")
    ),
    _row(
        "frame", _BORDER, "border 5 %, black", partial(changes.bordered, 0.05, "black")
    ),
    _row("frame", 0, "border 5 %, noise", partial(changes.bordered, 0.05, "noise")),
    _row("frame", _FRAME, "letterbox", partial(changes.boxed, "black")),
    _row("frame", 0, "blurred letterbox", partial(changes.boxed, "blurred")),
    _row("frame", _FRAME, "screenshot", changes.screenshot),
    _row("frame", _FRAME, "band above", partial(changes.with_band, "above")),
    _row("frame", _FRAME, "band below", partial(changes.with_band, "below")),
    _row("frame", 0, "bands on both sides", partial(changes.with_band, "both")),
    _row("frame", 0, "polaroid", changes.polaroid),
    _row("collage", _FRAME, "collage of two", changes.collage_of_two),
    _row("collage", 0, "collage of four", partial(changes.collage, 2, 2)),
    _row("collage", 0, "in a picture", changes.inset),
    _row(
        "flip",
        _MIDDLE,
        "mirror, crop 5 %",
        changes.after(changes.mirrored, partial(changes.cropped, 0.05)),
    ),
    _row(
        "flip",
        _MUCH,
        "mirror, crop 10 %",
        changes.after(changes.mirrored, partial(changes.cropped, 0.1)),
    ),
    _row(
        "flip",
        _MIDDLE,
        "quarter turn, crop 5 %",
        changes.after(changes.quarter, partial(changes.cropped, 0.05)),
    ),
    _row(
        "flip",
        0,
        "mirror, sticker",
        changes.after(changes.mirrored, partial(changes.with_box, 0.2, "sticker")),
    ),
    _row("both", 0, "crop 3 %, half, jpeg 50", partial(changes.cropped, 0.03), 50, 0.5),
    _row("both", 0, "crop 5 %, half, jpeg 50", partial(changes.cropped, 0.05), 50, 0.5),
    _row("both", 0, "turn 1°, cut, jpeg 40", partial(changes.rotated, 1, "cut"), 40),
    _row(
        "both",
        0,
        "crop 5 %, border 5 %",
        changes.after(
            partial(changes.cropped, 0.05), partial(changes.bordered, 0.05, "white")
        ),
    ),
    _row(
        "both",
        0,
        "crop 2.5 %, watermark",
        changes.after(partial(changes.cropped, 0.025), changes.watermarked),
    ),
    _row("both", 0, "screenshot, half, jpeg 40", changes.screenshot, 40, 0.5),
)
"""The rows, in the order of the table."""


def plane_of_pixels(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return luma of RGB pixels, rounded, as a decoder gives it."""
    weights = np.array([0.299, 0.587, 0.114], np.float32)
    luma: NDArray[np.uint8] = np.rint(pixels @ weights).astype(np.uint8)
    return luma
