"""One transparent colour of a PNG is the colour that browsers take it for."""

import io
import struct

import numpy as np
import pytest

from tests.corpus.tricks.kit import COLOURS, GREY, png_chunk, png_file
from uploadfilter.model import Reason
from uploadfilter.pictures import formats, modes
from uploadfilter.pictures.decoding import DecodeLimits, frames_of
from uploadfilter.pictures.frame import Frame, Omission

SIZE = (40, 48)


def alpha_of(content: bytes) -> np.ndarray:
    """Return the alpha of a file's only frame."""
    frames = frames_of(
        io.BytesIO(content), formats=formats.FORMATS, limits=DecodeLimits()
    )
    frame = next(frames)
    assert isinstance(frame, Frame)
    reading = modes.alpha_of(frame.image)
    assert reading is not None
    alpha = np.asarray(reading(frame.image)).copy()
    assert list(frames) == []
    return alpha


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("colour", [GREY, COLOURS])
@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_bits_of_the_samples_are_compared(
    depth: int, colour: int, interlaced: bool
) -> None:
    """A sample is transparent if its own bits are those of the colour."""
    if colour == COLOURS and depth != 8:
        return
    rng = np.random.default_rng(depth)
    bands = (3,) if colour == COLOURS else ()
    samples = rng.integers(0, 1 << depth, (*SIZE, *bands), np.uint16)
    chosen = samples[20, 20].copy()
    # Others differ in one bit only.
    samples[:10] = chosen
    samples[:5] = chosen ^ 1
    samples[5:7] = chosen ^ (1 << (depth - 1))
    above = 0 if depth == 16 else 0xFFFF << depth & 0xFFFF
    key = [int(value) | above for value in np.atleast_1d(chosen)]
    chunks = png_chunk(b"tRNS", struct.pack(f">{len(key)}H", *key))

    alpha = alpha_of(
        png_file(
            samples, depth=depth, colour=colour, chunks=chunks, interlaced=interlaced
        )
    )

    same = samples == chosen
    expected = same.all(axis=2) if bands else same
    np.testing.assert_array_equal(alpha == 0, expected)


def test_deep_one_is_a_lack() -> None:
    """A picture with a transparent colour of 16 bits is compared without it."""
    key = png_chunk(b"tRNS", struct.pack(">3H", 0, 0, 1))
    samples = np.zeros((*SIZE, 3), np.uint16)
    content = png_file(samples, depth=16, colour=COLOURS, chunks=key)

    frame, omission = frames_of(
        io.BytesIO(content), formats=formats.FORMATS, limits=DecodeLimits()
    )

    assert isinstance(frame, Frame)
    assert modes.alpha_of(frame.image) is None
    assert omission == Omission(reason=Reason.UNDECODABLE)


def test_deep_one_of_an_animation_is_a_lack() -> None:
    """Frames with a colour of 16 bits are not compared, and the reason rejects."""
    samples = np.zeros((*SIZE, 3), np.uint16)
    key = png_chunk(b"tRNS", struct.pack(">3H", 0, 0, 1))
    control = png_chunk(b"acTL", struct.pack(">II", 2, 0))
    numbers = struct.pack(">IIIIHHBB", SIZE[1], SIZE[0], 0, 0, 1, 10, 0, 0)
    first = png_chunk(b"fcTL", struct.pack(">I", 0) + numbers)
    second = png_chunk(b"fcTL", struct.pack(">I", 1) + numbers)
    still = png_file(samples, depth=16, colour=COLOURS, chunks=key + control + first)
    at = still.index(b"IDAT")
    (length,) = struct.unpack(">I", still[at - 4 : at])
    data = still[at + 4 : at + 4 + length]
    end = png_chunk(b"IEND", b"")
    more = second + png_chunk(b"fdAT", struct.pack(">I", 2) + data)
    content = still.removesuffix(end) + more + end

    items = list(
        frames_of(io.BytesIO(content), formats=formats.FORMATS, limits=DecodeLimits())
    )

    assert items == [Omission(reason=Reason.TRUNCATED)]
