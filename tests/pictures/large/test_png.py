"""PNG that is too large to be held whole."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from tests.corpus.bombs.pictures import PNG_MAGIC, chunk, flat_png
from tests.pictures.large.made import WHOLE, agree, photo, saved, with_alpha
from tests.pictures.sketches import frames, lacks
from uploadfilter.model import Reason
from uploadfilter.pictures.decoding import DecodeLimits, frames_of
from uploadfilter.pictures.formats import FORMATS
from uploadfilter.pictures.frame import Frame

LIMITS = DecodeLimits(max_pixels=4_000_000)
SAMPLES = {"LA": 4, "RGB": 2, "RGBA": 6}


def deep(mode: str, before: bytes = b"") -> bytes:
    """Return a large PNG of 16 bits, with all kinds of filters."""
    image = photo() if mode == "RGB" else with_alpha(photo())
    samples = np.asarray(image.convert(mode)).astype(np.uint16)
    noise = np.random.default_rng(1).integers(0, 256, samples.shape)
    rows = (samples << 8 | noise.astype(np.uint16)).astype(">u2")
    packed = _filtered(rows.reshape(len(rows), -1).view(np.uint8), 2 * len(mode))
    header = struct.pack(">IIBBBBB", *image.size, 16, SAMPLES[mode], 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", packed), (b"IEND", b""))
    first, *rest = (chunk(*each) for each in chunks)
    return PNG_MAGIC + first + before + b"".join(rest)


def _filtered(
    rows: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]", reach: int
) -> bytes:
    """Pack rows with filters that refer to the row above and to the left, in turn."""
    packer = zlib.compressobj(1)
    parts = []
    above = np.zeros_like(rows[0])
    for number, row in enumerate(rows):
        left = np.concatenate((np.zeros(reach, np.uint8), row[:-reach]))
        middle = ((left.astype(int) + above) // 2).astype(np.uint8)
        takes = (np.zeros_like(row), left, above, middle)
        kind = number % len(takes)
        parts.append(packer.compress(bytes((kind,)) + (row - takes[kind]).tobytes()))
        above = row
    return b"".join((*parts, packer.flush()))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA"])
def test_bands_show_what_the_whole_shows(mode: str) -> None:
    """All views of a large picture are those of the whole, except for rounding."""
    image = photo() if mode == "RGB" else with_alpha(photo()).convert(mode)

    names = agree(saved(image, "PNG", compress_level=1), LIMITS)

    assert names == ["stored"] + ["white", "black", "alpha"] * mode.endswith("A")


@pytest.mark.parametrize(
    "mode",
    [
        pytest.param("RGB", marks=pytest.mark.slow),
        pytest.param("RGBA", marks=pytest.mark.slow),
        "LA",
    ],
)
def test_bands_of_16_bits_are_exact(mode: str) -> None:
    """The lower bytes count in filters, so that they are kept from band to band."""
    content = deep(mode)

    (ours,) = frames(content, limits=LIMITS)
    (whole,) = frames(content, limits=WHOLE)

    expected = whole.image.reduce(4)
    assert ours.scale == 4
    assert ours.image.convert(expected.mode).tobytes() == expected.tobytes()


@pytest.mark.parametrize("mode", ["L", "P", "1"])
def test_picture_of_one_byte_is_held_as_it_is(mode: str) -> None:
    """Grey and palettes take a quarter of the room of colours."""
    content = saved(photo().convert(mode), "PNG", compress_level=1)

    (ours,) = frames(content, limits=LIMITS)
    (whole,) = frames(content, limits=WHOLE)

    assert ours.mode == whole.mode
    assert ours.image.tobytes() == whole.image.tobytes()


def test_marked_colour_is_transparent() -> None:
    """A colour that stands for transparency does so in each band."""
    image = photo().copy()
    image.paste((1, 2, 3), (0, 0, image.width, image.height // 3))
    content = saved(image, "PNG", compress_level=1, transparency=(1, 2, 3))

    assert agree(content, LIMITS)[0] == "stored"
    assert "alpha" in agree(content, LIMITS)


def test_chunks_about_colour_are_kept() -> None:
    """Chunks that replace a profile are looked for in the smaller picture too."""
    gamma = chunk(b"gAMA", struct.pack(">I", 100_000))
    content = saved(photo(), "PNG", compress_level=1)
    content = content[:33] + gamma + content[33:]

    assert agree(content, LIMITS) == ["stored", "icc"]


def test_truncated_picture_shows_its_beginning() -> None:
    """Arrived rows are compared, and the rest is reported as missing."""
    content = saved(photo(), "PNG", compress_level=1)
    cut = content[: len(content) // 2]

    (frame,) = frames(cut, limits=LIMITS)

    top = np.asarray(frame.image)[: frame.image.height // 3]
    assert abs(top.astype(int) - np.asarray(photo().reduce(4))[: len(top)]).max() == 0
    assert lacks(cut, limits=LIMITS) == [Reason.TRUNCATED]


def test_damaged_rows_end_the_picture() -> None:
    """A filter that does not exist ends it where it stands."""
    content = saved(photo(), "PNG", compress_level=1)
    image = Image.open(io.BytesIO(content))
    image.load()
    rows = np.asarray(image).reshape(image.height, -1)
    filters = np.zeros((image.height, 1), np.uint8)
    filters[1500:] = 9
    packed = zlib.compress(np.concatenate((filters, rows), axis=1).tobytes(), 1)
    header = struct.pack(">IIBBBBB", *image.size, 8, 2, 0, 0, 0)
    broken = PNG_MAGIC + chunk(b"IHDR", header) + chunk(b"IDAT", packed)

    assert lacks(broken, limits=LIMITS) == [Reason.TRUNCATED]


def test_interlaced_picture_is_refused() -> None:
    """Its rows come in seven passes, which are not decoded in bands."""
    content = bytearray(saved(photo(), "PNG", compress_level=1))
    content[28] = 1
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")

    assert lacks(bytes(content), limits=LIMITS) == [Reason.TOO_MANY_PIXELS]


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_small_file_may_not_claim_to_be_larger_than_ever(channels: int) -> None:
    """Pixels beyond those that a decoder always had are paid for in bytes."""
    content = flat_png(7500, 7500, bits=8, channels=channels)

    assert lacks(content) == [Reason.TOO_MANY_PIXELS]


def test_picture_is_decoded_again_at_another_scale() -> None:
    """A small part of it can be decoded at a better scale."""
    content = saved(photo(), "PNG", compress_level=1)
    shown = frames_of(io.BytesIO(content), formats=FORMATS, limits=LIMITS)

    frame = next(shown)
    assert isinstance(frame, Frame)
    assert frame.again is not None
    closer = frame.again(2, "RGB")

    assert (closer.scale, closer.full) == (2, photo().size)
    assert closer.image.size == (1051, 1042)
