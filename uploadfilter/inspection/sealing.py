"""Seal the evidence of a rejected upload, before its decision is recorded.

Rules this module keeps: nothing about an upload is kept that was not rejected for a
match of a chosen category; what a client claims about itself is not evidence, so
headers are read from trusted proxies only; an upload is rejected also if its evidence
cannot be sealed, and then the record, a metric and an event state it.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final

import msgspec
import structlog

from uploadfilter.decisions.records.records import moment
from uploadfilter.decisions.records.sealed import SealedRecord, SealFault
from uploadfilter.inspection.commands import Record
from uploadfilter.inspection.upload import Upload
from uploadfilter.model import EntryState, Match, Verdict
from uploadfilter.sealing.envelope import MOST_TEXT, seal
from uploadfilter.sealing.folder import EvidenceFolder
from uploadfilter.sealing.settings import SealedEvidenceSettings
from uploadfilter.web.counting.metrics import Metrics

log: structlog.stdlib.BoundLogger = structlog.get_logger()

TEXT_FORMAT: Final = 1

MOST_MATCHES: Final = 20
"""Entries that one file names; the decision names up to 200."""

MOST_ACCOUNT: Final = 1024
"""Characters of an account that are kept; a longer header is cut."""


class MatchedEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that a rejected upload matched."""

    set: str
    entry: str
    category: str


class EvidenceText(msgspec.Struct, frozen=True, kw_only=True):
    """The sealed text.

    Attributes:
        format: Version of the text.
        decision: Id of the decision.
        time: When it was sealed, ISO 8601, UTC.
        instance: Name of the proxy.
        route: Name of the route.
        address: Address of the client.
        port: Port of the client; ``None`` if no trusted proxy names it.
        peer: Address of the connection's other end: the client's, or the front end's.
        peer_port: Its port; ``None`` for a unix socket.
        account: The account that a trusted proxy names; ``None`` if it names none.
        matches: The entries.
    """

    format: int
    decision: str
    time: str
    instance: str
    route: str
    address: str
    port: int | None
    peer: str
    peer_port: int | None
    account: str | None
    matches: tuple[MatchedEntry, ...]


@dataclass(slots=True)
class _Day:
    """The files of one day, and of each client."""

    day: date
    files: int
    clients: Counter[str]


