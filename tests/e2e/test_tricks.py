"""The installed program finds what every trick hides, and nothing else.

Each trick of ``tests/corpus/tricks/tricks.py`` hides the target, whose PDQ and pHash a
hash set lists, behind a decoy. No trick is left out: tricks that the program cannot
find are named in ``docs/limits.md``. ``test_browser.py`` opens them in Chromium.
"""

import json
from collections.abc import Mapping
from pathlib import Path

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

SCAN_S = 600
"""Seconds that the program may take for all tricks, on a busy machine."""


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a state directory whose reference set lists the target by its looks."""
    folder = tmp_path_factory.mktemp("tricks")
    seen = view(tricks.photograph(tricks.TARGET_SEED))
    line = {
        "id": "target",
        "category": "demo",
        "pdq": values(seen, SignalType.PDQ)[Variant.UPRIGHT].hex(),
        "pdq_quality": pdq.quality(seen.plane),
        "phash": values(seen, SignalType.PHASH)[Variant.UPRIGHT].hex(),
    }
    (folder / "set.jsonl").write_text(json.dumps(line) + "\n")
    running.run_program("init", state=folder / "state")
    import_set(folder / "state", folder / "set.jsonl")
    return folder / "state"


def verdicts(
    files: Mapping[str, bytes], *, folder: Path, state: Path
) -> dict[str, tuple[str, str]]:
    """Scan tricks with the program.

    Args:
        files: Files of tricks, by the tricks' names.
        folder: Where they are put.
        state: State directory.

    Returns:
        Verdict and reason, by name; the reason may be empty.
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
    answers = (json.loads(line) for line in done.stdout.splitlines())
    return {
        Path(answer["path"]).stem: (answer["verdict"], answer["reason"] or "")
        for answer in answers
    }


def test_program_finds_the_target_in_every_trick(
    state: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A trick with the result ``found`` is a ``MATCH``, and no other passes unseen."""
    files = hiding(tricks.TARGET_SEED, tmp_path_factory)
    said = verdicts(files, folder=tmp_path, state=state)
    wanted = {Expected.FOUND: {"MATCH"}, Expected.REFUSED: {"INCONCLUSIVE", "MATCH"}}
    missed = {
        trick.name: trick
        for trick in tricks.TRICKS
        if said[trick.name][0] not in wanted.get(trick.expected, said[trick.name])
    }
    rows = table(
        (name, *said[name], f"shown: {trick.shown}", MISSES.get(name, "new"))
        for name, trick in missed.items()
    )

    assert missed.keys() == MISSES.keys(), f"tricks that the program misses:\n{rows}"


def test_program_finds_nothing_where_the_target_is_not(
    state: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The same tricks with another picture in the place of the target do not match."""
    files = hiding(tricks.OTHER_SEED, tmp_path_factory)
    said = verdicts(files, folder=tmp_path, state=state)

    assert [name for name, (verdict, _) in said.items() if verdict == "MATCH"] == []
