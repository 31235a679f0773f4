"""Gather signals of harmless pictures from scans, to make a corpus.

Rules this module keeps: only the signals of a picture are kept; progress is saved
without names, beside the new file, so that an interrupted build goes on at the same
place; equal values are kept once.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from uploadfilter.errors import HashSetKnownGoodError
from uploadfilter.knowngood.corpus import (
    FORMAT,
    MOST_PICTURES,
    Head,
    unwritable,
    write,
)
from uploadfilter.knowngood.digests import DigestSorter
from uploadfilter.model import (
    EXACT_TYPES,
    QUALITY_FLOOR,
    VARIANTS,
    Geometry,
    Scan,
    SignalType,
    Variant,
    View,
)
from uploadfilter.unfinished import UnfinishedFile, translated

STORED_VARIANTS: Final = (
    Variant.UPRIGHT,
    Variant.MIRROR,
    Variant.FLIP,
    Variant.R180,
)
"""Four of the eight variants, in this order: the others are these four transposed."""

SHOWN: Final = frozenset({"stored", "white", "black", "icc"})
"""Views whose values are kept: those that a browser shows of most pictures. Other views
lie near one of these, or no viewer shows them."""

MOST_VALUES_A_FILE: Final = 64
"""An archive of thousands of icons should be given as a folder; it is enough for a
video."""

_WORDS: Final = frozenset({"files", "no_picture", "unreadable"})
"""The possible results for a file."""

_PLACES: Final = tuple(VARIANTS.index(it) for it in STORED_VARIANTS)
_WIDTH: Final = SignalType.PDQ.width_bytes

Quality = Callable[[bytes], int]


class FileSignals(msgspec.Struct, frozen=True, kw_only=True):
    """The signals of one file.

    Attributes:
        values: PDQ of ``STORED_VARIANTS``, 128 bytes for each view.
        qualities: One byte for each view.
        digests: Digests by type, one after the other.
    """

    values: bytes
    qualities: bytes
    digests: dict[str, bytes]


def gather(scan: Scan, *, quality_of: Quality) -> FileSignals | None:
    """Return the signals of a scanned file; ``None`` if there is no picture in it."""
    values: dict[bytes, int] = {}
    digests: dict[str, bytes] = {kind.value: b"" for kind in EXACT_TYPES}
    is_picture = False
    for inner in scan.walk():
        if not inner.views:
            continue
        is_picture = True
        for signal in inner.exact:
            digests[signal.type.value] += signal.value
        for view in inner.views:
            if len(values) < MOST_VALUES_A_FILE and _is_shown(view.name):
                _add(values, view, quality_of)
    if not is_picture:
        return None
    return FileSignals(
        values=b"".join(values),
        qualities=bytes(values.values()),
        digests=digests,
    )


def _is_shown(name: str) -> bool:
    """Tell whether a browser shows a view, of the first frame or another."""
    words = [it for it in name.split("/") if not it.startswith(_FRAMES)]
    return SHOWN.issuperset(words)


_FRAMES: Final = ("frame:", "track:", "ms:")
"""Words of a view's name that only say which frame it is."""


def _add(values: dict[bytes, int], view: View, quality_of: Quality) -> None:
    for row in view.rows:
        is_whole = len(row) == len(VARIANTS)
        if (row.type, row.geometry) == (SignalType.PDQ, Geometry.FULL) and is_whole:
            quality = quality_of(view.plane)
            if quality >= QUALITY_FLOOR:
                four = (row.values[at * _WIDTH : (at + 1) * _WIDTH] for at in _PLACES)
                values.setdefault(b"".join(four), quality)
            return


@dataclass(slots=True)
class BuildNumbers:
    """The counts of a build so far.

    Attributes:
        no_picture: Files without pictures, or with pictures that could not be decoded.
        pictures: Different pictures, by PDQ; known at the end.
        digests: Different digests of each type; known at the end.
    """

    files: int = 0
    no_picture: int = 0
    unreadable: int = 0
    resumed: int = 0
    pictures: int = 0
    digests: int = 0


