"""Make files of the pictures in a PDF document as a reader paints them.

``images.py`` writes the samples of a picture as stored. A page may show something
else: ``/Decode`` inverts values, a colour space mixes inks, a mask cuts holes. If the
dictionary says so, a second file is written with colours that are computed here. Both
files are compared, since readers differ.

Rules this module keeps: at most ``UNPACKED_BYTES`` of samples are unpacked; they are
computed in pieces, and at most as many as ``_MOST_WORK`` allows; a picture that cannot
be computed is a shortfall.

Source:
    ISO 32000-2:2020, 8.9.5 "Image dictionaries", 8.9.6 "Masked images".
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pikepdf
from numpy.random import PCG64, Generator
from numpy.typing import NDArray

from uploadfilter.contents.members import Shortfall
from uploadfilter.contents.pdf.filters import (
    UNPACKED_BYTES,
    Filter,
    filters_of,
    unfiltered,
)
from uploadfilter.contents.pdf.images import MOST_SIDE, described, written
from uploadfilter.contents.pdf.jpx import UNDECODABLE, override_of
from uploadfilter.contents.pdf.profiles import (
    components_of,
    profile_of,
    with_profile,
    with_transform,
)
from uploadfilter.contents.pdf.rasters import painted_tiff
from uploadfilter.contents.pdf.spaces import Space, space_of
from uploadfilter.contents.pdf.values import items_of, reals, value_of, whole
from uploadfilter.contents.unpackers import TOO_BIG, UNKNOWN

Table = NDArray[np.float64]
Samples = NDArray[np.uint8] | NDArray[np.uint16]

_BITS: Final = frozenset({1, 2, 4, 8, 16})
_BYTE_BITS: Final = 8
_PIECE: Final = 1 << 15
"""Samples that are computed at a time: one component of them has a quarter of a
megabyte."""

_MOST_WORK: Final = 24_000_000
_LEAST_COMPUTED: Final = 32_768
"""Most steps for the samples of one picture, and fewest samples that are computed,
which are enough for every signal. If a picture would take more steps, one sample in
each square of several is computed; which one is hard to predict."""

_FAX: Final = "/CCITTFaxDecode"
_DCT: Final = "/DCTDecode"
_JPX: Final = "/JPXDecode"
_COLOURS, _INKS = 3, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Painting:
    """The painting of a picture as its dictionary describes it.

    Attributes:
        width: Samples in a row.
        height: Rows.
        bits: Of one component.
        space: Its colour space.
        decode: Lowest and highest value of each component in this picture.
        key: Lowest and highest stored value of each component in samples that are not
            painted; empty if all are.
        filters: The filters of the samples.
        transform: Whether the dictionary says that the components of a JPEG are luma
            and colour differences; ``None`` if it says nothing.
    """

    width: int
    height: int
    bits: int
    space: Space
    decode: Table
    key: tuple[int, ...]
    filters: tuple[Filter, ...]
    transform: bool | None = None

    @property
    def row_bytes(self) -> int:
        """Return the bytes of an unpacked row."""
        return -(-self.width * len(self.decode) * self.bits // _BYTE_BITS)


def is_plain(dictionary: pikepdf.Object) -> bool:
    """Return whether it is painted as stored, in colours that decoders know."""
    if value_of(dictionary, "/ImageMask") is True:
        return True
    has_more = any(key in dictionary for key in ("/Decode", "/D", "/Mask"))
    space = value_of(dictionary, "/ColorSpace")
    return not has_more and (space is None or isinstance(space, pikepdf.Name))


def painting_of(dictionary: pikepdf.Object) -> Painting | Shortfall | None:
    """Read the painting of a picture.

    Args:
        dictionary: The picture's dictionary.

    Returns:
        ``None`` if the picture is painted as stored; a shortfall if its painting cannot
        be computed.
    """
    filters = filters_of(dictionary)
    transform = _transform_of(filters)
    if transform is None and is_plain(dictionary):
        return None
    width, height = (whole(value_of(dictionary, key)) for key in ("/Width", "/Height"))
    if not (0 < width <= MOST_SIDE and 0 < height <= MOST_SIDE):
        return None
    if filters and filters[-1].name in {_JPX, _FAX}:
        return None
    bits = whole(value_of(dictionary, "/BitsPerComponent")) or _BYTE_BITS
    space = space_of(value_of(dictionary, "/ColorSpace"))
    if space is None or bits not in _BITS:
        return UNKNOWN
    own = decode_of(dictionary, space, bits)
    mask = items_of(value_of(dictionary, "/Mask"))
    key = tuple(int(number) for number in reals(value_of(dictionary, "/Mask")))
    is_key = len(mask) == len(key) == 2 * len(space.ranges)
    is_jpeg = bool(filters) and filters[-1].name == _DCT
    is_read_so = _is_read_so(space, own, bits, is_jpeg=is_jpeg)
    if transform is None and not is_key and is_read_so:
        return None
    return Painting(
        width=width,
        height=height,
        bits=bits,
        space=space,
        decode=own,
        key=key if is_key else (),
        filters=filters,
        transform=transform,
    )


def _transform_of(filters: tuple[Filter, ...]) -> bool | None:
    """Return whether a filter transforms a JPEG's components; ``None`` if unsaid."""
    if not filters or filters[-1].name != _DCT:
        return None
    said = filters[-1].parameters.get("/ColorTransform")
    return None if said is None else bool(said)


