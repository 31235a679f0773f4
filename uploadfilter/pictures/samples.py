"""Write a harmless picture as a file of each kind, to try whether scanners read it."""

import io
import zipfile
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import numpy as np
import pillow_heif
import pillow_jxl
from PIL import Image

from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.pictures.readers.videos import IS_THERE, sample_video

_SIDE: Final = 256
"""Pixels of a side, the most that an icon can have."""

_SEED: Final = 20
_CELLS: Final = 32

_BY_PILLOW: Final[Mapping[Kind, str]] = {
    Kind.PNG: "PNG",
    Kind.JPEG: "JPEG",
    Kind.GIF: "GIF",
    Kind.WEBP: "WEBP",
    Kind.AVIF: "AVIF",
    Kind.TIFF: "TIFF",
    Kind.BMP: "BMP",
    Kind.ICO: "ICO",
    Kind.PNM: "PPM",
    Kind.PDF: "PDF",
    Kind.JP2: "JPEG2000",
    Kind.TGA: "TGA",
}
"""The kinds that Pillow writes, and its names of them."""


def drawing() -> Image.Image:
    """Return a harmless picture with enough detail for signals: a field of colours."""
    random = np.random.default_rng(_SEED)
    cells = random.integers(0, 256, (_CELLS, _CELLS, 3), dtype=np.uint8)
    return Image.fromarray(cells).resize((_SIDE, _SIDE), Image.Resampling.NEAREST)


def writers(formats: tuple[str, ...]) -> dict[Kind, Callable[[], bytes]]:
    """Return a function for each kind that writes the drawing as that kind."""
    picture = drawing()
    kinds = {
        kind: partial(_encode, picture, name)
        for kind, name in _BY_PILLOW.items()
        if kind not in {Kind.JP2, Kind.TGA} or kind in formats
    }
    return {
        **kinds,
        Kind.HEIC: partial(_as_heic, picture),
        Kind.JXL: partial(_as_jxl, picture),
        Kind.ZIP: partial(_as_zip, picture),
        **({Kind.VIDEO: partial(sample_video, picture)} if IS_THERE else {}),
    }


def _encode(picture: Image.Image, name: str) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, name)
    return buffer.getvalue()


def _as_heic(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    pillow_heif.from_pillow(picture).save(buffer)
    return buffer.getvalue()


def _as_jxl(picture: Image.Image) -> bytes:
    # The library's own types are out of date.
    make: Callable[..., Callable[..., bytes]] = pillow_jxl.Encoder
    encode = make(mode=picture.mode, lossless=False, quality=90)
    width, height = picture.size
    return bytes(encode(picture.tobytes(), width, height, jpeg_encode=False))


def _as_zip(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("picture.png", _encode(picture, "PNG"))
    return buffer.getvalue()
