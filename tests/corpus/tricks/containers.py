"""Tricks with containers: pictures in archives, packed files and documents."""

import base64
import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from functools import partial

import brotli
import numpy as np
import zstandard
from PIL import Image
from typing_extensions import Buffer, override

from tests.corpus import pictures
from tests.corpus.pdfs import Document, Name
from tests.corpus.pdfs import image as samples
from tests.corpus.tricks.kit import (
    Family,
    FileType,
    Maker,
    Shown,
    of_family,
    pixels,
)

_DATE = (2024, 1, 1, 0, 0, 0)
"""The date of all members of an archive, so that it is always the same."""


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip of named members, the same for the same members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members:
            info = zipfile.ZipInfo(name, date_time=_DATE)
            archive.writestr(info, data, compress_type=method)
    return buffer.getvalue()


def _zip(method: int) -> Maker:
    """Return a maker of a zip, packed by a method, with a BMP in it."""

    def make(target: Image.Image, _decoy: Image.Image) -> bytes:
        # Not a JPEG: that would hardly be packed, and be visible in the archive.
        content = pictures.encoded(target, "BMP")
        return zipped(("a.txt", b"nothing"), ("b.bmp", content), method=method)

    return make


def _zip_named(name: bytes) -> Maker:
    """Return a maker of a zip with a name as programs without UTF-8 write it."""

    def make(target: Image.Image, _decoy: Image.Image) -> bytes:
        stand_in = "n" * len(name)
        archive = zipped((f"{stand_in}.bmp", pictures.encoded(target, "BMP")))
        return archive.replace(stand_in.encode(), name)

    return make


def _zip_nested(target: Image.Image, _decoy: Image.Image) -> bytes:
    inner = zipped(("c/d.bmp", pictures.encoded(target, "BMP")))
    return zipped(("a.txt", b"nothing"), ("b.zip", inner))


def _zip_unlisted(target: Image.Image, decoy: Image.Image) -> bytes:
    """Leave the target out of the central directory: it has only a local header."""
    hidden = zipped(("a.bmp", pictures.encoded(target, "BMP")))
    listed = zipped(("b.jpg", pictures.jpeg(decoy)))
    return hidden[: hidden.index(b"PK\1\2")] + listed


