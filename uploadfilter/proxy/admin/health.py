"""Find out whether the proxy can do its work: what ``/readyz`` and the page tell.

Rules this module keeps: looking may take time (a connection to the origin, a disk that
hangs), so that it is done beside the requests, at intervals and within a limit; a
question gets what was seen last, at once. Only what hides nothing is forgiven: one
origin of several that is down is said, and does not take the others out of service.

To add a check, add it to ``Check`` with what to do, and its finding to ``look``.
"""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Hashable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any, Final, Protocol, TypeVar, cast

from yarl import URL

from uploadfilter.decisions.outlook import MOST_DAYS
from uploadfilter.decisions.room import Room
from uploadfilter.errors import LogError, ServiceError, StoreError
from uploadfilter.proxy.origins.origin import OriginSettings
from uploadfilter.proxy.requests.draining import Drain
from uploadfilter.proxy.requests.live import OriginKey
from uploadfilter.proxy.routing.enforcing import Unenforced
from uploadfilter.signedsets.freshness import Status

_T = TypeVar("_T")

INTERVAL_S: Final = 5.0
"""How old an answer may be: a load balancer asks about as often, and a connection each
five seconds is nothing to an origin."""

BELIEVED_S: Final = 30.0
"""How long what was seen is believed if nothing is looked at any more: a loop that is
busy for seconds must not take the proxy out of service."""

WITHIN_S: Final = 2.0
"""How long a look may take; less than the interval, and than what probes wait for."""

LEAST_FREE_BYTES: Final = 64 * 1024 * 1024
"""Room that must be left for the decision log: one segment, some 60,000 decisions. With
less the operator must act, and another proxy can take the uploads meanwhile."""


NO_ROOM_YET: Final = Room(
    log_bytes=0, free_bytes=0, reserve_bytes=0, bytes_a_day=0, days_left=MOST_DAYS
)
"""What is told of the room for the log before the first look."""


class Check(StrEnum):
    """What must hold for the proxy to be ready."""

    STARTED = "started"
    REFERENCE = "reference"
    ORIGIN = "origin"
    LOG = "log"
    SCANNERS = "scanners"
    STAYING = "staying"


