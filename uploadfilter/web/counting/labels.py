"""The values of labels: enums and registered statuses, and never a client's words."""

from collections.abc import Mapping
from enum import StrEnum
from http import HTTPStatus
from typing import Final

NONE: Final = "none"
"""Value of a label without a value: no reason, no status."""


class RequestKind(StrEnum):
    """How a request was treated, or by which door an upload was asked about."""

    UPLOAD = "upload"
    API = "api"
    CLAMD = "clamd"
    EXEMPT = "exempt"
    CANARY = "canary"
    PASSED = "passed"
    WEBSOCKET = "websocket"
    REFUSED = "refused"


class Phase(StrEnum):
    """A phase of an upload."""

    HEAD = "head"
    RECEIVE = "receive"
    LOOK_UP = "look_up"
    SCAN = "scan"
    MATCH = "match"
    EVIDENCE = "evidence"
    RECORD = "record"
    FORWARD = "forward"
    WHOLE = "whole"


class Limit(StrEnum):
    """A limit that a request exceeded."""

    OPEN_UPLOADS = "open_uploads"
    YIELDED = "yielded"
    QUEUE = "queue"
    BODY_BYTES = "body_bytes"
    BODY_TIME = "body_time"
    SPOOL = "spool"
    CLIENT_SPOOL = "client_spool"
    CLIENT_UPLOADS = "client_uploads"
    MATCH_BUDGET = "match_budget"
    CONNECTIONS = "connections"
    CLIENT_CONNECTIONS = "client_connections"
    CLIENT_REQUESTS = "client_requests"
    HEAD_BYTES = "head_bytes"
    HEAD_TIME = "head_time"
    TINY_CHUNKS = "tiny_chunks"
    WAITING_ANSWERS = "waiting_answers"


class OriginOutcome(StrEnum):
    """The result of a forwarded upload; classes of the origin's status."""

    INFORMATION = "1xx"
    SUCCESS = "2xx"
    REDIRECTION = "3xx"
    CLIENT_ERROR = "4xx"
    SERVER_ERROR = "5xx"
    ABORTED = "aborted"


class Reload(StrEnum):
    """The result of a SIGHUP."""

    APPLIED = "applied"
    REFUSED = "refused"


def outcome_of(status: int | None) -> OriginOutcome:
    """Return the class of an origin's status; ``None`` means no answer."""
    if status is None:
        return OriginOutcome.ABORTED
    return _CLASSES.get(status // 100, OriginOutcome.SERVER_ERROR)


_CLASSES: Final = {
    int(outcome[0]): outcome for outcome in OriginOutcome if outcome[0].isdigit()
}

STATUS_LABELS: Final[Mapping[int | None, str]] = {
    None: NONE,
    **{int(known): str(int(known)) for known in HTTPStatus},
}
"""Allowed labels for a status, which an origin chooses freely: the registered ones."""
