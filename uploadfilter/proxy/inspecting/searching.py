"""Search the reference set for the signals of an upload: exact ones first, then all.

Rules this module keeps: one upload is searched in one generation, whatever is imported
meanwhile; a search that takes longer than a millisecond goes to a thread.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from uploadfilter.errors import StoreError
from uploadfilter.model import Match, Reason, Scan
from uploadfilter.proxy.inspecting.commands import (
    Command,
    LookUp,
    MatchSignals,
    unscanned,
)
from uploadfilter.proxy.inspecting.tripwire import Tripwire
from uploadfilter.proxy.inspecting.upload import Upload
from uploadfilter.reference.search.matching import Generation, match_scans
from uploadfilter.signals import pdq

_LOOK_UP_ON_LOOP = 40
"""Contents whose three digests are looked up in under a millisecond, measured."""

_SEARCH_ON_LOOP_PAIRS = 320_000
"""Pairs of signal and entry up to which a search takes under a millisecond, measured
(32 signals of one picture, 10,000 entries), so that a thread would cost more than it
saves. A form of a thousand pictures is another matter."""


class Reference(Protocol):
    """An object that knows the newest generation of the reference set."""

    def at_hand(self) -> Generation | None:
        """Return it if that takes no time, ``None`` if it must be opened first."""

    def current(self) -> Generation:
        """Return the newest generation.

        Raises:
            StoreError: There is no usable one.
        """


class Searching:
    """The step that finds matches.

    Args:
        reference: Knows the newest generation of the reference set.
        tripwire: Softens matches with entries that were demoted.
        say_unusable: Tells the operator that no reference set is usable.
    """

    def __init__(
        self,
        reference: Reference,
        tripwire: Tripwire,
        *,
        say_unusable: Callable[[StoreError], None],
    ) -> None:
        self._reference = reference
        self._tripwire = tripwire
        self._say_unusable = say_unusable

    async def look_up(self, upload: Upload, command: LookUp) -> list[Command]:
        """Look up the exact signals of the contents in the newest generation."""
        try:
            generation = self._reference.at_hand()
            if generation is None:
                # A new generation is opened and verified here, which may take a while.
                generation = await asyncio.to_thread(self._reference.current)
        except StoreError as exc:
            self._say_unusable(exc)
            return upload.inspection.failed(Reason.NO_REFERENCE_SET)
        upload.generation = generation
        known = [unscanned(content) for content in command.contents]
        if len(known) <= _LOOK_UP_ON_LOOP:
            found = self._matches(upload, generation, known)
        else:
            found = await asyncio.to_thread(self._matches, upload, generation, known)
        return upload.inspection.looked_up(found)

    async def match(self, upload: Upload, command: MatchSignals) -> list[Command]:
        """Search for all signals, in the generation of the look-up."""
        generation, scans = upload.searched_generation, command.scans
        signals = sum(_signal_count(scan) for scan in scans)
        is_short = len(scans) <= _LOOK_UP_ON_LOOP
        if is_short and signals * generation.entry_count <= _SEARCH_ON_LOOP_PAIRS:
            found = self._matches(upload, generation, scans)
        else:
            found = await asyncio.to_thread(self._matches, upload, generation, scans)
        return upload.inspection.matched(found)

    def _matches(
        self, upload: Upload, generation: Generation, scans: Sequence[Scan]
    ) -> tuple[Match, ...]:
        found = match_scans(
            generation,
            scans,
            thresholds=upload.settings.thresholds,
            quality_of=pdq.quality,
        )
        return self._tripwire.soften(found)


def _signal_count(scan: Scan) -> int:
    return sum(view.signal_count for part in scan.walk() for view in part.views)
