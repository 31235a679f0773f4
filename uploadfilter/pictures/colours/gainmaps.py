"""Tell whether a gain map changes a picture on an ordinary screen.

Phones store a map of how much brighter each pixel is on better screens. On an ordinary
screen it has no effect, unless the stored picture is the bright one, or an ordinary
screen counts as a better one. Then browsers change the stored picture by the map, and
the result can be any other picture. It is not computed here: the picture has a lack.

Source:
    Adobe, "Gain map specification", 1.0; ISO 21496-1, annex C; where they leave a
    choice, Chromium 156 (Skia's ``SkGainmapInfo``).
"""

import re
import struct
from collections import defaultdict
from collections.abc import Iterator
from typing import Final
from xml.etree import ElementTree as ET

_NAMESPACE: Final = "{http://ns.adobe.com/hdr-gain-map/1.0/}"
_ITEM: Final = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}li"
_ISO_HEAD: Final = struct.Struct(">HHB4I")

_PACKET: Final = b"http://ns.adobe.com/xap/1.0/\0"
_LONG_PACKET: Final = b"http://ns.adobe.com/xmp/extension/\0"
_NUMBERS: Final = b"urn:iso:std:iso:ts:21496:-1\0"
_SEGMENT: Final = re.compile(
    rb"\xff[\xe1\xe2](..)("
    + b"|".join(map(re.escape, (_PACKET, _LONG_PACKET, _NUMBERS)))
    + rb")",
    re.DOTALL,
)
_DIGEST_BYTES: Final = 32
_LONG_HEAD_BYTES: Final = _DIGEST_BYTES + 4 + 4

_MOST_PACKET_BYTES: Final = 256 * 1024
_BYTES_PER_MARK: Final = 50
"""Most bytes of all metadata of a file that are read, and the bytes that each ``<``
counts for, by the cost of an element. Those of a gain map have two thousand bytes."""


def changes_jpeg(data: bytes) -> bool:
    """Return whether a JPEG may look different on an ordinary screen by a gain map.

    Metadata count wherever they stand in the file, since viewers find the second
    picture in different ways; and so do metadata that are too long to be read.
    """
    packets: list[bytes] = []
    parts: defaultdict[bytes, dict[bytes, bytes]] = defaultdict(dict)
    room = _MOST_PACKET_BYTES
    for found in _SEGMENT.finditer(data):
        end = found.start() + 2 + int.from_bytes(found[1], "big")
        if found[2] == _NUMBERS:
            if has_bright_base(data[found.end() : min(end, found.end() + 64)]):
                return True
            continue
        body = data[found.end() : end]
        room -= len(body) + _BYTES_PER_MARK * body.count(b"<")
        if room < 0:
            return True
        if found[2] == _PACKET:
            packets.append(body)
        else:
            # The offset of the part follows a digest and the whole length.
            offset = body[_DIGEST_BYTES + 4 : _LONG_HEAD_BYTES]
            parts[body[:_DIGEST_BYTES]][offset] = body[_LONG_HEAD_BYTES:]
    packets += [b"".join(part for _, part in sorted(p.items())) for p in parts.values()]
    return any(map(_says_bright_base, packets))


def has_bright_base(numbers: bytes) -> bool:
    """Return whether the numbers of a gain map change the picture that is stored.

    They are those of ISO 21496-1, from the two version numbers on; in a picture with a
    map elsewhere nothing follows these.
    """
    if len(numbers) < _ISO_HEAD.size or numbers[:2] != b"\0\0":
        return False
    _, _, _, stored, stored_by, other, other_by = _ISO_HEAD.unpack_from(numbers)
    return not stored_by or not other_by or stored * other_by >= other * stored_by


def _says_bright_base(packet: bytes) -> bool:
    try:
        # expat itself bounds the size of entities.
        fields = list(_fields(ET.fromstring(packet.strip(b"\0 \n\r\t"))))  # noqa: S314
    except (ET.ParseError, ValueError, LookupError):
        # Chromium does the same, and then shows the stored picture.
        return False
    return any(
        (name == "BaseRenditionIsHDR" and value.lower() == "true")
        or (name == "HDRCapacityMin" and not _is_positive(value))
        for name, value in fields
    )


def _is_positive(number: str) -> bool:
    try:
        return float(number) >= 0
    except ValueError:
        return False


def _fields(root: ET.Element) -> Iterator[tuple[str, str]]:
    for element in root.iter():
        for name, value in element.attrib.items():
            if name.startswith(_NAMESPACE):
                yield name.removeprefix(_NAMESPACE), value
        if element.tag.startswith(_NAMESPACE):
            several = [item.text or "" for item in element.iter(_ITEM)]
            for value in several or [element.text or ""]:
                yield element.tag.removeprefix(_NAMESPACE), value
