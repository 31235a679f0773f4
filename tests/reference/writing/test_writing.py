"""Each change of the reference set has its stated effect, or states why not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.generations import ask, entry, exactly
from tests.reference.stores import ENTRY, MD5, put
from uploadfilter.errors import (
    HashSetNameError,
    StoreError,
    StorePinnedError,
    UsageError,
)
from uploadfilter.model import SignalType
from uploadfilter.reference.files import overlay
from uploadfilter.reference.store import ReferenceDirectory
from uploadfilter.reference.writing.writing import ReferenceWriter


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[ReferenceWriter]:
    """Return the writer of a reference set with one entry, in generation 2."""
    with ReferenceDirectory(tmp_path, clock=lambda: 1000.0).writer() as found:
        put(found, "s", [ENTRY])
        yield found


def found(tmp_path: Path) -> list[str]:
    """Return the entries that hold the digest."""
    generation = ReferenceDirectory(tmp_path, clock=lambda: 1000.0).reader().current()
    return [name for name, _ in ask(generation, MD5.value, signal_type=SignalType.MD5)]


def parts(writer: ReferenceWriter) -> tuple[int, int]:
    """Return the numbers of the base and the overlay in force."""
    current = writer.generations()[0]
    return current.base.number, current.overlay.number


def test_small_changes_write_an_overlay_only(writer: ReferenceWriter) -> None:
    """Withdrawals and additions do not change the base."""
    writer.switch_off("s", "1", why="ours", by="me")
    writer.switch_on("s", ["1"])
    writer.revoke("s", ["1"])
    put(writer, "t", [ENTRY])
    writer.remove_set("s")

    assert parts(writer) == (1, 7)


def test_large_import_writes_a_base(
    writer: ReferenceWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Entries without room in the overlay go into a new base, with all others."""
    monkeypatch.setattr(overlay, "OVERLAY_MOST_ROWS", 5)
    put(writer, "t", [ENTRY])

    assert parts(writer) == (3, 3)
    put(writer, "t", [ENTRY])
    assert parts(writer) == (3, 4)


def test_revoked_entry_stays_so_when_it_is_imported_again(
    writer: ReferenceWriter, tmp_path: Path
) -> None:
    """An older file never brings it back, not even after the set was removed."""
    writer.revoke("s", ["1"])
    info = put(writer, "s", [ENTRY, entry("2", *exactly(MD5))])
    assert (info.entries, info.revoked) == (2, 1)
    writer.remove_set("s")
    writer.compact()
    put(writer, "s", [ENTRY])

    assert found(tmp_path) == []


def test_revocation_that_is_known_changes_nothing(writer: ReferenceWriter) -> None:
    """The same list may be imported any number of times."""
    assert writer.revoke("s", ["1", "2"]) == 1
    assert writer.revoke("s", ["2", "1"]) == 0
    assert writer.revoke("s", []) == 0

    assert writer.number == 3


def test_what_is_not_there_cannot_be_suppressed(writer: ReferenceWriter) -> None:
    """An operator must not believe that a mistyped id is suppressed."""
    writer.revoke("s", ["1"])
    for name, word, what in (
        ("x", "1", "no hash set"),
        ("s", "2", "has no entry '2'"),
        ("s", "1", "has no entry '1'"),
    ):
        with pytest.raises(HashSetNameError, match=what):
            writer.switch_off(name, word, why="ours", by="me")
    with pytest.raises(UsageError, match="was withdrawn"):
        writer.switch_on("s", ["1"])
    with pytest.raises(HashSetNameError, match="is not off"):
        writer.switch_on("s", ["2"])

    assert writer.number == 3


def test_compaction_needs_something_to_do(writer: ReferenceWriter) -> None:
    """A second compaction changes nothing."""
    assert writer.compact()
    assert not writer.compact()

    assert (writer.number, parts(writer)) == (3, (3, 3))


def test_rollback_brings_nothing_back_that_was_withdrawn(
    writer: ReferenceWriter, tmp_path: Path
) -> None:
    """The old entries are in force, except those removed or revoked since."""
    put(writer, "t", [entry("2", *exactly(MD5)), entry("3", *exactly(MD5))])
    put(writer, "u", [entry("4", *exactly(MD5))])
    writer.remove_set("s")
    writer.revoke("t", ["2"])
    writer.rollback(3)

    assert found(tmp_path) == ["3"]
    assert writer.pinned
    assert [info.name for info in writer.sets] == ["t"]


def test_rollback_goes_before_the_last_import(writer: ReferenceWriter) -> None:
    """Small changes since do not matter, and each rollback goes one import further."""
    put(writer, "t", [])
    writer.switch_off("s", "1", why="ours", by="me")
    writer.compact()

    assert writer.rollback().number == 2
    assert writer.rollback().number == 1
    with pytest.raises(StoreError, match="before the last import"):
        writer.rollback()


def test_pinned_generation_only_loses(writer: ReferenceWriter) -> None:
    """No entry is added until the rollback is released."""
    collected = writer.collect()
    put(writer, "t", [ENTRY])
    writer.rollback()
    info = writer.sets[0]
    writer.switch_off("s", "1", why="ours", by="me")
    for act in (
        writer.collect,
        lambda: writer.replace_set(collected, info),
        lambda: writer.switch_on("s", ["1"]),
    ):
        with pytest.raises(StorePinnedError, match="is pinned") as caught:
            act()
        assert "hashset rollback --release" in caught.value.hint
    writer.revoke("s", ["1"])
    writer.remove_set("s")
    assert writer.pinned
    writer.release()

    assert not writer.pinned
    with pytest.raises(StoreError, match="is not pinned"):
        writer.release()
    put(writer, "t", [ENTRY])
