"""Demote an entry that uploads from very many networks look like, and say so.

::

    DIR/
      tripwire.json                    what is demoted, and what people restored
      tripwire.lock
      instances/<name>/tripwire.json   what this proxy has counted today

Rules this module keeps: an upload waits for nothing here; what was demoted is written
down, on record in the decision log and said, and only a person undoes it; of a client
only a keyed hash of its network is kept, for the day.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

import msgspec
import structlog

from uploadfilter.decisions.lasting import Change
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
from uploadfilter.state import make_private, only_one, write_private

log: structlog.stdlib.BoundLogger = structlog.get_logger()

FILE: Final = "tripwire.json"
_LOCK: Final = "tripwire.lock"

INTERVAL_S: Final = 1.0
"""How often what others have written is looked at, as for a new generation."""

COUNTED_S: Final = 60
"""How often counts are written down: what a crash loses is a minute of them."""

_DAY_S: Final = 86_400

_T = TypeVar("_T", Counted, Demotions)

Note = Callable[[Change, Mapping[str, object]], None]
"""Has a change put on record in the decision log."""


class Tripwire:
    """Who counts, and who knows what is demoted.

    Args:
        state: The state directory, which proxies share.
        directory: Of this proxy's instance.
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
        self._problem = ""
        self.demotions = read_demotions(state)
        self._keys = self.demotions.keys()

    def soften(self, matches: tuple[Match, ...]) -> tuple[Match, ...]:
        """Return matches of which those by demoted entries reject nothing."""
        return softened(matches, self._keys) if self._keys else matches

    def saw(
        self, matches: tuple[Match, ...], network: str | None, *, threshold: int
    ) -> None:
        """Count an upload that is on record.

        Args:
            matches: What it matched.
            network: Hash of its client's network; ``None`` if that is not known.
            threshold: Networks from which on an entry is demoted.
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
        """Write down and look again and again, until cancelled.

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
        """Write down what was demoted, and take up what others have written."""
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
            # It holds in this process, and is tried again.
            self._say_unwritable(str(exc))
            return
        self._problem = ""
        if seen == self._seen:
            return
        before = self.demotions
        self._take(await asyncio.to_thread(read_demotions, self._state))
        self._seen = seen
        known = set(before.restored)
        for item in self.demotions.restored:
            if item not in known:
                note(Change.RESTORE, msgspec.structs.asdict(item))

    def _take(self, demotions: Demotions) -> None:
        self.demotions, self._keys = demotions, demotions.keys()

    def _say_unwritable(self, problem: str) -> None:
        if problem != self._problem:
            log.error("tripwire_unwritable", error=problem)
        self._problem = problem

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
    """The demotions of a state directory while they are changed."""

    def __init__(self, demotions: Demotions) -> None:
        self.demotions = demotions


@contextlib.contextmanager
def changing(state: Path) -> Iterator[Changing]:
    """Change what is demoted, for the length of the block.

    Args:
        state: The state directory.

    Raises:
        StoreError: Another process does, or it cannot be written.
    """
    try:
        make_private(state)
        with only_one(state / _LOCK):
            change = Changing(read_demotions(state))
            yield change
            write_private(state / FILE, msgspec.json.encode(change.demotions))
    except OSError as exc:
        raise StoreError(
            f"cannot write {str(state / FILE)!r}: {exc.strerror}",
            hint="Nothing has changed. Try again; else check the disk.",
        ) from exc


def read_demotions(state: Path) -> Demotions:
    """Return what is demoted; nothing if that cannot be read.

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
        "'uploadfilter hashset restore' or 'uploadfilter hashset suppress'.",
    )
