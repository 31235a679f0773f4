"""Open the reference directory, and read it while it changes.

A change puts a new generation in force by replacing one small file. Readers check that
file at each ``ReferenceReader.current`` and take up the new generation by themselves;
an older one may be used as long as somebody holds it.

``reference/files/layout.py`` explains why directories are replaced as a whole, and what
a crash leaves; ``reference/writing/writing.py`` holds the possible changes.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from uploadfilter.acting import Actor, current_actor
from uploadfilter.reference.checking import CheckReport, Progress, check_directory
from uploadfilter.reference.entries.secret import Secret
from uploadfilter.reference.files import history, keys, layout
from uploadfilter.reference.files.layered import LayeredGeneration
from uploadfilter.reference.files.layout import Current
from uploadfilter.reference.files.opening import (
    Clock,
    lacks_directories,
    open_generation,
)
from uploadfilter.reference.writing.writing import ReferenceWriter

REFERENCE_DIRECTORY = "reference"
"""Name of the reference directory in the state directory."""

_system_clock = time.time  # noqa: TID251 -- for callers that bring no clock


class ReferenceDirectory:
    """The reference set of an installation, by its directory.

    It opens and makes nothing before a method is called.

    Args:
        path: The reference directory, usually ``state / REFERENCE_DIRECTORY``.
        clock: Seconds since the epoch.
        actor: Returns the account that writes, for the journal.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock = _system_clock,
        actor: Callable[[], Actor] = current_actor,
    ) -> None:
        self.path = path
        self._clock = clock
        self._actor = actor

    def init(self) -> bool:
        """Make the directory with a secret and an empty generation, unless it exists.

        Returns:
            True if it was made, false if there already was a reference set.

        Raises:
            StoreError: It cannot be made, or the existing one is damaged.
        """
        layout.make_private(self.path)
        with self._locked() as writer:
            return writer.made

    @contextlib.contextmanager
    def writer(self, *, create: bool = True) -> "Iterator[ReferenceWriter]":
        """Hold the lock of the only writer during the block.

        Args:
            create: Make the reference set if there is none.

        Yields:
            The writer.

        Raises:
            StoreMissingError: There is no reference set, and ``create`` is false.
            StoreBusyError: Another process is writing.
            StoreError: The existing reference set cannot be used.
        """
        if create:
            layout.make_private(self.path)
        else:
            layout.read_current(self.path)
        with self._locked() as writer:
            yield writer

    @contextlib.contextmanager
    def _locked(self) -> "Iterator[ReferenceWriter]":
        with layout.writer_lock(self.path):
            yield ReferenceWriter(self.path, clock=self._clock, actor=self._actor())

    def reader(self) -> "ReferenceReader":
        """Return a reader; it opens the reference set when it is first used."""
        return ReferenceReader(self.path, clock=self._clock)

    def generations(self) -> tuple[Current, ...]:
        """Return the generation in force and those that are kept, newest first.

        Each states its number (``generation``), time (``at``), kind of change
        (``kind``, ``subject``), and how many sets and entries it has. The first one is
        in force, and ``pinned`` after a rollback. This needs no lock: the result may be
        one generation behind.

        Raises:
            StoreMissingError: There is no reference set.
            StoreError: ``current`` is damaged or cannot be read.
        """
        current, _ = layout.read_current(self.path)
        return (current, *history.kept(self.path, current))

    def check(self, progress: Progress = lambda _done, _total: None) -> CheckReport:
        """Verify every byte of the generation in force and of the kept ones.

        Args:
            progress: Receives the bytes verified so far, and the bytes to verify in
                all.

        Raises:
            StoreMissingError: There is no reference set.
            StoreKeyError: The key is missing, or belongs to another installation.
            StoreError: ``current`` cannot be read, so the files to verify are unknown.
        """
        return check_directory(self.path, clock=self._clock, progress=progress)

    def secret(self) -> Secret:
        """Return the secret of the installation.

        Raises:
            StoreKeyError: The secret is missing, unreadable, or has the wrong length.
        """
        return keys.read_secret(self.path)


class ReferenceReader:
    """Returns the newest generation; several threads may use it at once.

    Use it as a context manager, or close it.

    Args:
        path: The reference directory.
        clock: Seconds since the epoch; ends suppressions.

    Attributes:
        last: The generation that ``current`` returned last, even if the reference set
            has become unusable since; ``None`` if it never returned one.
    """

    def __init__(self, path: Path, *, clock: Clock = _system_clock) -> None:
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._loaded: _Loaded | None = None
        self.last: LayeredGeneration | None = None

    @classmethod
    def open(cls, path: Path, *, clock: Clock = _system_clock) -> Self:
        """Return a reader of a reference directory, which need not exist yet."""
        return cls(path, clock=clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def current(self) -> LayeredGeneration:
        """Return the generation in force; three ``stat`` calls if it is unchanged.

        A new generation is opened at the first call after it was put in force. This
        takes a millisecond, or up to 0.1 s for a base of some 60 MB, which is verified
        whole.

        Raises:
            StoreMissingError: There is no reference set.
            StoreCorruptError: It is damaged.
            StoreVersionError: A newer version of this program wrote it.
            StoreKeyError: The key is missing, or belongs to another installation.
            StoreError: It cannot be read.
        """
        if (at_hand := self.at_hand()) is not None:
            return at_hand
        with self._lock:
            if self._loaded is None or not self._loaded.is_in_force():
                self._loaded = None
                if self.last is not None and not self.last.is_intact():
                    # Its files were written over: it must not be searched again, and
                    # its files can be mapped anew only when all users have released it.
                    self.last = None
                self._loaded = _load(self._path, self._clock, self.last)
                self.last = self._loaded.generation
            return self._loaded.generation

    def at_hand(self) -> LayeredGeneration | None:
        """Return the generation in force if ``current`` would not have to open it.

        For callers that must not wait: opening a generation belongs in a thread.
        """
        loaded = self._loaded
        if loaded is not None and loaded.is_in_force():
            return loaded.generation
        return None

    @property
    def pinned(self) -> bool:
        """True if ``last`` came from a rollback that is not released yet."""
        return self.last is not None and self.last.pinned

    def close(self) -> None:
        """Release the generation; other holders may still use it."""
        with self._lock:
            self._loaded = None
            self.last = None


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A generation, and the file that put it in force."""

    generation: LayeredGeneration
    file: layout.NamedFile

    def is_in_force(self) -> bool:
        """Tell whether it is still the one in force in the reference directory."""
        return self.file.is_still_named() and self.generation.is_intact()


def _load(path: Path, clock: Clock, previous: LayeredGeneration | None) -> _Loaded:
    """Open the generation in force; try again if the writer removed it meanwhile."""
    while True:
        current, file = layout.read_current(path)
        generation = open_generation(path, current, clock=clock, previous=previous)
        if generation is not None:
            return _Loaded(generation, file)
        if file.is_still_named():
            raise lacks_directories(path, current.generation)
