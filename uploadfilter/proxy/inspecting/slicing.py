"""Watch for pictures that come in slices which say nothing about each other.

Rules this module keeps: it is an alarm and no verdict, so that no upload waits for more
than a look at its first and last bytes; only contents that may be slices are read.
"""

import time
from collections.abc import Callable

from uploadfilter.model import Action, Reason, Scan
from uploadfilter.proxy.inspecting.commands import Content, Record, StartScan
from uploadfilter.proxy.inspecting.upload import Upload
from uploadfilter.uploads.assembly.slices import (
    LOOKED_AT_BYTES,
    TAIL_BYTES,
    Look,
    SliceAlarm,
    SliceWatch,
    is_of_interest,
    look_at,
)

_BROKEN = frozenset({Reason.TRUNCATED, Reason.UNDECODABLE})

_MOST_CONTENTS = 8
"""Contents of an upload that are looked at: a form with a slice has some fields."""


class Slicing:
    """The step that looks for slices, before the decision is recorded.

    Args:
        elapsed: Monotonic seconds.
    """

    def __init__(self, *, elapsed: Callable[[], float] = time.monotonic) -> None:
        self._watch = SliceWatch()
        self._elapsed = elapsed

    async def look(self, upload: Upload, command: Record) -> SliceAlarm | None:
        """Return the alarm, if an upload and an earlier one make a picture.

        Args:
            upload: The upload.
            command: Its decision.
        """
        scanned, arrival = upload.scanned, upload.arrival
        is_other = upload.is_canary or upload.pieces is not None
        if scanned is None or is_other:
            return None
        found: SliceAlarm | None = None
        pairs = zip(scanned.contents, command.scans, strict=False)
        for content, scan in list(pairs)[:_MOST_CONTENTS]:
            look = await _look(upload, scanned, content, scan)
            if look is not None:
                found = found or self._watch.saw(
                    f"{arrival.route.name}\0{arrival.client_key}",
                    look,
                    decision=upload.ticket.id,
                    is_accepted=command.judgement.effect is Action.ACCEPT,
                    now_s=self._elapsed(),
                )
        return found


async def _look(
    upload: Upload, scanned: StartScan, content: Content, scan: Scan
) -> Look | None:
    """Look at a content; ``None`` if it is no slice, or cannot be read again."""
    is_broken = not _BROKEN.isdisjoint(scan.reasons)
    length = content.length
    if content.is_aside or not is_of_interest(scan.kind, length, is_broken=is_broken):
        return None
    spool = upload.spools[scanned.where]
    head, tail = min(length, LOOKED_AT_BYTES), min(length, TAIL_BYTES)
    try:
        first = [data async for data in spool.read(content.offset, head)]
        at = content.offset + length - tail
        last = [data async for data in spool.read(at, tail)]
    except OSError:
        return None
    return look_at(scan.kind, length, b"".join(first), b"".join(last))
