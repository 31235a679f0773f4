"""What a decision records about its sealed evidence."""

from enum import StrEnum

import msgspec


class SealFault(StrEnum):
    """The reason why a rejected upload has no sealed evidence."""

    CLIENT_QUOTA = "client_quota"
    DAY_QUOTA = "day_quota"
    NO_ROOM = "no_room"
    NOT_WRITTEN = "not_written"


class SealedRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The sealed evidence of one decision; exactly one of the fields is set.

    Attributes:
        sha256: SHA-256 of the sealed file, hex.
        fault: Why there is no file.
    """

    sha256: str | None = None
    fault: SealFault | None = None
