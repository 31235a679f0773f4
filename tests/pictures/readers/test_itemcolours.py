"""Code points and gain maps of an AVIF are read as browsers read them."""

import io
import struct

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.corpus import pictures
from tests.corpus.tricks.gains import gain_between
from tests.corpus.tricks.tones import numbers, with_map
from tests.pictures.sketches import frames, lacks, photograph
from uploadfilter.model import Reason
from uploadfilter.pictures.decoding import DecodeLimits, frames_of
from uploadfilter.pictures.formats import FORMATS
from uploadfilter.pictures.frame import Frame

AVIF = pictures.encoded(photograph(11, 96, 64), "AVIF", speed=10)


def decoded(content: bytes) -> tuple[tuple[bytes, ...], bytes]:
    """Return the profiles and the samples of a file's only frame."""
    found = frames_of(io.BytesIO(content), formats=FORMATS, limits=DecodeLimits())
    frame = next(found)
    assert isinstance(frame, Frame)
    return frame.other_profiles, frame.image.tobytes()


def with_points(primaries: int, curve: int) -> bytes:
    """Return an AVIF with other code points."""
    at = AVIF.index(b"colrnclx") + 8
    return AVIF[:at] + struct.pack(">HH", primaries, curve) + AVIF[at + 4 :]


@pytest.mark.parametrize(
    ("primaries", "curve"),
    [(1, 13), (1, 1), (2, 2), (1, 6), (1, 14), (0, 0), (17, 13), (1, 19)],
)
def test_usual_points_change_nothing(primaries: int, curve: int) -> None:
    """Unknown code points count as the usual ones, like the curves of cameras."""
    assert decoded(with_points(primaries, curve))[0] == ()


@pytest.mark.parametrize(
    ("primaries", "curve"), [(12, 13), (9, 1), (10, 2), (1, 8), (1, 5), (9, 17), (2, 8)]
)
def test_other_points_are_one_more_profile(primaries: int, curve: int) -> None:
    """Primaries and curves are shown as Chromium shows them."""
    assert len(decoded(with_points(primaries, curve))[0]) == 1


def test_many_points_are_a_lack() -> None:
    """Files have one; a few are used."""
    boxes = b"".join(
        b"colrnclx" + struct.pack(">HHHB", primaries, 13, 6, 128)
        for primaries in (4, 5, 6, 8, 9, 10)
    )
    content = AVIF + struct.pack(">I", 8 + len(boxes)) + b"free" + boxes

    assert len(decoded(content)[0]) == 4
    assert lacks(content) == [Reason.TOO_MANY_VIEWS]


def test_samples_are_not_changed() -> None:
    """The stored picture comes first."""
    assert decoded(AVIF)[1] == decoded(with_points(12, 8))[1]


TARGET, DECOY = photograph(1, 160, 120), photograph(2, 160, 120)
MAP = gain_between(TARGET, DECOY)
BRIGHT = with_map(DECOY, MAP, numbers(6, 0))


@pytest.mark.parametrize(
    ("meant", "missing"),
    [
        pytest.param(numbers(0, 6), [], id="of a phone"),
        pytest.param(numbers(6, 0), [Reason.UNDECODABLE], id="of a bright picture"),
    ],
)
@pytest.mark.parametrize("name", ["AVIF", "HEIF"])
def test_map_is_a_picture_of_its_own(
    name: str, meant: bytes, missing: list[Reason]
) -> None:
    """It comes after the stored picture, whatever it means."""
    content = with_map(DECOY, MAP, meant, name)
    images = [frame.image.convert("L") for frame in frames(content)]

    assert lacks(content) == missing
    for found, expected in zip(images, (DECOY, MAP), strict=True):
        shown = np.asarray(found).astype(int)
        assert np.abs(shown - np.asarray(expected.convert("L"))).mean() < 5


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(b"iloc", b"ilox", id="no places"),
        pytest.param(b"dimg", b"dimx", id="made of nothing"),
    ],
)
def test_map_that_cannot_be_read_is_a_lack(old: bytes, new: bytes) -> None:
    """Nothing is ignored that may change the shown picture."""
    assert lacks(BRIGHT.replace(old, new)) == [Reason.UNDECODABLE]


@example(at=57, content=b"\0", cut=True)
@given(
    at=st.integers(0, 700), content=st.binary(min_size=1, max_size=8), cut=st.booleans()
)
def test_no_bytes_raise(at: int, content: bytes, cut: bool) -> None:
    """Whatever is put into the boxes, maps are read or refused."""
    damaged = BRIGHT[:at] + content + BRIGHT[at + len(content) :]

    lacks(damaged[: at + 100] if cut else damaged)
