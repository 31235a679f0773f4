"""Recognise an operator's canary, and remember the results of the last ones.

A canary arrives at the address for clients and is treated like every upload, up to its
record. It is not sent to the origin, whatever the decision.

Rules this module keeps: a request that has the header and is not the operator's is
refused, and never taken for an upload; the result of a canary is written down for the
operator's commands, and no answer discloses it.
"""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
import structlog

from uploadfilter.decisions.records.records import CanaryRecord
from uploadfilter.model import MatchKind
from uploadfilter.ongoing import OngoingFaults
from uploadfilter.signedsets import canaries
from uploadfilter.signedsets.canaries import (
    CanaryClaim,
    CanaryNote,
    CanaryOutcome,
    noted,
    read_note,
)
from uploadfilter.state import write_private
from uploadfilter.uploads.head.request import RequestHead
from uploadfilter.web.counting.canaries import CanaryCounts, Result

log: structlog.stdlib.BoundLogger = structlog.get_logger()

_HEADER: Final = canaries.HEADER.lower()


class Canaries:
    """Recognises canaries and keeps their results.

    Args:
        key: The operator's key; empty if there is none.
        counts: Counts canaries.
        is_listed: Tells whether a signed set lists the canary.
        clock: Seconds since the epoch.
        file: The file for the results; ``None`` for no file.
    """

    def __init__(
        self,
        key: bytes,
        counts: CanaryCounts,
        *,
        is_listed: Callable[[], bool],
        clock: Callable[[], float],
        file: Path | None = None,
    ) -> None:
        self._key = key
        self._counts = counts
        self._is_listed = is_listed
        self._clock = clock
        self._file = file
        self._was: Result | None = None
        self._faults = OngoingFaults(log)
        self.note = CanaryNote() if file is None else read_note(_bytes_of(file))

    def said(self, head: RequestHead) -> CanaryClaim:
        """Tell whether a request is a valid canary; count invalid ones."""
        values = head.values(_HEADER)
        if not values:
            return CanaryClaim.NOTHING
        said = canaries.said(values, self._key, self._clock())
        # A request without a body contains nothing to find.
        if said is CanaryClaim.CANARY and head.has_body:
            return said
        self._counts.refused()
        return CanaryClaim.WRONG

    async def decided(self, record: CanaryRecord) -> None:
        """Note the result of a canary that is on record."""
        result = self._counts.decided(record, is_listed=self._is_listed())
        self.note = noted(self.note, seen_of(record))
        if result is not self._was or result is Result.MISSED:
            _say(result, record)
        self._was = result
        if self._file is not None:
            await asyncio.to_thread(self._write, self._file)

    def _write(self, file: Path) -> None:
        try:
            write_private(file, msgspec.json.encode(self.note), durably=False)
        except OSError as exc:
            self._faults.fail(
                "canary_note_unwritable", level=logging.WARNING, error=exc.strerror
            )
        else:
            self._faults.recover("canary_note_unwritable")


def seen_of(record: CanaryRecord) -> CanaryOutcome:
    """Return the result of a canary for the operator's commands."""
    return CanaryOutcome(
        id=record.id,
        at=int(record.time.timestamp()),
        instance=record.instance,
        route=record.route,
        mode=record.mode,
        generation=record.generation or 0,
        verdict=record.verdict,
        effect=record.effect,
        reason=record.reason or "",
        # A canary is listed as it is: an altered copy of it would not prove that.
        matched=tuple(
            sorted(
                {
                    (it.set, it.entry)
                    for it in record.matches
                    if it.kind is MatchKind.WITHIN
                }
            )
        ),
    )


def _bytes_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""


def _say(result: Result, record: CanaryRecord) -> None:
    about = {
        "id": record.id,
        "route": record.route,
        "verdict": record.verdict,
        "reason": record.reason,
        "generation": record.generation,
    }
    if result is Result.FOUND:
        log.info("canary_found", **about, sets=sorted({m.set for m in record.matches}))
        return
    if result is Result.UNLISTED:
        log.info("canary_unlisted", **about)
        return
    log.error(
        "canary_missed",
        **about,
        hint="A picture that signed sets list was not found: known pictures may pass. "
        "'uploadfilter doctor --only canary' says which set does not have it.",
    )
