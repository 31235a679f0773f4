"""Videos with known frames, made by PyAV's own encoders."""

import io
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from PIL import Image

from uploadfilter.pictures.readers import videos

needs_av = pytest.mark.skipif(
    not videos.IS_THERE, reason="PyAV, the extra 'video', is not installed"
)
"""The mark of tests that read a video."""


SDR, PQ, HLG = 1, 16, 18
"""What the luma of a film means, by the numbers of ITU-T H.273: as on an ordinary
screen, and the two ways of HDR."""

_QUICKLY: Mapping[str, Mapping[str, str]] = {
    "libx264": {"preset": "ultrafast", "sc_threshold": "0"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
    "libsvtav1": {"preset": "11"},
}
"""Options with which an encoder takes a tenth of its time."""


def film(
    frames: Sequence[Image.Image],
    *,
    codec: str = "libx264",
    form: str = "mp4",
    pixels: str = "yuv420p",
    group: int = 250,
    tracks: int = 1,
    rate: int = 25,
    transfer: int = SDR,
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
            stream.options = dict(_QUICKLY.get(codec, {}))
            if transfer != SDR:
                context = stream.codec_context
                context.color_trc, context.color_range = transfer, 1
                context.color_primaries = context.colorspace = _BT2020
            streams.append(stream)
        for number, image in enumerate(frames):
            for stream in streams:
                frame = av.VideoFrame.from_image(image)
                frame.pts = number
                container.mux(stream.encode(frame))
        for stream in streams:
            container.mux(stream.encode())
    return file.getvalue()


_BT2020 = 9


def in_pq(image: Image.Image) -> Image.Image:
    """Return a picture as a film in PQ has it, with white at 203 cd/m2 (BT.2408)."""
    nits = (np.asarray(image) / 255.0) ** 2.2 * 203
    power = (nits / 10_000) ** 0.1593017578125
    signal = ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375
    return Image.fromarray((signal * 255).round().astype(np.uint8))


def odd_film(
    frames: Sequence[Image.Image],
    *,
    times: Sequence[int] | None = None,
    turned: int = 0,
    attachment: bytes = b"",
    subtitle: bytes = b"",
) -> bytes:
    """Return a Matroska video as editors and phones write it.

    Args:
        frames: Its frames.
        times: When each is shown, in hundredths of a second; else 25 a second.
        turned: Degrees by which players turn it.
        attachment: A picture that is attached to it, if any.
        subtitle: Bytes of a subtitle of Blu-ray discs, which is a picture, if any.
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
        if subtitle:
            packet = av.Packet(subtitle)
            packet.stream = container.add_mux_stream("pgssub")
            packet.pts = packet.dts = 0
            container.mux(packet)
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
