"""What every record of the decision log has."""

from datetime import datetime

import msgspec

NO_PREDECESSOR = "0" * 64
"""What the very first record names as its predecessor."""


class BaseRecord(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="record", cache_hash=False
):
    """What every record has.

    Attributes:
        seq: Number of the record in the whole log, from 1; filled in by the writer.
        previous: SHA-256 of the line before, hex; filled in by the writer.
        time: When it was made, UTC.
    """

    seq: int = 0
    previous: str = NO_PREDECESSOR
    time: datetime
