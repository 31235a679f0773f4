"""Tricks with files: pictures inside, before and after other files."""

import base64
import struct
import zlib

import numpy as np
from PIL import Image

from tests.corpus import pictures
from tests.corpus.tricks.bitmaps import icon
from tests.corpus.tricks.containers import zipped
from tests.corpus.tricks.kit import (
    Expected,
    Family,
    FileType,
    Maker,
    Shown,
    of_family,
    riff_chunks,
    webp_file,
    webp_head,
    with_chunk,
    with_segment,
)

_JUNK_BYTES = 512


def _thumbnail(target: Image.Image, side: int = 160) -> bytes:
    """Return a small JPEG of a picture."""
    return pictures.jpeg(target.resize((side, side * 3 // 4)), 80)


def _exif_thumbnail(target: Image.Image, decoy: Image.Image) -> bytes:
    return pictures.thumbnailed_jpeg(decoy, target)


def _jfxx(target: Image.Image, decoy: Image.Image) -> bytes:
    """Put a thumbnail into the segment that extends JFIF's."""
    content = pictures.jpeg(decoy)
    head = 4 + int.from_bytes(content[4:6], "big")
    segment = b"JFXX\0\x10" + _thumbnail(target)
    length = struct.pack(">H", len(segment) + 2)
    return content[:head] + b"\xff\xe0" + length + segment + content[head:]


def _photoshop(target: Image.Image, decoy: Image.Image) -> bytes:
    """Put a thumbnail into Photoshop's resources."""
    small = _thumbnail(target)
    width, height, row = 160, 120, 480
    fields = (1, width, height, row, row * height, len(small), 24, 1)
    resource = struct.pack(">6IHH", *fields) + small
    block = b"8BIM" + struct.pack(">HHI", 1036, 0, len(resource)) + resource
    return with_segment(pictures.jpeg(decoy), 0xED, b"Photoshop 3.0\0" + block)


def _xmp(target: Image.Image, decoy: Image.Image) -> bytes:
    """Put a thumbnail as base64 into XMP, with line ends written as entities."""
    text = base64.encodebytes(_thumbnail(target)).replace(b"\n", b"&#xA;")
    packet = (
        b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>"
        b"<xmpGImg:image>%s</xmpGImg:image></x:xmpmeta>"
    )
    segment = b"http://ns.adobe.com/xap/1.0/\0" + packet % text
    return with_segment(pictures.jpeg(decoy), 0xE1, segment)


def _in_segment(target: Image.Image, decoy: Image.Image) -> bytes:
    """Put a JPEG into a segment that no decoder reads."""
    return with_segment(pictures.jpeg(decoy), 0xEF, pictures.jpeg(target, 60))


def _mpo(target: Image.Image, decoy: Image.Image) -> bytes:
    return pictures.encoded(decoy, "MPO", save_all=True, append_images=[target])


def _behind(target: Image.Image, decoy: Image.Image) -> bytes:
    return pictures.jpeg(decoy) + pictures.jpeg(target)


def _png_behind(target: Image.Image, decoy: Image.Image) -> bytes:
    return pictures.jpeg(decoy) + pictures.png(target)


def _webp_behind(target: Image.Image, decoy: Image.Image) -> bytes:
    return pictures.png(decoy) + pictures.webp(target)


def _in_png(target: Image.Image, decoy: Image.Image) -> bytes:
    """Put a JPEG into a chunk of a PNG that no decoder reads."""
    return with_chunk(pictures.png(decoy), b"prVt", pictures.jpeg(target))


def _raw_profile(target: Image.Image, decoy: Image.Image) -> bytes:
    """Put a JPEG as packed digits into a text, as ImageMagick does with EXIF."""
    data = b"Exif\0\0" + _thumbnail(target)
    text = b"\nexif\n%8d\n%s\n" % (len(data), data.hex().encode())
    body = b"Raw profile type exif\0\0" + zlib.compress(text)
    return with_chunk(pictures.png(decoy), b"zTXt", body)


def _in_webp(target: Image.Image, decoy: Image.Image) -> bytes:
    """Put a JPEG into the EXIF chunk of a WebP."""
    stored = riff_chunks(pictures.webp(decoy))
    extra = b"EXIF", pictures.jpeg(target)
    return webp_file(webp_head(*decoy.size, flags=0x08), *stored, extra)


def _second_icon(target: Image.Image, decoy: Image.Image) -> bytes:
    """Put the target into the smaller entry."""
    small = target.resize((128, 96), Image.Resampling.LANCZOS)
    large = decoy.resize((256, 192), Image.Resampling.LANCZOS)
    entries = ((256, 192, pictures.png(large)), (128, 96, pictures.png(small)))
    return icon(*entries)


def _largest_icon(target: Image.Image, decoy: Image.Image) -> bytes:
    """Put the target into the larger entry, after a small one."""
    small = decoy.resize((64, 48), Image.Resampling.LANCZOS)
    large = target.resize((256, 192), Image.Resampling.LANCZOS)
    entries = ((64, 48, pictures.png(small)), (256, 192, pictures.png(large)))
    return icon(*entries)


def _box(name: bytes, body: bytes) -> bytes:
    """Return one box of an ISO base media file."""
    return struct.pack(">I", 8 + len(body)) + name + body


def _video(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Write the beginnings of a video whose cover is the target."""
    cover = _box(b"data", struct.pack(">II", 13, 0) + pictures.jpeg(target))
    items = _box(b"ilst", _box(b"covr", cover))
    head = _box(b"ftyp", b"isom\0\0\2\0isommp42")
    return head + _box(b"moov", _box(b"udta", _box(b"meta", bytes(4) + items)))


def _sound(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Write an ID3 tag whose cover is the target, and no sound."""
    frame = b"\0image/jpeg\0\3\0" + pictures.jpeg(target)
    body = b"APIC" + struct.pack(">IH", len(frame), 0) + frame
    sizes = [len(body) >> shift & 0x7F for shift in (21, 14, 7, 0)]
    return b"ID3\3\0\0" + bytes(sizes) + body


def _motion(target: Image.Image, decoy: Image.Image) -> bytes:
    """Append a video with a cover, as phones do with moving photos."""
    return pictures.jpeg(decoy) + _video(target, decoy)


def _raw_photo(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Write a camera raw as other programs see it: a TIFF with a JPEG and a preview."""
    content = pictures.jpeg(target)
    fields = struct.pack(
        "<H HHII HHII HHII HHII HHII I",
        *(5, 0x00FE, 4, 1, 1, 0x0100, 4, 1, target.width, 0x0101, 4, 1, target.height),
        *(0x0201, 4, 1, 74, 0x0202, 4, 1, len(content), 0),
    )
    return b"II*\0" + struct.pack("<I", 8) + fields + content


def _before(prefix: bytes) -> Maker:
    """Return a maker of a JPEG after other bytes."""

    def make(target: Image.Image, _decoy: Image.Image) -> bytes:
        return prefix + pictures.jpeg(target)

    return make


def _noise() -> bytes:
    """Return meaningless bytes without the magic of a picture."""
    rng = np.random.Generator(np.random.PCG64(7))
    return rng.integers(0, 250, _JUNK_BYTES, dtype=np.uint8).tobytes()


def _zip_tail(target: Image.Image, decoy: Image.Image) -> bytes:
    """Append a zip to a GIF, which is then both."""
    return pictures.gif(decoy) + zipped(("a.bmp", pictures.encoded(target, "BMP")))


def _jpeg_zip_tail(target: Image.Image, decoy: Image.Image) -> bytes:
    """Append a zip to a JPEG."""
    return pictures.jpeg(decoy) + zipped(("a.bmp", pictures.encoded(target, "BMP")))


_embedded = of_family(Family.EMBEDDED)


_junk = of_family(Family.JUNK)


EMBEDDED_TRICKS = (
    _embedded(
        "exif-thumbnail",
        FileType.JPEG,
        _exif_thumbnail,
        "the target as EXIF's thumbnail",
        shown=Shown.NOTHING,
    ),
    _embedded(
        "jfxx-thumbnail",
        FileType.JPEG,
        _jfxx,
        "the target as JFIF's thumbnail",
        shown=Shown.NOTHING,
    ),
    _embedded(
        "photoshop-thumbnail",
        FileType.JPEG,
        _photoshop,
        "the target as Photoshop's thumbnail",
        shown=Shown.NOTHING,
    ),
    _embedded(
        "xmp-thumbnail",
        FileType.JPEG,
        _xmp,
        "the target as base64 in XMP",
        shown=Shown.NOTHING,
    ),
    _embedded(
        "jpeg-segment",
        FileType.JPEG,
        _in_segment,
        "a JPEG in a segment",
        shown=Shown.NOTHING,
    ),
    _embedded(
        "mpo-second",
        FileType.JPEG,
        _mpo,
        "the second picture of an MPO",
        shown=Shown.NOTHING,
    ),
    _embedded(
        "jpeg-behind",
        FileType.JPEG,
        _behind,
        "a JPEG after a JPEG",
        shown=Shown.NOTHING,
    ),
    _embedded(
        "png-behind",
        FileType.JPEG,
        _png_behind,
        "a PNG after a JPEG",
        shown=Shown.NOTHING,
    ),
    _embedded(
        "webp-behind",
        FileType.PNG,
        _webp_behind,
        "a WebP after a PNG",
        shown=Shown.NOTHING,
    ),
    _embedded(
        "png-chunk",
        FileType.PNG,
        _in_png,
        "a JPEG in a chunk of a PNG",
        shown=Shown.NOTHING,
    ),
    _embedded(
        "png-raw-profile",
        FileType.PNG,
        _raw_profile,
        "packed digits of EXIF in a PNG",
        shown=Shown.NOTHING,
        expected=Expected.LIMIT,
    ),
    _embedded(
        "webp-chunk",
        FileType.WEBP,
        _in_webp,
        "a JPEG in a chunk of a WebP",
        shown=Shown.NOTHING,
    ),
    _embedded(
        "ico-second",
        FileType.ICO,
        _second_icon,
        "the smaller entry of an icon",
        shown=Shown.NOTHING,
    ),
    _embedded(
        "ico-largest",
        FileType.ICO,
        _largest_icon,
        "the larger entry of an icon, after a small one",
    ),
    _embedded(
        "video-cover",
        FileType.DATA,
        _video,
        "the cover of a video",
        shown=Shown.NOTHING,
    ),
    _embedded(
        "sound-cover",
        FileType.DATA,
        _sound,
        "the cover of a sound file",
        shown=Shown.NOTHING,
    ),
    _embedded(
        "motion-photo",
        FileType.JPEG,
        _motion,
        "a video with a cover after a JPEG",
        shown=Shown.NOTHING,
    ),
    _embedded(
        "raw-preview",
        FileType.TIFF,
        _raw_photo,
        "the preview of a camera raw",
        shown=Shown.NOTHING,
    ),
)


JUNK_TRICKS = (
    _junk(
        "junk-before",
        FileType.JPEG,
        _before(_noise()),
        "after 512 bytes of noise",
        shown=Shown.NOTHING,
    ),
    _junk(
        "zero-before",
        FileType.JPEG,
        _before(b"\0"),
        "after one byte",
        shown=Shown.NOTHING,
    ),
    _junk(
        "pdf-before",
        FileType.JPEG,
        _before(b"%PDF-1.4\n"),
        "after the beginning of a PDF",
        shown=Shown.NOTHING,
    ),
    _junk(
        "html-before",
        FileType.JPEG,
        _before(b"<!doctype html><p>"),
        "after the beginning of a page",
        shown=Shown.NOTHING,
    ),
    _junk(
        "bmp-before",
        FileType.JPEG,
        _before(b"BM what follows is no bitmap "),
        "after a text that begins with BM",
        shown=Shown.NOTHING,
    ),
    _junk(
        "gif-zip",
        FileType.GIF,
        _zip_tail,
        "a GIF that is a zip as well",
        shown=Shown.NOTHING,
    ),
    _junk(
        "jpeg-zip",
        FileType.JPEG,
        _jpeg_zip_tail,
        "a JPEG with a zip after it",
        shown=Shown.NOTHING,
    ),
)
