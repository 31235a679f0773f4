"""Open the reference set for writing, as the owner of the state directory."""

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from uploadfilter.acting import current_actor
from uploadfilter.cli.acting import become_owner
from uploadfilter.cli.options import create_state, state_directory
from uploadfilter.cli.output import say
from uploadfilter.errors import StoreError
from uploadfilter.reference.store import REFERENCE_DIRECTORY, ReferenceDirectory
from uploadfilter.reference.writing.writing import ReferenceWriter


@contextlib.contextmanager
def reference_writer(
    state: Path | None, *, create: bool = False
) -> Iterator[ReferenceWriter]:
    """Open the reference set for writing, as the owner of the state directory."""
    directory = directory_to_write(state, create=create)
    with writer_of(directory, create=create) as writer:
        yield writer


def writer_of(
    directory: ReferenceDirectory, *, create: bool = False
) -> AbstractContextManager[ReferenceWriter]:
    """Open a directory for writing that ``directory_to_write`` has returned."""
    return directory.writer(create=create)


def compact_if_due(writer: ReferenceWriter) -> None:
    """Write a base anew that is mostly hidden, after a change that is in force already.

    It finds the same. If it fails, for example on a full disk, only room is lost.
    """
    if not writer.is_mostly_hidden:
        return
    try:
        writer.compact()
    except StoreError as exc:
        say(f"the old base stays, though most of it is hidden: {exc}", style="yellow")
    else:
        say(f"wrote a new base, as most of it was hidden; generation {writer.number}")


@contextlib.contextmanager
def writer_apart(folder: Path) -> Iterator[tuple[ReferenceDirectory, ReferenceWriter]]:
    """Open a new, temporary reference set for writing."""
    directory = ReferenceDirectory(folder / "reference")
    with directory.writer(create=True) as writer:
        yield directory, writer


def directory_to_write(state: Path | None, *, create: bool) -> ReferenceDirectory:
    """Return the reference directory, after the process has become its owner.

    The journal names the account that typed the command as the author of each change.
    """
    # Before the user changes: the journal names the author, not the owner of the files.
    actor = current_actor()
    path = state_directory(state)
    become_owner(path)
    if create:
        create_state(path)
    return ReferenceDirectory(path / REFERENCE_DIRECTORY, actor=lambda: actor)
