"""Reference directories for tests, filled without an import."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.conformance.generations import ENFORCED, Sets
from uploadfilter.model import Entry
from uploadfilter.reference.matching import Generation
from uploadfilter.reference.sets import LOCAL_ISSUER, SetInfo
from uploadfilter.reference.store import ReferenceDirectory, ReferenceReader

IMPORTED_AT = 1_700_000_000


def put_set(
    directory: Path, name: str, entries: Sequence[Entry], *, enforced: bool = True
) -> SetInfo:
    """Put one hash set in force."""
    with ReferenceDirectory(directory).writer() as writer:
        collected = writer.collect()
        for entry in entries:
            collected.add(entry)
        info = SetInfo(
            name=name,
            issuer=LOCAL_ISSUER,
            categories=("A", "B"),
            enforced=enforced,
            imported_at=IMPORTED_AT,
        )
        return writer.replace_set(collected, info)


@contextmanager
def stored(sets: Sets, monitored: frozenset[str] = ENFORCED) -> Iterator[Generation]:
    """Yield a stored generation that holds the given sets."""
    with TemporaryDirectory() as folder:
        directory = Path(folder) / "reference"
        ReferenceDirectory(directory).init()
        for name, entries in sets.items():
            put_set(directory, name, entries, enforced=name not in monitored)
        with ReferenceReader.open(directory) as reader:
            yield reader.current()
