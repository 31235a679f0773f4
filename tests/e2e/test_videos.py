"""Videos before the installed program, with the extra that reads them and without it.

Chromium plays films of each codec, and says which frame is shown at a time.

``make e2e`` makes an environment with PyAV on top of the one that all other tests use,
which has none.
"""

import json
import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from deploy.demo import running
from tests.corpus import pictures
from tests.e2e.browser import Served, browser
from tests.e2e.conftest import Stage, import_set, stage, write_set
from tests.e2e.curl import put
from tests.e2e.hiding import values, view
from tests.pictures.films import HLG, PQ, film, in_pq, odd_film
from uploadfilter.model import SignalType

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        "UPLOADFILTER_VIDEO_PROGRAM" not in os.environ,
        reason="`make e2e` makes the two environments",
    ),
]

LISTED, OTHER = (pictures.photograph(it, width=320, height=192) for it in (1, 2))
MIDDLE_S = 1.02
"""In the middle of the frame that is shown from one second on, at 25 a second."""

PLAYED = frozenset({"h264.mp4", "h264-pq.mp4", "vp8.webm", "vp9.webm", "av1.mp4"})
"""Films that Chromium of Debian plays; HEVC only where its hardware does."""

VIDEO_TYPE = ("-H", "Content-Type: video/mp4")


