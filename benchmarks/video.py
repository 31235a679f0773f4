"""What do the frames of a video cost, and how long has a picture to be shown in it?

Films pan over a photograph; ten other pictures are shown in each, at times of no
pattern, for a second or for 0.2 of one. A film is scanned within the CPU time that its
length gives; the seconds for all of it and for its frames alone stand beside those in
which FFmpeg decodes every frame, in the same thread.

Its other parts are in ``films.py``. Needs the extra ``video``, and PyAV's own encoders.
"""

import io
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av
from PIL import Image

from benchmarks import films
from benchmarks.harness import Aim, Options, Report
from tests.corpus import pictures
from tests.evidence.seen import value_of
from tests.pictures.films import film
from tests.scanners.scans import scanned
from uploadfilter.model import Scan, SignalType
from uploadfilter.pictures.readers.videos import Video
from uploadfilter.scanners.wire.budgets import Budgets

PACKAGES = ("av",)
SEED = 143
WIDTH, HEIGHT, RATE = 640, 360, 25
FILM_S, QUICK_FILM_S = 30, 30
SHOWN_S = (1.0, 0.2)
LISTED = 10
REPEATS = 3
THRESHOLD_BITS = 31
MOST_DECODING = 1.2
"""Times the CPU of FFmpeg's own decoding of the same frames."""

CODECS = (
    ("H.264", "libx264", "mp4", 250),
    ("H.264, a second a group", "libx264", "mp4", 25),
    ("HEVC", "libx265", "mp4", 250),
    ("VP8", "libvpx", "webm", 128),
    ("VP9", "libvpx-vp9", "webm", 128),
    ("AV1", "libsvtav1", "mp4", 160),
    ("MPEG-4", "mpeg4", "avi", 12),
)
"""Name, encoder, form, and frames between intra-coded ones."""


def measure_codecs(options: Options, _folder: Path) -> Report:
    """Scan a film of each codec."""
    film_s = QUICK_FILM_S if options.quick else FILM_S
    rows: list[dict[str, object]] = []
    worst = 0.0
    for name, encoder, form, group in CODECS[:1] if options.quick else CODECS:
        for shown_s in SHOWN_S:
            listed, frames = _frames(film_s, shown_s)
            content = film(frames, codec=encoder, form=form, group=group, rate=RATE)
            row, ratio = _measured(content, listed)
            worst = max(worst, ratio)
            rows.append({"codec": name, "shown_s": shown_s, **row})
    aim = Aim(text="CPU of frames beside FFmpeg's", measured=worst, most=MOST_DECODING)
    return Report(rows=rows, aims=[aim])


def _frames(film_s: int, shown_s: float) -> tuple[list[Image.Image], list[Image.Image]]:
    """Return the listed pictures, and the frames of a film that shows them."""
    rng = random.Random(SEED)  # noqa: S311 - the same films every time
    scene = pictures.photograph(SEED, width=2 * WIDTH, height=2 * HEIGHT)
    listed = [
        pictures.photograph(SEED + 1 + it, width=WIDTH, height=HEIGHT)
        for it in range(LISTED)
    ]
    frames = []
    for number in range(film_s * RATE):
        left, top = (3 * number) % WIDTH, (2 * number) % HEIGHT
        frames.append(scene.crop((left, top, left + WIDTH, top + HEIGHT)))
    each, count = len(frames) // LISTED, int(shown_s * RATE)
    for number, picture in enumerate(listed):
        begin = number * each + rng.randrange(each - count)
        frames[begin : begin + count] = [picture] * count
    return listed, frames


def _measured(
    content: bytes, listed: list[Image.Image]
) -> tuple[dict[str, object], float]:
    """Return the figures of a film, and the cost of its frames beside FFmpeg's."""
    budgets = Budgets()
    cpu_s = budgets.content_cpu_s + budgets.allowance(len(content))
    begun_s = time.process_time()
    scan = scanned(content, cpu_s=cpu_s)
    scan_s = time.process_time() - begun_s
    count, frames_s = _least(lambda: _taken(content))
    decoded, ffmpeg_s = _least(lambda: sum(1 for _ in _decoded(content)))
    if count != decoded:
        raise AssertionError(f"{count} frames, where FFmpeg gives {decoded}")
    ratio = frames_s / ffmpeg_s
    row: dict[str, object] = {
        "bytes": len(content),
        "found": sum(_is_found(scan, it) for it in listed),
        "of": len(listed),
        "seen_percent": scan.seen_percent,
        "views": len(scan.views),
        "scan_s": round(scan_s, 3),
        "frames_s": round(frames_s, 3),
        "ffmpeg_s": round(ffmpeg_s, 3),
        "of_ffmpeg": round(ratio, 2),
    }
    return row, ratio


def _least(call: Callable[[], int]) -> tuple[int, float]:
    """Return a result, and the least CPU seconds of some calls: others are busy too."""
    made = [_timed(call) for _ in range(REPEATS)]
    return made[0][0], min(seconds for _, seconds in made)


def _timed(call: Callable[[], int]) -> tuple[int, float]:
    begun_s = time.process_time()
    return call(), time.process_time() - begun_s


def _taken(content: bytes) -> int:
    video = Video(io.BytesIO(content), clock=lambda: 0.0, until_s=None)
    return sum(1 for _ in video.moments())


def _decoded(content: bytes) -> Iterator[object]:
    with av.open(io.BytesIO(content)) as container:
        stream = container.streams.video[0]
        stream.thread_count, stream.thread_type = 1, "NONE"
        yield from container.decode(stream)


def _is_found(scan: Scan, picture: Image.Image) -> bool:
    listed = int.from_bytes(value_of(picture), "big")
    values = (view.value(SignalType.PDQ) or b"" for view in scan.views)
    return any(
        (int.from_bytes(it, "big") ^ listed).bit_count() <= THRESHOLD_BITS
        for it in values
    )


PARTS = {
    "codecs": measure_codecs,
    "packages": films.measure_packages,
    "vpdq": films.measure_vpdq,
}
