"""Decode a large HEIC tile by tile, or to planes, and reduce these.

Phones write a picture as a grid of tiles. Each tile is decoded alone, so that only one
is held at a time. A picture in one piece is decoded to planes, which take half the
memory of its colours. The library is the one to which the module of ``pillow_heif`` is
linked.

Rules this module keeps:

- A picture that needs each tile decoded more than once, or has a picture within a tile,
  is refused: transparency of a grid, and grids of anything except plain pictures.
- Rotations, mirrors and clean apertures are those that the library would apply.

Source: libheif 1.23, ``heif.h``, ``heif_tiling.h``, ``heif_properties.h``.
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import _pillow_heif
from PIL import Image

from uploadfilter.model import Reason
from uploadfilter.pictures.faults import BadPictureError
from uploadfilter.pictures.formats import Format
from uploadfilter.pictures.frame import Frame
from uploadfilter.pictures.large.placing import Placing
from uploadfilter.pictures.large.planes import IS_KNOWN, AvifImage, Converter
from uploadfilter.pictures.limits import DecodeLimits, OverBudgetError, check_large
from uploadfilter.pictures.shrinking import scale_of_large

_LIBRARY: Final = ctypes.CDLL(_pillow_heif.__file__)

_BYTES_PER_PIXEL: Final = 3.7
_DEEP_BYTES_PER_PIXEL: Final = 8.0
_ALPHA_BYTES: Final = 3.0
"""Bytes that are held for each pixel of a picture in one piece, measured in 4:2:0."""

_TILE_BYTES: Final = 12
_ROW_BYTES: Final = 8
"""Bytes that are held for each pixel of a tile, and of a row of tiles."""

_BAND_BYTES: Final = 8_000_000
"""Bytes of the smaller picture, and of a band while it is reduced."""

_FREE_TILES: Final = 400
_BYTES_PER_TILE: Final = 1000
"""Bytes of the file for each tile that a picture may have, besides a fixed number. Each
tile takes at least 0.5 ms, and one tile may stand in a thousand places. A phone's
picture of 48 megapixels has 192."""

_USUAL_BITS: Final = 8
_YCBCR, _GREY = 0, 2
_UNDEFINED: Final = 99
_LUMA, _CB, _CR, _ALPHA = 0, 1, 2, 6
_SAMPLINGS: Final = {0: 4, 1: 3, 2: 2, 3: 1}
"""From a subsampling's number in libheif to its number in libavif."""

_REACHES: Final = {4: (1, 1), 3: (2, 2), 2: (2, 1), 1: (1, 1)}
"""Columns and rows of pixels for each sample of chroma, by libavif's number."""

_PLAIN: Final = int.from_bytes(b"hvc1", "big")
_GRID: Final = int.from_bytes(b"grid", "big")
_CROP: Final = int.from_bytes(b"clap", "big")
_TURN: Final = int.from_bytes(b"irot", "big")
_MIRROR: Final = int.from_bytes(b"imir", "big")
_LEFT_TO_RIGHT: Final = 1
_MOST_TURNS: Final = 8
"""Most rotations, mirrors and apertures of one picture; the standard allows three."""

_MOST_PICTURES: Final = 2000
_OUT_OF_MEMORY: Final = 6
_IGNORES_TURNS_AT: Final = 1
"""Offset of the option that tells whether to ignore rotations."""


class _Result(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_int),
        ("subcode", ctypes.c_int),
        ("message", ctypes.c_char_p),
    )


class _Tiling(ctypes.Structure):
    _fields_ = (
        ("version", ctypes.c_int),
        ("columns", ctypes.c_uint32),
        ("rows", ctypes.c_uint32),
        ("tile_width", ctypes.c_uint32),
        ("tile_height", ctypes.c_uint32),
        ("width", ctypes.c_uint32),
        ("height", ctypes.c_uint32),
        ("top", ctypes.c_uint32),
        ("left", ctypes.c_uint32),
        ("more_dimensions", ctypes.c_uint8),
        ("more_sizes", ctypes.c_uint32 * 8),
        ("room", ctypes.c_uint32 * 16),
    )


class _CodePoints(ctypes.Structure):
    _fields_ = (
        ("version", ctypes.c_uint8),
        ("primaries", ctypes.c_int),
        ("transfer", ctypes.c_int),
        ("matrix", ctypes.c_int),
        ("is_full_range", ctypes.c_uint8),
    )


