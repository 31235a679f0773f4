"""Tricks with archives in which some readers find more members than others.

Programs that look for magic find an archive after a photo. Thorough readers find a file
with holes, one after zeros, or one that only the second tree of a disc lists.
"""

import gzip
import io
import struct
import tarfile
import zipfile
from collections.abc import Callable
from functools import partial
from typing import Final

from PIL import Image

from tests.corpus import pictures
from tests.corpus.tricks import archives as made
from tests.corpus.tricks.kit import Family, FileType, Maker, Shown, of_family

_SECTOR_BYTES: Final = 2048
_HOLE_BYTES: Final = 64_000


def _behind_photo(pack: Callable[[bytes], bytes]) -> Maker:
    """Return a maker that appends an archive to a photo of the decoy."""

    def make(target: Image.Image, decoy: Image.Image) -> bytes:
        return pictures.jpeg(decoy) + pack(pictures.encoded(target, "BMP"))

    return make


def _gzipped(target: Image.Image) -> bytes:
    return gzip.compress(pictures.encoded(target, "BMP"), mtime=0)


def _behind_zeros(target: Image.Image, decoy: Image.Image) -> bytes:
    """Put the target into a second stream, far after an empty first one."""
    first = gzip.compress(b"", mtime=0)
    second = gzip.compress(pictures.png(decoy) + pictures.png(target), mtime=0)
    return first + bytes(100_000) + second


