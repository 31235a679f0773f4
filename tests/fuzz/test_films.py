"""Whatever bytes of a video are changed, its frames end with values, soon.

``make fuzz`` runs more cases, as it does of pictures: see ``test_frames.py``.
"""

import io
import itertools
import os
import time
from collections.abc import Callable, Iterator
from functools import cache

import pytest
from PIL import Image

from tests.fuzz.mutations import mutated
from tests.fuzz.seeds import image
from tests.pictures.films import film, needs_av, odd_film
from uploadfilter.model import Reason
from uploadfilter.pictures.readers.videos import Video
from uploadfilter.signals.videoviews import views_of_video
from uploadfilter.signals.views import ALWAYS

FUZZ_S = float(os.environ.get("FUZZ_S", "0"))
FUZZ_START = int(os.environ.get("FUZZ_START", "0"))
CASES = 40
"""Default number of cases of each seed."""

FILM_S = 0.5
MOST_CPU_S = 2.0
"""CPU seconds that a film may take, and does at most; the second is looked at in long
runs only, since tests do not depend on the machine."""


@cache
def frames(side: int = 32) -> tuple[Image.Image, ...]:
    """Return some small frames."""
    return tuple(image(number, width=side, height=side) for number in range(4)) * 2


SEEDS: dict[str, Callable[[], bytes]] = {
    "h264-mp4": lambda: film(frames()),
    "h264-fragments": lambda: film(
        frames(), options={"movflags": "frag_keyframe+empty_moov"}
    ),
    "h264-matroska": lambda: odd_film(frames()),
    "hevc-mp4": lambda: film(frames(), codec="libx265"),
    "vp8-webm": lambda: film(frames(), codec="libvpx", form="webm"),
    "vp9-webm": lambda: film(frames(), codec="libvpx-vp9", form="webm"),
    "av1-mp4": lambda: film(frames(64), codec="libsvtav1"),
    "mpeg4-avi": lambda: film(frames(), codec="mpeg4", form="avi"),
    "mjpeg-avi": lambda: film(frames(), codec="mjpeg", form="avi", pixels="yuvj420p"),
    "tracks": lambda: film(frames(), tracks=2, form="matroska"),
}


def numbers() -> Iterator[int]:
    """Yield the numbers of the mutations to try."""
    end_s = time.process_time() + FUZZ_S / len(SEEDS)
    for number in itertools.count(FUZZ_START):
        if number >= FUZZ_START + CASES and time.process_time() > end_s:
            return
        yield number


def check(content: bytes) -> None:
    """Look at a film; whatever it gives must be views and reasons."""
    video = Video(
        io.BytesIO(content),
        clock=time.process_time,
        until_s=time.process_time() + FILM_S,
    )
    found = [it for it in views_of_video(video, types=ALWAYS, most_views=50) if it]

    assert len({it.name for it in found}) == len(found)
    assert set(video.lacks) <= {Reason.NOT_INSPECTED, Reason.VIDEO_UNFINISHED}
    assert video.percent is None or 0 <= video.percent <= 100


@needs_av
@pytest.mark.parametrize("name", SEEDS)
def test_mutated_film_is_a_value(name: str) -> None:
    """No exception leaves the reader, and no file keeps it busy."""
    content = SEEDS[name]()
    for number in numbers():
        case = mutated(content, [content], number)
        start_s = time.process_time()
        try:
            check(case)
        except BaseException as exc:
            exc.add_note(f"seed {name}, mutation {number}")
            raise
        took_s = time.process_time() - start_s
        assert not FUZZ_S or took_s < MOST_CPU_S, f"seed {name}, mutation {number}"


@needs_av
@pytest.mark.parametrize("name", SEEDS)
def test_seed_is_sound(name: str) -> None:
    """Mutations start from a film that is seen completely."""
    video = Video(io.BytesIO(SEEDS[name]()), clock=lambda: 0.0, until_s=None)

    assert list(video.moments())
    assert (video.lacks, video.percent) == ((), 100)
