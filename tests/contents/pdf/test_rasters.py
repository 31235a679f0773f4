"""Bare samples become files that a decoder reads without a change."""

import io
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from uploadfilter.contents.pdf.rasters import (
    CMYK,
    GREY,
    RGB,
    Packing,
    Raster,
    plain,
    png,
    tiff_head,
)

MODES = {GREY: "L", RGB: "RGB", CMYK: "CMYK"}
rasters = st.builds(
    Raster,
    width=st.integers(1, 12),
    height=st.integers(1, 3),
    bits=st.sampled_from([1, 2, 4, 8, 16]),
    channels=st.sampled_from([GREY, RGB, CMYK]),
    is_inverted=st.booleans(),
)


def samples_of(raster: Raster, seed: int) -> bytes:
    """Make up samples."""
    return np.random.default_rng(seed).bytes(raster.size)


def value(raster: Raster, samples: bytes, row: int, place: int) -> int:
    """Read one channel of one sample bit by bit; the obvious, slow way."""
    start = row * raster.row_bytes * 8 + place * raster.bits
    bits = "".join(f"{byte:08b}" for byte in samples)
    number = int(bits[start : start + raster.bits], 2)
    most = (1 << raster.bits) - 1
    eight = number >> 8 if raster.bits == 16 else number * 255 // most
    return 255 - eight if raster.is_inverted else eight


@given(raster=rasters, seed=st.integers(0, 99))
def test_plain_samples_are_those_that_were_packed(raster: Raster, seed: int) -> None:
    """Every value is found in its place, in eight bits, as light or ink."""
    samples = samples_of(raster, seed)
    new, values = plain(raster, samples)
    width = raster.width * raster.channels

    assert list(values) == [
        value(raster, samples, row, place)
        for row in range(raster.height)
        for place in range(width)
    ]
    assert (new.bits, new.is_inverted, new.size) == (8, False, len(values))


@given(raster=rasters, missing=st.integers(0, 20))
def test_missing_samples_are_zero(raster: Raster, missing: int) -> None:
    """A picture that breaks off is filled up, one that is too long cut."""
    samples = samples_of(raster, 1)
    short = samples[: max(0, len(samples) - missing)]

    assert plain(raster, short) == plain(raster, short.ljust(raster.size, b"\0"))
    assert plain(raster, samples + b"more") == plain(raster, samples)


@given(raster=rasters, seed=st.integers(0, 99))
def test_decoder_reads_tiff_as_plain_samples(raster: Raster, seed: int) -> None:
    """Samples that need no change decode like changed ones."""
    if not raster.is_plain or (raster.bits == 16 and raster.is_inverted):
        return
    samples = samples_of(raster, seed)
    file = tiff_head(raster, Packing.NONE, packed_bytes=len(samples)) + samples
    with Image.open(io.BytesIO(file)) as picture:
        shown = np.asarray(picture)
    if raster.channels == GREY and raster.bits == 16:
        shown = (shown >> 8).astype(np.uint8)
    if shown.dtype == np.bool_:
        shown = shown.astype(np.uint8) * 255
    if raster.channels == RGB and raster.is_inverted:
        shown = 255 - shown

    assert shown.tobytes() == plain(raster, samples)[1]


@pytest.mark.parametrize("channels", [GREY, RGB])
@pytest.mark.parametrize("palette", [b"", bytes(range(30))])
def test_decoder_reads_png(channels: int, palette: bytes) -> None:
    """Rows that were filtered as PNG does become a PNG file."""
    palette = palette if channels == GREY else b""
    raster = Raster(width=9, height=4, channels=channels, palette=palette)
    row = bytes(range(9)) * channels
    file = b"".join(png(raster, zlib.compress((b"\0" + row) * 4)))
    with Image.open(io.BytesIO(file)) as picture:
        picture.verify()
    with Image.open(io.BytesIO(file)) as picture:
        shown = np.asarray(picture)

    assert shown.tobytes() == row * 4


def test_palette_may_be_shorter_than_its_values() -> None:
    """Values without a colour are black."""
    raster = Raster(width=2, height=1, palette=b"\xff\x80\x40")
    file = tiff_head(raster, Packing.NONE, packed_bytes=2) + b"\0\1"
    with Image.open(io.BytesIO(file)) as picture:
        colours = np.asarray(picture.convert("RGB")).tolist()

    assert colours == [[[255, 128, 64], [0, 0, 0]]]