def _is_read_so(space: Space, decode: Table, bits: int, *, is_jpeg: bool) -> bool:
    """Return whether ``images.py`` writes the same colours."""
    usual = usual_decode(space, bits)
    if not space.is_device or space.profile:
        return False
    if np.array_equal(decode, usual):
        return not (is_jpeg and space.is_index)
    is_turned = np.array_equal(decode, usual[:, ::-1]) and bits <= _BYTE_BITS
    return is_turned and not is_jpeg and not space.is_index and len(usual) != _COLOURS


def decode_of(dictionary: pikepdf.Object, space: Space, bits: int) -> Table:
    """Return the lowest and highest values of a picture's components."""
    usual = usual_decode(space, bits)
    numbers = reals(value_of(dictionary, "/Decode"))
    return np.array(numbers).reshape(-1, 2) if len(numbers) == usual.size else usual


def usual_decode(space: Space, bits: int) -> Table:
    """Return the default lowest and highest values of components."""
    return np.array([[0.0, (1 << bits) - 1.0]]) if space.is_index else space.ranges


def painted(painting: Painting, raw: bytes) -> Iterator[bytes | Shortfall]:
    """Make a file of a picture as painted.

    Args:
        painting: Its painting.
        raw: Its stream, as packed.

    Yields:
        The parts of the file, of any length; or a shortfall.
    """
    if painting.filters and painting.filters[-1].name == _DCT:
        yield from _painted_jpeg(painting, raw)
        return
    if painting.row_bytes * painting.height > UNPACKED_BYTES:
        yield TOO_BIG
        return
    data = unfiltered(raw, painting.filters)
    if isinstance(data, Shortfall):
        yield data
        return
    samples = _chosen(_samples(painting, data), painting.space.cost)
    profile = painting.space.profile
    is_stored = profile or (painting.space.is_device and samples.shape[2] == _COLOURS)
    colours = _stored(painting, samples) if is_stored else _computed(painting, samples)
    if painting.key:
        colours = np.dstack((colours, _kept(painting, samples)))
    yield from painted_tiff(colours, profile, has_alpha=bool(painting.key))


