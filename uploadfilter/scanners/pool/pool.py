"""Scan uploads in scanner processes, whatever their contents do to those.

Rules this module keeps:

- Whether a content may be scanned by a process that scans others is decided here, from
  its first bytes: a process that one content has taken over is not asked.
- ``scan`` raises neither for what content does nor for what the pool lacks: both are
  reasons in scans. It waits no longer than its settings say.

Who is served when is decided in ``queueing.py``, what the loss of a process costs in
``progress.py``; processes come from ``crew.py`` and are talked to in ``conversing.py``.
"""

import os
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

from uploadfilter.contents.kinds import magic
from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.model import Scan, SignalType
from uploadfilter.pictures.formats import COMMON
from uploadfilter.scanners.pool import expecting
from uploadfilter.scanners.pool.conversing import Conversation
from uploadfilter.scanners.pool.crew import Crew
from uploadfilter.scanners.pool.progress import Progress
from uploadfilter.scanners.pool.settings import (
    EventLog,
    PoolFigures,
    PoolLoad,
    ScannerSettings,
    SilentLog,
)
from uploadfilter.scanners.pool.turns import Turns
from uploadfilter.scanners.pool.waiting import Claim
from uploadfilter.scanners.wire.messages import ContentSpan, Handed

_PICTURES_OF_TEXT: Final = frozenset({Kind.SVG, Kind.EMPTY})
"""What no decoder ever runs on, though it may be declared a picture."""


def is_alone(kind: Kind, declared_type: str | None) -> bool:
    """Return whether a content needs a process that no other content sees after it.

    Args:
        kind: Its kind by its first bytes.
        declared_type: What the client says; every decoder is tried on what is declared
            a picture and looks like none.
    """
    if kind.value in COMMON or kind in _PICTURES_OF_TEXT:
        return False
    if magic.is_picture(kind) or magic.is_container(kind):
        return True
    return magic.declares_picture(declared_type)


class ScannerPool:
    """Scans uploads; made by ``open``.

    Args:
        crew: The processes.
        settings: How long things may take.
        counts: What is counted, by the names of ``PoolFigures``.
        log: Where the operator reads of lost processes.
        on_cost: Told the CPU seconds of each upload that was scanned.
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
        """Keep scanner processes for the length of the block.

        Args:
            settings: How many, and what they may cost.
            log: Operational log; nothing is logged without one.
            on_cost: Told the CPU seconds that scanners used for an upload, once it is
                scanned.

        Raises:
            ScannerError: Not one process can be made, or the machine cannot confine it
                as the settings require. Later on that is no error but the reason
                ``no_scanner``, and goes away by itself.
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
    def pids(self) -> tuple[int, ...]:
        """Process ids of the scanners that are alive."""
        return self._crew.pids

    @property
    def cpu_s(self) -> float:
        """CPU seconds that all scanners used so far, dead ones included."""
        return self._crew.cpu_s

    @property
    def load(self) -> PoolLoad:
        """What the pool is doing now."""
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
        """Return for how long a new upload of a client would wait to be scanned.

        Args:
            client: Whose it is.
            length: Of its body in bytes; ``None`` if it is not known.
        """
        may_be_small = length is not None and expecting.may_be_small(length)
        return self._turns.expected_wait_s(client, may_be_small=may_be_small)

    @property
    def figures(self) -> PoolFigures:
        """What the pool has done so far."""
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
    ) -> tuple[Scan, ...]:
        """Scan the contents of one upload.

        Args:
            upload: The bytes of its contents, or an open, readable descriptor of a
                regular or memory file that holds them all; its position is not used. A
                scanner could write through it if it were writable.
            spans: Its contents.
            types: Perceptual signal types to compute.
            digests: Also compute md5, sha1 and sha256 of each content. They are the
                scanner's claim: do not ask where a decoder that was taken over must not
                decide what is looked up.
            client: Whose upload it is; clients take turns. ``""`` is nobody in
                particular, for whom no limit of one client applies.
            formats: Picture formats to decode beyond the usual ones and those of the
                settings.
            on_cost: Told the CPU seconds that scanners used for it, unless it was not
                served at all.

        Returns:
            One scan for each span, in order, with the span's path. If the pool could
            not serve, those that are missing have the reason ``overloaded`` or
            ``no_scanner``.

        Raises:
            OSError: The upload is no open descriptor.
        """
        progress = Progress(
            spans,
            alone=[_is_alone(upload, span) for span in spans],
            types=types,
            budgets=self._settings.budgets,
            digests=digests,
            formats=self._formats | formats,
            max_losses=self._settings.losses_per_upload,
        )
        if not progress.is_complete:
            claim = _claim(client, upload, spans)
            try:
                await self._serve(claim, progress, upload, on_cost)
            finally:
                self._turns.leave(claim)
        return progress.scans

    async def _serve(
        self,
        claim: Claim,
        progress: Progress,
        upload: Handed,
        on_cost: Callable[[float], None] | None,
    ) -> None:
        """Wait for a place, and scan an upload on it."""
        conversation = Conversation(
            self._crew, self._settings, counts=self._counts, log=self._log
        )
        refusal = await self._turns.enter(claim, on_put_back=conversation.break_off)
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
                on_slow=lambda: self._turns.slow_down(claim),
                go_on=lambda: self._turns.reenter(claim),
            )
        finally:
            for told in (self._on_cost, on_cost):
                if told is not None:
                    told(conversation.cpu_s)


def _claim(client: str, upload: Handed, spans: Sequence[ContentSpan]) -> Claim:
    """Return the claim of an upload, with what its scan is expected to take."""
    is_short = len(spans) <= expecting.SMALL_CONTENTS
    most = expecting.LOOKED_AT_BYTES if is_short else magic.HEAD_BYTES
    heads = ((_head(upload, span, most), span.length) for span in spans)
    found = expecting.expected(heads)
    return Claim(client, cost_s=found.cost_s, is_small=found.is_small)


def _is_alone(upload: Handed, span: ContentSpan) -> bool:
    head = _head(upload, span, magic.HEAD_BYTES)
    return is_alone(magic.sniff(head), span.declared_type)


def _head(upload: Handed, span: ContentSpan, most: int) -> bytes:
    """Return the first bytes of a content."""
    length = min(most, span.length)
    if isinstance(upload, int):
        return os.pread(upload, length, span.offset)
    return bytes(upload[span.offset : span.offset + length])
