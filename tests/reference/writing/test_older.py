"""State that the version before the table wrote; goes with ``writing/older.py``.

``older-state.tar.xz`` is a state directory of that version: a set ``s``, of which one
entry is off by each party, and one that was let go by two people from gate and
tripwire.
"""

import tarfile
from pathlib import Path

import pytest

from tests.reference.crashing import CrashedError, crashing
from tests.reference.stores import put
from uploadfilter.model import EntryState, Signal, SignalType
from uploadfilter.reference.entries.off import Party
from uploadfilter.reference.files.layered import LayeredGeneration
from uploadfilter.reference.search.matching import Query
from uploadfilter.reference.store import ReferenceDirectory

NOW = 1_790_000_100.0
NAMES = [
    "plain",
    "revoked",
    "gone",
    "operator",
    "gate",
    "released",
    "tripwire",
    "restored",
]
OFF = {
    ("revoked", Party.ISSUER),
    ("gone", Party.ISSUER),
    ("operator", Party.OPERATOR),
    ("gate", Party.GATE),
}
TRIPPED = {("tripwire", Party.TRIPWIRE)}


@pytest.fixture
def directory(tmp_path: Path) -> ReferenceDirectory:
    """Return the reference directory of that state."""
    with tarfile.open(Path(__file__).parent / "older-state.tar.xz") as file:
        file.extractall(tmp_path, filter="data")
    return ReferenceDirectory(tmp_path / "reference", clock=lambda: NOW)


def off_in(generation: LayeredGeneration) -> set[tuple[str, Party]]:
    """Return the rows of a generation."""
    return {(it.entry, it.party) for it in generation.off}


def states_in(generation: LayeredGeneration) -> dict[str, EntryState]:
    """Return the state in which each entry's PDQ value is found."""
    values = [
        bytes((0x5B * (i + 1) + k * i) % 256 for k in range(32))
        for i in range(len(NAMES))
    ]
    found = generation.search(
        [
            Query(signal=Signal(type=SignalType.PDQ, value=it), threshold=0)
            for it in values
        ]
    )
    return {it.entry: it.state for candidates in found for it in candidates}


def test_reader_sees_the_same_entries_off(directory: ReferenceDirectory) -> None:
    """It needs no writer; a proxy that starts first searches at once."""
    generation = directory.reader().current()

    assert off_in(generation) == OFF
    reasons = {it.party: it.reason for it in generation.off}
    assert reasons[Party.OPERATOR] == "stock picture"
    assert reasons[Party.GATE] == "near match of 'own', 7 bits"
    assert set(states_in(generation)) == {"plain", "released", "tripwire", "restored"}


def test_first_writer_takes_the_demotions(directory: ReferenceDirectory) -> None:
    """The row has the reason, the release lasts, and the file is gone."""
    with directory.writer() as writer:
        assert off_in(writer.generation) == OFF | TRIPPED
        assert writer.generation.keys_to_spare() == {
            ("s", "tripwire"),
            ("s", "restored"),
        }
        states = states_in(writer.generation)
        number = writer.number
    with directory.writer() as writer:
        assert writer.number == number

    assert states["tripwire"] is EntryState.MONITORED
    assert states["restored"] is EntryState.ACTIVE
    assert not list(directory.path.parent.glob("tripwire*"))


def test_rollback_to_a_generation_of_that_version_brings_nothing_back(
    directory: ReferenceDirectory,
) -> None:
    """Not the entry that the second import lacks, and none that is off."""
    with directory.writer() as writer:
        writer.rollback(2)
        assert off_in(writer.generation) >= OFF | TRIPPED
        assert set(states_in(writer.generation)) == {
            "plain",
            "released",
            "tripwire",
            "restored",
        }


def test_kill_at_any_step_loses_no_row(
    directory: ReferenceDirectory, tmp_path: Path
) -> None:
    """Whatever was written, the next writer has every row."""
    kept = (tmp_path / "tripwire.json").read_bytes()
    for step in range(1, 40):
        (tmp_path / "tripwire.json").write_bytes(kept)
        try:
            with crashing(step), directory.writer() as writer:
                put(writer, "t", [])
        except CrashedError:
            pass
        with directory.writer() as writer:
            assert off_in(writer.generation) == OFF | TRIPPED


@pytest.mark.parametrize("data", [b"", b"\xff", b'{"demoted":[{"set":1}]}'])
def test_damaged_file_demotes_nothing(
    directory: ReferenceDirectory, tmp_path: Path, data: bytes
) -> None:
    """Entries reject as they are listed, as in that version."""
    (tmp_path / "tripwire.json").write_bytes(data)
    with directory.writer() as writer:
        assert off_in(writer.generation) == OFF
