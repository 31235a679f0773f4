"""Tricks with the shown part: a part of a picture, or of a canvas."""

import io
import struct
from functools import partial

import numpy as np
import pillow_heif
from PIL import Image, ImageOps

from tests.corpus import pictures
from tests.corpus.tricks.kit import Expected, Family, FileType, Shown, of_family

# --- Clean apertures ------------------------------------------------------------------


def item_box(name: bytes, body: bytes) -> bytes:
    """Return one box of an AVIF or HEIC."""
    return struct.pack(">I4s", 8 + len(body), name) + body


def with_properties(file: bytes, *properties: bytes) -> bytes:
    """Return an AVIF or HEIC of one picture with more properties of the picture.

    Args:
        file: As an encoder of this project's libraries wrote it.
        properties: Boxes that a reader must apply, in this order.
    """
    added = b"".join(properties)
    listed = file.index(b"ipco") - 4
    (length,) = struct.unpack_from(">I", file, listed)
    known = _count_boxes(file[listed + 8 : listed + length])
    named = file.index(b"ipma") - 4
    grown = len(added) + len(properties)
    numbers = bytes(0x80 | known + each for each in range(1, len(properties) + 1))
    (table_bytes,) = struct.unpack_from(">I", file, named)
    table = bytearray(file[named : named + table_bytes] + numbers)
    struct.pack_into(">I", table, 0, len(table))
    table[18] += len(properties)
    changed = bytearray(file)
    for box, more in ((b"meta", grown), (b"iprp", grown), (b"ipco", len(added))):
        at = file.index(box) - 4
        (old,) = struct.unpack_from(">I", file, at)
        struct.pack_into(">I", changed, at, old + more)
    data_at = file.index(b"mdat") + 4
    place = file.index(struct.pack(">I", data_at), file.index(b"iloc"))
    struct.pack_into(">I", changed, place, data_at + grown)
    head, between = changed[: listed + length], changed[listed + length : named]
    return bytes(head + added + between + table + changed[named + table_bytes :])


def _count_boxes(boxes: bytes) -> int:
    """Return the number of consecutive boxes."""
    count = at = 0
    while at < len(boxes):
        at += int.from_bytes(boxes[at : at + 4], "big")
        count += 1
    return count


def clean_aperture(
    size: tuple[int, int], whole: tuple[int, int], *, at: tuple[int, int] = (0, 0)
) -> bytes:
    """Return the box by which only a part of a picture is shown.

    Args:
        size: Width and height of the part.
        whole: Width and height of the picture.
        at: Left and upper edge of the part.
    """
    fields: list[int] = []
    for kept, length, start in zip(size, whole, at, strict=True):
        fields += [kept, 1, 2 * start + kept - length, 2]
    across, down = fields[:4], fields[4:]
    order = (*across[:2], *down[:2], *across[2:], *down[2:])
    return item_box(b"clap", struct.pack(">IIIIiIiI", *order))


def _turn(quarters: int) -> bytes:
    return item_box(b"irot", bytes([quarters]))


def _mirror(axis: int) -> bytes:
    return item_box(b"imir", bytes([axis]))


def _item_file(image: Image.Image, file_format: str) -> bytes:
    """Encode as AVIF or HEIC."""
    if file_format == "AVIF":
        return pictures.encoded(image, "AVIF", speed=9)
    buffer = io.BytesIO()
    pillow_heif.from_pillow(image).save(buffer, format="HEIF", quality=80)
    return buffer.getvalue()


def _beside(
    target: Image.Image, decoy: Image.Image, at: tuple[int, int]
) -> Image.Image:
    """Return the target on a canvas twice as wide and high, with decoys around it."""
    width, height = target.size
    canvas = Image.new("RGB", (2 * width, 2 * height))
    for place in ((0, 0), (width, 0), (0, height), (width, height)):
        canvas.paste(decoy, place)
    canvas.paste(target, at)
    return canvas


def _aperture(
    target: Image.Image,
    decoy: Image.Image,
    *,
    file_format: str = "AVIF",
    at: tuple[int, int] = (0, 0),
    turns: tuple[bytes, ...] = (),
) -> bytes:
    """Show only the target of a canvas that is four times as large."""
    canvas = _beside(target, decoy, at)
    box = clean_aperture(target.size, canvas.size, at=at)
    return with_properties(_item_file(canvas, file_format), box, *turns)


def _aperture_turned(target: Image.Image, decoy: Image.Image) -> bytes:
    """Show only the target, turned and mirrored by the file to be upright."""
    stored = ImageOps.mirror(target).transpose(Image.Transpose.ROTATE_270)
    canvas = _beside(stored, decoy.resize(stored.size), (0, 0))
    box = clean_aperture(stored.size, canvas.size)
    return with_properties(_item_file(canvas, "AVIF"), box, _turn(1), _mirror(1))


def _hidden_beside(
    target: Image.Image, decoy: Image.Image, *, file_format: str
) -> bytes:
    """Mark a decoy as the shown part of a picture that is the target."""
    strip = target.copy()
    strip.paste(decoy.resize((32, 32)), (0, 0))
    box = clean_aperture((32, 32), strip.size)
    return with_properties(_item_file(strip, file_format), box)


# --- Canvases -------------------------------------------------------------------------


