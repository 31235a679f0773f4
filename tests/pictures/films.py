"""Videos with known frames, made by PyAV's own encoders."""

import io
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import pytest
from PIL import Image

from uploadfilter.pictures.readers import videos

needs_av = pytest.mark.skipif(
    not videos.IS_THERE, reason="PyAV, the extra 'video', is not installed"
)
"""The mark of tests that read a video."""


def film(
    frames: Sequence[Image.Image],
    *,
    codec: str = "libx264",
    form: str = "mp4",
    pixels: str = "yuv420p",
    group: int = 250,
    tracks: int = 1,
    rate: int = 25,
    options: Mapping[str, str] | None = None,
) -> bytes:
    """Return a video of frames, each shown for a ``rate``-th of a second."""
    av = pytest.importorskip("av")
    file = io.BytesIO()
    with av.open(file, "w", format=form, options=dict(options or {})) as container:
        streams: list[Any] = []
        for _ in range(tracks):
            stream = container.add_stream(codec, rate=rate)
            stream.width, stream.height = frames[0].size
            stream.pix_fmt, stream.gop_size = pixels, group
            if codec == "libx264":
                stream.options = {"preset": "ultrafast", "sc_threshold": "0"}
            streams.append(stream)
        for number, image in enumerate(frames):
            for stream in streams:
                frame = av.VideoFrame.from_image(image)
                frame.pts = number
                container.mux(stream.encode(frame))
        for stream in streams:
            container.mux(stream.encode())
    return file.getvalue()


def odd_film(
    frames: Sequence[Image.Image],
    *,
    times: Sequence[int] | None = None,
    turned: int = 0,
    attachment: bytes = b"",
) -> bytes:
    """Return a Matroska video as editors and phones write it.

    Args:
        frames: Its frames.
        times: When each is shown, in hundredths of a second; else 25 a second.
        turned: Degrees by which players turn it.
        attachment: A picture that is attached to it, if any.
    """
    av = pytest.importorskip("av")
    file = io.BytesIO()
    with av.open(file, "w", format="mov" if turned else "matroska") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height = frames[0].size
        stream.pix_fmt = "yuv420p"
        stream.options = {"preset": "ultrafast", "bf": "2"}
        stream.codec_context.time_base = Fraction(1, 100)
        if turned:
            stream.set_display_rotation(turned)
        if attachment:
            container.add_attachment("cover.png", "image/png", attachment)
        for number, image in enumerate(frames):
            frame = av.VideoFrame.from_image(image)
            frame.pts = 4 * number if times is None else times[number]
            frame.time_base = Fraction(1, 100)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return file.getvalue()


def sound() -> bytes:
    """Return an MP4 that holds only a sound: its brand does not say so."""
    av = pytest.importorskip("av")
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=48_000)
        stream.layout = "mono"
        for number in range(50):
            frame = av.AudioFrame(format="fltp", layout="mono", samples=1024)
            frame.planes[0].update(bytes(frame.planes[0].buffer_size))
            frame.sample_rate, frame.pts = 48_000, 1024 * number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return file.getvalue()
