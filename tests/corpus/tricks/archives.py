"""Tricks with common archives: 7z, RAR, CAB, LHA, disc images and others.

Each archive is written by hand, as small as it can be. If a format packs its members
and no library of Python can pack them, every byte is a literal of eight bits after an
odd number of bits, so that no byte of the picture stands there unchanged.
"""

import gzip
import io
import itertools
import lzma
import struct
import tarfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final

from PIL import Image

from tests.corpus import pictures
from tests.corpus.tricks.kit import Expected, Family, FileType, Maker, Shown, of_family

_CHUNK_BYTES: Final = 32_768
_SECTOR_BYTES: Final = 2048


def _bits(fields: Iterable[tuple[int, int]]) -> bytes:
    """Pack numbers, each with its count of bits, the highest bit first."""
    text = "".join(f"{value:0{width}b}" for value, width in fields)
    whole = text.ljust(-(-len(text) // 8) * 8, "0")
    return int(whole, 2).to_bytes(len(whole) // 8, "big")


def _literals(data: bytes) -> list[tuple[int, int]]:
    """Return bytes as symbols of a code in which each has eight bits."""
    return [(byte, 8) for byte in data]


def count(number: int) -> bytes:
    """Write a number as 7z does, in nine bytes."""
    return b"\xff" + struct.pack("<Q", number)


_LZMA: Final = b"\x03\x01\x01", b"\x5d" + struct.pack("<L", 1 << 23)
_AES: Final = b"\x06\xf1\x07\x01", bytes(2)
"""Codings of 7z by number, with their properties."""


def seven_zip(data: bytes, *, name: str = "a.bmp", is_encrypted: bool = False) -> bytes:
    """Return a 7z file of one member."""
    packer = [{"id": lzma.FILTER_LZMA1, "preset": 6}]
    packed = lzma.compress(data, format=lzma.FORMAT_RAW, filters=packer)
    coding, properties = _AES if is_encrypted else _LZMA
    names = b"\0" + name.encode("utf-16-le") + b"\0\0"
    header = b"".join(
        (
            *(b"\1\4\6", count(0), b"\1\x09", count(len(packed)), b"\0"),
            *(b"\7\x0b\1\0\1", bytes((0x20 | len(coding),)), coding),
            *(bytes((len(properties),)), properties),
            *(b"\x0c", count(len(data)), b"\0\x08\0\0"),
            *(b"\5\1\x11", count(len(names)), names, b"\0\0"),
        )
    )
    behind = struct.pack("<QQL", len(packed), len(header), zlib.crc32(header))
    start = b"7z\xbc\xaf\x27\x1c\0\4" + struct.pack("<L", zlib.crc32(behind)) + behind
    return start + packed + header


def _vint(number: int) -> bytes:
    """Write a number as RAR 5 does."""
    low, high = number & 127, number >> 7
    return bytes((low | 128,)) + _vint(high) if high else bytes((low,))


def _rar_block(body: bytes) -> bytes:
    """Return a header of RAR 5 with its length and checksum."""
    sized = _vint(len(body)) + body
    return struct.pack("<L", zlib.crc32(sized)) + sized


_LONGEST_RUN: Final = 138
_SHORTEST_RUN: Final = 11
"""Runs in which RAR writes the lengths of its codes, the longer kind."""


def _rar_table(lengths: Sequence[int]) -> list[tuple[int, int]]:
    """Write the lengths of the codes of RAR 3 and 5: only 8, 9 and runs of zeros."""
    codes = {8: 0b00, 9: 0b01}
    repeat, nothing = 0b10, 0b11
    fields = [(2 if symbol in {8, 9, 17, 19} else 0, 4) for symbol in range(20)]
    for length, group in itertools.groupby(lengths):
        left = len(list(group))
        if length:
            fields.append((codes[length], 2))
            left -= 1
        while left >= _SHORTEST_RUN:
            run = min(_LONGEST_RUN, left if left <= _LONGEST_RUN else left - 11)
            fields += [(repeat if length else nothing, 2), (run - _SHORTEST_RUN, 7)]
            left -= run
        fields += [(codes.get(length, nothing), 2)] * left
    return fields


def rar5(data: bytes, *, name: str = "a.bmp", flags: int = 0, window: int = 4) -> bytes:
    """Return a RAR file of version 5 with one member.

    Args:
        data: The member.
        name: Its name.
        flags: 1 if it goes on in another volume.
        window: The length of its window, doubled for each step: 0 is 128 KiB.
    """
    table = _rar_table([8] * 256 + [0] * (306 - 256 + 64 + 16 + 44))
    coded = _bits([*table, *_literals(data)])
    last_bits = (sum(width for _, width in table) - 1) % 8
    head = bytes((last_bits | 2 << 3 | 3 << 6,))
    size = struct.pack("<L", len(coded))[:3]
    check = 0x5A ^ head[0] ^ size[0] ^ size[1] ^ size[2]
    packed = head + bytes((check,)) + size + coded
    member = b"".join(
        (
            *(b"\2\2", _vint(len(packed)), b"\4", _vint(len(data)), b"\0"),
            *(struct.pack("<L", zlib.crc32(data)), _vint(3 << 7 | window << 10), b"\1"),
            *(_vint(len(name.encode())), name.encode()),
        )
    )
    main = _rar_block(b"\1\0" + bytes((flags,)))
    end = _rar_block(b"\5\0" + bytes((flags,)))
    return b"Rar!\x1a\7\1\0" + main + _rar_block(member) + packed + end


def rar4(data: bytes, *, name: str = "a.bmp", is_encrypted: bool = False) -> bytes:
    """Return a RAR file of version 3 with one member."""
    # One more symbol, for the end, makes the codes of the last two bytes longer.
    table = _rar_table([8] * 254 + [9] * 4 + [0] * (299 - 258 + 60 + 17 + 28))
    literals = [(byte, 8) if byte < 254 else (byte + 254, 9) for byte in data]
    packed = _bits([(0, 2), *table, *literals, (510, 9), (0b01, 2)])
    main = b"\x73" + struct.pack("<HH6x", 0, 13)
    flags = 0x8000 | (4 if is_encrypted else 0)
    sizes = struct.pack("<LLBLL", len(packed), len(data), 2, zlib.crc32(data), 0)
    rest = sizes + struct.pack("<BBHL", 29, 0x33, len(name), 32) + name.encode()
    member = b"\x74" + struct.pack("<HH", flags, 7 + len(rest)) + rest
    end = b"\x7b" + struct.pack("<HH", 0x4000, 7)
    checked = [
        struct.pack("<H", zlib.crc32(head) & 0xFFFF) + head
        for head in (main, member, end)
    ]
    return b"Rar!\x1a\7\0" + checked[0] + checked[1] + packed + checked[2]


def cab(data: bytes, *, name: str = "a.bmp") -> bytes:
    """Return a cabinet of one member, packed by MSZIP."""
    blocks, before = [], b""
    for at in range(0, len(data), _CHUNK_BYTES):
        piece = data[at : at + _CHUNK_BYTES]
        packer = zlib.compressobj(6, zlib.DEFLATED, -15, zdict=before)
        packed = b"CK" + packer.compress(piece) + packer.flush()
        blocks.append(struct.pack("<LHH", 0, len(packed), len(piece)) + packed)
        before = piece
    files = struct.pack("<LLHHHH", len(data), 0, 0, 0, 0, 32) + name.encode() + b"\0"
    data_at = 36 + 8 + len(files)
    folder = struct.pack("<LHH", data_at, len(blocks), 1)
    size = data_at + sum(map(len, blocks))
    fixed = struct.pack("<4x L 4x L 4x BB HHHHH", size, 44, 3, 1, 1, 1, 0, 0, 0)
    return b"MSCF" + fixed + folder + files + b"".join(blocks)


def _crc16(data: bytes) -> int:
    """Return the checksum of LHA."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc


def lha(data: bytes, *, name: str = "a.bmp") -> bytes:
    """Return an LHA file of one member, packed by -lh5-."""
    fields: list[tuple[int, int]] = []
    for at in range(0, len(data), _CHUNK_BYTES):
        piece = data[at : at + _CHUNK_BYTES]
        # All lengths are equal, so that each takes no bit.
        fields += [(len(piece), 16), (0, 5), (8 + 2, 5), (256, 9), (0, 4), (0, 4)]
        fields += _literals(piece)
    packed = _bits(fields)
    rest = b"-lh5-" + struct.pack("<LLLBB", len(packed), len(data), 0, 32, 0)
    rest += bytes((len(name),)) + name.encode() + struct.pack("<H", _crc16(data))
    return bytes((len(rest), sum(rest) & 255)) + rest + packed + b"\0"


def ar(*members: tuple[str, bytes]) -> bytes:
    """Return an archive of ``ar``, like a Debian package."""
    file = b"!<arch>\n"
    for name, data in members:
        fields = f"{name + '/':<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(data):<10}`\n"
        file += fields.encode() + data + b"\n" * (len(data) % 2)
    return file


def cpio(*members: tuple[str, bytes]) -> bytes:
    """Return an archive of ``cpio -H newc``."""
    file = b""
    for name, data in (*members, ("TRAILER!!!", b"")):
        size = len(name) + 1
        numbers = (1, 0o100644, 0, 0, 1, 0, len(data), 0, 0, 0, 0, size, 0)
        head = "070701" + "".join(f"{number:08x}" for number in numbers)
        file += _padded(f"{head}{name}\0".encode(), 4) + _padded(data, 4)
    return file


def _padded(data: bytes, to: int) -> bytes:
    return data + bytes(-len(data) % to)


def rpm(*members: tuple[str, bytes]) -> bytes:
    """Return an RPM package: two empty headers and a packed archive."""
    lead = b"\xed\xab\xee\xdb\3\0" + bytes(72) + b"\0\5" + bytes(16)
    header = b"\x8e\xad\xe8\1" + bytes(12)
    return lead + header + header + gzip.compress(cpio(*members), mtime=0)


def _both(number: int, width: int) -> bytes:
    """Write a number in both orders, as discs do."""
    return number.to_bytes(width, "little") + number.to_bytes(width, "big")


def disc_record(name: bytes, sector: int, size: int, *, flags: int) -> bytes:
    """Return the record of a file, or of a folder (flag 2), in a folder of a disc."""
    body = _both(sector, 4) + _both(size, 4) + bytes(7) + bytes((flags, 0, 0))
    body = b"\0" + body + _both(1, 2) + bytes((len(name),)) + name
    body += b"\0" * (len(body) % 2 == 0)
    return bytes((len(body) + 1,)) + body


def iso(name: str, data: bytes) -> bytes:
    """Return the image of a disc with one file in its folder."""
    root = partial(disc_record, sector=18, size=_SECTOR_BYTES, flags=2)
    files = root(b"\0") + root(b"\1")
    files += disc_record(f"{name};1".encode(), 21, len(data), flags=0)
    sectors = 21 + -(-len(data) // _SECTOR_BYTES)
    volume = b"\1CD001\1\0" + bytes(32) + b"DISC".ljust(32) + bytes(8)
    volume += _both(sectors, 4) + bytes(32) + _both(1, 2) * 2
    volume += _both(_SECTOR_BYTES, 2) + _both(10, 4)
    volume += struct.pack("<LL", 19, 0) + struct.pack(">LL", 20, 0) + root(b"\0")
    volume = volume.ljust(881, b"\0") + b"\1"
    tables = bytes(2 * _SECTOR_BYTES)
    end = b"\xffCD001\1"
    parts = (bytes(16 * _SECTOR_BYTES), volume, end, files, tables, data)
    return b"".join(_padded(part, _SECTOR_BYTES) for part in parts)


def xar(data: bytes, *, name: str = "a.bmp") -> bytes:
    """Return an archive of the kind of macOS packages."""
    packed = zlib.compress(data)
    table = (
        f'<?xml version="1.0"?><xar><toc><file id="1"><data><length>{len(packed)}'
        f"</length><offset>0</offset><size>{len(data)}</size>"
        '<encoding style="application/x-gzip"/></data><type>file</type>'
        f"<name>{name}</name></file></toc></xar>"
    ).encode()
    small = zlib.compress(table)
    head = struct.pack(">4sHHQQL", b"xar!", 28, 1, len(small), len(table), 0)
    return head + small + packed


def compress(data: bytes) -> bytes:
    """Return a file of ``compress``: literals, of more and more bits."""
    file, at = b"\x1f\x9d\x90", 0
    for width in range(9, 17):
        # The table then has twice as many entries, used or not.
        end = at + (1 << width - 1) if width < 16 else len(data)
        codes = "".join(f"{byte:0{width}b}" for byte in reversed(data[at:end]))
        file += int(codes or "0", 2).to_bytes(-(-len(codes) // 8), "little")
        at = end
    return file


def lzip(data: bytes) -> bytes:
    """Return a file of ``lzip``."""
    packed = lzma.compress(data, format=lzma.FORMAT_ALONE)[13:]
    size = 6 + len(packed) + 20
    end = struct.pack("<LQQ", zlib.crc32(data), len(data), size)
    return b"LZIP\1\x17" + packed + end


def lz4(data: bytes) -> bytes:
    """Return a frame of lz4 with one block that is not packed."""
    size = struct.pack("<L", len(data) | 1 << 31)
    return b"\x04\x22\x4d\x18\x60\x70\x73" + size + data + bytes(4)


def zip64_deflated(data: bytes, *, name: str = "a.bmp") -> bytes:
    """Return a zip of one member, packed by Deflate64."""
    packer = zlib.compressobj(6, zlib.DEFLATED, -15, strategy=zlib.Z_HUFFMAN_ONLY)
    packed = packer.compress(data) + packer.flush()
    return zip_member(packed, size=len(data), crc=zlib.crc32(data), name=name)


def zip_member(packed: bytes, *, size: int, crc: int = 0, name: str = "a.bmp") -> bytes:
    """Return a zip of one member that was packed by Deflate64."""
    sizes = struct.pack("<LLL", crc, len(packed), size)
    fields = struct.pack("<HHH4x", 21, 0, 9) + sizes + struct.pack("<HH", len(name), 0)
    local = b"PK\3\4" + fields + name.encode() + packed
    listed = b"PK\1\2" + struct.pack("<H", 21) + fields + bytes(14) + name.encode()
    end = struct.pack("<4xHHLLH", 1, 1, len(listed), len(local), 0)
    return local + listed + b"PK\5\6" + end


def _bitmap(pack: Callable[[bytes], bytes]) -> Maker:
    """Return a maker of an archive with a BMP in it."""

    def make(target: Image.Image, _decoy: Image.Image) -> bytes:
        return pack(pictures.encoded(target, "BMP"))

    return make


def _gzipped(pack: Callable[[str, bytes], bytes]) -> Maker:
    """Return a maker of an archive that does not pack, with a packed BMP in it."""

    def make(target: Image.Image, _decoy: Image.Image) -> bytes:
        content = pictures.encoded(target, "BMP")
        return pack("a.bmp.gz", gzip.compress(content, mtime=0))

    return make


def _debian(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Make a Debian package."""
    content = pictures.encoded(target, "BMP")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        info = tarfile.TarInfo("./usr/share/a.bmp")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    data = lzma.compress(buffer.getvalue())
    return ar(("debian-binary", b"2.0\n"), ("data.tar.xz", data))


def _installer(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Put a program before a 7z, as in archives that unpack themselves."""
    program = b"MZ" + bytes(3000) + b"7z\xbc\xaf\x27\x1c" + bytes(3000)
    return program + seven_zip(pictures.encoded(target, "BMP"))


_named = partial(partial, name="Grüße.bmp")

_archived = partial(of_family(Family.CONTAINER), shown=Shown.NOTHING)
_refused = partial(_archived, expected=Expected.REFUSED)

ARCHIVE_TRICKS = (
    _archived("7z", FileType.DATA, _bitmap(_named(seven_zip)), "in a 7z file"),
    _archived("7z-behind", FileType.DATA, _installer, "a 7z after a program"),
    _archived("rar5", FileType.DATA, _bitmap(_named(rar5)), "in a RAR of version 5"),
    _archived("rar4", FileType.DATA, _bitmap(rar4), "in a RAR of version 3"),
    _archived("cab", FileType.DATA, _bitmap(cab), "in a cabinet of Windows"),
    _archived("lha", FileType.DATA, _bitmap(lha), "in an LHA file"),
    _archived("xar", FileType.DATA, _bitmap(_named(xar)), "in a package of macOS"),
    _archived("deb", FileType.DATA, _debian, "in a Debian package"),
    _archived("cpio", FileType.DATA, _gzipped(lambda *m: cpio(m)), "in a cpio archive"),
    _archived("rpm", FileType.DATA, _gzipped(lambda *m: rpm(m)), "in a package of RPM"),
    _archived("iso", FileType.DATA, _gzipped(iso), "packed on the image of a disc"),
    _archived("packed-z", FileType.DATA, _bitmap(compress), "packed by compress"),
    _archived("lzip", FileType.DATA, _bitmap(lzip), "packed by lzip"),
    _archived("lz4", FileType.DATA, _gzipped(lambda _name, data: lz4(data)), "in lz4"),
    _archived(
        "zip-deflate64",
        FileType.ZIP,
        _bitmap(zip64_deflated),
        "packed by the method of Windows for long files",
    ),
    _refused(
        "7z-encrypted",
        FileType.DATA,
        _bitmap(partial(seven_zip, is_encrypted=True)),
        "in a 7z file with a password",
    ),
    _refused(
        "rar4-encrypted",
        FileType.DATA,
        _bitmap(partial(rar4, is_encrypted=True)),
        "in a RAR file with a password",
    ),
)
