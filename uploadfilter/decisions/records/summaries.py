"""The record that counts refused uploads of one client in place of their decisions.

It stands for uploads that reached nobody and of which nothing is known: broken off,
malformed, too large, too slow. Which ones, and from when on, ``flooding.py`` says.
"""

from datetime import datetime

from uploadfilter.decisions.records.base import BaseRecord
from uploadfilter.decisions.records.lasting import ReasonsTotal, UploadsTotal


class SummaryRecord(BaseRecord, frozen=True, kw_only=True, tag="summary"):
    """Refused uploads of one client and minute that have no decision of their own.

    Attributes:
        client: Keyed hash of its address, as in a decision; ``None`` for many clients
            together.
        prefix: Bits of the network of clients whose keyed hash ``client`` is, because
            so many of its clients were counted; ``None`` for one client.
        since: When the first of them was refused, UTC.
        until: When the last of them was.
        uploads: How many there were, by what their decisions would have said.
        reasons: The same by each of their reasons.
    """

    client: str | None
    prefix: int | None
    since: datetime
    until: datetime
    uploads: tuple[UploadsTotal, ...]
    reasons: tuple[ReasonsTotal, ...]

    @property
    def count(self) -> int:
        """How many uploads it stands for."""
        return sum(row.uploads for row in self.uploads)
