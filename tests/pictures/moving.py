"""Animations with known frames, and how each looks: the slow obvious twin.

An animation is a list of pieces, which is written in any format that moves, and put
together here pixel by pixel as the specifications say. Nothing of the product and no
decoder is used to put it together.
"""

import io
import struct
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.corpus import pictures
from tests.corpus.tricks.frames import gif_file
from tests.corpus.tricks.kit import png_chunk, png_head, png_rows, webp_file, webp_head

Pixels = NDArray[np.uint8]
"""Shape (height, width, 4): red, green, blue and alpha."""

KEEP, CLEAR, RESTORE = "keep", "clear", "restore"

COLOURS = 7
"""Colours of a piece, and the transparent one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One frame as stored.

    Attributes:
        seed: The seed of its colours; pieces of different seeds look different.
        box: Left, top, width and height.
        duration_ms: For how long it is shown.
        disposal: Its disposal before the next one.
        is_pierced: Whether it has some transparent pixels.
        is_replacing: Whether even its transparent pixels replace the earlier picture.
    """

    seed: int
    box: tuple[int, int, int, int]
    duration_ms: int
    disposal: str = KEEP
    is_pierced: bool = False
    is_replacing: bool = False

    def indices(self) -> NDArray[np.uint8]:
        """Return the number of the colour of each pixel; the last is transparent."""
        _, _, width, height = self.box
        generator = np.random.default_rng(self.seed)
        most = COLOURS + 1 if self.is_pierced else COLOURS
        coarse = generator.integers(0, most, (4, 4), dtype=np.uint8)
        rows = np.arange(height) * 4 // height
        columns = np.arange(width) * 4 // width
        return coarse[rows][:, columns]

    def palette(self) -> Pixels:
        """Return its colours, shape (``COLOURS`` + 1, 4)."""
        generator = np.random.default_rng(10_000 + self.seed)
        colours = generator.integers(0, 256, (COLOURS + 1, 4), dtype=np.uint8)
        colours[:, 3] = 255
        colours[COLOURS] = 0
        return colours

    def pixels(self) -> Pixels:
        """Return its own picture."""
        return self.palette()[self.indices()]


def composed(size: tuple[int, int], pieces: list[Piece]) -> list[Pixels]:
    """Return the picture after each piece, drawn pixel by pixel."""
    canvas = np.zeros((size[1], size[0], 4), dtype=np.uint8)
    shown = []
    for piece in pieces:
        left, top, width, height = piece.box
        before = canvas.copy()
        pixels = piece.pixels()
        for y in range(height):
            for x in range(width):
                if piece.is_replacing or pixels[y, x, 3]:
                    canvas[top + y, left + x] = pixels[y, x]
        shown.append(canvas.copy())
        if piece.disposal == CLEAR:
            canvas[top : top + height, left : left + width] = 0
        elif piece.disposal == RESTORE:
            canvas = before
    return shown


def gif(size: tuple[int, int], pieces: list[Piece]) -> bytes:
    """Write a GIF, in which transparent pixels never replace others."""
    disposals = {KEEP: 1, CLEAR: 2, RESTORE: 3}
    return gif_file(
        size, [_gif_piece(piece, disposals[piece.disposal]) for piece in pieces]
    )


def _gif_piece(piece: Piece, disposal: int) -> bytes:
    left, top, width, height = piece.box
    control = struct.pack(
        "<BBBBHBB",
        *(0x21, 0xF9, 4),
        disposal << 2 | piece.is_pierced,
        piece.duration_ms // 10,
        *(COLOURS, 0),
    )
    head = struct.pack("<BHHHHB", 0x2C, left, top, width, height, 0x82)
    table = piece.palette()[:, :3].tobytes()
    return control + head + table + _unpacked_lzw(piece.indices().tobytes())


def _unpacked_lzw(indices: bytes) -> bytes:
    """Return codes of four bits that pack nothing: a clear code before every sixth."""
    clear, end = 8, 9
    codes: list[int] = []
    for at in range(0, len(indices), 6):
        codes += [clear, *indices[at : at + 6]]
    codes.append(end)
    if len(codes) % 2:
        codes.append(0)
    data = bytes(
        low | high << 4 for low, high in zip(codes[::2], codes[1::2], strict=True)
    )
    blocks = [data[at : at + 255] for at in range(0, len(data), 255)]
    return b"\3" + b"".join(bytes((len(each),)) + each for each in blocks) + b"\0"


def apng(size: tuple[int, int], pieces: list[Piece], *, hidden: bool = False) -> bytes:
    """Write an APNG.

    Args:
        size: Width and height.
        pieces: The first of which covers all.
        hidden: Whether its default image is another picture.
    """
    disposals = {KEEP: 0, CLEAR: 1, RESTORE: 2}
    parts = [
        png_head(*size, depth=8, colour=6),
        png_chunk(b"acTL", struct.pack(">II", len(pieces), 1)),
    ]
    if hidden:
        cover = Piece(seed=99_999, box=(0, 0, *size), duration_ms=0)
        parts.append(png_chunk(b"IDAT", _png_data(cover)))
    number = 0
    for piece in pieces:
        left, top, width, height = piece.box
        fields = (width, height, left, top, piece.duration_ms, 1000)
        ways = disposals[piece.disposal], int(not piece.is_replacing)
        control = struct.pack(">I4IHHBB", number, *fields, *ways)
        parts.append(png_chunk(b"fcTL", control))
        number += 1
        if number == 1 and not hidden:
            parts.append(png_chunk(b"IDAT", _png_data(piece)))
            continue
        data = struct.pack(">I", number) + _png_data(piece)
        parts.append(png_chunk(b"fdAT", data))
        number += 1
    return b"".join(parts) + png_chunk(b"IEND", b"")


def _png_data(piece: Piece) -> bytes:
    return zlib.compress(png_rows(piece.pixels(), depth=8), 1)


def webp(size: tuple[int, int], pieces: list[Piece]) -> bytes:
    """Write a WebP, whose pieces begin at even places and never come back."""
    frames = [(b"ANIM", struct.pack("<IH", 0, 1))]
    for piece in pieces:
        left, top, width, height = piece.box
        sides = left // 2, top // 2, width - 1, height - 1, piece.duration_ms
        head = b"".join(number.to_bytes(3, "little") for number in sides)
        flags = int(piece.disposal == CLEAR) | 2 * piece.is_replacing
        stored = pictures.encoded(
            Image.fromarray(piece.pixels()), "WEBP", lossless=True, exact=True, method=0
        )
        body = stored[12:]
        if body[:4] == b"VP8X":
            body = body[18:]
        frames.append((b"ANMF", head + bytes((flags,)) + body))
    return webp_file(webp_head(*size, flags=0x12), *frames)


def avif(size: tuple[int, int], pieces: list[Piece]) -> bytes:
    """Write an AVIF, whose pieces cover all and let nothing through."""
    assert all(piece.box == (0, 0, *size) and not piece.is_pierced for piece in pieces)
    images = [Image.fromarray(piece.pixels()).convert("RGB") for piece in pieces]
    return pictures.encoded(
        images[0],
        "AVIF",
        save_all=True,
        append_images=images[1:],
        duration=[piece.duration_ms for piece in pieces],
        speed=10,
        quality=95,
        subsampling="4:4:4",
    )


def tiff(_size: tuple[int, int], pieces: list[Piece]) -> bytes:
    """Write a TIFF, each piece of which is a page."""
    images = [Image.fromarray(piece.pixels()) for piece in pieces]
    file = io.BytesIO()
    images[0].save(file, "TIFF", save_all=True, append_images=images[1:])
    return file.getvalue()
