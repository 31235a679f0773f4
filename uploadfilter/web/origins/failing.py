"""The ways in which an origin gives no answer."""

from enum import Enum


class OriginFailure(Enum):
    """Why the origin gave no answer; the value is the proxy's status for it."""

    UNREACHABLE = 502
    TOO_SLOW = 504
