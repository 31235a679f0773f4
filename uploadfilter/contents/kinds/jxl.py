"""Test whether bytes can be the header of a bare JPEG XL codestream.

Its magic has only two bytes and often occurs by chance. So the header is read bit by
bit, up to the flags of the first frame. Of a thousand chance beginnings, few pass.

Source:
    ISO/IEC 18181-1, annexes D (image header), E (colour encoding) and F (frame header).
"""

from dataclasses import dataclass

HEAD_BYTES = 128
"""Bytes of a codestream that are looked at. Names of channels may be longer; such a
header passes."""

MAGIC = b"\xff\x0a"

_LONGEST_SIDE = 1 << 18
_MOST_PIXELS = 1 << 30
_MOST_ELONGATED = 64
"""Largest ratio of the sides. Larger or longer pictures do not pass: level 5 of the
standard ends at 2**18 and 2**28, and a banner is 20 times as wide as it is high."""

_SHORTEST_SIDE = 8
"""Shortest side in pixels: perceptual signals of smaller pictures mean nothing."""

_SIZE_BITS = (9, 13, 18, 30)
_RATIOS = {
    1: (1, 1),
    2: (12, 10),
    3: (4, 3),
    4: (3, 2),
    5: (16, 9),
    6: (5, 4),
    7: (2, 1),
}
"""Width to height, by the number that a size header has in place of a width."""

_SEPARATE_DC = 0x20
_REGULAR, _REFERENCE, _CONTINUED = 0, 2, 3

_COLOUR_SPACES = frozenset(range(4))
_WHITE_POINTS = frozenset({1, 2, 10, 11})
_PRIMARIES = frozenset({1, 2, 9, 11})
_INTENTS = frozenset(range(4))
_TRANSFERS = frozenset({1, 2, 8, 13, 16, 17, 18})
_CHANNELS = frozenset({0, 1, 2, 3, 4, 5, 6, 15, 16})
_GREY, _XYB = 1, 2
_CUSTOM = 2
_MOST_CHANNELS = 8
"""Most channels besides the colours: alpha, depth, black and spot colours."""

_FLAGS = 0x01 | 0x02 | 0x10 | 0x20 | 0x80
"""The known flags: noise, patches, splines, a separate DC frame, no smoothing of DC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Metadata:
    is_xyb: bool = True
    has_profile: bool = False
    channels: int = 0


class Implausible(Exception):  # noqa: N818  # not an error: it ends the reading
    """These bits cannot be in a header."""


def is_plausible(head: bytes) -> bool:
    """Return whether a picture can begin with these bytes."""
    if head[:2] != MAGIC:
        return False
    bits = Bits(head[2:HEAD_BYTES])
    try:
        _check_size(bits)
        metadata = _read_metadata(bits)
        _require(bits.flag())  # the usual transform
        if metadata.has_profile:
            _require(bits.take(2))  # its length
        else:
            bits.align()
            _read_frame(bits, metadata)
    except Implausible:
        return False
    else:
        return True


class Bits:
    """Bits in the order of the standard, least significant first."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "little")
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        """Return the number in the next bits; ``Implausible`` if there are too few."""
        if count > self._left:
            raise Implausible
        number = self._value & ((1 << count) - 1)
        self._value >>= count
        self._left -= count
        return number

    def flag(self) -> bool:
        """Return the next bit."""
        return bool(self.take(1))

    def choose(self, *choices: tuple[int, int]) -> int:
        """Return a number in one of four codings: a base, and the bits added to it."""
        base, count = choices[self.take(2)]
        return base + self.take(count)

    def member(self, known: frozenset[int]) -> int:
        """Return the value of an enumeration; it must be known."""
        value = self.choose((0, 0), (1, 0), (2, 4), (18, 6))
        _require(value in known)
        return value

    def align(self) -> None:
        """Skip to the next byte; the skipped bits must be zero."""
        _require(self.take(self._left % 8) == 0)


def _require(holds: object) -> None:
    if not holds:
        raise Implausible


def read_size(bits: Bits) -> tuple[int, int]:
    """Return the width and the height in a size header."""
    is_small = bits.flag()
    height = _side(bits, is_small=is_small)
    ratio = bits.take(3)
    if not ratio:
        return _side(bits, is_small=is_small), height
    numerator, denominator = _RATIOS[ratio]
    return height * numerator // denominator, height


def _check_size(bits: Bits) -> None:
    short, long = sorted(read_size(bits))
    _require(_SHORTEST_SIDE <= short <= long <= _LONGEST_SIDE)
    _require(short * long <= _MOST_PIXELS and long <= _MOST_ELONGATED * short)


def _side(bits: Bits, *, is_small: bool) -> int:
    if is_small:
        return 8 * (1 + bits.take(5))
    return bits.choose(*((1, count) for count in _SIZE_BITS))


