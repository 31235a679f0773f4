"""A frame is shown in every way that somebody may see it, and in no other."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from tests.pictures import icc
from tests.pictures.sketches import photograph
from uploadfilter.pictures.frame import Frame
from uploadfilter.pictures.picture import Luma, Shape
from uploadfilter.pictures.showing import lacks_conversion, reduction_of, showings

COLOURS = photograph(11, 96, 64)
GREY = COLOURS.convert("L")
ALPHA = photograph(12, 96, 64).convert("L")
INVERTED = icc.colour_profile(icc.table(icc.srgb_light()[::-1]))
INVERTED_GREY = icc.grey_profile(icc.table(icc.srgb_light()[::-1]))
CMYK_PROFILE = icc.profile({}, samples=b"CMYK")


def frame_of(image: Image.Image, **fields: Any) -> Frame:  # noqa: ANN401 - of a Frame
    """Return the first frame of a file, of an image."""
    return Frame(**{"image": image, "number": 0, "full": image.size, **fields})


def shown(image: Image.Image, **fields: Any) -> dict[str, Luma]:  # noqa: ANN401
    """Return the planes of all showings of a frame, by name.

    Those on grey pages are left out: see ``test_pages.py``.
    """
    found = list(showings(frame_of(image, **fields)))
    assert len({item.name for item in found}) == len(found)
    return {item.name: item.picture.plane for item in found if "grey:" not in item.name}


def with_alpha(image: Image.Image, alpha: Image.Image = ALPHA) -> Image.Image:
    """Return a copy of an image with an alpha plane."""
    image = image.copy()
    image.putalpha(alpha)
    return image


def marked(image: Image.Image, transparent: object) -> Image.Image:
    """Return a copy of an image with a note of its transparent colour."""
    image = image.copy()
    image.info["transparency"] = transparent
    return image


def marked_gamma(image: Image.Image, gamma: float) -> Image.Image:
    """Return a copy of an image with the gamma of a PNG's chunk."""
    image = image.copy()
    image.info["gamma"] = gamma
    return image


PALETTE = COLOURS.quantize(64)
TRANSPARENT = {
    "RGBA": with_alpha(COLOURS),
    "LA": with_alpha(GREY),
    "PA": with_alpha(PALETTE),
    "RGBa": with_alpha(COLOURS).convert("RGBa"),
    "palette, one index": marked(PALETTE, 5),
    "palette, a table": marked(PALETTE, bytes(range(0, 256, 8))),
    "RGB, one colour": marked(COLOURS, COLOURS.getpixel((5, 5))),
    "grey, one sample": marked(GREY, GREY.getpixel((5, 5))),
    "one bit": marked(GREY.convert("1"), 255),
}
"""Images of which some pixels are transparent, in every way to say so."""


OPAQUE = with_alpha(COLOURS, Image.new("L", COLOURS.size, 255))
BACKED = ["stored", "white", "black", "alpha"]


def rgba(image: Image.Image) -> NDArray[np.float64]:
    """Return the samples of an image as colours and alpha."""
    return np.asarray(image.convert("RGBA")).astype(float)


@pytest.mark.parametrize(
    ("image", "names"),
    [
        pytest.param(COLOURS, ["stored"], id="RGB"),
        pytest.param(GREY, ["stored"], id="grey"),
        pytest.param(OPAQUE, ["stored"], id="opaque"),
        pytest.param(PALETTE, ["stored", "raw"], id="palette"),
        pytest.param(COLOURS.convert("CMYK"), ["stored", "raw"], id="CMYK"),
        pytest.param(TRANSPARENT["RGBA"], BACKED, id="RGBA"),
        pytest.param(
            TRANSPARENT["palette, one index"], [*BACKED, "raw"], id="palette, alpha"
        ),
    ],
)
def test_showings_by_mode(image: Image.Image, names: list[str]) -> None:
    """Equal planes are not shown; the plane as stored comes first."""
    assert list(shown(image)) == names


