"""Small sound files of every format, made in code, as the start of mutations."""

import io
import struct
from collections.abc import Callable
from functools import cache

import numpy as np
import pillow_heif
import pillow_jxl
from PIL import Image

from tests.corpus import grids, pictures

WIDTH, HEIGHT = 48, 36
"""Large enough for several blocks and tiles, small enough for thousands of cases."""


def image(seed: int = 1, *, width: int = WIDTH, height: int = HEIGHT) -> Image.Image:
    """Return a small photograph."""
    return pictures.photograph(seed, width=width, height=height)


def moving(file_format: str, *, count: int = 4, **options: object) -> bytes:
    """Return a file of several frames, the second of which is shown longest."""
    frames = [image(seed) for seed in range(1, count + 1)]
    if file_format in {"GIF", "PNG", "WEBP", "AVIF"}:
        options["duration"] = [100, 900, *[100] * (count - 2)]
    return pictures.encoded(
        frames[0], file_format, save_all=True, append_images=frames[1:], **options
    )


def heic(*images: Image.Image) -> bytes:
    """Return a HEIC file with pictures at its top level, the first being primary."""
    file = pillow_heif.from_pillow(images[0])
    for other in images[1:]:
        file.add_from_pillow(other)
    out = io.BytesIO()
    file.save(out, enc_params=grids.FAST)
    return out.getvalue()


def deep_heic(picture: Image.Image) -> bytes:
    """Return a HEIC of more than 8 bits."""
    samples = np.asarray(picture.convert("RGB")).astype(np.uint16) * np.uint16(257)
    file = pillow_heif.from_bytes("RGB;16", picture.size, samples.tobytes())
    out = io.BytesIO()
    file.save(out, enc_params=grids.FAST)
    return out.getvalue()


def jxl(picture: Image.Image, *, lossless: bool = False, boxes: bool = False) -> bytes:
    """Return a JPEG XL."""
    encode = _jxl_encoder(picture, lossless=lossless, boxes=boxes)
    pixels = picture.tobytes()
    return bytes(encode(pixels, picture.width, picture.height, jpeg_encode=False))


def jxl_of_jpeg(content: bytes) -> bytes:
    """Return a JPEG XL from which a JPEG can be had back, byte for byte."""
    with Image.open(io.BytesIO(content)) as picture:
        encode = _jxl_encoder(picture, lossless=True, boxes=True)
        return bytes(encode(content, picture.width, picture.height, jpeg_encode=True))


def _jxl_encoder(
    picture: Image.Image, *, lossless: bool, boxes: bool
) -> Callable[..., bytes]:
    """Return an encoder. The library's own types are out of date."""
    make: Callable[..., Callable[..., bytes]] = pillow_jxl.Encoder
    return make(
        mode=picture.mode,
        lossless=lossless,
        quality=100 if lossless else 90,
        decoding_speed=0,
        effort=3,
        use_container=boxes,
        use_original_profile=False,
        num_threads=0,
    )


def grey16(picture: Image.Image) -> Image.Image:
    """Return a picture in grey of 16 bits."""
    plane = np.asarray(picture.convert("L")).astype(np.uint16) * np.uint16(257)
    return Image.fromarray(plane)


def icon(*sizes: tuple[int, int], bitmap: bool = False) -> bytes:
    """Return an icon with the picture in some sizes."""
    options = {"bitmap_format": "bmp"} if bitmap else {}
    large = image(width=256, height=256)
    return pictures.encoded(large, "ICO", sizes=sizes, **options)


def cursor(*sizes: tuple[int, int], bitmap: bool = True) -> bytes:
    """Return a cursor: an icon with hot spots."""
    content = bytearray(icon(*sizes, bitmap=bitmap))
    content[2] = 2
    for index in range(len(sizes)):
        struct.pack_into("<HH", content, 6 + 16 * index + 4, 3, 32)
    return bytes(content)


def psd(picture: Image.Image) -> bytes:
    """Return a PSD without layers."""
    planes = np.asarray(picture.convert("RGB")).transpose(2, 0, 1)
    head = struct.pack(
        ">4sH6xHIIHH", b"8BPS", 1, 3, picture.height, picture.width, 8, 3
    )
    return head + bytes(12) + b"\0\0" + planes.tobytes()


def lab_tiff(picture: Image.Image) -> bytes:
    """Return a TIFF in LAB whose lightness is the picture"s luma."""
    middle = Image.new("L", picture.size, 128)
    return pictures.encoded(
        Image.merge("LAB", (picture.convert("L"), middle, middle)), "TIFF"
    )


