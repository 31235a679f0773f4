"""The estimate of a scan, by the first bytes of its contents."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.corpus import pictures
from uploadfilter.contents.kinds.magic import HEAD_BYTES
from uploadfilter.scanners.pool.expecting import (
    LOOKED_AT_BYTES,
    SMALL_CONTENTS,
    SMALL_S,
    expected,
)

PHOTO = pictures.photograph(1, width=320, height=240)
SMALL = {
    "jpeg": pictures.jpeg(PHOTO),
    "progressive": pictures.jpeg(PHOTO, progressive=True),
    "profile": pictures.profiled_jpeg(PHOTO),
    "png": pictures.png(PHOTO),
    "gif": pictures.gif(PHOTO),
    "webp": pictures.webp(PHOTO),
    "webp without loss": pictures.webp(PHOTO, lossless=True),
    "webp with alpha": pictures.webp(PHOTO.convert("RGBA"), exif=b"Exif"),
    "field": b"a title",
    "nothing": b"",
}
LARGE = {
    "png": pictures.claimed_size_png(),
    "bomb": pictures.bomb_png(side=4000),
    "jpeg": pictures.jpeg(pictures.flat(width=6000, height=4000)),
    "unknown": bytes(range(256)) * 64,
    "cut off": SMALL["jpeg"][:20],
    "tiff": pictures.encoded(PHOTO, "TIFF"),
}


def head(content: bytes) -> tuple[bytes, int]:
    """Return the values that the pool uses."""
    return content[:LOOKED_AT_BYTES], len(content)


@pytest.mark.parametrize("name", SMALL)
def test_small_picture_is_small(name: str) -> None:
    """Common formats say their size in their first bytes."""
    assert expected([head(SMALL[name])]).is_small


@pytest.mark.parametrize("name", LARGE)
def test_what_is_large_or_unknown_is_not_small(name: str) -> None:
    """Few bytes may need much work."""
    assert not expected([head(LARGE[name])]).is_small


def test_form_costs_what_its_contents_cost() -> None:
    """A form of many small pictures is not small."""
    one = expected([head(SMALL["jpeg"])])
    many = expected([head(SMALL["jpeg"])] * 990)

    assert many.cost_s == pytest.approx(990 * one.cost_s)
    assert not many.is_small
    assert not expected([head(b"")] * (SMALL_CONTENTS + 1)).is_small


def test_dear_form_of_few_parts_is_not_small() -> None:
    """The sum counts."""
    one = expected([head(SMALL["png"])])
    count = int(SMALL_S / one.cost_s) + 1

    assert not expected([head(SMALL["png"])] * count).is_small


@given(
    st.sampled_from(sorted(SMALL)), st.integers(0, HEAD_BYTES), st.binary(max_size=64)
)
def test_bad_headers_are_no_error(name: str, at: int, noise: bytes) -> None:
    """Whatever stands there, something is expected."""
    content = SMALL[name]
    bad = content[:at] + noise + content[at + len(noise) :]

    assert expected([head(bad)]).cost_s > 0