def _zip_relisted(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Say in the local header that the packed member is empty and stored."""
    content = bytearray(zipped(("a.bmp", pictures.encoded(target, "BMP"))))
    content[8:10] = b"\0\0"
    content[18:26] = bytes(8)
    return bytes(content)


class _Unseekable(io.RawIOBase):
    """Takes bytes only in order, like a pipe."""

    def __init__(self) -> None:
        self.content = b""

    @override
    def writable(self) -> bool:
        return True

    @override
    def write(self, data: Buffer, /) -> int:
        self.content += bytes(data)
        return len(bytes(data))


def _zip_descriptor(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Put the sizes of a member after it, like writers that cannot seek."""
    pipe = _Unseekable()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        info = zipfile.ZipInfo("a.bmp", date_time=_DATE)
        content = pictures.encoded(target, "BMP")
        archive.writestr(info, content, compress_type=zipfile.ZIP_DEFLATED)
    return pipe.content


def _zip_behind(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Put a program before a zip, as in archives that unpack themselves."""
    return b"MZ" + bytes(2000) + zipped(("a.bmp", pictures.encoded(target, "BMP")))


def _document(*, first: tuple[str, bytes], folder: str) -> Maker:
    """Return a maker of a document that is a zip."""

    def make(target: Image.Image, _decoy: Image.Image) -> bytes:
        return zipped(first, (f"{folder}/image1.png", pictures.png(target)))

    return make


def _comic(target: Image.Image, decoy: Image.Image) -> bytes:
    """Make a comic of two pages."""
    pages = ("1.jpg", pictures.jpeg(decoy)), ("2.webp", pictures.webp(target))
    return zipped(*pages, method=zipfile.ZIP_STORED)


_CONTENT_TYPES = "[Content_Types].xml", b"<?xml version='1.0'?><Types/>"


_EPUB = "mimetype", b"application/epub+zip"


def _tar(target: Image.Image) -> bytes:
    """Return a tar with a BMP in it."""
    content = pictures.encoded(target, "BMP")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        info = tarfile.TarInfo("a/b.bmp")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def _packed(pack: Callable[[bytes], bytes], *, tarred: bool = False) -> Maker:
    """Return a maker of a packed BMP, or of a packed tar."""

    def make(target: Image.Image, _decoy: Image.Image) -> bytes:
        content = _tar(target) if tarred else pictures.encoded(target, "BMP")
        return pack(content)

    return make


def _plain_tar(target: Image.Image, _decoy: Image.Image) -> bytes:
    return _tar(target)


def _gzipped(content: bytes) -> bytes:
    return gzip.compress(content, 6, mtime=0)


def _gzip_twice(target: Image.Image, decoy: Image.Image) -> bytes:
    """Put two members into one gzip; unpackers read both as one."""
    first, second = np.array_split(
        np.frombuffer(pictures.encoded(target, "BMP"), np.uint8), 2
    )
    del decoy
    return _gzipped(first.tobytes()) + _gzipped(second.tobytes())


def pdf(image: Image.Image, *, packing: str, objects: bool = False) -> bytes:
    """Return a PDF of one page with one picture.

    Args:
        image: The picture.
        packing: ``DCTDecode``, ``FlateDecode``, both (as the Flate of a JPEG) or
            ``ASCII85Decode`` of one, the last applied first.
        objects: Whether objects stand in packed streams.
    """
    filters = [Name(each) for each in packing.split()]
    data = _pdf_data(image, packing)
    document = Document()
    document.show(samples("RGB", *image.size, data, Filter=filters), image.size)
    return document.save(is_compact=objects)


def _pdf_data(image: Image.Image, packing: str) -> bytes:
    """Return samples or a JPEG, packed by the filters from the last to the first."""
    names = packing.split()
    data = pixels(image).tobytes()
    for name in reversed(names):
        match name:
            case "DCTDecode":
                data = pictures.jpeg(image)
            case "FlateDecode":
                data = zlib.compress(data)
            case "ASCII85Decode":
                data = base64.a85encode(data) + b"~>"
            case _:
                raise ValueError(f"no such filter: {name!r}")
    return data


def _indexed_pdf(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Store numbers of colours, and the colours with the last one first."""
    palette = target.quantize(256)
    colours = bytes(palette.getpalette() or ()).ljust(768, b"\0")
    backwards = np.frombuffer(colours, np.uint8).reshape(256, 3)[::-1].tobytes()
    numbers = 255 - np.asarray(palette)
    stream = samples("L", *target.size, zlib.compress(numbers.tobytes()))
    stream.ColorSpace = [Name.Indexed, Name.DeviceRGB, 255, backwards]
    stream.Filter = Name.FlateDecode
    document = Document()
    document.show(stream, target.size)
    return document.save()


def _pdf(packing: str, *, objects: bool = False) -> Maker:
    """Return a maker of a PDF."""

    def make(target: Image.Image, _decoy: Image.Image) -> bytes:
        return pdf(target, packing=packing, objects=objects)

    return make


_held = of_family(Family.CONTAINER)


CONTAINER_TRICKS = (
    _held(
        "zip-stored",
        FileType.ZIP,
        _zip(zipfile.ZIP_STORED),
        "not packed",
        shown=Shown.NOTHING,
    ),
    _held(
        "zip-deflated",
        FileType.ZIP,
        _zip(zipfile.ZIP_DEFLATED),
        "packed as usual",
        shown=Shown.NOTHING,
    ),
    _held(
        "zip-bzip2",
        FileType.ZIP,
        _zip(zipfile.ZIP_BZIP2),
        "packed by bzip2",
        shown=Shown.NOTHING,
    ),
    _held(
        "zip-lzma",
        FileType.ZIP,
        _zip(zipfile.ZIP_LZMA),
        "packed by LZMA",
        shown=Shown.NOTHING,
    ),
    _held(
        "zip-name-cp437",
        FileType.ZIP,
        _zip_named("Grüße".encode("cp437")),
        "named as an older Windows writes it",
        shown=Shown.NOTHING,
    ),
    _held(
        "zip-name-cp1252",
        FileType.ZIP,
        _zip_named("Grüße".encode("cp1252")),
        "named as a careless program writes it",
        shown=Shown.NOTHING,
    ),
    _held(
        "zip-name-shift-jis",
        FileType.ZIP,
        _zip_named("写真".encode("shift-jis")),
        "named as a Japanese Windows writes it",
        shown=Shown.NOTHING,
    ),
    _held(
        "zip-name-gbk",
        FileType.ZIP,
        _zip_named("照片".encode("gbk")),
        "named as a Chinese Windows writes it",
        shown=Shown.NOTHING,
    ),
    _held(
        "zip-nested", FileType.ZIP, _zip_nested, "a zip in a zip", shown=Shown.NOTHING
    ),
    _held(
        "zip-unlisted",
        FileType.ZIP,
        _zip_unlisted,
        "left out of the central directory",
        shown=Shown.NOTHING,
    ),
    _held(
        "zip-relisted",
        FileType.ZIP,
        _zip_relisted,
        "empty according to its local header",
        shown=Shown.NOTHING,
    ),
    _held(
        "docx",
        FileType.ZIP,
        _document(first=_CONTENT_TYPES, folder="word/media"),
        "a picture in a text document",
        shown=Shown.NOTHING,
    ),
    _held(
        "epub",
        FileType.ZIP,
        _document(first=_EPUB, folder="OEBPS"),
        "a picture in a book",
        shown=Shown.NOTHING,
    ),
    _held("cbz", FileType.ZIP, _comic, "a comic", shown=Shown.NOTHING),
    _held(
        "zip-descriptor",
        FileType.ZIP,
        _zip_descriptor,
        "sizes after the member",
        shown=Shown.NOTHING,
    ),
    _held(
        "zip-behind",
        FileType.DATA,
        _zip_behind,
        "after a program",
        shown=Shown.NOTHING,
    ),
    _held(
        "brotli",
        FileType.BROTLI,
        _packed(partial(brotli.compress, quality=5)),
        "packed by Brotli, which has no magic",
        shown=Shown.NOTHING,
    ),
    _held("tar", FileType.DATA, _plain_tar, "a tar", shown=Shown.NOTHING),
    _held(
        "tar-gz",
        FileType.DATA,
        _packed(_gzipped, tarred=True),
        "a tar packed by gzip",
        shown=Shown.NOTHING,
    ),
    _held(
        "tar-xz",
        FileType.DATA,
        _packed(lzma.compress, tarred=True),
        "a tar packed by xz",
        shown=Shown.NOTHING,
    ),
    _held(
        "gzip", FileType.DATA, _packed(_gzipped), "packed by gzip", shown=Shown.NOTHING
    ),
    _held(
        "gzip-members",
        FileType.DATA,
        _gzip_twice,
        "packed by gzip in two members",
        shown=Shown.NOTHING,
    ),
    _held(
        "bzip2",
        FileType.DATA,
        _packed(bz2.compress),
        "packed by bzip2",
        shown=Shown.NOTHING,
    ),
    _held(
        "xz", FileType.DATA, _packed(lzma.compress), "packed by xz", shown=Shown.NOTHING
    ),
    _held(
        "zstd",
        FileType.DATA,
        _packed(zstandard.compress),
        "packed by zstd",
        shown=Shown.NOTHING,
    ),
    _held(
        "pdf-jpeg",
        FileType.PDF,
        _pdf("DCTDecode"),
        "a JPEG on a page",
        shown=Shown.NOTHING,
    ),
    _held(
        "pdf-flate",
        FileType.PDF,
        _pdf("FlateDecode"),
        "packed samples on a page",
        shown=Shown.NOTHING,
    ),
    _held(
        "pdf-flate-jpeg",
        FileType.PDF,
        _pdf("FlateDecode DCTDecode"),
        "a packed JPEG on a page",
        shown=Shown.NOTHING,
    ),
    _held(
        "pdf-ascii85",
        FileType.PDF,
        _pdf("ASCII85Decode DCTDecode"),
        "a JPEG as text on a page",
        shown=Shown.NOTHING,
    ),
    _held(
        "pdf-objects",
        FileType.PDF,
        _pdf("FlateDecode", objects=True),
        "packed samples, and packed objects",
        shown=Shown.NOTHING,
    ),
    _held(
        "pdf-indexed",
        FileType.PDF,
        _indexed_pdf,
        "numbers of colours",
        shown=Shown.NOTHING,
    ),
)
