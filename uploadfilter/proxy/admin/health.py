"""Find out whether the proxy can do its work, for ``/readyz`` and the page.

Rules this module keeps: checks may take time (a connection to the origin, a disk that
hangs), so they are made beside the requests, at intervals and within a time limit; a
request for the state gets the last result at once. Failures that affect only some
uploads are tolerated: if one of several origins is down, this is reported, and the
others stay in service.

To add a check, add it to ``Check`` with its remedy, and its finding to ``look``.
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

from uploadfilter.decisions.files.room import Room
from uploadfilter.decisions.records.outlook import MOST_DAYS
from uploadfilter.errors import LogError, ServiceError, StoreError
from uploadfilter.signedsets.freshness import Status
from uploadfilter.web.origins.settings import OriginSettings
from uploadfilter.web.requests.draining import Drain
from uploadfilter.web.requests.live import OriginKey
from uploadfilter.web.routing.enforcing import Unenforced

_T = TypeVar("_T")

INTERVAL_S: Final = 5.0
"""Longest age of a result: a load balancer asks about as often, and a connection every
five seconds is nothing to an origin."""

BELIEVED_S: Final = 30.0
"""How long the last result is believed if no further check is made: a loop that is busy
for seconds must not take the proxy out of service."""

WITHIN_S: Final = 2.0
"""Time limit of a check; less than the interval, and than the patience of probes."""

LEAST_FREE_BYTES: Final = 64 * 1024 * 1024
"""Room that must be left for the decision log: one segment, some 60,000 decisions. With
less the operator must act, and another proxy can take the uploads meanwhile."""


NO_ROOM_YET: Final = Room(
    log_bytes=0, free_bytes=0, reserve_bytes=0, bytes_a_day=0, days_left=MOST_DAYS
)
"""The room for the log that is reported before the first check."""


class Check(StrEnum):
    """The conditions for the proxy to be ready."""

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
"""Remedies for the operator; ``docs/operating/night.md`` has more details."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthFinding:
    """The result of one check.

    Attributes:
        check: The check.
        is_good: Whether the condition holds.
        detail: Details for the operator, without data of a client.
    """

    check: Check
    is_good: bool
    detail: str


class Reference(Protocol):
    """An object that knows the newest generation of the reference set."""

    def current(self) -> object:
        """Return the newest generation.

        Raises:
            StoreError: There is no usable reference set.
        """


class Health:
    """The last results of all checks.

    Args:
        reference: The reference set.
        origins: The origins in force, by name.
        unenforced: Returns the routes that should reject matches, and reject none;
            raises a ``StoreError`` as the reference set does.
        is_writable: Whether the last record could be written.
        has_scanners: Whether scanners can be started.
        room: Returns the room for the decision log; it may raise an ``OSError`` or a
            ``LogError``.
        drain: Whether the service is ending.
        signed: Returns the statuses of the signed sets. An old one does not make the
            proxy unready: it goes on matching.
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
        # Reading the certificate authorities of a system takes 20 ms of CPU time.
        self._tls: dict[OriginKey, ssl.SSLContext | None] = {}
        self._looking: dict[Hashable, asyncio.Task[Any]] = {}
        self.reachable: Mapping[str, bool] = {}
        self.unenforced: tuple[Unenforced, ...] = ()
        self.room = NO_ROOM_YET
        self.signed: tuple[Status, ...] = ()

    @property
    def findings(self) -> tuple[HealthFinding, ...]:
        """The last results, and whether the service is ending."""
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
        """Check repeatedly, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(INTERVAL_S)

    async def look(self) -> None:
        """Make all checks once, at the same time and within the limit."""
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
        """Find the routes in ENFORCE that reject nothing; they do not affect readiness.

        A proxy out of service would protect nobody, and its uploads are recorded.
        """
        self.signed = self._read_signed()
        self._reference.current()
        return self._find_unenforced()

    async def _look_at_origins(self) -> HealthFinding:
        origins = self._origins()
        # Origins that are not in force any more are not checked again.
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
        """Connect to an origin; return the reason if that fails."""
        # A renewed certificate is another one under the same name.
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
        """Run blocking work in a thread, and the same work never twice at a time.

        A disk that hangs would block one more thread with each check, until there were
        no threads left for the spools of uploads.
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
    """Connect to an origin and disconnect: the first step of forwarding a request.

    Args:
        origin: The origin's address.
        tls: The TLS settings for https; the certificate is then checked as well.

    Returns:
        The reason if that fails; otherwise ``None``.
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
        # This includes errors of TLS, and a name that has no address.
        return exc.strerror or type(exc).__name__
    writer.close()
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(WITHIN_S / 2):
            await writer.wait_closed()
    return None


def days_words(room: Room) -> str:
    """Return how many days the room lasts, in words."""
    if room.days_left >= MOST_DAYS:
        return "more than a year"
    if room.days_left < 1:
        return f"{room.days_left * 24:.0f} hours"
    return f"{room.days_left:.0f} days"