@pytest.mark.parametrize("name", TRANSPARENT)
@pytest.mark.parametrize(("backing", "grey"), [("white", 255.0), ("black", 0.0)])
def test_transparent_picture_is_drawn_on_a_backing(
    name: str, backing: str, grey: float
) -> None:
    """Each pixel is mixed with the background.

    Pillow rounds luma down, so that its own mixture of colours is as far off.
    """
    samples = rgba(TRANSPARENT[name])
    share = samples[:, :, 3:] / 255
    colours = samples[:, :, :3] * share + grey * (1 - share)
    expected = colours @ np.array([0.299, 0.587, 0.114])

    ours = shown(TRANSPARENT[name])[backing].astype(float)

    assert np.abs(ours - expected).max() <= 1.5


@given(
    grey=st.integers(0, 255),
    alpha=st.integers(0, 254),
)
def test_any_grey_is_drawn_with_any_alpha(grey: int, alpha: int) -> None:
    """No mixture is more than a half and a rounding off, and none overflows."""
    planes = shown(
        Image.merge("LA", [Image.new("L", (1, 1), v) for v in (grey, alpha)])
    )

    on_black, on_white = (int(planes[name][0, 0]) for name in ("black", "white"))

    assert abs(on_black - grey * alpha / 255) <= 0.5
    assert abs(on_white - (grey * alpha / 255 + 255 - alpha)) <= 0.5


@pytest.mark.parametrize("name", TRANSPARENT)
def test_alpha_is_shown_itself(name: str) -> None:
    """A picture may be in the alpha alone."""
    ours = shown(TRANSPARENT[name])["alpha"]

    np.testing.assert_array_equal(ours, rgba(TRANSPARENT[name])[:, :, 3])


@pytest.mark.parametrize("name", ["RGBA", "LA", "palette, a table", "RGB, one colour"])
def test_stored_is_without_alpha(name: str) -> None:
    """Invisible colours are still stored."""
    bare = {"LA": GREY, "palette, a table": PALETTE}.get(name, COLOURS)

    ours = shown(TRANSPARENT[name])["stored"]

    np.testing.assert_array_equal(ours, np.asarray(bare.convert("L")))


@pytest.mark.parametrize(
    ("image", "profile"),
    [
        pytest.param(COLOURS, INVERTED, id="RGB"),
        pytest.param(GREY, INVERTED, id="grey in colours"),
        pytest.param(GREY, INVERTED_GREY, id="grey"),
        pytest.param(PALETTE, INVERTED, id="palette"),
    ],
)
def test_profile_is_applied(image: Image.Image, profile: bytes) -> None:
    """A profile with falling curves shows the negative of the stored picture."""
    planes = shown(image, profile=profile)

    stored, converted = (planes[name].astype(int) for name in ("stored", "icc"))
    assert np.abs(converted - (255 - stored)).max() <= 3


@pytest.mark.parametrize(
    ("image", "profile"),
    [
        pytest.param(COLOURS, icc.colour_profile(icc.SRGB_FORMULA), id="sRGB"),
        pytest.param(COLOURS, b"no profile", id="garbage"),
        pytest.param(COLOURS, INVERTED_GREY, id="for grey"),
        pytest.param(COLOURS, CMYK_PROFILE, id="for CMYK"),
        pytest.param(COLOURS, icc.profile({}), id="refused"),
    ],
)
def test_profile_that_changes_nothing_is_ignored(
    image: Image.Image, profile: bytes
) -> None:
    """SRGB, garbage, and unfitting profiles: browsers show the stored colours."""
    assert list(shown(image, profile=profile)) == ["stored"]


def test_profile_is_shown_in_each_way_in_which_it_is_read() -> None:
    """A second profile, or a second way to read one, is one more showing."""
    rotated = icc.colour_profile(icc.SRGB_FORMULA, icc.SRGB[::-1])
    planes = shown(COLOURS, profile=INVERTED, other_profiles=(rotated,))
    alike = shown(COLOURS, profile=INVERTED, other_profiles=(INVERTED,))

    assert list(planes) == ["stored", "icc", "icc:2"]
    assert list(alike) == ["stored", "icc"]
    np.testing.assert_array_equal(
        planes["icc:2"], shown(COLOURS, profile=rotated)["icc"]
    )


def test_chunks_count_beside_a_profile() -> None:
    """Browsers may refuse it."""
    steep = marked_gamma(COLOURS, 1 / 8)

    assert list(shown(steep, profile=INVERTED)) == ["stored", "icc", "icc:2"]


