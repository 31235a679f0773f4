"""Tricks with colour profiles: stored values that mean other colours."""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from tests.corpus import pictures
from tests.corpus.tricks.icc import (
    PRIMARIES,
    RAMP,
    STEPS,
    WHITE,
    curve_of,
    fixed,
    linear_of,
    profile_of,
    xyz,
)
from tests.corpus.tricks.kit import (
    Family,
    FileType,
    Pixels,
    Shown,
    grey,
    of_family,
    pixels,
    png_chunk,
    png_file,
    riff_chunks,
    webp_file,
    webp_head,
)


def _matrix_profile(
    *, curve: NDArray[np.float64], order: tuple[int, int, int] = (0, 1, 2)
) -> bytes:
    """Return a profile of a curve and three primaries, in this order."""
    tags = {}
    for name, number in zip((b"r", b"g", b"b"), order, strict=True):
        tags[name + b"XYZ"] = xyz(PRIMARIES[number])
        tags[name + b"TRC"] = curve_of(curve)
    return profile_of(tags)


def _table_profile(curve: NDArray[np.float64]) -> bytes:
    """Return a profile with a table of two steps for each channel."""
    corners = np.array(
        [
            np.dot((red, green, blue), PRIMARIES)
            for red in (0, 1)
            for green in (0, 1)
            for blue in (0, 1)
        ]
    )
    head = b"mft2" + bytes(4) + bytes((3, 3, 2, 0))
    unit = (1, 0, 0, 0, 1, 0, 0, 0, 1)
    matrix = b"".join(map(fixed, unit)) + struct.pack(">HH", STEPS, 2)
    inputs = np.round(curve * 65535).astype(">u2").tobytes() * 3
    # In a table, 1.0 in XYZ is 0x8000.
    table = np.round(corners * 32768).astype(">u2").tobytes()
    outputs = struct.pack(">HH", 0, 65535) * 3
    tables = head + matrix + inputs + table + outputs
    return profile_of({b"A2B0": tables})


def _inverted(target: Image.Image) -> tuple[Image.Image, bytes]:
    """Return a negative, and the profile that makes it positive."""
    image = Image.fromarray(255 - pixels(target))
    return image, _matrix_profile(curve=linear_of(RAMP[::-1]))


def _inverted_jpeg(target: Image.Image, _decoy: Image.Image) -> bytes:
    image, profile = _inverted(target)
    return pictures.jpeg(image, 90, icc_profile=profile)


def _inverted_png(target: Image.Image, _decoy: Image.Image) -> bytes:
    image, profile = _inverted(target)
    return pictures.png(image, icc_profile=profile)


def _inverted_webp(target: Image.Image, _decoy: Image.Image) -> bytes:
    image, profile = _inverted(target)
    stored = riff_chunks(pictures.webp(image, 90))
    return webp_file(webp_head(*image.size, flags=0x20), (b"ICCP", profile), *stored)


def _inverted_avif(target: Image.Image, _decoy: Image.Image) -> bytes:
    image, profile = _inverted(target)
    return pictures.encoded(image, "AVIF", icc_profile=profile, speed=9)


