"""Tricks with gain maps: a second picture tells how much brighter the first one is.

Phones store two pictures in one JPEG: one for usual screens, and a map of how much
brighter each pixel is on better ones. The first may also be the bright one: then usual
screens show it darkened by the map, so that a decoy and a map make the target.

Source:
    Adobe, "Gain map specification", 1.0; ISO 21496-1; CIPA DC-007 (Multi-Picture
    Format).
"""

import struct
from collections.abc import Mapping

import numpy as np
from PIL import Image

from tests.corpus import pictures
from tests.corpus.tricks.icc import linear_of
from tests.corpus.tricks.kit import (
    Expected,
    Family,
    FileType,
    Trick,
    jpeg_segment,
    of_family,
    pixels,
)

REACH = 6.0
"""Powers of two by which a pixel may be brighter or darker."""

_OFFSET = 1 / 64
"""Light that is added to either, so that black can be divided."""

_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_ISO = b"urn:iso:std:iso:ts:21496:-1\0"
_PACKET = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF'
    ' xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description'
    ' rdf:about="" xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/"'
    ' xmlns:Container="http://ns.google.com/photos/1.0/container/"'
    ' xmlns:Item="http://ns.google.com/photos/1.0/container/item/"'
    ' hdrgm:Version="1.0" {}>{}</rdf:Description></rdf:RDF></x:xmpmeta>'
)
_DIRECTORY = (
    '<Container:Directory><rdf:Seq><rdf:li rdf:parseType="Resource"><Container:Item'
    ' Item:Semantic="Primary" Item:Mime="image/jpeg"/></rdf:li>'
    '<rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="GainMap"'
    ' Item:Mime="image/jpeg" Item:Length="{}"/></rdf:li></rdf:Seq>'
    "</Container:Directory>"
)


def xmp_segment(fields: Mapping[str, str], inner: str = "") -> bytes:
    """Return a segment of metadata with fields of a gain map."""
    words = " ".join(f'hdrgm:{name}="{value}"' for name, value in fields.items())
    return jpeg_segment(0xE1, _XMP + _PACKET.format(words, inner).encode())


def multi_picture(jpeg: bytes, other: bytes) -> bytes:
    """Return two JPEGs as one file; the first one gives the place of the second."""
    entries = 3

    def segment(first: int, start: int) -> bytes:
        table = struct.pack(">IIIHH", 0x030000, first, 0, 0, 0)
        table += struct.pack(">IIIHH", 0, len(other), start, 0, 0)
        tags = struct.pack(">HHI4s", 0xB000, 7, 4, b"0100")
        tags += struct.pack(">HHII", 0xB001, 4, 1, 2)
        tags += struct.pack(">HHII", 0xB002, 7, len(table), 8 + 2 + 12 * entries + 4)
        body = b"MM\0*\0\0\0\10" + struct.pack(">H", entries) + tags + bytes(4) + table
        return jpeg_segment(0xE2, b"MPF\0" + body)

    length = len(jpeg) + len(segment(0, 0))
    return jpeg[:2] + segment(length, length - 2 - 8) + jpeg[2:] + other


def gain_between(shown: Image.Image, stored: Image.Image) -> Image.Image:
    """Return the map that turns a brighter picture into another one."""
    light, base = (linear_of(pixels(item) / 255) for item in (shown, stored))
    powers = np.log2((base + _OFFSET) / (light + _OFFSET))
    shares = (powers + REACH) / (2 * REACH)
    return Image.fromarray(np.round(np.clip(shares, 0, 1) * 255).astype(np.uint8))


def _fields(
    *, is_base_bright: bool, lowest: float = 0.0, highest: float = REACH
) -> dict[str, str]:
    return {
        "GainMapMin": str(-REACH),
        "GainMapMax": str(REACH),
        "Gamma": "1.0",
        "OffsetSDR": str(_OFFSET),
        "OffsetHDR": str(_OFFSET),
        "HDRCapacityMin": str(lowest),
        "HDRCapacityMax": str(highest),
        "BaseRenditionIsHDR": "True" if is_base_bright else "False",
    }


def _file(decoy: Image.Image, gain_map: Image.Image, segment: bytes) -> bytes:
    """Return a decoy with a gain map, whose segment has its parameters."""
    stored = pictures.jpeg(gain_map, 95, subsampling=0)
    second = stored[:2] + segment + stored[2:]
    first = pictures.jpeg(decoy, 95, subsampling=0)
    directory = xmp_segment({}, _DIRECTORY.format(len(second)))
    version = jpeg_segment(0xE2, _ISO + bytes(4))
    return multi_picture(first[:2] + directory + version + first[2:], second)


def _bright_base(target: Image.Image, decoy: Image.Image) -> bytes:
    """Say that the stored picture is the bright one."""
    segment = xmp_segment(_fields(is_base_bright=True))
    return _file(decoy, gain_between(target, decoy), segment)


def _low_capacity(target: Image.Image, decoy: Image.Image) -> bytes:
    """Say that a usual screen is already a better one."""
    inverse = Image.fromarray(255 - pixels(gain_between(target, decoy)))
    fields = _fields(is_base_bright=False, lowest=-2.0, highest=-1.0)
    return _file(decoy, inverse, xmp_segment(fields))


def _in_elements(target: Image.Image, decoy: Image.Image) -> bytes:
    """Write the numbers as elements, with a grey map."""
    words = "".join(
        f"<hdrgm:{name}>{value}</hdrgm:{name}>"
        for name, value in _fields(is_base_bright=True).items()
        if name != "GainMapMin"
    )
    lowest = f"<rdf:li>{-REACH}</rdf:li>" * 3
    words += f"<hdrgm:GainMapMin><rdf:Seq>{lowest}</rdf:Seq></hdrgm:GainMapMin>"
    grey_target, grey_decoy = (
        item.convert("L").convert("RGB") for item in (target, decoy)
    )
    gain_map = gain_between(grey_target, grey_decoy).convert("L")
    return _file(grey_decoy, gain_map, xmp_segment({}, words))


def _by_numbers(target: Image.Image, decoy: Image.Image) -> bytes:
    """Write the parameters of the map in the form of ISO 21496-1."""
    body = struct.pack(">HHB", 0, 0, 0xC0)
    body += struct.pack(">4I", round(REACH), 1, 0, 1)
    reach = round(REACH)
    channel = (-reach, 1, reach, 1, 1, 1, 1, 64, 1, 64)
    body += struct.pack(">iIiIIIiIiI", *channel) * 3
    segment = jpeg_segment(0xE2, _ISO + body)
    return _file(decoy, gain_between(target, decoy), segment)


_gain = of_family(Family.PROFILE)

GAIN_TRICKS: tuple[Trick, ...] = (
    _gain(
        "gain-map-bright",
        FileType.JPEG,
        _bright_base,
        "a bright decoy that a gain map darkens",
        expected=Expected.REFUSED,
    ),
    _gain(
        "gain-map-brightens",
        FileType.JPEG,
        _low_capacity,
        "a decoy with a gain map that says it is for usual screens",
        expected=Expected.REFUSED,
    ),
    _gain(
        "gain-map-elements",
        FileType.JPEG,
        _in_elements,
        "a grey gain map whose numbers are elements",
        expected=Expected.REFUSED,
    ),
    _gain(
        "gain-map-iso",
        FileType.JPEG,
        _by_numbers,
        "a gain map by the numbers of ISO 21496-1",
        expected=Expected.REFUSED,
    ),
)