@pytest.fixture
def with_av(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the program with the extra ``video``."""
    program = os.environ["UPLOADFILTER_VIDEO_PROGRAM"]
    monkeypatch.setenv("UPLOADFILTER_PROGRAM", program)


@pytest.fixture
def site(state: Path, tmp_path: Path) -> Iterator[Stage]:
    """Run a proxy that rejects a listed picture."""
    hash_set = write_set(tmp_path / "demo.jsonl", pictures.png(LISTED))
    import_set(state, hash_set, enforced=True)
    with stage(tmp_path, "--mode", "enforce") as site:
        yield site


def long_film() -> bytes:
    """Return a film of 600 frames, of which one shows the listed picture.

    The bytes behind it are of a box that players skip. They give it ten times the CPU
    time that it takes, since other tests make the machine slow.
    """
    frames: list[Image.Image] = [OTHER] * 600
    frames[377] = LISTED
    return film(frames) + struct.pack(">I4s", _PADDING, b"free").ljust(_PADDING, b"\0")


_PADDING = 16 << 20


def sent(site: Stage) -> tuple[int, dict[str, Any]]:
    """Upload the film; return the status, and the record of the decision."""
    answer = put(site.url("/files/film.mp4"), long_film(), *VIDEO_TYPE)
    (record,) = site.log("--records", "decision")
    return answer.status, record


def scanners_of_doctor(state: Path) -> dict[str, str]:
    """Return what ``doctor`` says of scanners: each text, and its grade."""
    done = running.run_program("doctor", "--json", state=state, may_fail=True)
    checks = json.loads(done.stdout)["checks"]
    return {it["text"]: it["grade"] for it in checks if it["area"] == "scanners"}


@pytest.mark.usefixtures("with_av")
def test_listed_picture_as_one_frame_is_rejected(site: Stage) -> None:
    """The record says when it is shown, and nothing reaches the origin."""
    status, record = sent(site)
    times_s = {it["frame_s"] for it in record["matches"]}

    assert status == 403
    assert (record["verdict"], record["effect"]) == ("MATCH", "REJECT")
    assert times_s == {15.08}
    assert site.published() == {}


def test_without_the_extra_videos_pass_with_their_reason(site: Stage) -> None:
    """The default policy accepts such a video, and the record says why."""
    status, record = sent(site)

    assert status == 201
    assert (record["verdict"], record["effect"]) == ("INCONCLUSIVE", "ACCEPT")
    assert record["reason"] == "not_inspected"
    assert set(site.published()) == {"film.mp4"}


@pytest.mark.parametrize("has_av", [True, False])
def test_doctor_says_whether_videos_are_read(
    state: Path, request: pytest.FixtureRequest, *, has_av: bool
) -> None:
    """An operator who forgot the extra is warned."""
    if has_av:
        request.getfixturevalue("with_av")
    found = scanners_of_doctor(state)

    assert any("video" in it for it in found)
    assert set(found.values()) == ({"ok"} if has_av else {"ok", "warning"})


@pytest.mark.usefixtures("with_av")
@pytest.mark.parametrize(("shown", "status"), [(2, 403), (1, 201)])
def test_part_of_a_listed_film_is_rejected(
    state: Path, tmp_path: Path, *, shown: int, status: int
) -> None:
    """A list of ThreatExchange holds ten frames: a fifth is enough, amid others."""
    scenes = [pictures.photograph(it, width=320, height=192) for it in range(20, 30)]
    (tmp_path / "list.json").write_text(json.dumps({"data": [vpdq(scenes)]}))
    import_set(state, tmp_path / "list.json", enforced=True)
    content = film([OTHER, *scenes[:shown], LISTED], rate=1)
    with stage(tmp_path, "--mode", "enforce") as site:
        answer = put(site.url("/files/film.mp4"), content, *VIDEO_TYPE)
        (record,) = site.log("--records", "decision")
    matched = {(it["entry"], it["frame_s"]) for it in record["matches"]}

    assert answer.status == status
    assert matched == ({("7", 1.0), ("7", 2.0)} if status == 403 else set())


def vpdq(frames: Sequence[Image.Image]) -> dict[str, str]:
    """Return an indicator of ThreatExchange that lists a film, a frame a second."""
    found = [next(iter(values(view(it), SignalType.PDQ).values())) for it in frames]
    texts = [f"{it.hex()},100,{second}.0" for second, it in enumerate(found)]
    return {"id": "7", "type": "HASH_VIDEO_VPDQ", "indicator": json.dumps(texts)}


def films() -> dict[str, bytes]:
    """Return films whose frame at one second shows the listed picture, by name."""
    frames = [OTHER] * 25 + [LISTED] + [OTHER] * 14
    in_hdr = [in_pq(it) for it in frames]
    return {
        "h264.mp4": film(frames),
        "h264-fragments.mp4": film(frames, options={"movflags": "frag_keyframe"}),
        "h264-turned.mp4": odd_film(frames, turned=90),
        "h264-10-bits.mp4": film(frames, pixels="yuv420p10le"),
        "hevc.mp4": film(frames, codec="libx265"),
        "vp8.webm": film(frames, codec="libvpx", form="webm"),
        "vp9.webm": film(frames, codec="libvpx-vp9", form="webm"),
        "av1.mp4": film(frames, codec="libsvtav1"),
        "av1-hlg.mp4": film(
            frames, codec="libsvtav1", pixels="yuv420p10le", transfer=HLG
        ),
        "av1-pq.mp4": film(
            in_hdr, codec="libsvtav1", pixels="yuv420p10le", transfer=PQ
        ),
        "h264-pq.mp4": film(in_hdr, pixels="yuv420p10le", transfer=PQ),
    }


def in_chromium(files: Mapping[str, bytes], folder: Path) -> dict[str, int]:
    """Return the bits between the listed picture and the frame at one second.

    Args:
        files: Films by name; those that Chromium does not play are left out.
        folder: For its profile.
    """
    media_type = "application/octet-stream"
    served = {
        name: Served(content=content, media_type=media_type)
        for name, content in files.items()
    }
    with browser(served, size=(400, 400), folder=folder) as chromium:
        shown = {name: chromium.frame(name, time_s=MIDDLE_S) for name in files}
    return {name: distance(it) for name, it in shown.items() if it is not None}


def distance(shown: Image.Image) -> int:
    """Return the bits between the listed picture, turned as may be, and a picture."""
    (seen, *_) = values(view(shown), SignalType.PDQ).values()
    listed = values(view(LISTED), SignalType.PDQ).values()
    number = int.from_bytes(seen, "big")
    return min((int.from_bytes(it, "big") ^ number).bit_count() for it in listed)


@pytest.mark.usefixtures("with_av")
def test_frame_that_chromium_shows_is_found(state: Path, tmp_path: Path) -> None:
    """Of each codec that it plays, at the time that it shows the frame."""
    import_set(state, write_set(tmp_path / "demo.jsonl", pictures.png(LISTED)))
    (tmp_path / "films").mkdir()
    files = films()
    for name, content in files.items():
        (tmp_path / "films" / name).write_bytes(content)
    command = ("scan", "--json", str(tmp_path / "films"))
    done = running.run_program(*command, state=state, may_fail=True)
    scans = map(json.loads, done.stdout.splitlines())
    found = {
        Path(scan["path"]).name: {it["frame_s"] for it in scan["matches"]}
        for scan in scans
    }
    bits = in_chromium(files, tmp_path / "profile")

    assert set(bits) >= PLAYED
    assert {name: it for name, it in bits.items() if it > 31} == {}
    assert found == {name: {1.0} for name in files}
