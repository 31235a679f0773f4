"""JPEG files whose headers say other things than encoders write."""

import struct

from PIL import Image

from tests.corpus import pictures

SCAN = b"\xff\xda"


def many_scans(count: int, *, side: int = 64) -> bytes:
    """Return a small grey JPEG that repeats one scan, unlike real files."""
    content = pictures.encoded(
        Image.new("L", (side, side), 128), "JPEG", progressive=True
    )
    head, *scans = content.split(SCAN)
    # The first scan has the averages; any other may come again.
    scans[1:2] = [scans[1]] * (count - len(scans) + 1)
    return SCAN.join((head, *scans))


def resized(content: bytes, marker: bytes, width: int, height: int) -> bytes:
    """Return a JPEG whose frame header claims another size."""
    at = content.index(marker)
    return content[: at + 5] + struct.pack(">HH", height, width) + content[at + 9 :]
