"""The reference directory: opened, read while it changes, and changed by one writer.

A change builds a whole new base beside the live one and puts it in force by renaming
one small file. Readers look at that file at each ``ReferenceReader.current`` and go
over to the new generation by themselves; who holds an older one may use it to the end.

Why whole directories, and what a crash leaves: ``reference/layout.py``.
"""

import contextlib
import shutil
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import lmdb

from uploadfilter.errors import HashSetNameError, StoreError, StoreKeyError
from uploadfilter.model import SignalType
from uploadfilter.reference import layout
from uploadfilter.reference.base import (
    check_overlay,
    read_meta,
    read_tables,
    write_base,
    write_overlay,
)
from uploadfilter.reference.collecting import TableBuilder
from uploadfilter.reference.generation import MappedGeneration
from uploadfilter.reference.mapping import open_mapped
from uploadfilter.reference.secret import Secret
from uploadfilter.reference.sets import SetInfo
from uploadfilter.reference.tables import Tables, empty_tables, joined, without_set

REFERENCE_DIRECTORY = "reference"
"""Name of the reference directory in the state directory."""

KEPT_GENERATIONS = 2
"""Directories kept besides the current ones, so that a backup that copies while an
import runs finds what ``current`` named when it began."""


class ReferenceDirectory:
    """The reference set of an installation, by its directory.

    Nothing is opened or made before a method is called.

    Args:
        path: The reference directory, usually ``state / REFERENCE_DIRECTORY``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def init(self) -> bool:
        """Make the directory with a secret and an empty generation, unless it exists.

        Returns:
            True if it was made, false if there was a reference set already.

        Raises:
            StoreError: It cannot be made, or what is there is damaged.
        """
        layout.make_private(self.path)
        with self._locked() as writer:
            return writer.made

    @contextlib.contextmanager
    def writer(self, *, create: bool = True) -> "Iterator[ReferenceWriter]":
        """Be the one writer for the length of the block.

        Args:
            create: Make the reference set if there is none.

        Yields:
            The writer.

        Raises:
            StoreMissingError: There is no reference set, and ``create`` is false.
            StoreBusyError: Another process is writing.
            StoreError: What is there cannot be used.
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
            yield ReferenceWriter(self.path)

    def reader(self) -> "ReferenceReader":
        """Return a reader; it opens the reference set when it is first asked."""
        return ReferenceReader(self.path)

    def secret(self) -> Secret:
        """Return the secret of the installation.

        Raises:
            StoreKeyError: It is missing, unreadable, or no secret.
        """
        return layout.read_secret(self.path)


class ReferenceReader:
    """Whoever asks for the newest generation; safe to use from several threads.

    Use it as a context manager, or close it.

    Args:
        path: The reference directory.

    Attributes:
        last: The generation that ``current`` returned last, even if the reference set
            has become unusable since; ``None`` if it never returned one.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._loaded: _Loaded | None = None
        self.last: MappedGeneration | None = None

    @classmethod
    def open(cls, path: Path) -> Self:
        """Return a reader of a reference directory, which need not exist yet."""
        return cls(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def current(self) -> MappedGeneration:
        """Return the generation in force; costs one ``stat`` if it is the same.

        A new one is opened at the first call after it was put in force. That takes a
        millisecond, and up to 0.1 s for a base of some 60 MB, which is verified whole.

        Raises:
            StoreMissingError: There is no reference set.
            StoreCorruptError: It is damaged.
            StoreVersionError: A newer version of this program wrote it.
            StoreKeyError: The key is missing, or it is another installation's.
            StoreError: It cannot be read.
        """
        loaded = self._loaded
        if loaded is not None and loaded.file.is_still_named():
            return loaded.generation
        with self._lock:
            if self._loaded is None or not self._loaded.file.is_still_named():
                self._loaded = None
                self._loaded = _load(self._path)
                self.last = self._loaded.generation
            return self._loaded.generation

    def close(self) -> None:
        """Let go of the generation; who still holds it may use it to the end."""
        with self._lock:
            self._loaded = None
            self.last = None


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A generation, and the file that put it in force."""

    generation: MappedGeneration
    file: layout.NamedFile


def _load(path: Path) -> _Loaded:
    """Open the generation in force, and again if the writer removed it meanwhile."""
    while True:
        current, file = layout.read_current(path)
        generation = _open_generation(path, current)
        if generation is not None:
            return _Loaded(generation, file)
        if file.is_still_named():
            raise layout.corrupt(
                path, f"lacks the directories of generation {current.generation}"
            )


def _open_generation(
    path: Path, current: layout.Current, *, verify: bool = False
) -> MappedGeneration | None:
    """Open a generation; ``None`` if one of its directories is not there."""
    secret = layout.read_secret(path)
    base_path = path / layout.BASES / str(current.base.number)
    overlay_path = path / layout.OVERLAYS / str(current.overlay.number)
    base = open_mapped(base_path, current.base, verify=verify)
    overlay = open_mapped(overlay_path, current.overlay, verify=verify)
    if base is None or overlay is None:
        return None
    check_overlay(overlay)
    meta = read_meta(base)
    if meta.secret != secret.check_value():
        raise StoreKeyError(
            f"the key in {str(path)!r} is not the one that the reference set was "
            "written with",
            hint="Restore the key that belongs to this reference directory.",
        )
    return MappedGeneration(
        current.generation,
        tables=read_tables(base, meta),
        secret=secret,
        base=base,
        overlay=overlay,
    )


