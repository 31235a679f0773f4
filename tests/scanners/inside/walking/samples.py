"""Files of each kind, and bytes that stray before them."""

import functools
import io

import pillow_heif

from tests.corpus import pictures
from uploadfilter.model import Scan

IMAGE = pictures.photograph(5, width=160, height=128)

SAMPLES = {
    "JPEG": "RGB",
    "PNG": "RGB",
    "GIF": "P",
    "WEBP": "RGB",
    "BMP": "RGB",
    "DIB": "RGB",
    "TIFF": "RGB",
    "ICO": "RGBA",
    "AVIF": "RGB",
    "JPEG2000": "RGB",
    "PPM": "RGB",
    "TGA": "RGB",
    "DDS": "RGBA",
    "PCX": "L",
    "SGI": "RGB",
    "XBM": "1",
    "MSP": "1",
    "ICNS": "RGBA",
    "QOI": "RGB",
    "SPIDER": "F",
    "BLP": "P",
}
"""Formats that Pillow writes and opens, and the mode of the sample."""

STRAY = (b"\xef\xbb\xbf", b"\n", b"\0", b"\xff", b"\r\n", b"\x04")
LEAST_SIDE = 32


@functools.cache
def sample(name: str) -> bytes:
    """Return a picture in one of the formats."""
    file = io.BytesIO()
    if name == "HEIC":
        pillow_heif.from_pillow(IMAGE).save(file)
    else:
        IMAGE.convert(SAMPLES[name]).save(file, name)
    return file.getvalue()


NAMES = (*SAMPLES, "HEIC")


def says_something(scan: Scan) -> bool:
    """Say whether a scan shows a view, or gives a reason."""
    return any(part.views or part.reason for part in scan.walk())
