"""Hostile archives of the kinds that libarchive reads: a part of ``bombs.py``."""

import io
import struct
import tarfile
import zlib

import inflate64

from tests.corpus.bombs.pictures import MIB
from tests.corpus.tricks import archives as made


def zeros_7z() -> bytes:
    """Return a 7z file of 128 MiB of zeros."""
    return made.seven_zip(bytes(128 * MIB))


def wide_7z() -> bytes:
    """Return a 7z file that needs a window of 4 GiB minus one byte."""
    file = made.seven_zip(bytes(32 * MIB))
    start = 32 + struct.unpack_from("<Q", file, 12)[0]
    usual = struct.pack("<BL", 0x5D, 1 << 23)
    wide = file[start:].replace(usual, b"\x5d\xff\xff\xff\xff")
    return _with_header(file[32:start], wide)


def crowded_7z() -> bytes:
    """Return a 7z file that claims a hundred million empty files."""
    files = b"\5" + made.count(100_000_000) + b"\0\0"
    return _with_header(b"", b"\1" + files)


def _with_header(packed: bytes, header: bytes) -> bytes:
    """Return a 7z file of these streams and this header."""
    behind = struct.pack("<QQL", len(packed), len(header), zlib.crc32(header))
    start = b"7z\xbc\xaf\x27\x1c\0\4" + struct.pack("<L", zlib.crc32(behind)) + behind
    return start + packed + header


def wide_rar() -> bytes:
    """Return a RAR file that needs a window of 4 GiB."""
    return made.rar5(b"nothing" * 1000, window=15)


def zeros_cab() -> bytes:
    """Return a cabinet of 64 MiB of zeros."""
    return made.cab(bytes(64 * MIB))


def crowded_ar() -> bytes:
    """Return an archive of thirty thousand empty members."""
    return made.ar(*((str(number), b"") for number in range(30_000)))


def crowded_xar() -> bytes:
    """Return an archive whose packed table has a million files."""
    file = b"<file><name>a</name><type>file</type></file>"
    packer = zlib.compressobj(9)
    table = b"<xar><toc>" + file * 1_000_000 + b"</toc></xar>"
    small = packer.compress(table) + packer.flush()
    return struct.pack(">4sHHQQL", b"xar!", 28, 1, len(small), len(table), 0) + small


def deep_xar() -> bytes:
    """Return an archive whose packed table has folders in folders."""
    table = b"<xar><toc>" + b"<file><name>a</name>" * 300_000
    small = zlib.compress(table, 9)
    return struct.pack(">4sHHQQL", b"xar!", 28, 1, len(small), len(table), 0) + small


def endless_disc() -> bytes:
    """Return the image of a disc whose folder contains itself many times."""
    disc = bytearray(made.iso("A", b""))
    record = made.disc_record(b"AB", 18, 2048, flags=2)
    at = 18 * 2048 + 68
    while at + len(record) < 19 * 2048:
        disc[at : at + len(record)] = record
        at += len(record)
    return bytes(disc)


def zeros_lzip() -> bytes:
    """Return an lzip file of 128 MiB of zeros."""
    return made.lzip(bytes(128 * MIB))


def zeros_deflate64() -> bytes:
    """Return a zip of one member: 64 MiB of zeros, packed by Deflate64."""
    packer = inflate64.Deflater()
    packed = bytes(packer.deflate(bytes(64 * MIB)) + packer.flush())
    return made.zip_member(packed, size=64 * MIB)


def archive_magics() -> bytes:
    """Return bytes with many beginnings of archives."""
    return (
        b"\0\xff" * 99 + b"Rar!\x1a\7\1\0" * 250_000 + b"7z\xbc\xaf\x27\x1c" * 250_000
    )


def holes_tar() -> bytes:
    """Return a tar of a thousand files that consist of holes of 16 MiB."""
    info = tarfile.TarInfo("a")
    info.size = 1
    info.pax_headers = {
        "GNU.sparse.major": "0",
        "GNU.sparse.minor": "1",
        "GNU.sparse.size": str(16 * MIB),
        "GNU.sparse.map": f"{16 * MIB - 1},1",
    }
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for _ in range(1000):
            archive.addfile(info, io.BytesIO(b"a"))
    return out.getvalue()


def crowded_disc() -> bytes:
    """Return the image of a disc with two trees of a hundred thousand files each."""
    disc = bytearray(made.iso("A", b""))
    record = made.disc_record(b"AB", 21, 0, flags=0)
    folder = record * 100_000
    at = len(disc)
    root = made.disc_record(b"\0", at // 2048, len(folder), flags=2)
    for number, kind in ((16, 1), (17, 2)):
        start = number * 2048
        disc[start : start + 2048] = disc[16 * 2048 : 17 * 2048]
        disc[start] = kind
        disc[start + 156 : start + 156 + len(root)] = root
    return bytes(disc) + folder
