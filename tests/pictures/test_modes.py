"""Every mode is read as its definition says, held against a loop over pixels."""

import colorsys
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from uploadfilter.pictures import modes

SIZE = (24, 17)
RNG_SEED = 5


def samples(channels: int) -> NDArray[np.uint8]:
    """Return random samples, rows by columns by channels."""
    rng = np.random.default_rng(RNG_SEED)
    return rng.integers(0, 256, (SIZE[1], SIZE[0], channels), np.uint8)


def image_of(mode: str) -> Image.Image:
    """Return an image of random samples in a mode of 8-bit channels."""
    channels = Image.getmodebands(mode)
    planes = [Image.fromarray(samples(channels)[:, :, n]) for n in range(channels)]
    return Image.merge(mode, planes)


def luma(red: float, green: float, blue: float) -> float:
    """Return ITU-R BT.601 luma."""
    return 0.299 * red + 0.587 * green + 0.114 * blue


def luma_of_cmyk(cyan: int, magenta: int, yellow: int, black: int) -> float:
    """Return luma of inks: each, and black, takes its share of the light."""
    light = (255 - black) / 255
    return luma(*((255 - ink) * light for ink in (cyan, magenta, yellow)))


def luma_of_ycbcr(y: int, cb: int, cr: int) -> float:
    """Return the luma of JFIF's colour differences within the colours of a screen."""
    blue, red = cb - 128, cr - 128
    colours = (y + 1.402 * red, y - 0.34414 * blue - 0.71414 * red, y + 1.772 * blue)
    return luma(*(min(max(colour, 0), 255) for colour in colours))


def luma_of_hsv(hue: int, saturation: int, value: int) -> float:
    """Return luma of hue, saturation and value."""
    colours = colorsys.hsv_to_rgb(hue / 255, saturation / 255, value / 255)
    return 255 * luma(*colours)


def luma_of_premultiplied(red: int, green: int, blue: int, alpha: int) -> float:
    """Return luma of colours that were multiplied by alpha."""
    if alpha == 0:
        return luma(red, green, blue)
    return luma(*(min(255, colour * 255 / alpha) for colour in (red, green, blue)))


def grey_of_premultiplied(grey: int, alpha: int) -> float:
    """Return grey that was multiplied by alpha."""
    return min(255, grey * 255 / alpha) if alpha else grey


TWINS: dict[str, Callable[..., float]] = {
    "RGB": luma,
    "RGBX": lambda red, green, blue, _: luma(red, green, blue),
    "RGBA": lambda red, green, blue, _: luma(red, green, blue),
    "RGBa": luma_of_premultiplied,
    "LA": lambda grey, _: float(grey),
    "La": grey_of_premultiplied,
    "CMYK": luma_of_cmyk,
    "YCbCr": luma_of_ycbcr,
    "HSV": luma_of_hsv,
    "LAB": lambda lightness, *_: float(lightness),
}


@pytest.mark.parametrize("mode", TWINS)
def test_luma_is_that_of_each_pixel(mode: str) -> None:
    """Channels of every kind become luma within two grey steps."""
    image = image_of(mode)

    ours = np.asarray(modes.luma_of(image)(image)).astype(float)

    pixels = samples(Image.getmodebands(mode)).astype(int)
    theirs = [[TWINS[mode](*pixel) for pixel in row] for row in pixels.tolist()]
    assert np.abs(ours - np.array(theirs)).max() <= 2


def test_luma_of_a_palette_is_that_of_its_colours() -> None:
    """Indices are looked up."""
    rng = np.random.default_rng(RNG_SEED)
    palette = rng.integers(0, 256, (256, 3), np.uint8)
    image = Image.fromarray(samples(1)[:, :, 0]).copy()
    image.putpalette(palette.tobytes())

    ours = np.asarray(modes.luma_of(image)(image)).astype(float)

    theirs = [[luma(*palette[i].tolist()) for i in row] for row in samples(1)[:, :, 0]]
    assert np.abs(ours - np.array(theirs)).max() <= 1


def test_luma_of_a_palette_with_alpha_is_that_of_its_colours() -> None:
    """The alpha beside the indices changes nothing."""
    plain = Image.fromarray(samples(1)[:, :, 0]).quantize(16)
    with_alpha = plain.convert("PA")
    with_alpha.putalpha(Image.new("L", SIZE, 9))

    ours = np.asarray(modes.luma_of(with_alpha)(with_alpha))

    np.testing.assert_array_equal(ours, np.asarray(modes.luma_of(plain)(plain)))


