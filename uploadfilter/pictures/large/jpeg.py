"""Show a progressive JPEG eight times smaller, without holding its coefficients.

libjpeg keeps all coefficients of a progressive JPEG until its last scan: 3 to 6 bytes
for each pixel. A picture that is eight times smaller needs only the first coefficient
of each block, its average. The averages have separate scans, and only these are read
here.

Rules this module keeps:

- The result equals that of libjpeg at 1/8, bit for bit in luma; for colours, subsampled
  chroma is repeated.
- Every step uses numpy, except one for each block, which finds the start of its code.
- Any file except a usual progressive JPEG is refused.

Source: ITU-T T.81, annexes B, F.1.2.1 (codes of averages) and G.1 (progressive scans).
"""

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from uploadfilter.model import Reason
from uploadfilter.pictures.faults import BadPictureError
from uploadfilter.pictures.frame import Frame
from uploadfilter.pictures.headers.jpegscans import NEXT_MARKER
from uploadfilter.pictures.limits import DecodeLimits, OverBudgetError

Numbers = NDArray[Any]

SCALE: Final = 8
_LEAST_SIDE: Final = 512

_FREE_BLOCKS: Final = 600_000
"""Blocks that any file may have, besides one for each of its bytes. Each takes 0.3
microseconds; photos have one for 3 to 10 bytes."""

_BYTES_PER_BLOCK: Final = 24
"""Bytes that are held for each block while its average is found."""

_PROGRESSIVE, _HUFFMAN, _QUANTISATION = 0xC2, 0xC4, 0xDB
_INTERVAL, _SCAN, _END, _ADOBE = 0xDD, 0xDA, 0xD9, 0xEE
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_RESTART: Final = re.compile(rb"\xff[\xd0-\xd7]")
_GREY, _COLOURS = 1, 3
_RGB_NAMES: Final = (ord("R"), ord("G"), ord("B"))

_CHUNK_BYTES: Final = 1 << 16
"""Bytes that are searched at a time; each of their bits may begin a code."""

_MOST_PIECES: Final = 2000
"""Most pieces of a scan, between restarts; encoders with restarts write one for each
row."""

_MOST_CODE_BITS: Final = 16 + 15
_WINDOW_BITS: Final = 40


@dataclass(slots=True)
class _Part:
    """One component of a picture."""

    across: int
    down: int
    table: int
    averages: Numbers = field(default_factory=lambda: np.zeros((0, 0), np.int32))
    shape: tuple[int, int] = (0, 0)
    """Rows and columns of blocks without padding."""


@dataclass(frozen=True, slots=True)
class _Codes:
    """A Huffman table: for each value of 16 bits, the code at their beginning."""

    lengths: Numbers
    sizes: Numbers

    @property
    def steps(self) -> Numbers:
        """Return the bits of each code together with the number that follows it."""
        return self.lengths + self.sizes


@dataclass(slots=True)
class _Picture:
    """The parts of a file that were read so far."""

    size: tuple[int, int] = (0, 0)
    parts: dict[int, _Part] = field(default_factory=dict)
    factors: dict[int, int] = field(default_factory=dict)
    codes: dict[int, _Codes] = field(default_factory=dict)
    interval: int = 0
    is_rgb: bool = False
    is_whole: bool = False
    scans: int = 0


def coarse_frame(
    file: BinaryIO,
    limits: DecodeLimits,
    *,
    number: int,
    profile: bytes | None,
    in_colours: bool,
) -> Frame:
    """Return a progressive JPEG eight times smaller.

    Args:
        file: The JPEG, seekable.
        limits: The limits of its cost.
        number: The number of the frame.
        profile: Its colour profile.
        in_colours: Whether its colours are needed.

    Raises:
        OverBudgetError: It cannot be shown in this way.
        BadPictureError: It has no scan of averages.
    """
    length = file.seek(0, io.SEEK_END)
    if length > limits.max_decoded_bytes // 2:
        raise OverBudgetError(Reason.TOO_MANY_PIXELS)
    file.seek(0)
    data = file.read()
    picture = _Picture()
    for marker, body, behind in _segments(data):
        if marker == _SCAN:
            _check(picture, length, limits)
            _take_scan(picture, body, _entropy(data, behind))
        else:
            _take(picture, marker, body)
    if not picture.scans:
        raise BadPictureError("there is no scan of averages")
    width, height = picture.size
    planes = [_plane(picture, part) for part in picture.parts.values()]
    if len(planes) == _GREY or not (in_colours or picture.is_rgb):
        image = planes[0]
    else:
        image = Image.merge("RGB" if picture.is_rgb else "YCbCr", planes)
        image = image.convert("RGB")
    return Frame(
        image=image,
        number=number,
        full=(width, height),
        scale=SCALE,
        profile=profile,
        is_truncated=not picture.is_whole,
    )


