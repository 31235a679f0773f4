"""``uploadfilter backup | restore``: copy the whole state, and put it back."""

import contextlib
import os
import resource
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from msgspec import Struct

from uploadfilter.backup import SET_ASIDE, BackupManifest, restore_backup, write_backup
from uploadfilter.cli.acting import become_owner
from uploadfilter.cli.files import explain_failure
from uploadfilter.cli.options import JSONOption, StateOption, present_s, state_directory
from uploadfilter.cli.output import print_json, say
from uploadfilter.cli.progress import board
from uploadfilter.errors import BackupError, UsageError
from uploadfilter.state import PRIVATE_FILE, sync_directory

_HOLDS_KEYS = "It holds every key of the state: keep it as private as the state itself."

_SET_BACK = (
    "The decision log ends there. If it went on elsewhere, keep that log: the records "
    "after the backup are only in it. The next start begins a new signed tree; the old "
    f"one and its key are in {SET_ASIDE!r} of each instance."
)


class BackupJSON(Struct):
    """A backup that was written or restored."""

    file: str
    state: str
    made: datetime
    files: int
    bytes: int


FileArgument = Annotated[Path, typer.Argument(metavar="FILE")]


def backup(
    *, file: FileArgument, json: JSONOption = False, state: StateOption = None
) -> None:
    """Write a backup of the whole state directory, also while the service runs.

    The file holds every key of the state: keep it as private as the state itself. It is
    a tar archive, compressed by zstd.

    **Example**

        uploadfilter backup /srv/backup/uploadfilter.tar.zst
    """
    place = state_directory(state)
    if not place.is_dir():
        raise UsageError(
            f"there is no state directory {str(place)!r}", hint="Name it with --state."
        )
    if file.resolve().is_relative_to(place.resolve()):
        raise UsageError(
            f"{str(file)!r} lies in the state directory",
            hint="Name a file on another disk.",
        )
    # All files are open at once, and a log of years has thousands.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with _new_file(file) as out, board("backup", in_bytes=True) as bar:
        manifest = write_backup(place, out, made_s=present_s(), progress=bar.move)
    _report(manifest, file, place, json=json, verb="wrote", hint=_HOLDS_KEYS)


def restore(
    *,
    file: FileArgument,
    log_continues: Annotated[
        bool,
        typer.Option(
            "--log-continues",
            help="Nothing was recorded since the backup: the service did not run.",
        ),
    ] = False,
    json: JSONOption = False,
    state: StateOption = None,
) -> None:
    """Restore the whole state from a backup, into an empty state directory.

    Stop the service before, and move its state directory away. The archive is checked
    whole before the first file is restored.

    **Example**

        uploadfilter restore /srv/backup/uploadfilter.tar.zst
    """
    place = state_directory(state)
    with explain_failure(f"read {str(file)!r}"):
        # As the user who typed the command: the owner of the state may not read it.
        source = file.open("rb")
    with source:
        become_owner(place)
        with board("restore", in_bytes=True) as bar:
            manifest = restore_backup(
                source,
                place,
                log_continues=log_continues,
                progress=lambda done, _: bar.move(done, done),
            )
    _report(
        manifest,
        file,
        place,
        json=json,
        verb="restored",
        hint="" if log_continues else _SET_BACK,
    )


@contextlib.contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    """Make a file that appears under its name when it is whole and durable."""
    part = path.with_name(path.name + ".part")
    if path.exists():
        raise BackupError(f"{str(path)!r} exists already", hint="Name another file.")
    hint = "Make room on the disk, or name a folder that you may write to."
    with explain_failure(f"write {str(path)!r}", hint=hint, error=BackupError):
        fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
        try:
            with os.fdopen(fd, "wb") as out:
                yield out
                out.flush()
                os.fsync(out.fileno())
            # Unlike a rename, a link replaces no file that was made meanwhile.
            os.link(part, path)
        finally:
            part.unlink(missing_ok=True)
        sync_directory(path.absolute().parent)


def _report(
    manifest: BackupManifest,
    file: Path,
    state: Path,
    *,
    json: bool,
    verb: str,
    hint: str,
) -> None:
    made = datetime.fromtimestamp(manifest.made, UTC)
    files = len(manifest.files)
    if json:
        print_json(BackupJSON(str(file), str(state), made, files, manifest.size))
        return
    arrow = f"{file} of {state}" if verb == "wrote" else f"{state} from {file}"
    say(
        f"{verb} {arrow}: {files} files, {manifest.size:,} bytes, of {made.isoformat()}"
    )
    if hint:
        say(hint)
