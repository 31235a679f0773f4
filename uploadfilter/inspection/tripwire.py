"""Switch off an entry that uploads from very many networks match, and report it.

Rules this module keeps: no upload waits for this module; a row is written into the
table of the reference set, and only people end it; the only data of a client that is
kept is a keyed hash of its network, in memory, and only for the day.
"""

import asyncio
from collections.abc import Callable, Collection
from typing import Final

import structlog

from uploadfilter.decisions.tripping import Counting, Key, softened, suspicious
from uploadfilter.errors import StoreError, StoreMissingError
from uploadfilter.model import Match
from uploadfilter.ongoing import OngoingFaults
from uploadfilter.reference.entries.off import MOST, Off, Party
from uploadfilter.reference.store import ReferenceDirectory, ReferenceReader

log: structlog.stdlib.BoundLogger = structlog.get_logger()

INTERVAL_S: Final = 1.0
"""How often new rows are written."""

_DAY_S: Final = 86_400


class Tripwire:
    """Counts matches, and switches entries off.

    Args:
        directory: The reference directory, which proxies share.
        reader: Reads it for this proxy.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        directory: ReferenceDirectory,
        reader: ReferenceReader,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._directory = directory
        self._reader = reader
        self._clock = clock
        self._counting = Counting()
        self._tripped: dict[Key, Off] = {}
        self._faults = OngoingFaults(log)

    def soften(self, matches: tuple[Match, ...]) -> tuple[Match, ...]:
        """Return the matches as they will be when the new rows are in force."""
        return softened(matches, self._tripped) if self._tripped else matches

    def saw(
        self,
        matches: tuple[Match, ...],
        network: str | None,
        *,
        threshold: int,
    ) -> None:
        """Count an upload that is on record.

        Args:
            matches: Its matches.
            network: Hash of its client's network; ``None`` if that is not known.
            threshold: Number of networks from which an entry is switched off.
        """
        keys = suspicious(matches)
        if not keys or network is None:
            return
        now_s, generation = self._clock(), self._reader.last
        spared = generation.keys_to_spare() if generation else frozenset()
        for (name, entry), networks in self._counting.saw(
            int(now_s // _DAY_S), keys, network, threshold=threshold
        ).items():
            key = name, entry
            is_full = len(self._tripped) >= MOST[Party.TRIPWIRE]
            if key in spared or key in self._tripped or is_full:
                continue
            self._tripped[key] = Off(
                set=name,
                entry=entry,
                party=Party.TRIPWIRE,
                why=f"perceptual matches from {networks:,} networks",
                since=int(now_s),
            )
            _say(self._tripped[key])

    async def keep(self) -> None:
        """Write new rows repeatedly, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(INTERVAL_S)

    async def look(self) -> None:
        """Write new rows; until that succeeds, they hold in this process only."""
        rows = tuple(self._tripped.values())
        try:
            await asyncio.to_thread(self._write, rows)
        except StoreMissingError:
            pass  # nothing can match
        except StoreError as exc:
            self._faults.fail("tripwire_unwritable", error=str(exc), hint=exc.hint)
            return
        self._faults.recover("tripwire_unwritable")
        for row in rows:
            del self._tripped[row.key]

    def _write(self, rows: Collection[Off]) -> None:
        if not rows:
            return
        with self._directory.writer(create=False) as writer:
            for row in rows:
                writer.demote(row)
        self._reader.current()


def _say(row: Off) -> None:
    log.error(
        "entry_demoted",
        set=row.set,
        entry=row.entry,
        reason=row.why,
        hint="Uploads from so many networks look like this entry that it is likely to "
        "be a wrong one. It rejects only exact copies now: ask its issuer, then "
        "'uploadfilter hashset on' or 'uploadfilter hashset off'.",
    )