LAST_BIT = icc.colour_profile(icc.table(np.arange(256, dtype=float) % 2))
FOR_TWO = icc.colour_profile(
    icc.power(3), more={b"A2B0": b"mft1" + bytes(4) + bytes((2, 3, 2, 0)) + bytes(99)}
)


@pytest.mark.parametrize(
    ("image", "profile", "lacks"),
    [
        pytest.param(COLOURS, None, False, id="no profile"),
        pytest.param(COLOURS, b"no profile", False, id="garbage"),
        pytest.param(COLOURS, INVERTED, False, id="sound"),
        pytest.param(COLOURS, CMYK_PROFILE, False, id="for other samples"),
        pytest.param(COLOURS, icc.profile({}), True, id="nothing in it"),
        pytest.param(COLOURS.convert("CMYK"), CMYK_PROFILE, True, id="CMYK"),
        pytest.param(COLOURS, FOR_TWO, True, id="table for two colours"),
        pytest.param(COLOURS, LAST_BIT, True, id="last bit"),
    ],
)
def test_profile_that_cannot_be_evaluated_is_a_lack(
    image: Image.Image, profile: bytes | None, lacks: bool
) -> None:
    """Unless it is not a profile, or every program ignores it."""
    assert lacks_conversion(frame_of(image, profile=profile)) is lacks


def test_transparent_picture_is_drawn_as_its_profile_says() -> None:
    """Browsers convert first and draw then."""
    planes = shown(TRANSPARENT["LA"], profile=INVERTED)
    alpha = planes["alpha"].astype(float) / 255
    converted = planes["icc"].astype(float)

    assert list(planes)[4:] == ["icc", "icc/white", "icc/black"]
    on_black = converted * alpha
    assert np.abs(planes["icc/black"] - on_black).max() <= 1
    assert np.abs(planes["icc/white"] - (on_black + 255 * (1 - alpha))).max() <= 1


def test_raw_is_shown_of_the_first_frame_only() -> None:
    """The tools that misread a picture know no other frame."""
    assert list(shown(PALETTE, number=1)) == ["stored"]


def test_scaled_frame_keeps_its_full_size() -> None:
    """A picture that a decoder reduced is not reduced again."""
    (only,) = showings(frame_of(GREY, full=(191, 127), scale=2))

    assert only.picture.shape == Shape(height=127, width=191, scale=2)
    assert only.picture.plane.shape == (64, 96)


LARGE = (2_113, 2_061)
"""Width and height of an image that is read in bands, and made four times smaller."""


def large(mode: str) -> Image.Image:
    """Return a large image of random samples."""
    rng = np.random.default_rng(8)
    image = Image.fromarray(rng.integers(0, 256, (*LARGE[::-1], 4), np.uint8))
    if mode == "P":
        image = image.getchannel(0).copy()
        image.putpalette(rng.integers(0, 256, 768, np.uint8).tobytes())
        return marked(image, 3)
    return image.convert(mode)


def means(plane: NDArray[Any], by: int) -> NDArray[np.float64]:
    """Return the means of blocks; those at the edges are means of a part."""
    rows, columns = (range(0, side, by) for side in plane.shape)
    down = np.add.reduceat(plane.astype(float), rows, axis=0)
    sums = np.add.reduceat(down, columns, axis=1)
    counts = (
        np.minimum(by, side - np.arange(0, side, by)).astype(float)
        for side in plane.shape
    )
    blocks: NDArray[np.float64] = sums / np.outer(*counts)
    return blocks


@pytest.mark.parametrize("mode", ["RGBA", "P", "L"])
def test_large_frame_is_read_in_bands(mode: str) -> None:
    """Its planes are the block means of the full planes, within a step."""
    image = large(mode)
    whole = rgba(image)
    luma = whole[:, :, :3] @ np.array([0.299, 0.587, 0.114])
    alpha = whole[:, :, 3]
    expected = {
        "stored": luma,
        "white": luma * alpha / 255 + 255 - alpha,
        "black": luma * alpha / 255,
        "alpha": alpha,
    }

    planes = shown(image)

    for name in planes.keys() & expected.keys():
        assert planes[name].shape == (516, 529)
        assert np.abs(planes[name] - means(expected[name], 4)).max() <= 1.5


