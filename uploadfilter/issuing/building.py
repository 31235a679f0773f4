"""Entries out of scans: which signals of a picture a signed set lists, and which not.

Rules this module keeps: nothing of a picture goes into an entry but its signals, and
nothing of its name unless the officer asks for it; a picture that would match innocent
ones is refused and counted; what was done is remembered without names, so that an
interrupted build goes on where it was.
"""

import contextlib
import hashlib
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from io import BufferedWriter
from pathlib import Path, PurePath
from typing import Final

from uploadfilter.errors import IssuerError
from uploadfilter.hashsets.degenerate import problem_of
from uploadfilter.hashsets.jsonlines import MOST_ID_CHARACTERS, is_category
from uploadfilter.issuing.tables import Table
from uploadfilter.model import (
    QUALITY_FLOOR,
    Entry,
    EntrySignal,
    Geometry,
    Scan,
    Signal,
    SignalType,
    View,
)
from uploadfilter.signedsets import operations as ops

TYPES: Final = frozenset({SignalType.PDQ, SignalType.PHASH})
"""Perceptual signals of an entry: what the filter computes of every upload."""

MOST_FRAMES: Final = 16
"""Pictures of one file that its entry lists: of an animation, frames evenly between."""

_DIGEST_DIGITS: Final = 32
"""Of the SHA-256, as an id: two of ten million files share 128 bits never."""

_STORED: Final = "stored"
_COMPARED: Final = ((SignalType.PDQ, Geometry.FULL), (SignalType.PHASH, None))

_NOTE: Final = re.compile(r"([^ ]+) ([0-9]+) ([0-9]+) (.*)\n")

Quality = Callable[[bytes], int]


class Refusal(StrEnum):
    """Why a file does not become an entry."""

    UNREADABLE = "unreadable"
    NO_FILE = "no_file"
    NO_PICTURE = "no_picture"
    DEGENERATE = "degenerate"
    NO_CATEGORY = "no_category"
    NO_ROW = "no_row"
    NO_ID = "no_id"
    SAME = "same"


