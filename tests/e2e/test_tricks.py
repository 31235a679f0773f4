"""The installed program finds what every trick hides, and nothing else.

Each trick of ``tests/corpus/tricks/tricks.py`` hides the target behind a decoy. A hash
set lists the looks of the target, and those of a picture that is in no trick. No trick
is left out: tricks that the program cannot find are named in ``docs/limits.md``.
``test_browser.py`` opens them in Chromium.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy.demo import running
from tests.corpus.tricks import tricks
from tests.corpus.tricks.kit import Expected
from tests.e2e.conftest import import_set
from tests.e2e.hiding import hiding, table, values, view
from uploadfilter.model import SignalType, Variant
from uploadfilter.signals import pdq

pytestmark = pytest.mark.e2e

MISSES: Mapping[str, str] = {}
"""Tricks that the program misses, and why. One that it finds must leave this table."""

LISTED = {"target": tricks.TARGET_SEED, "other": tricks.OTHER_SEED}
"""The entries of the hash set, and the seeds of their pictures."""

SCAN_S = 600
"""Seconds that the program may take for all tricks, on a busy machine."""


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
    state: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A trick with the result ``found`` is a ``MATCH``, and no other passes unseen.

    Nothing matches the picture that is in no trick.
    """
    files = hiding(tricks.TARGET_SEED, tmp_path_factory)
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
