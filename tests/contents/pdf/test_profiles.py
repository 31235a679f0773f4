"""Profiles of documents are recognised, made, and put into JPEGs."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from tests.corpus import pictures
from tests.pictures import icc
from tests.pictures.sketches import photograph
from uploadfilter.contents.pdf.profiles import (
    components_of,
    is_srgb,
    profile_of,
    with_profile,
)

PHOTO = photograph(81, 96, 64)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
OTHER = icc.colour_profile(icc.table(icc.srgb_light()[::-1]))


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        pytest.param(SRGB, True, id="sRGB of littlecms"),
        pytest.param(icc.colour_profile(icc.table(icc.srgb_light())), True, id="table"),
        pytest.param(icc.grey_profile(icc.table(icc.srgb_light())), True, id="grey"),
        pytest.param(OTHER, False, id="negative"),
        pytest.param(
            icc.colour_profile(icc.table(icc.srgb_light()), icc.ADOBE),
            False,
            id="other primaries",
        ),
        pytest.param(icc.colour_profile(icc.power(1.0)), False, id="straight"),
        pytest.param(icc.colour_profile(b"curv"), False, id="no curve"),
        pytest.param(
            icc.colour_profile(
                icc.table(icc.srgb_light()), more={b"A2B0": b"mft2" + bytes(60)}
            ),
            False,
            id="with a table",
        ),
        pytest.param(b"", False, id="nothing"),
        pytest.param(SRGB[:140], False, id="cut off"),
    ],
)
def test_only_what_surely_changes_nothing_is_srgb(
    profile: bytes, *, expected: bool
) -> None:
    """A second decode is saved only where a profile is the usual one."""
    assert is_srgb(profile) is expected


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_made_profile_shows_what_was_computed(mode: str) -> None:
    """Littlecms converts samples by it to the colours that it was made of."""
    channels = {"L": 1, "RGB": 3, "CMYK": 4}[mode]
    profile = profile_of(lambda rows: np.repeat(1 - rows[:, :1], 3, axis=1), channels)
    assert profile is not None
    image = PHOTO.convert(mode)
    transform = ImageCms.buildTransform(
        ImageCms.ImageCmsProfile(io.BytesIO(profile)),
        ImageCms.createProfile("sRGB"),
        mode,
        "RGB",
    )

    shown = np.asarray(transform.apply(image)).astype(float)

    expected = 255.0 - np.asarray(image.getchannel(0)).astype(float)
    assert np.abs(shown - expected[:, :, None]).max() <= 4


def test_no_profile_has_two_components() -> None:
    """A profile that no decoder accepts is not made."""
    assert profile_of(lambda rows: rows, 2) is None


@pytest.mark.parametrize("own", [None, SRGB])
def test_jpeg_gets_the_profile_instead_of_its_own(own: bytes | None) -> None:
    """The samples stay, and the other profile goes."""
    jpeg = pictures.jpeg(PHOTO, icc_profile=own)
    long = OTHER + bytes(70_000)

    image = Image.open(io.BytesIO(b"".join(with_profile(jpeg, long))))

    assert image.info["icc_profile"] == long
    np.testing.assert_array_equal(
        np.asarray(image), np.asarray(Image.open(io.BytesIO(jpeg)))
    )


@pytest.mark.parametrize(
    ("jpeg", "expected"),
    [
        (pictures.jpeg(PHOTO), (3, False)),
        (pictures.jpeg(PHOTO.convert("L")), (1, False)),
        (pictures.cmyk_jpeg(PHOTO), (4, True)),
        (b"", (0, False)),
        (b"\xff\xd8\xff", (0, False)),
    ],
)
def test_head_of_a_jpeg_is_read(jpeg: bytes, expected: tuple[int, bool]) -> None:
    """How many components it has, and who wrote it."""
    assert components_of(jpeg) == expected
