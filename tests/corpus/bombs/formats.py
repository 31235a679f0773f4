"""Hostile pictures of many pieces: the parts of ``bombs.py`` that attack readers."""

import io
import struct
import zlib

from PIL import Image, ImageCms

from tests.corpus.bombs.pictures import (
    PNG_MAGIC,
    chunk,
    flat_png,
    riff,
    tiff_directory,
)

_SHORT, _LONG, _BYTE = 3, 4, 1


def _saved(image: Image.Image, form: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def chunked_png() -> bytes:
    """Return a PNG with 100,000 chunks that mean nothing."""
    return flat_png(64, 64, bits=8, channels=3, before=chunk(b"abCd", b"") * 100_000)


def scattered_png() -> bytes:
    """Return a PNG whose pixels are packed in 100,000 chunks of a few bytes."""
    header = struct.pack(">IIBBBBB", 2000, 2000, 8, 2, 0, 0, 0)
    packed = zlib.compress(bytes(2000 * 6001), 1)
    parts = [packed[at : at + 1] for at in range(len(packed))]
    body = (
        b"".join(chunk(b"IDAT", part) for part in parts) + chunk(b"IDAT", b"") * 50_000
    )
    return PNG_MAGIC + chunk(b"IHDR", header) + body + chunk(b"IEND", b"")


def blocks_gif() -> bytes:
    """Return a GIF whose comment has a million blocks of one byte."""
    head = b"GIF89a" + struct.pack("<HHBBB", 8, 8, 0x80, 0, 0) + bytes(6)
    frame = b",\0\0\0\0\1\0\1\0\0\2\2D\1\0"
    return head + b"!\xfe" + b"\1a" * 1_000_000 + b"\0" + frame + b";"


def chunked_webp() -> bytes:
    """Return a WebP with 200,000 chunks that mean nothing."""
    data = _saved(Image.new("RGB", (64, 64)), "WEBP")
    return riff(data[8:12] + b"abcd\0\0\0\0" * 200_000 + data[12:])


def tagged_tiff() -> bytes:
    """Return a TIFF with 49,000 tags."""
    data = _saved(Image.new("L", (64, 64)), "TIFF")
    (at,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, at)
    entries = [
        struct.unpack_from("<HHII", data, at + 2 + 12 * index) for index in range(count)
    ]
    entries += [(40_000 + index % 20_000, _BYTE, 1, 0) for index in range(49_000)]
    start = struct.pack("<I", len(data) + len(data) % 2)
    padded = data[:4] + start + data[8:] + bytes(len(data) % 2)
    return padded + tiff_directory(entries, 0)


def long_tags_tiff() -> bytes:
    """Return a TIFF whose tags all have the same megabyte of numbers."""
    data = _saved(Image.new("L", (64, 64)), "TIFF")
    (at,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, at)
    entries = [
        struct.unpack_from("<HHII", data, at + 2 + 12 * index) for index in range(count)
    ]
    end = len(data) + len(data) % 2
    size = 2 + 12 * (count + 500) + 4
    entries += [(40_000 + index, _SHORT, 500_000, end + size) for index in range(500)]
    padded = data[:4] + struct.pack("<I", end) + data[8:] + bytes(len(data) % 2)
    return padded + tiff_directory(entries, 0) + bytes(1_000_000)


def stripped_tiff() -> bytes:
    """Return a TIFF of 60,000 rows in as many strips."""
    width, height = 500, 60_000
    at = 8 + 2 + 8 * 12 + 4
    entries = (
        (256, _LONG, 1, width),
        (257, _LONG, 1, height),
        (258, _SHORT, 1, 8),
        (259, _SHORT, 1, 1),
        (262, _SHORT, 1, 1),
        (273, _LONG, height, at),
        (278, _LONG, 1, 1),
        (279, _LONG, height, at + 4 * height),
    )
    offsets = struct.pack("<I", at + 8 * height) * height
    lengths = struct.pack("<I", width) * height
    head = b"II*\0" + struct.pack("<I", 8) + tiff_directory(entries, 0)
    return head + offsets + lengths + bytes(width)


def tiled_tiff() -> bytes:
    """Return a TIFF of a hundred thousand equal tiles."""
    across = 316
    tiles = across * across
    at = 8 + 2 + 9 * 12 + 4
    entries = (
        (256, _LONG, 1, 16 * across),
        (257, _LONG, 1, 16 * across),
        (258, _SHORT, 1, 8),
        (259, _SHORT, 1, 1),
        (262, _SHORT, 1, 1),
        (322, _LONG, 1, 16),
        (323, _LONG, 1, 16),
        (324, _LONG, tiles, at),
        (325, _LONG, tiles, at + 4 * tiles),
    )
    offsets = struct.pack("<I", at + 8 * tiles) * tiles
    lengths = struct.pack("<I", 256) * tiles
    head = b"II*\0" + struct.pack("<I", 8) + tiff_directory(entries, 0)
    return head + offsets + lengths + bytes(256)


def full_icon() -> bytes:
    """Return an icon of 65,535 different entries."""
    png = flat_png(64, 64, bits=8, channels=4)
    count = 65_535
    offset = 6 + 16 * count
    entries = b"".join(
        struct.pack("<BBBBHHII", 64, 64, 0, 0, 1, 32, len(png) + number, offset)
        for number in range(count)
    )
    return struct.pack("<HHH", 0, 1, count) + entries + png + bytes(count)


def _box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", 8 + len(body)) + name + body


def crowded_heic() -> bytes:
    """Return a HEIC that claims 30,000 items."""
    count = 30_000
    infos = b"".join(
        _box(b"infe", b"\2\0\0\0" + struct.pack(">HH", number, 0) + b"hvc1\0")
        for number in range(1, count)
    )
    places = b"".join(
        struct.pack(">HHHII", number, 0, 1, 64, 64) for number in range(1, count)
    )
    meta = (
        _box(b"hdlr", bytes(8) + b"pict" + bytes(13))
        + _box(b"pitm", bytes(4) + b"\0\1")
        + _box(b"iinf", bytes(4) + struct.pack(">H", count - 1) + infos)
        + _box(b"iloc", bytes(4) + b"\x44\0" + struct.pack(">H", count - 1) + places)
    )
    kind = _box(b"ftyp", b"heic\0\0\0\0mif1heic")
    return kind + _box(b"meta", bytes(4) + meta) + _box(b"mdat", bytes(4096))


def crowded_avif() -> bytes:
    """Return the same as an AVIF."""
    return crowded_heic().replace(b"heic", b"avif").replace(b"hvc1", b"av01")


def boxed_jxl() -> bytes:
    """Return a JPEG XL file of 300,000 empty boxes."""
    kind = _box(b"ftyp", b"jxl \0\0\0\0jxl ")
    return _box(b"JXL ", b"\r\n\x87\n") + kind + _box(b"abcd", b"") * 300_000


def exif_jpeg() -> bytes:
    """Return a JPEG with 1,000 blocks of EXIF, each with a thumbnail."""
    thumb = _saved(Image.new("RGB", (160, 120), (200, 30, 30)), "JPEG", quality=10)
    photo = _saved(Image.new("RGB", (640, 480)), "JPEG")
    block = b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0" + thumb
    segment = b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block
    return photo[:2] + segment * 1000 + photo[2:]


def profiled_webp() -> bytes:
    """Return 60 frames whose profile is a table of 1 MiB."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    frames = [Image.new("RGB", (640, 480), (4 * n, 99, 9)) for n in range(60)]
    return _saved(
        frames[0],
        "WEBP",
        save_all=True,
        append_images=frames[1:],
        icc_profile=profile + bytes(1024 * 1024),
    )


def restarted_jpeg() -> bytes:
    """Return a JPEG of a million restart markers."""
    photo = _saved(Image.new("RGB", (640, 480)), "JPEG")
    return photo[:-2] + b"\xff\xd0" * 1_000_000 + photo[-2:]


def quality_tables_jpeg() -> bytes:
    """Return a JPEG with ten thousand tables."""
    photo = _saved(Image.new("RGB", (64, 64)), "JPEG")
    table = b"\xff\xdb\0\x43\0" + b"\1" * 64
    return photo[:2] + table * 10_000 + photo[2:]
