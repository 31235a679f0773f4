"""HEIC and JPEG XL, which Pillow does not read."""

import base64
import struct
import subprocess
import sys
from subprocess import PIPE

import numpy as np
import pytest
from PIL import Image

from tests.corpus import pictures
from tests.fuzz import seeds
from tests.pictures.headers.codestreams import codestream
from tests.pictures.sketches import frames, lacks, photograph
from uploadfilter.model import Reason
from uploadfilter.pictures.formats import formats_named
from uploadfilter.pictures.limits import DecodeLimits, OverBudgetError
from uploadfilter.pictures.readers.libraries import open_heif

FIRST = seeds.image(width=64, height=64)
SECOND = seeds.image(2, width=64, height=48)
HEIC = formats_named(frozenset({"heic"}))[0]


def mean_error(image: Image.Image, expected: Image.Image) -> float:
    """Return by how many grey steps two images differ on the average."""
    ours = np.asarray(image.convert("L")).astype(int)
    return float(np.abs(ours - np.asarray(expected.convert("L"))).mean())


def test_heic_shows_all_pictures_at_its_top() -> None:
    """The primary one comes first, then the others."""
    shown = frames(seeds.heic(FIRST, SECOND))

    # The second has a clean aperture, for which both are shown again as stored.
    assert [frame.full for frame in shown[:2]] == [(64, 64), (64, 48)]
    assert mean_error(shown[0].image, FIRST) < 8
    assert mean_error(shown[1].image, SECOND) < 8


def test_heic_keeps_its_alpha() -> None:
    """Four channels come as they are."""
    transparent = FIRST.copy()
    transparent.putalpha(FIRST.getchannel(1))

    (shown,) = frames(seeds.heic(transparent))

    assert shown.mode == "RGBA"
    assert mean_error(shown.image.getchannel(3), FIRST.getchannel(1)) < 8


def test_deep_heic_counts_for_more() -> None:
    """Samples of more than 8 bits take twice the memory while they are decoded."""
    content = seeds.deep_heic(FIRST)
    limits = DecodeLimits(max_decoded_bytes=64 * 64 * 20)

    with pytest.raises(OverBudgetError):
        open_heif(content, HEIC, limits).frame(0)

    assert open_heif(seeds.heic(FIRST), HEIC, limits).frame(0).full == (64, 64)


def test_heic_with_a_sequence_is_not_whole() -> None:
    """The library shows pictures only, so that more may be in it."""
    content = seeds.seed("heic") + struct.pack(">I4s", 8, b"moov")

    assert len(frames(content)) == 1
    assert lacks(content) == [Reason.KEY_FRAME_UNSEEN]


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16", "F"])
@pytest.mark.parametrize("boxes", [False, True])
def test_jxl_is_shown_in_its_mode(mode: str, *, boxes: bool) -> None:
    """Samples of every kind come as they are stored."""
    image = seeds.grey16(FIRST) if mode == "I;16" else FIRST.convert(mode)

    (shown,) = frames(seeds.jxl(image, boxes=boxes))

    assert shown.mode == mode
    assert shown.full == (64, 64)


def test_jxl_of_a_jpeg_is_decoded_as_the_jpeg() -> None:
    """The JPEG inside is scaled like any other."""
    jpeg = pictures.jpeg(pictures.photograph(3, width=1200, height=1100))
    (plain,) = frames(jpeg)

    shown, _ = frames(seeds.jxl_of_jpeg(jpeg))

    assert shown.scale == plain.scale == 2
    np.testing.assert_array_equal(np.asarray(shown.image), np.asarray(plain.image))


