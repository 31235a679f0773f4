"""Videos with known frames, made by PyAV's own encoders."""

import io
from collections.abc import Mapping, Sequence
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
