"""The journal of the reference set: every change, its author and its time.

It consists of lines of JSON in ``reference/journal``, which are only ever added. The
writer adds a line for each change, durably, before it puts the change in force. The
service reads the lines and puts them on record in its decision log, including those
that were written while it did not run.

A line names the generation that it led to. If a writer was killed before that
generation came in force, its line is not true. The next writer recognises this, because
the generation in force has a lower number, and adds a line that says so (``void``). So
a reader takes lines up to the generation in force, and leaves out the void ones.

Each line holds the SHA-256 of the line before. A reader that knows the number and the
hash of the last line it took can tell whether this is still the same journal.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from uploadfilter.acting import Actor
from uploadfilter.reference.files import layout
from uploadfilter.state import PRIVATE_FILE, sync_directory

FILE: Final = "journal"

VOID: Final = "void"
"""Kind of a line that declares that the line before never came in force."""

MOST_BYTES: Final = 16 * 1024 * 1024
"""Some 30,000 changes: three years of an import each hour. Beyond this size the older
half is removed; every proxy has taken that half long before."""

LINE_BYTES: Final = 64 * 1024
"""Longest line; the lines of the writer are a few kilobytes."""

FIRST: Final = "0" * 64
"""The hash that the first line names as the one before."""


class By(msgspec.Struct, frozen=True, kw_only=True):
    """The account that made a change, see ``acting.Actor``."""

    uid: int
    user: str | None = None
    login: str | None = None
    sudo_user: str | None = None


class JournalLine(msgspec.Struct, frozen=True, kw_only=True):
    """One change.

    Attributes:
        number: From 1, without gaps.
        previous: SHA-256 of the line before, hex.
        at: When the change was made, in seconds since the epoch.
        kind: The kind of change; one of ``ChangeKind``, or ``VOID``.
        subject: The set, entry or generation that was changed.
        generation: The generation that the change led to.
        by: The account that made the change.
        details: Further facts, by name.
    """

    number: int
    previous: str
    at: float
    kind: str
    subject: str
    generation: int
    by: By
    details: Mapping[str, object] = msgspec.field(default_factory=dict)


class Written(NamedTuple):
    """A line with its hash and its place in the journal.

    Attributes:
        line: The parsed line.
        hash: SHA-256 of it, hex.
        end: Offset of the byte after it.
    """

    line: JournalLine
    hash: str
    end: int


class Change(NamedTuple):
    """A change that a writer has made.

    Attributes:
        kind: The kind of change.
        subject: The set, entry or generation that was changed.
        details: Further facts, by name.
    """

    kind: str
    subject: str
    details: Mapping[str, object] = {}


def read(directory: Path, *, start: int = 0) -> Iterator[Written]:
    """Yield the whole lines of a journal; nothing if there is no journal.

    Args:
        directory: The reference directory.
        start: Offset of the first line to read.

    Raises:
        OSError: The journal cannot be read.
        StoreCorruptError: A line cannot be parsed.
    """
    path = directory / FILE
    if not path.exists():
        return
    with path.open("rb") as file:
        file.seek(start)
        end = start
        while data := file.readline(LINE_BYTES):
            end += len(data)
            if not data.endswith(b"\n"):
                if len(data) == LINE_BYTES:
                    raise layout.corrupt(path, "has a line that is too long")
                return
            yield Written(_line(data[:-1], path), _hash(data[:-1]), end)


def _line(data: bytes, path: Path) -> JournalLine:
    try:
        return msgspec.json.decode(data, type=JournalLine)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise layout.corrupt(path, f"has a line that cannot be read: {exc}") from exc


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Journal:
    """The end of a journal, for the only writer.

    Args:
        directory: The reference directory; the caller holds its lock.
        actor: The account that writes.

    Raises:
        OSError: The journal cannot be read, or an unfinished line cannot be removed.
        StoreCorruptError: A line cannot be parsed.
    """

    def __init__(self, directory: Path, *, actor: Actor) -> None:
        self._path = directory / FILE
        self._by = By(**asdict(actor))
        self._last: Written | None = None
        for written in read(directory):
            self._last = written
        self._end = 0 if self._last is None else self._last.end
        if self._end > MOST_BYTES:
            self._forget()

    def _forget(self) -> None:
        """Remove the older half of the lines."""
        data = self._path.read_bytes()[: self._end]
        kept = data[data.index(b"\n", len(data) // 2) + 1 :]
        layout.write_aside(self._path, kept).rename(self._path)
        sync_directory(self._path.parent)
        self._end = len(kept)

    def add(self, change: Change, *, generation: int, in_force: int, at: float) -> None:
        """Add a line, durably; first void the line before if it never came in force.

        Args:
            change: The change.
            generation: The generation that it leads to.
            in_force: The generation in force until then.
            at: Seconds since the epoch.

        Raises:
            OSError: It could not be written.
        """
        last = self._last
        if last is not None and last.line.generation > in_force:
            void = Change(VOID, last.line.subject, {"line": last.line.number})
            self._write(void, generation=in_force, at=at)
        self._write(change, generation=generation, at=at)

    def _write(self, change: Change, *, generation: int, at: float) -> None:
        last = self._last
        line = JournalLine(
            number=1 if last is None else last.line.number + 1,
            previous=FIRST if last is None else last.hash,
            at=at,
            kind=change.kind,
            subject=change.subject,
            generation=generation,
            by=self._by,
            details=change.details,
        )
        data = msgspec.json.encode(line)
        fd = os.open(self._path, os.O_WRONLY | os.O_CREAT, PRIVATE_FILE)
        with open(fd, "wb") as file:  # noqa: PTH123 - a Path cannot open a descriptor
            # Overwrites the part of a line that a failed write or a killed writer left.
            file.truncate(self._end)
            file.seek(self._end)
            file.write(data + b"\n")
            file.flush()
            os.fsync(fd)
        sync_directory(self._path.parent)
        self._end += len(data) + 1
        self._last = Written(line, _hash(data), self._end)


class JournalFault(StrEnum):
    """The ways in which a journal can differ from what a reader knows of it."""

    REPLACED = "replaced"
    LOST = "lost"


class News(NamedTuple):
    """The lines of a journal that a reader has not taken yet.

    Attributes:
        lines: The new lines in order; after a fault, all lines.
        generation: The generation in force.
        fault: Why it is unknown which lines are new; ``None`` if it is known.
    """

    lines: tuple[Written, ...]
    generation: int
    fault: JournalFault | None = None


def news(directory: Path, *, known: tuple[int, str]) -> News:
    """Return the lines that came in force since a reader looked last.

    Args:
        directory: The reference directory.
        known: Number and hash of the last line that was taken; 0 and any text if none
            was taken.

    Raises:
        StoreError: The reference set or its journal cannot be read.
    """
    generation = layout.read_current(directory)[0].generation
    try:
        lines = tuple(_in_force(read(directory), generation=generation))
    except OSError as exc:
        raise layout.unreadable(directory / FILE, exc) from exc
    number, digest = known
    if number == 0:
        return News(lines, generation)
    at = next((it for it in lines if it.line.number == number), None)
    if at is not None and at.hash == digest:
        return News(tuple(it for it in lines if it.line.number > number), generation)
    if at is None and lines and lines[0].line.number > number:
        is_next = lines[0].line.previous == digest
        return News(lines, generation, None if is_next else JournalFault.LOST)
    return News(lines, generation, JournalFault.REPLACED)


def _in_force(lines: Iterator[Written], *, generation: int) -> Iterator[Written]:
    """Leave out the lines that never came in force, and those that have not yet.

    Args:
        lines: In order.
        generation: The generation in force.
    """
    held: Written | None = None
    for written in lines:
        if written.line.kind == VOID:
            held = None
            continue
        if held is not None:
            yield held
        held = written
        if written.line.generation > generation:
            # Not in force yet, or void; the next line tells which, if there is one.
            follower = next(lines, None)
            if follower is None or follower.line.kind != VOID:
                return
            held = None
    if held is not None:
        yield held
