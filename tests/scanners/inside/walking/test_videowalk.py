"""Videos in a walk: which frames are seen, their cost, and the reasons."""

import io
import subprocess
import sys
import zipfile

import numpy as np
import pillow_heif
import pytest

from tests.corpus import pictures
from tests.pictures.films import HLG, PQ, film, in_pq, needs_av, odd_film, sound
from tests.repository import ROOT
from tests.scanners.scans import parts_of, scanned
from uploadfilter.model import Reason, Scan, SignalType
from uploadfilter.pictures.picture import Picture, Shape
from uploadfilter.scanners.wire.budgets import Budgets
from uploadfilter.scanners.wire.messages import ProcessKind
from uploadfilter.signals.views import view_of

LISTED, *OTHERS = (pictures.photograph(it, width=192, height=128) for it in range(4))
FRAMES = OTHERS * 10


def bits_of(value: bytes) -> int:
    """Return a value as a number."""
    return int.from_bytes(value, "big")


def is_found(scan: Scan) -> bool:
    """Return whether a view anywhere in a scan is near the listed picture, turned."""
    plane = np.asarray(LISTED.convert("L"))
    height, width = plane.shape
    whole = Picture(plane=plane, shape=Shape(height=height, width=width, scale=1))
    listed = bits_of(view_of(whole, name="stored").value(SignalType.PDQ) or b"")
    return any(
        (bits_of(each.signal.value) ^ listed).bit_count() <= 31
        for part in scan.walk()
        for view in part.views
        for each in view.signals
        if each.signal.type is SignalType.PDQ
    )


def heic(picture: bytes) -> bytes:
    """Return a HEIC, and behind it a video in a box, as some phones write it."""
    out = io.BytesIO()
    pillow_heif.from_pillow(OTHERS[0]).save(out)
    return out.getvalue() + (8 + len(picture)).to_bytes(4, "big") + b"mpvd" + picture


def packed(content: bytes) -> bytes:
    """Return a content in a zip."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a film", content)
    return out.getvalue()


SHOWN = [*FRAMES[:17], LISTED, *FRAMES[17:]]


@needs_av
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(lambda: film(SHOWN), id="mp4"),
        pytest.param(lambda: film([OTHERS[0]] * 600 + [LISTED]), id="last-of-many"),
        pytest.param(
            lambda: film(SHOWN, form="matroska", pixels="yuv420p10le"), id="ten-bit"
        ),
        pytest.param(
            lambda: film(SHOWN, pixels="yuv420p10le", transfer=HLG), id="hdr-hlg"
        ),
        pytest.param(
            lambda: film(
                [in_pq(it) for it in SHOWN], pixels="yuv420p10le", transfer=PQ
            ),
            id="hdr-pq",
        ),
        pytest.param(
            lambda: film(SHOWN, options={"movflags": "frag_keyframe+empty_moov"}),
            id="fragments",
        ),
        pytest.param(lambda: film(SHOWN, tracks=2), id="two-tracks"),
        pytest.param(lambda: odd_film(SHOWN, turned=90), id="turned"),
        pytest.param(
            lambda: odd_film(SHOWN, times=[it * it for it in range(len(SHOWN))]),
            id="variable-rate",
        ),
        pytest.param(
            lambda: odd_film(SHOWN, attachment=pictures.png(OTHERS[0])), id="attachment"
        ),
        pytest.param(
            lambda: odd_film(FRAMES, attachment=pictures.png(LISTED)), id="attached"
        ),
        pytest.param(
            lambda: odd_film(SHOWN, subtitle=b"\x80\0\0"), id="drawn-subtitles"
        ),
        pytest.param(lambda: packed(film(SHOWN)), id="zip"),
        pytest.param(
            lambda: pictures.jpeg(OTHERS[0]) + film(SHOWN), id="motion-photo-jpeg"
        ),
        pytest.param(lambda: heic(film(SHOWN)), id="motion-photo-heic"),
    ],
)
def test_listed_picture_is_found_in_a_video(content: object) -> None:
    """One frame is enough, and nothing else of an ordinary video is missing."""
    assert callable(content)
    scan = scanned(content())

    assert is_found(scan)
    assert {reason for it in scan.walk() for reason in it.reasons} == set()
    assert {it.seen_percent for it in scan.walk() if it.kind == "video"} == {100}


@needs_av
def test_half_of_a_video_is_compared() -> None:
    """Browsers play as much as has come."""
    content = film([LISTED, *FRAMES * 4], form="matroska", group=10)
    scan = scanned(content[: len(content) // 2])

    assert is_found(scan)
    assert set(scan.reasons) <= {Reason.VIDEO_UNFINISHED}


@needs_av
def test_file_that_holds_only_sound_is_complete() -> None:
    """It has no frame that could be missing."""
    scan = scanned(sound())

    assert (scan.kind, scan.reasons, scan.seen_percent) == ("video", (), None)


@needs_av
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"FLV\1\5\0\0\0\t\0\0\0\0" + bytes(200), id="another-form"),
        pytest.param(b"\0\0\0\x14ftypisom\0\0\0\0mp42" + bytes(200), id="broken"),
    ],
)
def test_video_that_is_not_opened_is_not_inspected(content: bytes) -> None:
    """Some player may show it."""
    scan = scanned(content)

    assert (scan.reasons, scan.seen_percent) == ((Reason.NOT_INSPECTED,), None)


@needs_av
def test_video_without_time_is_unfinished() -> None:
    """A short time ends the frames, and not the upload: the share is on record."""
    scan = scanned(film(FRAMES * 10), cpu_s=0.1)

    assert scan.reasons == (Reason.VIDEO_UNFINISHED,)
    assert scan.seen_percent is not None
    assert scan.seen_percent < 100


@needs_av
def test_videos_take_half_of_the_signals_that_are_left() -> None:
    """So no number of them makes an upload cost too much for the policy."""
    content = packed(film([LISTED, *FRAMES], rate=1))
    scan = scanned(content, budgets=Budgets(max_upload_signals=320))

    assert Reason.TOO_MANY_SIGNALS not in {it.reason for it in scan.walk()}
    assert [it.reasons for it in scan.contents] == [(Reason.VIDEO_UNFINISHED,)]


@needs_av
def test_video_is_read_by_a_process_of_its_own() -> None:
    """Its decoders are many, and a picture that follows must not meet them."""
    (reply,) = parts_of(film(OTHERS), process=ProcessKind.COMMON)

    assert reply.needs is ProcessKind.ALONE


WITHOUT = """
import sys

sys.modules["av"] = None
from tests.corpus import pictures
from tests.scanners.scans import scanned

film = b"\\0\\0\\0\\x14ftypisom\\0\\0\\0\\0mp42" + bytes(200)
photo = pictures.jpeg(pictures.photograph(1, width=64, height=64))
print([[each.reasons for each in scanned(it).walk()] for it in (film, photo + film)])
"""
"""A program that scans a video and a motion photo, in which PyAV cannot be loaded."""


def test_without_the_extra_videos_are_not_inspected() -> None:
    """A motion photo is what it was: a picture, and bytes behind it."""
    result = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", WITHOUT],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )

    assert result.stdout.strip() == str([[(Reason.NOT_INSPECTED,)], [(), ()]])
