"""Hostile pictures: the parts of ``bombs.py`` that claim to be one picture."""

import io
import struct
import zlib
from collections.abc import Sequence

from PIL import Image

MIB = 1024 * 1024
PNG_MAGIC = b"\x89PNG\r\n\x1a\n"


def chunk(name: bytes, body: bytes) -> bytes:
    """Return one PNG chunk."""
    checksum = zlib.crc32(name + body)
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", checksum)


def zeros(count: int) -> bytes:
    """Return deflated zero bytes without holding them in memory."""
    packer = zlib.compressobj(9)
    block = bytes(MIB)
    whole, rest = divmod(count, MIB)
    packed = b"".join(packer.compress(block) for _ in range(whole))
    return packed + packer.compress(bytes(rest)) + packer.flush()


def flat_png(
    width: int, height: int, *, bits: int, channels: int, before: bytes = b""
) -> bytes:
    """Return a black PNG.

    Args:
        width: Pixels.
        height: Pixels.
        bits: Bits of each sample: 1, 8 or 16.
        channels: 1 grey, 2 grey with alpha, 3 RGB or 4 RGBA.
        before: Chunks before the pixels.
    """
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    row = 1 + (width * bits * channels + 7) // 8
    return b"".join(
        (
            PNG_MAGIC,
            chunk(b"IHDR", header),
            before,
            chunk(b"IDAT", zeros(row * height)),
            chunk(b"IEND", b""),
        )
    )


def text_png() -> bytes:
    """Return a PNG whose comments unpack to a gibibyte."""
    text = chunk(b"zTXt", b"Comment\0\0" + zeros(256 * MIB))
    return flat_png(8, 8, bits=8, channels=3, before=4 * text)


def profile_png() -> bytes:
    """Return a PNG whose colour profile unpacks to 256 MiB."""
    profile = chunk(b"iCCP", b"p\0\0" + zeros(256 * MIB))
    return flat_png(8, 8, bits=8, channels=3, before=profile)


def animated_png(frames: int = 10_000) -> bytes:
    """Return an APNG of many frames of one pixel."""
    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    pixel = zlib.compress(b"\0\0")
    chunks = [chunk(b"IHDR", header), chunk(b"acTL", struct.pack(">II", frames, 0))]
    for number in range(frames):
        order = 2 * number
        control = struct.pack(">IIIIIHHBB", order, 1, 1, 0, 0, 1, 100, 0, 0)
        chunks.append(chunk(b"fcTL", control))
        chunks.append(chunk(b"fdAT", struct.pack(">I", order + 1) + pixel))
    return PNG_MAGIC + b"".join(chunks) + chunk(b"IEND", b"")


# --- JPEG ------------------------------------------------------------------------


def _progressive(width: int, height: int, *, scans: int) -> bytes:
    """Return a grey progressive JPEG that repeats its last scan many times."""
    file = io.BytesIO()
    Image.new("L", (width, height), 90).save(file, "JPEG", progressive=True, quality=50)
    data = file.getvalue()
    last = data.rindex(b"\xff\xda")
    # A refining scan without changes may be repeated without limit.
    return data[:-2] + data[last:-2] * scans + b"\xff\xd9"


def many_scans_jpeg() -> bytes:
    """Return a JPEG of two thousand scans, each as expensive as a whole decode."""
    return _progressive(1024, 1024, scans=2000)


def some_scans_jpeg() -> bytes:
    """Return a large JPEG with as many scans as the budget allows."""
    return _progressive(4000, 4000, scans=85)


def huge_jpeg() -> bytes:
    """Return a baseline JPEG that claims 4 gigapixels and ends."""
    file = io.BytesIO()
    Image.new("RGB", (64, 64)).save(file, "JPEG")
    data = bytearray(file.getvalue())
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", 65500, 65500)
    return bytes(data)


def segmented_jpeg() -> bytes:
    """Return a JPEG with half a million empty segments."""
    file = io.BytesIO()
    Image.new("RGB", (64, 64)).save(file, "JPEG")
    data = file.getvalue()
    return data[:2] + b"\xff\xe5\0\2" * 500_000 + data[2:]


def pictures_in_a_row() -> bytes:
    """Return a thousand small JPEGs, one after another."""
    file = io.BytesIO()
    Image.new("RGB", (640, 480), (9, 90, 200)).save(file, "JPEG", quality=20)
    return file.getvalue() * 1000


# --- Other pictures --------------------------------------------------------------


def huge_gif() -> bytes:
    """Return a GIF with a canvas of 4 gigapixels and a frame of one pixel."""
    frame = b",\0\0\0\0\1\0\1\0\0\2\2D\1\0"
    return (
        b"GIF89a"
        + struct.pack("<HHBBB", 65535, 65535, 0x80, 0, 0)
        + bytes(6)
        + (frame + b";")
    )


def long_gif(frames: int = 20_000, side: int = 1) -> bytes:
    """Return a GIF of many frames."""
    frame = b"!\xf9\4\4\1\0\0\0,\0\0\0\0" + struct.pack("<HH", side, side)
    body = frame + b"\0\2\2D\1\0"
    head = b"GIF89a" + struct.pack("<HHBBB", side, side, 0x80, 0, 0) + bytes(6)
    return head + body * frames + b";"


