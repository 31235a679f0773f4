"""What a decoder passes over hides no picture, in whatever it stands.

Each picture is one that Pillow opens although its first bytes are unusual.
"""

import base64
import io
import struct
from collections.abc import Callable

import pytest
from PIL import Image

from tests.corpus import pictures
from tests.scanners.scans import scanned

IMAGE = pictures.photograph(31, width=160, height=120)
COVER = pictures.jpeg(pictures.photograph(32, width=160, height=120))
JPEG = pictures.jpeg(IMAGE)
GIF = pictures.gif(IMAGE)


def gif_with(block: bytes) -> bytes:
    """Return a GIF with a block before its first picture."""
    first = 13 + (3 << (GIF[10] & 7) + 1)
    return GIF[:first] + block + GIF[first:]


def long_first_box() -> bytes:
    """Return an AVIF whose first box lists its brand twenty thousand times."""
    plain = pictures.encoded(IMAGE, "AVIF", speed=10)
    size = int.from_bytes(plain[:4], "big")
    brands = plain[16:size] + b"avif" * 20_000
    head = struct.pack(">I", 16 + len(brands)) + plain[4:16] + brands
    return head + moved(plain[size:], len(head) - size)


def moved(boxes: bytes, by: int) -> bytes:
    """Return the boxes of a picture whose samples lie further on in the file."""
    at = boxes.index(b"iloc")
    # Version, sizes of fields, count, item, source, count of extents, offset.
    place = at + 4 + 4 + 2 + 2 + 2 + 2 + 2
    (offset,) = struct.unpack_from(">I", boxes, place)
    return boxes[:place] + struct.pack(">I", offset + by) + boxes[place + 4 :]


PICTURES: dict[str, bytes] = {
    "restart marker": JPEG[:2] + b"\xff\xd3" + JPEG[2:],
    "stray byte": JPEG[:20] + b"\0" + JPEG[20:],
    "stuffed byte": JPEG[:2] + b"\xff\0" + JPEG[2:],
    "fill bytes": JPEG[:2] + b"\xff" * 50 + JPEG[2:],
    "unknown extension": gif_with(b"!\x42\x03abc\0"),
    "stray byte of GIF": gif_with(b"\0"),
    "long first box": long_first_box(),
}

WAYS: dict[str, Callable[[bytes], bytes]] = {
    "by itself": lambda data: data,
    "behind a cover": lambda data: COVER + data,
    "cover of a song": lambda data: b"ID3\3\0\0\0\0\x7f\x7f" + b"APIC" + data,
    "message pack": lambda data: b"\x81\xa1a\xc6" + struct.pack(">I", len(data)) + data,
    "second of two": lambda data: (
        pictures.encoded(IMAGE.rotate(90), "MPO", save_all=True, append_images=[])
        + data
    ),
    "base64": lambda data: b'{"a": "%b"}' % base64.b64encode(data),
    "base64 amid letters": lambda data: base64.b64encode(b"junk!" + data),
    "hexadecimal": lambda data: b"INSERT INTO a VALUES (X'%b')" % data.hex().encode(),
    "part of a form": lambda data: (
        b"--b\r\nContent-Type: image/jpeg\r\n\r\n" + data + b"\r\n--b--\r\n"
    ),
}


@pytest.mark.parametrize("picture", PICTURES)
def test_decoder_opens_the_picture(picture: str) -> None:
    """Or it would prove nothing."""
    with Image.open(io.BytesIO(PICTURES[picture])) as image:
        image.load()

        assert image.size == IMAGE.size


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("picture", PICTURES)
def test_picture_is_seen(picture: str, way: str) -> None:
    """Wherever it stands, as often as a usual one."""
    usual = scanned(WAYS[way](JPEG))
    scan = scanned(WAYS[way](PICTURES[picture]))

    seen = [sum(len(each.views) for each in item.walk()) for item in (usual, scan)]
    assert seen[1] >= seen[0] >= 1
