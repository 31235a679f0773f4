"""The beginning of a file of each kind."""

import struct

from tests.corpus import pictures
from tests.corpus.tricks.bitmaps import icon
from uploadfilter.contents.kinds.magic import Kind

IMAGE = pictures.photograph(1, width=48, height=32)


def iso_media(*brands: bytes) -> bytes:
    """Return the first box of an ISO base media file."""
    major, *compatible = brands
    body = b"ftyp" + major + bytes(4) + b"".join(compatible)
    return struct.pack(">I", 4 + len(body)) + body + bytes(30)


def old_tar() -> bytes:
    """Return a header as tar wrote it before POSIX: without magic, with a sum."""
    header = bytearray(b"name".ljust(100, b"\0") + b"0000644\0" * 3)
    header += b"00000000005\0" + b"14713252000\0" + b" " * 8
    header = header.ljust(512, b"\0")
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


KINDS = [
    (pictures.jpeg(IMAGE), Kind.JPEG),
    (pictures.png(IMAGE), Kind.PNG),
    (pictures.gif(IMAGE), Kind.GIF),
    (pictures.webp(IMAGE), Kind.WEBP),
    (pictures.encoded(IMAGE, "BMP"), Kind.BMP),
    (pictures.encoded(IMAGE, "TIFF"), Kind.TIFF),
    (pictures.encoded(IMAGE, "AVIF"), Kind.AVIF),
    (pictures.encoded(IMAGE, "ICO"), Kind.ICO),
    (
        icon((16, 16, pictures.png(IMAGE)), (16, 16, pictures.png(IMAGE)))[:6]
        + bytes(16)
        + icon((16, 16, b""), (16, 16, pictures.png(IMAGE)))[22:],
        Kind.ICO,
    ),
    (pictures.encoded(IMAGE, "MPO"), Kind.JPEG),
    (b"MM\0*\0\0\0\x08", Kind.TIFF),
    (struct.pack("<2sIHHI IHHHH", b"BM", 99, 0, 0, 26, 12, 9, 9, 1, 24), Kind.BMP),
    (iso_media(b"avif", b"mif1"), Kind.AVIF),
    (iso_media(b"mif1", b"avif"), Kind.AVIF),
    (iso_media(b"heic", b"mif1"), Kind.HEIC),
    (iso_media(b"heic", b"mif1", b"avif"), Kind.HEIC),
    (iso_media(b"avif", b"mif1", b"heic"), Kind.AVIF),
    (iso_media(b"mif1", b"miaf"), Kind.HEIC),
    (iso_media(b"isom", b"heic"), Kind.HEIC),
    (b"\0\0\0\1ftyp" + bytes(7) + b"\x18avif\0\0\0\0", Kind.AVIF),
    (iso_media(b"isom", b"mp42"), Kind.VIDEO),
    (iso_media(b"qt  "), Kind.VIDEO),
    (b"\0\0\0\x0cJXL \r\n\x87\n", Kind.JXL),
    (b"\xff\x0a\x01\x02", Kind.JXL),
    (b"\0\0\0\x0cjP  \r\n\x87\n", Kind.JP2),
    (b"8BPS\0\x01", Kind.PSD),
    (b"II\xbc\x01", Kind.JXR),
    (pictures.encoded(IMAGE, "PPM"), Kind.PNM),
    (b"P1\n# made by hand\n3 2\n1 0 1\n0 1 0\n", Kind.PNM),
    (b"P4 8 1 \xff", Kind.PNM),
    (b"qoif\0\0\0\x09\0\0\0\x09\3\0", Kind.QOI),
    (b"%!PS-Adobe-3.0 EPSF-3.0", Kind.EPS),
    (b"\xd7\xcd\xc6\x9a\0\0", Kind.WMF),
    (b"\1\0\0\0".ljust(40, b"\0") + b" EMF", Kind.EMF),
    (b"PK\x03\x04rest", Kind.ZIP),
    (b"\x1f\x8b\x08\0", Kind.GZIP),
    (b"BZh91AY&SY", Kind.BZIP2),
    (b"\xfd7zXZ\0", Kind.XZ),
    (b"\x28\xb5\x2f\xfd\0", Kind.ZSTD),
    (b"7z\xbc\xaf\x27\x1c", Kind.SEVEN_ZIP),
    (b"Rar!\x1a\x07\0", Kind.RAR),
    (b"name".ljust(257, b"\0") + b"ustar\x0000", Kind.TAR),
    (old_tar(), Kind.TAR),
    (b"%PDF-1.7", Kind.PDF),
    (b"\n" * 900 + b"%PDF-1.7", Kind.PDF),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Kind.OLE),
    (b"PACK\0\0\0\2\0\0\0\1", Kind.GIT),
    (b"00a5" + b"0" * 40 + b" " + b"7" * 40 + b" refs/heads/main\0 ", Kind.GIT),
    (b"RIFF\0\0\0\0AVI LIST", Kind.VIDEO),
    (b"\x1a\x45\xdf\xa3webm", Kind.VIDEO),
    (b"\x1a\x45\xdf\xa3webm\x86\x86A_OPUS", Kind.SOUND),
    (b"ID3\3\0\0\0\0\0\0", Kind.SOUND),
    (b"\0\0\0\x08wide\0\0\1\0mdat", Kind.VIDEO),
    (b"<!DOCTYPE html><p>", Kind.HTML),
    (b"\xef\xbb\xbf <html>", Kind.HTML),
    (b"<?xml version='1.0'?><a/>", Kind.XML),
    (b"<?xml version='1.0'?><svg/>", Kind.SVG),
    (b"<!-- by hand -->\n<!DOCTYPE svg [<!ENTITY a 'b'>]><svg:svg >", Kind.SVG),
    ("\ufeff<svg >".encode("utf-16-le"), Kind.SVG),
    ("<svg >".encode("utf-16-be"), Kind.SVG),
    ("<html><p>".encode("utf-16"), Kind.HTML),
    (b"<!-- a comment --> <table>", Kind.HTML),
    (b"<!doctype html><svg >", Kind.HTML),
    (b"<?xml version='1.0'?><!DOCTYPE html><html>", Kind.HTML),
    (b'{"picture": "<svg></svg>"}', Kind.TEXT),
    (b"<b", Kind.TEXT),
    (b"<svg xmlns='http://www.w3.org/2000/svg'/>", Kind.SVG),
    (b'{"key": "value"}', Kind.TEXT),
    ("Grüße".encode(), Kind.TEXT),
    (b"\xff\xfeh\0i\0", Kind.TEXT),
    (b"", Kind.EMPTY),
    (b"\0\x01\x02\x03", Kind.DATA),
]