def wide_gif() -> bytes:
    """Return a GIF of many frames on a canvas of 36 megapixels."""
    return long_gif(frames=2000, side=6000)


def _saved(image: Image.Image, form: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def huge_webp() -> bytes:
    """Return a lossless WebP of the largest possible size, in one colour."""
    data = bytearray(_saved(Image.new("RGB", (64, 64)), "WEBP", lossless=True))
    at = data.index(b"VP8L") + 9
    data[at : at + 4] = struct.pack("<I", 0x3FFF | 0x3FFF << 14)
    return bytes(data)


def long_webp() -> bytes:
    """Return an animated WebP of 500 frames of 1 megapixel."""
    image = Image.new("RGB", (1024, 1024))
    others = [Image.new("RGB", (1024, 1024), (n % 256, 0, 0)) for n in range(1, 6)]
    data = _saved(image, "WEBP", save_all=True, append_images=others, lossless=True)
    first = data.index(b"ANMF")
    return riff(data[8:first] + data[first:] * 100)


def riff(body: bytes) -> bytes:
    """Return a RIFF file."""
    return b"RIFF" + struct.pack("<I", len(body)) + body


def huge_avif() -> bytes:
    """Return an AVIF that claims 3.6 gigapixels."""
    data = bytearray(_saved(Image.new("RGB", (64, 64)), "AVIF", speed=10))
    at = data.index(b"ispe") + 8
    data[at : at + 8] = struct.pack(">II", 60000, 60000)
    return bytes(data)


def wide_avif() -> bytes:
    """Return a flat AVIF of 16 megapixels."""
    return _saved(Image.new("RGB", (4096, 4096)), "AVIF", speed=10, quality=10)


def huge_jxl() -> bytes:
    """Return a JPEG XL codestream that claims 2 to the power of 60 pixels."""
    size = 1 | 3 << 1 | ((1 << 30) - 1) << 3 | 0 << 33 | 3 << 36 | ((1 << 30) - 1) << 38
    return b"\xff\x0a" + size.to_bytes(9, "little") + bytes(64)


def huge_bmp() -> bytes:
    """Return a run-length encoded BMP of 900 megapixels in 100 bytes."""
    info = struct.pack("<IiiHHIIiiII", 40, 30000, 30000, 1, 8, 1, 2, 0, 0, 2, 0)
    palette = bytes(8)
    head = b"BM" + struct.pack("<IHHI", 14 + 40 + 8 + 2, 0, 0, 14 + 40 + 8)
    return head + info + palette + b"\0\1"


def tiff_directory(entries: Sequence[tuple[int, int, int, int]], after: int) -> bytes:
    """Return one directory of a TIFF."""
    packed = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return struct.pack("<H", len(entries)) + packed + struct.pack("<I", after)


def long_tiff(pages: int = 20_000) -> bytes:
    """Return a TIFF of many pages of one pixel."""
    long, short = 4, 3
    size = 2 + 8 * 12 + 4
    parts = [b"II*\0", struct.pack("<I", 8)]
    for page in range(pages):
        start = 8 + page * (size + 1)
        entries = (
            (256, long, 1, 1),
            (257, long, 1, 1),
            (258, short, 1, 8),
            (259, short, 1, 1),
            (262, short, 1, 1),
            (273, long, 1, start + size),
            (278, long, 1, 1),
            (279, long, 1, 1),
        )
        after = start + size + 1 if page < pages - 1 else 0
        parts.append(tiff_directory(entries, after) + b"\x7f")
    return b"".join(parts)


def huge_tiff() -> bytes:
    """Return a deflated TIFF of 60 megapixels in RGB with 16 bits."""
    width = height = 7700
    packed = zeros(width * 6 * height)
    long, short = 4, 3
    entries = (
        (256, long, 1, width),
        (257, long, 1, height),
        (258, short, 3, 8 + 2 + 9 * 12 + 4),
        (259, short, 1, 8),
        (262, short, 1, 2),
        (273, long, 1, 8 + 2 + 9 * 12 + 4 + 6),
        (277, short, 1, 3),
        (278, long, 1, height),
        (279, long, 1, len(packed)),
    )
    directory = tiff_directory(entries, 0)
    bits = struct.pack("<HHH", 16, 16, 16)
    return b"II*\0" + struct.pack("<I", 8) + directory + bits + packed


def looping_tiff() -> bytes:
    """Return a TIFF whose second page is its first."""
    data = bytearray(_saved(Image.new("L", (8, 8)), "TIFF"))
    (at,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, at)
    struct.pack_into("<I", data, at + 2 + 12 * count, at)
    return bytes(data)


def crowded_icon() -> bytes:
    """Return an icon of 2,000 entries that share one large PNG."""
    png = flat_png(2000, 2000, bits=8, channels=4)
    count = 2000
    offset = 6 + 16 * count
    entry = struct.pack("<BBBBHHII", 0, 0, 0, 0, 1, 32, len(png), offset)
    return struct.pack("<HHH", 0, 1, count) + entry * count + png
