"""The alterations of a listed picture before its upload: one row of the table each.

Every alteration takes the original and a random generator, and returns the bytes of a
file. To add one, add its line to ``ALTERATIONS``; ``packing.py`` has alterations of the
file rather than the picture. Marks, crops and turns by small angles are measured by
``altered``, beside plain PDQ.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pillow_heif
import pillow_jxl  # noqa: F401 - registers itself
from PIL import (
    Image,
    ImageChops,
    ImageEnhance,
    ImageFilter,
    ImageOps,
)

from benchmarks.recall import packing
from tests.corpus import pictures

pillow_heif.register_heif_opener()

Make = Callable[[Image.Image, np.random.Generator], bytes]
Change = Callable[[Image.Image, np.random.Generator], Image.Image]

JPEG_QUALITY = 85
"""Quality of altered pictures, unless the row is about the encoder."""

ALL, MOST, FRAMED = 1.0, 0.995, 0.95
"""Recall that a group should reach; 0 is for groups that are only reported."""

COLOURS = {
    "black": (0, 0, 0),
    "white": (255, 255, 255),
    "grey": (128, 128, 128),
    "red": (200, 30, 30),
}
T = Image.Transpose


@dataclass(frozen=True, slots=True, kw_only=True)
class Alteration:
    """One row of the table.

    Attributes:
        name: Name of the row.
        group: The group of rows that it belongs to.
        aim: Least recall among photographs, 0 to 1; 0 if it is only reported.
        make: Makes the file.
    """

    name: str
    group: str
    aim: float
    make: Make


def _encoded(file_format: str, **options: object) -> Make:
    """Encode the original without alteration."""
    return lambda image, _rng: pictures.encoded(image, file_format, **options)


def _jpeg(change: Change) -> Make:
    """Alter the pixels, and encode the result as JPEG."""
    return lambda image, rng: pictures.jpeg(
        change(image, rng).convert("RGB"), JPEG_QUALITY
    )


def _plain(change: Callable[[Image.Image], Image.Image]) -> Make:
    return _jpeg(lambda image, _rng: change(image))


def _packed(pack: Callable[[Image.Image], bytes]) -> Make:
    return lambda image, _rng: pack(image)


def _resized(share: float, image: Image.Image) -> Image.Image:
    size = [max(8, round(side * share)) for side in image.size]
    return image.resize((size[0], size[1]), Image.Resampling.LANCZOS)


def _gamma(exponent: float, image: Image.Image) -> Image.Image:
    table = [round(255 * (value / 255) ** exponent) for value in range(256)]
    return image.point(table * 3)


def _contrast(factor: float, image: Image.Image) -> Image.Image:
    return ImageEnhance.Contrast(image).enhance(factor)


def _brightness(factor: float, image: Image.Image) -> Image.Image:
    return ImageEnhance.Brightness(image).enhance(factor)


def _blurred(radius: float, image: Image.Image) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(radius))


def _sharpened(image: Image.Image) -> Image.Image:
    return image.filter(ImageFilter.UnsharpMask(radius=2, percent=200, threshold=0))


def _noisy(
    deviation: float, image: Image.Image, rng: np.random.Generator
) -> Image.Image:
    pixels = np.asarray(image).astype(np.float32)
    noise = rng.normal(0, deviation, pixels.shape).astype(np.float32)
    return Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8))


def _bordered(
    share: float, colour: tuple[int, int, int], image: Image.Image
) -> Image.Image:
    border = max(1, round(share * min(image.size)))
    return ImageOps.expand(image, border, fill=colour)


def _boxed(aspect: float, image: Image.Image) -> Image.Image:
    """Pad with black bars to an aspect ratio; above and below, or left and right."""
    width = max(image.width, round(image.height * aspect))
    height = max(image.height, round(image.width / aspect))
    larger = Image.new("RGB", (width, height))
    larger.paste(image, ((width - image.width) // 2, (height - image.height) // 2))
    return larger


def _oriented(number: int, image: Image.Image) -> bytes:
    """Store the picture turned, with the EXIF orientation that turns it back."""
    turn = {3: T.ROTATE_180, 6: T.ROTATE_90, 8: T.ROTATE_270, 5: T.TRANSPOSE}[number]
    exif = Image.Exif()
    exif[0x0112] = number
    return pictures.encoded(
        image.transpose(turn), "JPEG", quality=JPEG_QUALITY, exif=exif
    )


def _palette(colours: int, image: Image.Image) -> bytes:
    return pictures.palette_png(image, colours=colours)


def _negative(image: Image.Image) -> Image.Image:
    return ImageChops.invert(image)


def _small_negative(image: Image.Image) -> Image.Image:
    return ImageOps.mirror(_resized(0.5, _negative(image)))


def _webp_animation(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    packing.decoy(image).save(
        buffer, "WEBP", save_all=True, append_images=[image], duration=[10, 900]
    )
    return buffer.getvalue()


def _row(group: str, aim: float, name: str, make: Make) -> Alteration:
    return Alteration(name=name, group=group, aim=aim, make=make)


ALTERATIONS: tuple[Alteration, ...] = (
    _row("format", ALL, "png", _encoded("PNG", compress_level=1)),
    _row("format", ALL, "bmp", _encoded("BMP")),
    _row("format", ALL, "tiff", _encoded("TIFF", compression="tiff_deflate")),
    _row("format", ALL, "gif", _encoded("GIF")),
    _row("format", ALL, "jpeg 95", _encoded("JPEG", quality=95)),
    _row(
        "format",
        ALL,
        "jpeg progressive",
        _encoded("JPEG", quality=85, progressive=True),
    ),
    _row("format", ALL, "webp 85", _encoded("WEBP", quality=85, method=1)),
    _row("format", ALL, "avif 75", _encoded("AVIF", quality=75, speed=9)),
    _row("format", ALL, "heic 75", _encoded("HEIF", quality=75)),
    _row("format", ALL, "jxl 90", _encoded("JXL", quality=90, effort=3)),
    _row("format", ALL, "palette, 256 colours", _packed(partial(_palette, 256))),
    _row("format", 0, "palette, 16 colours", _packed(partial(_palette, 16))),
    _row("format", ALL, "cmyk jpeg", _packed(pictures.cmyk_jpeg)),
    _row("format", ALL, "grey, 16 bits", _packed(pictures.grey16_png)),
    _row("format", ALL, "profile that inverts", _packed(packing.inverting_profile)),
    *(
        _row("re-encode", MOST, f"jpeg {quality}", _encoded("JPEG", quality=quality))
        for quality in (75, 50, 25, 10)
    ),
    _row("re-encode", MOST, "webp 25", _encoded("WEBP", quality=25, method=1)),
    _row("re-encode", MOST, "avif 30", _encoded("AVIF", quality=30, speed=9)),
    *(
        _row(
            "resize",
            MOST if share >= 0.25 else 0,  # noqa: PLR2004 - the aim of the issue
            f"resize {share:.0%}",
            _plain(partial(_resized, share)),
        )
        for share in (0.75, 0.5, 0.25, 0.12)
    ),
    _row("colours", MOST, "grey", _plain(ImageOps.grayscale)),
    _row("colours", 0, "brightness x 0.7", _plain(partial(_brightness, 0.7))),
    _row("colours", 0, "brightness x 1.3", _plain(partial(_brightness, 1.3))),
    _row("colours", 0, "contrast x 1.5", _plain(partial(_contrast, 1.5))),
    _row("colours", 0, "gamma 0.6", _plain(partial(_gamma, 0.6))),
    _row("colours", 0, "gamma 1.6", _plain(partial(_gamma, 1.6))),
    *(
        _row("contrast", 0, f"contrast x {factor}", _plain(partial(_contrast, factor)))
        for factor in (0.5, 0.25, 0.15)
    ),
    _row("filter", 0, "blur, 1 pixel", _plain(partial(_blurred, 1))),
    _row("filter", 0, "blur, 3 pixels", _plain(partial(_blurred, 3))),
    _row("filter", 0, "sharpen", _plain(_sharpened)),
    _row("filter", 0, "noise, 8 steps", _jpeg(partial(_noisy, 8.0))),
    _row("filter", 0, "noise, 25 steps", _jpeg(partial(_noisy, 25.0))),
    _row("turn", MOST, "mirror", _plain(ImageOps.mirror)),
    _row(
        "turn", MOST, "90 degrees", _plain(lambda image: image.transpose(T.ROTATE_90))
    ),
    _row(
        "turn", MOST, "180 degrees", _plain(lambda image: image.transpose(T.ROTATE_180))
    ),
    _row(
        "turn", MOST, "270 degrees", _plain(lambda image: image.transpose(T.ROTATE_270))
    ),
    *(
        _row("orientation", ALL, f"exif {number}", _packed(partial(_oriented, number)))
        for number in (3, 5, 6, 8)
    ),
    _row("negative", 0, "negative", _plain(_negative)),
    _row("negative", 0, "negative, 50 %, mirrored", _plain(_small_negative)),
    *(
        _row(
            "border",
            FRAMED,
            f"border {share:.0%}, {name}",
            _plain(partial(_bordered, share, colour)),
        )
        for share in (0.02, 0.05, 0.1)
        for name, colour in COLOURS.items()
    ),
    _row("border", FRAMED, "letterbox", _plain(partial(_boxed, 0.6))),
    _row("border", FRAMED, "pillarbox", _plain(partial(_boxed, 2.4))),
    _row("alpha", ALL, "half transparent", _packed(packing.half_transparent)),
    _row("alpha", ALL, "in the alpha plane, on black", _packed(packing.in_alpha)),
    _row("alpha", ALL, "in the alpha plane, decoy", _packed(packing.in_alpha_of_decoy)),
    _row("alpha", ALL, "transparent but there", _packed(packing.invisible)),
    _row("frame", ALL, "gif, second frame", _packed(packing.gif_animation)),
    _row("frame", ALL, "apng, second frame", _packed(packing.png_animation)),
    _row("frame", ALL, "webp, second frame", _packed(_webp_animation)),
    _row("frame", ALL, "tiff, third page", _packed(packing.tiff_pages)),
    _row("container", ALL, "zip", _packed(packing.in_zip)),
    _row("container", ALL, "zip in zip", _packed(packing.in_nested_zip)),
    _row("container", ALL, "tar.gz", _packed(packing.in_tar_gz)),
    _row("container", ALL, "gz", _packed(packing.in_gz)),
    _row("container", ALL, "docx", _packed(packing.in_docx)),
    _row("container", ALL, "pdf", _packed(packing.in_pdf)),
    _row("container", ALL, "data: URI in json", _packed(packing.in_json)),
    _row("container", ALL, "data: URI in svg", _packed(packing.in_svg)),
    _row("container", ALL, "behind junk", _packed(packing.behind_junk)),
    _row("container", ALL, "behind another jpeg", _packed(packing.behind_decoy)),
    _row("container", 0, "exif thumbnail of a decoy", _packed(packing.as_thumbnail)),
    _row("container", 0, "cut off at 60 %", _packed(packing.cut_off)),
)
