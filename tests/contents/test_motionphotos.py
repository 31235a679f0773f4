"""Videos that phones write behind a picture."""

import pytest

from tests.corpus import pictures
from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.contents.members import UnpackLimits, UnpackMeter
from uploadfilter.contents.motionphotos import videos_behind
from uploadfilter.contents.scandata import outside_pixels
from uploadfilter.contents.source import MemorySource, PartSource

PHOTO = pictures.jpeg(pictures.photograph(1, width=64, height=64))
VIDEO = b"\0\0\0\x14ftypmp42\0\0\0\0isom" + bytes(40)
PICTURE = b"\0\0\0\x14ftypheic\0\0\0\0mif1" + bytes(40)


def offsets(content: bytes, kind: Kind) -> list[int]:
    """Return where videos may begin in a content."""
    source = MemorySource(content)
    spans = outside_pixels(source)
    return [it.offset for it in videos_behind(source, kind, spans)]


@pytest.mark.parametrize(
    ("content", "kind", "found"),
    [
        pytest.param(PHOTO + VIDEO, Kind.JPEG, [len(PHOTO)], id="jpeg"),
        pytest.param(PHOTO + b"padding" + VIDEO, Kind.JPEG, [len(PHOTO) + 7], id="gap"),
        pytest.param(PHOTO, Kind.JPEG, [], id="nothing"),
        pytest.param(PHOTO + PICTURE, Kind.JPEG, [], id="picture-behind"),
        pytest.param(PHOTO + b"ftypmp42", Kind.JPEG, [], id="no-box"),
        pytest.param(PHOTO[:-2] + VIDEO, Kind.JPEG, [], id="among-pixels"),
        pytest.param(PICTURE, Kind.HEIC, [], id="heic-itself"),
        pytest.param(
            PICTURE + b"\0\0\0\x44mpvd" + VIDEO,
            Kind.HEIC,
            [len(PICTURE) + 8],
            id="heic",
        ),
        pytest.param(b"\x89PNG" + VIDEO, Kind.PNG, [], id="png"),
        pytest.param(
            PHOTO + bytes((1 << 17) - 6) + VIDEO,
            Kind.JPEG,
            [len(PHOTO) + (1 << 17) - 6],
            id="between-stretches",
        ),
    ],
)
def test_video_is_found_by_its_first_box(
    content: bytes, kind: Kind, found: list[int]
) -> None:
    """Wherever it stands behind the pixels, and no picture is taken for one."""
    assert offsets(content, kind) == found


def test_only_the_first_of_many_places_are_looked_at() -> None:
    """A file full of beginnings is no motion photo."""
    assert len(offsets(PHOTO + VIDEO * 100, Kind.JPEG)) == 4


def test_video_reaches_to_the_end_of_the_file() -> None:
    """Its own length is not trusted."""
    source = MemorySource(PHOTO + VIDEO + b"trailer")
    (place,) = videos_behind(source, Kind.JPEG, outside_pixels(source))
    (member,) = place.members(source, UnpackMeter(UnpackLimits()))

    assert isinstance(member.content, PartSource)
    assert member.content.read(0, 99) == VIDEO + b"trailer"
