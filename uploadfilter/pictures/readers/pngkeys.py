"""Read the transparent colour of a PNG with the bits of its samples.

Browsers compare a sample with as many bits of the colour as the sample has. Pillow
keeps the colour in 16 bits, but scales samples of two and four bits to eight, and keeps
only the higher byte of colours of 16 bits. So its samples cannot be compared with the
colour.

Source:
    PNG, third edition, 11.3.1.1.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import BinaryIO, Final

import numpy as np
from PIL import Image

from uploadfilter.model import Reason
from uploadfilter.pictures.faults import BadPictureError
from uploadfilter.pictures.formats import Format
from uploadfilter.pictures.frame import Frame
from uploadfilter.pictures.headers.timing import png_chunks
from uploadfilter.pictures.limits import DecodeLimits
from uploadfilter.pictures.reader import PillowReader, Reader

_BITS_PLACE: Final = 24
_DEEP: Final = 16
_WHOLE: Final = 255

KEY: Final = "transparency"
"""The key under which Pillow notes the colour: a number, or three numbers."""


def bits_of(file: BinaryIO) -> int:
    """Return the number of bits of a PNG's samples."""
    file.seek(_BITS_PLACE)
    return int.from_bytes(file.read(1), "big")


def settle(image: Image.Image, file: BinaryIO, bits: int) -> None:
    """Note the transparent colour of an opened PNG in the form of its decoded samples.

    Args:
        image: The opened PNG, or a frame of it.
        file: The PNG.
        bits: Bits of its samples.
    """
    key = image.info.get(KEY)
    if key is None or bits >= _DEEP or image.mode not in {"1", "L", "RGB"}:
        return
    if image.mode == "1":
        # Pillow has already turned it into black or white.
        key = _first_number(file)
    most = (1 << bits) - 1
    if isinstance(key, int):
        image.info[KEY] = (key & most) * _WHOLE // most
    elif isinstance(key, tuple):
        image.info[KEY] = tuple(value & most for value in key)


def _first_number(file: BinaryIO) -> int:
    """Return the first number of the transparent colour, 0 if there is none."""
    heads = (chunk.head for chunk in png_chunks(file) if chunk.name == b"tRNS")
    return int.from_bytes(next(heads, b"")[:2], "big")


def is_deep(image: Image.Image, bits: int) -> bool:
    """Return whether an opened PNG has a transparent colour of 16 bits a sample."""
    return bits == _DEEP and isinstance(image.info.get(KEY), tuple)


def shallow(image: Image.Image, bits: int) -> Image.Image:
    """Return an opened frame of an animation.

    Raises:
        BadPictureError: It has a transparent colour of 16 bits, which cannot be
            compared.
    """
    if is_deep(image, bits):
        raise BadPictureError("a transparent colour of 16 bits")
    return image


def open_still(
    file: BinaryIO,
    opened: Callable[[], Image.Image],
    picture_format: Format,
    limits: DecodeLimits,
    lack: Reason | None,
) -> Reader:
    """Open a PNG of one frame.

    Args:
        file: The PNG.
        opened: Opens it again.
        picture_format: Its format.
        limits: The limits of its cost.
        lack: The reason if something is known to be missing.
    """
    image = opened()
    key = image.info.get(KEY)
    is_marked = is_deep(image, bits_of(file))
    reader = PillowReader(image, picture_format, limits, lack=lack)
    if is_marked and isinstance(key, tuple):
        return DeepKeyReader(reader, opened, key)
    return reader


class DeepKeyReader:
    """A PNG with colours of 16 bits a sample, one of which is transparent.

    Args:
        stored: Shows the higher bytes.
        opened: Opens the file again.
        key: The transparent colour.
    """

    def __init__(
        self,
        stored: Reader,
        opened: Callable[[], Image.Image],
        key: tuple[int, ...],
    ) -> None:
        self.durations = stored.durations
        self.lack = stored.lack
        self.keys = stored.keys
        self.course = stored.course
        self._stored = stored
        self._opened = opened
        self._key = key

    def frame(self, number: int) -> Frame:
        """Decode the picture twice, for the higher and for the lower bytes."""
        frame = self._stored.frame(number)
        image = frame.image
        lower = self._opened()
        lower.tile = [  # type: ignore[attr-defined]  # only files have tiles
            tile._replace(args=str(tile.args).replace(";16B", ";16L"))
            for tile in lower.tile  # type: ignore[attr-defined]
        ]
        lower.load()
        marked = np.ones((image.height, image.width), dtype=np.bool_)
        for band, value in enumerate(self._key):
            marked &= np.asarray(image.getchannel(band)) == value >> 8
            marked &= np.asarray(lower.getchannel(band)) == value & _WHOLE
        shown = image.copy()
        shown.info.pop(KEY, None)
        shown.putalpha(Image.fromarray(np.where(marked, 0, _WHOLE).astype(np.uint8)))
        return replace(frame, image=shown)
