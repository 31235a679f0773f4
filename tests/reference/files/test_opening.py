"""A generation is opened completely, or the error names the fault."""

from pathlib import Path

import msgspec
import pytest

from tests.reference.stores import ENTRY, put
from uploadfilter.errors import StoreCorruptError, StoreKeyError
from uploadfilter.reference.files import keys, layout
from uploadfilter.reference.files.layout import Current
from uploadfilter.reference.files.opening import lacks_directories, open_generation
from uploadfilter.reference.store import ReferenceDirectory


def clock() -> float:
    """Return a time."""
    return 1000.0


@pytest.fixture
def current(tmp_path: Path) -> Current:
    """Return the generation in force: an entry in the base, and one in the overlay."""
    with ReferenceDirectory(tmp_path, clock=clock).writer() as writer:
        put(writer, "s", [ENTRY])
        writer.compact()
        put(writer, "t", [ENTRY])
    found, _ = layout.read_current(tmp_path)
    return found


def test_both_halves_are_opened(tmp_path: Path, current: Current) -> None:
    """The generation has the entries of the base, and those of the overlay."""
    generation = open_generation(tmp_path, current, clock=clock, verify=True)

    assert generation is not None
    assert [info.name for info in generation.sets] == ["s", "t"]
    assert generation.additions is not None


def test_base_that_is_open_is_used_again(tmp_path: Path, current: Current) -> None:
    """A change of the overlay has no cost that grows with the base."""
    first = open_generation(tmp_path, current, clock=clock)
    assert first is not None
    again = open_generation(tmp_path, current, clock=clock, previous=first)
    assert again is not None
    assert again.base is first.base
    with ReferenceDirectory(tmp_path, clock=clock).writer() as writer:
        writer.compact()
    newer, _ = layout.read_current(tmp_path)
    second = open_generation(tmp_path, newer, clock=clock, previous=first)

    assert second is not None
    assert second.base is not first.base


@pytest.mark.parametrize("half", ["base", "overlay"])
def test_missing_directory_is_none(tmp_path: Path, current: Current, half: str) -> None:
    """The writer may just have removed it: the caller reads current again."""
    part = msgspec.structs.replace(getattr(current, half), number=99)
    other = msgspec.structs.replace(current, **{half: part})

    assert open_generation(tmp_path, other, clock=clock) is None
    assert isinstance(lacks_directories(tmp_path, 7), StoreCorruptError)


def test_other_key_is_refused(
    tmp_path: Path, current: Current, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With another key, exact signals would silently never be found."""
    monkeypatch.setenv(keys.KEY_VARIABLE, "07" * 32)

    with pytest.raises(StoreKeyError, match="is not the one") as caught:
        open_generation(tmp_path, current, clock=clock)
    assert keys.KEY_VARIABLE in caught.value.hint
