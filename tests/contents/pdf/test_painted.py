"""Pictures of documents are computed as they are painted, whatever their size."""

import io
import struct

import numpy as np
import pikepdf
import pytest
from numpy.typing import NDArray
from pikepdf import Array, Dictionary, Name
from PIL import Image

from tests.corpus import pictures
from tests.corpus.tricks.papers import inks, program
from tests.pictures.sketches import photograph
from uploadfilter.contents.members import Shortfall
from uploadfilter.contents.pdf.painted import (
    Painting,
    alpha_of,
    mask_of,
    painted,
    painting_of,
)
from uploadfilter.contents.unpackers import TOO_BIG, UNKNOWN

RNG = np.random.Generator(np.random.PCG64(5))


def picture(
    pdf: pikepdf.Pdf, size: tuple[int, int], space: object, **more: object
) -> pikepdf.Stream:
    """Make the stream of a picture, without data."""
    made = pikepdf.Stream(pdf, b"")
    made.Width, made.Height = size
    made.ColorSpace, made.BitsPerComponent = space, 8
    for key, value in more.items():
        made[f"/{key}"] = value
    return made


def shown(stream: pikepdf.Stream, data: bytes) -> NDArray[np.uint8]:
    """Return the pixels of a picture as painted."""
    painting = painting_of(stream)
    assert isinstance(painting, Painting)
    parts = list(painted(painting, data))
    file = b"".join(part for part in parts if isinstance(part, bytes))
    assert not [part for part in parts if isinstance(part, Shortfall)]
    return np.asarray(Image.open(io.BytesIO(file)))


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_decode_stretches_values_of_any_width(bits: int) -> None:
    """Each value lies between the two that the array names."""
    levels = RNG.integers(0, 1 << bits, (4, 8, 3)).astype(np.uint16)
    unpacked = (levels[..., None] >> np.arange(bits - 1, -1, -1) & 1).astype(np.uint8)
    data = np.packbits(unpacked.reshape(4, -1), axis=1).tobytes()
    with pikepdf.new() as pdf:
        decode = Array([1, 0, 0, 1, 0.5, 1])
        stream = picture(pdf, (8, 4), Name.DeviceRGB, Decode=decode)
        stream.BitsPerComponent = bits
        ours = shown(stream, data)

    share = levels / ((1 << bits) - 1)
    one, two, three = share[:, :, 0], share[:, :, 1], share[:, :, 2]
    expected = np.dstack((1 - one, two, 0.5 + 0.5 * three)) * 255
    assert np.abs(ours - expected).max() <= 0.51


def test_inks_are_mixed_sample_by_sample() -> None:
    """In pieces as in one."""
    levels = RNG.integers(0, 256, (300, 200, 2), np.uint8)
    with pikepdf.new() as pdf:
        tint = program(pdf, 2, 1, b"{ exch 0.25 mul add }")
        stream = picture(pdf, (200, 300), inks(pdf, 2, Name.DeviceGray, tint))
        ours = shown(stream, levels.tobytes())

    expected = np.minimum(levels[:, :, 0] / 4 + levels[:, :, 1], 255)
    assert np.abs(ours[:, :, 0] - expected).max() <= 0.51


def test_colours_of_a_key_are_not_painted() -> None:
    """A sample whose every value lies within the key is transparent."""
    levels = np.array([[[10, 20, 30], [10, 20, 99]]], np.uint8)
    with pikepdf.new() as pdf:
        key = Array([0, 15, 20, 20, 0, 50])
        ours = shown(picture(pdf, (2, 1), Name.DeviceRGB, Mask=key), levels.tobytes())

    assert ours[0, :, 3].tolist() == [0, 255]
    assert ours[0, :, :3].tolist() == levels[0].tolist()


def test_dear_colours_of_large_pictures_are_computed_for_some_samples() -> None:
    """Enough are left for every signal, and they are spread evenly."""
    text = b"{ exch pop " + b"dup mul sqrt " * 300 + b"}"
    ramp = np.linspace(0, 255, 1200).astype(np.uint8)
    levels = np.zeros((900, 1200, 2), np.uint8)
    levels[:, :, 1] = ramp
    with pikepdf.new() as pdf:
        tint = program(pdf, 2, 1, text)
        stream = picture(pdf, (1200, 900), inks(pdf, 2, Name.DeviceGray, tint))
        ours = shown(stream, levels.tobytes())

    height, width = ours.shape[:2]
    assert 16_000 < height * width < 60_000
    expected = np.interp(np.linspace(0, 1, width), np.linspace(0, 1, 1200), ramp)
    assert np.abs(ours[:, :, 0] - expected).max() <= 4


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"Decode": Array([0, 1])},
        {"Decode": Array([1, 0])},
        {"Decode": Array([1])},
        {"ImageMask": True, "Decode": Array([1, 0])},
        {"Filter": Name.JPXDecode, "Decode": Array([0, 0.5])},
        {"Width": 0, "Decode": Array([0, 0.5])},
    ],
)
def test_picture_that_is_painted_as_it_is_stored_has_one_file(
    more: dict[str, object],
) -> None:
    """Nothing is written twice that decoders read by themselves."""
    with pikepdf.new() as pdf:
        assert painting_of(picture(pdf, (8, 8), Name.DeviceGray, **more)) is None


