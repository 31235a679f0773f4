"""Frames of videos."""

import io

import pytest

from tests.corpus import pictures
from tests.pictures.films import film, needs_av
from uploadfilter.model import Reason
from uploadfilter.pictures.readers.videos import Video

FRAMES = [pictures.photograph(seed, width=96, height=64) for seed in range(4)] * 15


def clock() -> float:
    """Return a time at which nothing ever ends."""
    return 0.0


def opened(content: bytes, *, until_s: float | None = None) -> Video:
    """Open a video."""
    return Video(io.BytesIO(content), clock=clock, until_s=until_s)


@needs_av
@pytest.mark.parametrize(
    ("codec", "form", "pixels"),
    [
        pytest.param("libx264", "mp4", "yuv420p", id="h264"),
        pytest.param("libx264", "matroska", "yuv420p10le", id="ten-bit"),
        pytest.param("libvpx", "webm", "yuv420p", id="vp8"),
        pytest.param("libvpx-vp9", "webm", "yuv420p", id="vp9"),
        pytest.param("mpeg4", "avi", "yuv420p", id="mpeg4"),
        pytest.param("mjpeg", "avi", "yuvj420p", id="mjpeg"),
    ],
)
def test_every_frame_of_a_short_video_is_read(
    codec: str, form: str, pixels: str
) -> None:
    """The luma of each frame comes with its time."""
    video = opened(film(FRAMES, codec=codec, form=form, pixels=pixels))
    times_s = {round(it.time_s, 2) for it in video.moments()}

    assert len(times_s) == len(FRAMES)
    assert video.lacks == ()
    assert video.percent == 100


@needs_av
@pytest.mark.parametrize("tracks", [1, 2])
def test_fragmented_video_is_read(tracks: int) -> None:
    """Its tables stand amid the frames, and each track is read."""
    content = film(FRAMES, tracks=tracks, options={"movflags": "frag_keyframe"})
    video = opened(content)

    assert {it.track for it in video.moments()} == set(range(tracks))
    assert video.lacks == ()


@needs_av
def test_video_that_is_cut_off_is_read_up_to_its_end() -> None:
    """What was seen counts, as browsers play that much."""
    content = film(FRAMES, form="matroska", group=10)
    video = opened(content[: len(content) // 2])

    assert list(video.moments())


@needs_av
def test_video_without_time_is_not_seen() -> None:
    """A budget that is spent leaves a share below all."""
    video = opened(film(FRAMES), until_s=-1.0)

    assert not list(video.moments())
    assert video.lacks == (Reason.VIDEO_UNFINISHED,)
    assert video.percent == 0


@needs_av
def test_tables_that_announce_too_many_frames_are_not_opened() -> None:
    """FFmpeg would allocate memory for frames without a byte in the file."""
    content = film(FRAMES)
    at = content.index(b"stsz") + 12
    video = opened(content[:at] + b"\x7f\xff\xff\xff" + content[at + 4 :])

    assert not list(video.moments())
    assert video.lacks == (Reason.NOT_INSPECTED,)
