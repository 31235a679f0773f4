"""Matching a store gives the matches of ``scan``, also after saving and reading it."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.lookback.stores import (
    entries_near,
    keyed_generation,
    made_scan,
    scans,
    secret_of,
    store_of,
)
from uploadfilter.decisions.policy import verdict_of
from uploadfilter.errors import LookBackError
from uploadfilter.lookback.matching import (
    LookedBack,
    MatchCounts,
    match_store,
    missing_types,
)
from uploadfilter.lookback.scanning import TYPES
from uploadfilter.lookback.store import LookBackStore
from uploadfilter.model import Match, Scan, Verdict
from uploadfilter.reference.search.matching import Thresholds, match_scans
from uploadfilter.reference.store import REFERENCE_DIRECTORY, ReferenceReader


def looked_back(
    path: Path, state: Path, thresholds: Thresholds
) -> tuple[MatchCounts, dict[str, LookedBack]]:
    """Match a store, and return the counts and the files by path."""
    found: dict[str, LookedBack] = {}
    moves: list[tuple[int, int]] = []
    with ReferenceReader.open(state / REFERENCE_DIRECTORY) as reader:
        counts = match_store(
            LookBackStore.open_to_read(path),
            reader.current().keyed(),
            thresholds=thresholds,
            report=lambda it: found.update({it.item.name: it}),
            moved=lambda done, total: moves.append((done, total)),
        )
    assert not moves or moves[-1][0] == moves[-1][1]
    return counts, found


def as_scan(
    state: Path, scanned: Sequence[Scan], thresholds: Thresholds
) -> dict[str, tuple[Match, ...]]:
    """Return the matches of ``scan``, by path."""
    with ReferenceReader.open(state / REFERENCE_DIRECTORY) as reader:
        generation = reader.current()
        return {
            scan.path: match_scans(
                generation, (scan,), thresholds=thresholds, quality_of=lambda _: 77
            )
            for scan in scanned
        }


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data(), pdq=st.integers(0, 48), phash=st.integers(0, 12))
def test_matches_are_those_of_scan(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, pdq: int, phash: int
) -> None:
    """Any scans, entries and thresholds: no match more, none less, none other."""
    folder = tmp_path_factory.mktemp("look")
    scanned = data.draw(scans())
    thresholds = Thresholds(pdq=pdq, phash=phash)
    entries_near(folder, scanned, data.draw(st.integers(0, 2**32 - 1)))
    store_of(folder / "store", scanned, secret_of(folder), TYPES)

    counts, found = looked_back(folder / "store", folder, thresholds)

    expected = as_scan(folder, scanned, thresholds)
    assert {name: it.matches for name, it in found.items() if it.matches} == {
        name: matches for name, matches in expected.items() if matches
    }
    verdicts = [verdict_of([scan], expected[scan.path])[0] for scan in scanned]
    for verdict in Verdict:
        assert counts.verdicts[verdict] == verdicts.count(verdict)


def test_without_perceptual_values_only_exact_copies_match(tmp_path: Path) -> None:
    """The digests are not in the files, and the missing types are told."""
    scanned = [scan for scan, _ in zip(_examples(), range(4), strict=False)]
    entries_near(tmp_path, scanned, 1_000)
    secret = secret_of(tmp_path)
    store_of(tmp_path / "store", scanned, secret, ())

    counts, found = looked_back(tmp_path / "store", tmp_path, Thresholds())

    exact = {
        path: tuple(it for it in matches if it.view is None)
        for path, matches in as_scan(tmp_path, scanned, Thresholds()).items()
    }
    assert {path: it.matches for path, it in found.items() if it.matches} == {
        path: matches for path, matches in exact.items() if matches
    }
    with keyed_generation(tmp_path) as generation:
        store = LookBackStore.open_to_read(tmp_path / "store")
        assert missing_types(store, generation) == TYPES
    data = b"".join(it.read_bytes() for it in (tmp_path / "store").rglob("*.parquet"))
    for scan in scanned:
        for signal in scan.exact:
            assert signal.value not in data
        for view in scan.views:
            assert view.rows[0].values[:32] not in data
    assert counts.verdicts.total() == len(scanned)


def test_newest_row_of_a_path_counts(tmp_path: Path) -> None:
    """A file that was replaced by an innocent one does not match any more."""
    first, second = _examples()[:2]
    entries_near(tmp_path, [first], 1_000)
    secret = secret_of(tmp_path)
    store_of(tmp_path / "store", [first], secret, TYPES)
    assert looked_back(tmp_path / "store", tmp_path, Thresholds())[1]
    store_of(
        tmp_path / "store",
        [replace(second, path=first.path)],
        secret,
        TYPES,
        version="2",
    )

    counts, found = looked_back(tmp_path / "store", tmp_path, Thresholds())

    assert [it for it in found.values() if it.matches] == []
    assert (counts.replaced, counts.verdicts.total()) == (1, 1)


@pytest.mark.parametrize("damage", ["flipped", "cut", "missing"])
def test_damaged_part_ends_the_match(tmp_path: Path, damage: str) -> None:
    """No file counts as checked, and the message says what to do."""
    entries_near(tmp_path, _examples()[:1], 1_000)
    store_of(tmp_path / "store", _examples(), secret_of(tmp_path), TYPES)
    (part,) = (tmp_path / "store" / "parts").iterdir()
    data = bytearray(part.read_bytes())
    if damage == "missing":
        part.unlink()
    else:
        data[len(data) // 2] ^= 1
        part.write_bytes(data[:-9] if damage == "cut" else data)

    with pytest.raises(LookBackError, match="missing or damaged") as caught:
        looked_back(tmp_path / "store", tmp_path, Thresholds())

    assert "Nothing was matched" in caught.value.hint


def test_empty_store_has_no_files(tmp_path: Path) -> None:
    """There is nothing to match, and nothing is claimed."""
    entries_near(tmp_path, _examples()[:1], 1_000)
    store_of(tmp_path / "store", [], secret_of(tmp_path), TYPES)
    counts, found = looked_back(tmp_path / "store", tmp_path, Thresholds())
    assert (counts.verdicts.total(), found) == (0, {})
    assert os.listdir(tmp_path / "store" / "parts") == []  # noqa: PTH208 -- names


def _examples() -> list[Scan]:
    """Return some scans that are the same in each run."""
    return [made_scan(number) for number in range(4)]
