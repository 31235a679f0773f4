"""Encode a grey JPEG with arithmetic coding, which no available encoder writes.

Old decoders lack this coding because it was patented; current browsers have it.
Sequential, one component, the default conditioning.

Source:
    ITU-T T.81 (JPEG), annex D (the coder), F.1.4 (what is coded), tables D.3 and K.1.
"""

import struct

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.corpus.tricks.kit import grey, jpeg_segment

# fmt: off
_STATES = (
    (0x5A1D, 1, 1, 1), (0x2586, 14, 2, 0), (0x1114, 16, 3, 0),
    (0x080B, 18, 4, 0), (0x03D8, 20, 5, 0), (0x01DA, 23, 6, 0),
    (0x00E5, 25, 7, 0), (0x006F, 28, 8, 0), (0x0036, 30, 9, 0),
    (0x001A, 33, 10, 0), (0x000D, 35, 11, 0), (0x0006, 9, 12, 0),
    (0x0003, 10, 13, 0), (0x0001, 12, 13, 0), (0x5A7F, 15, 15, 1),
    (0x3F25, 36, 16, 0), (0x2CF2, 38, 17, 0), (0x207C, 39, 18, 0),
    (0x17B9, 40, 19, 0), (0x1182, 42, 20, 0), (0x0CEF, 43, 21, 0),
    (0x09A1, 45, 22, 0), (0x072F, 46, 23, 0), (0x055C, 48, 24, 0),
    (0x0406, 49, 25, 0), (0x0303, 51, 26, 0), (0x0240, 52, 27, 0),
    (0x01B1, 54, 28, 0), (0x0144, 56, 29, 0), (0x00F5, 57, 30, 0),
    (0x00B7, 59, 31, 0), (0x008A, 60, 32, 0), (0x0068, 62, 33, 0),
    (0x004E, 63, 34, 0), (0x003B, 32, 35, 0), (0x002C, 33, 9, 0),
    (0x5AE1, 37, 37, 1), (0x484C, 64, 38, 0), (0x3A0D, 65, 39, 0),
    (0x2EF1, 67, 40, 0), (0x261F, 68, 41, 0), (0x1F33, 69, 42, 0),
    (0x19A8, 70, 43, 0), (0x1518, 72, 44, 0), (0x1177, 73, 45, 0),
    (0x0E74, 74, 46, 0), (0x0BFB, 75, 47, 0), (0x09F8, 77, 48, 0),
    (0x0861, 78, 49, 0), (0x0706, 79, 50, 0), (0x05CD, 48, 51, 0),
    (0x04DE, 50, 52, 0), (0x040F, 50, 53, 0), (0x0363, 51, 54, 0),
    (0x02D4, 52, 55, 0), (0x025C, 53, 56, 0), (0x01F8, 54, 57, 0),
    (0x01A4, 55, 58, 0), (0x0160, 56, 59, 0), (0x0125, 57, 60, 0),
    (0x00F6, 58, 61, 0), (0x00CB, 59, 62, 0), (0x00AB, 61, 63, 0),
    (0x008F, 61, 32, 0), (0x5B12, 65, 65, 1), (0x4D04, 80, 66, 0),
    (0x412C, 81, 67, 0), (0x37D8, 82, 68, 0), (0x2FE8, 83, 69, 0),
    (0x293C, 84, 70, 0), (0x2379, 86, 71, 0), (0x1EDF, 87, 72, 0),
    (0x1AA9, 87, 73, 0), (0x174E, 72, 74, 0), (0x1424, 72, 75, 0),
    (0x119C, 74, 76, 0), (0x0F6B, 74, 77, 0), (0x0D51, 75, 78, 0),
    (0x0BB6, 77, 79, 0), (0x0A40, 77, 48, 0), (0x5832, 80, 81, 1),
    (0x4D1C, 88, 82, 0), (0x438E, 89, 83, 0), (0x3BDD, 90, 84, 0),
    (0x34EE, 91, 85, 0), (0x2EAE, 92, 86, 0), (0x299A, 93, 87, 0),
    (0x2516, 86, 71, 0), (0x5570, 88, 89, 1), (0x4CA9, 95, 90, 0),
    (0x44D9, 96, 91, 0), (0x3E22, 97, 92, 0), (0x3824, 99, 93, 0),
    (0x32B4, 99, 94, 0), (0x2E17, 93, 86, 0), (0x56A8, 95, 96, 1),
    (0x4F46, 101, 97, 0), (0x47E5, 102, 98, 0), (0x41CF, 103, 99, 0),
    (0x3C3D, 104, 100, 0), (0x375E, 99, 93, 0), (0x5231, 105, 102, 0),
    (0x4C0F, 106, 103, 0), (0x4639, 107, 104, 0), (0x415E, 103, 99, 0),
    (0x5627, 105, 106, 1), (0x50E7, 108, 107, 0), (0x4B85, 109, 103, 0),
    (0x5597, 110, 109, 0), (0x504F, 111, 107, 0), (0x5A10, 110, 111, 1),
    (0x5522, 112, 109, 0), (0x59EB, 112, 111, 1), (0x5A1D, 113, 113, 0),
)
# fmt: on
"""Table D.3: estimate of the less probable symbol, next state after it, next state
after the more probable one, and whether the two change places. The last one stays."""

