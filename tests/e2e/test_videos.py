"""Videos before the installed program, with the extra that reads them and without it.

``make e2e`` makes an environment with PyAV on top of the one that all other tests use,
which has none.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from deploy.demo import running
from tests.corpus import pictures
from tests.e2e.conftest import Stage, import_set, stage, write_set
from tests.e2e.curl import put
from tests.pictures.films import film

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        "UPLOADFILTER_VIDEO_PROGRAM" not in os.environ,
        reason="`make e2e` makes the two environments",
    ),
]

LISTED, OTHER = (pictures.photograph(it, width=320, height=180) for it in (1, 2))
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
    """Return a film of 600 frames, of which one shows the listed picture."""
    frames: list[Image.Image] = [OTHER] * 600
    frames[377] = LISTED
    return film(frames)


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
    """The default policy accepts what is not inspected, and the record says so."""
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