_RETURNED: Final = {
    "heif_context_alloc": ctypes.c_void_p,
    "heif_decoding_options_alloc": ctypes.c_void_p,
    "heif_image_get_plane_readonly": ctypes.c_void_p,
    "heif_item_get_item_type": ctypes.c_uint32,
    "heif_item_get_property_type": ctypes.c_uint32,
    **dict.fromkeys(
        (
            "heif_context_read_from_memory_without_copy",
            "heif_context_get_image_handle",
            "heif_image_handle_get_image_tiling",
            "heif_image_handle_get_grid_image_tile_id",
            "heif_image_handle_decode_image_tile",
            "heif_decode_image",
            "heif_image_get_nclx_color_profile",
        ),
        _Result,
    ),
}
for _name, _type in _RETURNED.items():
    getattr(_LIBRARY, _name).restype = _type


def _check(result: _Result) -> None:
    """Raise the exception for a result of the library.

    Raises:
        MemoryError: There was not enough memory.
        BadPictureError: Anything else was wrong.
    """
    if result.code == _OUT_OF_MEMORY:
        raise MemoryError
    if result.code:
        raise BadPictureError(f"libheif says {result.code}, {result.subcode}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """One picture of an opened file."""

    context: ctypes.c_void_p
    handle: ctypes.c_void_p
    options: ctypes.c_void_p
    item: int


@contextmanager
def _opened(data: bytes, place: int) -> Iterator[_Opened]:
    """Open a file and one of the pictures at its top level."""
    context = ctypes.c_void_p(_LIBRARY.heif_context_alloc())
    options = ctypes.c_void_p(_LIBRARY.heif_decoding_options_alloc())
    handle = ctypes.c_void_p()
    ctypes.c_uint8.from_address((options.value or 0) + _IGNORES_TURNS_AT).value = 1
    try:
        _check(
            _LIBRARY.heif_context_read_from_memory_without_copy(
                context, data, ctypes.c_size_t(len(data)), None
            )
        )
        # A scanner has at most one core.
        _LIBRARY.heif_context_set_max_decoding_threads(context, 0)
        items = (ctypes.c_uint32 * _MOST_PICTURES)()
        found = _LIBRARY.heif_context_get_list_of_top_level_image_IDs(
            context, items, _MOST_PICTURES
        )
        if place >= found:
            raise BadPictureError("no such picture")
        item = ctypes.c_uint32(items[place])
        _check(
            _LIBRARY.heif_context_get_image_handle(context, item, ctypes.byref(handle))
        )
        yield _Opened(context=context, handle=handle, options=options, item=item.value)
    finally:
        if handle.value is not None:
            _LIBRARY.heif_image_handle_release(handle)
        _LIBRARY.heif_decoding_options_free(options)
        _LIBRARY.heif_context_free(context)


def large_frame(
    data: bytes, place: int, number: int, picture_format: Format, limits: DecodeLimits
) -> Frame:
    """Decode one picture of a HEIC that is too large to be held as a whole.

    Args:
        data: The file.
        place: Number of the picture at its top level.
        number: The number of the frame that is returned.
        picture_format: The format.
        limits: The limits of its cost.

    Raises:
        OverBudgetError: It is too large even so.
        BadPictureError: It cannot be decoded.
    """
    if not IS_KNOWN:
        raise BadPictureError("libavif has another interface")
    with _opened(data, place) as opened:
        tiling = _Tiling(version=1)
        _check(
            _LIBRARY.heif_image_handle_get_image_tiling(
                opened.handle, 0, ctypes.byref(tiling)
            )
        )
        has_tiles = tiling.columns * tiling.rows > 1
        plan = _plan_of_tiles if has_tiles else _plan_of_one
        size = tiling.width, tiling.height
        by = scale_of_large(size)
        check_large(
            size,
            limits,
            file_bytes=len(data),
            flat_pixels=picture_format.flat_pixels,
            pixels_per_byte=picture_format.pixels_per_byte,
            needed_bytes=plan(opened, tiling, len(data)) + len(data) + _BAND_BYTES,
        )
        placing = _placing(opened, size)
        strips = _strips_of_tiles if has_tiles else _strips_of_one
        return placing.frame(strips(opened, tiling), by, number)


def _has_alpha(opened: _Opened) -> bool:
    return bool(_LIBRARY.heif_image_handle_has_alpha_channel(opened.handle))


def _type_of(opened: _Opened, item: int) -> int:
    number: int = _LIBRARY.heif_item_get_item_type(
        opened.context, ctypes.c_uint32(item)
    )
    return number


def _plan_of_one(opened: _Opened, tiling: _Tiling, file_bytes: int) -> int:
    """Return the number of bytes that a picture in one piece needs."""
    del file_bytes
    if _type_of(opened, opened.item) != _PLAIN:
        raise OverBudgetError(Reason.TOO_MANY_PIXELS)
    bits = _LIBRARY.heif_image_handle_get_luma_bits_per_pixel(opened.handle)
    per_pixel = _DEEP_BYTES_PER_PIXEL if bits > _USUAL_BITS else _BYTES_PER_PIXEL
    per_pixel += _ALPHA_BYTES * _has_alpha(opened)
    return int(tiling.width * tiling.height * per_pixel)


def _plan_of_tiles(opened: _Opened, tiling: _Tiling, file_bytes: int) -> int:
    """Return the number of bytes that a picture in tiles needs."""
    if (
        _has_alpha(opened)
        or _type_of(opened, opened.item) != _GRID
        or tiling.columns * tiling.rows > _FREE_TILES + file_bytes // _BYTES_PER_TILE
        or any(_type_of(opened, item) != _PLAIN for item in _items(opened, tiling))
    ):
        raise OverBudgetError(Reason.TOO_MANY_PIXELS)
    row_bytes = _ROW_BYTES * int(tiling.width) + _TILE_BYTES * int(tiling.tile_width)
    return row_bytes * int(tiling.tile_height)


def _items(opened: _Opened, tiling: _Tiling) -> Iterator[int]:
    """Yield the items of the tiles of a grid, row by row."""
    item = ctypes.c_uint32()
    for row in range(tiling.rows):
        for column in range(tiling.columns):
            _check(
                _LIBRARY.heif_image_handle_get_grid_image_tile_id(
                    opened.handle,
                    0,
                    ctypes.c_uint32(column),
                    ctypes.c_uint32(row),
                    ctypes.byref(item),
                )
            )
            yield item.value


def _strips_of_one(opened: _Opened, tiling: _Tiling) -> Iterator[Image.Image]:
    """Decode a picture in one piece; yield its rows."""
    image = ctypes.c_void_p()
    _check(
        _LIBRARY.heif_decode_image(
            opened.handle, ctypes.byref(image), _UNDEFINED, _UNDEFINED, opened.options
        )
    )
    try:
        planes = _planes(image, (tiling.width, tiling.height))
        yield from Converter(ctypes.addressof(planes)).strips()
    finally:
        _LIBRARY.heif_image_release(image)


def _strips_of_tiles(opened: _Opened, tiling: _Tiling) -> Iterator[Image.Image | None]:
    """Decode one tile after another; yield the strip of each row of tiles.

    Yields:
        Strips, and ``None`` for each tile that cannot be decoded.
    """
    for row in range(tiling.rows):
        top = row * tiling.tile_height
        height = min(tiling.tile_height, tiling.height - top)
        strip = Image.new("RGB", (tiling.width, height))
        for column in range(tiling.columns):
            left = column * tiling.tile_width
            width = min(tiling.tile_width, tiling.width - left)
            try:
                _paste_tile(opened, (column, row), strip, (left, width))
            except BadPictureError:
                yield None
        yield strip


def _paste_tile(
    opened: _Opened,
    place: tuple[int, int],
    strip: Image.Image,
    columns: tuple[int, int],
) -> None:
    """Decode a tile and paste its upper left part into the strip of its row.

    Args:
        opened: The picture.
        place: Column and row of the tile.
        strip: The strip of its row.
        columns: Its first column in the strip, and its width.
    """
    image = ctypes.c_void_p()
    _check(
        _LIBRARY.heif_image_handle_decode_image_tile(
            opened.handle,
            ctypes.byref(image),
            _UNDEFINED,
            _UNDEFINED,
            opened.options,
            *map(ctypes.c_uint32, place),
        )
    )
    left, width = columns
    try:
        planes = _planes(image, (width, strip.height))
        top = 0
        for piece in Converter(ctypes.addressof(planes)).strips():
            strip.paste(piece, (left, top))
            top += piece.height
    finally:
        _LIBRARY.heif_image_release(image)


def _planes(image: ctypes.c_void_p, size: tuple[int, int]) -> AvifImage:
    """Return the planes of a decoded picture, or of its upper left part."""
    if _LIBRARY.heif_image_get_colorspace(image) not in {_YCBCR, _GREY}:
        raise BadPictureError("not luma and chroma")
    width, height = size
    sampling = _SAMPLINGS.get(_LIBRARY.heif_image_get_chroma_format(image))
    if sampling is None:
        raise BadPictureError("no known subsampling")
    planes = AvifImage(
        width=width,
        height=height,
        depth=_LIBRARY.heif_image_get_bits_per_pixel_range(image, _LUMA),
        sampling=sampling,
    )
    _set_matrix(planes, image)
    across, down = _REACHES[sampling]
    chroma = -(-width // across), -(-height // down)
    for place, channel in enumerate((_LUMA, _CB, _CR)):
        if channel == _LUMA or sampling != _SAMPLINGS[0]:
            least = size if channel == _LUMA else chroma
            planes.planes[place], planes.strides[place] = _plane(
                image, channel, least, planes.depth
            )
    if _LIBRARY.heif_image_has_channel(image, _ALPHA):
        planes.alpha, planes.alpha_stride = _plane(image, _ALPHA, size, planes.depth)
    return planes


def _plane(
    image: ctypes.c_void_p, channel: int, least: tuple[int, int], bits: int
) -> tuple[int, int]:
    """Return the address of a plane, and the number of bytes of each row.

    Args:
        image: A decoded picture.
        channel: Number of the plane.
        least: Least width and height, since this much is read of it.
        bits: Bits that its samples must have.

    Raises:
        BadPictureError: It is missing, or does not fit.
    """
    if (
        _LIBRARY.heif_image_get_width(image, channel) < least[0]
        or _LIBRARY.heif_image_get_height(image, channel) < least[1]
        or _LIBRARY.heif_image_get_bits_per_pixel_range(image, channel) != bits
    ):
        raise BadPictureError("a plane does not fit the others")
    stride = ctypes.c_int()
    address = _LIBRARY.heif_image_get_plane_readonly(
        image, channel, ctypes.byref(stride)
    )
    if not address:
        raise BadPictureError("a plane is missing")
    return address, stride.value


def _set_matrix(planes: AvifImage, image: ctypes.c_void_p) -> None:
    """Note the matrix and the range of the luma and chroma samples."""
    planes.is_full_range, planes.matrix = 1, _UNSPECIFIED
    found = ctypes.POINTER(_CodePoints)()
    result = _LIBRARY.heif_image_get_nclx_color_profile(image, ctypes.byref(found))
    if result.code == 0:
        planes.is_full_range = found.contents.is_full_range
        planes.matrix = found.contents.matrix
        planes.primaries = found.contents.primaries
        _LIBRARY.heif_nclx_color_profile_free(found)


_UNSPECIFIED: Final = 2


def _placing(opened: _Opened, size: tuple[int, int]) -> Placing:
    """Return the cuts, rotations and mirrors that the file gives a picture."""
    placing = Placing(size)
    item = ctypes.c_uint32(opened.item)
    properties = (ctypes.c_uint32 * _MOST_TURNS)()
    count = _LIBRARY.heif_item_get_transformation_properties(
        opened.context, item, properties, _MOST_TURNS
    )
    for number in properties[: min(count, _MOST_TURNS)]:
        one = ctypes.c_uint32(number)
        kind = _LIBRARY.heif_item_get_property_type(opened.context, item, one)
        if kind == _CROP:
            placing.cut(*_borders(opened, placing.size, one))
        elif kind == _TURN:
            degrees = _LIBRARY.heif_item_get_property_transform_rotation_ccw(
                opened.context, item, one
            )
            for _ in range(degrees // 90):
                placing.turn()
        elif kind == _MIRROR:
            direction = _LIBRARY.heif_item_get_property_transform_mirror(
                opened.context, item, one
            )
            placing.mirror(is_left_to_right=direction == _LEFT_TO_RIGHT)
    return placing


def _borders(
    opened: _Opened, size: tuple[int, int], one: ctypes.c_uint32
) -> tuple[int, int, int, int]:
    """Return the pixels that a clean aperture cuts off: left, top, right and bottom."""
    borders = [ctypes.c_int() for _ in range(4)]
    _LIBRARY.heif_item_get_property_transform_crop_borders(
        opened.context,
        ctypes.c_uint32(opened.item),
        one,
        *size,
        *map(ctypes.byref, borders),
    )
    left, top, right, bottom = (max(0, border.value) for border in borders)
    return left, top, right, bottom
