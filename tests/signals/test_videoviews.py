"""Views of videos."""

import io
import struct

import numpy as np

from tests.corpus import pictures
from tests.pictures.films import PQ, film, in_pq, needs_av
from uploadfilter.model import Reason, SignalType, View
from uploadfilter.pictures.picture import Picture, Shape
from uploadfilter.pictures.readers.videos import Video
from uploadfilter.signals.videoviews import views_of_video
from uploadfilter.signals.views import ALWAYS, view_of

LISTED, OTHER = (pictures.photograph(it, width=192, height=128) for it in (1, 2))


def views(content: bytes, most_views: int = 99) -> tuple[list[View], Video]:
    """Return the views of a video, and the video."""
    video = Video(io.BytesIO(content), clock=lambda: 0.0, until_s=None)
    found = views_of_video(video, types=ALWAYS, most_views=most_views)
    return [view for view in found if view is not None], video


def distance(view: View) -> int:
    """Return the bits between a view and the listed picture."""
    plane = np.asarray(LISTED.convert("L"))
    height, width = plane.shape
    whole = Picture(plane=plane, shape=Shape(height=height, width=width, scale=1))
    listed = view_of(whole, name="stored").value(SignalType.PDQ) or b""
    value = view.value(SignalType.PDQ) or b""
    return (int.from_bytes(listed, "big") ^ int.from_bytes(value, "big")).bit_count()


@needs_av
def test_listed_picture_is_found_as_one_frame_of_many() -> None:
    """Even between intra-coded frames, of which there is one here."""
    frames = [OTHER] * 600
    frames[377] = LISTED
    found, video = views(film(frames))

    assert video.lacks == ()
    assert min(map(distance, found)) <= 31
    assert next(it.name for it in found if distance(it) <= 31) == "ms:15080"


@needs_av
def test_hdr_is_compared_as_screens_show_it() -> None:
    """PQ is far from a listed picture; programs without HDR show it as stored."""
    content = film([in_pq(LISTED)], pixels="yuv420p10le", transfer=PQ)
    found, _ = views(content)
    bits = {view.name: distance(view) for view in found}

    assert bits["ms:0"] <= 6
    assert 16 <= bits["ms:0/pq"] <= 31


@needs_av
def test_frames_without_news_are_dropped() -> None:
    """Of fifty frames of a still scene a few are left, and of black none."""
    still, _ = views(film([OTHER] * 50))
    black, _ = views(film([pictures.flat(width=192, height=128)] * 50))

    assert 1 <= len({it.name.partition("/")[0] for it in still}) <= 3
    assert black == []


@needs_av
def test_video_with_too_many_views_is_not_seen_whole() -> None:
    """What does not fit is missing, and the video says so."""
    found, video = views(film([LISTED, OTHER] * 3, rate=1), most_views=1)

    assert len(found) == 1
    assert video.lacks == (Reason.VIDEO_UNFINISHED,)


@needs_av
def test_frames_that_change_little_are_looked_at_four_times_a_second() -> None:
    """A camera that moves slowly does not cost signals of every frame."""
    scene = pictures.photograph(3, width=400, height=300)
    frames = [scene.crop((at, 0, at + 192, 128)) for at in range(25) for _ in "abc"]
    found, video = views(film(frames))
    whole = [it for it in found if "/" not in it.name]

    assert video.lacks == ()
    assert 6 <= len(whole) <= 20


@needs_av
def test_frames_may_change_their_size() -> None:
    """Recorded calls do so with the connection."""
    small, both = (
        film(frames, form="avi", codec="mjpeg", pixels="yuvj420p", rate=1)
        for frames in ([LISTED.resize((96, 64))], [OTHER] * 2)
    )
    # The small frame takes the place of the second one.
    begin, end = small.index(b"\xff\xd8"), small.rindex(b"\xff\xd9") + 2
    place = both.index(b"\xff\xd8", both.index(b"\xff\xd9"))
    content = both[:place] + small[begin:end] + both[place + end - begin :]
    found, _ = views(content)

    assert min(map(distance, found)) <= 31


@needs_av
def test_frames_that_are_shown_at_one_time_are_all_seen() -> None:
    """A file may say of every frame that it is shown at the same moment."""
    content = film([OTHER, LISTED] * 3, form="avi", codec="mjpeg", pixels="yuvj420p")
    rate = content.index(b"vids") + 20  # the scale and the rate of the stream
    content = content[:rate] + struct.pack("<II", 1, 1_000_000) + content[rate + 8 :]
    found, _ = views(content)

    assert min(map(distance, found)) <= 31