def _chosen(samples: Samples, cost: int) -> Samples:
    """Return the samples, or as many of them as may be computed, evenly spread."""
    height, width, count = samples.shape
    most = max(_LEAST_COMPUTED, _MOST_WORK // cost)
    by = 1
    while count > 1 and height * width > most * by * by:
        by += 1
    if by == 1 or by > min(height, width):
        return samples
    cells = height // by, width // by
    rng = Generator(PCG64(height * width))
    down, across = rng.integers(0, by, (2, *cells))
    rows = by * np.arange(cells[0])[:, None] + down
    chosen: Samples = samples[rows, by * np.arange(cells[1]) + across]
    return chosen


def _painted_jpeg(painting: Painting, raw: bytes) -> Iterator[bytes | Shortfall]:
    """Give a JPEG a profile that describes the painted colours."""
    jpeg = unfiltered(raw, painting.filters[:-1])
    if isinstance(jpeg, Shortfall):
        yield jpeg
        return
    count, is_adobe = components_of(jpeg)
    if painting.transform is not None and not is_adobe and count >= _COLOURS:
        # Adobe's segment in the JPEG takes precedence.
        jpeg = with_transform(jpeg, count if painting.transform else 0)
        if not painting.key and _is_read_so(
            painting.space, painting.decode, painting.bits, is_jpeg=True
        ):
            yield jpeg
            return
    if painting.key or count != len(painting.space.ranges):
        yield UNKNOWN
        return
    # Decoders invert the inks of such a JPEG before they apply a profile.
    is_negative = is_adobe and count == _INKS
    profile: bytes | None = painting.space.profile
    if not profile or not np.array_equal(painting.decode, painting.space.ranges):
        low, high = painting.decode[:, 0], painting.decode[:, 1]

        def convert(shares: Table) -> Table:
            shares = 1 - shares if is_negative else shares
            return painting.space.convert(low + shares * (high - low))

        profile = profile_of(convert, count)
    if profile is None:
        yield UNKNOWN
    else:
        yield from with_profile(jpeg, profile)


def _samples(painting: Painting, data: bytes) -> Samples:
    """Return the stored values, shape (height, width, components)."""
    length = painting.row_bytes * painting.height
    missing = bytes(max(0, length - len(data)))
    rows = np.frombuffer(data[:length] + missing, np.uint8)
    rows = rows.reshape(painting.height, painting.row_bytes)
    count = painting.width * len(painting.decode)
    values: Samples
    if painting.bits > _BYTE_BITS:
        values = rows.view(">u2").astype(np.uint16)
    elif painting.bits < _BYTE_BITS:
        places = np.arange(count) * painting.bits
        shifts = (_BYTE_BITS - painting.bits - places % _BYTE_BITS).astype(np.uint8)
        mask = np.uint8((1 << painting.bits) - 1)
        values = rows[:, places // _BYTE_BITS] >> shifts & mask
    else:
        values = rows
    return values[:, :count].reshape(painting.height, painting.width, -1)


def _decoded(painting: Painting, pixels: Samples) -> Table:
    """Convert stored values to component values, a row for each sample."""
    low, high = painting.decode[:, 0], painting.decode[:, 1]
    top = (1 << painting.bits) - 1
    values: Table = low + pixels * ((high - low) / top)
    return values


def _computed(painting: Painting, samples: Samples) -> NDArray[np.uint8]:
    """Return red, green and blue of each sample."""
    height, width, count = samples.shape
    pixels = samples.reshape(-1, count)
    colours = np.empty((len(pixels), 3), np.uint8)
    if count == 1:
        # Each value is computed once for all samples that have it.
        values = np.arange(1 << painting.bits, dtype=np.uint16)[:, None]
        table = _in_pieces(painting, values)
        return table[pixels[:, 0]].reshape(height, width, 3)
    for start in range(0, len(pixels), _PIECE):
        part = pixels[start : start + _PIECE]
        colours[start : start + _PIECE] = _in_pieces(painting, part)
    return colours.reshape(height, width, 3)


def _in_pieces(painting: Painting, pixels: Samples) -> NDArray[np.uint8]:
    light = painting.space.convert(_decoded(painting, pixels))
    return np.rint(np.clip(np.nan_to_num(light), 0, 1) * 255).astype(np.uint8)


def _stored(painting: Painting, samples: Samples) -> NDArray[np.uint8]:
    """Return the components of each sample as bytes, decoded but not converted."""
    top = (1 << painting.bits) - 1
    levels = np.arange(1 << painting.bits, dtype=np.float64)[:, None] / top
    ranges = painting.space.ranges
    reach = np.where(ranges[:, 1] == ranges[:, 0], 1, ranges[:, 1] - ranges[:, 0])
    low, high = painting.decode[:, 0], painting.decode[:, 1]
    shares = (low + levels * (high - low) - ranges[:, 0]) / reach
    table = np.rint(np.clip(shares, 0, 1) * 255).astype(np.uint8)
    return np.dstack([table[samples[:, :, n], n] for n in range(samples.shape[2])])


def _kept(painting: Painting, samples: Samples) -> NDArray[np.uint8]:
    """Return which samples are painted: those outside of the colour key."""
    low, high = np.array(painting.key[0::2]), np.array(painting.key[1::2])
    is_key = ((samples >= low) & (samples <= high)).all(axis=2)
    return np.where(is_key, 0, 255).astype(np.uint8)


def mask_of(dictionary: pikepdf.Object) -> pikepdf.Stream | None:
    """Return the mask of a picture, if it has one."""
    soft = value_of(dictionary, "/SMask")
    if isinstance(soft, pikepdf.Stream):
        return soft
    stencil = value_of(dictionary, "/Mask")
    return stencil if isinstance(stencil, pikepdf.Stream) else None


def alpha_of(mask: pikepdf.Stream, raw: bytes) -> Iterator[bytes | Shortfall]:
    """Make a file of a mask; its luma is the alpha of the picture.

    Args:
        mask: A soft mask, or a stencil, which cuts out the samples that are 1 in it.
        raw: The stream, as packed.
    """
    picture = described(mask)
    if picture.is_jpx and isinstance(override_of(mask), Shortfall):
        yield UNDECODABLE
        return
    is_stencil = value_of(mask, "/ImageMask") is True
    if is_stencil and picture.raster is not None:
        turned = replace(picture.raster, is_inverted=not picture.raster.is_inverted)
        picture = replace(picture, raster=turned)
    yield from written(picture, raw)
