"""How much of a listed film an upload has to show."""

import random

import pytest

from tests.reference.listed import ListedGeneration
from uploadfilter.model import (
    Entry,
    EntrySignal,
    Scan,
    Signal,
    SignalRow,
    SignalType,
    View,
)
from uploadfilter.reference.search.matching import Thresholds, match_scans

VALUES = [random.Random(it).randbytes(32) for it in range(40)]  # noqa: S311 - the same


def generation(frames: int) -> ListedGeneration:
    """Return a reference set that lists a film of so many frames, and a picture."""
    film = tuple(
        EntrySignal(
            signal=Signal(type=SignalType.PDQ, value=value), window=f"film:{frames}"
        )
        for value in VALUES[:frames]
    )
    picture = Signal(type=SignalType.PDQ, value=VALUES[-1])
    entries = [
        Entry(id="film", category="A", signals=film),
        Entry(id="picture", category="A", signals=(EntrySignal(signal=picture),)),
    ]
    return ListedGeneration({"s": entries})


def scan(views: dict[str, int], path: str = "0") -> Scan:
    """Return the scan of a content whose views show frames, by their numbers."""
    made = (
        View(
            name=name,
            rows=(SignalRow(type=SignalType.PDQ, values=VALUES[number]),),
            plane=b"",
        )
        for name, number in views.items()
    )
    return Scan(path=path, kind="video", size=1, views=tuple(made))


def found(frames: int, *scans: Scan) -> set[str]:
    """Return the entries that an upload matches, if the film has so many frames."""
    matches = match_scans(
        generation(frames), scans, thresholds=Thresholds(), quality_of=lambda _: 99
    )
    return {it.entry for it in matches}


@pytest.mark.parametrize(
    ("frames", "views", "is_found"),
    [
        pytest.param(5, {"ms:0": 1, "ms:40": 3}, True, id="two-of-few"),
        pytest.param(5, {"ms:0": 1}, False, id="one-of-few"),
        pytest.param(20, {f"ms:{it}": it for it in range(4)}, True, id="a-fifth"),
        pytest.param(20, {f"ms:{it}": it for it in range(3)}, False, id="fewer"),
        pytest.param(5, {"ms:0": 1, "ms:40": 1}, False, id="one-frame-twice"),
        pytest.param(5, {"ms:0": 1, "ms:0/trim:1": 2}, False, id="one-frame-cut"),
        pytest.param(5, {"stored": 1, "white": 2}, False, id="a-picture"),
        pytest.param(5, {"frame:0": 1, "frame:1": 2}, True, id="animation"),
        pytest.param(
            5,
            {"ms:0": 1, "ms:1": 2, **{f"ms:{it}": it for it in range(10, 39)}},
            True,
            id="padded",
        ),
        pytest.param(
            10, {"ms:5": 1, "track:1/ms:5": 2}, True, id="two-tracks-at-a-time"
        ),
    ],
)
def test_film_is_found_by_a_share_of_its_frames(
    frames: int, views: dict[str, int], *, is_found: bool
) -> None:
    """A fifth of the listed frames, and at least two: others do not matter."""
    assert found(frames, scan(views)) == ({"film"} if is_found else set())


def test_frames_count_over_all_contents_of_an_upload() -> None:
    """A film may come as two files, or as pictures in an archive."""
    assert found(5, scan({"ms:0": 1}, "0"), scan({"ms:0": 2}, "1")) == {"film"}


def test_pictures_match_beside_a_film_that_is_too_short() -> None:
    """What counts for films changes nothing for pictures."""
    assert found(5, scan({"ms:0": 1, "ms:40": 39})) == {"picture"}
