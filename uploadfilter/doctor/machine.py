"""Check what lies on this machine: configuration, reference set, signed sets, log."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from uploadfilter.config.checking import check
from uploadfilter.config.loading import Loaded
from uploadfilter.config.settings import Settings
from uploadfilter.decisions.files.retention import DEFAULT
from uploadfilter.decisions.files.room import RESERVE_BYTES, Room, Surveyor
from uploadfilter.decisions.files.segments import read_head, segments
from uploadfilter.decisions.files.treefiles import TreeFiles
from uploadfilter.doctor.results import Area, Diagnosis, failure, success, warning
from uploadfilter.errors import ConfigError, ConfigProblem, LogError, StoreError
from uploadfilter.proxy.admin.health import LEAST_FREE_BYTES, days_words
from uploadfilter.reference.entries.off import Party
from uploadfilter.reference.store import REFERENCE_DIRECTORY, ReferenceReader
from uploadfilter.signedsets.freshness import Freshness, Status, ago, freshness
from uploadfilter.state import PRIVATE_MODE, log_directory
from uploadfilter.syncing.statuses import read_statuses

_SHORT_DAYS = 7
"""Days that the disk must last: a weekend, and the time to get a larger one."""

_MEGABYTE = 1_000_000


def examine_configuration(
    loaded: Loaded, environ: Mapping[str, str]
) -> Iterator[Diagnosis]:
    """Check the configuration as ``config --check`` does."""
    found = check(loaded, environ=environ, online=True)
    yield from (_of_problem(it) for it in (*found.problems, *found.faults))
    for item in found.warnings:
        yield warning(Area.CONFIGURATION, str(item), item.hint or _SEE_CHECK)
    if not (found.problems or found.faults or found.warnings):
        yield success(
            Area.CONFIGURATION, f"{loaded.file or 'the command line'} can be used"
        )


_SEE_CHECK = "Run 'uploadfilter config --check'."


def of_error(error: ConfigError) -> Iterator[Diagnosis]:
    """Return the results for a configuration that cannot be used."""
    yield from map(_of_problem, error.problems)
    if not error.problems:
        yield failure(Area.CONFIGURATION, str(error), error.hint or _SEE_CHECK)


def _of_problem(problem: ConfigProblem) -> Diagnosis:
    return failure(Area.CONFIGURATION, str(problem), problem.hint or _SEE_CHECK)


def examine_state(state: Path) -> Iterator[Diagnosis]:
    """Check that the state directory is private."""
    try:
        mode = state.stat().st_mode & 0o777
    except OSError as exc:
        yield failure(
            Area.STATE,
            f"{str(state)!r} cannot be read: {exc.strerror}",
            f"If there is none yet: uploadfilter init --state {state}",
        )
        return
    if mode & ~PRIVATE_MODE:
        yield warning(
            Area.STATE,
            f"{str(state)!r} has mode {mode:04o}: other users of this machine may read "
            "hash sets and records",
            f"chmod 0700 {state}",
        )
        return
    yield success(Area.STATE, f"{str(state)!r} is private")


def examine_reference(state: Path) -> Iterator[Diagnosis]:
    """Check that the reference set can be read and has entries."""
    try:
        with ReferenceReader.open(state / REFERENCE_DIRECTORY) as reader:
            generation = reader.current()
            sets = generation.sets
            number = generation.number
            demoted = len(generation.off_by(Party.TRIPWIRE))
    except StoreError as exc:
        hint = exc.hint or "Run 'uploadfilter verify --reference'."
        yield failure(Area.REFERENCE, f"{exc.code}: {exc}", hint)
        return
    if demoted:
        yield failure(
            Area.REFERENCE,
            f"{demoted:,} entries are demoted: very many networks match them",
            "Ask the issuer about them: 'uploadfilter hashset list --off'.",
        )
    entries = sum(it.entries for it in sets)
    if not entries:
        yield warning(
            Area.REFERENCE,
            "it has no entries: nothing can match",
            "Import a hash set: 'uploadfilter hashset import', or trust a signed set.",
        )
        return
    enforced = sum(it.enforced for it in sets)
    yield success(
        Area.REFERENCE,
        f"entries: {entries:,}; sets: {len(sets)}, enforced: {enforced}; "
        f"generation {number}",
    )


def examine_signed(state: Path, epoch_s: float) -> Iterator[Diagnosis]:
    """Check how old the signed sets are."""
    for status in read_statuses(state):
        yield _of_signed(status, epoch_s)


def _of_signed(status: Status, epoch_s: float) -> Diagnosis:
    sync = f"Run 'uploadfilter hashset sync {status.set}', and read what it says."
    name = repr(status.set)
    if not status.synced_at:
        return failure(Area.SIGNED, f"{name} was never synced", sync)
    age = ago(epoch_s - status.synced_at)
    fresh = freshness(status, epoch_s)
    if fresh is Freshness.EXPIRED:
        text = (
            f"the signatures of {name} have expired; it was verified {age} ago and "
            "goes on matching, but newer entries and withdrawals are missing"
        )
        return failure(Area.SIGNED, text, sync)
    if status.held_back:
        text = f"{name}: {status.held_back:,} withdrawals are held back"
        hint = "They are too many for a day: ask the issuer whether they are theirs."
        return failure(Area.SIGNED, text, hint)
    if status.failure is not None:
        text = f"{name}: the last sync failed: {status.failure.text}"
        return warning(Area.SIGNED, text, sync)
    if fresh is Freshness.AGING:
        return warning(Area.SIGNED, f"{name} was verified {age} ago", sync)
    return success(Area.SIGNED, f"{name} was verified {age} ago")


def examine_log(settings: Settings, epoch_s: float) -> Iterator[Diagnosis]:
    """Check that the log of decisions can be read, and that its disk has space.

    Its records are not proved here: ``verify`` does that, and reads the whole log.
    """
    directory = log_directory(settings.state, settings.instance)
    if not directory.is_dir():
        yield warning(
            Area.LOG,
            f"the proxy {settings.instance!r} has no decision log yet",
            "Start the service; if another proxy runs, name it with --instance.",
        )
        return
    try:
        newest = segments(directory)[-1:]
        head = read_head(directory, newest[0]) if newest else None
        surveyor = Surveyor(
            directory,
            retention=(head and head.retention) or DEFAULT,
            reserve_bytes=RESERVE_BYTES,
        )
        room = surveyor.look(epoch_s)
    except LogError as exc:
        yield failure(Area.LOG, f"{exc.code}: {exc}", exc.hint or _SEE_VERIFY)
        return
    except OSError as exc:
        text = f"the disk of {str(directory)!r} cannot be queried: {exc.strerror}"
        yield failure(Area.DISK, text, "Check that the disk is mounted and works.")
        return
    growth = f"{room.bytes_a_day / _MEGABYTE:,.1f} MB more each day"
    yield success(Area.LOG, f"it takes {room.log_bytes / _MEGABYTE:,.1f} MB, {growth}")
    yield from _of_tree(TreeFiles(directory))
    yield grade_disk(room)


def _of_tree(files: TreeFiles) -> Iterator[Diagnosis]:
    try:
        if files.signed() is not None:
            files.signer()
    except LogError as exc:
        yield failure(Area.LOG, str(exc), exc.hint or _SEE_VERIFY)


_SEE_VERIFY = "Run 'uploadfilter verify'."


def grade_disk(room: Room) -> Diagnosis:
    """Return a result for the space of a log."""
    free = f"{room.free_bytes / _MEGABYTE:,.0f} MB are free"
    lasting = f"{free}: they last for {days_words(room)}, if each day is like today"
    if room.free_bytes < LEAST_FREE_BYTES:
        hint = "Free space now: without it no decision can be recorded, and uploads "
        return failure(Area.DISK, free, f"{hint}are answered 503.")
    if room.days_left < _SHORT_DAYS:
        hint = "Free space, get a larger disk, or shorten retention in [log]."
        return warning(Area.DISK, lasting, hint)
    return success(Area.DISK, lasting)