class Sealer:
    """Seals the evidence of rejected uploads.

    Args:
        settings: Whose keys, which categories, and how much.
        folder: Keeps the files.
        instance: Name of this proxy.
        clock: Seconds since the epoch.
        metrics: Counts sealed files and faults.
    """

    def __init__(
        self,
        settings: SealedEvidenceSettings,
        folder: EvidenceFolder,
        *,
        instance: str,
        clock: Callable[[], float],
        metrics: Metrics,
    ) -> None:
        self._settings = settings
        self._recipients = settings.parsed_recipients
        self._categories = frozenset(settings.categories)
        self._folder = folder
        self._instance = instance
        self._clock = clock
        self._metrics = metrics
        self._today = _Day(date.min, 0, Counter())

    async def seal(self, upload: Upload, command: Record) -> SealedRecord | None:
        """Seal the evidence of an upload, if it is rejected for a chosen category.

        Returns:
            The digest of the file, or why there is none; ``None`` if none is wanted.
        """
        matches = self._wanted(upload, command)
        if not matches:
            return None
        client = upload.arrival.client_key
        await self._turn_to(moment(self._clock()).date())
        fault = self._over(client)
        if fault is not None:
            return self._failed(fault)
        text = encoded(self._text(upload, matches))
        within_s = upload.settings.limits.record_s
        id_ = upload.ticket.id
        writing = asyncio.ensure_future(asyncio.to_thread(self._write, id_, text))
        done, _ = await asyncio.wait([writing], timeout=within_s)
        if not done:
            # The file may still come; the record says that there is none.
            writing.add_done_callback(lambda _: self._discard(id_))
            return self._failed(SealFault.NOT_WRITTEN)
        try:
            found = writing.result()
        except (OSError, ValueError) as exc:
            return self._failed(SealFault.NOT_WRITTEN, error=str(exc))
        if found is None:
            return self._failed(SealFault.NO_ROOM)
        self._count(client)
        self._metrics.sealed(None)
        return SealedRecord(sha256=found)

    async def discard(self, upload: Upload, sealed: SealedRecord | None) -> None:
        """Delete the file of an upload whose decision could not be recorded."""
        if sealed is not None and sealed.sha256 is not None:
            await asyncio.to_thread(self._discard, upload.ticket.id)

    def _discard(self, decision: str) -> None:
        try:
            self._folder.discard(decision)
        except OSError as exc:
            # It is deleted with the others of its day.
            log.warning("evidence_not_discarded", error=str(exc))

    def _wanted(self, upload: Upload, command: Record) -> tuple[Match, ...]:
        """Return the matches of an upload for which evidence is kept."""
        is_rejected = (
            command.judgement.is_rejection
            and command.judgement.verdict is Verdict.MATCH
            and not upload.is_canary
        )
        if not is_rejected or not self._recipients:
            return ()
        return tuple(
            it
            for it in command.matches
            if it.category in self._categories and it.state is EntryState.ACTIVE
        )

    def _write(self, decision: str, text: bytes) -> str | None:
        """Seal and write a file; return its digest, or ``None`` without room."""
        if self._folder.free_bytes() < self._settings.reserve_bytes:
            return None
        sealed = seal(
            text, self._recipients, needed=self._settings.needed, decision=decision
        )
        return self._folder.write(decision, sealed)

    async def _turn_to(self, today: date) -> None:
        """Begin a day; files that a proxy before this one sealed on it count, too."""
        if today == self._today.day:
            return
        try:
            files = await asyncio.to_thread(self._folder.count, today)
        except OSError:
            # Then no file can be written either, which is told.
            files = 0
        # Another upload may have begun the day in between, and counted.
        if today != self._today.day:
            self._today = _Day(today, files, Counter())

    def _over(self, client: str) -> SealFault | None:
        """Return the quota of the day that is used up, if one is."""
        if self._today.files >= self._settings.files_a_day:
            return SealFault.DAY_QUOTA
        # Clients behind a front end that is not trusted have no key of their own.
        most = self._settings.client_files_a_day
        if client and self._today.clients[client] >= most:
            return SealFault.CLIENT_QUOTA
        return None

    def _count(self, client: str) -> None:
        self._today.files += 1
        if client:
            self._today.clients[client] += 1

    def _failed(self, fault: SealFault, *, error: str = "") -> SealedRecord:
        self._metrics.sealed(fault)
        log.error("evidence_not_sealed", fault=fault.value, error=error)
        return SealedRecord(fault=fault)

    def _text(self, upload: Upload, matches: tuple[Match, ...]) -> EvidenceText:
        arrival = upload.arrival
        side = arrival.side
        peer_port = upload.sender.port
        is_direct = not side.trusted
        told = _port(self._header(upload, self._settings.port_header))
        return EvidenceText(
            format=TEXT_FORMAT,
            decision=upload.ticket.id,
            time=moment(self._clock()).isoformat(),
            instance=self._instance,
            route=arrival.route.name,
            address=side.client,
            port=peer_port if is_direct else told,
            peer=side.peer,
            peer_port=peer_port,
            account=self._header(upload, self._settings.account_header) or None,
            matches=tuple(
                MatchedEntry(set=it.set, entry=it.entry, category=it.category)
                for it in _distinct(matches)
            ),
        )

    def _header(self, upload: Upload, name: str) -> str:
        """Return the statement of a trusted proxy; empty without one.

        A header that is there twice is no statement: a client may have written one.
        """
        if not name or not upload.arrival.side.trusted:
            return ""
        values = upload.arrival.head.values(name.lower().encode("ascii"))
        if len(values) != 1:
            return ""
        return values[0].decode("utf-8", "backslashreplace")[:MOST_ACCOUNT]


def encoded(text: EvidenceText) -> bytes:
    """Encode a text, with as many of its entries as fit."""
    found = msgspec.json.encode(text)
    while len(found) > MOST_TEXT and text.matches:
        text = msgspec.structs.replace(text, matches=text.matches[:-1])
        found = msgspec.json.encode(text)
    return found


def _distinct(matches: tuple[Match, ...]) -> list[Match]:
    """Return the first matches of different entries."""
    found = {(it.set, it.entry): it for it in reversed(matches)}
    return list(reversed(found.values()))[:MOST_MATCHES]


def _port(text: str) -> int | None:
    is_port = text.isascii() and text.isdecimal() and len(text) <= len("65535")
    return int(text) if is_port else None
