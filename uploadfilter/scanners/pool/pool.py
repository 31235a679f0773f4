"""Scan uploads in scanner processes, even if contents kill these.

Rules this module keeps:

- This module decides from the first bytes of a content whether its process may scan
  others: a process that was taken over has no say in it.
- ``scan`` does not raise for effects of a content or for a lack of processes: both are
  reasons in scans. It waits no longer than its settings say.

``queueing.py`` decides the order of uploads, ``progress.py`` the effect of a lost
process; ``crew.py`` makes processes, and ``conversing.py`` uses them.
"""

import os
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

from uploadfilter.contents import framed
from uploadfilter.contents.kinds import magic
from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.model import Scan, SignalType
from uploadfilter.ongoing import EventLog
from uploadfilter.pictures.formats import COMMON
from uploadfilter.scanners.pool import expecting
from uploadfilter.scanners.pool.conversing import Conversation
from uploadfilter.scanners.pool.crew import Crew
from uploadfilter.scanners.pool.progress import Progress
from uploadfilter.scanners.pool.settings import (
    PoolFigures,
    PoolLoad,
    ScannerSettings,
    SilentLog,
)
from uploadfilter.scanners.pool.turns import Departing, Turns
from uploadfilter.scanners.pool.waiting import Claim
from uploadfilter.scanners.wire.messages import (
    COMMON_CODINGS,
    ContentSpan,
    Handed,
)

_PICTURES_OF_TEXT: Final = frozenset({Kind.SVG, Kind.EMPTY})
"""Kinds on which no decoder ever runs, even if they are declared as pictures."""


def is_alone(kind: Kind, declared_type: str | None) -> bool:
    """Return whether a content needs a process that scans no other content after it.

    Args:
        kind: Its kind by its first bytes.
        declared_type: The type that the client declared; every decoder is tried on a
            content that is declared as a picture and does not look like one.
    """
    if kind.value in COMMON or kind in _PICTURES_OF_TEXT:
        return False
    if magic.is_picture(kind) or magic.is_container(kind) or kind is Kind.VIDEO:
        return True
    return magic.declares_picture(declared_type)


