"""The estimate of a scan, by the first bytes of its contents."""

import functools
from collections.abc import Callable

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
SMALL: dict[str, Callable[[], bytes]] = {
    "jpeg": lambda: pictures.jpeg(PHOTO),
    "progressive": lambda: pictures.jpeg(PHOTO, progressive=True),
    "profile": lambda: pictures.profiled_jpeg(PHOTO),
    "png": lambda: pictures.png(PHOTO),
    "gif": lambda: pictures.gif(PHOTO),
    "webp": lambda: pictures.webp(PHOTO),
    "webp without loss": lambda: pictures.webp(PHOTO, lossless=True),
    "webp with alpha": lambda: pictures.webp(PHOTO.convert("RGBA"), exif=b"Exif"),
    "field": lambda: b"a title",
    "nothing": lambda: b"",
}
LARGE: dict[str, Callable[[], bytes]] = {
    "png": pictures.claimed_size_png,
    "bomb": lambda: pictures.bomb_png(side=4000),
    "jpeg": lambda: pictures.jpeg(pictures.flat(width=6000, height=4000)),
    "unknown": lambda: bytes(range(256)) * 64,
    "cut off": lambda: pictures.jpeg(PHOTO)[:20],
    "tiff": lambda: pictures.encoded(PHOTO, "TIFF"),
}


@functools.cache
def small(name: str) -> bytes:
    """Return the file of a small picture."""
    return SMALL[name]()


def head(content: bytes) -> tuple[bytes, int]:
    """Return the values that the pool uses."""
    return content[:LOOKED_AT_BYTES], len(content)


@pytest.mark.parametrize("name", SMALL)
def test_small_picture_is_small(name: str) -> None:
    """Common formats say their size in their first bytes."""
    assert expected([head(small(name))]).is_small


@pytest.mark.parametrize("name", LARGE)
def test_what_is_large_or_unknown_is_not_small(name: str) -> None:
    """Few bytes may need much work."""
    assert not expected([head(LARGE[name]())]).is_small


def test_form_costs_what_its_contents_cost() -> None:
    """A form of many small pictures is not small."""
    one = expected([head(small("jpeg"))])
    many = expected([head(small("jpeg"))] * 990)

    assert many.cost_s == pytest.approx(990 * one.cost_s)
    assert not many.is_small
    assert not expected([head(b"")] * (SMALL_CONTENTS + 1)).is_small


def test_dear_form_of_few_parts_is_not_small() -> None:
    """The sum counts."""
    one = expected([head(small("png"))])
    count = int(SMALL_S / one.cost_s) + 1

    assert not expected([head(small("png"))] * count).is_small


@given(
    st.sampled_from(sorted(SMALL)), st.integers(0, HEAD_BYTES), st.binary(max_size=64)
)
def test_bad_headers_are_no_error(name: str, at: int, noise: bytes) -> None:
    """Whatever stands there, something is expected."""
    content = small(name)
    bad = content[:at] + noise + content[at + len(noise) :]

    assert expected([head(bad)]).cost_s > 0
