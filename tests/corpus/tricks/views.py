"""Tricks with the appearance of a picture: orientation, alpha, profiles, edits."""

import struct
from collections.abc import Callable
from functools import partial

import numpy as np
from PIL import Image, ImageOps

from tests.corpus import pictures
from tests.corpus.tricks.bitmaps import bmp_file, icon
from tests.corpus.tricks.formats import jxl
from tests.corpus.tricks.gains import GAIN_TRICKS
from tests.corpus.tricks.kit import (
    COLOURS_ALPHA,
    GREY,
    GREY_ALPHA,
    PALETTE,
    Family,
    FileType,
    Maker,
    Pixels,
    Shown,
    dithered,
    exif,
    grey,
    of_family,
    pixels,
    png_chunk,
    png_file,
    riff_chunks,
    webp_file,
    webp_head,
    with_chunk,
)
from tests.corpus.tricks.profiles import PROFILE_TRICKS
from tests.corpus.tricks.readings import READING_TRICKS
from tests.corpus.tricks.screens import SCREEN_TRICKS
from tests.corpus.tricks.tones import TONE_TRICKS

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""The rotation of the stored picture for each orientation, so that a viewer which uses
EXIF shows it upright."""


def _turned(
    target: Image.Image, _decoy: Image.Image, *, orientation: int, file_format: str
) -> bytes:
    """Store the picture turned, and say so in EXIF."""
    image = target.transpose(_TURNS[orientation])
    return pictures.encoded(image, file_format, exif=b"Exif\0\0" + exif(orientation))


def _turned_png(target: Image.Image, _decoy: Image.Image) -> bytes:
    stored = pictures.png(target.transpose(_TURNS[6]))
    return with_chunk(stored, b"eXIf", exif(6))


def _turned_webp(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Store it turned, with EXIF that browsers ignore in WebP."""
    image = target.transpose(_TURNS[6])
    stored = riff_chunks(pictures.webp(image))
    return webp_file(webp_head(*image.size, flags=0x08), *stored, (b"EXIF", exif(6)))


