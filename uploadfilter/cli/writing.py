"""Open the reference set for writing, as the owner of the state directory."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from uploadfilter.acting import current_actor
from uploadfilter.cli.acting import become_owner
from uploadfilter.cli.options import create_state, state_directory
from uploadfilter.reference.store import REFERENCE_DIRECTORY, ReferenceDirectory
from uploadfilter.reference.writing.writing import ReferenceWriter


@contextlib.contextmanager
def reference_writer(
    state: Path | None, *, create: bool = False
) -> Iterator[ReferenceWriter]:
    """Open the reference set for writing, as the owner of the state directory.

    Args:
        state: The state directory from the command line, if any.
        create: Make the state directory and the reference set if they do not exist.

    Raises:
        UsageError: This user cannot act as the owner.
        StoreError: The reference set cannot be used.
    """
    directory = directory_to_write(state, create=create)
    with directory.writer(create=create) as writer:
        yield writer


@contextlib.contextmanager
def writer_apart(
    folder: Path,
) -> Iterator[tuple[ReferenceDirectory, ReferenceWriter]]:
    """Open a new, temporary reference set for writing.

    Args:
        folder: A temporary folder of this process.
    """
    directory = ReferenceDirectory(folder / "reference")
    with directory.writer(create=True) as writer:
        yield directory, writer


def directory_to_write(state: Path | None, *, create: bool) -> ReferenceDirectory:
    """Return the reference directory, after the process has become its owner.

    The journal names the account that typed the command as the author of each change.

    Args:
        state: The state directory from the command line, if any.
        create: Make the state directory if it does not exist.

    Raises:
        UsageError: The state directory cannot be made, or this user cannot act as its
            owner.
    """
    # Before the user changes: the journal names the author, not the owner of the files.
    actor = current_actor()
    path = state_directory(state)
    become_owner(path)
    if create:
        create_state(path)
    return ReferenceDirectory(path / REFERENCE_DIRECTORY, actor=lambda: actor)