def _read_metadata(bits: Bits) -> _Metadata:
    if bits.flag():
        return _Metadata()
    has_more = bits.flag()
    if has_more:
        _read_more(bits)
    _read_depth(bits)
    bits.flag()  # whether 16-bit buffers suffice
    channels = bits.choose((0, 0), (1, 0), (2, 4), (1, 12))
    _require(channels <= _MOST_CHANNELS)
    for _ in range(channels):
        _read_channel(bits)
    is_xyb = bits.flag()
    has_profile = not bits.flag() and _read_colours(bits)
    if has_more and not bits.flag():
        bits.take(16 + 16 + 1 + 16)  # tone mapping
    _require(bits.take(2) == 0)  # no extensions
    return _Metadata(is_xyb=is_xyb, has_profile=has_profile, channels=channels)


def _read_more(bits: Bits) -> None:
    bits.take(3)  # orientation
    if bits.flag():
        _check_size(bits)
    _require(not bits.flag())  # no encoder writes a preview
    if bits.flag():  # an animation: ticks and loops
        bits.choose((100, 0), (1000, 0), (1, 10), (1, 30))
        bits.choose((1, 0), (1001, 0), (1, 8), (1, 10))
        bits.choose((0, 0), (0, 3), (0, 16), (0, 32))
        bits.flag()


def _read_depth(bits: Bits) -> None:
    if bits.flag():
        depth = bits.choose((32, 0), (16, 0), (24, 0), (1, 6))
        _require(depth <= 32 and 1 < 1 + bits.take(4) < 9)  # noqa: PLR2004
        return
    _require(bits.choose((8, 0), (10, 0), (12, 0), (1, 6)) <= 32)  # noqa: PLR2004


def _read_channel(bits: Bits) -> None:
    if bits.flag():
        return
    kind = bits.member(_CHANNELS)
    _read_depth(bits)
    bits.choose((0, 0), (3, 0), (4, 0), (1, 3))
    bits.take(8 * bits.choose((0, 0), (0, 4), (16, 5), (48, 10)))
    if kind == 0:
        bits.flag()  # whether alpha is premultiplied
    elif kind == 2:  # noqa: PLR2004  # a spot colour
        bits.take(4 * 16)


def _read_colours(bits: Bits) -> bool:
    has_profile = bits.flag()
    space = bits.member(_COLOUR_SPACES)
    if has_profile:
        return True
    if space != _XYB:
        if bits.member(_WHITE_POINTS) == _CUSTOM:
            _read_points(bits, 1)
        if space != _GREY and bits.member(_PRIMARIES) == _CUSTOM:
            _read_points(bits, 3)
        if bits.flag():
            bits.take(24)  # a gamma
        else:
            bits.member(_TRANSFERS)
    bits.member(_INTENTS)
    return False


def _read_points(bits: Bits, count: int) -> None:
    for _ in range(2 * count):
        value = bits.choose((0, 19), (1 << 19, 19), (1 << 20, 20), (1 << 21, 21))
        _require(value <= 2 * _ONE)


_ONE = 1_000_000


def _read_frame(bits: Bits, metadata: _Metadata) -> None:
    if bits.flag():
        # The header has nothing else; the table of contents follows, in order.
        _require(not bits.flag())
        bits.align()
        return
    kind = bits.take(2)
    _require(kind != _CONTINUED)
    is_modular = bits.flag()
    flags = bits.choose((0, 0), (1, 4), (17, 8), (1 << 16, 0))
    _require(flags | _FLAGS == _FLAGS)
    if not metadata.is_xyb and bits.flag():  # a JPEG's YCbCr
        bits.take(3 * 2)
    if not flags & _SEPARATE_DC:
        bits.take(2 * (1 + metadata.channels))  # upsampling
    if is_modular:
        bits.take(2)  # size of groups
    elif metadata.is_xyb:
        bits.take(3 + 3)  # scales of quantisation
    if kind == _REFERENCE:
        _require(bits.flag())  # it holds patches and has its own size
    if kind == _REGULAR:
        _read_passes(bits)
        _require(not bits.flag())  # it covers the picture
        _require(bits.take(2) == 0)  # and replaces the earlier pixels


def _read_passes(bits: Bits) -> None:
    passes = bits.choose((1, 0), (2, 0), (3, 0), (4, 3))
    if passes == 1:
        return
    steps = bits.choose((0, 0), (1, 0), (2, 0), (3, 1))
    _require(steps < passes)
    bits.take(2 * (passes - 1))
    for _ in range(steps):
        bits.take(2)
    for _ in range(steps):
        _require(bits.choose((0, 0), (1, 0), (2, 0), (0, 3)) < passes)
