"""Delete the sealed evidence whose days are over, after its deletion is on record.

A crash between record and deletion leaves the files; they are recorded and deleted
again. So no file is missing without a record, and a record may name a file twice.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from itertools import islice
from typing import Final, TypeAlias

import structlog

from uploadfilter.decisions.records.lasting import Change
from uploadfilter.decisions.records.records import moment
from uploadfilter.errors import LogError
from uploadfilter.ongoing import OngoingFaults
from uploadfilter.sealing.folder import EvidenceFolder, Expired

log: structlog.stdlib.BoundLogger = structlog.get_logger()

FILES_A_RECORD: Final = 1000
"""Digests in one record, which takes 70 KB then."""

_RecordChange: TypeAlias = Callable[[Change, Mapping[str, object]], Awaitable[None]]


class EvidencePruner:
    """Deletes sealed evidence on schedule.

    Args:
        keep_days: Whole days that a file is kept after its own day.
        record: Records a change durably; it raises ``LogError`` if it cannot.
    """

    def __init__(
        self, folder: EvidenceFolder, *, keep_days: int, record: _RecordChange
    ) -> None:
        self._folder = folder
        self._keep_days = keep_days
        self._record = record
        self._faults = OngoingFaults(log)

    async def prune(self, now_s: float) -> None:
        """Delete the files whose days are over; a failure is logged."""
        try:
            while found := await asyncio.to_thread(self._some, now_s):
                await self._record(
                    Change.EVIDENCE_DELETED,
                    {
                        "files": len(found),
                        "from": found[0].day.isoformat(),
                        "to": found[-1].day.isoformat(),
                        "keep_days": self._keep_days,
                        "sha256": [it.sha256 for it in found],
                    },
                )
                await asyncio.to_thread(self._folder.delete, found)
                log.info("evidence_deleted", files=len(found))
        except (LogError, OSError) as exc:
            self._faults.fail("evidence_not_deleted", error=str(exc))
        else:
            self._faults.recover("evidence_not_deleted")

    def _some(self, now_s: float) -> list[Expired]:
        today = moment(now_s).date()
        expired = self._folder.expired(today, keep_days=self._keep_days)
        return list(islice(expired, FILES_A_RECORD))
