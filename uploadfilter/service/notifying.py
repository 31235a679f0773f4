"""Notify the operator's own systems of what is on record, by a signed POST.

The decision log is the outbox: a cursor in ``instances/<name>/notify.json`` says up to
which record everything was delivered. So nothing is lost by a crash, an upload waits
for nothing, and a receiver that was down gets everything later, in order. Only the age
of signed sets is not on record: the cursor's file says which state was told last.

Rules this module keeps: the cursor moves only over delivered notifications; what is
sent twice, after a crash, has the same id; a log that cannot be read stops nobody else.
"""

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import aiohttp
import msgspec
import structlog

from uploadfilter.decisions.files.reading import LogPosition, end_of, read_after
from uploadfilter.decisions.files.segments import Segment
from uploadfilter.decisions.notifysettings import NotifySettings
from uploadfilter.decisions.records.notifications import (
    Notification,
    Topic,
    notification_of,
)
from uploadfilter.decisions.records.records import moment
from uploadfilter.errors import LogError
from uploadfilter.ongoing import OngoingFaults
from uploadfilter.signedsets.freshness import Freshness, Status, freshness
from uploadfilter.state import write_private
from uploadfilter.webhooks import SignedMessage, key_of, pause_s, send

log: structlog.stdlib.BoundLogger = structlog.get_logger()

FILE: Final = "notify.json"

_INTERVAL_S: Final = 1.0
_AT_ONCE: Final = 500
"""Records that are read before the cursor is written: some 20 ms of a thread."""


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """Up to where everything was delivered.

    Attributes:
        segment: Name of the file of the log; empty for none.
        offset: The byte after the last record that was handled.
        seq: Number of that record; 0 for none.
        sets: The freshness of each signed set that was told last.
    """

    segment: str = ""
    offset: int = 0
    seq: int = 0
    sets: dict[str, Freshness] = {}

    @property
    def position(self) -> LogPosition | None:
        """The position in the log; ``None`` for its begin."""
        segment = Segment.parse(self.segment)
        return None if segment is None else LogPosition(segment, self.offset)


class Notifier:
    """Sends notifications of one proxy.

    Args:
        own: The directory of the proxy's instance.
        clock: Returns seconds since the epoch.
    """

    def __init__(
        self,
        directory: Path,
        own: Path,
        settings: NotifySettings,
        *,
        signed: Callable[[], tuple[Status, ...]],
        clock: Callable[[], float],
    ) -> None:
        self._directory = directory
        self._instance = own.name
        self._file = own / FILE
        self._settings = settings
        self._key = key_of(settings.secret) if settings.url else b""
        self._signed = signed
        self._clock = clock
        self._tries = 0
        self._faults = OngoingFaults(log)
        self._cursor = Cursor()
        self._is_loaded = False

    async def keep(self) -> None:
        """Send what is new, until cancelled; without a receiver, do nothing."""
        while self._settings.url:
            wait_s = _INTERVAL_S
            try:
                if not await self.look():
                    wait_s = pause_s(self._tries)
            except LogError as exc:
                self._fail(str(exc))
            await asyncio.sleep(wait_s)

    async def look(self) -> bool:
        """Send everything that is new; return whether the receiver has it.

        Raises:
            LogError: The log cannot be read.
        """
        if not self._is_loaded:
            self._cursor = await asyncio.to_thread(self._load)
            self._is_loaded = True
        async with aiohttp.ClientSession() as session:
            while True:
                news = await asyncio.to_thread(self._read, self._cursor)
                is_sent = await self._send_all(session, news)
                if not is_sent or len(news) < _AT_ONCE:
                    break
            is_sent = is_sent and await self._send_stale(session)
        await asyncio.to_thread(self._save, self._cursor)
        return is_sent

    def _load(self) -> Cursor:
        """Return the cursor; without one, begin at the end of the log.

        Who switches notifications on wants none about last year.
        """
        with contextlib.suppress(OSError, msgspec.DecodeError, UnicodeDecodeError):
            return msgspec.json.decode(self._file.read_bytes(), type=Cursor)
        position = end_of(self._directory)
        if position is None:
            return Cursor()
        return Cursor(segment=position.segment.name, offset=position.offset)

    def _save(self, cursor: Cursor) -> None:
        try:
            write_private(self._file, msgspec.json.encode(cursor), durably=False)
        except OSError as exc:
            self._fail(f"{str(self._file)!r} cannot be written: {exc.strerror}")

    def _read(self, cursor: Cursor) -> list[tuple[Cursor, Notification | None]]:
        """Return the next records: each with the cursor after it."""
        found = []
        after = read_after(self._directory, cursor.position)
        for position, record in itertools.islice(after, _AT_ONCE):
            moved = Cursor(
                segment=position.segment.name,
                offset=position.offset,
                seq=record.seq,
                sets=cursor.sets,
            )
            found.append((moved, notification_of(record, self._instance)))
        return found

    async def _send_all(
        self,
        session: aiohttp.ClientSession,
        news: list[tuple[Cursor, Notification | None]],
    ) -> bool:
        for cursor, notification in news:
            number = f"{self._instance}-{cursor.seq}"
            if not await self._send(session, number, notification):
                return False
            self._tell_gap(cursor)
            self._cursor = cursor
        return True

    def _tell_gap(self, cursor: Cursor) -> None:
        """Log records that were deleted before they could be told."""
        last = self._cursor.seq
        if last and cursor.seq > last + 1:
            log.warning(
                "notifications_lost",
                records=cursor.seq - last - 1,
                hint="The retention of the log was over before the receiver of "
                "[notify] had them.",
            )

    async def _send_stale(self, session: aiohttp.ClientSession) -> bool:
        """Tell of signed sets that became old, or fresh again."""
        for name, status, fresh in self._freshened():
            notification = Notification(
                type=Topic.STALE_SET,
                timestamp=moment(self._clock()),
                data={
                    "instance": self._instance,
                    "set": name,
                    "freshness": fresh,
                    "expires_at": moment(status.expires_at),
                    "failure": status.failure and status.failure.text,
                },
            )
            # The proxies of one state directory tell the same, and count once.
            number = f"{name}-{fresh}-{status.expires_at}"
            if not await self._send(session, number, notification):
                return False
            sets = {**self._cursor.sets, name: fresh}
            self._cursor = msgspec.structs.replace(self._cursor, sets=sets)
        return True

    def _freshened(self) -> Iterator[tuple[str, Status, Freshness]]:
        told = self._cursor.sets
        for status in self._signed():
            fresh = freshness(status, self._clock())
            if fresh is not told.get(status.set, Freshness.FRESH):
                yield status.set, status, fresh

    async def _send(
        self,
        session: aiohttp.ClientSession,
        number: str,
        notification: Notification | None,
    ) -> bool:
        """Send a notification, if it is wanted; return whether that is done."""
        if notification is None:
            return True
        message = SignedMessage(
            id=number,
            at_s=int(self._clock()),
            body=msgspec.json.encode(notification),
        )
        problem = await send(session, self._settings.url, message, self._key)
        if problem:
            self._tries += 1
            self._fail(problem)
            return False
        self._tries = 0
        self._faults.recover("notification_undelivered")
        return True

    def _fail(self, problem: str) -> None:
        self._faults.fail(
            "notification_undelivered",
            error=problem,
            hint="It is tried again after a minute, at last each hour. See [notify].",
        )
