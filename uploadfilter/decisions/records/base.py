"""Define the fields that every record of the decision log has."""

from datetime import datetime

import msgspec

NO_PREDECESSOR = "0" * 64
"""The hash that the first record of a log names as its predecessor."""


class BaseRecord(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="record", cache_hash=False
):
    """The fields of every record.

    Attributes:
        seq: Number of the record in the whole log, from 1; the writer fills it in.
        previous: SHA-256 of the line before, hex; the writer fills it in.
        time: The time at which it was made, UTC.
    """

    seq: int = 0
    previous: str = NO_PREDECESSOR
    time: datetime
