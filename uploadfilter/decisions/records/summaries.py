"""Define the record that replaces the decisions on a client's refused uploads.

It counts uploads that were neither forwarded nor inspected: broken off, malformed, too
large, too slow. ``flooding.py`` chooses them.
"""

from datetime import datetime

from uploadfilter.decisions.records.base import BaseRecord
from uploadfilter.decisions.records.lasting import ReasonsTotal, UploadsTotal


class SummaryRecord(BaseRecord, frozen=True, kw_only=True, tag="summary"):
    """Refused uploads of one client and minute that have no decision of their own.

    Attributes:
        client: Keyed hash of its address, as in a decision; ``None`` for many clients
            together.
        prefix: Bits of the network whose keyed hash ``client`` is, if the network's
            clients are counted together; ``None`` for one client.
        since: Time of the first refusal, UTC.
        until: Time of the last refusal.
        uploads: Numbers of uploads, by the fields of their decisions.
        reasons: Numbers of uploads, by each of their reasons.
    """

    client: str | None
    prefix: int | None
    since: datetime
    until: datetime
    uploads: tuple[UploadsTotal, ...]
    reasons: tuple[ReasonsTotal, ...]

    @property
    def count(self) -> int:
        """The number of summarised uploads."""
        return sum(row.uploads for row in self.uploads)
