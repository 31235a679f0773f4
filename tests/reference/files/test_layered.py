"""A generation of base and overlay answers like any other."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.conformance.generations import CHECKS, Check, ask, entry, exactly
from tests.reference.search.near.views import batch_around
from tests.reference.stores import (
    ENTRY,
    FILLS,
    MD5,
    VALUE,
    Fill,
    in_base,
    in_overlay,
    maker,
    put,
)
from uploadfilter.errors import StoreCorruptError
from uploadfilter.model import SignalType
from uploadfilter.reference.files.layered import LayeredGeneration
from uploadfilter.reference.store import ReferenceDirectory
from uploadfilter.reference.writing.writing import ReferenceWriter


@pytest.mark.parametrize("fill", FILLS, ids=lambda fill: fill.__name__)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_layered_generation_conforms(check: Check, fill: Fill) -> None:
    """It passes the suite with entries in any half, over any other entries."""
    check(maker(fill))


class Stored:
    """A writer, a reader and a clock of one reference directory."""

    def __init__(self, path: Path, writer: ReferenceWriter) -> None:
        self.writer = writer
        self.now = 1000.0
        self._reader = ReferenceDirectory(path, clock=lambda: self.now).reader()

    @property
    def generation(self) -> LayeredGeneration:
        """The generation in force."""
        return self._reader.current()

    def found(self) -> list[str]:
        """Return the entries found by digest; distance and soft views find the same."""
        exact = ask(self.generation, MD5.value, signal_type=SignalType.MD5)
        assert ask(self.generation, VALUE) == exact
        row = np.frombuffer(VALUE, np.uint8).reshape(1, 32)
        near = self.generation.search_near(batch_around(row, seed=1))
        names = sorted(item.candidate.entry for item in near.candidates)
        assert names == [name for name, _ in exact]
        return [name for name, _ in exact]


@pytest.fixture(params=[in_overlay, in_base], ids=lambda fill: str(fill.__name__))
def stored(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stored]:
    """Return sets ``s`` and ``t`` with two equal entries each, in either half."""
    two = [entry(name, *ENTRY.signals) for name in ("1", "2")]
    with ReferenceDirectory(tmp_path, clock=lambda: 1000.0).writer() as writer:
        request.param(writer, {"s": two, "t": two}, frozenset())
        yield Stored(tmp_path, writer)


def test_removed_set_is_not_found(stored: Stored) -> None:
    """Its entries are not found any more, and those of the other set are."""
    stored.writer.remove_set("s")

    assert stored.found() == ["1", "2"]
    assert [info.name for info in stored.generation.sets] == ["t"]
    assert stored.generation.entry_count == 2


def test_replaced_set_is_found_once(stored: Stored) -> None:
    """If both halves have the set, the one in the overlay is in force."""
    put(stored.writer, "s", [entry("3", *ENTRY.signals)])

    assert stored.found() == ["1", "2", "3"]
    assert stored.generation.first_ids("s", 9) == ("3",)
    assert stored.generation.entry_count == 3


def test_revoked_entry_is_not_found(stored: Stored) -> None:
    """One entry is gone, and the other entry with the same value is still found."""
    assert stored.writer.revoke("s", ["1", "nobody"]) == 1
    (info,) = (info for info in stored.generation.sets if info.name == "s")

    assert stored.found() == ["1", "2", "2"]
    assert (info.entries, info.revoked) == (2, 1)
    assert stored.generation.entry_count == 3
    assert stored.generation.first_ids("s", 1) == ("2",)


def test_suppression_ends_by_itself(stored: Stored) -> None:
    """This needs no new generation, and the entry is counted all the time."""
    stored.writer.switch_off("s", "1", why="ours", by="me", until=2000)
    assert stored.found() == ["1", "2", "2"]
    assert [item.entry for item in stored.generation.off] == ["1"]
    number = stored.generation.number
    stored.now = 2000.0

    assert stored.found() == ["1", "1", "2", "2"]
    assert stored.generation.number == number
    assert stored.generation.entry_count == 4
    assert stored.generation.off == ()


@pytest.mark.parametrize(
    ("times", "found"),
    [
        pytest.param([1500.0, 999.0], ["1", "2", "2"], id="steps-back-before-its-end"),
        pytest.param([2000.0, 1500.0], ["1", "1", "2", "2"], id="back-after-its-end"),
        pytest.param([-9e6], ["1", "1", "2", "2"], id="was-far-ahead"),
    ],
)
def test_no_clock_prolongs_a_suppression(
    stored: Stored, times: list[float], found: list[str]
) -> None:
    """One that has ended stays ended, and no wrong clock made one for longer."""
    stored.writer.switch_off("s", "1", why="ours", by="me", until=2000)
    looks = []
    for now in times:
        stored.now = now
        looks.append(stored.found())

    assert looks[-1] == found


def test_types_follow_the_sets_in_force(stored: Stored) -> None:
    """A type that only a removed set had is not searched for."""
    put(stored.writer, "s", [entry("3", *exactly(MD5))])
    assert stored.generation.signal_types == {SignalType.MD5, SignalType.PDQ}
    stored.writer.remove_set("t")

    assert stored.generation.signal_types == {SignalType.MD5}
    assert stored.generation.first_ids("t", 1) == ()


def test_hidden_entries_are_what_compaction_saves(stored: Stored) -> None:
    """Hidden entries are counted as long as they lie in the base."""
    stored.writer.compact()
    stored.writer.remove_set("s")
    stored.writer.revoke("t", ["1"])
    assert stored.generation.hidden_entries == 3
    stored.writer.compact()

    assert stored.generation.hidden_entries == 0
    assert stored.found() == ["2"]


def test_generation_that_is_written_over_answers_nothing(
    stored: Stored, tmp_path: Path
) -> None:
    """An error is better than an answer from a file that changed while it was read."""
    generation = stored.generation
    for path in tmp_path.glob("*/*/data.mdb"):
        path.chmod(0o600)
        with path.open("r+b") as file:
            file.write(b"")
            file.truncate(path.stat().st_size)

    assert not generation.is_intact()
    with pytest.raises(StoreCorruptError, match="written over while it was in use"):
        ask(generation, VALUE)


def test_times_of_a_generation_are_known(stored: Stored) -> None:
    """A generation states the time at which it came in force, and its files' sizes."""
    at = stored.generation.put_in_force_at

    assert at is not None
    assert at.timestamp() == 1000
    assert all(size > 0 for size in stored.generation.bytes)
    assert not stored.generation.pinned
