"""The library gets bytes and gives bytes, whatever it is given."""

import pytest

from tests.contents.archives.libraries import needs_libarchive
from tests.corpus.tricks import archives as made
from uploadfilter.contents.archives import library
from uploadfilter.contents.members import Shortfall
from uploadfilter.contents.source import MemorySource
from uploadfilter.model import Reason

pytestmark = needs_libarchive


class Short:
    """A source that raises ``MemoryError`` when it is read."""

    size = 1 << 20

    def read(self, offset: int, length: int) -> bytes:
        """Give the beginning only."""
        if offset:
            raise MemoryError
        return made.ar(("a", bytes(length)))[:length]


def blocks_of(opened: library.ArchiveReader | Shortfall) -> list[bytes | Shortfall]:
    """Return all that is in an archive."""
    if isinstance(opened, Shortfall):
        return [opened]
    found: list[bytes | Shortfall] = []
    for entry in opened.entries():
        found += [entry] if isinstance(entry, Shortfall) else opened.blocks()
    return found


def test_two_archives_are_read_in_turns() -> None:
    """An archive in an archive disturbs it not."""
    outer = MemorySource(made.ar(("a", b"one"), ("b", b"two")))
    inner = MemorySource(made.cpio(("c", b"three")))
    found: list[bytes | Shortfall] = []
    with library.reading(outer, formats=("ar",), filters=("none",)) as opened:
        assert isinstance(opened, library.ArchiveReader)
        for _ in opened.entries():
            with library.reading(inner, formats=("cpio",), filters=("none",)) as nested:
                found += blocks_of(nested)
            found += opened.blocks()

    assert found == [b"three", b"one", b"three", b"two"]


def test_want_of_memory_is_a_shortfall() -> None:
    """An exception of a source never passes through the library."""
    with library.reading(Short(), formats=("ar",), filters=("none",)) as opened:
        found = blocks_of(opened)

    assert found[-1] == Shortfall(reason=Reason.OUT_OF_MEMORY)


@pytest.mark.parametrize("content", [b"", b"!<arch>\n", b"no archive at all"])
def test_nothing_is_no_archive(content: bytes) -> None:
    """Bytes that are not an archive give a value, not an exception."""
    with library.reading(
        MemorySource(content), formats=("7zip",), filters=("none",)
    ) as opened:
        assert all(isinstance(each, Shortfall) for each in blocks_of(opened))


def test_member_that_is_not_at_hand_any_more_has_no_bytes() -> None:
    """Memory that the library has freed is never touched."""
    source = MemorySource(made.ar(("a", b"one"), ("b", b"two")))
    with library.reading(source, formats=("ar",), filters=("none",)) as opened:
        assert isinstance(opened, library.ArchiveReader)
        entries = opened.entries()
        next(entries)
        first = opened.blocks()
        next(entries)
        second = opened.blocks()
        of_first = list(first)
        begun = [next(second)]

    assert (of_first, begun, list(second)) == ([], [b"two"], [])
