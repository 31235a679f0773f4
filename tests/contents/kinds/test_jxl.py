"""Headers of JPEG XL are told from two bytes that stand there by chance."""

import io

import numpy as np
import pillow_jxl  # noqa: F401  # registers the encoder
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ImageCms

from tests.corpus import pictures
from uploadfilter.contents.kinds.jxl import HEAD_BYTES, MAGIC, is_plausible


def codestream(mode: str, *, width: int = 60, **options: object) -> bytes:
    """Return the output of libjxl."""
    file = io.BytesIO()
    image = pictures.photograph(1, width=width, height=40)
    image.convert(mode).save(file, "JXL", **options)
    return file.getvalue()


@pytest.mark.parametrize("width", [16, 64, 333])
@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"lossless": True, "effort": 1}, id="lossless"),
        pytest.param({"quality": 80, "effort": 3}, id="lossy"),
        pytest.param({"quality": 30, "effort": 7}, id="slow"),
    ],
)
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "LA"])
def test_real_header_is_plausible(
    mode: str, options: dict[str, object], width: int
) -> None:
    """Whatever libjxl writes is taken for a picture."""
    assert is_plausible(codestream(mode, width=width, **options)[:HEAD_BYTES])


def test_header_with_profile_is_plausible() -> None:
    """A profile stands between the header and the first frame."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    content = codestream("RGB", lossless=True, effort=1, icc_profile=profile)

    assert is_plausible(content[:HEAD_BYTES])


def test_few_beginnings_by_chance_are_plausible() -> None:
    """Some thirty of ten thousand."""
    noise = np.random.default_rng(5).bytes(10_000 * 40)
    heads = [MAGIC + noise[at : at + 40] for at in range(0, len(noise), 40)]

    assert sum(map(is_plausible, heads)) < 60


@given(head=st.binary(max_size=80))
def test_any_bytes_can_be_read(head: bytes) -> None:
    """A truncated header does not count."""
    is_plausible(MAGIC + head)

    assert not is_plausible(head[:3])
