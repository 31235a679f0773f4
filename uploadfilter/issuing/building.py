"""Make entries from scans: choose the signals of a picture that a signed set lists.

Rules this module keeps: only the signals of a picture go into its entry, and its name
only if the officer asks for it; a picture that would match innocent ones is refused and
counted; progress is saved without names, so that an interrupted build goes on at the
same place.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path, PurePath
from typing import Final

import msgspec

from uploadfilter.errors import IssuerError
from uploadfilter.hashsets.degenerate import problem_of
from uploadfilter.hashsets.lines.rows import MOST_ID_CHARACTERS, is_category
from uploadfilter.issuing.leftout import FileList, ListedFile, list_beside
from uploadfilter.issuing.tables import PictureTable
from uploadfilter.model import (
    FULL_WINDOW,
    QUALITY_FLOOR,
    Entry,
    EntrySignal,
    Geometry,
    Reason,
    Scan,
    Signal,
    SignalType,
    View,
)
from uploadfilter.signals.windows import window_of
from uploadfilter.signedsets import operations as ops
from uploadfilter.unfinished import UnfinishedFile, translated

TYPES: Final = frozenset({SignalType.PDQ, SignalType.PHASH})
"""Perceptual signals of an entry; the filter computes both for every upload."""

MOST_FRAMES: Final = 16
"""Pictures of one file that its entry lists: for an animation, frames at even
distances."""

_DIGEST_DIGITS: Final = 32
"""Digits of the SHA-256 that make an id: two of ten million files never share 128
bits."""

_STORED: Final = "stored"
_COMPARED: Final = ((SignalType.PDQ, Geometry.FULL), (SignalType.PHASH, None))
"""Signals of a frame; a window has the first one, because 64 bits of a part of a
picture say too little."""

_NAMES_SHOWN: Final = 5
"""Names of files that are shown for each reason; the list has all of them."""

_BROKEN: Final = frozenset({Reason.TRUNCATED, Reason.UNDECODABLE})
"""Reasons why only a part of a picture was decoded."""

Quality = Callable[[bytes], int]


class LeftOut(StrEnum):
    """The reasons why a file does not become an entry."""

    UNREADABLE = "unreadable"
    NO_FILE = "no_file"
    NO_PICTURE = "no_picture"
    DAMAGED = "damaged"
    KNOWN_GOOD = "known_good"
    DEGENERATE = "degenerate"
    NO_CATEGORY = "no_category"
    NO_ROW = "no_row"
    NO_ID = "no_id"
    SAME = "same"


WORDS: Final[Mapping[LeftOut, str]] = {
    LeftOut.DAMAGED: "a picture that is damaged, or could not be decoded",
    LeftOut.KNOWN_GOOD: "like a picture or file that is known to be harmless",
    LeftOut.UNREADABLE: "could not be read",
    LeftOut.NO_FILE: "a link to a folder, or not a regular file",
    LeftOut.NO_PICTURE: "not a picture",
    LeftOut.DEGENERATE: "so plain that it would match innocent pictures",
    LeftOut.NO_CATEGORY: "in no folder, or row, that names a category",
    LeftOut.NO_ROW: "in no row of the table",
    LeftOut.NO_ID: "an id that an entry cannot have",
    LeftOut.SAME: "the same file once more",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """How the files of a folder get their ids and categories.

    Attributes:
        category: Category of every file; ``None`` if its folder or the table names it.
        by_name: Whether the name of a file, without its ending, is its id; otherwise
            its id is made of its SHA-256.
        table: The rows with ids and categories; an empty id means that it is made of
            the digest. ``None`` if there is no such file.
    """

    category: str | None = None
    by_name: bool = False
    table: PictureTable | None = None

    def row_of(self, path: PurePath, digests: Collection[Signal] = ()) -> int:
        """Return the number of a file's row in the table; 0 if it has none."""
        if self.table is None:
            return 0
        return self.table.at_place(path.as_posix()) or self.table.of_digests(digests)

    def needs_digests(self, path: PurePath) -> bool:
        """Tell whether the digests of a file are needed to find its row."""
        return (
            self.table is not None
            and self.table.has_digests
            and not self.table.at_place(path.as_posix())
        )

    def of(
        self, path: PurePath, digests: Collection[Signal] = ()
    ) -> tuple[str, str] | LeftOut:
        """Return the id (empty if it is made of the digest) and category of a file.

        Args:
            path: Path of the file, relative to the folder that is built.
            digests: Digests of the file.
        """
        entry_id, category = "", self.category
        if self.table is not None:
            number = self.row_of(path, digests)
            if not number:
                return LeftOut.NO_ROW
            row = self.table.row(number)
            entry_id, category = row.id, row.category or category
        elif category is None and len(path.parts) > 1:
            category = path.parts[0]
        if category is None or not is_category(category):
            return LeftOut.NO_CATEGORY
        if self.by_name and not entry_id:
            entry_id = path.stem
        if len(entry_id) > MOST_ID_CHARACTERS or (
            entry_id and not entry_id.isprintable()
        ):
            return LeftOut.NO_ID
        return entry_id, category


