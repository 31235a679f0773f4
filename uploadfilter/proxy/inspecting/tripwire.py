"""Demote an entry that uploads from very many networks match, and report it.

::

    DIR/
      tripwire.json                    demotions, and restorations by people
      tripwire.lock
      instances/<name>/tripwire.json   the counts of this proxy today

Rules this module keeps: no upload waits for this module; a demotion is written down,
recorded in the decision log and reported, and only a person undoes it; the only data
of a client that is kept is a keyed hash of its network, and only for the day.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

import msgspec
import structlog

from uploadfilter.decisions.records.lasting import Change
from uploadfilter.decisions.tripping import (
    Counted,
    Counting,
    Demotion,
    Demotions,
    Restoration,
    softened,
    suspicious,
)
from uploadfilter.errors import StoreError
from uploadfilter.model import Match
from uploadfilter.ongoing import OngoingFaults
from uploadfilter.state import make_private, only_one, write_private

log: structlog.stdlib.BoundLogger = structlog.get_logger()

FILE: Final = "tripwire.json"
_LOCK: Final = "tripwire.lock"

INTERVAL_S: Final = 1.0
"""How often the files of other proxies are read, as for a new generation."""

COUNTED_S: Final = 60
"""How often counts are written: a crash loses a minute of them."""

_DAY_S: Final = 86_400

_T = TypeVar("_T", Counted, Demotions)

Note = Callable[[Change, Mapping[str, object]], None]
"""Puts a change on record in the decision log."""


class Tripwire:
    """Counts matches, and knows the demoted entries.

    Args:
        state: The state directory, which proxies share.
        directory: Directory of this proxy's instance.
        clock: Seconds since the epoch.
    """

    def __init__(
        self, state: Path, directory: Path, *, clock: Callable[[], float]
    ) -> None:
        self._state = state
        self._counts_file = directory / FILE
        self._clock = clock
        self._written = _decoded(self._counts_file, Counted) or Counted()
        self._counting = Counting(counted=self._written)
        self._tripped: deque[Demotion] = deque()
        self._unwritten: list[Demotion] = []
        self._seen: tuple[int, ...] = ()
        self._faults = OngoingFaults(log)
        self.demotions = read_demotions(state)
        # As the file had them: an upload may end the time of one meanwhile.
        self._restored = frozenset(self.demotions.restored)
        self._keys = self.demotions.keys()

    def soften(self, matches: tuple[Match, ...]) -> tuple[Match, ...]:
        """Return the matches, without the right to reject for demoted entries."""
        return softened(matches, self._keys) if self._keys else matches

    def saw(
        self, matches: tuple[Match, ...], network: str | None, *, threshold: int
    ) -> None:
        """Count an upload that is on record.

        Args:
            matches: Its matches.
            network: Hash of its client's network; ``None`` if that is not known.
            threshold: Number of networks from which an entry is demoted.
        """
        keys = suspicious(matches)
        if not keys or network is None:
            return
        now_s = self._clock()
        day = int(now_s // _DAY_S)
        for (name, entry), networks in self._counting.saw(
            day, keys, network, threshold=threshold
        ).items():
            it = Demotion(set=name, entry=entry, at=int(now_s), networks=networks)
            self._take(self.demotions.with_demoted(it))
            if it in self.demotions.demoted:
                self._tripped.append(it)

    async def keep(self, note: Note) -> None:
        """Write and read the files repeatedly, until cancelled.

        Args:
            note: Puts a change on record.
        """
        since_s = 0.0
        try:
            while True:
                await self.look(note)
                await asyncio.sleep(INTERVAL_S)
                since_s += INTERVAL_S
                if since_s >= COUNTED_S:
                    since_s = 0.0
                    await asyncio.to_thread(self._write_counts)
        finally:
            self._write_counts()

    async def look(self, note: Note) -> None:
        """Write new demotions, and take up those of other proxies."""
        while self._tripped:
            it = self._tripped.popleft()
            _say(it)
            note(Change.DEMOTE, _details(it))
            self._unwritten.append(it)
        try:
            if self._unwritten:
                await asyncio.to_thread(self._write, tuple(self._unwritten))
                self._unwritten.clear()
            seen = await asyncio.to_thread(_signature, self._state / FILE)
        except (OSError, StoreError) as exc:
            # The demotion applies in this process, and the write is tried again.
            self._faults.fail("tripwire_unwritable", error=str(exc))
            return
        self._faults.recover("tripwire_unwritable")
        if seen == self._seen:
            return
        read = await asyncio.to_thread(read_demotions, self._state)
        self._seen = seen
        known, self._restored = self._restored, frozenset(read.restored)
        for it in self._tripped:  # meanwhile; they are not in the file yet
            read = read.with_demoted(it)
        self._take(read)
        for item in self._restored:
            if item not in known:
                note(Change.RESTORE, msgspec.structs.asdict(item))

    def _take(self, demotions: Demotions) -> None:
        self.demotions, self._keys = demotions, demotions.keys()

    def _write(self, new: Sequence[Demotion]) -> None:
        with changing(self._state) as change:
            for it in new:
                change.demotions = change.demotions.with_demoted(it)

    def _write_counts(self) -> None:
        counted = self._counting.counted()
        if counted == self._written:
            return
        with contextlib.suppress(OSError):
            data = msgspec.json.encode(counted)
            write_private(self._counts_file, data, durably=False)
            self._written = counted


class Changing:
    """The demotions of a state directory while a command changes them."""

    def __init__(self, demotions: Demotions) -> None:
        self.demotions = demotions


_LOCK_S: Final = 5.0
"""Seconds to wait for a proxy or a command that writes the same file, which takes some
milliseconds, and a second on a busy disk."""


@contextlib.contextmanager
def changing(state: Path) -> Iterator[Changing]:
    """Change the demotions during the block.

    Args:
        state: The state directory.

    Raises:
        StoreError: Another process is changing them, or they cannot be written.
    """
    try:
        make_private(state)
        with only_one(state / _LOCK, within_s=_LOCK_S):
            change = Changing(read_demotions(state))
            yield change
            write_private(state / FILE, msgspec.json.encode(change.demotions))
    except OSError as exc:
        raise StoreError(
            f"cannot write {str(state / FILE)!r}: {exc.strerror}",
            hint="Nothing has changed. Try again, or check the disk.",
        ) from exc


def read_demotions(state: Path) -> Demotions:
    """Return the demotions; empty if they cannot be read.

    A file that is damaged demotes nothing: entries reject as they are listed.
    """
    return _decoded(state / FILE, Demotions) or Demotions()


def restored(state: Path, item: Restoration) -> bool:
    """Restore an entry; return whether it was demoted.

    Raises:
        StoreError: It could not be written.
    """
    with changing(state) as change:
        was = item.key in change.demotions.keys()  # noqa: SIM118 - a method, no dict
        change.demotions = change.demotions.with_restored(item)
    return was


def _decoded(path: Path, kind: type[_T]) -> _T | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def _signature(path: Path) -> tuple[int, ...]:
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_ino, status.st_size, status.st_mtime_ns


def _details(it: Demotion) -> dict[str, object]:
    return {"set": it.set, "entry": it.entry, "networks": it.networks}


def _say(it: Demotion) -> None:
    log.error(
        "entry_demoted",
        **_details(it),
        hint="Uploads from so many networks look like this entry that it is likely to "
        "be a wrong one. It rejects only exact copies now: ask its issuer, then "
        "'uploadfilter hashset on' or 'uploadfilter hashset off'.",
    )
