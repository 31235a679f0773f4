"""Progressive JPEGs that are shown eight times smaller by their averages."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from tests.pictures.large.made import agree, photo, saved
from tests.pictures.sketches import frames, lacks
from uploadfilter.model import Reason
from uploadfilter.pictures.decoding import DecodeLimits
from uploadfilter.pictures.large.jpeg import coarse_frame
from uploadfilter.pictures.limits import OverBudgetError

SIZE = (4201, 4102)
LIMITS = DecodeLimits(max_decoded_bytes=42_000_000)
"""The coefficients of a picture of 17 million pixels are too many for these."""


def progressive(mode: str = "RGB", **options: object) -> bytes:
    """Return a large progressive JPEG."""
    image = photo().resize(SIZE, Image.Resampling.BILINEAR).convert(mode)
    return saved(image, "JPEG", progressive=True, **options)


def by_libjpeg(content: bytes, mode: str) -> Image.Image:
    """Return the picture of libjpeg at an eighth."""
    image = Image.open(io.BytesIO(content))
    image.draft(mode, (SIZE[0] // 8, SIZE[1] // 8))
    image.load()
    return image


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"quality": 75}, id="4:2:0"),
        pytest.param({"quality": 90, "subsampling": 0}, id="4:4:4"),
        pytest.param(
            {"quality": 30, "subsampling": 1}, id="4:2:2", marks=pytest.mark.slow
        ),
        pytest.param({"restart_marker_rows": 1}, id="restarts", marks=pytest.mark.slow),
        pytest.param({"mode": "L"}, id="grey"),
    ],
)
def test_luma_is_what_libjpeg_shows(options: dict[str, str]) -> None:
    """Bit for bit, whatever is coded how."""
    content = progressive(**options)

    (frame,) = frames(content, limits=LIMITS)

    assert (frame.full, frame.scale, frame.is_truncated) == (SIZE, 8, False)
    assert frame.image.tobytes() == by_libjpeg(content, "L").tobytes()


def test_views_are_those_of_the_whole() -> None:
    """The signals of a picture do not depend on how it was decoded."""
    assert agree(progressive(), LIMITS)[0] == "stored"


def test_colours_are_close_where_they_are_needed() -> None:
    """Chroma that is stored smaller is repeated, where libjpeg has more of it."""
    content = progressive()

    frame = coarse_frame(
        io.BytesIO(content), LIMITS, number=0, profile=None, in_colours=True
    )

    expected = np.asarray(by_libjpeg(content, "RGB")).astype(int)
    assert np.abs(np.asarray(frame.image) - expected).mean() < 2


def test_profile_is_kept() -> None:
    """A large picture is converted by its profile like any other."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()

    (frame,) = frames(progressive(icc_profile=profile), limits=LIMITS)

    assert frame.profile == profile


def test_picture_that_breaks_off_is_told() -> None:
    """Averages come first, so that half of a file shows all of the picture."""
    content = progressive()
    cut = content[: len(content) // 2]

    (frame,) = frames(cut, limits=LIMITS)

    expected = np.asarray(by_libjpeg(content, "L")).astype(int)
    assert np.abs(np.asarray(frame.image) - expected).max() < 16
    assert lacks(cut, limits=LIMITS) == [Reason.TRUNCATED]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(lambda: progressive("CMYK"), id="four colours"),
        pytest.param(
            lambda: saved(photo(), "JPEG", progressive=True), id="not large enough"
        ),
        pytest.param(
            lambda: saved(
                Image.new("RGB", (9000, 9000)), "JPEG", progressive=True, quality=5
            ),
            id="short",
        ),
        pytest.param(lambda: saved(photo().resize(SIZE), "JPEG"), id="not progressive"),
    ],
)
def test_what_cannot_be_shown_so_is_refused(content: "object") -> None:
    """The limits of whole pictures hold for everything else."""
    assert callable(content)

    with pytest.raises(OverBudgetError):
        coarse_frame(
            io.BytesIO(content()), LIMITS, number=0, profile=None, in_colours=False
        )


def test_damage_ends_in_a_picture_or_a_reason() -> None:
    """Any changed bytes only lead to a reason."""
    content = progressive(quality=20)
    rng = np.random.default_rng(4)
    for _ in range(12):
        broken = bytearray(content)
        for at in rng.integers(2, min(len(broken), 60_000), 20).tolist():
            broken[at] = int(rng.integers(0, 256))

        assert frames(bytes(broken), limits=LIMITS) or lacks(
            bytes(broken), limits=LIMITS
        )
