"""Write AVIF and HEIC files whose picture is a grid of tiles, as phones do.

None of the libraries here writes grids, so the boxes are written here, around tiles
that Pillow and ``pillow_heif`` encode.

Source: ISO/IEC 14496-12 (boxes) and 23008-12 (items, ``grid``, ``irot``, ``imir``).
"""

import io
import struct
from collections.abc import Sequence

import pillow_heif
from PIL import Image

_OF_TILE, _OF_WHOLE = b"\x81\x02", b"\x03\x04"
"""Numbers of properties; the upper bit means that a reader must understand it."""

CODED = {b"hvc1": b"hvcC", b"av01": b"av1C"}
"""Kinds of tiles, and the box with the configuration of their decoder."""


FAST = {"preset": "ultrafast"}
"""The option that makes the encoder of HEIC seven times as fast: its default needs ten
seconds for four million pixels."""


def box(name: bytes, body: bytes) -> bytes:
    """Return a box."""
    return struct.pack(">I", 8 + len(body)) + name + body


def full_box(name: bytes, body: bytes, *, version: int = 0, flags: int = 0) -> bytes:
    """Return a box with a version and flags."""
    return box(name, struct.pack(">I", version << 24 | flags) + body)


def turn(quarters: int) -> bytes:
    """Return the box that turns a picture counter-clockwise."""
    return box(b"irot", bytes((quarters,)))


def mirror(axis: int) -> bytes:
    """Return the box that mirrors a picture."""
    return box(b"imir", bytes((axis,)))


def aperture(width: int, height: int, *, right: int, down: int) -> bytes:
    """Return the box that shows a part of a picture."""
    return box(
        b"clap", struct.pack(">IIIIiIiI", width, 1, height, 1, right, 1, down, 1)
    )


def packed(tile: Image.Image, kind: bytes) -> bytes:
    """Return a file of one tile."""
    buffer = io.BytesIO()
    if kind == b"hvc1":
        pillow_heif.from_pillow(tile).save(
            buffer, format="HEIF", quality=80, enc_params=FAST
        )
    else:
        tile.save(buffer, "AVIF", quality=80, speed=10)
    return buffer.getvalue()


def grid(
    tiles: Sequence[Image.Image],
    *,
    size: tuple[int, int],
    kind: bytes = b"hvc1",
    turns: Sequence[bytes] = (),
    is_shared: bool = False,
) -> bytes:
    """Return a file whose picture repeats some tiles.

    Args:
        tiles: Tiles of one size; each is encoded once for all of its places.
        size: Width and height of the picture.
        kind: ``hvc1`` for HEIC, ``av01`` for AVIF.
        turns: Boxes that cut, turn and mirror the picture.
        is_shared: Whether each tile is stored only once, however often it is shown.
    """
    parts = [_parts(packed(tile, kind), CODED[kind]) for tile in tiles]
    width, height = tiles[0].size
    columns, rows = -(-size[0] // width), -(-size[1] // height)
    count = columns * rows
    shown = [place * 7 % len(parts) for place in range(count)]
    chosen = parts if is_shared else [parts[number] for number in shown]
    if not is_shared:
        shown = list(range(count))
    described = struct.pack(">BBBBII", 0, 1, rows - 1, columns - 1, *size)
    bodies = [*(body for _, body in chosen), described]
    properties = (
        chosen[0][0],
        *(full_box(b"ispe", struct.pack(">II", *of)) for of in ((width, height), size)),
        full_box(b"pixi", b"\3\x08\x08\x08"),
        *turns,
    )
    brand = b"heic" if kind == b"hvc1" else b"avif"
    head = box(b"ftyp", brand + bytes(4) + b"mif1" + brand)
    meta = _meta(kind, bodies, properties, shown, start=0)
    meta = _meta(kind, bodies, properties, shown, start=len(head) + len(meta) + 8)
    return head + meta + box(b"mdat", b"".join(bodies))


def _parts(file: bytes, coded: bytes) -> tuple[bytes, bytes]:
    """Return the box that a decoder needs, and the packed picture of a file."""
    at = file.index(coded) - 4
    length = int.from_bytes(file[at : at + 4], "big")
    start = file.index(b"mdat") + 4
    return file[at : at + length], file[start:]


def _meta(
    kind: bytes,
    bodies: Sequence[bytes],
    properties: Sequence[bytes],
    shown: Sequence[int],
    *,
    start: int,
) -> bytes:
    """Return the box that describes all items."""
    whole = len(bodies)
    items, places, owned, at = b"", b"", b"", start
    turns = bytes(0x80 | number for number in range(5, len(properties) + 1))
    for number, body in enumerate(bodies, start=1):
        is_whole = number == whole
        name = b"grid" if is_whole else kind
        entry = struct.pack(">HH", number, 0) + name + b"\0"
        items += full_box(b"infe", entry, version=2, flags=0 if is_whole else 1)
        places += struct.pack(">HHHII", number, 0, 1, at, len(body))
        own = _OF_WHOLE + turns if is_whole else _OF_TILE
        owned += struct.pack(">HB", number, len(own)) + own
        at += len(body)
    numbers = struct.pack(f">{len(shown)}H", *(number + 1 for number in shown))
    made_of = struct.pack(">HH", whole, len(shown)) + numbers
    return full_box(
        b"meta",
        full_box(b"hdlr", bytes(4) + b"pict" + bytes(13))
        + full_box(b"pitm", struct.pack(">H", whole))
        + full_box(b"iinf", struct.pack(">H", whole) + items)
        + full_box(b"iloc", struct.pack(">BBH", 0x44, 0, whole) + places)
        + box(
            b"iprp",
            box(b"ipco", b"".join(properties))
            + full_box(b"ipma", struct.pack(">I", whole) + owned),
        )
        + full_box(b"iref", box(b"dimg", made_of)),
    )
