"""Tricks with edits: copies that are turned, framed, inverted or blown up."""

import zlib
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from tests.corpus import pictures
from tests.corpus.tricks.kit import (
    GREY,
    Expected,
    Family,
    FileType,
    Maker,
    Shown,
    of_family,
    png_chunk,
    png_head,
)


def _edited(change: Callable[..., Image.Image], **options: object) -> Maker:
    """Return a maker that changes the target and writes a JPEG."""

    def make(target: Image.Image, _decoy: Image.Image) -> bytes:
        return pictures.jpeg(change(target, **options))

    return make


def _bordered(
    image: Image.Image, *, share: float, colour: tuple[int, int, int]
) -> Image.Image:
    """Return a picture with a border, ``share`` of the longer side wide."""
    return ImageOps.expand(image, round(max(image.size) * share), colour)


def _boxed(image: Image.Image, *, across: float, down: float) -> Image.Image:
    """Return a picture in a black box that is several times its size."""
    size = round(image.width * across), round(image.height * down)
    box = Image.new("RGB", size)
    box.paste(image, ((size[0] - image.width) // 2, (size[1] - image.height) // 2))
    return box


def _resized(image: Image.Image, *, share: float) -> Image.Image:
    """Return a picture at a multiple of its size."""
    size = round(image.width * share), round(image.height * share)
    return image.resize(size, Image.Resampling.LANCZOS)


def _marked(image: Image.Image) -> Image.Image:
    """Return a picture with words across it."""
    marked = image.copy()
    draw = ImageDraw.Draw(marked)
    draw.text((40, image.height // 2), "SAMPLE", fill=(255, 255, 255), font_size=48)
    return marked


def _cropped(image: Image.Image, *, share: float) -> Image.Image:
    """Return a picture without ``share`` of its size on each side."""
    across, down = round(image.width * share), round(image.height * share)
    return image.crop((across, down, image.width - across, image.height - down))


def _tiled(image: Image.Image) -> Image.Image:
    """Return a picture four times, two by two."""
    canvas = Image.new("RGB", (2 * image.width, 2 * image.height))
    for x in (0, image.width):
        for y in (0, image.height):
            canvas.paste(image, (x, y))
    return canvas


def _squashed(image: Image.Image) -> Image.Image:
    """Return a picture as a square."""
    return image.resize((400, 400), Image.Resampling.LANCZOS)


def _tilted(image: Image.Image) -> Image.Image:
    """Return a picture turned by five degrees."""
    return image.rotate(5, Image.Resampling.BICUBIC)


def _huge_bilevel(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Blow a dithered picture up to 195 megapixels of one bit, less than 100 KB."""
    side, blocks = 13_964, 128
    small = np.asarray(target.resize((blocks, blocks)).convert("1")).astype(np.uint8)
    across = np.arange(side) * blocks // side
    packer = zlib.compressobj(9)
    data = b""
    for row in range(side):
        bits = np.packbits(small[row * blocks // side][across]).tobytes()
        data += packer.compress(b"\0" + bits)
    data += packer.flush()
    head = png_head(side, side, depth=1, colour=GREY)
    return head + png_chunk(b"IDAT", data) + png_chunk(b"IEND", b"")


_edit = of_family(Family.EDIT)


_bomb = of_family(Family.BOMB)


EDIT_TRICKS = (
    _edit(
        "mirrored", FileType.JPEG, _edited(ImageOps.mirror), "left and right exchanged"
    ),
    _edit("flipped", FileType.JPEG, _edited(ImageOps.flip), "top and bottom exchanged"),
    *(
        _edit(
            f"turned-{degrees}",
            FileType.JPEG,
            _edited(Image.Image.rotate, angle=degrees, expand=True),
            f"turned by {degrees} degrees",
        )
        for degrees in (90, 180, 270)
    ),
    _edit(
        "negative",
        FileType.JPEG,
        _edited(ImageOps.invert),
        "all colours inverted",
        shown=Shown.NOTHING,
    ),
    _edit("greyed", FileType.JPEG, _edited(ImageOps.grayscale), "without colours"),
    _edit(
        "resized-12", FileType.JPEG, _edited(_resized, share=0.12), "12 % of the size"
    ),
    _edit(
        "resized-300", FileType.JPEG, _edited(_resized, share=3), "three times the size"
    ),
    _edit("squashed", FileType.JPEG, _edited(_squashed), "made square"),
    _edit("marked", FileType.JPEG, _edited(_marked), "words across it"),
    _edit(
        "border-2",
        FileType.JPEG,
        _edited(_bordered, share=0.02, colour=(255, 255, 255)),
        "a white border of 2 %",
        shown=Shown.NOTHING,
    ),
    _edit(
        "border-5",
        FileType.JPEG,
        _edited(_bordered, share=0.05, colour=(200, 30, 30)),
        "a red border of 5 %",
        shown=Shown.NOTHING,
    ),
    _edit(
        "border-10",
        FileType.JPEG,
        _edited(_bordered, share=0.1, colour=(0, 0, 0)),
        "a black border of 10 %",
        shown=Shown.NOTHING,
    ),
    _edit(
        "border-20",
        FileType.JPEG,
        _edited(_bordered, share=0.2, colour=(255, 255, 255)),
        "a white border of 20 %",
        shown=Shown.NOTHING,
    ),
    _edit(
        "letterbox",
        FileType.JPEG,
        _edited(_boxed, across=1, down=1.33),
        "black bars above and below",
        shown=Shown.NOTHING,
    ),
    _edit(
        "pillarbox",
        FileType.JPEG,
        _edited(_boxed, across=1.33, down=1),
        "black bars on both sides",
        shown=Shown.NOTHING,
    ),
    _edit(
        "small-in-box",
        FileType.JPEG,
        _edited(_boxed, across=3, down=3),
        "a ninth of a black page",
        shown=Shown.NOTHING,
    ),
    _edit(
        "cropped-10",
        FileType.JPEG,
        _edited(_cropped, share=0.1),
        "a tenth cut off on each side",
        shown=Shown.NOTHING,
        expected=Expected.LIMIT,
    ),
    _edit(
        "tiled",
        FileType.JPEG,
        _edited(_tiled),
        "four times in one picture",
        shown=Shown.NOTHING,
        expected=Expected.LIMIT,
    ),
    _edit(
        "tilted",
        FileType.JPEG,
        _edited(_tilted),
        "turned by five degrees",
        shown=Shown.NOTHING,
        expected=Expected.LIMIT,
    ),
)


BOMB_TRICKS = (
    _bomb(
        "png-195-megapixels",
        FileType.PNG,
        _huge_bilevel,
        "less than 100 KB of black and white that unpack to 195 megapixels",
        expected=Expected.REFUSED,
    ),
)