_FIXED = len(_STATES) - 1
_HALF = 0x8000
_ALL_ONES = 0xFF

# fmt: off
_TABLE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
# fmt: on
_QUANTISERS = np.array(_TABLE, dtype=np.uint8)
"""Table K.1, which belongs to a quality of 50."""

_ORDER = np.array(
    sorted(
        range(64),
        key=lambda at: (
            at // 8 + at % 8,
            at // 8 if (at // 8 + at % 8) % 2 else at % 8,
        ),
    )
)
"""The zigzag order: by diagonals, in alternating directions."""

_LARGE_FROM = 2
"""Magnitude category of a difference above which it counts as large."""

_LAST = 63
_LOW_BANDS = 5
"""Coefficients up to this one have separate magnitude statistics."""


class _Coder:
    """The binary arithmetic coder of annex D."""

    def __init__(self) -> None:
        self._low = 0
        self._width = 0x10000
        self._shifts = 11
        self._stacked = 0
        self._out = bytearray()
        self._states: dict[int, tuple[int, int]] = {}

    def code(self, place: int, bit: int) -> None:
        """Code one decision with the statistics kept at a place; negative: fixed."""
        state, likely = self._states.get(place, (0 if place >= 0 else _FIXED, 0))
        estimate, after_less, after_more, swaps = _STATES[state]
        self._width -= estimate
        if bit != likely:
            if self._width >= estimate:
                self._low += self._width
                self._width = estimate
            self._states[place] = after_less, likely ^ swaps
        elif self._width < _HALF:
            if self._width < estimate:
                self._low += self._width
                self._width = estimate
            self._states[place] = after_more, likely
        while self._width < _HALF:
            self._shift()

    def _shift(self) -> None:
        """Double the interval; after eight times, write a byte."""
        self._width <<= 1
        self._low <<= 1
        self._shifts -= 1
        if self._shifts == 0:
            self._put_byte()
            self._shifts = 8

    def _put_byte(self) -> None:
        """Write the highest byte; a byte 0xFF waits for a carry."""
        value = self._low >> 19
        self._low &= 0x7FFFF
        if value == _ALL_ONES:
            self._stacked += 1
            return
        if value > _ALL_ONES:
            self._out[-1] += 1
            if self._out[-1] == _ALL_ONES:
                self._out.append(0)
            self._out += bytes(self._stacked)
        else:
            self._out += b"\xff\0" * self._stacked
        self._stacked = 0
        self._out.append(value & 0xFF)
        if self._out[-1] == _ALL_ONES:
            self._out.append(0)

    def ended(self) -> bytes:
        """Return all bytes, with as few as needed to tell the last interval."""
        top = (self._low + self._width - 1) & ~0xFFFF
        self._low = top + _HALF if top < self._low else top
        self._low <<= self._shifts
        self._put_byte()
        self._low <<= 8
        self._put_byte()
        return bytes(self._out)


