"""Files that only some readers list on a disc are known."""

from tests.corpus.bombs import archives as bombs_archives
from tests.corpus.tricks import archives as made
from tests.corpus.tricks.joined import two_trees
from uploadfilter.contents.archives.discs import listed_apart
from uploadfilter.contents.source import MemorySource

MOST = 1000


def apart(disc: bytes) -> dict[str, bytes]:
    """Return the files that only some readers list, by name."""
    found = listed_apart(MemorySource(disc), MOST)
    return {
        name: disc[file.offset : file.offset + file.size]
        for file, name in found.items()
    }


def test_file_in_one_tree_is_given() -> None:
    """Readers of the other tree do not see it."""
    disc = two_trees(("A.TXT", b"short"), ("a long name", b"long"))

    assert apart(disc) == {"A.TXT": b"short", "a long name": b"long"}


def test_files_in_all_trees_are_not_given_again() -> None:
    """Nearly all discs have the same files in both trees, or one tree."""
    assert apart(made.iso("A.TXT", b"short")) == {}
    assert apart(b"no disc" * 9000) == {}


def test_folders_without_end_are_read_once() -> None:
    """A folder may hold itself, and any number of records."""
    assert apart(bombs_archives.endless_disc()) == {}
    assert len(apart(bombs_archives.crowded_disc())) <= MOST