def test_luma_of_one_bit_is_black_or_white() -> None:
    """One bit a pixel is 0 or 255."""
    image = Image.fromarray(samples(1)[:, :, 0]).convert("1")

    ours = np.asarray(modes.luma_of(image)(image))

    np.testing.assert_array_equal(ours, np.asarray(image) * np.uint8(255))


@pytest.mark.parametrize("dtype", ["<u2", ">u2"])
def test_luma_of_16_bits_is_scaled(dtype: str) -> None:
    """65535 is white, and nothing is clipped."""
    values = np.random.default_rng(1).integers(0, 65536, (5, 7)).astype(dtype)
    image = Image.fromarray(values)

    ours = np.asarray(modes.luma_of(image)(image))

    theirs = [[round(int(value) / 257) for value in row] for row in values]
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_luma_of_numbers_is_stretched(dtype: type[np.number]) -> None:
    """The lowest is black and the highest is white, whatever they are."""
    values = np.array([[-100, 0, 100], [155, 50, -99]]).astype(dtype)
    image = Image.fromarray(values)

    ours = np.asarray(modes.luma_of(image)(image))

    np.testing.assert_array_equal(ours, [[0, 100, 200], [255, 150, 1]])


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf, np.finfo(np.float32).max])
def test_odd_numbers_are_no_error(odd: float) -> None:
    """NaN becomes zero, and the largest numbers do not overflow."""
    values = np.array([[odd, 0.0, 1.0, -1.0]], np.float32)

    ours = np.asarray(modes.luma_of(image := Image.fromarray(values))(image))

    assert ours.shape == (1, 4)
    assert {int(ours.min()), int(ours.max())} == {0, 255}


def test_flat_numbers_are_black() -> None:
    """Without a range there is nothing to stretch."""
    image = Image.new("F", SIZE, 7.5)

    assert not np.asarray(modes.luma_of(image)(image)).any()


def marked(image: Image.Image, transparent: object) -> Image.Image:
    """Return an image with a note of its transparent colour, as decoders leave it."""
    image = image.copy()
    image.info["transparency"] = transparent
    return image


GREY = Image.fromarray(samples(1)[:, :, 0])
SIXTEEN = Image.fromarray(samples(1)[:, :, 0].astype(np.uint16) * np.uint16(257))
PALETTE = GREY.quantize(256)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "RGBa", "La", "PA"])
def test_alpha_is_the_last_channel(mode: str) -> None:
    """Whatever stands before it."""
    alpha = Image.fromarray(samples(4)[:, :, 3])
    base = {"RGBA": "RGB", "LA": "L", "PA": "P"}.get(mode)
    if base is None:
        image = Image.merge(mode, [alpha] * Image.getmodebands(mode))
    else:
        image = GREY.convert(base)
        image.putalpha(alpha)
    assert image.mode == mode

    reading = modes.alpha_of(image)

    assert reading is not None
    np.testing.assert_array_equal(np.asarray(reading(image)), np.asarray(alpha))


@pytest.mark.parametrize(
    ("image", "transparent"),
    [
        pytest.param(marked(PALETTE, 7), np.asarray(PALETTE) == 7, id="index"),
        pytest.param(
            marked(PALETTE, bytes([255] * 4 + [0] * 3)),
            np.isin(np.asarray(PALETTE), [4, 5, 6]),
            id="table",
        ),
        pytest.param(marked(GREY, 99), np.asarray(GREY) == 99, id="grey"),
        pytest.param(
            marked(SIXTEEN, 99 * 257), np.asarray(GREY) == 99, id="grey of 16 bits"
        ),
        pytest.param(
            marked(GREY.convert("1"), 255), np.asarray(GREY.convert("1")), id="bit"
        ),
        pytest.param(
            marked(GREY.convert("RGB"), (99, 99, 99)), np.asarray(GREY) == 99, id="RGB"
        ),
        pytest.param(
            marked(GREY.convert("RGB"), (0x63AB,) * 3),
            np.asarray(GREY) == 99,
            id="RGB of 16 bits",
        ),
    ],
)
def test_marked_samples_are_transparent(
    image: Image.Image, transparent: NDArray[np.bool_]
) -> None:
    """A colour, a grey or an index that a file calls transparent has alpha 0."""
    reading = modes.alpha_of(image)

    assert reading is not None
    alpha = np.asarray(reading(image))
    np.testing.assert_array_equal(alpha, np.where(transparent, 0, 255))