def test_animated_jxl_is_not_whole() -> None:
    """The library shows the last frame; a header says whether there are more."""
    still = [(1, 1), (4, 5), (1, 3), (0, 1), (1, 1), (0, 3), (0, 1), (0, 1)]

    assert lacks(codestream(*still, (1, 1))) == [
        Reason.TRUNCATED,
        Reason.KEY_FRAME_UNSEEN,
    ]
    assert lacks(codestream(*still, (0, 1))) == [Reason.TRUNCATED]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"\xff\x0a", Reason.UNDECODABLE, id="no header"),
        pytest.param(
            codestream((0, 1), (3, 2), (99_999, 30), (1, 3), (1, 1)),
            Reason.TOO_MANY_PIXELS,
            id="huge",
        ),
        pytest.param(
            pictures.truncated(seeds.seed("jxl"), kept=0.5),
            Reason.TRUNCATED,
            id="truncated",
        ),
    ],
)
def test_bad_jxl_gives_a_reason(content: bytes, reason: Reason) -> None:
    """A header that cannot be read, or says too much, is the end."""
    assert lacks(content) == [reason]


_OPENED = """
import io, sys
from PIL import Image
import uploadfilter.scanners.inside.worker
try:
    Image.open(io.BytesIO(sys.stdin.buffer.read()))
except OSError as exc:
    print(exc)
"""


def test_pillow_never_learns_of_the_other_libraries() -> None:
    """A file of theirs can only be opened by calling them.

    Looked at in a process of its own: Pillow may be told of them by a test.
    """
    for name in ("jxl", "heic"):
        assert formats_named(frozenset({name}))[0].pillow == ()
    done = subprocess.run(  # noqa: S603  # this Python
        [sys.executable, "-c", _OPENED],
        input=seeds.seed("heic"),
        stdout=PIPE,
        check=True,
    )
    assert b"identify" in done.stdout


_DEEP_GREY = (
    "AAAADEpYTCANCocKAAAAFGZ0eXBqeGwgAAAAAGp4bCAAAAAJanhsbAoAAAE8anhsY/8Ky/Aj+AEo"
    "bgQIEBAAkARLEiuhegEFMAAA4D6MBx/3FQRBUEhSUFAsih9r9YoxmPAxePwYrP9dyzRyIQBAQAhg"
    "AIATJgavu14HCxYsWLBgwYIFCxYsWLC9SmDBggULFixYsGDBggULlqwRLFiwYMGCBQsWLFiwYMG+"
    "cIIFCxYsWLBgwXacQUNDQ0NDQ0NDQ0NDQ0NDQ0dQQkNDQ0NDQ0NDQ0NDQ0NDQ0NDQ0P/UEFDQ0ND"
    "Q0NDQ0NDQ0NDQ0NDQ0M7YUJDQ0NDQ0NDE0EAQRBBEEEAQRBBEEEAQRBBEEEAQRBBEEEAQRBBEEEA"
    "QRBBEEFAQRBBAEEsQfwTdvrWBJFu6/uj9jgIPBJJEV4p+Kp2Uvlm7XmLi4WakWJyWEU/5kYVW8q9"
    "QibybokWke3KYQIX2CYo"
)
"""Base64 of a JPEG XL by ``cjxl`` 0.11, as the library here writes none. Grey grows
by 1,000 from left to right, alpha falls by 1,200 from the top, in 16 bits."""


def test_deep_grey_with_alpha_is_read_in_8_bits() -> None:
    """The library calls its samples of 16 bits by the name of those of 8."""
    (frame,) = frames(base64.b64decode(_DEEP_GREY))

    grey, alpha = (np.asarray(band) for band in frame.image.split())
    assert (frame.mode, frame.size) == ("LA", (64, 48))
    np.testing.assert_array_equal(grey[5], np.arange(64) * 1000 >> 8)
    np.testing.assert_array_equal(alpha[:, 5], 65_535 - np.arange(48) * 1200 >> 8)


def test_packed_jpeg_and_what_viewers_show_are_two_frames() -> None:
    """A box beside the samples may make any JPEG of them."""
    jpeg = pictures.jpeg(photograph(4, 160, 120))

    first, second = frames(seeds.jxl_of_jpeg(jpeg))

    difference = np.asarray(first.image.convert("L"), np.int16)
    difference = difference - np.asarray(second.image.convert("L"))
    assert np.abs(difference).mean() < 2
