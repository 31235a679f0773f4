"""Chromium shows what the list of tricks says, and the installed program finds it.

Each trick of ``tests/corpus/tricks/tricks.py`` hides the target behind a decoy.
Chromium opens it, and a screenshot is compared with the target. A hash set lists the
looks of the target, and those of a picture that is in no trick. No trick is left out:
tricks that the program cannot find are named in ``docs/limits.md``. Both tests stand
here so that one process makes the files, which takes a minute. Chromium shows one trick
of each kind, and all of them in the night: no change of ours alters what it shows.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from deploy.demo import running
from tests.corpus.tricks import tricks
from tests.corpus.tricks.kit import Expected, Family, Shown, Trick
from tests.e2e.browser import Served, browser
from tests.e2e.conftest import import_set
from tests.e2e.hiding import table, values, view
from uploadfilter.model import SignalType, Variant
from uploadfilter.reference.search.matching import Thresholds
from uploadfilter.signals import pdq

pytestmark = pytest.mark.e2e

MISSES: Mapping[str, str] = {}
"""Tricks that the program misses, and why. One that it finds must leave this table."""

LISTED = {"target": tricks.TARGET_SEED, "other": tricks.OTHER_SEED}
"""The entries of the hash set, and the seeds of their pictures."""

SCAN_S = 600
"""Seconds that the program may take for all tricks, on a busy machine."""


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


@dataclass(frozen=True, slots=True)
class Answer:
    """What the program says of a file.

    Attributes:
        verdict: Its verdict.
        reason: Its reason, or an empty text.
        entries: The entries that match the file, or a content in it.
    """

    verdict: str
    reason: str
    entries: frozenset[str]


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    """Return the file of each trick, by its name."""
    hidden = tricks.photograph(tricks.TARGET_SEED)
    decoy = tricks.photograph(tricks.DECOY_SEED)
    return {trick.name: trick.make(hidden, decoy) for trick in tricks.TRICKS}


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a state directory whose reference set lists the looks of two pictures."""
    folder = tmp_path_factory.mktemp("tricks")
    with (folder / "set.jsonl").open("w") as lines:
        for name, seed in LISTED.items():
            seen = view(tricks.photograph(seed))
            line = {
                "id": name,
                "category": "demo",
                "pdq": values(seen, SignalType.PDQ)[Variant.UPRIGHT].hex(),
                "pdq_quality": pdq.quality(seen.plane),
                "phash": values(seen, SignalType.PHASH)[Variant.UPRIGHT].hex(),
            }
            lines.write(json.dumps(line) + "\n")
    running.run_program("init", state=folder / "state")
    import_set(folder / "state", folder / "set.jsonl")
    return folder / "state"


def entries(content: Mapping[str, Any]) -> Iterator[str]:
    """Yield the entries that match a content, or one inside it."""
    for match in content["matches"]:
        yield match["entry"]
    for inner in content["contents"]:
        yield from entries(inner)


def scan(files: Mapping[str, bytes], *, folder: Path, state: Path) -> dict[str, Answer]:
    """Scan tricks with the program.

    Args:
        files: Files of tricks, by the tricks' names.
        folder: Where they are put.
        state: State directory.

    Returns:
        What the program says of each, by name.
    """
    suffixes = {trick.name: trick.suffix for trick in tricks.TRICKS}
    for name, content in files.items():
        (folder / (name + suffixes[name])).write_bytes(content)
    done = running.run_program(
        *("scan", "--json", "--jobs", "2", str(folder)),
        state=state,
        may_fail=True,
        timeout_s=SCAN_S,
    )
    return {
        Path(answer["path"]).stem: Answer(
            answer["verdict"], answer["reason"] or "", frozenset(entries(answer))
        )
        for answer in map(json.loads, done.stdout.splitlines())
    }


def test_program_finds_the_target_in_every_trick(
    files: Mapping[str, bytes], state: Path, tmp_path: Path
) -> None:
    """A trick with the result ``found`` is a ``MATCH``, and no other passes unseen.

    Nothing matches the picture that is in no trick.
    """
    answers = scan(files, folder=tmp_path, state=state)
    wanted = {Expected.FOUND: {"MATCH"}, Expected.REFUSED: {"INCONCLUSIVE", "MATCH"}}
    missed = {
        trick.name: trick
        for trick in tricks.TRICKS
        if (verdict := answers[trick.name].verdict)
        not in wanted.get(trick.expected, verdict)
    }
    rows = table(
        (
            *(name, answers[name].verdict, answers[name].reason),
            *(f"shown: {trick.shown}", MISSES.get(name, "new")),
        )
        for name, trick in missed.items()
    )

    assert missed.keys() == MISSES.keys(), f"tricks that the program misses:\n{rows}"
    assert {entry for answer in answers.values() for entry in answer.entries} == {
        "target"
    }


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


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param([*tricks.tricks_of_each_kind()], id="of-each-kind"),
        pytest.param(tricks.TRICKS, id="all", marks=pytest.mark.nightly),
    ],
)
def test_chromium_shows_what_the_list_says(
    files: Mapping[str, bytes], shown: Sequence[Trick], tmp_path: Path
) -> None:
    """The list says of each trick whether Chromium shows the target.

    Whether it shows a part or nothing depends on how much it paints before it gives a
    broken file up, so those two may be taken for each other.
    """
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
        for trick in shown
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
        for trick in shown:
            # A busy machine may paint a picture after it was looked at, or send it in
            # parts; Chromium shows nothing of some icons.
            for _ in range(LOOKS_AGAIN):
                if trick.shown is not Shown.TARGET or is_shown(nearest[trick.name]):
                    break
                pictures = chromium.pictures(trick.name)
                nearest[trick.name] = nearest_of(map(distance_to, pictures))
    wrong = table(
        (trick.name, f"{nearest[trick.name]} bits", f"not {trick.shown!r}")
        for trick in shown
        if is_shown(nearest[trick.name]) is not (trick.shown is Shown.TARGET)
    )

    assert not wrong, f"tricks of which Chromium shows something else:\n{wrong}"
