"""Hostile containers and raw bytes: the parts of ``bombs.py`` that are not pictures."""

import base64
import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Sequence

import zstandard

from tests.corpus.bombs.pictures import MIB, PNG_MAGIC, chunk, flat_png, zeros


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
            member.write(bytes(MIB))
    return file.getvalue()


def nested_zip() -> bytes:
    """Return archives of sixteen archives, six deep, around a mebibyte of zeros."""
    data = bytes(MIB)
    for depth in range(6):
        data = _zip_of([(f"{depth}-{number}", data) for number in range(16)])
    return data


def crowded_zip() -> bytes:
    """Return an archive of 30,000 empty members."""
    return _zip_of([(str(number), b"") for number in range(30_000)])


def overlapping_zip() -> bytes:
    """Return an archive whose 1,000 members share the same deflated mebibytes."""
    single = _zip_of([("a", bytes(32 * MIB))])
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
    return b"".join(packer.compress(bytes(MIB)) for _ in range(1024)) + packer.flush()


def nested_gzip() -> bytes:
    """Return gzip in gzip in gzip, a hundred deep."""
    data = b"nothing"
    for _ in range(100):
        data = gzip.compress(data)
    return data


def zeros_bzip2() -> bytes:
    """Return a bzip2 file of half a gibibyte of zeros."""
    block = bz2.compress(bytes(64 * MIB))
    return block * 8


def zeros_xz() -> bytes:
    """Return an xz file of half a gibibyte of zeros."""
    return lzma.compress(bytes(64 * MIB)) * 8


def zeros_zstd() -> bytes:
    """Return a zstd file of a gibibyte of zeros with a window as large."""
    packer = zstandard.ZstdCompressor(
        compression_params=zstandard.ZstdCompressionParameters(window_log=27)
    ).compressobj()
    return b"".join(packer.compress(bytes(MIB)) for _ in range(1024)) + packer.flush()


def crowded_tar() -> bytes:
    """Return a tar file of 5,000 empty members."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for number in range(5000):
            archive.addfile(tarfile.TarInfo(str(number)))
    return file.getvalue()


def document(objects: Sequence[bytes]) -> bytes:
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


document_start = (
    b"<</Type /Catalog /Pages 2 0 R>>",
    b"<</Type /Pages /Kids [3 0 R] /Count 1>>",
    b"<</Type /Page /Parent 2 0 R /MediaBox [0 0 999 999] /Contents 4 0 R>>",
)
"""A document whose only page is drawn by the fourth object."""


def _showing(count: int, picture: bytes) -> bytes:
    """Return a PDF whose page shows a picture, which is stored so many times."""
    names = b"".join(b"/I%d %d 0 R" % (each, each + 5) for each in range(count))
    resources = b" /Resources <</XObject <<%s>>>>>>" % names
    drawn = b" ".join(b"99 0 0 99 0 0 cm /I%d Do" % each for each in range(count))
    content = b"<</Length %d>>\nstream\n%s\nendstream" % (len(drawn), drawn)
    *rest, page = document_start
    return document((*rest, page[:-2] + resources, content, *[picture] * count))


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
    return _showing(1, _pdf_picture(side, side, zeros(side * side * 3)))


def crowded_pdf() -> bytes:
    """Return a PDF with 5,000 pictures of a few pixels."""
    picture = _pdf_picture(8, 8, zlib.compress(bytes(8 * 8 * 3)))
    return _showing(5000, picture)


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
    """Return 8 MiB of base64 that encodes nothing."""
    return b"QUJD" * (2 * MIB)


def beginnings(magic: bytes) -> bytes:
    """Return 4 MiB that consist only of beginnings of pictures."""
    return magic * (4 * MIB // len(magic))


BMP_BEGINNING = (
    b"BM"
    + struct.pack("<IHHI", 4096, 0, 0, 54)
    + struct.pack("<IiiHHIIiiII", 40, 16, 16, 1, 24, 0, 768, 0, 0, 0, 0)
)
PNG_BEGINNING = PNG_MAGIC + chunk(b"IHDR", struct.pack(">IIBBBBB", 9, 9, 8, 2, 0, 0, 0))
JPEG_BEGINNING = b"\xff\xd8\xff\xe0\0\2\xff\xdb\0\2"
