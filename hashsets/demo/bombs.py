"""Make small files that cost a careless filter seconds or gigabytes.

Everything here is computed in code, shows nothing, and is a few kilobytes to a few
megabytes long. Each bomb attacks another budget; ``python -m benchmarks hostile``
measures what each costs, and ``tests/scanners/test_bombs.py`` what becomes of it.

To add a bomb: a function below that returns its bytes, and its line in ``BOMBS``.
"""

import base64
import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import zstandard
from PIL import Image

_MIB = 1024 * 1024
_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, slots=True)
class Bomb:
    """A hostile file.

    Attributes:
        name: What it attacks, for reports.
        media_type: What an attacker would declare.
        make: Returns its bytes.
    """

    name: str
    media_type: str
    make: Callable[[], bytes]


# --- PNG -------------------------------------------------------------------------


def _chunk(name: bytes, body: bytes) -> bytes:
    """Return one PNG chunk."""
    checksum = zlib.crc32(name + body)
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", checksum)


def _zeros(count: int) -> bytes:
    """Return so many zero bytes, deflated, without ever holding them."""
    packer = zlib.compressobj(9)
    block = bytes(_MIB)
    whole, rest = divmod(count, _MIB)
    packed = b"".join(packer.compress(block) for _ in range(whole))
    return packed + packer.compress(bytes(rest)) + packer.flush()


def flat_png(
    width: int, height: int, *, bits: int, channels: int, before: bytes = b""
) -> bytes:
    """Return a black PNG.

    Args:
        width: Pixels.
        height: Pixels.
        bits: Of each sample: 1, 8 or 16.
        channels: 1 grey, 3 RGB or 4 RGBA.
        before: Chunks before the pixels.
    """
    colour = {1: 0, 3: 2, 4: 6}[channels]
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    row = 1 + (width * bits * channels + 7) // 8
    return b"".join(
        (
            _PNG_MAGIC,
            _chunk(b"IHDR", header),
            before,
            _chunk(b"IDAT", _zeros(row * height)),
            _chunk(b"IEND", b""),
        )
    )


def text_png() -> bytes:
    """Return a PNG whose comments unpack to a gibibyte."""
    text = _chunk(b"zTXt", b"Comment\0\0" + _zeros(256 * _MIB))
    return flat_png(8, 8, bits=8, channels=3, before=4 * text)


def profile_png() -> bytes:
    """Return a PNG whose colour profile unpacks to 256 MiB."""
    profile = _chunk(b"iCCP", b"p\0\0" + _zeros(256 * _MIB))
    return flat_png(8, 8, bits=8, channels=3, before=profile)


def animated_png(frames: int = 10_000) -> bytes:
    """Return an APNG of many frames of one pixel."""
    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    pixel = zlib.compress(b"\0\0")
    chunks = [_chunk(b"IHDR", header), _chunk(b"acTL", struct.pack(">II", frames, 0))]
    for number in range(frames):
        order = 2 * number
        control = struct.pack(">IIIIIHHBB", order, 1, 1, 0, 0, 1, 100, 0, 0)
        chunks.append(_chunk(b"fcTL", control))
        chunks.append(_chunk(b"fdAT", struct.pack(">I", order + 1) + pixel))
    return _PNG_MAGIC + b"".join(chunks) + _chunk(b"IEND", b"")


# --- JPEG ------------------------------------------------------------------------


def _progressive(width: int, height: int, *, scans: int) -> bytes:
    """Return a grey progressive JPEG that repeats its last scan again and again."""
    file = io.BytesIO()
    Image.new("L", (width, height), 90).save(file, "JPEG", progressive=True, quality=50)
    data = file.getvalue()
    last = data.rindex(b"\xff\xda")
    # A refining scan of nothing new may come as often as one likes.
    return data[:-2] + data[last:-2] * scans + b"\xff\xd9"


def many_scans_jpeg() -> bytes:
    """Return a JPEG of two thousand scans, each as dear as a whole decode."""
    return _progressive(1024, 1024, scans=2000)


def some_scans_jpeg() -> bytes:
    """Return a large JPEG with as many scans as the budget allows."""
    return _progressive(4000, 4000, scans=85)