def _claimed_turn(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Store it upright, with EXIF that turns it."""
    return pictures.jpeg(target, exif=b"Exif\0\0" + exif(6))


_BLACK_RANGE = 64
"""Range of the decoy's luma if its colours must be darker than the target's, so that
alpha can compensate."""


_BRIGHT = 200
"""Luma of the decoy above which a hidden picture is opaque."""

Paint = Callable[[Image.Image, Image.Image], Image.Image]
"""Makes a picture with alpha of the target and the decoy."""


def _see_through(shade: int, alpha: Pixels) -> Pixels:
    """Return pixels of one grey, each with an alpha."""
    flat = np.full_like(alpha, shade)
    return np.dstack((flat, flat, flat, alpha))


def _black_rgba(target: Image.Image, _decoy: Image.Image) -> Image.Image:
    """Return black that is more opaque where the target is darker."""
    return Image.fromarray(_see_through(0, 255 - grey(target)), "RGBA")


def _white_rgba(target: Image.Image, _decoy: Image.Image) -> Image.Image:
    """Return white that is more opaque where the target is brighter."""
    return Image.fromarray(_see_through(255, grey(target)), "RGBA")


def _decoy_rgba(target: Image.Image, decoy: Image.Image) -> Image.Image:
    """Return the decoy, darkened, with the alpha that shows the target on white."""
    colours = pixels(decoy).astype(np.float32) * (_BLACK_RANGE / 255)
    luma = grey(decoy).astype(np.float32) * (_BLACK_RANGE / 255)
    wanted = _BLACK_RANGE + grey(target).astype(np.float32) * (1 - _BLACK_RANGE / 255)
    alpha = np.clip((255 - wanted) / (255 - luma) * 255, 0, 255)
    return Image.fromarray(np.dstack((colours, alpha)).astype(np.uint8), "RGBA")


def _hidden_rgba(target: Image.Image, decoy: Image.Image) -> Image.Image:
    """Return the target's colours under an alpha of 0 nearly everywhere."""
    image = target.convert("RGBA")
    seen = np.where(grey(decoy) > _BRIGHT, 255, 0).astype(np.uint8)
    image.putalpha(Image.fromarray(seen))
    return image


def _with_alpha(paint: Paint, file_format: str, **options: object) -> Maker:
    """Return a maker that encodes what ``paint`` returns."""

    def make(target: Image.Image, decoy: Image.Image) -> bytes:
        return pictures.encoded(paint(target, decoy), file_format, **options)

    return make


def _grey_alpha(target: Image.Image, _decoy: Image.Image, *, depth: int) -> bytes:
    """Store black and alpha, two bands, with 8 or 16 bits each."""
    alpha = 255 - grey(target)
    samples = np.dstack((np.zeros_like(alpha), alpha))
    if depth == 16:
        wide = samples.astype(np.uint16) * np.uint16(257)
        return png_file(wide, depth=16, colour=GREY_ALPHA)
    return png_file(samples, colour=GREY_ALPHA)


def _palette_alpha(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Store 256 blacks that differ in their alpha only."""
    chunks = png_chunk(b"PLTE", bytes(768))
    chunks += png_chunk(b"tRNS", bytes(range(255, -1, -1)))
    return png_file(grey(target), colour=PALETTE, chunks=chunks)


def _key_alpha(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Store two blacks, 0 and 1; the second one is transparent."""
    samples = dithered(target).astype(np.uint8)
    key = png_chunk(b"tRNS", struct.pack(">H", 1))
    return png_file(samples, colour=GREY, chunks=key)


def _gif_key(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Store two blacks; the second one is transparent."""
    image = Image.fromarray(dithered(target).astype(np.uint8), "L").copy()
    image = image.convert("P")
    image.putpalette(bytes(768))
    return pictures.encoded(image, "GIF", transparency=1, optimize=False)


def _icon_mask(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Store black in an icon, and the picture in the mask that cuts holes into it."""
    small = target.resize((256, 192), Image.Resampling.LANCZOS)
    clear = ImageOps.autocontrast(small.convert("L"), cutoff=2)
    mask = np.packbits(dithered(clear)[::-1], axis=1).tobytes()
    head = struct.pack("<IiiHHIIiiII", 40, 256, 384, 1, 24, 0, 0, 0, 0, 0, 0)
    return icon((256, 192, head + bytes(256 * 192 * 3) + mask), bits=24)


def _bmp_alpha(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Store black and an alpha, for which the header of 108 bytes has a mask."""
    samples = _see_through(0, 255 - grey(target))[::-1]
    sizes = struct.pack("<IiiHHIIiiII", 108, *target.size, 1, 32, 3, 0, 0, 0, 0, 0)
    masks = struct.pack("<IIII", 0xFF << 16, 0xFF << 8, 0xFF, 0xFF << 24)
    return bmp_file(sizes + masks + b"BGRs" + bytes(48), b"", samples.tobytes())


_PAGE = 128
"""The grey of the page on which a picture is visible that is invisible on white and
black."""

_SHEER = 0.75
"""Greatest transparency of such a picture."""


def grey_page_rgba(target: Image.Image, decoy: Image.Image) -> Image.Image:
    """Return the target as seen on a grey page; on white and black, the decoy is too.

    The decoy shows through; the colours compensate for it only at one grey.
    """
    clear = ImageOps.autocontrast(decoy.convert("L"), cutoff=1)
    sheer = np.asarray(clear, dtype=np.float32) / 255 * _SHEER
    lowest, highest = _PAGE * _SHEER, 255 - (255 - _PAGE) * _SHEER
    bright = np.asarray(ImageOps.autocontrast(target.convert("L"), cutoff=1))
    seen = lowest + bright.astype(np.float32) / 255 * (highest - lowest)
    colours = np.clip((seen - _PAGE * sheer) / (1 - sheer), 0, 255)
    samples = np.dstack((colours, colours, colours, 255 * (1 - sheer)))
    return Image.fromarray(np.rint(samples).astype(np.uint8), "RGBA")


def _grey_page_gif(target: Image.Image, decoy: Image.Image) -> bytes:
    """Do the same with pixels that are transparent or opaque, at twice the size."""
    size = 2 * target.width, 2 * target.height
    image = grey_page_rgba(target.resize(size), decoy.resize(size))
    holes = ~np.asarray(image.getchannel("A").convert("1"))
    levels = np.asarray(image.getchannel("R")).copy()
    levels[levels == 0] = 1
    levels[holes] = 0
    indexed = Image.fromarray(levels, "P")
    indexed.putpalette(bytes(value for value in range(256) for _ in range(3)))
    return pictures.encoded(indexed, "GIF", transparency=0, optimize=False)


def _jxl_alpha(target: Image.Image, decoy: Image.Image) -> bytes:
    return jxl(_black_rgba(target, decoy), lossless=True)


def _rgba16(target: Image.Image, decoy: Image.Image) -> bytes:
    """Store the decoy, darkened, with alpha, in 16 bits."""
    wide = pixels(_decoy_rgba(target, decoy), "RGBA").astype(np.uint16) * np.uint16(257)
    return png_file(wide, depth=16, colour=COLOURS_ALPHA)


_orientation = of_family(Family.ORIENTATION)


_alpha = of_family(Family.ALPHA)


ORIENTATION_TRICKS = (
    *(
        _orientation(
            f"jpeg-exif-{number}",
            FileType.JPEG,
            partial(_turned, orientation=number, file_format="JPEG"),
            f"stored turned, and put upright by EXIF orientation {number}",
        )
        for number in _TURNS
    ),
    _orientation(
        "jpeg-exif-claimed",
        FileType.JPEG,
        _claimed_turn,
        "stored upright, and turned by EXIF",
    ),
    _orientation(
        "png-exif", FileType.PNG, _turned_png, "put upright by a PNG's EXIF chunk"
    ),
    _orientation(
        "webp-exif",
        FileType.WEBP,
        _turned_webp,
        "stored turned, with EXIF that browsers ignore",
    ),
    *(
        _orientation(
            f"avif-turn-{number}",
            FileType.AVIF,
            partial(_turned, orientation=number, file_format="AVIF"),
            f"put upright by AVIF's own properties, as orientation {number}",
        )
        for number in (2, 6, 7)
    ),
)


ALPHA_TRICKS = (
    _alpha(
        "png-black-alpha",
        FileType.PNG,
        _with_alpha(_black_rgba, "PNG"),
        "black, and the picture in alpha: seen on white",
    ),
    _alpha(
        "png-white-alpha",
        FileType.PNG,
        _with_alpha(_white_rgba, "PNG"),
        "white, and the picture in alpha: seen on black",
    ),
    _alpha(
        "png-decoy-alpha",
        FileType.PNG,
        _with_alpha(_decoy_rgba, "PNG"),
        "colours of the decoy, which alpha makes into the target",
    ),
    _alpha(
        "png-hidden",
        FileType.PNG,
        _with_alpha(_hidden_rgba, "PNG"),
        "colours of the target, nearly all transparent",
        shown=Shown.NOTHING,
    ),
    _alpha(
        "png-grey-alpha",
        FileType.PNG,
        partial(_grey_alpha, depth=8),
        "black and alpha in two bands",
    ),
    _alpha(
        "png-grey-alpha-16",
        FileType.PNG,
        partial(_grey_alpha, depth=16),
        "the same in 16 bits",
    ),
    _alpha("png-rgba-16", FileType.PNG, _rgba16, "decoy and alpha in 16 bits"),
    _alpha(
        "png-palette-alpha",
        FileType.PNG,
        _palette_alpha,
        "256 blacks that differ in alpha",
    ),
    _alpha("png-key", FileType.PNG, _key_alpha, "two blacks, one of them transparent"),
    _alpha("gif-key", FileType.GIF, _gif_key, "two blacks, one of them transparent"),
    _alpha(
        "webp-alpha",
        FileType.WEBP,
        _with_alpha(_black_rgba, "WEBP", lossless=True, exact=True, method=0),
        "black and alpha without loss",
    ),
    _alpha(
        "webp-lossy-alpha",
        FileType.WEBP,
        _with_alpha(_decoy_rgba, "WEBP", quality=90, method=1),
        "decoy and alpha in two chunks",
    ),
    _alpha(
        "avif-alpha",
        FileType.AVIF,
        _with_alpha(_black_rgba, "AVIF", speed=9),
        "black, and alpha as a second picture",
    ),
    _alpha(
        "png-grey-page",
        FileType.PNG,
        _with_alpha(grey_page_rgba, "PNG"),
        "seen on a grey page, and neither on white nor on black",
    ),
    _alpha(
        "webp-grey-page",
        FileType.WEBP,
        _with_alpha(grey_page_rgba, "WEBP", lossless=True, exact=True, method=0),
        "the same in a WebP",
    ),
    _alpha(
        "avif-grey-page",
        FileType.AVIF,
        _with_alpha(grey_page_rgba, "AVIF", speed=9),
        "the same in an AVIF",
    ),
    _alpha(
        "gif-grey-page",
        FileType.GIF,
        _grey_page_gif,
        "the same in a GIF, by holes between its pixels",
    ),
    _alpha("jxl-alpha", FileType.JXL, _jxl_alpha, "black and alpha"),
    _alpha("bmp-alpha", FileType.BMP, _bmp_alpha, "black, and alpha by a mask"),
    _alpha(
        "ico-mask", FileType.ICO, _icon_mask, "black, and the picture in an icon's mask"
    ),
)


def equal_luma(target: Image.Image, _decoy: Image.Image) -> Image.Image:
    """Return the target as more and less red, at one luma."""
    light = np.asarray(target.convert("L"))
    red = 128 + (light.astype(np.float32) - 128) * _COLOUR_REACH
    flat = np.full_like(red, 128)
    samples = np.dstack((flat, flat, red)).astype(np.uint8)
    return Image.fromarray(samples, "YCbCr").convert("RGB")


_COLOUR_REACH = 0.4
"""Range of the colours besides the light: as far as RGB allows at this luma."""


def _in_colours(file_format: str, **options: object) -> Maker:
    """Return a maker that writes the target in colours of one luma."""

    def make(target: Image.Image, decoy: Image.Image) -> bytes:
        return pictures.encoded(equal_luma(target, decoy), file_format, **options)

    return make


def _moving_colours(target: Image.Image, decoy: Image.Image) -> bytes:
    """Show the decoy and then the target, in colours of the same luma."""
    frames = [equal_luma(image, image) for image in (decoy, target)]
    return pictures.encoded(
        frames[0], "PNG", save_all=True, append_images=frames[1:], duration=900
    )


_colour = of_family(Family.COLOUR)


COLOUR_TRICKS = (
    *(
        _colour(
            f"{name}-equal-luma",
            file_type,
            make,
            "colours that all have the same luma",
            shown=Shown.NOTHING,
        )
        for name, file_type, make in (
            ("jpeg", FileType.JPEG, _in_colours("JPEG", quality=90)),
            ("png", FileType.PNG, _in_colours("PNG")),
            ("gif", FileType.GIF, _in_colours("GIF")),
            ("webp", FileType.WEBP, _in_colours("WEBP", quality=90)),
            ("avif", FileType.AVIF, _in_colours("AVIF", speed=9)),
            ("tiff", FileType.TIFF, _in_colours("TIFF")),
            ("apng", FileType.PNG, _moving_colours),
        )
    ),
)


VIEW_TRICKS = (
    *COLOUR_TRICKS,
    *ORIENTATION_TRICKS,
    *ALPHA_TRICKS,
    *PROFILE_TRICKS,
    *READING_TRICKS,
    *GAIN_TRICKS,
    *TONE_TRICKS,
    *SCREEN_TRICKS,
)