def arithmetic_jpeg(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Return the luma of a picture, at half its size, as a JPEG of that kind."""
    small = target.resize((target.width // 16 * 8, target.height // 16 * 8))
    width, height = small.size
    tables = _QUANTISERS.reshape(-1)[_ORDER].tobytes()
    parts = (
        b"\xff\xd8",
        jpeg_segment(0xDB, b"\0" + tables),
        jpeg_segment(0xC9, struct.pack(">BHHB3B", 8, height, width, 1, 1, 0x11, 0)),
        jpeg_segment(0xDA, bytes((1, 1, 0, 0, 63, 0))),
        _coded(_coefficients(small)),
        b"\xff\xd9",
    )
    return b"".join(parts)


def _coefficients(image: Image.Image) -> NDArray[np.int64]:
    """Return quantised coefficients in zigzag order, one row for each block."""
    plane = grey(image).astype(np.float64) - 128
    rows, columns = plane.shape[0] // 8, plane.shape[1] // 8
    blocks = plane.reshape(rows, 8, columns, 8).swapaxes(1, 2)
    waves = np.cos(np.pi / 16 * np.outer(np.arange(8), 2 * np.arange(8) + 1)) / 2
    waves[0] /= np.sqrt(2)
    levels = np.rint(waves @ blocks @ waves.T / _QUANTISERS).astype(np.int64)
    zigzag: NDArray[np.int64] = levels.reshape(-1, 64)[:, _ORDER]
    return zigzag


def _coded(blocks: NDArray[np.int64]) -> bytes:
    """Return the coded blocks."""
    coder = _Coder()
    before, context = 0, 0
    for block in blocks.tolist():
        context = _code_difference(coder, block[0] - before, context)
        before = block[0]
        _code_others(coder, block)
    return coder.ended()


_DIFFERENCES, _OTHERS = 0, 1000
"""Where the statistics of the first coefficients and of the others begin."""


def _code_difference(coder: _Coder, value: int, context: int) -> int:
    """Code the difference of a block's first coefficient; return the next context."""
    place = _DIFFERENCES + 4 * context
    coder.code(place, int(value != 0))
    if not value:
        return 0
    negative = int(value < 0)
    coder.code(place + 1, negative)
    category = _code_magnitude(
        coder, abs(value) - 1, (place + 2 + negative, _DIFFERENCES + 20)
    )
    return 1 + negative + (2 if category >= _LARGE_FROM else 0)


def _code_others(coder: _Coder, block: list[int]) -> None:
    """Code the 63 other coefficients of a block, up to the last that is not zero."""
    last = max((at for at in range(1, _LAST + 1) if block[at]), default=0)
    at = 1
    while at <= last:
        coder.code(_OTHERS + 3 * (at - 1), 0)
        while not block[at]:
            coder.code(_OTHERS + 3 * (at - 1) + 1, 0)
            at += 1
        place = _OTHERS + 3 * (at - 1)
        coder.code(place + 1, 1)
        coder.code(-1, int(block[at] < 0))
        far = _OTHERS + (189 if at <= _LOW_BANDS else 217)
        _code_magnitude(coder, abs(block[at]) - 1, (place + 2, place + 2, far))
        at += 1
    if last < _LAST:
        coder.code(_OTHERS + 3 * last, 1)


def _code_magnitude(coder: _Coder, value: int, places: tuple[int, ...]) -> int:
    """Code the length of a number, then its bits after the first.

    Args:
        coder: The coder.
        value: Magnitude less one, at least 0.
        places: Statistics of the first decisions; the rest follows the last one.

    Returns:
        Number of bits.
    """
    length = value.bit_length()
    for step in range(length):
        coder.code(_place(places, step), 1)
    end = _place(places, length)
    coder.code(end, 0)
    for bit in range(length - 2, -1, -1):
        coder.code(end + 14, value >> bit & 1)
    return length


def _place(places: tuple[int, ...], step: int) -> int:
    """Return the statistics of one decision about a length."""
    return places[step] if step < len(places) else places[-1] + step - len(places) + 1
