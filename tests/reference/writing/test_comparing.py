"""An import that lacks an entry withdraws it, and no way back brings it along."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.generations import ask, entry, exactly
from tests.reference.stores import MD5, put
from uploadfilter.errors import StoreError, StorePinnedError
from uploadfilter.model import Entry, EntryState, Signal, SignalType
from uploadfilter.reference.entries import changes
from uploadfilter.reference.entries.off import Party
from uploadfilter.reference.search.matching import Query
from uploadfilter.reference.store import ReferenceDirectory
from uploadfilter.reference.writing import comparing
from uploadfilter.reference.writing.writing import ReferenceWriter

OTHER = Signal(type=SignalType.MD5, value=bytes([7]) * 16)
A, B, C = (entry(word, *exactly(MD5)) for word in "abc")
B_CORRECTED = entry("b", *exactly(OTHER))


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[ReferenceWriter]:
    """Return a writer of a reference set with the entries a and b, generation 2."""
    with ReferenceDirectory(tmp_path / "reference").writer() as writer:
        put(writer, "s", [A, B])
        yield writer


def found(tmp_path: Path) -> list[str]:
    """Return the entries that are found by the digest."""
    with ReferenceDirectory(tmp_path / "reference").reader() as reader:
        generation = reader.current()
        return [
            name for name, _ in ask(generation, MD5.value, signal_type=SignalType.MD5)
        ]


@pytest.mark.parametrize("fold", [False, True], ids=["overlay", "base"])
@pytest.mark.parametrize(
    "later", [[A], [A, B_CORRECTED], [A, C]], ids=["gone", "corrected", "another"]
)
def test_rollback_leaves_out_what_an_import_withdrew(
    writer: ReferenceWriter, tmp_path: Path, later: list[Entry], fold: bool
) -> None:
    """It leaves out a removed entry, or a wrong signal of one, in base and overlay."""
    if fold:
        writer.compact()
    number = writer.number
    put(writer, "s", later)
    if fold:
        writer.compact()
    returned = writer.rollback(number)

    assert found(tmp_path) == ["a"]
    assert (returned.number, dict(returned.kept_out)) == (number, {"s": 1})


def test_withdrawal_outlives_further_steps(
    writer: ReferenceWriter, tmp_path: Path
) -> None:
    """It outlives repeated rollbacks, compaction, and imports of other sets."""
    put(writer, "s", [A])
    writer.rollback(2)
    writer.release()
    put(writer, "t", [C])
    writer.compact()
    writer.rollback(2)
    writer.compact()

    assert found(tmp_path) == ["a"]
    assert writer.sets[0].revoked == 1


def test_later_import_brings_it_back_and_says_so(
    writer: ReferenceWriter, tmp_path: Path
) -> None:
    """An entry that the issuer lists again is in force, also after a rollback."""
    first = put(writer, "s", [A])
    writer.rollback(2)
    writer.release()
    again = put(writer, "s", [A, B])
    writer.rollback(2)

    assert (first.source.withdrawn, first.source.listed_again) == (1, 0)
    assert (again.source.withdrawn, again.source.listed_again) == (0, 1)
    assert found(tmp_path) == ["a", "b"]


def test_revocation_outlives_the_import_that_lists_it(
    writer: ReferenceWriter, tmp_path: Path
) -> None:
    """A revocation also outlives it if an import had withdrawn the entry before."""
    put(writer, "s", [A])

    assert writer.revoke("s", ["b"]) == 0
    again = put(writer, "s", [A, B])

    assert again.source.listed_again == 0
    assert found(tmp_path) == ["a"]


def test_what_is_forgotten_stays_withdrawn(
    writer: ReferenceWriter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the note that the entry is listed again is missing then."""
    monkeypatch.setattr(changes, "MOST_REMEMBERED", 1)
    monkeypatch.setattr(comparing, "MOST_REMEMBERED", 1)
    put(writer, "s", [A, B, C])
    info = put(writer, "s", [A])
    writer.rollback(3)

    assert info.source.withdrawn == 2
    assert found(tmp_path) == ["a"]


def test_rollback_that_would_keep_too_much_out_is_refused(
    writer: ReferenceWriter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message states the number, and the remedy."""
    monkeypatch.setattr(comparing, "MOST", dict.fromkeys(Party, 1))
    put(writer, "s", [C])
    with pytest.raises(StoreError, match="2 entries of 's' were withdrawn") as caught:
        writer.rollback(2)

    assert "Import the right file again" in caught.value.hint
    assert found(tmp_path) == ["c"]


@pytest.mark.parametrize("fold", [False, True], ids=["overlay", "base"])
def test_set_that_is_only_monitored_stays_so(
    writer: ReferenceWriter, tmp_path: Path, fold: bool
) -> None:
    """If an import took the right to reject away, no rollback gives it back."""
    if fold:
        writer.compact()
    number = writer.number
    put(writer, "s", [A, B], enforced=False)
    returned = writer.rollback(number)
    states = [states_of(tmp_path)]
    writer.release()
    put(writer, "t", [C])
    writer.compact()
    states.append(states_of(tmp_path))
    put(writer, "s", [A, B])
    states.append(states_of(tmp_path))

    assert returned.monitored == ("s",)
    assert states == [
        {"s": EntryState.MONITORED},
        {"s": EntryState.MONITORED, "t": EntryState.ACTIVE},
        {"s": EntryState.ACTIVE, "t": EntryState.ACTIVE},
    ]
    assert [info.enforced for info in writer.sets] == [True, True]


def states_of(tmp_path: Path) -> dict[str, EntryState]:
    """Return by hash set the state in which its entries are found."""
    with ReferenceDirectory(tmp_path / "reference").reader() as reader:
        (candidates,) = reader.current().search([Query(signal=MD5, threshold=0)])
        return {candidate.set: candidate.state for candidate in candidates}


@pytest.mark.parametrize("fold", [False, True], ids=["overlay", "base"])
def test_state_of_a_set_is_changed_without_its_file(
    writer: ReferenceWriter, tmp_path: Path, fold: bool
) -> None:
    """It holds at once, after a fold, and for the next import that keeps it."""
    if fold:
        writer.compact()
    changed = [writer.set_state("s", EntryState.MONITORED) for _ in range(2)]
    states = [states_of(tmp_path)["s"]]
    writer.compact()
    states.append(states_of(tmp_path)["s"])
    changed += [writer.set_state("s", EntryState.ACTIVE) for _ in range(2)]
    states.append(states_of(tmp_path)["s"])
    put(writer, "t", [C])
    writer.compact()
    states.append(states_of(tmp_path)["s"])

    assert changed == [True, False, True, False]
    assert states == [EntryState.MONITORED] * 2 + [EntryState.ACTIVE] * 2
    assert [info.enforced for info in writer.sets] == [True, True]


def test_rollback_does_not_give_back_what_the_operator_took(
    writer: ReferenceWriter, tmp_path: Path
) -> None:
    """A set that the operator only monitors stays so, and rejects after a release."""
    number = writer.number
    writer.set_state("s", EntryState.MONITORED)
    returned = writer.rollback(number)
    with pytest.raises(StorePinnedError):
        writer.set_state("s", EntryState.ACTIVE)
    states = [states_of(tmp_path)["s"]]
    writer.release()
    writer.set_state("s", EntryState.ACTIVE)
    states.append(states_of(tmp_path)["s"])

    assert returned.monitored == ("s",)
    assert states == [EntryState.MONITORED, EntryState.ACTIVE]
