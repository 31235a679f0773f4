"""Tricks with profiles that programs read in different ways, or not at all.

Each holds the target in blue, and the decoy in red and green. Chromium uses a profile
in which only blue counts, and shows the target; a program that rejects the profile, or
uses other parts of it, shows the decoy.
"""

import struct
import zlib

import numpy as np
from PIL import Image

from tests.corpus import pictures
from tests.corpus.tricks.icc import (
    PRIMARIES,
    RAMP,
    WHITE,
    curve_of,
    linear_of,
    profile_of,
    xyz,
)
from tests.corpus.tricks.kit import (
    Expected,
    Family,
    FileType,
    Maker,
    Trick,
    dithered,
    grey,
    jpeg_segment,
    of_family,
    pixels,
    png_chunk,
    png_file,
)

_CURVE = curve_of(linear_of(RAMP))
_FRAME = b"\xff\xc0"
_TABLES = b"\xff\xc4"


def _tags(curve: bytes = _CURVE) -> dict[bytes, bytes]:
    """Return the tags of a curve, and of primaries with only blue."""
    tags = {}
    for letter, share in zip((b"r", b"g", b"b"), (0.0, 0.0, 1.0), strict=True):
        tags[letter + b"XYZ"] = xyz(tuple(share * value for value in WHITE))
        tags[letter + b"TRC"] = curve
    return tags


def _in_blue(target: Image.Image, decoy: Image.Image) -> Image.Image:
    luma = grey(decoy)
    return Image.fromarray(np.dstack((luma, luma, grey(target))))


def _jpeg(target: Image.Image, decoy: Image.Image) -> bytes:
    return pictures.jpeg(_in_blue(target, decoy), 95, subsampling=0)


def _with_profile(profile: bytes) -> Maker:
    """Return a maker that stores the target in blue, with a profile."""

    def make(target: Image.Image, decoy: Image.Image) -> bytes:
        return pictures.png(_in_blue(target, decoy), icc_profile=profile)

    return make