class ReferenceWriter:
    """The one writer of a reference directory; made by ``ReferenceDirectory.writer``.

    Every method that changes something puts a new generation in force, or changes
    nothing and raises.

    Args:
        path: The reference directory, whose lock the caller holds.

    Attributes:
        made: True if there was no reference set before.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.made = not (path / layout.CURRENT_FILE).exists()
        with _write_errors(path, "prepare the reference set"):
            for kind in (layout.BASES, layout.OVERLAYS):
                layout.make_private(path / kind)
            layout.sweep(path, keep=KEPT_GENERATIONS)
            if self.made:
                self._secret = layout.make_secret(path)
                self._put_in_force(1, empty_tables())
        # Whatever stands in the base is copied on: it has to be sound.
        self._generation = self._open(verify=True)
        self._secret = layout.read_secret(path)

    @property
    def number(self) -> int:
        """Number of the generation in force."""
        return self._generation.number

    @property
    def sets(self) -> tuple[SetInfo, ...]:
        """The hash sets of the generation in force."""
        return self._generation.sets

    def opaque_id(self, signal_type: SignalType, value: bytes) -> str:
        """Return an id for an entry that its list gave none (``Secret.opaque_id``)."""
        return self._secret.opaque_id(signal_type, value)

    def collect(self) -> TableBuilder:
        """Return an empty collection, to be filled and given to ``replace_set``."""
        return TableBuilder(self._secret.exact_key)

    def replace_set(self, collected: TableBuilder, info: SetInfo) -> SetInfo:
        """Put a hash set in force, in place of one of the same name.

        Args:
            collected: Its entries; not to be used again.
            info: What else is known of it.

        Returns:
            ``info`` with the numbers of entries, signals and duplicates.

        Raises:
            StoreError: It could not be written; nothing has changed.
        """
        new = collected.finish(info)
        self._advance(joined(without_set(self._tables(), info.name), new))
        return new.sets[0]

    def remove_set(self, name: str) -> SetInfo:
        """Put a generation in force that lacks a hash set.

        Returns:
            What was known of it.

        Raises:
            HashSetNameError: There is no set of that name.
            StoreError: It could not be written; nothing has changed.
        """
        for info in self.sets:
            if info.name == name:
                self._advance(without_set(self._tables(), name))
                return info
        raise no_such_set(name, self.sets)

    def _tables(self) -> Tables:
        return self._generation.tables_with_exact()

    def _open(self, *, verify: bool) -> MappedGeneration:
        current, _ = layout.read_current(self._path)
        generation = _open_generation(self._path, current, verify=verify)
        if generation is None:
            raise layout.corrupt(
                self._path, f"lacks the directories of generation {current.generation}"
            )
        return generation

    def _advance(self, tables: Tables) -> None:
        number = self._generation.number + 1
        try:
            with _write_errors(self._path, f"write generation {number}"):
                self._put_in_force(number, tables)
        finally:
            # Also after Ctrl-C; what cannot be removed is left to the next writer.
            with contextlib.suppress(OSError):
                layout.sweep(self._path, keep=KEPT_GENERATIONS)
        self._generation = self._open(verify=False)

    def _put_in_force(self, number: int, tables: Tables) -> None:
        base = layout.Staged(self._path, layout.BASES, number)
        write_base(base.path, tables, secret=self._secret.check_value())
        overlay = layout.Staged(self._path, layout.OVERLAYS, number)
        write_overlay(overlay.path)
        current = layout.Current(
            format=layout.FORMAT,
            generation=number,
            base=base.publish(),
            overlay=overlay.publish(),
        )
        layout.write_current(self._path, current)


def no_such_set(name: str, sets: Iterable[SetInfo]) -> HashSetNameError:
    """Return the error for a hash set that is not there."""
    names = ", ".join(repr(info.name) for info in sets) or "none"
    return HashSetNameError(
        f"there is no hash set {name!r}", hint=f"Imported so far: {names}."
    )


@contextlib.contextmanager
def _write_errors(path: Path, what: str) -> Iterator[None]:
    """Say of a failed write what failed, and how full the disk is."""
    try:
        yield
    except (lmdb.Error, OSError) as exc:
        # LMDB reports a full disk as an input/output error.
        free = shutil.disk_usage(path).free >> 20
        cause = exc.strerror if isinstance(exc, OSError) else exc
        raise StoreError(
            f"cannot {what} in {str(path)!r}: {cause} ({free} MiB free)",
            hint="Nothing has changed. Make room on the disk or check that it is "
            "sound and writable, then try again.",
        ) from exc