def test_space_that_cannot_be_evaluated_is_said() -> None:
    """It is never taken for another one in silence."""
    with pikepdf.new() as pdf:
        spot = Array([Name.Separation, Name.Spot, Name.DeviceGray, Dictionary()])

        assert painting_of(picture(pdf, (8, 8), spot)) == UNKNOWN


def test_too_large_a_picture_is_said() -> None:
    """No more is unpacked than may be."""
    with pikepdf.new() as pdf:
        decode = Array([0, 0.5] * 3)
        stream = picture(pdf, (40_000, 40_000), Name.DeviceRGB, Decode=decode)
        painting = painting_of(stream)
    assert isinstance(painting, Painting)

    assert list(painted(painting, b"")) == [TOO_BIG]


def test_jpeg_of_other_components_than_its_space_is_said() -> None:
    """Readers differ in their reading of it."""
    with pikepdf.new() as pdf:
        stream = picture(pdf, (8, 8), Name.DeviceRGB, Decode=Array([1, 0] * 3))
        stream.Filter = Name.DCTDecode
        painting = painting_of(stream)
    assert isinstance(painting, Painting)
    grey = pictures.jpeg(photograph(91, 8, 8).convert("L"))

    assert list(painted(painting, grey)) == [UNKNOWN]


def test_stencil_cuts_out_what_is_one() -> None:
    """The luma of the file that is made is how much is seen."""
    with pikepdf.new() as pdf:
        mask = picture(pdf, (8, 1), Name.DeviceGray, ImageMask=True)
        stream = picture(pdf, (8, 8), Name.DeviceGray, Mask=mask)
        found = mask_of(stream)
        assert found is not None
        parts = list(alpha_of(found, b"\xf0"))
    file = b"".join(part for part in parts if isinstance(part, bytes))

    alpha = np.asarray(Image.open(io.BytesIO(file)).convert("L"))

    assert alpha.tolist() == [[0] * 4 + [255] * 4]


def bare_jpeg(levels: NDArray[np.uint8]) -> bytes:
    """Return a JPEG whose components are these, and which does not say so."""
    return pictures.jpeg(Image.fromarray(levels, "YCbCr"), 98, subsampling=0)


@pytest.mark.parametrize("said", [0, 1])
def test_dictionary_says_what_the_components_of_a_jpeg_are(said: int) -> None:
    """Luma and differences of colours, or red, green and blue."""
    levels = np.asarray(photograph(5, 64, 48).convert("RGB"))
    with pikepdf.new() as pdf:
        stream = picture(
            pdf,
            (64, 48),
            Name.DeviceRGB,
            Filter=Name.DCTDecode,
            DecodeParms=Dictionary(ColorTransform=said),
        )
        pixels = shown(stream, bare_jpeg(levels)).astype(int)

    expected = levels if said == 0 else Image.fromarray(levels, "YCbCr").convert("RGB")
    assert np.abs(pixels - np.asarray(expected)).mean() < 4


def test_components_that_adobe_named_stay_what_they_are() -> None:
    """A field of the JPEG takes precedence over the dictionary."""
    image = photograph(6, 64, 48).convert("RGB")
    adobe = struct.pack(">BBH5sHHHB", 0xFF, 0xEE, 14, b"Adobe", 100, 0, 0, 1)
    jpeg = pictures.jpeg(image, 98)
    with pikepdf.new() as pdf:
        stream = picture(
            pdf,
            (64, 48),
            Name.DeviceRGB,
            Filter=Name.DCTDecode,
            DecodeParms=Dictionary(ColorTransform=0),
            Decode=Array([1, 0, 1, 0, 1, 0]),
        )
        painting = painting_of(stream)
        assert isinstance(painting, Painting)
        file = b"".join(
            p
            for p in painted(painting, jpeg[:2] + adobe + jpeg[2:])
            if isinstance(p, bytes)
        )

    pixels = np.asarray(Image.open(io.BytesIO(file))).astype(int)
    assert np.abs(pixels - np.asarray(image)).mean() < 4