class Gathering:
    """A corpus that is being made.

    Until it is complete, two files beside it hold the gathered signals, and a list of
    the finished files by digests of their paths and times, and never by their names.

    Args:
        path: The path of the corpus; the file must not exist yet.

    Raises:
        HashSetKnownGoodError: The file exists, or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.numbers = BuildNumbers()
        with translated(path, HashSetKnownGoodError):
            self._file = UnfinishedFile(path, self._resume)

    def is_done(self, mark: str) -> bool:
        """Tell whether an earlier run has finished a file."""
        is_done = self._file.is_done(mark)
        self.numbers.resumed += is_done
        return is_done

    def add(self, mark: str, made: FileSignals | None, *, is_read: bool = True) -> None:
        """Add the result of one file.

        Args:
            mark: The digest by which a later run knows that the file is finished, see
                ``mark_of``.
            made: Its signals; ``None`` if there is no picture in it.
            is_read: Whether the file could be read.

        Raises:
            HashSetKnownGoodError: The signals cannot be written.
        """
        word = "files" if made else "no_picture" if is_read else "unreadable"
        self._count(word)
        line = b"" if made is None else msgspec.json.encode(made) + b"\n"
        with translated(self._path, HashSetKnownGoodError):
            self._file.add(mark, line, word)

    def finish(self, sources: Sequence[str] = (), *, each: int = 4) -> None:
        """Write the corpus, and remove the files beside it.

        Args:
            sources: The packages that it was made from, for people.
            each: Values of a picture that are kept: 4, or 1 for a small file.

        Raises:
            HashSetKnownGoodError: There are no pictures or too many, or it cannot be
                written.
        """
        self.close()
        sorters = {kind.value: DigestSorter(kind.width_bytes) for kind in EXACT_TYPES}
        values: dict[bytes, int] = {}
        try:
            for made in self._made():
                _collect(made, values, sorters, each)
            counts = {name: sorter.counted() for name, sorter in sorters.items()}
            if not any(counts.values()):
                raise HashSetKnownGoodError(
                    "there are no pictures for a known-good corpus",
                    hint="Name folders or files with pictures in them.",
                )
            kept = sorted(values)
            write(
                self._path,
                Head(
                    format=FORMAT,
                    pictures=len(kept),
                    each=each,
                    digests=counts,
                    sources=tuple(sources),
                ),
                values=b"".join(kept),
                qualities=bytes(values[value] for value in kept),
                digests={name: sorter.sorted() for name, sorter in sorters.items()},
            )
            self._file.remove()
        except OSError as exc:
            raise unwritable(self._path, exc) from exc
        finally:
            for sorter in sorters.values():
                sorter.close()
        self.numbers.pictures = len(kept)
        self.numbers.digests = sum(counts.values())

    def close(self) -> None:
        """Close the files; finished work stays saved."""
        self._file.close()

    def _made(self) -> Iterator[FileSignals]:
        decode = msgspec.json.Decoder(FileSignals).decode
        with self._file.part.open("rb") as file:
            yield from map(decode, file)

    def _count(self, word: str) -> None:
        setattr(self.numbers, word, getattr(self.numbers, word) + 1)

    def _resume(self, word: str) -> bool:
        """Count the result of an earlier run; tell whether the word is one."""
        if word not in _WORDS:
            return False
        self._count(word)
        return True


def _collect(
    made: FileSignals,
    values: dict[bytes, int],
    sorters: dict[str, DigestSorter],
    each: int,
) -> None:
    whole = len(STORED_VARIANTS) * _WIDTH
    for place, quality in enumerate(made.qualities):
        four = made.values[place * whole : (place + 1) * whole]
        values.setdefault(four[: each * _WIDTH], quality)
    if len(values) > MOST_PICTURES:
        raise HashSetKnownGoodError(
            f"there are more than {MOST_PICTURES:,} different pictures",
            hint="Make several corpora of them.",
        )
    for name, found in made.digests.items():
        sorter = sorters[name]
        width = SignalType(name).width_bytes
        for at in range(0, len(found), width):
            sorter.add(found[at : at + width])
