"""A JPEG with a gain map is shown as stored, and as changed by the map."""

import io
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.corpus import pictures
from tests.corpus.tricks.gains import (
    GAIN_TRICKS,
    gain_between,
    multi_picture,
    xmp_segment,
)
from tests.corpus.tricks.kit import Trick
from tests.pictures import icc
from tests.pictures.sketches import frames, lacks, photograph
from uploadfilter.model import Reason
from uploadfilter.pictures.decoding import DecodeLimits
from uploadfilter.pictures.formats import FORMATS
from uploadfilter.pictures.headers.jpegscans import LONG_PACKET_START, PACKET_START
from uploadfilter.pictures.readers.jpegs import JPEGReader
from uploadfilter.pictures.readers.multipictures import (
    GainedReader,
    open_jpeg,
    places_of,
)

TARGET, DECOY = photograph(1, 320, 240), photograph(2, 320, 240)
JPEG = next(item for item in FORMATS if item.name == "jpeg")
BRIGHT = {
    "GainMapMin": "-6",
    "GainMapMax": "6",
    "HDRCapacityMax": "6",
    "BaseRenditionIsHDR": "True",
}


def luma(image: Image.Image) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Return the luma of a picture."""
    return np.asarray(image.convert("L")).astype(np.int64)


def gained(
    segment: bytes, base: bytes | None = None, *, image: Image.Image | None = None
) -> bytes:
    """Return a decoy with a map that makes it the target, if it is applied."""
    stored = pictures.jpeg(image or gain_between(TARGET, DECOY), 95, subsampling=0)
    second = stored[:2] + segment + stored[2:]
    return multi_picture(base or pictures.jpeg(DECOY, 95, subsampling=0), second)


@pytest.mark.parametrize("trick", GAIN_TRICKS, ids=lambda trick: trick.name)
def test_stored_picture_comes_first_and_then_the_changed_one(trick: Trick) -> None:
    """Both are compared."""
    first, second = frames(trick.make(TARGET, DECOY))

    assert (first.number, second.number) == (0, 1)
    assert np.abs(luma(first.image) - luma(DECOY)).mean() < 4
    assert np.abs(luma(second.image) - luma(TARGET)).mean() < 4


def test_map_of_a_phone_changes_nothing() -> None:
    """On a usual screen the stored picture is shown, at no more cost."""
    usual = {**BRIGHT, "BaseRenditionIsHDR": "False"}
    file = io.BytesIO(gained(xmp_segment(usual)))

    assert isinstance(open_jpeg(file, JPEG, DecodeLimits()), JPEGReader)


def test_picture_without_hints_is_not_looked_through() -> None:
    """A picture after another one is left to carving."""
    plain = pictures.jpeg(DECOY)
    second = pictures.jpeg(TARGET)
    mapped = second[:2] + xmp_segment(BRIGHT) + second[2:]

    reader = open_jpeg(io.BytesIO(plain + mapped), JPEG, DecodeLimits())

    assert isinstance(reader, JPEGReader)


@given(
    st.lists(
        st.sampled_from(
            [
                *(b"\xff\xd8\xff", b"\xff\xd9", b"gain-map", b"\xff", b"\xd9"),
                *(b"urn:iso:std:iso:ts:21496", b"urn:iso:std:", b"gain-", b"x" * 40),
            ]
        ),
        max_size=40,
    )
)
def test_second_pictures_are_looked_for_at_every_mark(pieces: list[bytes]) -> None:
    """The last picture that begins before a mark, or the one that is a part of it."""
    data = b"".join(pieces)
    marks = re.compile(rb"gain-map|urn:iso:std:iso:ts:21496|\xff\xd9(?=\xff\xd8\xff)")
    places = (
        mark.end() if mark[0][:1] == b"\xff" else mark.start()
        for mark in marks.finditer(data)
    )
    expected = {data.rfind(b"\xff\xd8\xff", 0, place + 3) for place in places}

    assert places_of(data, ()) == {place for place in expected if place > 0}


def test_small_map_is_stretched_over_the_picture() -> None:
    """Phones store maps at a quarter of the size."""
    small = gain_between(TARGET, DECOY).resize((160, 120))
    _, shown = frames(gained(xmp_segment(BRIGHT), image=small))

    assert np.abs(luma(shown.image) - luma(TARGET)).mean() < 14


def test_metadata_in_several_segments_are_read() -> None:
    """Long metadata are put together in their order."""
    packet = xmp_segment(BRIGHT)[4:].removeprefix(PACKET_START)
    parts = b""
    for start in (200, 0):
        body = packet[start : start + 200] if not start else packet[start:]
        head = bytes(32) + len(packet).to_bytes(4, "big") + start.to_bytes(4, "big")
        segment = LONG_PACKET_START + head + body
        parts += b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment

    assert len(frames(gained(parts))) == 2


def test_numbers_that_mean_nothing_are_a_lack() -> None:
    """The stored picture is compared, but may not be the shown one."""
    content = gained(xmp_segment({**BRIGHT, "GainMapMax": "much"}))

    assert len(frames(content)) == 1
    assert lacks(content) == [Reason.UNDECODABLE]


def test_map_of_other_colours_is_a_lack() -> None:
    """Beside a profile, the changed picture is shown as near as it can be."""
    profile = icc.colour_profile(icc.SRGB_FORMULA, icc.DISPLAY_P3)
    base = pictures.jpeg(DECOY, 95, subsampling=0, icc_profile=profile)
    content = gained(xmp_segment(BRIGHT), base)

    assert len(frames(content)) == 2
    assert lacks(content) == [Reason.UNDECODABLE]


def test_many_maps_are_a_lack() -> None:
    """The first of them are shown."""
    base = gained(xmp_segment(BRIGHT))
    second = base[base.rindex(b"\xff\xd8\xff") :]

    assert lacks(base + second * 9) == [Reason.UNDECODABLE]
    assert len(frames(base + second * 9)) <= 5


def test_large_picture_is_made_smaller() -> None:
    """The changed picture is compared at a smaller size."""
    large, other = (item.resize((1600, 1200)) for item in (DECOY, TARGET))
    second = pictures.jpeg(gain_between(other, large), 95, subsampling=0)
    content = multi_picture(
        pictures.jpeg(large, 95), second[:2] + xmp_segment(BRIGHT) + second[2:]
    )
    reader = open_jpeg(io.BytesIO(content), JPEG, DecodeLimits())
    assert isinstance(reader, GainedReader)

    frame = reader.frame(1)

    assert frame.full == (1600, 1200)
    assert frame.image.size == (800 // (frame.scale // 2), 600 // (frame.scale // 2))