def entry_of(
    scan: Scan, *, entry_id: str, category: str, quality_of: Quality
) -> Entry | LeftOut:
    """Return the entry of a scanned picture, or the reason why there is none."""
    frames = _evenly([view for view in scan.views if _is_stored(view.name)])
    if not frames:
        return LeftOut.NO_PICTURE
    signals = [part for view in frames for part in _signals_of(view, quality_of)]
    if not signals:
        # What is missing may have made it plain: somebody looks for the original.
        return doubt_of(scan) or LeftOut.DEGENERATE
    for view in _windows_of(scan, frames):
        signals += _signals_of(view, quality_of)
    digests = [EntrySignal(signal=signal) for signal in scan.exact]
    sha256 = next(s.value for s in scan.exact if s.type is SignalType.SHA256)
    return Entry(
        id=entry_id or sha256.hex()[:_DIGEST_DIGITS],
        category=category,
        signals=(*digests, *dict.fromkeys(signals)),
    )


def doubt_of(scan: Scan) -> LeftOut | None:
    """Return why somebody should look at the entry of a scanned picture."""
    return LeftOut.DAMAGED if _BROKEN.intersection(scan.reasons) else None


def _signals_of(view: View, quality_of: Quality) -> Iterator[EntrySignal]:
    """Yield the signals of a view; none if it is so plain that it matches others."""
    quality = quality_of(view.plane)
    if quality < QUALITY_FLOOR:
        return
    window = window_of(view.name)
    for kind, geometry in _COMPARED if window is None else _COMPARED[:1]:
        value = view.value(kind)
        if value is None or problem_of(kind, value) is not None:
            continue
        yield EntrySignal(
            signal=Signal(type=kind, value=value),
            quality=quality if kind is SignalType.PDQ else None,
            geometry=geometry,
            window=window or FULL_WINDOW,
        )


def _windows_of(scan: Scan, frames: Sequence[View]) -> Iterator[View]:
    wanted = {"" if view.name == _STORED else view.name for view in frames}
    for view in scan.views:
        if window_of(view.name) and view.name.rpartition("/")[0] in wanted:
            yield view


def _is_stored(name: str) -> bool:
    return name == _STORED or (name.startswith("frame:") and "/" not in name)


def _evenly(views: list[View]) -> list[View]:
    if len(views) <= MOST_FRAMES:
        return views
    step = (len(views) - 1) / (MOST_FRAMES - 1)
    return [views[round(at * step)] for at in range(MOST_FRAMES)]


@dataclass(slots=True)
class Built:
    """The results of a build so far.

    Attributes:
        entries: How many entries were written.
        categories: Entries by category.
        refused: Files without an entry, by reason.
        resumed: Files that an earlier run had finished.
        rows: Numbers of the rows of the table that were found; 0 means no row.
        doubtful: Entries that somebody should look at, by reason.
        generic: Ids of entries that are like known-good pictures.
        names: For each reason the first names of files, with what the decoder said.
    """

    entries: int = 0
    categories: dict[str, int] = field(default_factory=dict)
    refused: dict[LeftOut, int] = field(default_factory=dict)
    resumed: int = 0
    rows: set[int] = field(default_factory=set)
    doubtful: dict[LeftOut, int] = field(default_factory=dict)
    generic: list[str] = field(default_factory=list)
    names: dict[LeftOut, list[str]] = field(default_factory=dict)

    def note(self, note: "_Note") -> None:
        """Count the result of one file."""
        self.rows.add(note.row)
        if not note.category:
            why = LeftOut(note.reason)
            self.refused[why] = self.refused.get(why, 0) + 1
            return
        self.entries += 1
        self.categories[note.category] = self.categories.get(note.category, 0) + 1
        if note.reason:
            why = LeftOut(note.reason)
            self.doubtful[why] = self.doubtful.get(why, 0) + 1
        if note.reason == LeftOut.KNOWN_GOOD:
            self.generic.append(note.entry)


