"""A gain map that changes a picture on an ordinary screen is recognised."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.corpus import pictures
from tests.corpus.tricks.gains import GAIN_TRICKS, multi_picture, xmp_segment
from tests.corpus.tricks.kit import Trick, jpeg_segment
from tests.pictures.sketches import frames, lacks, photograph
from uploadfilter.model import Reason
from uploadfilter.pictures.colours.gainmaps import changes_jpeg, has_bright_base
from uploadfilter.pictures.headers.jpegscans import LONG_PACKET_START, PACKET_START

TARGET, DECOY = photograph(1, 320, 240), photograph(2, 320, 240)
BRIGHT = {"HDRCapacityMax": "6", "BaseRenditionIsHDR": "True"}


def gained(segment: bytes) -> bytes:
    """Return a picture with a second one that has a segment of metadata."""
    second = pictures.jpeg(TARGET)
    return multi_picture(pictures.jpeg(DECOY), second[:2] + segment + second[2:])


def numbers(stored: int, other: int, below: int = 1) -> bytes:
    """Return the numbers of a gain map: the light that each picture needs."""
    head = struct.pack(">HHB4I", 0, 0, 0, stored, below, other, below)
    return head + struct.pack(">iIiIIIiIiI", -2, 1, 3, 1, 1, 1, 1, 64, 1, 32)


@pytest.mark.parametrize("trick", GAIN_TRICKS, ids=lambda trick: trick.name)
def test_picture_that_is_not_the_ordinary_one_has_a_lack(trick: Trick) -> None:
    """The stored picture is compared, and browsers show another one."""
    content = trick.make(TARGET, DECOY)

    assert len(frames(content)) == 1
    assert lacks(content) == [Reason.UNDECODABLE]


@pytest.mark.parametrize(
    ("fields", "changes"),
    [
        pytest.param({"HDRCapacityMin": "0"}, False, id="of a phone"),
        pytest.param({"HDRCapacityMin": "1.5"}, False, id="for better screens only"),
        pytest.param({"HDRCapacityMin": "-1"}, True, id="in part on ordinary screens"),
        pytest.param({"HDRCapacityMin": "low"}, True, id="no number"),
        pytest.param({"HDRCapacityMin": "nan"}, True, id="not a number"),
        pytest.param({"BaseRenditionIsHDR": "True"}, True, id="of a bright picture"),
        pytest.param({"BaseRenditionIsHDR": "true"}, True, id="in small letters"),
        pytest.param({"BaseRenditionIsHDR": "False"}, False, id="of a usual one"),
        pytest.param({}, False, id="of nothing"),
    ],
)
def test_metadata_say_whether_a_map_counts(
    fields: dict[str, str], changes: bool
) -> None:
    """Chromium applies a map where the file says that the screen needs it."""
    assert changes_jpeg(gained(xmp_segment(fields))) is changes


def test_numbers_may_be_elements() -> None:
    """However metadata are written, they mean the same."""
    inner = "<hdrgm:BaseRenditionIsHDR>True</hdrgm:BaseRenditionIsHDR>"
    items = "<rdf:Seq><rdf:li>-1</rdf:li></rdf:Seq>"
    several = f"<hdrgm:HDRCapacityMin>{items}</hdrgm:HDRCapacityMin>"

    assert changes_jpeg(gained(xmp_segment({}, inner)))
    assert changes_jpeg(gained(xmp_segment({}, several)))


def test_metadata_in_several_segments_are_read() -> None:
    """Long metadata are put together in their order."""
    packet = xmp_segment(BRIGHT)[4:].removeprefix(PACKET_START)
    parts = b""
    for start, end in ((200, None), (0, 200)):
        places = len(packet).to_bytes(4, "big") + start.to_bytes(4, "big")
        body = LONG_PACKET_START + bytes(32) + places + packet[start:end]
        parts += jpeg_segment(0xE1, body)

    assert changes_jpeg(gained(parts))


def test_metadata_that_are_too_long_count() -> None:
    """They are not read."""
    assert changes_jpeg(gained(xmp_segment({}, "<a/>" * 6_000)))


@pytest.mark.parametrize("packet", [b"", b"no metadata", b"<x/>", b"<x>", b"\xff\xfe<"])
def test_what_says_nothing_of_a_map_changes_nothing(packet: bytes) -> None:
    """As in Chromium."""
    assert not changes_jpeg(gained(jpeg_segment(0xE1, PACKET_START + packet)))


@pytest.mark.parametrize(
    ("body", "bright"),
    [
        pytest.param(numbers(0, 2), False, id="of a phone"),
        pytest.param(numbers(2, 0), True, id="of a bright picture"),
        pytest.param(numbers(1, 2, below=0), True, id="division by zero"),
        pytest.param(b"", False, id="none"),
        pytest.param(bytes(4), False, id="versions alone"),
        pytest.param(b"\0\1" + bytes(90), False, id="of a later version"),
    ],
)
def test_numbers_of_the_standard_are_read(body: bytes, bright: bool) -> None:
    """The picture that needs more light than the other is the bright one."""
    assert has_bright_base(body) is bright


def test_picture_without_hints_is_not_searched() -> None:
    """A picture after another one is left to carving."""
    second = pictures.jpeg(TARGET)
    mapped = second[:2] + xmp_segment(BRIGHT) + second[2:]

    assert lacks(pictures.jpeg(DECOY) + mapped) == []


@given(at=st.integers(0, 900), content=st.binary(max_size=40))
def test_no_bytes_raise(at: int, content: bytes) -> None:
    """Damaged metadata mean something or nothing."""
    whole = xmp_segment(BRIGHT) + jpeg_segment(0xE2, numbers(0, 2))

    changes_jpeg(whole[:at] + content + whole[at + len(content) :])
    has_bright_base(content)