def _on_canvas(
    target: Image.Image,
    _decoy: Image.Image,
    *,
    file_format: str = "JPEG",
    times: int = 6,
    place: tuple[float, float] = (0.0, 0.0),
    colour: tuple[int, int, int] = (255, 255, 255),
    noise: int = 0,
    mode: str = "RGB",
    **options: object,
) -> bytes:
    """Put the target on a plain canvas that is several times as wide and high.

    Args:
        target: The picture.
        file_format: Of the file.
        times: Factor by which the canvas is wider and higher than the picture.
        place: Place on the canvas: 0 is the left or upper edge, 1 the opposite edge.
        colour: Of the canvas.
        noise: Most grey steps by which each pixel of the canvas differs.
        mode: Of the file's samples.
        options: For the encoder.
    """
    if file_format == "JPEG":
        # It is decoded at a smaller scale at any size.
        target = target.resize((320, 240), Image.Resampling.LANCZOS)
    width, height = target.width * times, target.height * times
    canvas = Image.new("RGB", (width, height), colour)
    if noise:
        rng = np.random.Generator(np.random.PCG64(noise))
        grains = rng.integers(-noise, noise + 1, (height, width, 1), np.int16)
        dirty = np.clip(np.asarray(canvas).astype(np.int16) + grains, 0, 255)
        canvas = Image.fromarray(dirty.astype(np.uint8))
    left = round(place[0] * (width - target.width))
    top = round(place[1] * (height - target.height))
    canvas.paste(target, (left, top))
    return pictures.encoded(canvas.convert(mode), file_format, **options)


def _on_clear_canvas(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Put the target on a canvas that is transparent around it."""
    canvas = Image.new("RGBA", (6 * target.width, 6 * target.height))
    canvas.paste(target, (2 * target.width, 3 * target.height))
    return pictures.png(canvas)


_part = of_family(Family.PART)

_HIDDEN = Shown.NOTHING
"""A browser shows the canvas so small that PDQ does not recognise the picture on it; a
person who looks closely sees it."""

CANVAS_TRICKS = tuple(
    _part(
        f"canvas-{name}",
        file_type,
        partial(_on_canvas, **options),
        about,
        shown=_HIDDEN,
    )
    for name, file_type, about, options in (
        (
            "jpeg",
            FileType.JPEG,
            "in the corner of a white canvas six times as wide",
            {},
        ),
        (
            "jpeg-inside",
            FileType.JPEG,
            "somewhere on a grey canvas six times as wide",
            {"place": (0.37, 0.61), "colour": (120, 120, 120), "progressive": True},
        ),
        (
            "jpeg-twelve",
            FileType.JPEG,
            "on a black canvas twelve times as wide",
            {"times": 12, "place": (1, 0.5), "colour": (0, 0, 0)},
        ),
        (
            "jpeg-noise",
            FileType.JPEG,
            "on a canvas of four greys",
            {"place": (1, 1), "noise": 2, "quality": 90},
        ),
        (
            "png",
            FileType.PNG,
            "in the corner of a white canvas six times as wide",
            {"file_format": "PNG"},
        ),
        (
            "png-palette",
            FileType.PNG,
            "the same with a palette",
            {"file_format": "PNG", "mode": "P", "place": (1, 0)},
        ),
        (
            "webp",
            FileType.WEBP,
            "on a blue canvas",
            {
                "file_format": "WEBP",
                "place": (0.9, 0.1),
                "colour": (0, 60, 180),
                "method": 0,
            },
        ),
        (
            "gif",
            FileType.GIF,
            "on a canvas in a GIF",
            {"file_format": "GIF", "place": (0.5, 0.5), "mode": "P"},
        ),
        (
            "tiff",
            FileType.TIFF,
            "on a canvas in a TIFF",
            {"file_format": "TIFF", "place": (0.1, 0.9), "compression": "tiff_lzw"},
        ),
    )
)


PART_TRICKS = (
    _part(
        "avif-aperture",
        FileType.AVIF,
        _aperture,
        "of a picture four times as large, a clean aperture shows the target",
        expected=Expected.REFUSED,
    ),
    _part(
        "avif-aperture-inside",
        FileType.AVIF,
        partial(_aperture, at=(320, 240)),
        "the same where the part begins inside",
        shown=Shown.NOTHING,
        expected=Expected.REFUSED,
    ),
    _part(
        "avif-aperture-turned",
        FileType.AVIF,
        _aperture_turned,
        "a clean aperture, and then a turn and a mirror",
        expected=Expected.REFUSED,
    ),
    _part(
        "avif-aperture-unheeded",
        FileType.AVIF,
        partial(_hidden_beside, file_format="AVIF"),
        "a clean aperture shows a corner of the target",
        shown=Shown.NOTHING,
    ),
    _part(
        "heic-aperture",
        FileType.HEIC,
        partial(_aperture, file_format="HEIF", at=(320, 240)),
        "a clean aperture in a HEIC",
        shown=Shown.NOTHING,
    ),
    _part(
        "heic-aperture-turned",
        FileType.HEIC,
        partial(_aperture, file_format="HEIF", turns=(_turn(1), _mirror(0))),
        "a clean aperture in a HEIC, and then a turn and a mirror",
        shown=Shown.NOTHING,
    ),
    _part(
        "heic-aperture-unheeded",
        FileType.HEIC,
        partial(_hidden_beside, file_format="HEIF"),
        "a clean aperture in a HEIC shows a corner of the target",
        shown=Shown.NOTHING,
    ),
    *CANVAS_TRICKS,
    _part(
        "canvas-clear",
        FileType.PNG,
        _on_clear_canvas,
        "on a transparent canvas six times as wide",
        shown=_HIDDEN,
    ),
)
