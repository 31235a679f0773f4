"""An AVIF with a gain map is shown as stored, and as changed by the map."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.corpus import pictures
from tests.corpus.tricks.gains import gain_between
from tests.corpus.tricks.tones import numbers, toned_avif
from tests.pictures.sketches import frames, lacks, photograph
from uploadfilter.model import Reason
from uploadfilter.pictures.colours.gainmaps import BadGainMapError
from uploadfilter.pictures.faults import BadPictureError
from uploadfilter.pictures.readers.tonemaps import maps_of, with_primary

TARGET, DECOY = photograph(1, 160, 120), photograph(2, 160, 120)
BRIGHT = toned_avif(DECOY, gain_between(TARGET, DECOY), numbers(6, 0))


def test_changed_picture_comes_after_the_stored_one() -> None:
    """Both are compared."""
    first, second = frames(BRIGHT)

    for frame, expected in ((first, DECOY), (second, TARGET)):
        found = np.asarray(frame.image.convert("L")).astype(int)
        assert np.abs(found - np.asarray(expected.convert("L"))).mean() < 5


def test_map_that_changes_nothing_is_no_frame() -> None:
    """On a usual screen, that of a phone does nothing."""
    content = toned_avif(DECOY, gain_between(TARGET, DECOY), numbers(0, 6))

    assert len(frames(content)) == 1
    assert lacks(content) == []


def test_item_that_is_shown_can_be_another() -> None:
    """So the map is decoded as a picture."""
    (shown, *_) = frames(with_primary(BRIGHT, 2))

    found = np.asarray(shown.image.convert("RGB")).astype(int)
    assert np.abs(found - np.asarray(gain_between(TARGET, DECOY))).mean() < 5


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(b"iloc", b"ilox", id="no places"),
        pytest.param(b"dimg", b"dimx", id="made of nothing"),
    ],
)
def test_map_that_cannot_be_read_is_a_lack(old: bytes, new: bytes) -> None:
    """Nothing is ignored that may change the shown picture."""
    with pytest.raises(BadPictureError):
        list(maps_of(BRIGHT.replace(old, new)))


def test_numbers_that_are_cut_off_are_a_lack() -> None:
    """The library refuses the whole file for them."""
    content = toned_avif(DECOY, gain_between(TARGET, DECOY), numbers(6, 0)[:40])

    with pytest.raises(BadGainMapError):
        list(maps_of(content))
    assert lacks(content) == [Reason.UNDECODABLE]


def test_map_of_other_colours_is_a_lack() -> None:
    """The shown picture is near the changed one, but not equal."""
    at = BRIGHT.index(b"colrnclx\0") + 9
    content = BRIGHT[:at] + b"\x0c" + BRIGHT[at + 1 :]

    assert len(frames(content)) == 2
    assert lacks(content) == [Reason.UNDECODABLE]


def test_file_without_maps_has_none() -> None:
    """Most have no such item."""
    assert list(maps_of(pictures.encoded(DECOY, "AVIF", speed=10))) == []


@example(at=57, content=b"\0", cut=True)
@given(
    at=st.integers(0, 700), content=st.binary(min_size=1, max_size=8), cut=st.booleans()
)
def test_no_bytes_raise_anything_else(at: int, content: bytes, cut: bool) -> None:
    """Whatever is put into the boxes, maps are read or refused."""
    damaged = BRIGHT[:at] + content + BRIGHT[at + len(content) :]
    try:
        found = list(maps_of(damaged[: at + 100] if cut else damaged))
    except (BadPictureError, BadGainMapError):
        return
    assert all(np.isfinite(item.gain.weight) for item in found)
