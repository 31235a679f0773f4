"""Generations are numbered once, and kept as long as the rule says."""

from pathlib import Path

import msgspec
import pytest

from tests.reference.files.generations import CURRENT, PART, fill, names
from uploadfilter.reference.entries.changes import OF_ROWS, ChangeKind
from uploadfilter.reference.files import history, layout
from uploadfilter.reference.files.layout import Current


def generation(number: int, *, base: int = 1) -> Current:
    """Return a generation with a separate overlay."""
    return msgspec.structs.replace(
        CURRENT,
        generation=number,
        base=msgspec.structs.replace(PART, number=base),
        overlay=msgspec.structs.replace(PART, number=number),
    )


def force(directory: Path, *generations: Current) -> Current:
    """Put generations in force, one after the other; return the last."""
    for kind in (layout.BASES, layout.OVERLAYS, layout.GENERATIONS):
        (directory / kind).mkdir(exist_ok=True)
    for current in generations:
        (directory / layout.BASES / str(current.base.number)).mkdir(exist_ok=True)
        (directory / layout.OVERLAYS / str(current.overlay.number)).mkdir(exist_ok=True)
        history.record(directory, current)
        layout.write_current(directory, current)
    return generations[-1]


def kept(directory: Path, current: Current) -> list[int]:
    """Return the numbers of the kept generations."""
    return [item.generation for item in history.kept(directory, current)]


def test_last_generations_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number is the constant's; the newest are kept, with the files they need."""
    monkeypatch.setattr(history, "KEPT_GENERATIONS", 2)
    current = force(tmp_path, *(generation(n) for n in range(1, 12)))
    history.sweep(tmp_path)

    assert kept(tmp_path, current) == [10, 9]
    assert names(tmp_path / layout.GENERATIONS) == {"9", "10", "11"}
    assert names(tmp_path / layout.OVERLAYS) == {"9", "10", "11"}
    assert names(tmp_path / layout.BASES) == {"1"}


def test_generations_of_rows_only_are_not_kept(tmp_path: Path) -> None:
    """The table goes along with each rollback: there is nothing to return to.

    So a day of withdrawals and demotions leaves every import that can be undone.
    """
    kinds = (ChangeKind.IMPORT, *OF_ROWS, ChangeKind.IMPORT, ChangeKind.DEMOTE)
    of_rows = [
        msgspec.structs.replace(generation(n), kind=kind)
        for n, kind in enumerate(kinds, 1)
    ]
    current = force(tmp_path, *of_rows)
    history.sweep(tmp_path)

    assert kept(tmp_path, current) == [len(kinds) - 1, 1]
    assert len(names(tmp_path / layout.OVERLAYS)) == 3


def test_last_bases_are_kept(tmp_path: Path) -> None:
    """A generation is removed with its base, even if few generations are kept."""
    current = force(
        tmp_path, *(generation(n, base=1 + (n + 1) // 2) for n in range(1, 9))
    )
    history.sweep(tmp_path)

    assert kept(tmp_path, current) == [7, 6, 5, 4, 3]
    assert names(tmp_path / layout.BASES) == {"3", "4", "5"}
    assert names(tmp_path / layout.OVERLAYS) == {"3", "4", "5", "6", "7", "8"}


def test_old_base_stays_while_it_is_returned_to(tmp_path: Path) -> None:
    """The current generation is the one that current names, even with an old base."""
    force(tmp_path, *(generation(n, base=n) for n in range(1, 4)))
    current = force(tmp_path, generation(4, base=1))
    history.sweep(tmp_path)

    assert kept(tmp_path, current) == [3, 2, 1]
    assert names(tmp_path / layout.BASES) == {"1", "2", "3"}


@pytest.mark.parametrize("content", [b"", b"garbage", None])
def test_damaged_file_is_left_out(tmp_path: Path, content: bytes | None) -> None:
    """A file that cannot be read, or has another number, is left out."""
    current = force(tmp_path, generation(1), generation(2), generation(3))
    path = tmp_path / layout.GENERATIONS / "2"
    path.write_bytes(path.with_name("1").read_bytes() if content is None else content)

    assert kept(tmp_path, current) == [1]


def test_number_is_never_used_again(tmp_path: Path) -> None:
    """This holds after an older backup was restored, and after a crash."""
    older = force(tmp_path, generation(1), generation(2))
    force(tmp_path, generation(3), generation(4), generation(5))
    layout.write_current(tmp_path, older)
    assert history.next_number(tmp_path, older) == 6
    history.sweep(tmp_path)

    assert names(tmp_path / layout.OVERLAYS) == {"1", "2"}
    assert history.next_number(tmp_path, older) == 6
    force(tmp_path, current := generation(6))
    history.sweep(tmp_path)
    assert kept(tmp_path, current) == [2, 1]
    assert names(tmp_path / layout.GENERATIONS) == {"1", "2", "6"}


def test_sweep_before_the_first_generation_removes_all(tmp_path: Path) -> None:
    """Leftovers of a writer that put nothing in force are removed."""
    folder = fill(tmp_path, "1", ".new-1-x")
    (tmp_path / ".new-current-z").touch()
    history.sweep(tmp_path)

    assert names(folder) == set()
    assert names(tmp_path) == {layout.BASES}


def test_oldest_number_is_the_lowest(tmp_path: Path) -> None:
    """No older generation can be returned to."""
    assert history.oldest(tmp_path) == 0
    force(tmp_path, generation(3), generation(10))

    assert history.oldest(tmp_path) == 3
