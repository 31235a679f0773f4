"""Tricks with formats and sample depths: one picture, in every format that shows it."""

import io
from functools import partial

import numpy as np
import pillow_heif
import pillow_jxl
from PIL import Image

from tests.corpus import pictures
from tests.corpus.tricks.arithmetic import arithmetic_jpeg
from tests.corpus.tricks.kit import (
    COLOURS,
    GREY,
    PALETTE,
    Expected,
    Family,
    FileType,
    Maker,
    Shown,
    dithered,
    grey,
    of_family,
    pixels,
    png_chunk,
    png_file,
)


def saved(file_format: str, *, mode: str = "RGB", **options: object) -> Maker:
    """Return a maker that has Pillow write the target.

    Args:
        file_format: Its name in Pillow.
        mode: Pillow's mode into which the target is converted before.
        options: For Pillow's encoder.
    """

    def make(target: Image.Image, _decoy: Image.Image) -> bytes:
        return pictures.encoded(target.convert(mode), file_format, **options)

    return make


def _cmyk(target: Image.Image, _decoy: Image.Image) -> bytes:
    return pictures.cmyk_jpeg(target)


def _bare_cmyk(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Leave out the segment that says that the four colours are inverted."""
    content = pictures.cmyk_jpeg(target)
    start = content.index(b"\xff\xee")
    length = int.from_bytes(content[start + 2 : start + 4], "big")
    return content[:start] + content[start + 2 + length :]


def _ycck(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Store four colours as luma, two colour differences and black."""
    cyan, magenta, yellow, black = target.convert("CMYK").split()
    planes = Image.merge("RGB", (cyan, magenta, yellow)).convert("YCbCr").split()
    # Pillow inverts what it writes, as Adobe does.
    stored = [plane.point(lambda value: 255 - value) for plane in planes]
    content = bytearray(pictures.jpeg(Image.merge("CMYK", (*stored, black)), 90))
    transform = content.index(b"Adobe") + 11
    content[transform] = 2
    return bytes(content)


def _interlaced(target: Image.Image, _decoy: Image.Image) -> bytes:
    return png_file(pixels(target), interlaced=True)


def _palette_png(target: Image.Image, _decoy: Image.Image) -> bytes:
    return pictures.palette_png(target)


def _mixed_palette(target: Image.Image, decoy: Image.Image) -> bytes:
    """Number 16 greys so that the numbers show the decoy.

    Every grey of the target stands in the palette sixteen times; the decoy decides
    which of its numbers a pixel gets.
    """
    numbers = grey(decoy) // 16 * 16 + grey(target) // 16
    colours = np.repeat(np.tile(np.arange(16, dtype=np.uint8) * 17, 16), 3)
    chunk = png_chunk(b"PLTE", colours.tobytes())
    return png_file(numbers, colour=PALETTE, chunks=chunk)


def _grey_png(target: Image.Image, _decoy: Image.Image, *, depth: int) -> bytes:
    """Store few greys, and spread the error of each pixel over its neighbours."""
    steps = np.linspace(0, 255, 1 << depth).astype(np.uint8)
    palette = Image.new("P", (1, 1))
    palette.putpalette(np.repeat(steps, 3).tobytes())
    numbers = target.convert("L").convert("RGB").quantize(palette=palette)
    return png_file(np.asarray(numbers), depth=depth, colour=GREY)


def _bilevel_png(target: Image.Image, _decoy: Image.Image) -> bytes:
    samples = dithered(target).astype(np.uint8)
    return png_file(samples, depth=1, colour=GREY)


def _split_data(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Cut the data of a PNG into chunks of 1,000 bytes."""
    content = png_file(pixels(target))
    start = content.index(b"IDAT") + 4
    data = content[start : content.rindex(b"IEND") - 8]
    parts = [data[at : at + 1000] for at in range(0, len(data), 1000)]
    chunks = b"".join(png_chunk(b"IDAT", part) for part in parts)
    return content[: start - 8] + chunks + png_chunk(b"IEND", b"")


def _wrong_checksums(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Put a chunk that may be left out, with a wrong checksum, before the data."""
    content = png_file(pixels(target))
    start = content.index(b"IDAT") - 4
    chunk = png_chunk(b"tEXt", b"Comment\0x")[:-4] + bytes(4)
    return content[:start] + chunk + content[start:]


def _grey16(target: Image.Image, _decoy: Image.Image) -> bytes:
    return pictures.grey16_png(target)


def _deep_decoy(target: Image.Image, decoy: Image.Image) -> bytes:
    """Put the target into the high bytes of 16 bits, the decoy into the low ones."""
    samples = grey(target).astype(np.uint16) * np.uint16(256) + grey(decoy)
    return png_file(samples, depth=16, colour=GREY)


def _colours16(target: Image.Image, decoy: Image.Image) -> bytes:
    """Do the same in three colours."""
    samples = pixels(target).astype(np.uint16) * np.uint16(256) + pixels(decoy)
    return png_file(samples, depth=16, colour=COLOURS)


def _tiff16(target: Image.Image, decoy: Image.Image) -> bytes:
    samples = grey(target).astype(np.uint16) * np.uint16(256) + grey(decoy)
    return pictures.encoded(Image.fromarray(samples), "TIFF")


def _real_tiff(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Store luma as floating-point numbers from 0 to 1."""
    samples = grey(target).astype(np.float32) / np.float32(255)
    return pictures.encoded(Image.fromarray(samples), "TIFF")


def heic(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Return a HEIC as phones write it."""
    buffer = io.BytesIO()
    pillow_heif.from_pillow(target).save(buffer, format="HEIF", quality=80)
    return buffer.getvalue()


def _heic_second(target: Image.Image, decoy: Image.Image) -> bytes:
    """Let the decoy be the primary picture of two."""
    pair = pillow_heif.from_pillow(decoy)
    pair.add_from_pillow(target)
    buffer = io.BytesIO()
    pair.save(buffer, format="HEIF", quality=80, primary_index=0)
    return buffer.getvalue()


def jxl(
    image: Image.Image, *, lossless: bool = False, container: bool = False
) -> bytes:
    """Encode as JPEG XL, bare or in a container."""
    encoder = _jxl_encoder(image.mode, lossless=lossless, container=container)
    data: bytes = encoder(image.tobytes(), *image.size, jpeg_encode=False)
    return data


def _jxl_encoder(mode: str, *, lossless: bool, container: bool) -> pillow_jxl.Encoder:
    return pillow_jxl.Encoder(  # type: ignore[call-arg]  # its types are not its own
        mode=mode,
        lossless=lossless,
        quality=100 if lossless else 85,
        decoding_speed=0,
        effort=3,
        use_container=container,
        use_original_profile=False,
        num_threads=1,
    )


def _jxl(
    target: Image.Image, _decoy: Image.Image, *, lossless: bool, container: bool
) -> bytes:
    return jxl(target, lossless=lossless, container=container)


def _jxl_of_jpeg(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Pack a JPEG again without loss, coefficients and all."""
    encoder = _jxl_encoder("RGB", lossless=True, container=True)
    content = pictures.jpeg(target)
    data: bytes = encoder(content, *target.size, jpeg_encode=True)
    return data


_format = of_family(Family.FORMAT)
_depth = of_family(Family.DEPTH)


FORMAT_TRICKS = (
    _format("jpeg-baseline", FileType.JPEG, saved("JPEG"), "a usual JPEG"),
    _format(
        "jpeg-progressive",
        FileType.JPEG,
        saved("JPEG", progressive=True),
        "a JPEG whose scans refine each other",
    ),
    _format(
        "jpeg-arithmetic",
        FileType.JPEG,
        arithmetic_jpeg,
        "a grey JPEG with arithmetic coding",
    ),
    _format("jpeg-grey", FileType.JPEG, saved("JPEG", mode="L"), "one component"),
    _format(
        "jpeg-rgb",
        FileType.JPEG,
        saved("JPEG", keep_rgb=True),
        "red, green and blue stored as they are",
    ),
    _format(
        "jpeg-444", FileType.JPEG, saved("JPEG", subsampling=0), "colours at full size"
    ),
    _format(
        "jpeg-422",
        FileType.JPEG,
        saved("JPEG", subsampling=1),
        "colours at half the width",
    ),
    _format(
        "jpeg-q10", FileType.JPEG, saved("JPEG", quality=10), "hardly any detail left"
    ),
    _format(
        "jpeg-restarts",
        FileType.JPEG,
        saved("JPEG", restart_marker_blocks=3),
        "a restart marker every three blocks",
    ),
    _format("jpeg-cmyk", FileType.JPEG, _cmyk, "four colours, inverted as Adobe says"),
    _format(
        "jpeg-cmyk-bare",
        FileType.JPEG,
        _bare_cmyk,
        "four colours, inverted without Adobe's segment",
    ),
    _format("jpeg-ycck", FileType.JPEG, _ycck, "four colours, three of them as YCC"),
    _format("png-rgb", FileType.PNG, saved("PNG"), "a usual PNG"),
    _format("png-interlaced", FileType.PNG, _interlaced, "rows in seven passes"),
    _format("png-palette", FileType.PNG, _palette_png, "256 colours with numbers"),
    _format(
        "png-palette-mixed",
        FileType.PNG,
        _mixed_palette,
        "the numbers of the colours show the decoy",
    ),
    _format("png-grey", FileType.PNG, saved("PNG", mode="L"), "grey of 8 bits"),
    _format("png-split", FileType.PNG, _split_data, "data in hundreds of chunks"),
    _format(
        "png-checksum",
        FileType.PNG,
        _wrong_checksums,
        "a comment with a wrong checksum",
    ),
    _format("gif-plain", FileType.GIF, saved("GIF", interlace=0), "one frame"),
    _format(
        "gif-interlaced", FileType.GIF, saved("GIF", interlace=1), "rows in four passes"
    ),
    _format("webp-lossy", FileType.WEBP, saved("WEBP", method=1), "a usual WebP"),
    _format(
        "webp-lossless",
        FileType.WEBP,
        saved("WEBP", lossless=True, method=0),
        "WebP's other codec",
    ),
    _format("avif", FileType.AVIF, saved("AVIF", speed=9), "a usual AVIF"),
    _format("avif-grey", FileType.AVIF, saved("AVIF", mode="L", speed=9), "luma only"),
    _format("heic", FileType.HEIC, heic, "what iPhones write", shown=Shown.NOTHING),
    _format(
        "heic-second",
        FileType.HEIC,
        _heic_second,
        "the second picture of two",
        shown=Shown.NOTHING,
    ),
    _format(
        "jxl-lossy",
        FileType.JXL,
        partial(_jxl, lossless=False, container=False),
        "a bare JPEG XL",
    ),
    _format(
        "jxl-lossless",
        FileType.JXL,
        partial(_jxl, lossless=True, container=False),
        "its modular codec",
    ),
    _format(
        "jxl-container",
        FileType.JXL,
        partial(_jxl, lossless=False, container=True),
        "in boxes",
    ),
    _format("jxl-of-jpeg", FileType.JXL, _jxl_of_jpeg, "a JPEG packed without loss"),
    _format(
        "tiff", FileType.TIFF, saved("TIFF"), "not compressed", shown=Shown.NOTHING
    ),
    _format(
        "tiff-lzw",
        FileType.TIFF,
        saved("TIFF", compression="tiff_lzw"),
        "packed by LZW",
        shown=Shown.NOTHING,
    ),
    _format(
        "tiff-deflate",
        FileType.TIFF,
        saved("TIFF", compression="tiff_adobe_deflate"),
        "packed by deflate",
        shown=Shown.NOTHING,
    ),
    _format(
        "tiff-jpeg",
        FileType.TIFF,
        saved("TIFF", compression="jpeg"),
        "JPEG in TIFF, without its tables",
        shown=Shown.NOTHING,
    ),
    _format(
        "tiff-fax",
        FileType.TIFF,
        saved("TIFF", mode="1", compression="group4"),
        "dithered, as a fax",
        shown=Shown.NOTHING,
    ),
    _format(
        "tiff-cmyk",
        FileType.TIFF,
        saved("TIFF", mode="CMYK"),
        "four colours",
        shown=Shown.NOTHING,
    ),
    _format(
        "tiff-big",
        FileType.TIFF,
        saved("TIFF", big_tiff=True),
        "offsets of 64 bits",
        shown=Shown.NOTHING,
    ),
    _format(
        "jp2",
        FileType.JP2,
        saved("JPEG2000"),
        "a JPEG 2000, decoded only where it is switched on",
        shown=Shown.NOTHING,
        expected=Expected.REFUSED,
    ),
    _format(
        "jpeg-as-png", FileType.PNG, saved("JPEG"), "a JPEG under another media type"
    ),
    _format(
        "webp-as-jpeg",
        FileType.JPEG,
        saved("WEBP", method=1),
        "a WebP under another media type",
    ),
)


DEPTH_TRICKS = (
    _depth("png-1", FileType.PNG, _bilevel_png, "dithered to black and white"),
    _depth("png-2", FileType.PNG, partial(_grey_png, depth=2), "four greys"),
    _depth("png-4", FileType.PNG, partial(_grey_png, depth=4), "sixteen greys"),
    _depth(
        "png-16-grey",
        FileType.PNG,
        _grey16,
        "grey of 16 bits, which clips if it is taken for 8",
    ),
    _depth(
        "png-16-low",
        FileType.PNG,
        _deep_decoy,
        "grey of 16 bits whose low bytes show the decoy",
    ),
    _depth(
        "png-16-rgb",
        FileType.PNG,
        _colours16,
        "colours of 16 bits whose low bytes show the decoy",
    ),
    _depth("tiff-16", FileType.TIFF, _tiff16, "grey of 16 bits", shown=Shown.NOTHING),
    _depth(
        "tiff-real",
        FileType.TIFF,
        _real_tiff,
        "real numbers from 0 to 1",
        shown=Shown.NOTHING,
    ),
)
