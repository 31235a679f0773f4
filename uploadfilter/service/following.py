"""Watch the reference set while the service runs, and log its state.

Each upload takes the newest generation by itself. This module logs which generation
that is, loads it within the promised two seconds on an idle proxy, and warns of faults
that no other part reports: a rollback that was not released, ENFORCE that rejects no
match, and a signed set that is old or has withdrawals held back.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeAlias

import structlog

from uploadfilter.errors import StoreError
from uploadfilter.ongoing import OngoingFaults
from uploadfilter.reference.files.layered import LayeredGeneration
from uploadfilter.reference.store import ReferenceReader
from uploadfilter.signedsets.freshness import Freshness, Status, freshness
from uploadfilter.web.requests.live import LiveSettings
from uploadfilter.web.routing.enforcing import Unenforced

Old: TypeAlias = tuple[Status, Freshness, int]
"""The state of a signed set that needs attention."""

log: structlog.stdlib.BoundLogger = structlog.get_logger()

INTERVAL_S: Final = 1.0
"""Seconds between two checks. Each upload checks as well."""

REMINDER_S: Final = 3600.0
"""Seconds between two warnings about a fault that persists: an operator who begins work
finds it among the recent lines of the log."""


class Following:
    """The state of the reference set that was logged last.

    Args:
        faults: Tells about faults that uploads meet as well.
        clock: Returns monotonic seconds.
        now: Returns seconds since the epoch.
    """

    def __init__(
        self,
        reference: ReferenceReader,
        *,
        settings: Callable[[], LiveSettings],
        faults: OngoingFaults,
        clock: Callable[[], float],
        signed: Callable[[], tuple[Status, ...]] = tuple,
        now: Callable[[], float] = time.time,  # noqa: TID251 - handed down
    ) -> None:
        self._signed = signed
        self._now = now
        self._reference = reference
        self._settings = settings
        self._known: int | None = None
        self._unusable = faults
        self._faults = OngoingFaults(log, again_s=REMINDER_S, clock=clock)

    async def keep(self) -> None:
        """Check periodically, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(INTERVAL_S)

    async def look(self) -> None:
        """Check once, and log changes, and faults that persist for another hour."""
        try:
            # In a thread, because a new generation is opened and verified here.
            generation, lacking, old = await asyncio.to_thread(self._find)
        except StoreError as exc:
            self._known = None
            self._unusable.fail(
                "reference_set_unusable",
                code=exc.code,
                error=str(exc),
                hint=exc.hint,
            )
            return
        self._unusable.recover("reference_set_unusable")
        if generation.number != self._known:
            _say_active(generation)
        self._known = generation.number
        found = {
            *self._say_pinned(generation),
            *self._say_unenforced(lacking),
            *self._say_old(old),
        }
        for event, about in self._faults.lasting - found:
            self._faults.recover(event, about)

    def _find(
        self,
    ) -> tuple[LayeredGeneration, tuple[Unenforced, ...], tuple[Old, ...]]:
        generation = self._reference.current()
        names = {info.name for info in generation.sets if info.signed is not None}
        now_s = self._now()
        old = tuple(
            (it, freshness(it, now_s), it.held_back)
            for it in self._signed()
            # The operator knows about a root that was trusted and never synced.
            if it.set in names
            and (it.held_back or freshness(it, now_s) is not Freshness.FRESH)
        )
        return generation, self._settings().unenforced(generation), old

    def _say_pinned(self, generation: LayeredGeneration) -> Iterator[tuple[str, str]]:
        if generation.pinned:
            self._faults.fail(
                "generation_pinned",
                level=logging.WARNING,
                generation=generation.number,
                hint="A rollback was not released yet, and imports are refused: find "
                "its cause, then run 'uploadfilter hashset rollback --release'.",
            )
            yield "generation_pinned", ""

    def _say_unenforced(
        self, lacking: Iterable[Unenforced]
    ) -> Iterator[tuple[str, str]]:
        for item in lacking:
            self._faults.fail(
                "nothing_enforced",
                item.route,
                route=item.route,
                lack=item.lack,
                message=item.words,
                hint=item.to_do,
            )
            yield "nothing_enforced", item.route

    def _say_old(self, old: Iterable[Old]) -> Iterator[tuple[str, str]]:
        for status, fresh, held_back in old:
            name = status.set
            if fresh is Freshness.AGING:
                self._faults.fail(
                    "signed_set_aging",
                    name,
                    level=logging.WARNING,
                    set=name,
                    sequence=status.sequence,
                    ends=status.expires_at,
                    hint="Half of the time until a signature ends is over: run "
                    "'uploadfilter hashset sync', or find out why it fails with "
                    "'uploadfilter hashset list'.",
                )
                yield "signed_set_aging", name
            if fresh is Freshness.EXPIRED:
                self._faults.fail(
                    "signed_set_expired",
                    name,
                    set=name,
                    sequence=status.sequence,
                    ends=status.expires_at,
                    hint="The set goes on matching, but nobody knows whether it is the "
                    "newest: 'uploadfilter hashset list' says why the last sync "
                    "failed.",
                )
                yield "signed_set_expired", name
            if held_back:
                self._faults.fail(
                    "withdrawals_held_back",
                    name,
                    set=name,
                    sequence=status.sequence,
                    ends=status.expires_at,
                    count=held_back,
                    hint="More than one officer may make in a day: ask the issuer "
                    "whether a key was stolen. If not, the next days' syncs carry them "
                    "out.",
                )
                yield "withdrawals_held_back", name


def _say_active(generation: LayeredGeneration) -> None:
    log.info(
        "generation_active",
        generation=generation.number,
        entries=generation.entry_count,
    )
    if generation.entry_count == 0:
        log.warning("reference_set_empty", generation=generation.number)