def test_palette_may_have_an_alpha_of_its_own() -> None:
    """The fourth value of a palette's colour is its alpha."""
    image = Image.fromarray(np.array([[0, 1, 2]], np.uint8)).copy()
    image.putpalette(bytes((9, 9, 9, 255, 9, 9, 9, 0, 9, 9, 9, 70)), "RGBA")

    reading = modes.alpha_of(image)

    assert reading is not None
    np.testing.assert_array_equal(np.asarray(reading(image)), [[255, 0, 70]])


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(GREY, id="grey"),
        pytest.param(PALETTE, id="palette"),
        pytest.param(image_of("RGB"), id="RGB"),
        pytest.param(image_of("CMYK"), id="CMYK"),
        pytest.param(marked(PALETTE, 300), id="index beyond"),
        pytest.param(marked(PALETTE, "x"), id="odd note"),
        pytest.param(marked(GREY, (1, 2, 3)), id="colour in grey"),
        pytest.param(marked(image_of("CMYK"), 5), id="index in CMYK"),
    ],
)
def test_opaque_modes_have_no_alpha(image: Image.Image) -> None:
    """Where nothing can be transparent, nothing is looked at."""
    assert modes.alpha_of(image) is None


def threatexchange_plane(image: Image.Image) -> NDArray[np.float64]:
    """Return the plane of which ``threatexchange`` makes PDQ (its hasher's steps)."""
    array = np.asarray(image.convert("RGB") if image.mode == "I;16" else image)
    if array.ndim == 2:
        array = np.stack([array] * 3, axis=2)
    red, green, blue = (array[:, :, n].astype(float) for n in range(3))
    return 0.299 * red + 0.587 * green + 0.114 * blue


@pytest.mark.parametrize("mode", ["P", "CMYK", "YCbCr", "LAB", "HSV", "RGBa", "I;16"])
def test_raw_is_what_threatexchange_reads(mode: str) -> None:
    """Sets that were made with it match the raw plane."""
    image = {"P": PALETTE, "I;16": SIXTEEN}.get(mode) or image_of(mode)

    reading = modes.raw_of(image)

    assert reading is not None
    ours = np.asarray(reading(image)).astype(float)
    assert np.abs(ours - threatexchange_plane(image)).max() <= 1


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "RGBX", "1", "PA", "La"])
def test_other_modes_have_no_raw_plane(mode: str) -> None:
    """If tools read the stored samples, or fail, there is no second plane."""
    assert modes.raw_of(Image.new(mode, SIZE)) is None


@pytest.mark.parametrize("mode", ["I", "F"])
def test_raw_of_numbers_is_clipped(mode: str) -> None:
    """The conversion that imagehash uses clips every sample above 255."""
    values = np.array([[-5, 0, 100, 300, 70_000]])
    image = Image.fromarray(values.astype(np.int32 if mode == "I" else np.float32))

    reading = modes.raw_of(image)

    assert reading is not None
    np.testing.assert_array_equal(np.asarray(reading(image)), [[0, 0, 100, 255, 255]])


@pytest.mark.parametrize(
    ("mode", "wanted", "got"),
    [
        ("RGB", "RGB", "RGB"),
        ("RGBA", "RGB", "RGB"),
        ("RGBa", "RGB", "RGB"),
        ("P", "RGB", "RGB"),
        ("L", "RGB", "RGB"),
        ("LA", "L", "L"),
        ("I;16", "L", "L"),
        ("CMYK", "CMYK", "CMYK"),
        ("CMYK", "RGB", None),
        ("RGB", "CMYK", None),
        ("RGB", "L", None),
        ("LAB", "RGB", None),
    ],
)
def test_samples_that_a_profile_is_for(mode: str, wanted: str, got: str | None) -> None:
    """A profile is applied to samples of its kind only; grey ones are colours too."""
    image = Image.new(mode, SIZE)

    reading = modes.colours_of(image, wanted)

    assert (reading(image).mode if reading is not None else None) == got


def test_bands_cover_an_image() -> None:
    """Put together again, the bands are the image; all but the last are even."""
    image = Image.fromarray(
        np.random.default_rng(2).integers(0, 256, (4_100, 1_001), np.uint8)
    )

    cut = list(modes.bands(image, rows_of=8))

    assert len(cut) > 1
    assert all(top % 8 == 0 for top, _ in cut)
    joined = np.concatenate([np.asarray(band) for _, band in cut])
    np.testing.assert_array_equal(joined, np.asarray(image))


def test_small_image_is_one_band() -> None:
    """It is not copied."""
    ((top, band),) = modes.bands(GREY)

    assert top == 0
    assert band is GREY