def huge_jpeg() -> bytes:
    """Return a baseline JPEG of 4 gigapixels that says so and ends."""
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
    """Return a thousand small JPEGs, one behind the other."""
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
    """Return a lossless WebP of the largest size there is, all of one colour."""
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
    return _riff(data[8:first] + data[first:] * 100)


def _riff(body: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", len(body)) + body


def huge_avif() -> bytes:
    """Return an AVIF that says that it has 3.6 gigapixels."""
    data = bytearray(_saved(Image.new("RGB", (64, 64)), "AVIF", speed=10))
    at = data.index(b"ispe") + 8
    data[at : at + 8] = struct.pack(">II", 60000, 60000)
    return bytes(data)


def wide_avif() -> bytes:
    """Return a flat AVIF of 16 megapixels."""
    return _saved(Image.new("RGB", (4096, 4096)), "AVIF", speed=10, quality=10)


def huge_jxl() -> bytes:
    """Return a JPEG XL codestream that says that it has 2 to the power of 60 pixels."""
    size = 1 | 3 << 1 | ((1 << 30) - 1) << 3 | 0 << 33 | 3 << 36 | ((1 << 30) - 1) << 38
    return b"\xff\x0a" + size.to_bytes(9, "little") + bytes(64)


def huge_bmp() -> bytes:
    """Return a run-length encoded BMP of 900 megapixels in 100 bytes."""
    info = struct.pack("<IiiHHIIiiII", 40, 30000, 30000, 1, 8, 1, 2, 0, 0, 2, 0)
    palette = bytes(8)
    head = b"BM" + struct.pack("<IHHI", 14 + 40 + 8 + 2, 0, 0, 14 + 40 + 8)
    return head + info + palette + b"\0\1"


def _tiff_directory(entries: Sequence[tuple[int, int, int, int]], after: int) -> bytes:
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
        parts.append(_tiff_directory(entries, after) + b"\x7f")
    return b"".join(parts)


def huge_tiff() -> bytes:
    """Return a deflated TIFF of 60 megapixels in RGB with 16 bits."""
    width = height = 7700
    packed = _zeros(width * 6 * height)
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
    directory = _tiff_directory(entries, 0)
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
    """Return an icon of 2,000 entries that are all the same large PNG."""
    png = flat_png(2000, 2000, bits=8, channels=4)
    count = 2000
    offset = 6 + 16 * count
    entry = struct.pack("<BBBBHHII", 0, 0, 0, 0, 1, 32, len(png), offset)
    return struct.pack("<HHH", 0, 1, count) + entry * count + png


# --- Containers ------------------------------------------------------------------


def _zip_of(members: Sequence[tuple[str, bytes]]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return file.getvalue()


def flat_zip() -> bytes:
    """Return an archive of one member of half a gibibyte of zeros."""
    file = io.BytesIO()
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive,
        archive.open("zeros", "w") as member,
    ):
        for _ in range(512):
            member.write(bytes(_MIB))
    return file.getvalue()


def nested_zip() -> bytes:
    """Return archives of sixteen archives, six deep, around a mebibyte of zeros."""
    data = bytes(_MIB)
    for depth in range(6):
        data = _zip_of([(f"{depth}-{number}", data) for number in range(16)])
    return data


def crowded_zip() -> bytes:
    """Return an archive of 30,000 empty members."""
    return _zip_of([(str(number), b"") for number in range(30_000)])


def overlapping_zip() -> bytes:
    """Return an archive whose 1,000 members are one and the same deflated mebibytes."""
    single = _zip_of([("a", bytes(32 * _MIB))])
    start = single.index(b"PK\1\2")
    entry = single[start : single.index(b"PK\5\6")]
    count = 1000
    end = struct.pack(
        "<4sHHHHIIH", b"PK\5\6", 0, 0, count, count, len(entry) * count, start, 0
    )
    return single[:start] + entry * count + end


def zeros_gzip() -> bytes:
    """Return a gzip file of a gibibyte of zeros."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(bytes(_MIB)) for _ in range(1024)) + packer.flush()


def nested_gzip() -> bytes:
    """Return gzip in gzip in gzip, a hundred deep."""
    data = b"nothing"
    for _ in range(100):
        data = gzip.compress(data)
    return data


def zeros_bzip2() -> bytes:
    """Return a bzip2 file of half a gibibyte of zeros."""
    block = bz2.compress(bytes(64 * _MIB))
    return block * 8


def zeros_xz() -> bytes:
    """Return an xz file of half a gibibyte of zeros."""
    return lzma.compress(bytes(64 * _MIB)) * 8


def zeros_zstd() -> bytes:
    """Return a zstd file of a gibibyte of zeros with a window as large."""
    packer = zstandard.ZstdCompressor(
        compression_params=zstandard.ZstdCompressionParameters(window_log=27)
    ).compressobj()
    return b"".join(packer.compress(bytes(_MIB)) for _ in range(1024)) + packer.flush()


def crowded_tar() -> bytes:
    """Return a tar file of 5,000 empty members."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for number in range(5000):
            archive.addfile(tarfile.TarInfo(str(number)))
    return file.getvalue()


def _pdf(objects: Sequence[bytes]) -> bytes:
    """Return a PDF of numbered objects; the first is the catalogue."""
    data = bytearray(b"%PDF-1.7\n")
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    at = len(data)
    data += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    data += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    data += b"trailer <</Size %d /Root 1 0 R>>\n" % (len(objects) + 1)
    return bytes(data + b"startxref\n%d\n%%%%EOF\n" % at)


_PDF_START = (
    b"<</Type /Catalog /Pages 2 0 R>>",
    b"<</Type /Pages /Kids [3 0 R] /Count 1>>",
    b"<</Type /Page /Parent 2 0 R /MediaBox [0 0 9 9]>>",
)


def _pdf_picture(width: int, height: int, packed: bytes) -> bytes:
    head = (
        b"<</Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace "
        b"/DeviceRGB /BitsPerComponent 8 /Filter /FlateDecode /Length %d>>"
    )
    whole = head % (width, height, len(packed))
    return whole + b"\nstream\n" + packed + b"\nendstream"


def huge_pdf() -> bytes:
    """Return a PDF with a picture that unpacks to 768 MiB."""
    side = 16384
    return _pdf((*_PDF_START, _pdf_picture(side, side, _zeros(side * side * 3))))


def crowded_pdf() -> bytes:
    """Return a PDF with 5,000 pictures of a few pixels."""
    picture = _pdf_picture(8, 8, zlib.compress(bytes(8 * 8 * 3)))
    return _pdf((*_PDF_START, *[picture] * 5000))


# --- Text and raw bytes ----------------------------------------------------------


def laughing_svg() -> bytes:
    """Return an SVG whose entities would grow to a billion."""
    entities = b"".join(
        b'<!ENTITY a%d "%s">' % (level, b"&a%d;" % (level - 1) * 10)
        for level in range(1, 10)
    )
    return (
        b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a0 "ha">'
        + entities
        + b']><svg xmlns="http://www.w3.org/2000/svg"><text>&a9;</text></svg>'
    )


def crowded_page() -> bytes:
    """Return a page with 5,000 pictures in data URIs."""
    picture = base64.b64encode(flat_png(64, 64, bits=8, channels=3))
    return b"<html>" + b'<img src="data:image/png;base64,%s">' % picture * 5000


def nested_strings() -> bytes:
    """Return pages in data URIs of pages, ten deep."""
    data = b"<html>nothing</html>"
    for _ in range(10):
        data = b'<html><iframe src="data:text/html;base64,%s"></html>' % (
            base64.b64encode(data)
        )
    return data


def endless_string() -> bytes:
    """Return 8 MiB of base64 that is nothing."""
    return b"QUJD" * (2 * _MIB)


def beginnings(magic: bytes) -> bytes:
    """Return 4 MiB of nothing but beginnings of pictures."""
    return magic * (4 * _MIB // len(magic))


_BMP_BEGINNING = (
    b"BM"
    + struct.pack("<IHHI", 4096, 0, 0, 54)
    + struct.pack("<IiiHHIIiiII", 40, 16, 16, 1, 24, 0, 768, 0, 0, 0, 0)
)
_PNG_BEGINNING = _PNG_MAGIC + _chunk(
    b"IHDR", struct.pack(">IIBBBBB", 9, 9, 8, 2, 0, 0, 0)
)
_JPEG_BEGINNING = b"\xff\xd8\xff\xe0\0\2\xff\xdb\0\2"

BOMBS: tuple[Bomb, ...] = (
    Bomb(
        "png-169-megapixels",
        "image/png",
        lambda: flat_png(13000, 13000, bits=8, channels=1),
    ),
    Bomb(
        "png-195-megapixels-1-bit",
        "image/png",
        lambda: flat_png(13960, 13960, bits=1, channels=1),
    ),
    Bomb(
        "png-63-megapixels",
        "image/png",
        lambda: flat_png(7900, 7990, bits=8, channels=1),
    ),
    Bomb(
        "png-49-megapixels-rgba",
        "image/png",
        lambda: flat_png(7000, 7000, bits=8, channels=4),
    ),
    Bomb("png-comments", "image/png", text_png),
    Bomb("png-profile", "image/png", profile_png),
    Bomb("png-frames", "image/png", animated_png),
    Bomb("jpeg-2000-scans", "image/jpeg", many_scans_jpeg),
    Bomb("jpeg-96-scans", "image/jpeg", some_scans_jpeg),
    Bomb("jpeg-4-gigapixels", "image/jpeg", huge_jpeg),
    Bomb("jpeg-segments", "image/jpeg", segmented_jpeg),
    Bomb("jpeg-thousandfold", "image/jpeg", pictures_in_a_row),
    Bomb("gif-4-gigapixels", "image/gif", huge_gif),
    Bomb("gif-frames", "image/gif", long_gif),
    Bomb("gif-wide-frames", "image/gif", wide_gif),
    Bomb("webp-268-megapixels", "image/webp", huge_webp),
    Bomb("webp-frames", "image/webp", long_webp),
    Bomb("avif-4-gigapixels", "image/avif", huge_avif),
    Bomb("avif-16-megapixels", "image/avif", wide_avif),
    Bomb("jxl-huge", "image/jxl", huge_jxl),
    Bomb("bmp-900-megapixels", "image/bmp", huge_bmp),
    Bomb("tiff-pages", "image/tiff", long_tiff),
    Bomb("tiff-59-megapixels", "image/tiff", huge_tiff),
    Bomb("tiff-loop", "image/tiff", looping_tiff),
    Bomb("ico-entries", "image/x-icon", crowded_icon),
    Bomb("zip-zeros", "application/zip", flat_zip),
    Bomb("zip-nested", "application/zip", nested_zip),
    Bomb("zip-members", "application/zip", crowded_zip),
    Bomb("zip-overlap", "application/zip", overlapping_zip),
    Bomb("gzip-zeros", "application/gzip", zeros_gzip),
    Bomb("gzip-nested", "application/gzip", nested_gzip),
    Bomb("bzip2-zeros", "application/x-bzip2", zeros_bzip2),
    Bomb("xz-zeros", "application/x-xz", zeros_xz),
    Bomb("zstd-zeros", "application/zstd", zeros_zstd),
    Bomb("tar-members", "application/x-tar", crowded_tar),
    Bomb("pdf-768-megabytes", "application/pdf", huge_pdf),
    Bomb("pdf-pictures", "application/pdf", crowded_pdf),
    Bomb("svg-entities", "image/svg+xml", laughing_svg),
    Bomb("html-data-uris", "text/html", crowded_page),
    Bomb("html-nested", "text/html", nested_strings),
    Bomb("base64-endless", "text/plain", endless_string),
    Bomb(
        "beginnings-of-jpeg",
        "application/octet-stream",
        lambda: beginnings(_JPEG_BEGINNING),
    ),
    Bomb(
        "beginnings-of-png",
        "application/octet-stream",
        lambda: beginnings(_PNG_BEGINNING),
    ),
    Bomb(
        "beginnings-of-bmp",
        "application/octet-stream",
        lambda: beginnings(_BMP_BEGINNING),
    ),
)
"""Every bomb, by what it is made of."""