def _segments(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Yield the marker of each segment, its body, and the offset after it."""
    at = 2
    while (found := NEXT_MARKER.search(data, at)) is not None:
        marker = data[found.start() + 1]
        at = found.end()
        if marker == _END:
            yield marker, b"", at
            return
        if marker == 1:
            continue
        length = max(2, int.from_bytes(data[at : at + 2], "big"))
        body = data[at + 2 : at + length]
        at += length
        if len(body) < length - 2:
            return
        yield marker, body, at


def _take(picture: _Picture, marker: int, body: bytes) -> None:
    """Note the fields of a segment."""
    if marker == _END:
        picture.is_whole = True
    elif marker == _QUANTISATION:
        _take_factors(picture, body)
    elif marker == _HUFFMAN:
        _take_codes(picture, body)
    elif marker == _INTERVAL:
        picture.interval = int.from_bytes(body[:2], "big")
    elif marker == _ADOBE and body.startswith(b"Adobe") and len(body) > 11:  # noqa: PLR2004
        picture.is_rgb = body[11] == 0
    elif marker in _FRAMES:
        _take_frame(picture, marker, body)


def _take_frame(picture: _Picture, marker: int, body: bytes) -> None:
    """Note the size and the components."""
    count = body[5] if len(body) > 5 else 0  # noqa: PLR2004
    if (
        marker != _PROGRESSIVE
        or picture.parts
        or count not in {_GREY, _COLOURS}
        or len(body) < 6 + 3 * count
    ):
        raise OverBudgetError(Reason.TOO_MANY_PIXELS)
    height, width = (int.from_bytes(body[at : at + 2], "big") for at in (1, 3))
    picture.size = width, height
    for at in range(6, 6 + 3 * count, 3):
        across, down = body[at + 1] >> 4, body[at + 1] & 15
        if not 1 <= across <= 4 or not 1 <= down <= 4:  # noqa: PLR2004  # T.81, B.2.2
            raise OverBudgetError(Reason.TOO_MANY_PIXELS)
        picture.parts[body[at]] = _Part(across, down, body[at + 2])
    picture.is_rgb |= tuple(picture.parts) == _RGB_NAMES
    units = _units(picture)
    for part in picture.parts.values():
        part.averages = np.zeros((units[0] * part.down, units[1] * part.across), "i4")
        part.shape = (
            -(-height * part.down // (8 * _tallest(picture))),
            -(-width * part.across // (8 * _widest(picture))),
        )


def _widest(picture: _Picture) -> int:
    return max(part.across for part in picture.parts.values())


def _tallest(picture: _Picture) -> int:
    return max(part.down for part in picture.parts.values())


def _units(picture: _Picture) -> tuple[int, int]:
    """Return the number of rows and columns of units of blocks."""
    width, height = picture.size
    return -(-height // (8 * _tallest(picture))), -(-width // (8 * _widest(picture)))


def _take_factors(picture: _Picture, body: bytes) -> None:
    """Note the factors of averages."""
    at = 0
    while at < len(body):
        each = 1 + (body[at] >> 4)
        picture.factors[body[at] & 15] = int.from_bytes(body[at + 1 : at + 1 + each])
        at += 1 + 64 * each


def _take_codes(picture: _Picture, body: bytes) -> None:
    """Note the codes for averages."""
    at = 0
    while at + 17 <= len(body):
        counts = body[at + 1 : at + 17]
        values = body[at + 17 : at + 17 + sum(counts)]
        if body[at] >> 4 == 0:
            picture.codes[body[at] & 15] = _table(counts, values)
        at += 17 + sum(counts)


def _table(counts: bytes, values: bytes) -> _Codes:
    lengths, sizes = np.zeros(1 << 16, np.uint8), np.zeros(1 << 16, np.uint8)
    first, taken = 0, iter(values)
    for length, count in enumerate(counts, start=1):
        reach = 1 << (16 - length)
        for _, value in zip(range(count), taken, strict=False):
            lengths[first : first + reach] = length
            sizes[first : first + reach] = min(value, 15)
            first += reach
    return _Codes(lengths, sizes)


def _check(picture: _Picture, length: int, limits: DecodeLimits) -> None:
    """Refuse a picture that cannot be shown in this way, or would take too long.

    Raises:
        OverBudgetError: It is refused.
    """
    blocks = sum(part.averages.size for part in picture.parts.values())
    if (
        not blocks
        or min(picture.size) < SCALE * _LEAST_SIDE
        or blocks > _FREE_BLOCKS + length
        or blocks * _BYTES_PER_BLOCK + length > limits.max_decoded_bytes
    ):
        raise OverBudgetError(Reason.TOO_MANY_PIXELS)


def _entropy(data: bytes, start: int) -> list[bytes]:
    """Return the data of a scan, a piece for each interval between restarts."""
    end = start
    while (found := NEXT_MARKER.search(data, end)) is not None:
        if data[found.start() + 1] not in range(0xD0, 0xD8):
            break
        end = found.end()
    packed = data[start : found.start() if found else len(data)]
    return [part.replace(b"\xff\0", b"\xff") for part in _RESTART.split(packed)]


@dataclass(frozen=True, slots=True)
class _Scan:
    """A scan of averages.

    Attributes:
        parts: The components in it.
        codes: The codes of each component; empty in a refining scan.
        low: Number of bits by which averages are shifted.
    """

    parts: Sequence[_Part]
    codes: Sequence[_Codes]
    low: int


def _take_scan(picture: _Picture, body: bytes, pieces: list[bytes]) -> None:
    """Read a scan, if it has averages."""
    count = body[0] if body else 0
    if len(body) < 4 + 2 * count or body[1 + 2 * count]:
        return
    chosen = [(body[at], body[at + 1] >> 4) for at in range(1, 1 + 2 * count, 2)]
    high, low = body[3 + 2 * count] >> 4, body[3 + 2 * count] & 15
    try:
        parts = [picture.parts[number] for number, _ in chosen]
        codes = [] if high else [picture.codes[table] for _, table in chosen]
    except KeyError as exc:
        raise BadPictureError("a scan of a missing component") from exc
    picture.scans += 1
    scan = _Scan(parts, codes, low)
    if len(pieces) > _MOST_PIECES:
        raise OverBudgetError(Reason.TOO_MANY_PIXELS)
    grid = parts[0].shape if len(parts) == 1 else _units(picture)
    for part, found in zip(parts, _read(scan, grid, picture, pieces), strict=True):
        target = part.averages[: found.shape[0], : found.shape[1]]
        np.copyto(target, target | found << low if high else found << low)


def _read(
    scan: _Scan, grid: tuple[int, int], picture: _Picture, pieces: list[bytes]
) -> Iterator[Numbers]:
    """Yield the averages that a scan has for each component, in rows and columns.

    Args:
        scan: The scan.
        grid: Rows and columns of its units.
        picture: The picture.
        pieces: Its data.
    """
    order = [
        place
        for place, part in enumerate(scan.parts)
        for _ in range(part.across * part.down if len(scan.parts) > 1 else 1)
    ]
    units = grid[0] * grid[1]
    numbers = np.zeros((units, len(order)), np.int32)
    each, first = picture.interval or units, 0
    for piece in pieces:
        count = min(each, units - first)
        if count <= 0:
            break
        numbers[first : first + count] = (
            _averages(piece, scan, order, count)
            if scan.codes
            else _bits(piece, len(order), count)
        )
        first += count
    for place, part in enumerate(scan.parts):
        mine = numbers[:, [at for at, owner in enumerate(order) if owner == place]]
        if len(scan.parts) == 1:
            yield mine.reshape(grid)
            continue
        blocks = mine.reshape(*grid, part.down, part.across).transpose(0, 2, 1, 3)
        yield blocks.reshape(grid[0] * part.down, grid[1] * part.across)


def _bits(piece: bytes, per_unit: int, count: int) -> Numbers:
    """Return one bit for each block."""
    bits = np.zeros(count * per_unit, np.int32)
    found = np.unpackbits(np.frombuffer(piece, np.uint8))[: len(bits)]
    bits[: len(found)] = found
    return bits.reshape(count, per_unit)


def _averages(piece: bytes, scan: _Scan, order: list[int], count: int) -> Numbers:
    """Return the average of each block: a row for each unit."""
    codes = [scan.codes[place] for place in order]
    starts = _starts(piece, codes, count)
    differences = np.zeros((count, len(order)), np.int32)
    differences[: len(starts)] = _differences(piece, codes, starts)
    for place in range(len(scan.parts)):
        mine = [at for at, owner in enumerate(order) if owner == place]
        summed = np.cumsum(differences[:, mine].ravel(), dtype=np.int32)
        differences[:, mine] = summed.reshape(count, len(mine))
    return differences


def _starts(piece: bytes, codes: list[_Codes], count: int) -> Numbers:
    """Return the bit at which each block's code begins, with a row for each unit."""
    margin = len(codes) * _MOST_CODE_BITS // 8 + 4
    padded = piece + bytes(_CHUNK_BYTES + margin + 2)
    found: list[Numbers] = []
    base = at = 0
    while count and base < len(piece):
        following = _following(padded, base, _CHUNK_BYTES + margin, codes)
        begun: list[int] = []
        while count and at < 8 * _CHUNK_BYTES:
            for step in following:
                begun.append(at)
                at = step[at]
            count -= 1
        found.append(np.array(begun, np.int64).reshape(-1, len(codes)) + 8 * base)
        base += at >> 3
        at &= 7
    starts = np.concatenate(found) if found else np.zeros((0, len(codes)), np.int64)
    # A code after the last bit does not exist.
    return starts[starts[:, -1] < 8 * len(piece)]


def _following(
    padded: bytes, base: int, length: int, codes: list[_Codes]
) -> list[list[int]]:
    """Return for each code of a unit, and each bit, the end of a code from there."""
    held = np.frombuffer(padded, np.uint8, length + 2, base).astype(np.uint32)
    windows = held[:-2] << 16 | held[1:-1] << 8 | held[2:]
    heads = (windows[:, None] >> np.arange(8, 0, -1, dtype=np.uint32) & 0xFFFF).ravel()
    places = np.arange(len(heads))
    made: dict[int, list[int]] = {}
    for each in codes:
        if id(each) not in made:
            made[id(each)] = (places + each.steps[heads]).tolist()
    return [made[id(each)] for each in codes]


def _differences(piece: bytes, codes: list[_Codes], starts: Numbers) -> Numbers:
    """Return the number that follows each code."""
    padded = np.frombuffer(piece + bytes(8), np.uint8)
    result = np.zeros(starts.shape, np.int32)
    for column, each in enumerate(codes):
        byte, bit = starts[:, column] >> 3, starts[:, column] & 7
        window = np.zeros(len(byte), np.int64)
        for place in range(_WINDOW_BITS // 8):
            window = window << 8 | padded[byte + place]
        head = window >> (_WINDOW_BITS - 16 - bit) & 0xFFFF
        size = each.sizes[head].astype(np.int64)
        left = _WINDOW_BITS - bit - each.lengths[head] - size
        value = window >> left & ((1 << size) - 1)
        is_low = value < (1 << size) >> 1
        result[:, column] = np.where(is_low, value - (1 << size) + 1, value)
    return result


def _plane(picture: _Picture, part: _Part) -> Image.Image:
    """Return the plane of a component in the size of the smaller picture."""
    factor = picture.factors.get(part.table)
    right, below = _widest(picture) // part.across, _tallest(picture) // part.down
    if factor is None or (right * part.across, below * part.down) != (
        _widest(picture),
        _tallest(picture),
    ):
        raise OverBudgetError(Reason.TOO_MANY_PIXELS)
    width, height = (-(-side // SCALE) for side in picture.size)
    levels = (part.averages * factor + SCALE // 2 >> 3) + 128
    plane = levels.clip(0, 255).astype(np.uint8)
    plane = plane.repeat(below, axis=0).repeat(right, axis=1)[:height, :width]
    return Image.fromarray(np.ascontiguousarray(plane))