class _Note(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """The result of a file, for a later run; it has no name.

    Attributes:
        mark: The mark of the file.
        row: The number of its row in the table; 0 if it has none.
        category: The category of its entry; empty if it was left out.
        entry: The id of its entry; empty as above.
        reason: Why it was left out, or why somebody should look at it; may be empty.
        detail: As in ``ListedFile``.
    """

    mark: str
    row: int
    category: str = ""
    entry: str = ""
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileResult:
    """The result of one file.

    Attributes:
        mark: The digest by which a later run knows that the file is finished.
        made: The entry, or the reason why there is none.
        row: The number of its row in the table; 0 if it has none.
        path: Its path, for the list; empty to leave it off the list.
        doubt: Why somebody should look at the entry; ``None`` if nobody has to.
        detail: As in ``ListedFile``.
    """

    mark: str
    made: Entry | LeftOut
    row: int = 0
    path: str = ""
    doubt: LeftOut | None = None
    detail: str = ""


class BuildFile:
    """The file of a build: lines that can be staged, and where an earlier run stopped.

    Until it is complete, a second file beside it lists the finished files of the
    folder, by digests of their paths and times, and never by their names.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.built = Built()
        self._ids: set[str] = set()
        self._earlier: dict[str, _Note] = {}
        with translated(path, IssuerError):
            self._file = UnfinishedFile(path, self._resume)
            self._list = FileList(list_beside(path))
            for line in self._file.part.read_bytes().splitlines():
                self._ids.add(ops.id_of(line))

    @property
    def list(self) -> Path:
        """The list of files to look at, which exists if there are any."""
        return self._list.path

    def is_done(self, mark: str, path: str = "") -> bool:
        """Tell whether an earlier run has finished a file."""
        is_done = self._file.is_done(mark)
        self.built.resumed += is_done
        if is_done and mark in self._earlier:
            with translated(self._path, IssuerError):
                self._put_on_list(path, self._earlier[mark])
        return is_done

    def add(self, file: FileResult) -> None:
        """Add the result of one file."""
        made = file.made
        if isinstance(made, Entry) and made.id in self._ids:
            made = LeftOut.SAME
        line = b""
        if isinstance(made, LeftOut):
            note = _Note(mark=file.mark, row=file.row, reason=made, detail=file.detail)
        else:
            note = _Note(
                mark=file.mark,
                row=file.row,
                category=made.category,
                entry=made.id,
                reason=file.doubt or "",
                detail=file.detail,
            )
            self._ids.add(made.id)
            line = b"{" + ops.addition(made).split(b",", 1)[1]
        self.built.note(note)
        with translated(self._path, IssuerError):
            self._file.add(file.mark, line, msgspec.json.encode(note).decode())
            self._put_on_list(file.path, note)

    def _put_on_list(self, path: str, note: _Note) -> None:
        if not path or not note.reason:
            return
        why = LeftOut(note.reason)
        names = self.built.names.setdefault(why, [])
        if len(names) < _NAMES_SHOWN:
            names.append(f"{path} ({note.detail})" if note.detail else path)
        outcome = "listed" if note.category else "left out"
        self._list.add(
            ListedFile(
                path=path, outcome=outcome, reason=WORDS[why], detail=note.detail
            )
        )

    def finish(self) -> None:
        """Move the file to its final path."""
        with translated(self._path, IssuerError):
            self._list.finish()
            self._file.put_in_place()

    def close(self) -> None:
        """Close the files; finished work stays saved."""
        self._file.close()
        self._list.close()

    def _resume(self, note: str) -> bool:
        """Count the result of an earlier run; tell whether this is a note of one."""
        try:
            found = msgspec.json.decode(note, type=_Note)
            self.built.note(found)
        except (msgspec.DecodeError, ValueError):
            return False
        if found.reason:
            self._earlier[found.mark] = found
        return True