def _inverted_grey(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Store a grey negative with a profile of one curve."""
    curve = curve_of(linear_of(RAMP[::-1]))
    profile = profile_of({b"kTRC": curve}, space=b"GRAY")
    image = Image.fromarray(255 - grey(target))
    return pictures.png(image, icc_profile=profile)


def _table_jpeg(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Store a negative with a profile that is a table."""
    profile = _table_profile(linear_of(RAMP[::-1]))
    image = Image.fromarray(255 - pixels(target))
    return pictures.jpeg(image, 90, icc_profile=profile)


def _rotated(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Exchange the channels, and the primaries with them."""
    profile = _matrix_profile(curve=linear_of(RAMP), order=(1, 2, 0))
    image = Image.fromarray(pixels(target)[:, :, (1, 2, 0)])
    return pictures.jpeg(image, 90, icc_profile=profile)


def _one_channel(target: Image.Image, decoy: Image.Image) -> bytes:
    """Put the luma of the target into blue, and let only blue count.

    Red and green hold the decoy, and their primaries are nearly black.
    """
    tags = {}
    shares = (0.0, 0.0, 1.0)
    for name, share in zip((b"r", b"g", b"b"), shares, strict=True):
        tags[name + b"XYZ"] = xyz(tuple(share * value for value in WHITE))
        tags[name + b"TRC"] = curve_of(linear_of(RAMP))
    luma = grey(decoy)
    image = Image.fromarray(np.dstack((luma, luma, grey(target))))
    return pictures.png(image, icc_profile=profile_of(tags))


def _four_colours(target: Image.Image, decoy: Image.Image) -> bytes:
    """Let only black of the four colours count; the others show the decoy."""
    corners = [
        tuple((1 - (number & 1)) * value for value in WHITE) for number in range(16)
    ]
    profile = _cmyk_profile(np.array(corners), curve=1 - linear_of(RAMP[::-1]))
    black = Image.fromarray(255 - grey(target))
    image = Image.merge("CMYK", (*ImageOps.invert(decoy).split(), black))
    return pictures.jpeg(image, 95, subsampling=0, icc_profile=profile)


def _cmyk_profile(corners: NDArray[np.float64], *, curve: NDArray[np.float64]) -> bytes:
    """Return the profile of a printer: XYZ of the 16 corners, the last colour first."""
    head = b"mft2" + bytes(4) + bytes((4, 3, 2, 0))
    unit = (1, 0, 0, 0, 1, 0, 0, 0, 1)
    matrix = b"".join(map(fixed, unit)) + struct.pack(">HH", STEPS, 2)
    inputs = np.round(curve * 65535).astype(">u2").tobytes() * 4
    table = np.round(corners * 32768).astype(">u2").tobytes()
    tables = head + matrix + inputs + table + struct.pack(">HH", 0, 65535) * 3
    return profile_of({b"A2B0": tables}, space=b"CMYK", device=b"prtr")


def _bent(image: Image.Image, gamma: float) -> Pixels:
    """Return the values that a gamma converts to those of sRGB."""
    light = linear_of(pixels(image) / 255)
    return np.round(light ** (1 / gamma) * 255).astype(np.uint8)


def _gamma8(target: Image.Image, _decoy: Image.Image) -> bytes:
    profile = _matrix_profile(curve=RAMP**8)
    return pictures.png(Image.fromarray(_bent(target, 8)), icc_profile=profile)


def _gamma_chunk(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Store values for a gamma of 8 and say so in a chunk, times 100,000."""
    chunk = png_chunk(b"gAMA", struct.pack(">I", 12_500))
    return png_file(_bent(target, 8), chunks=chunk)


def _primaries_chunk(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Exchange the channels, and the primaries in the chunks that name them."""
    places = (0.3127, 0.329, 0.3, 0.6, 0.15, 0.06, 0.64, 0.33)
    numbers = struct.pack(">8I", *(round(place * 100_000) for place in places))
    chunks = png_chunk(b"gAMA", struct.pack(">I", 45_455)) + png_chunk(b"cHRM", numbers)
    return png_file(pixels(target)[:, :, (1, 2, 0)], chunks=chunks)


def _code_points(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Store linear light, and say so by a number in a chunk."""
    chunk = png_chunk(b"cICP", bytes((1, 8, 0, 1)))
    return png_file(_bent(target, 1), chunks=chunk)


def _broken(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Add bytes that are not a profile."""
    chunk = png_chunk(b"iCCP", b"x\0\0" + zlib.compress(b"no profile" * 20))
    return png_file(pixels(target), chunks=chunk)


_profiled = of_family(Family.PROFILE)

PROFILE_TRICKS = (
    _profiled(
        "icc-inverted-jpeg",
        FileType.JPEG,
        _inverted_jpeg,
        "a negative whose profile has falling curves",
    ),
    _profiled("icc-inverted-png", FileType.PNG, _inverted_png, "the same in a PNG"),
    _profiled("icc-inverted-webp", FileType.WEBP, _inverted_webp, "the same in a WebP"),
    _profiled(
        "icc-inverted-avif", FileType.AVIF, _inverted_avif, "the same in an AVIF"
    ),
    _profiled(
        "icc-inverted-grey",
        FileType.PNG,
        _inverted_grey,
        "a grey negative with one falling curve",
    ),
    _profiled(
        "icc-table", FileType.JPEG, _table_jpeg, "a negative whose profile is a table"
    ),
    _profiled(
        "icc-rotated", FileType.JPEG, _rotated, "channels and primaries exchanged"
    ),
    _profiled(
        "icc-one-channel",
        FileType.PNG,
        _one_channel,
        "only blue counts; red and green show the decoy",
    ),
    _profiled(
        "icc-gamma-8", FileType.PNG, _gamma8, "values that a steep gamma darkens"
    ),
    _profiled("icc-broken", FileType.PNG, _broken, "a broken profile"),
    _profiled(
        "icc-four-colours",
        FileType.JPEG,
        _four_colours,
        "only black counts; the other three colours show the decoy",
        shown=Shown.NOTHING,
    ),
    _profiled("png-gamma", FileType.PNG, _gamma_chunk, "a steep gamma in a chunk"),
    _profiled(
        "png-primaries",
        FileType.PNG,
        _primaries_chunk,
        "channels exchanged, and primaries in a chunk",
    ),
    _profiled("png-cicp", FileType.PNG, _code_points, "linear light by code points"),
)
