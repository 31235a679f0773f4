"""Chromium shows what the list of tricks says.

Each trick of ``tests/corpus/tricks/tricks.py`` hides the target, whose PDQ and pHash a
hash set lists, behind a decoy. Chromium opens it, and a screenshot is compared with the
target. ``test_tricks.py`` holds the installed program to the same list.
"""

from collections.abc import Iterable
from pathlib import Path

import pytest
from PIL import Image

from tests.corpus.tricks import tricks
from tests.corpus.tricks.kit import Family, Shown
from tests.e2e.browser import Served, browser
from tests.e2e.hiding import hiding, table, values, view
from uploadfilter.model import SignalType, Variant
from uploadfilter.reference.search.matching import Thresholds

pytestmark = pytest.mark.e2e

PART_DISTANCE = 60
"""Bits of PDQ, of 256, up to which a screenshot shows most of the target.

Two unrelated pictures differ in about 128. A copy without its last tenth, which anybody
would recognise, differs in 40.
"""

FAR = 256
"""Bits between the target and nothing at all."""

LOOKS_AGAIN = 10
"""How often a trick is opened again that does not show what it should: beside four busy
processes one in 50 icons came in two parts, and one of those twice."""


def distance(first: bytes, second: bytes) -> int:
    """Return how many bits differ."""
    return (int.from_bytes(first) ^ int.from_bytes(second)).bit_count()


def nearest_of(distances: Iterable[int]) -> int:
    """Return the least distance; looking ends with the first that is near enough."""
    nearest = FAR
    for bits in distances:
        nearest = min(nearest, bits)
        if what_is_shown(nearest) is Shown.TARGET:
            break
    return nearest


def is_shown(bits: int) -> bool:
    """Say whether a screenshot at a distance of the target shows it whole."""
    return what_is_shown(bits) is Shown.TARGET


def what_is_shown(bits: int) -> Shown:
    """Return the picture of a screenshot at a distance from the target."""
    if bits <= Thresholds().pdq:
        return Shown.TARGET
    return Shown.PART if bits <= PART_DISTANCE else Shown.NOTHING


def test_chromium_shows_what_the_list_says(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The list says of each trick whether Chromium shows the target.

    Whether it shows a part or nothing depends on how much it paints before it gives a
    broken file up, so those two may be taken for each other.
    """
    files = hiding(tricks.TARGET_SEED, tmp_path_factory)
    target = view(tricks.photograph(tricks.TARGET_SEED))
    listed = values(target, SignalType.PDQ)[Variant.UPRIGHT]
    served = {
        trick.name: Served(
            content=files[trick.name],
            media_type=trick.media_type,
            is_document=trick.type.is_document,
            moves=trick.family in {Family.FRAMES, Family.COMBINED},
            pages=("#808080",) if trick.family is Family.ALPHA else (),
        )
        for trick in tricks.TRICKS
    }

    def distance_to(picture: Image.Image) -> int:
        seen = values(view(picture), SignalType.PDQ).values()
        return min(distance(value, listed) for value in seen)

    with browser(
        served, size=(tricks.WIDTH, tricks.HEIGHT), folder=tmp_path
    ) as chromium:
        nearest = {
            name: nearest_of(map(distance_to, chromium.pictures(name)))
            for name in served
        }
        for trick in tricks.TRICKS:
            # A busy machine may paint a picture after it was looked at, or send it in
            # parts; Chromium shows nothing of some icons.
            for _ in range(LOOKS_AGAIN):
                if trick.shown is not Shown.TARGET or is_shown(nearest[trick.name]):
                    break
                pictures = chromium.pictures(trick.name)
                nearest[trick.name] = nearest_of(map(distance_to, pictures))
    wrong = table(
        (trick.name, f"{nearest[trick.name]} bits", f"not {trick.shown!r}")
        for trick in tricks.TRICKS
        if is_shown(nearest[trick.name]) is not (trick.shown is Shown.TARGET)
    )

    assert not wrong, f"tricks of which Chromium shows something else:\n{wrong}"
