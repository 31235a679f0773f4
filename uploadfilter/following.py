"""Follow the reference set while the service runs, and tell the operator what it is.

Each upload takes the newest generation by itself. This says which one it is, keeps the
promise of two seconds on an idle proxy, and raises the alarm where nobody else would:
a rollback that waits to be released, and ENFORCE that rejects no match.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from uploadfilter.errors import StoreError
from uploadfilter.proxy.requests.live import LiveSettings
from uploadfilter.proxy.routing.enforcing import Unenforced
from uploadfilter.reference.layered import LayeredGeneration
from uploadfilter.reference.store import ReferenceReader

log: structlog.stdlib.BoundLogger = structlog.get_logger()

INTERVAL_S: Final = 1.0
"""How often is looked. Each upload looks anyway."""

REMINDER_S: Final = 3600.0
"""How often it is said again what is wrong as long as it is: an operator who begins
work finds it in what was logged lately."""


class Following:
    """What was said last of the reference set.

    Args:
        reference: The reference set.
        settings: Returns the settings in force.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        reference: ReferenceReader,
        *,
        settings: Callable[[], LiveSettings],
        clock: Callable[[], float],
    ) -> None:
        self._reference = reference
        self._settings = settings
        self._clock = clock
        self._known: int | str | None = None
        self._wrong: tuple[object, ...] = ()
        self._said_at_s = 0.0

    async def keep(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(INTERVAL_S)

    async def look(self) -> None:
        """Look once, and say what has changed, or is wrong for an hour more."""
        try:
            # In a thread, since a new generation is opened and verified here.
            generation, lacking = await asyncio.to_thread(self._find)
        except StoreError as exc:
            if exc.code != self._known:
                _say_unusable(exc)
            self._known = exc.code
            return
        is_new = generation.number != self._known
        if is_new:
            _say_active(generation)
        self._known = generation.number
        wrong = (generation.pinned, *lacking)
        is_due = self._clock() - self._said_at_s >= REMINDER_S
        if is_new or is_due or wrong != self._wrong:
            self._wrong, self._said_at_s = wrong, self._clock()
            if generation.pinned:
                _say_pinned(generation)
            for item in lacking:
                _say_unenforced(item)

    def _find(self) -> tuple[LayeredGeneration, tuple[Unenforced, ...]]:
        generation = self._reference.current()
        return generation, self._settings().unenforced(generation)


def _say_unusable(error: StoreError) -> None:
    log.error(
        "reference_set_unusable", code=error.code, error=str(error), hint=error.hint
    )


def _say_pinned(generation: LayeredGeneration) -> None:
    log.warning(
        "generation_pinned",
        generation=generation.number,
        hint="A rollback was not released yet, and imports are refused: find out what "
        "was wrong, then run 'uploadfilter hashset release'.",
    )


def _say_unenforced(item: Unenforced) -> None:
    log.error(
        "nothing_enforced",
        route=item.route,
        lack=item.lack,
        message=item.words,
        hint=item.to_do,
    )


def _say_active(generation: LayeredGeneration) -> None:
    log.info(
        "generation_active",
        generation=generation.number,
        entries=generation.entry_count,
    )
    if generation.entry_count == 0:
        log.warning("reference_set_empty", generation=generation.number)