def _masked(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Set a flag that only encrypted members have, and say that it is not encrypted."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("a.png"), pictures.png(target))
    content = bytearray(file.getvalue())
    for at in (7, content.rindex(b"PK\1\2") + 9):
        content[at] |= 0x20
    return bytes(content)


def _odd_flags(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Set flags without a meaning, which zlib refuses and Python ignores."""
    packed = bytearray(gzip.compress(pictures.png(target), mtime=0))
    packed[3] |= 0xE0
    return bytes(packed)


def _old_lz4(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Write the format of lz4 before it had frames: literals in one block."""
    data = _gzipped(target)
    more, last = divmod(len(data) - 15, 255)
    block = b"\xf0" + b"\xff" * more + bytes((last,)) + data
    return b"\x02\x21\x4c\x18" + struct.pack("<L", len(block)) + block


def zip_folder(data: bytes, *, name: str = "a.bmp/") -> bytes:
    """Return a zip whose member is called like a folder, and said to be empty."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    size = struct.pack("<L", len(data))
    return out.getvalue().replace(size, bytes(4))


def tar_with_holes(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Keep a packed bitmap in a tar, without the zeros in its header."""
    packed = _gzipped(target)
    # A field of the header that no program reads is all zeros.
    head = packed[:3] + b"\4" + packed[4:10] + struct.pack("<H", _HOLE_BYTES)
    rest = packed[10:]
    spans = (0, len(head), len(head) + _HOLE_BYTES, len(rest))
    info = tarfile.TarInfo("a.bmp.gz")
    info.size = len(head) + len(rest)
    info.pax_headers = {
        "GNU.sparse.major": "0",
        "GNU.sparse.minor": "1",
        "GNU.sparse.size": str(sum(spans[2:])),
        "GNU.sparse.map": ",".join(map(str, spans)),
    }
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(info, io.BytesIO(head + rest))
    return out.getvalue()


def two_trees(short: tuple[str, bytes], long: tuple[str, bytes]) -> bytes:
    """Return the image of a disc with another file in each of its two trees.

    Args:
        short: Name and bytes of the file in the tree of ISO 9660.
        long: The same in the tree of Windows.
    """
    behind = _DATA + _sectors(short[1])
    files = (
        (f"{short[0]};1".encode(), _DATA, short[1]),
        (long[0].encode("utf-16-be"), behind, long[1]),
    )
    end = behind + _sectors(long[1])
    volumes = (
        _volume(b"\1", b"", end, folder=21),
        _volume(b"\2", b"%/E", end, folder=22),
    )
    folders = (_folder(21, *files[0]), _folder(22, *files[1]))
    parts = (
        *(bytes(16 * _SECTOR_BYTES), *volumes, b"\xffCD001\1"),
        *(bytes(2 * _SECTOR_BYTES), *folders, short[1], long[1]),
    )
    return b"".join(part + bytes(-len(part) % _SECTOR_BYTES) for part in parts)


_DATA: Final = 23
"""First sector of the files: after three descriptors, tables and folders."""


def _sectors(data: bytes) -> int:
    return -(-len(data) // _SECTOR_BYTES)


def _both(number: int) -> bytes:
    return struct.pack("<L", number) + struct.pack(">L", number)


def _folder(at: int, name: bytes, sector: int, data: bytes) -> bytes:
    record = partial(made.disc_record, sector=at, size=_SECTOR_BYTES, flags=2)
    file = made.disc_record(name, sector, len(data), flags=0)
    return record(b"\0") + record(b"\1") + file


def _volume(kind: bytes, letters: bytes, sectors: int, *, folder: int) -> bytes:
    root = made.disc_record(b"\0", folder, _SECTOR_BYTES, flags=2)
    start = kind + b"CD001\1\0" + bytes(32) + b"DISC".ljust(32) + bytes(8)
    sizes = _both(sectors) + letters.ljust(32, b"\0")
    sizes += struct.pack("<H", 1) + struct.pack(">H", 1)
    sizes += struct.pack("<H", 1) + struct.pack(">H", 1)
    sizes += struct.pack("<H", _SECTOR_BYTES) + struct.pack(">H", _SECTOR_BYTES)
    tables = _both(10) + struct.pack("<LL", 19, 0) + struct.pack(">LL", 20, 0)
    return (start + sizes + tables + root).ljust(881, b"\0") + b"\1"


def _disc(*, is_long: bool) -> Maker:
    """Return a maker of a disc with the target in one tree, the decoy in the other."""

    def make(target: Image.Image, decoy: Image.Image) -> bytes:
        hidden, shown = _gzipped(target), pictures.jpeg(decoy)
        if is_long:
            return two_trees(("A.JPG", shown), ("a.bmp.gz", hidden))
        return two_trees(("A.GZ", hidden), ("a.jpg", shown))

    return make


_joined = partial(of_family(Family.CONTAINER), shown=Shown.NOTHING)

JOINED_TRICKS = (
    _joined(
        "jpeg-7z", FileType.JPEG, _behind_photo(made.seven_zip), "a 7z after a photo"
    ),
    _joined("jpeg-rar", FileType.JPEG, _behind_photo(made.rar5), "a RAR after a photo"),
    _joined(
        "gzip-zeros",
        FileType.DATA,
        _behind_zeros,
        "a second stream after a hundred thousand zeros",
    ),
    _joined(
        "zip-masked",
        FileType.ZIP,
        _masked,
        "a member of a zip with a flag of encrypted ones",
    ),
    _joined(
        "gzip-flags",
        FileType.DATA,
        _odd_flags,
        "packed by gzip, with flags that do not exist",
    ),
    _joined("lz4-old", FileType.DATA, _old_lz4, "packed by lz4 as it was at first"),
    _joined(
        "zip-folder",
        FileType.ZIP,
        lambda target, _: zip_folder(pictures.encoded(target, "BMP")),
        "a member of a zip that is called like a folder",
    ),
    _joined("tar-holes", FileType.DATA, tar_with_holes, "a file with holes in a tar"),
    _joined(
        "iso-long",
        FileType.DATA,
        _disc(is_long=True),
        "a file that Windows alone lists on a disc",
    ),
    _joined(
        "iso-short",
        FileType.DATA,
        _disc(is_long=False),
        "a file that Windows does not list on a disc",
    ),
)