def test_large_transparent_frame_shows_no_colour_that_alpha_hides() -> None:
    """Converted colours count as far as they are seen, also within a block."""
    rng = np.random.default_rng(3)
    seen = rng.integers(0, 2, LARGE[::-1]).astype(bool)
    grey = np.where(seen, 40, 250).astype(np.uint8)
    alpha = np.where(seen, 255, 0).astype(np.uint8)
    image = Image.merge("LA", [Image.fromarray(plane) for plane in (grey, alpha)])

    planes = shown(image, profile=INVERTED)

    assert planes["icc"].shape == planes["alpha"].shape
    expected = (255 - 40) * planes["alpha"].astype(float) / 255
    assert np.abs(planes["icc/black"] - expected).max() <= 6


@pytest.mark.parametrize(("scale", "expected"), [(1, 8), (2, 8), (8, 8)])
def test_long_thin_frame_is_made_smaller(scale: int, expected: int) -> None:
    """However short its other side becomes: a long side is expensive."""
    image = Image.new("L", (100, 60_000))
    full = (100 * scale, 60_000 * scale)

    (only,) = showings(frame_of(image, full=full, scale=scale))

    assert only.picture.shape == Shape(height=full[1], width=full[0], scale=expected)


def test_thin_frame_is_not_made_smaller_otherwise() -> None:
    """A side is not made shorter than 512 pixels without need."""
    (only,) = showings(frame_of(Image.new("L", (600, 7_000))))

    assert only.picture.shape.scale == 1


def test_converted_plane_is_made_smaller() -> None:
    """Conversion is expensive, so that large planes are halved first."""
    planes = {
        item.name: item.picture.shape.scale
        for item in showings(frame_of(Image.new("RGB", (800, 760)), profile=INVERTED))
    }

    assert planes == {"stored": 1, "icc": 2}


def test_frame_is_not_changed() -> None:
    """Showing a frame does not change it."""
    image = TRANSPARENT["palette, a table"].copy()
    before = image.tobytes(), dict(image.info), image.mode

    list(showings(frame_of(image, profile=INVERTED)))

    assert (image.tobytes(), dict(image.info), image.mode) == before


@pytest.mark.parametrize("profile", [None, b"no profile"])
def test_gamma_of_a_png_is_applied_where_no_profile_is(profile: bytes | None) -> None:
    """A steep gamma hides a picture as a profile does."""
    image = COLOURS.copy()
    image.info["gamma"] = 0.125

    planes = shown(image, profile=profile)

    by_profile = shown(COLOURS, profile=icc.colour_profile(icc.power(8)))
    assert list(planes) == ["stored", "icc"]
    assert np.abs(planes["icc"].astype(int) - by_profile["icc"]).max() <= 1


@pytest.mark.parametrize(("mode", "reach"), [("F", 1.0), ("I", 65_535)])
def test_number_far_away_does_not_hide_the_others(mode: str, reach: float) -> None:
    """Viewers cut real numbers off at black and white, and stretch nothing."""
    luma = np.asarray(photograph(3).convert("L"), np.float64) / 255 * reach
    luma[0, 0] = 1e9
    image = Image.fromarray(luma.astype(np.float32 if mode == "F" else np.int32))
    frame = Frame(image=image, number=3, full=image.size)

    shown = {item.name: item.picture for item in showings(frame)}

    assert shown["stored"].plane.max(initial=0, where=luma < 1e9) < 2
    expected = np.asarray(photograph(3).convert("L")).copy()
    expected[0, 0] = 255
    np.testing.assert_allclose(shown["cut"].plane, expected, atol=1)


@pytest.mark.parametrize(
    ("size", "by"),
    [
        ((2000, 2000), 1),
        ((2001, 2000), 2),
        ((2100, 2083), 4),
        ((8064, 6048), 8),
        ((1000, 50_000), 8),
        ((600, 12_288), 1),
    ],
)
def test_planes_keep_their_least_side(size: tuple[int, int], by: int) -> None:
    """A large picture gets smaller as long as 512 pixels are left, or is very long."""
    assert reduction_of(size) == by