WORDS: Final[Mapping[Refusal, str]] = {
    Refusal.UNREADABLE: "could not be read",
    Refusal.NO_FILE: "a link to a folder, or no regular file",
    Refusal.NO_PICTURE: "no picture, or one that could not be decoded",
    Refusal.DEGENERATE: "so plain that it would match innocent pictures",
    Refusal.NO_CATEGORY: "in no folder, or row, that names a category",
    Refusal.NO_ROW: "in no row of the table",
    Refusal.NO_ID: "an id that an entry cannot have",
    Refusal.SAME: "the same file once more",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """How the files of a folder get their ids and categories.

    Attributes:
        category: Of every file; ``None`` if folder or CSV say it.
        by_name: Whether the name of a file, without its ending, is its id; else its
            id is made of its SHA-256.
        table: Says ids and categories; of an empty id the digest is taken. ``None`` if
            there is no such file.
    """

    category: str | None = None
    by_name: bool = False
    table: Table | None = None

    def row_of(self, path: PurePath, digests: Collection[Signal] = ()) -> int:
        """Return the number of the row of a file in the table; 0 for none."""
        if self.table is None:
            return 0
        return self.table.at_place(path.as_posix()) or self.table.of_digests(digests)

    def needs_digests(self, path: PurePath) -> bool:
        """Tell whether nothing is known of a file before its digests are."""
        return (
            self.table is not None
            and self.table.has_digests
            and not self.table.at_place(path.as_posix())
        )

    def of(
        self, path: PurePath, digests: Collection[Signal] = ()
    ) -> tuple[str, str] | Refusal:
        """Return the id, empty for the digest's, and the category of a file.

        Args:
            path: Below the folder that is built.
            digests: Of the file.
        """
        entry_id, category = "", self.category
        if self.table is not None:
            number = self.row_of(path, digests)
            if not number:
                return Refusal.NO_ROW
            row = self.table.row(number)
            entry_id, category = row.id, row.category or category
        elif category is None and len(path.parts) > 1:
            category = path.parts[0]
        if category is None or not is_category(category):
            return Refusal.NO_CATEGORY
        if self.by_name and not entry_id:
            entry_id = path.stem
        if len(entry_id) > MOST_ID_CHARACTERS or (
            entry_id and not entry_id.isprintable()
        ):
            return Refusal.NO_ID
        return entry_id, category


def entry_of(
    scan: Scan, *, entry_id: str, category: str, quality_of: Quality
) -> Entry | Refusal:
    """Return the entry of a scanned picture, or why there is none.

    Args:
        scan: Of the file, with its digests.
        entry_id: Its id; empty for one that is made of its SHA-256.
        category: Its category.
        quality_of: Computes PDQ's quality from a view's plane.
    """
    frames = _evenly([view for view in scan.views if _is_stored(view.name)])
    if not frames:
        return Refusal.NO_PICTURE
    signals: list[EntrySignal] = []
    for view in frames:
        quality = quality_of(view.plane)
        if quality < QUALITY_FLOOR:
            continue
        for kind, geometry in _COMPARED:
            value = view.value(kind)
            if value is None or problem_of(kind, value) is not None:
                continue
            signals.append(
                EntrySignal(
                    signal=Signal(type=kind, value=value),
                    quality=quality if kind is SignalType.PDQ else None,
                    geometry=geometry,
                )
            )
    if not signals:
        return Refusal.DEGENERATE
    digests = [EntrySignal(signal=signal) for signal in scan.exact]
    sha256 = next(s.value for s in scan.exact if s.type is SignalType.SHA256)
    return Entry(
        id=entry_id or sha256.hex()[:_DIGEST_DIGITS],
        category=category,
        signals=(*digests, *dict.fromkeys(signals)),
    )


def _is_stored(name: str) -> bool:
    """Tell whether a view is a frame as it is stored, and no other way to show it."""
    return name == _STORED or (name.startswith("frame:") and "/" not in name)


def _evenly(views: list[View]) -> list[View]:
    if len(views) <= MOST_FRAMES:
        return views
    step = (len(views) - 1) / (MOST_FRAMES - 1)
    return [views[round(at * step)] for at in range(MOST_FRAMES)]


@dataclass(slots=True)
class Built:
    """What a build has done so far.

    Attributes:
        entries: How many entries were written.
        categories: Entries by category.
        refused: Files that became none, by reason.
        resumed: Files that an earlier run had done.
        rows: Numbers of the rows of the table that were found; 0 is no row.
    """

    entries: int = 0
    categories: dict[str, int] = field(default_factory=dict)
    refused: dict[Refusal, int] = field(default_factory=dict)
    resumed: int = 0
    rows: set[int] = field(default_factory=set)

    def note(self, made: Entry | Refusal) -> None:
        """Count what became of one file."""
        if isinstance(made, Refusal):
            self.refused[made] = self.refused.get(made, 0) + 1
            return
        self.entries += 1
        self.categories[made.category] = self.categories.get(made.category, 0) + 1


class BuildFile:
    """The file of a build: lines that may be staged, and where an earlier run stopped.

    Beside it stands, until it is whole, a file that says which files of the folder were
    done, by digests of their places and times, and never by their names.

    Args:
        path: Where the lines go; the file must not be there yet.

    Raises:
        IssuerError: It is, or it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(path.name + ".part")
        self._log = path.with_name(path.name + ".done")
        if path.exists():
            raise IssuerError(
                f"{str(path)!r} is there already",
                hint="Name another file, or remove it.",
            )
        self.built = Built()
        self._ids: set[str] = set()
        try:
            self._done = self._resume()
            self._lines = self._opened(self._part)
            self._notes = self._opened(self._log)
        except OSError as exc:
            raise _unwritable(path, exc) from exc

    def is_done(self, mark: str) -> bool:
        """Tell whether an earlier run has done a file."""
        if mark in self._done:
            self.built.resumed += 1
            return True
        return False

    def add(self, mark: str, made: Entry | Refusal, row: int = 0) -> None:
        """Take one file in.

        Args:
            mark: By what it is known to be done.
            made: What became of it.
            row: The number of its row in the table; 0 for none.

        Raises:
            IssuerError: It cannot be written.
        """
        if isinstance(made, Entry) and made.id in self._ids:
            made = Refusal.SAME
        self.built.note(made)
        self.built.rows.add(row)
        try:
            if isinstance(made, Entry):
                self._ids.add(made.id)
                self._lines.write(b"{" + ops.addition(made).split(b",", 1)[1])
                self._lines.flush()
            word = made.value if isinstance(made, Refusal) else made.category
            note = f"{mark} {self._lines.tell()} {row} {word}\n"
            self._notes.write(note.encode())
            self._notes.flush()
        except OSError as exc:
            raise _unwritable(self._path, exc) from exc

    def finish(self) -> None:
        """Put the file in its place.

        Raises:
            IssuerError: It cannot be written.
        """
        try:
            os.fsync(self._lines.fileno())
            self.close()
            self._part.rename(self._path)
            self._log.unlink()
        except OSError as exc:
            raise _unwritable(self._path, exc) from exc

    def close(self) -> None:
        """Let go of the files; what was done stays done."""
        for file in (self._lines, self._notes):
            # What a full disk did not take was said when it was added.
            with contextlib.suppress(OSError):
                file.close()

    def _opened(self, path: Path) -> BufferedWriter:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return os.fdopen(fd, "ab")

    def _resume(self) -> set[str]:
        """Read what an earlier run has done; cut off what it did not finish."""
        done: set[str] = set()
        end = 0
        for mark, at, row, word in _notes_in(self._log):
            done.add(mark)
            end = at
            self.built.rows.add(row)
            if word in set(Refusal):
                self.built.note(Refusal(word))
            else:
                self.built.entries += 1
                counts = self.built.categories
                counts[word] = counts.get(word, 0) + 1
        if self._part.exists():
            os.truncate(self._part, end)
            for line in self._part.read_bytes().splitlines():
                self._ids.add(ops.id_of(line))
        return done


def mark_of(path: str, status: os.stat_result) -> str:
    """Return by what a file is known to be done: never its name."""
    what = f"{path}\0{status.st_size}\0{status.st_mtime_ns}".encode(
        "utf-8", "surrogateescape"
    )
    return hashlib.blake2b(what, digest_size=16).hexdigest()


def _notes_in(path: Path) -> Iterator[tuple[str, int, int, str]]:
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        found = _NOTE.fullmatch(line)
        if found is None:
            return
        mark, at, row, word = found.groups()
        yield mark, int(at), int(row), word


def _unwritable(path: Path, exc: OSError) -> IssuerError:
    return IssuerError(
        f"cannot write {str(path)!r}: {exc.strerror}",
        hint="Make room on the disk, and run the command again: it goes on where it "
        "stopped.",
    )