def tiled_tiff(picture: Image.Image, *, side: int = 16) -> bytes:
    """Return an uncompressed TIFF in grey that is cut into tiles."""
    plane = np.asarray(picture.convert("L"))
    rows, columns = -(-plane.shape[0] // side), -(-plane.shape[1] // side)
    padded = np.zeros((rows * side, columns * side), dtype=np.uint8)
    padded[: plane.shape[0], : plane.shape[1]] = plane
    tiles = padded.reshape(rows, side, columns, side).swapaxes(1, 2).tobytes()
    count = rows * columns
    fields = 10
    lists_at = 8 + 2 + 12 * fields + 4
    data_at = lists_at + 8 * count
    entries = [
        (256, 4, 1, picture.width),
        (257, 4, 1, picture.height),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (277, 3, 1, 1),
        (322, 4, 1, side),
        (323, 4, 1, side),
        (324, 4, count, lists_at),
        (325, 4, count, lists_at + 4 * count),
    ]
    out = struct.pack("<2sHIH", b"II", 42, 8, fields)
    out += b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(4)
    offsets = [data_at + side * side * index for index in range(count)]
    out += struct.pack(f"<{count}I", *offsets)
    out += struct.pack(f"<{count}I", *[side * side] * count)
    return out + tiles


_MAKERS: dict[str, Callable[[], bytes]] = {
    "jpeg": lambda: pictures.jpeg(image(), 90),
    "jpeg/progressive": lambda: pictures.jpeg(image(), 90, progressive=True),
    "jpeg/grey": lambda: pictures.jpeg(image().convert("L"), 90),
    "jpeg/cmyk": lambda: pictures.cmyk_jpeg(image(), 90),
    "jpeg/rgb": lambda: pictures.jpeg(image(), 90, keep_rgb=True),
    "jpeg/profile": lambda: pictures.profiled_jpeg(image()),
    "jpeg/thumbnail": lambda: pictures.thumbnailed_jpeg(image(), image(2)),
    "jpeg/mpo": lambda: moving("MPO", count=2),
    "png": lambda: pictures.png(image()),
    "png/palette": lambda: pictures.palette_png(image()),
    "png/16": lambda: pictures.grey16_png(image()),
    "png/bilevel": lambda: pictures.bilevel_png(image()),
    "png/alpha": lambda: pictures.rgba_png(image(), alpha=100),
    "png/moving": lambda: moving("PNG"),
    "png/default": lambda: moving("PNG", default_image=True),
    "gif": lambda: pictures.gif(image()),
    "gif/moving": lambda: moving("GIF"),
    "webp": lambda: pictures.webp(image(), 90),
    "webp/lossless": lambda: pictures.webp(image(), lossless=True),
    "webp/alpha": lambda: pictures.webp(image().convert("RGBA")),
    "webp/moving": lambda: moving("WEBP"),
    "avif": lambda: pictures.encoded(image(), "AVIF", speed=10),
    "avif/moving": lambda: moving("AVIF", speed=10),
    "heic": lambda: heic(image(width=64, height=64)),
    "heic/several": lambda: heic(
        image(width=64, height=64), image(2, width=64, height=48)
    ),
    "jxl": lambda: jxl(image()),
    "jxl/lossless": lambda: jxl(image(), lossless=True),
    "jxl/boxes": lambda: jxl(image().convert("RGBA"), boxes=True),
    "jxl/jpeg": lambda: jxl_of_jpeg(pictures.jpeg(image(), 90)),
    "tiff": lambda: pictures.encoded(image(), "TIFF"),
    "tiff/lzw": lambda: pictures.encoded(image(), "TIFF", compression="tiff_lzw"),
    "tiff/deflate": lambda: pictures.encoded(
        image(), "TIFF", compression="tiff_adobe_deflate"
    ),
    "tiff/jpeg": lambda: pictures.encoded(image(), "TIFF", compression="jpeg"),
    "tiff/fax": lambda: pictures.encoded(
        image().convert("1"), "TIFF", compression="group4"
    ),
    "tiff/16": lambda: pictures.encoded(grey16(image()), "TIFF"),
    "tiff/cmyk": lambda: pictures.encoded(image().convert("CMYK"), "TIFF"),
    "tiff/lab": lambda: lab_tiff(image()),
    "tiff/tiles": lambda: tiled_tiff(image()),
    "tiff/pages": lambda: moving("TIFF"),
    "bmp": lambda: pictures.encoded(image(), "BMP"),
    "bmp/palette": lambda: pictures.encoded(image().quantize(16), "BMP"),
    "bmp/dib": lambda: pictures.encoded(image(), "DIB"),
    "ico": lambda: icon((32, 32), (16, 16)),
    "ico/bitmap": lambda: icon((32, 32), (16, 16), bitmap=True),
    "ico/cursor": lambda: cursor((32, 32), (16, 16)),
    # An operator may switch these on.
    "jp2": lambda: pictures.encoded(image(), "JPEG2000"),
    "jp2/codestream": lambda: pictures.encoded(image(), "JPEG2000", no_jp2=True),
    "psd": lambda: psd(image()),
    "tga": lambda: pictures.encoded(image(), "TGA"),
    "tga/rle": lambda: pictures.encoded(image(), "TGA", compression="tga_rle"),
    "pnm": lambda: pictures.encoded(image(), "PPM"),
    "pnm/grey": lambda: pictures.encoded(image().convert("L"), "PPM"),
    "qoi": lambda: pictures.encoded(image(), "QOI"),
}

NAMES = tuple(_MAKERS)
"""Names of all seeds: a format, and the speciality of the file."""


@cache
def seed(name: str) -> bytes:
    """Return a seed by its name."""
    return _MAKERS[name]()