def _linear_light(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Store light that is steeper than linear, with a profile of code points."""
    light = linear_of(pixels(target) / 255)
    image = Image.fromarray(np.round(light * 255).astype(np.uint8))
    return pictures.png(image, icc_profile=_code_points())


def _crowded() -> bytes:
    """Return a profile with more tags than littlecms reads."""
    more = {b"x%03d" % at: b"text" + bytes(8) for at in range(120)}
    return profile_of({**more, **_tags()})


def _srgb_primaries() -> dict[bytes, bytes]:
    names = (b"rXYZ", b"gXYZ", b"bXYZ")
    return {name: xyz(primary) for name, primary in zip(names, PRIMARIES, strict=True)}


def _repeated() -> bytes:
    """Return a profile with each primary twice, the second time sRGB's."""
    again = {b"%d___" % at: tag for at, tag in enumerate(_srgb_primaries().values())}
    profile = profile_of({**_tags(), **again})
    for at, name in enumerate(_srgb_primaries()):
        profile = profile.replace(b"%d___" % at, name, 1)
    return profile


def _code_points() -> bytes:
    """Return a profile that is sRGB by its curves, and linear by code points."""
    points = b"cicp" + bytes(4) + bytes((1, 8, 0, 1))
    return profile_of({**_tags(), **_srgb_primaries(), b"cicp": points})


def _real_table() -> bytes:
    """Return a table of floating-point numbers that keeps its samples unchanged."""
    one = struct.pack(">f", 1.0)
    zero = bytes(4)
    rows = (one + zero * 3, zero + one + zero * 2, zero * 2 + one + zero)
    matrix = b"matf" + bytes(4) + struct.pack(">HH", 3, 3) + b"".join(rows)
    head = b"mpet" + bytes(4) + struct.pack(">HHI", 3, 3, 1)
    return head + struct.pack(">II", len(head) + 8, len(matrix)) + matrix


def _long_curve() -> bytes:
    """Return a curve of more values than littlecms reads."""
    return curve_of(linear_of(np.linspace(0, 1, 70_000)))


def _behind_frame(target: Image.Image, decoy: Image.Image) -> bytes:
    """Put the profile between the header of the frame and the first scan."""
    profile = profile_of(_tags())
    stored = _jpeg(target, decoy)
    at = stored.index(_TABLES, stored.index(_FRAME))
    segment = jpeg_segment(0xE2, b"ICC_PROFILE\0\1\1" + profile)
    return stored[:at] + segment + stored[at:]


def _two_profiles(target: Image.Image, decoy: Image.Image) -> bytes:
    """Put a harmless profile after one that is complete."""
    parts = (profile_of(_tags()), profile_of({**_tags(), **_srgb_primaries()}))
    stored = _jpeg(target, decoy)
    segments = [jpeg_segment(0xE2, b"ICC_PROFILE\0\1\1" + part) for part in parts]
    return stored[:2] + b"".join(segments) + stored[2:]


def _parts_apart(target: Image.Image, decoy: Image.Image) -> bytes:
    """Put the second half of a profile first, and the first half after the frame."""
    profile = profile_of(_tags())
    half = len(profile) // 2
    stored = _jpeg(target, decoy)
    at = stored.index(_TABLES, stored.index(_FRAME))
    first = jpeg_segment(0xE2, b"ICC_PROFILE\0\1\2" + profile[:half])
    second = jpeg_segment(0xE2, b"ICC_PROFILE\0\2\2" + profile[half:])
    return stored[:2] + second + stored[2:at] + first + stored[at:]


def _lab() -> bytes:
    """Return a profile that claims samples in Lab."""
    profile = profile_of(_tags())
    return profile[:16] + b"Lab " + profile[20:]


def _two_samples() -> bytes:
    """Return a profile whose table has two samples and uses only green."""
    head = b"mft1" + bytes(4) + bytes((2, 3, 2, 0)) + bytes(36)
    ramp = bytes(range(256))
    black, white = bytes(3), bytes((246, 255, 210))
    table = head + ramp * 2 + (black + white) * 2 + ramp * 3
    return profile_of({b"A2B0": table})


def _in_green(target: Image.Image, decoy: Image.Image) -> bytes:
    """Put the target into green; red and blue make up for it in the luma."""
    shown, hidden = grey(target).astype(float), grey(decoy).astype(float)
    # Green is a good half of the luma, so the target is held at a third of its range.
    green = 85 + shown / 3
    others = np.clip((hidden - 0.587 * green) / 0.413, 0, 255)
    image = np.dstack((others, green, others)).round().astype(np.uint8)
    return pictures.png(Image.fromarray(image), icc_profile=_two_samples())


def _bitmap(target: Image.Image, decoy: Image.Image) -> bytes:
    """Put the profile into a bitmap."""
    profile = profile_of(_tags())
    stored = pictures.encoded(_in_blue(target, decoy), "BMP")
    (start,) = struct.unpack_from("<I", stored, 10)
    rows = stored[start:]
    start = 14 + 124
    head = struct.pack("<2sI4xI", b"BM", start + len(rows) + len(profile), start)
    second = struct.pack("<I", 124) + stored[18:54] + bytes(16) + b"DEBM" + bytes(48)
    second += struct.pack("<IIII", 4, 124 + len(rows), len(profile), 0)
    return head + second + rows + profile


def _odd_intent(target: Image.Image, decoy: Image.Image) -> bytes:
    """Write an invalid mark for sRGB, and then other colours."""
    places = (0.3127, 0.329, 0.1, 0.0001, 0.2, 0.0001, 0.3127, 0.33)
    chunks = png_chunk(b"sRGB", b"\4") + png_chunk(b"gAMA", struct.pack(">I", 45_455))
    numbers = struct.pack(">8I", *(round(place * 100_000) for place in places))
    chunks += png_chunk(b"cHRM", numbers)
    return png_file(pixels(_in_blue(target, decoy)), chunks=chunks)


def _last_bit(target: Image.Image, decoy: Image.Image) -> bytes:
    """Put the target into the last bit of a large decoy; let only this bit count."""
    size = (target.width * 3 // 2, target.height * 3 // 2)
    bits = dithered(target.resize(size))
    high = grey(decoy.resize(size)) & 0xFE
    curve = curve_of((np.arange(256) % 2).astype(np.float64))
    names = (b"rTRC", b"gTRC", b"bTRC")
    profile = profile_of({**_srgb_primaries(), **dict.fromkeys(names, curve)})
    image = Image.fromarray(high + bits.astype(np.uint8)).convert("RGB")
    return pictures.png(image, icc_profile=profile)


def _last_bits(target: Image.Image, decoy: Image.Image) -> bytes:
    """Put the target into those of 16 bits that 8 bits do not hold.

    Browsers keep three more bits than eight for bright samples.
    """
    bright = (grey(decoy) // 2 + 128).astype(np.uint16)
    samples = bright * 256 + (grey(target) & 0xE0) + 16
    names = (b"rTRC", b"gTRC", b"bTRC")
    curve = curve_of(linear_of(np.arange(65_536) % 256 // 32 / 7))
    profile = profile_of({**_srgb_primaries(), **dict.fromkeys(names, curve)})
    chunk = png_chunk(b"iCCP", b"x\0\0" + zlib.compress(profile))
    return png_file(np.dstack([samples] * 3), depth=16, chunks=chunk)


_read = of_family(Family.PROFILE)

READING_TRICKS: tuple[Trick, ...] = (
    _read(
        "icc-after-frame",
        FileType.JPEG,
        _behind_frame,
        "a profile after the header of the frame",
    ),
    _read(
        "icc-two-profiles",
        FileType.JPEG,
        _two_profiles,
        "a harmless profile after one that is complete",
    ),
    _read(
        "icc-parts-apart",
        FileType.JPEG,
        _parts_apart,
        "the halves of a profile in the wrong order, one after the frame",
    ),
    _read(
        "icc-many-tags",
        FileType.PNG,
        _with_profile(_crowded()),
        "more tags than littlecms reads",
    ),
    _read(
        "icc-tags-twice",
        FileType.PNG,
        _with_profile(_repeated()),
        "each primary twice, the second one harmless",
    ),
    _read(
        "icc-real-table",
        FileType.PNG,
        _with_profile(profile_of({**_tags(), b"D2B0": _real_table()})),
        "a table of real numbers beside curves: browsers do not know it",
    ),
    _read(
        "icc-long-curve",
        FileType.PNG,
        _with_profile(profile_of(_tags(_long_curve()))),
        "curves of more values than littlecms reads",
        expected=Expected.REFUSED,
    ),
    _read(
        "icc-other-samples",
        FileType.PNG,
        _with_profile(_lab()),
        "a profile that says that its samples are Lab",
    ),
    _read(
        "icc-two-samples",
        FileType.PNG,
        _in_green,
        "a profile whose table takes two of three samples",
        expected=Expected.REFUSED,
    ),
    _read(
        "icc-last-bit",
        FileType.PNG,
        _last_bit,
        "a curve that shows the last bit of a large picture",
        expected=Expected.REFUSED,
    ),
    _read(
        "icc-last-bits",
        FileType.PNG,
        _last_bits,
        "a curve that shows bits after the first eight of sixteen",
        expected=Expected.REFUSED,
    ),
    _read("bmp-profile", FileType.BMP, _bitmap, "a profile in a bitmap"),
    _read(
        "png-odd-intent",
        FileType.PNG,
        _odd_intent,
        "primaries beside a chunk that means nothing",
    ),
    _read(
        "icc-code-points",
        FileType.PNG,
        _linear_light,
        "linear light by code points in a profile of sRGB",
    ),
)
