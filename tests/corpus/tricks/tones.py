"""Tricks with the items of an AVIF: one combines a picture and a gain map."""

import io
import struct
from collections.abc import Iterator
from typing import Final

import pillow_heif
from PIL import Image

from tests.corpus.tricks.gains import REACH, gain_between
from tests.corpus.tricks.kit import Expected, Family, FileType, Trick, of_family

_STORED, _MAP, _MADE = 1, 2, 3
"""Numbers of the items."""


def box(name: bytes, body: bytes) -> bytes:
    """Return a box."""
    return struct.pack(">I", 8 + len(body)) + name + body


def full_box(name: bytes, body: bytes, *, flags: int = 0) -> bytes:
    """Return a box with version and flags."""
    return box(name, struct.pack(">I", flags) + body)


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the names and the contents of boxes."""
    at = 0
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        yield data[at + 4 : at + 8], data[at + 8 : at + length]
        at += length


_KINDS: Final = {"AVIF": (b"av01", b"avif"), "HEIF": (b"hvc1", b"heic")}
"""The kind of a coded item, and the brand of its file, by Pillow's name of the format.
"""


def _parts(image: Image.Image, name: str) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Return the properties of a picture and its packed samples."""
    file = io.BytesIO()
    if name == "AVIF":
        image.save(file, name, quality=95, speed=9, subsampling="4:4:4")
    else:
        pillow_heif.from_pillow(image).save(file, format=name, quality=95)
    top = dict(boxes(file.getvalue()))
    meta = dict(boxes(top[b"meta"][4:]))
    properties = dict(boxes(meta[b"iprp"]))[b"ipco"]
    return list(boxes(properties)), top[b"mdat"]


def numbers(stored: int, other: int) -> bytes:
    """Return the parameters of a map: the light that each picture needs."""
    reach = round(REACH)
    channel = (-reach, 1, reach, 1, 1, 1, 1, 64, 1, 64)
    head = struct.pack(">BHHB", 0, 0, 0, 0xC0) + struct.pack(">4I", stored, 1, other, 1)
    return head + struct.pack(">iIiIIIiIiI", *channel) * 3


def with_map(
    stored: Image.Image, gain_map: Image.Image, meant: bytes, name: str = "AVIF"
) -> bytes:
    """Return a file of a picture, a gain map, and an item that combines both."""
    first, second = _parts(stored, name), _parts(gain_map, name)
    coded, brand = _KINDS[name]
    made = [item for item in first[0] if item[0] in {b"ispe", b"pixi", b"colr"}]
    properties, tables = b"", b""
    count = 0
    for item, found in ((_STORED, first[0]), (_MAP, second[0]), (_MADE, made)):
        places = range(count + 1, count + 1 + len(found))
        count += len(found)
        properties += b"".join(box(*each) for each in found)
        marks = (key in {b"av1C", b"hvcC"} for key, _ in found)
        # A decoder must understand the property with its packing.
        listed = bytes(
            place | 0x80 * is_needed
            for place, is_needed in zip(places, marks, strict=True)
        )
        tables += struct.pack(">HB", item, len(found)) + listed
    kinds = ((_STORED, coded, 0), (_MAP, coded, 1), (_MADE, b"tmap", 0))
    entries = b"".join(
        full_box(
            b"infe",
            struct.pack(">HH", item, 0) + kind + b"\0",
            flags=0x2000000 | hidden,
        )
        for item, kind, hidden in kinds
    )
    rest = full_box(b"iinf", struct.pack(">H", len(kinds)) + entries)
    rest += full_box(b"iref", box(b"dimg", struct.pack(">4H", _MADE, 2, _STORED, _MAP)))
    rest += box(
        b"iprp",
        box(b"ipco", properties) + full_box(b"ipma", struct.pack(">I", 3) + tables),
    )
    group = full_box(b"altr", struct.pack(">4I", 9, 2, _MADE, _STORED))
    rest += box(b"grpl", group)
    head = box(b"ftyp", brand + bytes(4) + brand + b"mif1miaftmap")
    return _placed(head, rest, (first[1], second[1], meant))


def _placed(head: bytes, rest: bytes, bodies: tuple[bytes, ...]) -> bytes:
    """Return a file whose items lie at its end."""

    def meta(start: int) -> bytes:
        places = b""
        for item, body in enumerate(bodies, start=1):
            places += struct.pack(">HHHII", item, 0, 1, start, len(body))
            start += len(body)
        body = full_box(b"hdlr", bytes(4) + b"pict" + bytes(13))
        body += full_box(b"pitm", struct.pack(">H", _STORED))
        body += full_box(b"iloc", b"\x44\0" + struct.pack(">H", len(bodies)) + places)
        return full_box(b"meta", body + rest)

    start = len(head) + len(meta(0)) + 8
    return head + meta(start) + box(b"mdat", b"".join(bodies))


def _bright_base(target: Image.Image, decoy: Image.Image) -> bytes:
    return with_map(decoy, gain_between(target, decoy), numbers(round(REACH), 0))


TONE_TRICKS: tuple[Trick, ...] = (
    of_family(Family.PROFILE)(
        "gain-map-avif",
        FileType.AVIF,
        _bright_base,
        "a bright decoy in an AVIF that a gain map darkens",
        expected=Expected.REFUSED,
    ),
)
