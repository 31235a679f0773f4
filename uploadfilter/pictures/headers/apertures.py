"""Find clean apertures in an AVIF or HEIC, and write files without them.

A *clean aperture* is a box of the file that says that a viewer shows only a part of the
picture. Viewers differ: libheif uses it, libavif leaves it to the program, Chromium
uses it if the part begins at the upper left corner. So of a HEIC both the part and the
whole are shown; an AVIF with one, which no camera writes, has a lack.

Every clean aperture in the file counts, whichever picture it belongs to.

Source:
    ISO/IEC 14496-12, 12.1.4 "Pixel aspect ratio and clean aperture"; ISO/IEC 23008-12,
    6.5.9 "Clean aperture".
"""

import struct
from typing import Final

_BOX_BYTES: Final = 40
_HEAD: Final = struct.pack(">I4s", _BOX_BYTES, b"clap")
_NO_TURN: Final = struct.pack(">I4s", _BOX_BYTES, b"irot")
"""A rotation by 0 degrees, of the same length: a reader that must understand every box
of a picture understands this one."""


def has_aperture(data: bytes) -> bool:
    """Return whether a file has a clean aperture anywhere."""
    return _HEAD in data


def without_apertures(data: bytes) -> bytes:
    """Return a file whose pictures are shown whole."""
    first, *rest = data.split(_HEAD)
    body_bytes = _BOX_BYTES - len(_HEAD)
    parts = [first]
    for part in rest:
        kept = min(body_bytes, len(part))
        parts += [_NO_TURN, bytes(kept), part[kept:]]
    return b"".join(parts)
