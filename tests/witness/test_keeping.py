"""What a witness keeps on disk, and over restarts."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.decisions.tree.test_merkle import ROOTS
from tests.decisions.tree.test_witnessing import LOG, head_of, submitted
from tests.reference.crashing import CrashedError, crashing
from uploadfilter.decisions.tree.notes import Note, Signature, Verifier
from uploadfilter.decisions.tree.witnessing import WitnessRefusal
from uploadfilter.errors import UsageError, WitnessError
from uploadfilter.witness.keeping import WitnessKeeper

NOW = 1_795_608_000.5
ORIGIN = LOG.verifier.name
NAME = "witness.example/1"


def opened(
    folder: Path, name: str | None = NAME
) -> AbstractContextManager[WitnessKeeper]:
    """Open the witness of a folder."""
    return WitnessKeeper.opened(
        folder, name=name, logs=[LOG.verifier], clock=lambda: NOW
    )


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[WitnessKeeper]:
    """Return a new witness."""
    with opened(tmp_path / "w") as made:
        yield made


def test_cosignature_is_of_the_checkpoint_and_the_time(keeper: WitnessKeeper) -> None:
    """A reader needs only the public key of the witness."""
    item = submitted(0, 5)
    signature = keeper.add(item)

    assert isinstance(signature, Signature)
    note = Note(item.note.text, (*item.note.signatures, signature))
    assert Verifier.parse(keeper.public.text).signed_time(note) == int(NOW)


def test_rollbacks_and_forks_are_refused_after_a_restart(tmp_path: Path) -> None:
    """The folder remembers the newest checkpoint; the name is needed once."""
    with opened(tmp_path) as keeper:
        assert isinstance(keeper.add(submitted(0, 5)), Signature)
        assert isinstance(keeper.add(submitted(5, 9)), Signature)
    with opened(tmp_path, None) as keeper:
        assert keeper.latest(ORIGIN) == head_of(9)
        assert keeper.add(submitted(0, 5)) is WitnessRefusal.OTHER_SIZE
        assert keeper.add(submitted(9, 9, root=ROOTS[5])) is WitnessRefusal.FORKED
        assert (
            keeper.add(submitted(9, 12, root=ROOTS[5])) is WitnessRefusal.INCONSISTENT
        )
        assert isinstance(keeper.add(submitted(9, 12)), Signature)


def test_note_that_is_kept_serves_an_overseer(
    keeper: WitnessKeeper, tmp_path: Path
) -> None:
    """It has the signatures of the log and of the witness."""
    keeper.add(submitted(0, 5))
    (path,) = (tmp_path / "w").glob("*.note")
    note = Note.parse(path.read_bytes())

    assert LOG.verifier.signed_time(note) == 0
    assert keeper.public.signed_time(note) == int(NOW)


def test_crash_at_any_step_forgets_nothing_that_was_signed(tmp_path: Path) -> None:
    """What a witness signed is on disk, perhaps with more that never left."""
    for step in range(1, 100):
        folder = tmp_path / str(step)
        with opened(folder) as keeper:
            keeper.add(submitted(0, 5))
            try:
                with crashing(step):
                    keeper.add(submitted(5, 9))
            except CrashedError:
                pass
            else:
                assert keeper.latest(ORIGIN) == head_of(9)
                break
        with opened(folder) as keeper:
            assert keeper.latest(ORIGIN) in (head_of(5), head_of(9))
    assert step > 3


def test_files_are_private(keeper: WitnessKeeper, tmp_path: Path) -> None:
    """The key, and everything else."""
    keeper.add(submitted(0, 5))
    files = list((tmp_path / "w").iterdir())
    assert {it.stat().st_mode & 0o777 for it in files} == {0o600}


@pytest.mark.parametrize("content", [b"", b"\xff", b"a\n\nb\n"])
def test_damaged_note_is_not_a_new_log(
    keeper: WitnessKeeper, tmp_path: Path, content: bytes
) -> None:
    """Nothing is signed beside it."""
    keeper.add(submitted(0, 5))
    (path,) = (tmp_path / "w").glob("*.note")
    path.write_bytes(content)

    with pytest.raises(WitnessError, match="cannot be read"):
        keeper.add(submitted(0, 5))
    foreign = submitted(0, 9).note
    path.write_bytes(foreign.data)
    with pytest.raises(WitnessError, match="cannot be read"):
        keeper.add(submitted(9, 9))


def test_one_process_at_a_time(keeper: WitnessKeeper, tmp_path: Path) -> None:
    """Two witnesses of one key could contradict each other."""
    assert keeper.latest(ORIGIN) is None
    with (
        pytest.raises(WitnessError, match="another witness"),
        opened(tmp_path / "w"),
    ):
        pass


def test_names_and_keys(tmp_path: Path) -> None:
    """A name at first, the same later, and never a new key in silence."""
    with pytest.raises(UsageError, match="needs a name"), opened(tmp_path, "a b"):
        pass
    with opened(tmp_path):
        pass
    with pytest.raises(UsageError, match="has the name"), opened(tmp_path, "other"):
        pass
    key = tmp_path / "key"
    seed = key.read_bytes()
    for wrong in (seed[1:], seed[::-1]):
        key.write_bytes(wrong)
        with pytest.raises(WitnessError, match="missing or damaged"), opened(tmp_path):
            pass
    key.unlink()
    with pytest.raises(WitnessError, match="missing or damaged"), opened(tmp_path):
        pass


def test_folder_that_cannot_be_used(tmp_path: Path) -> None:
    """A file is in the way."""
    (tmp_path / "w").write_bytes(b"")
    with pytest.raises(WitnessError, match="cannot use"), opened(tmp_path / "w"):
        pass