class ScannerPool:
    """Scans uploads; made by ``open``.

    Args:
        crew: The processes.
        settings: The limits of times and numbers.
        counts: The counts, by the names of ``PoolFigures``.
        log: The log for lost processes.
        on_cost: Gets the CPU seconds of each scanned upload.
    """

    def __init__(
        self,
        crew: Crew,
        settings: ScannerSettings,
        *,
        counts: Counter[str],
        log: EventLog,
        on_cost: Callable[[float], None] | None = None,
    ) -> None:
        self._crew = crew
        self._settings = settings
        self._formats = frozenset(settings.formats)
        self._counts = counts
        self._log = log
        self._on_cost = on_cost
        self._turns = Turns(settings, counts=counts)

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        settings: ScannerSettings,
        *,
        log: EventLog | None = None,
        on_cost: Callable[[float], None] | None = None,
    ) -> AsyncIterator["ScannerPool"]:
        """Keep scanner processes during the block.

        Args:
            settings: Their number, and the limits of their cost.
            log: The operational log; by default nothing is logged.
            on_cost: Gets the CPU seconds that scanners used for an upload after it is
                scanned.

        Raises:
            ScannerError: No process can be made, or the machine cannot confine it as
                the settings require. Later that is not an error but the reason
                ``no_scanner``, and it may end without help.
        """
        counts: Counter[str] = Counter()
        log = SilentLog() if log is None else log
        crew = Crew(settings, counts=counts, log=log)
        async with crew.keeping():
            pool = cls(crew, settings, counts=counts, log=log, on_cost=on_cost)
            try:
                yield pool
            finally:
                pool._turns.close()

    @property
    def places(self) -> int:
        """Return the number of scans at a time, without those in other lanes."""
        return self._settings.workers

    @property
    def reads_videos(self) -> bool:
        """Return whether frames of videos are compared, as far as is known."""
        return self._crew.support is None or self._crew.support.videos

    @property
    def pids(self) -> tuple[int, ...]:
        """Return the process ids of the living scanners."""
        return self._crew.pids

    @property
    def cpu_s(self) -> float:
        """Return the CPU seconds of all scanners so far, living and ended."""
        return self._crew.cpu_s

    @property
    def load(self) -> PoolLoad:
        """Return the current load of the pool."""
        lanes = self._turns.lanes
        return PoolLoad(
            waiting=lanes.waiting,
            put_back=lanes.put_back,
            scanning=lanes.placed + lanes.aside,
            slow=lanes.slow,
            processes=len(self._crew.pids),
            is_ready=self._crew.is_ready,
            template_cpu_s=self._crew.template_cpu_s,
        )

    def expected_wait_s(self, client: str, length: int | None) -> float:
        """Return the expected wait of a client's new upload before it is scanned.

        Args:
            client: Its client.
            length: Length of its body in bytes; ``None`` if unknown.
        """
        may_be_small = length is not None and expecting.may_be_small(length)
        return self._turns.expected_wait_s(client, may_be_small=may_be_small)

    @property
    def figures(self) -> PoolFigures:
        """Return the counts of the pool so far."""
        return PoolFigures(**self._counts)

    async def scan(
        self,
        upload: Handed,
        spans: Sequence[ContentSpan],
        *,
        types: frozenset[SignalType],
        digests: bool = False,
        client: str = "",
        formats: frozenset[str] = frozenset(),
        on_cost: Callable[[float], None] | None = None,
        departure: Departing | None = None,
        windows: bool = False,
    ) -> tuple[Scan, ...]:
        """Scan the contents of one upload.

        Args:
            upload: The bytes of its contents, or an open, readable descriptor of a
                regular or memory file with all of them; its position is not used. It
                should not be writable, since a scanner could then write to it.
            spans: Its contents.
            types: Perceptual signal types to compute.
            digests: Whether to compute md5, sha1 and sha256 of each content too. They
                are a claim of the scanner: do not use them where a compromised decoder
                must not decide which digests are looked up.
            client: The client of the upload; clients take turns. ``""`` is an unknown
                client, for which no limit of one client applies.
            formats: Picture formats to decode beyond the usual ones and those of the
                settings.
            on_cost: Gets the CPU seconds that scanners used for it, unless it was not
                served.
            departure: The departure of the client: if it is lost before the turn of
                its upload comes, that is not scanned.
            windows: Whether views of the windows of each frame are wanted too.

        Returns:
            One scan for each span, in order, with the span's path. If the pool did not
            serve it, the missing scans have the reason ``overloaded``, ``no_scanner``
            or ``aborted``.

        Raises:
            OSError: The upload is not an open descriptor.
        """
        progress = Progress(
            spans,
            alone=[_is_alone(upload, span) for span in spans],
            types=types,
            budgets=self._settings.budgets,
            digests=digests,
            formats=self._formats | formats,
            max_losses=self._settings.losses_per_upload,
            windows=windows,
        )
        if not progress.is_complete:
            claim = _claim(client, upload, spans)
            try:
                await self._serve(claim, progress, upload, on_cost, departure)
            finally:
                self._turns.leave(claim)
                if departure is not None and departure.lost.done():
                    self._turns.broken_off(claim)
        return progress.scans

    async def _serve(
        self,
        claim: Claim,
        progress: Progress,
        upload: Handed,
        on_cost: Callable[[float], None] | None,
        departure: Departing | None,
    ) -> None:
        """Wait for a place, and scan an upload."""
        conversation = Conversation(
            self._crew, self._settings, counts=self._counts, log=self._log
        )
        refusal = await self._turns.enter(
            claim, on_put_back=conversation.break_off, departure=departure
        )
        if refusal is not None:
            self._counts["unserved"] += 1
            progress.give_up(refusal)
            return
        try:
            await conversation.run(
                progress,
                upload,
                slow_after_s=claim.slow_after_s,
                is_low=claim.is_slow,
                is_small=claim.is_small,
                on_slow=lambda: self._turns.slow_down(claim),
                go_on=lambda: self._turns.reenter(claim, departure=departure),
            )
        finally:
            claim.cpu_s = conversation.cpu_s
            for told in (self._on_cost, on_cost):
                if told is not None:
                    told(conversation.cpu_s)


def _claim(client: str, upload: Handed, spans: Sequence[ContentSpan]) -> Claim:
    """Return the claim of an upload, with the expected cost of its scan."""
    is_short = len(spans) <= expecting.SMALL_CONTENTS
    most = expecting.LOOKED_AT_BYTES if is_short else magic.HEAD_BYTES
    heads = ((_head(upload, span, most), span.length) for span in spans)
    found = expecting.expected(heads)
    return Claim(client, cost_s=found.cost_s, is_small=found.is_small)


def _is_alone(upload: Handed, span: ContentSpan) -> bool:
    if span.coding == framed.NAME:
        head = _head(upload, span, magic.HEAD_BYTES + framed.HEAD_BYTES)
        return is_alone(magic.sniff(head.partition(b"\r\n")[2]), span.declared_type)
    if span.coding is not None:
        # The decoded kind is not known; it is scanned again if that needs it.
        return span.coding not in COMMON_CODINGS
    head = _head(upload, span, magic.HEAD_BYTES)
    return is_alone(magic.sniff(head), span.declared_type)


def _head(upload: Handed, span: ContentSpan, most: int) -> bytes:
    """Return the first bytes of a content."""
    length = min(most, span.length)
    if isinstance(upload, int):
        return os.pread(upload, length, span.offset)
    return bytes(upload[span.offset : span.offset + length])
