"""Thumbnails of a JPEG that are no JPEGs."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from tests.corpus import pictures
from tests.pictures.sketches import frames, lacks, photograph

PICTURE = photograph(1, 320, 240)
THUMBNAIL = photograph(2, 96, 64)


def with_segment(marker: int, body: bytes) -> bytes:
    """Return a JPEG with a segment after its beginning."""
    content = pictures.jpeg(PICTURE)
    segment = struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body
    return content[:2] + segment + content[2:]


def jfif(image: Image.Image) -> bytes:
    """Return a JPEG whose JFIF segment has a thumbnail."""
    sides = bytes(image.size)
    return with_segment(
        0xE0, b"JFIF\0\1\2\0\0\1\0\1" + sides + image.convert("RGB").tobytes()
    )


def jfxx(image: Image.Image) -> bytes:
    """Return a JPEG with a thumbnail in colours in an extension of JFIF."""
    return with_segment(
        0xE0, b"JFXX\0\x13" + bytes(image.size) + image.convert("RGB").tobytes()
    )


def jfxx_palette(image: Image.Image) -> bytes:
    """Return a JPEG with a thumbnail with a palette of greys."""
    palette = bytes(grey for grey in range(256) for _ in range(3))
    grey = image.convert("L")
    return with_segment(
        0xE0, b"JFXX\0\x11" + bytes(image.size) + palette + grey.tobytes()
    )


def exif(image: Image.Image) -> bytes:
    """Return a JPEG whose Exif has an unpacked thumbnail."""
    out = io.BytesIO()
    image.convert("RGB").save(out, "TIFF")
    tiff = bytearray(out.getvalue())
    first = struct.pack("<HHHIII", 1, 0x0112, 3, 1, 1, 0)
    start = int.from_bytes(tiff[4:8], "little")
    tiff[4:8] = struct.pack("<I", len(tiff))
    tiff += first[:-4] + struct.pack("<I", start)
    return with_segment(0xE1, b"Exif\0\0" + bytes(tiff))


@pytest.mark.parametrize("make", [jfif, jfxx, jfxx_palette, exif])
def test_unpacked_thumbnail_is_a_frame(make: object) -> None:
    """File managers show it in place of the picture."""
    assert callable(make)

    picture, thumbnail = frames(make(THUMBNAIL))

    assert picture.full == PICTURE.size
    np.testing.assert_allclose(
        np.asarray(thumbnail.image.convert("L"), np.int16),
        np.asarray(THUMBNAIL.convert("L"), np.int16),
        atol=1,
    )
    assert lacks(make(THUMBNAIL)) == []


@pytest.mark.parametrize("make", [jfif, jfxx, jfxx_palette])
def test_thumbnail_like_an_icon_is_left_out(make: object) -> None:
    """Nobody can tell what it shows, as of other pictures inside."""
    assert callable(make)

    assert len(frames(make(THUMBNAIL.resize((40, 31))))) == 1


@pytest.mark.parametrize("cut", range(7, 80, 3))
@pytest.mark.parametrize("make", [jfif, jfxx, jfxx_palette, exif])
def test_broken_segment_hides_no_picture(make: object, cut: int) -> None:
    """However little of a thumbnail there is, the picture is shown."""
    assert callable(make)
    whole = make(THUMBNAIL)
    length = int.from_bytes(whole[4:6], "big") - 2
    body = whole[6 : 6 + min(cut, length)]

    shown = frames(with_segment(whole[3], body))

    assert shown[0].full == PICTURE.size
