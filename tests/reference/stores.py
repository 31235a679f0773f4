"""Reference directories for tests, filled without an import."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.conformance.generations import ENFORCED, Make, Sets, entry, exactly, pdq
from uploadfilter.model import Entry, Signal, SignalType
from uploadfilter.reference.entries.sets import LOCAL_ISSUER, SetInfo
from uploadfilter.reference.search.near.asking import NearGeneration
from uploadfilter.reference.store import ReferenceDirectory, ReferenceReader
from uploadfilter.reference.writing.writing import ReferenceWriter

IMPORTED_AT = 1_700_000_000

MD5 = Signal(type=SignalType.MD5, value=bytes(range(16)))
VALUE = bytes(range(32))
ENTRY = entry("1", *exactly(MD5), pdq(VALUE))
"""An entry with a digest and a PDQ value."""


def put(
    writer: ReferenceWriter,
    name: str,
    entries: Sequence[Entry],
    *,
    enforced: bool = True,
) -> SetInfo:
    """Put one hash set in force."""
    collected = writer.collect()
    for item in entries:
        collected.add(item)
    info = SetInfo(
        name=name,
        issuer=LOCAL_ISSUER,
        categories=("A", "B"),
        enforced=enforced,
        imported_at=IMPORTED_AT,
    )
    return writer.replace_set(collected, info)


def put_set(
    directory: Path, name: str, entries: Sequence[Entry], *, enforced: bool = True
) -> SetInfo:
    """Put one hash set in force with a separate writer."""
    with ReferenceDirectory(directory).writer() as writer:
        return put(writer, name, entries, enforced=enforced)


def _everything(writer: ReferenceWriter, sets: Sets, monitored: frozenset[str]) -> None:
    for name, entries in sets.items():
        put(writer, name, entries, enforced=name not in monitored)


def in_overlay(writer: ReferenceWriter, sets: Sets, monitored: frozenset[str]) -> None:
    """Leave everything in the overlay."""
    _everything(writer, sets, monitored)


def in_base(writer: ReferenceWriter, sets: Sets, monitored: frozenset[str]) -> None:
    """Make everything one base."""
    _everything(writer, sets, monitored)
    writer.compact()


def in_both(writer: ReferenceWriter, sets: Sets, monitored: frozenset[str]) -> None:
    """Put the first half of the sets into the base, the others into the overlay."""
    for at, (name, entries) in enumerate(sets.items()):
        put(writer, name, entries, enforced=name not in monitored)
        if 2 * at < len(sets):
            writer.compact()


def over_withdrawn(
    writer: ReferenceWriter, sets: Sets, monitored: frozenset[str]
) -> None:
    """Have a base below whose sets were all replaced, removed or revoked."""
    for name in (*sets, "gone"):
        put(writer, name, [ENTRY])
    put(writer, "revoked", [ENTRY])
    writer.compact()
    _everything(writer, sets, monitored)
    writer.remove_set("gone")
    writer.revoke("revoked", ["1"])
    writer.remove_set("revoked")


def after_rollback(
    writer: ReferenceWriter, sets: Sets, monitored: frozenset[str]
) -> None:
    """Return to it from something else."""
    in_base(writer, sets, monitored)
    number = writer.number
    put(writer, "other", [ENTRY])
    writer.compact()
    writer.rollback(number)


Fill = Callable[[ReferenceWriter, Sets, frozenset[str]], None]

FILLS: tuple[Fill, ...] = (in_overlay, in_base, in_both, over_withdrawn, after_rollback)


def maker(fill: Fill) -> Make:
    """Return a function that makes stored generations in one way."""

    @contextmanager
    def make(
        sets: Sets, monitored: frozenset[str] = ENFORCED
    ) -> Iterator[NearGeneration]:
        with TemporaryDirectory() as folder:
            directory = ReferenceDirectory(Path(folder) / "reference")
            with directory.writer() as writer:
                fill(writer, sets, monitored)
            with ReferenceReader.open(directory.path) as reader:
                yield reader.current()

    return make


def stored(
    sets: Sets, monitored: frozenset[str] = ENFORCED
) -> AbstractContextManager[NearGeneration]:
    """Return a stored generation that holds the given sets in its base."""
    return maker(in_base)(sets, monitored)
