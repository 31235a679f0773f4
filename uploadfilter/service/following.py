"""Watch the reference set while the service runs, and log its state.

Each upload takes the newest generation by itself. This module logs which generation
that is, loads it within the promised two seconds on an idle proxy, and warns of faults
that no other part reports: a rollback that was not released, ENFORCE that rejects no
match, and a signed set that is old or has withdrawals held back.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final, TypeAlias

import structlog

from uploadfilter.errors import StoreError
from uploadfilter.proxy.requests.live import LiveSettings
from uploadfilter.proxy.routing.enforcing import Unenforced
from uploadfilter.reference.files.layered import LayeredGeneration
from uploadfilter.reference.store import ReferenceReader
from uploadfilter.signedsets.freshness import Freshness, Status, freshness

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
        reference: The reference set.
        settings: Returns the settings in force.
        clock: Returns monotonic seconds.
        signed: Returns the state of the signed sets.
        now: Returns seconds since the epoch.
    """

    def __init__(
        self,
        reference: ReferenceReader,
        *,
        settings: Callable[[], LiveSettings],
        clock: Callable[[], float],
        signed: Callable[[], tuple[Status, ...]] = tuple,
        now: Callable[[], float] = time.time,  # noqa: TID251 - handed down
    ) -> None:
        self._signed = signed
        self._now = now
        self._reference = reference
        self._settings = settings
        self._clock = clock
        self._known: int | str | None = None
        self._wrong: tuple[object, ...] = ()
        self._said_at_s = 0.0

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
            if exc.code != self._known:
                _say_unusable(exc)
            self._known = exc.code
            return
        is_new = generation.number != self._known
        if is_new:
            _say_active(generation)
        self._known = generation.number
        wrong = (generation.pinned, *lacking, *(it[1:] for it in old))
        is_due = self._clock() - self._said_at_s >= REMINDER_S
        if is_new or is_due or wrong != self._wrong:
            self._wrong, self._said_at_s = wrong, self._clock()
            if generation.pinned:
                _say_pinned(generation)
            for item in lacking:
                _say_unenforced(item)
            for status, fresh, held_back in old:
                _say_old(status, fresh, held_back)

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


def _say_unusable(error: StoreError) -> None:
    log.error(
        "reference_set_unusable", code=error.code, error=str(error), hint=error.hint
    )


def _say_pinned(generation: LayeredGeneration) -> None:
    log.warning(
        "generation_pinned",
        generation=generation.number,
        hint="A rollback was not released yet, and imports are refused: find its "
        "cause, then run 'uploadfilter hashset release'.",
    )


def _say_unenforced(item: Unenforced) -> None:
    log.error(
        "nothing_enforced",
        route=item.route,
        lack=item.lack,
        message=item.words,
        hint=item.to_do,
    )


def _say_old(status: Status, fresh: Freshness, held_back: int) -> None:
    about = {"set": status.set, "sequence": status.sequence, "ends": status.expires_at}
    if fresh is Freshness.AGING:
        log.warning(
            "signed_set_aging",
            **about,
            hint="Half of the time until a signature ends is over: run 'uploadfilter "
            "hashset sync', or find out why it fails with 'uploadfilter hashset "
            "status'.",
        )
    if fresh is Freshness.EXPIRED:
        log.error(
            "signed_set_expired",
            **about,
            hint="The set goes on matching, but nobody knows whether it is the newest: "
            "'uploadfilter hashset status' says why the last sync failed.",
        )
    if held_back:
        log.error(
            "withdrawals_held_back",
            **about,
            count=held_back,
            hint="More than one officer may make in a day: ask the issuer whether a "
            "key was stolen. If not, the next days' syncs carry them out.",
        )


def _say_active(generation: LayeredGeneration) -> None:
    log.info(
        "generation_active",
        generation=generation.number,
        entries=generation.entry_count,
    )
    if generation.entry_count == 0:
        log.warning("reference_set_empty", generation=generation.number)
