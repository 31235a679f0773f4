"""Read the transparent colour of a PNG with the bits of its samples.

Browsers compare a sample with as many bits of the colour as the sample has. Pillow
keeps the colour in 16 bits, but scales samples of two and four bits to eight, and keeps
only the higher byte of colours of 16 bits. So its samples cannot be compared with the
colour.

Source:
    PNG, third edition, 11.3.1.1.
"""

from typing import BinaryIO, Final

from PIL import Image

from uploadfilter.pictures.headers.timing import png_chunks

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
    """Note the transparent colour of an opened PNG in the form of its samples."""
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
    heads = (chunk.head for chunk in png_chunks(file) if chunk.name == b"tRNS")
    return int.from_bytes(next(heads, b"")[:2], "big")


def is_deep(image: Image.Image, bits: int) -> bool:
    """Return whether an opened PNG has a transparent colour of 16 bits a sample.

    Pillow keeps half of the bits of its samples, so that it cannot be compared.
    """
    return bits == _DEEP and isinstance(image.info.get(KEY), tuple)