WHAT_TO_DO: Final[Mapping[Check, str]] = {
    Check.STARTED: "Wait: the first check is made within seconds. If it is not, see "
    "chore_failed in the operational log, and restart the proxy.",
    Check.REFERENCE: "Run 'uploadfilter hashset list': its error says what to do. "
    "Restore the reference set from a backup: in the empty one that 'uploadfilter "
    "init' makes nothing matches.",
    Check.ORIGIN: "Check whether the origin runs, and listens where the settings say.",
    Check.LOG: "Free space on the disk of the state directory, and check that this "
    "user may write there. Do not delete the newest segment.",
    Check.SCANNERS: "See scanner_start_failed in the operational log; usual causes are "
    "too little memory and a limit on processes.",
    Check.STAYING: "Nothing: the proxy is stopping, and finishes uploads in flight.",
}
"""For the operator, in a sentence or two; ``docs/operating/night.md`` says more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthFinding:
    """What a look at one thing has shown.

    Attributes:
        check: What was looked at.
        is_good: Whether it is as it must be.
        detail: What was seen, for the operator; nothing of a client.
    """

    check: Check
    is_good: bool
    detail: str


class Reference(Protocol):
    """An object that knows the newest generation of the reference set."""

    def current(self) -> object:
        """Return the newest generation.

        Raises:
            StoreError: There is none that can be used.
        """


class Health:
    """What was seen last of everything that the proxy needs.

    Args:
        reference: The entries.
        origins: Those in force, by name.
        unenforced: Tells which routes were to reject matches, and reject none; raises
            a ``StoreError`` as the reference set does.
        is_writable: Whether the last record could be written.
        has_scanners: Whether scanners can be had.
        room: Tells how much room there is for the decision log; it may raise an
            ``OSError`` or a ``LogError``.
        drain: Whether the service is ending.
        signed: Returns what is known of the signed sets. One that is old does not make
            the proxy unready: it goes on matching.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        *,
        reference: Reference,
        origins: Callable[[], Mapping[str, OriginSettings]],
        unenforced: Callable[[], tuple[Unenforced, ...]],
        is_writable: Callable[[], bool],
        has_scanners: Callable[[], bool],
        room: Callable[[], Room],
        drain: Drain,
        signed: Callable[[], tuple[Status, ...]] = tuple,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._reference = reference
        self._origins = origins
        self._find_unenforced = unenforced
        self._is_writable = is_writable
        self._has_scanners = has_scanners
        self._survey = room
        self._drain = drain
        self._read_signed = signed
        self._seen: tuple[HealthFinding, ...] = (
            HealthFinding(
                check=Check.STARTED,
                is_good=False,
                detail="nothing has been checked yet",
            ),
        )
        self._seen_at_s = clock()
        # Reading the authorities of a system takes 20 ms of CPU time.
        self._tls: dict[OriginKey, ssl.SSLContext | None] = {}
        self._looking: dict[Hashable, asyncio.Task[Any]] = {}
        self.reachable: Mapping[str, bool] = {}
        self.unenforced: tuple[Unenforced, ...] = ()
        self.room = NO_ROOM_YET
        self.signed: tuple[Status, ...] = ()

    @property
    def findings(self) -> tuple[HealthFinding, ...]:
        """What was seen last, and whether the service is ending."""
        age_s = self._clock() - self._seen_at_s
        if age_s <= BELIEVED_S:
            return (*self._seen, self._staying())
        detail = f"nothing has been checked for {age_s:.0f} s"
        unseen = HealthFinding(check=Check.STARTED, is_good=False, detail=detail)
        return (unseen, self._staying())

    @property
    def is_ready(self) -> bool:
        """Whether uploads may be sent here."""
        return all(finding.is_good for finding in self.findings)

    async def keep(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(INTERVAL_S)

    async def look(self) -> None:
        """Look at everything once, at the same time and within the limit."""
        self._seen = tuple(
            await asyncio.gather(
                _within(Check.REFERENCE, self._look_at_reference),
                _within(Check.ORIGIN, self._look_at_origins),
                _within(Check.LOG, self._look_at_log),
                self._look_at_scanners(),
            )
        )
        self._seen_at_s = self._clock()

    async def _look_at_reference(self) -> HealthFinding:
        try:
            self.unenforced = await self._in_thread(Check.REFERENCE, self._enforcement)
        except StoreError as exc:
            self.unenforced = ()
            return HealthFinding(
                check=Check.REFERENCE, is_good=False, detail=f"{exc.code}: {exc}"
            )
        return HealthFinding(check=Check.REFERENCE, is_good=True, detail="usable")

    def _enforcement(self) -> tuple[Unenforced, ...]:
        """Find out what ENFORCE rejects; a proxy is ready also if that is nothing.

        Taken out of service it would protect nobody, and its uploads go on record.
        """
        self.signed = self._read_signed()
        self._reference.current()
        return self._find_unenforced()

    async def _look_at_origins(self) -> HealthFinding:
        origins = self._origins()
        # What is not in force any more is not asked for again.
        in_force = set(origins.values())
        self._tls = {
            key: context
            for key, context in self._tls.items()
            if key.settings in in_force
        }
        reached = await asyncio.gather(
            *(self._reach(origin) for origin in origins.values())
        )
        self.reachable = {
            name: failure is None
            for name, failure in zip(origins, reached, strict=True)
        }
        failures = [
            f"{name}: {failure}"
            for name, failure in zip(origins, reached, strict=True)
            if failure is not None
        ]
        return HealthFinding(
            check=Check.ORIGIN,
            is_good=len(failures) < len(origins),
            detail="; ".join(failures) or "reachable",
        )

    async def _reach(self, origin: OriginSettings) -> str | None:
        """Connect to an origin; return why that failed."""
        # A certificate that has been renewed is another one under the same name.
        key = await self._in_thread(origin, partial(OriginKey.of, origin))
        if key not in self._tls:
            try:
                self._tls[key] = await self._in_thread(key, origin.tls)
            except ServiceError as exc:
                return str(exc)
        return await reach(origin, tls=self._tls[key])

    async def _look_at_log(self) -> HealthFinding:
        try:
            self.room = await self._in_thread(Check.LOG, self._survey)
        except LogError as exc:
            return HealthFinding(
                check=Check.LOG, is_good=False, detail=f"{exc.code}: {exc}"
            )
        if not self._is_writable():
            detail = "the last record could not be written"
        elif self.room.free_bytes < LEAST_FREE_BYTES:
            detail = f"{self.room.free_bytes // 1_000_000} MB are left on its disk"
        else:
            detail = f"writable, and its disk lasts for {days_words(self.room)}"
            return HealthFinding(check=Check.LOG, is_good=True, detail=detail)
        return HealthFinding(check=Check.LOG, is_good=False, detail=detail)

    async def _in_thread(self, about: Hashable, work: Callable[[], _T]) -> _T:
        """Do what may hang in a thread, and never twice at a time.

        A disk that hangs would take one more thread with each look, until uploads had
        none for their spools.
        """
        going_on = self._looking.get(about)
        if going_on is None:
            loop = asyncio.get_running_loop()
            going_on = loop.create_task(asyncio.to_thread(work), name="a look")
            self._looking[about] = going_on
            going_on.add_done_callback(lambda _: self._looking.pop(about, None))
            # The task that waited may have given up.
            going_on.add_done_callback(lambda it: it.cancelled() or it.exception())
        return cast("_T", await asyncio.shield(going_on))

    async def _look_at_scanners(self) -> HealthFinding:
        is_good = self._has_scanners()
        detail = "running" if is_good else "none can be started"
        return HealthFinding(check=Check.SCANNERS, is_good=is_good, detail=detail)

    def _staying(self) -> HealthFinding:
        detail = "stopping" if self._drain.begun else "running"
        return HealthFinding(
            check=Check.STAYING, is_good=not self._drain.begun, detail=detail
        )


async def _within(
    check: Check, look: Callable[[], Awaitable[HealthFinding]]
) -> HealthFinding:
    try:
        async with asyncio.timeout(WITHIN_S):
            return await look()
    except TimeoutError:
        detail = f"no answer within {WITHIN_S:g} s"
    except OSError as exc:
        detail = exc.strerror or type(exc).__name__
    return HealthFinding(check=check, is_good=False, detail=detail)


async def reach(
    origin: OriginSettings, *, tls: ssl.SSLContext | None = None
) -> str | None:
    """Connect to an origin and hang up: what a client's request would do first.

    Args:
        origin: Where it is.
        tls: For one under https, whose certificate is then checked as well.

    Returns:
        Why that failed; ``None`` if it did not.
    """
    try:
        async with asyncio.timeout(WITHIN_S / 2):
            if origin.socket_path is not None:
                _, writer = await asyncio.open_unix_connection(origin.socket_path)
            else:
                url = URL(origin.url)
                _, writer = await asyncio.open_connection(
                    url.host,
                    url.port,
                    ssl=tls,
                    server_hostname=(origin.server_name or url.host) if tls else None,
                )
    except TimeoutError:
        return "does not answer"
    except OSError as exc:
        # Of TLS too, whose errors are of this kind; a name that has no address as well.
        return exc.strerror or type(exc).__name__
    writer.close()
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(WITHIN_S / 2):
            await writer.wait_closed()
    return None


def days_words(room: Room) -> str:
    """Return for how many days there is room, in words."""
    if room.days_left >= MOST_DAYS:
        return "more than a year"
    if room.days_left < 1:
        return f"{room.days_left * 24:.0f} hours"
    return f"{room.days_left:.0f} days"
