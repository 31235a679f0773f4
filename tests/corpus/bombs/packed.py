"""Hostile archives and documents: the parts of ``bombs.py`` with many small pieces."""

import bz2
import gzip
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable

import brotli
import zstandard

from tests.corpus.bombs.containers import document, document_start
from tests.corpus.bombs.pictures import MIB

_PROSE = b"It was the best of times, it was the worst of times. "


def local_headers() -> bytes:
    """Return 65,535 stored members of one byte that no directory lists."""
    head = struct.pack(
        "<4sHHHHHIIIHH", b"PK\3\4", 10, 0, 0, 0, 0, zlib.crc32(b"a"), 1, 1, 1, 0
    )
    return (head + b"aa") * 65_535


def scattered_headers() -> bytes:
    """Return beginnings of local headers without any data."""
    return b"PK\3\4" * MIB


def zip_of_zstd() -> bytes:
    """Return an archive whose member is a frame of zstd that unpacks to a gibibyte."""
    packer = zstandard.ZstdCompressor().compressobj()
    data = b"".join(packer.compress(bytes(MIB)) for _ in range(1024)) + packer.flush()
    return _zip(lambda archive: archive.writestr("a.zst", data))


def zip_of_texts() -> bytes:
    """Return an archive of 900 texts, each with many possible beginnings of strings."""
    text = b'"'.join([b"A" * 40 + b" a" * 18] * 800)

    def fill(archive: zipfile.ZipFile) -> None:
        for number in range(900):
            archive.writestr(str(number), text)

    return _zip(fill)


def zip_of_beginnings() -> bytes:
    """Return an archive of 900 members that are beginnings of pictures."""
    data = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" * 500

    def fill(archive: zipfile.ZipFile) -> None:
        for number in range(900):
            archive.writestr(str(number), b"." + data)

    return _zip(fill)


def _zip(fill: Callable[[zipfile.ZipFile], None]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        fill(archive)
    return file.getvalue()


def many_gzips() -> bytes:
    """Return a gzip file of a hundred thousand members of one byte."""
    return gzip.compress(b"a") * 100_000


def many_bzip2s() -> bytes:
    """Return a bzip2 file of thirty thousand streams of one byte."""
    return bz2.compress(b"a") * 30_000


def many_xzs() -> bytes:
    """Return an xz file of thirty thousand streams of one byte."""
    return lzma.compress(b"a") * 30_000


def many_zstds() -> bytes:
    """Return a zstd file of a hundred thousand frames of one byte."""
    return zstandard.compress(b"a") * 100_000


def zeros_brotli() -> bytes:
    """Return a brotli file of half a gibibyte of zeros."""
    packer = brotli.Compressor(quality=5)
    body = b"".join(packer.process(bytes(MIB)) for _ in range(512))
    return body + bytes(packer.finish())


def prose_gzip() -> bytes:
    """Return a gzip file of 15 MiB of text."""
    return gzip.compress(_PROSE * (15 * MIB // len(_PROSE)))


def extended_tar() -> bytes:
    """Return a tar file that consists only of extended headers."""
    record = b"30 path=" + b"a" * 21 + b"\n"
    block = record * 17 + bytes(512 - 17 * 30)
    return (_tar_head(b"x", len(block)) + block) * 5000


def long_names_tar() -> bytes:
    """Return a tar file whose only extended header has 100,000 records."""
    records = b"30 path=" + b"a" * 21 + b"\n"
    data = records * 100_000
    data += bytes(-len(data) % 512)
    return _tar_head(b"x", len(data)) + data + _tar_head(b"0", 0) + bytes(1024)


def _tar_head(kind: bytes, size: int) -> bytes:
    """Return the header of one member."""
    head = bytearray(b"name".ljust(100, b"\0") + b"0000644\0" * 3)
    head += b"%011o\0" % size + b"%011o\0" % 0 + b" " * 8 + kind
    head = head.ljust(257, b"\0") + b"ustar\x0000"
    head = head.ljust(512, b"\0")
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head)


# --- Documents -----------------------------------------------------------------------


def _stream(data: bytes, entries: bytes = b"") -> bytes:
    return b"<<%s/Length %d>>\nstream\n%s\nendstream" % (entries, len(data), data)


def crowded_content() -> bytes:
    """Return a document of 5,000 streams, each of which may be a page."""
    return document((*document_start, *[_stream(b"q Q")] * 5000))


def inline_images() -> bytes:
    """Return a document with fifty thousand inline images."""
    image = b"BI /W 20 /H 20 /CS /G /BPC 8 ID " + bytes(400) + b" EI\n"
    packed = zlib.compress(image * 50_000, 9)
    return document((*document_start, _stream(packed, b"/Filter /FlateDecode")))


def small_inline_images() -> bytes:
    """Return a document with inline images of one pixel."""
    image = b"BI /W 1 /H 1 /CS /G /BPC 8 ID a EI\n"
    packed = zlib.compress(image * 300_000, 9)
    return document((*document_start, _stream(packed, b"/Filter /FlateDecode")))


def object_streams() -> bytes:
    """Return a document with a compressed object stream of a million objects."""
    index = b"".join(b"%d 0 " % number for number in range(10, 400_000))
    packed = zlib.compress(index + b"null", 9)
    entries = b"/Type /ObjStm /N 399990 /First %d /Filter /FlateDecode" % len(index)
    return document((*document_start, _stream(packed, entries)))


def filter_chain() -> bytes:
    """Return a document with a stream that is packed again and again."""
    data = bytes(64 * MIB)
    for _ in range(4):
        data = zlib.compress(data, 9)
    filters = b"/Filter [" + b"/FlateDecode " * 4 + b"]"
    return document((*document_start, *[_stream(data, filters)] * 500))


def looping_references() -> bytes:
    """Return a document whose tables and trees refer to themselves."""
    pages = b"<</Type /Pages /Kids [2 0 R 2 0 R] /Count 99 /Parent 2 0 R>>"
    data = document((b"<</Type /Catalog /Pages 2 0 R>>", pages))
    at = data.rindex(b"xref\n0 ")
    return data.replace(b"/Root", b"/Prev %d /XRefStm %d /Root" % (at, at))


def deep_arrays() -> bytes:
    """Return a document with arrays in arrays, a million deep."""
    return document((*document_start, b"[" * MIB))


def without_table() -> bytes:
    """Return a document of 90,000 objects without a table of offsets."""
    body = b"".join(b"%d 0 obj null endobj\n" % number for number in range(1, 45_000))
    return b"%PDF-1.7\n" + body + b"trailer<</Root 1 0 R>>"
