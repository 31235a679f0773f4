"""The colours of a picture in JPEG 2000 are read from its boxes."""

import io

import pytest
from PIL import Image, ImageCms

from tests.corpus import pictures
from uploadfilter.contents.pdf.jpxheader import read_jpx

PHOTO = pictures.photograph(8, width=160, height=120)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def packed(mode: str = "RGB", **options: object) -> bytes:
    """Return a picture in JPEG 2000."""
    return pictures.encoded(PHOTO.convert(mode), "JPEG2000", **options)


def coloured(space: int) -> bytes:
    """Return a picture that says that it is in a space of a number."""
    data = packed()
    at = data.index(b"colr") + 4 + 3
    return data[:at] + space.to_bytes(4, "big") + data[at + 4 :]


@pytest.mark.parametrize(
    ("mode", "count"), [("L", 1), ("LA", 2), ("RGB", 3), ("RGBA", 4)]
)
@pytest.mark.parametrize("no_jp2", [False, True])
def test_codes_are_found_in_the_file(mode: str, count: int, no_jp2: bool) -> None:
    """Or are all of it."""
    found = read_jpx(packed(mode, no_jp2=no_jp2))

    assert found is not None
    assert (found.count, found.is_plain) == (count, True)
    assert Image.open(io.BytesIO(found.codes)).size == PHOTO.size


def test_space_may_be_another_one() -> None:
    """Luma and differences are known, and not plain; Lab is neither."""
    luma, lab = read_jpx(coloured(18)), read_jpx(coloured(14))

    assert luma is not None
    assert lab is not None
    assert (luma.is_plain, luma.is_known) == (False, True)
    assert (lab.is_plain, lab.is_known) == (False, False)


def test_what_is_none_is_told() -> None:
    """The same holds for a box without an end."""
    assert read_jpx(b"") is None
    assert read_jpx(pictures.jpeg(PHOTO)) is None
    assert read_jpx(packed()[:60]) is None
