"""Verify everything that the reference directory holds, byte by byte.

Readers compare a sample of a large file when they open it. This module reads every byte
of the generation in force and of the kept ones. It writes nothing, needs only the
shared lock of a reader, and may run beside the service.
"""

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from uploadfilter.errors import StoreError
from uploadfilter.reference.entries.structure import exact_problems, table_problems
from uploadfilter.reference.files import history, layout
from uploadfilter.reference.files.base import read_meta, read_tables
from uploadfilter.reference.files.layered import LayeredGeneration
from uploadfilter.reference.files.layout import Current, StoredPart
from uploadfilter.reference.files.mapping import Mapped, open_mapped
from uploadfilter.reference.files.opening import Clock, open_generation
from uploadfilter.reference.files.overlay import read_overlay

_CHUNK_BYTES = 1 << 22
_CHECK_BYTES = 16

_SAMPLE_SEED = 1
_SAMPLE_QUERIES = 16
"""Queries for each table whose answers are compared with a scan of all rows: under a
second for each table of ten million."""

Progress = Callable[[int, int], None]
"""Receives the bytes verified so far, and the bytes to verify in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreDamage:
    """One difference between a file and the bytes that were written.

    Attributes:
        path: The file, relative to the reference directory.
        what: The fault, beginning with a verb.
        in_force: Whether the generation in force needs the file; otherwise a kept
            generation needs it.
    """

    path: str
    what: str
    in_force: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """The result of a check.

    Attributes:
        queries: How many answers were compared with a scan of all rows.
    """

    generation: int
    files: int
    bytes: int
    queries: int
    problems: tuple[StoreDamage, ...]

    @property
    def is_sound(self) -> bool:
        """True if nothing is wrong."""
        return not self.problems


@dataclass(slots=True)
class _Check:
    path: Path
    progress: Progress
    total: int
    done: int = 0
    files: int = 0
    queries: int = 0
    problems: list[StoreDamage] = field(default_factory=list)

    def note(self, path: Path, what: str, *, in_force: bool) -> None:
        name = str(path.relative_to(self.path))
        self.problems.append(StoreDamage(path=name, what=what, in_force=in_force))

    def verify(self, path: Path, part: StoredPart, *, in_force: bool) -> None:
        self.files += 1
        try:
            with _held(path) as fd:
                problem = self._difference(fd, part)
        except OSError as exc:
            problem = f"cannot be read: {exc.strerror}"
        if problem:
            self.note(path / layout.DATA_FILE, problem, in_force=in_force)

    def _difference(self, fd: int, part: StoredPart) -> str | None:
        size = os.fstat(fd).st_size
        if size != part.size:
            return f"has {size} bytes instead of {part.size}"
        digest = hashlib.blake2b(digest_size=_CHECK_BYTES)
        while data := os.read(fd, _CHUNK_BYTES):
            digest.update(data)
            self.done += len(data)
            self.progress(self.done, self.total)
        if digest.hexdigest() != part.check:
            return "does not agree with its check value"
        return None


@contextlib.contextmanager
def _held(path: Path) -> Iterator[int]:
    """Open a data file, and keep the writer from removing it during the check."""
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(directory, fcntl.LOCK_SH | fcntl.LOCK_NB)
        fd = os.open(layout.DATA_FILE, os.O_RDONLY, dir_fd=directory)
        try:
            yield fd
        finally:
            os.close(fd)
    finally:
        os.close(directory)


def check_directory(
    path: Path, *, clock: Clock, progress: Progress = lambda _done, _total: None
) -> CheckReport:
    """Verify a reference directory: check values, structure, answers of a sample.

    Raises:
        StoreMissingError: There is no reference set.
        StoreKeyError: The key is missing, or belongs to another installation.
        StoreError: ``current`` cannot be read, so the files to verify are unknown.
    """
    current, _ = layout.read_current(path)
    kept = history.kept(path, current)
    parts = _parts(path, (current, *kept))
    check = _Check(path, progress, sum(part.size for part in parts.values()))
    needed = set(_parts(path, (current,)))
    for at, part in parts.items():
        check.verify(at, part, in_force=at in needed)
    if not any(problem.in_force for problem in check.problems):
        _check_content(check, current, clock)
    return CheckReport(
        generation=current.generation,
        files=check.files,
        bytes=check.total,
        queries=check.queries,
        problems=tuple(check.problems),
    )


def _parts(path: Path, named: tuple[Current, ...]) -> dict[Path, StoredPart]:
    parts: dict[Path, StoredPart] = {}
    for current in named:
        parts[path / layout.BASES / str(current.base.number)] = current.base
        parts[path / layout.OVERLAYS / str(current.overlay.number)] = current.overlay
    return parts


def _check_content(check: _Check, current: Current, clock: Clock) -> None:
    """Check that the stored tables can be searched, and give the right answers."""
    for kind, part in (
        (layout.BASES, current.base),
        (layout.OVERLAYS, current.overlay),
    ):
        at = check.path / kind / str(part.number)
        try:
            mapped = open_mapped(at, part)
            problems = ("is not there",) if mapped is None else _structure(mapped, kind)
        except StoreError as exc:
            problems = (str(exc),)
        for what in problems:
            check.note(at / layout.DATA_FILE, what, in_force=True)
    if not check.problems:
        _check_answers(check, open_generation(check.path, current, clock=clock))


def _structure(mapped: Mapped, kind: str) -> tuple[str, ...]:
    meta = read_meta(mapped) if kind == layout.BASES else read_overlay(mapped)[0]
    if meta is None:
        return ()
    tables = read_tables(mapped, meta)
    wrong = tuple(table_problems(tables))
    return wrong or tuple(
        exact_problems(mapped.pairs(), entries=len(tables.entries), stated=meta.pairs)
    )


def _check_answers(check: _Check, generation: LayeredGeneration | None) -> None:
    """Compare the answers to a sample of queries with a scan of all rows."""
    if generation is None:
        return
    current = generation.current
    if generation.entry_count != current.entries and current.at:
        check.note(
            check.path / layout.CURRENT_FILE,
            f"states {current.entries} entries instead of {generation.entry_count}",
            in_force=True,
        )
    for sample in generation.base.verify_sample(_SAMPLE_SEED, _SAMPLE_QUERIES):
        check.queries += sample.queries
        if sample.wrong:
            check.note(
                check.path / layout.BASES / str(current.base.number),
                f"gives a wrong answer to {sample.wrong} of {sample.queries} queries "
                "of "
                f"{sample.signal_type.value}",
                in_force=True,
            )
