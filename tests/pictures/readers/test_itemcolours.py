"""Code points of an AVIF are heeded as browsers heed them."""

import io
import struct

import pytest

from tests.corpus import pictures
from tests.pictures.sketches import lacks, photograph
from uploadfilter.model import Reason
from uploadfilter.pictures.decoding import DecodeLimits, frames_of
from uploadfilter.pictures.formats import FORMATS
from uploadfilter.pictures.frame import Frame
from uploadfilter.pictures.readers.itemcolours import profiles_of

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
    content = with_points(primaries, curve)

    assert profiles_of(content) == ((), False)
    assert decoded(content)[0] == ()


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
