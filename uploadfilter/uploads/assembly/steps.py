"""The words between a protocol for uploads in pieces and the engine that serves all.

A protocol is a ``PieceProtocol``: five pure functions and some facts. It reads heads
and writes heads; it never waits, and has no state. The engine
(``proxy/assembling/engine.py``) holds bytes, asks the origin, has uploads inspected,
and sends them on. To add a protocol: such a value, and its line in
``proxy/assembling/protocols.py``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, TypeAlias

from uploadfilter.model import Reason
from uploadfilter.uploads.assembly.assembly import Assembly, Denial, Fault
from uploadfilter.uploads.assembly.tuswords import StatedSum
from uploadfilter.uploads.head.plan import Refusal
from uploadfilter.uploads.head.request import RequestHead

RawHeaders: TypeAlias = Sequence[tuple[bytes, bytes]]

TYPE: Final = "type"
"""Name of a note: the media type that the client claims."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginReply:
    """A whole answer of the origin.

    Attributes:
        status: Its status.
        headers: Its headers, without those of the connection.
        body: Its body.
    """

    status: int
    headers: RawHeaders
    body: bytes

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return self.status // 100 == 2  # noqa: PLR2004 - the class of the status

    def value(self, name: bytes) -> bytes | None:
        """Return the first value of a header; ``name`` is in lower case."""
        found = (value for known, value in self.headers if known.lower() == name)
        return next(found, None)


@dataclass(frozen=True, slots=True)
class PartKey:
    """The name of bytes that are held.

    Attributes:
        upload: What tells their upload from all others of its route.
        part: What tells them from its other parts; empty if it has none.
    """

    upload: str
    part: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """Let the origin begin an upload; the bytes that came with the request wait.

    Attributes:
        asked: The request to the origin, without its bytes.
        total: Length of the upload, if it is stated.
        is_part: Whether it waits for others when it is complete.
        notes: What its replay has to know.
        stated: The checksum of the bytes of this request, if it is stated.
    """

    asked: RequestHead
    total: int | None
    is_part: bool
    notes: Mapping[str, str]
    stated: StatedSum | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bring:
    """Hold the bytes of a request.

    Attributes:
        key: Their name.
        at: Offset of the first one.
        total: Length of the upload, if it is stated.
        asked: The question to the origin whether the client may send them; ``None``
            without one.
        is_whole: Whether they are a part of their own, which comes whole, and in the
            place of an older version. Otherwise they follow those that are held, and
            what has come of them counts.
        goes_on: Whether the request goes to the origin when its bytes are held, since
            nobody can fetch them there.
        takes_framing: Whether the origin surely undoes the framing of S3, as the filter
            does.
        notes: What the replay of such a part has to know.
        stated: The checksum of the bytes, if it is stated.
    """

    key: PartKey
    at: int = 0
    total: int | None = None
    asked: RequestHead | None = None
    is_whole: bool = False
    goes_on: bool = False
    takes_framing: bool = False
    notes: Mapping[str, str] = field(default_factory=dict)
    stated: StatedSum | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """Inspect parts that are held as one upload, and replay them if it is accepted.

    Attributes:
        parts: Returns the parts in order out of the body of the request.
        most_bytes: Longest body of the request; 0 for none.
        total: Length of the upload, if it is stated.
        until_gap: Whether the parts are those before the first one that is missing;
            the very first may be missing. Otherwise all are needed.
        declared_type: The media type that the client claims.
    """

    parts: Callable[[bytes], Sequence[PartKey] | Refusal]
    most_bytes: int = 0
    total: int | None = None
    until_gap: bool = False
    declared_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Ask the origin for an upload, and add how much of it is held."""

    asked: RequestHead


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """Ask the origin to end an upload, and forget its bytes."""

    upload: str
    asked: RequestHead


Step: TypeAlias = Create | Bring | Join | Look | End


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldPart:
    """A part that is complete.

    Attributes:
        key: Its name.
        length: Its bytes.
        notes: What its step noted.
    """

    key: PartKey
    length: int
    notes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    """One request to the origin.

    Attributes:
        head: Its head, without the headers that frame a body.
        part: Index of the part whose bytes are the body; ``None`` for ``text``.
        text: The body, if it is no part.
    """

    head: RequestHead
    part: int | None = None
    text: bytes = b""


@dataclass(frozen=True, slots=True)
class Replay:
    """The requests that bring an accepted upload to the origin, until one fails.

    Attributes:
        sendings: The requests in order.
        undo: The request after one that failed; ``None`` for none.
    """

    sendings: tuple[ReplayRequest, ...]
    undo: RequestHead | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSent:
    """An upload has ended, or not yet, without an answer of the origin.

    Attributes:
        status: The status of the answer.
        is_verdict: Whether it was rejected; otherwise its client may go on.
        decision_id: The decision; empty if the origin gave no answer.
        objection: How to object to a rejection; empty if one cannot.
    """

    status: int
    is_verdict: bool
    decision_id: str
    objection: str = ""


Failure: TypeAlias = Fault | Denial | Reason
"""Why bytes are not held."""

Outcome: TypeAlias = Assembly | Failure | Refusal | NotSent
"""What became of a request; ``Assembly`` says that its bytes are held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnReply:
    """An answer of ours.

    Attributes:
        status: Its status.
        headers: Its headers; ``None`` for one of the origin's to leave out.
        body: Its body.
    """

    status: int
    headers: Mapping[str, str | None] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class PieceProtocol:
    """A protocol for uploads in pieces.

    Attributes:
        name: Its name in the store and on record.
        step: Returns the step that a head asks for, its refusal, or ``None`` for a
            request that is treated as on every other route.
        key: Returns the name of the bytes that a step is about, after the origin's
            answer; ``None`` if that answer ends the step, or why it is no answer.
        replay: Returns the requests that bring accepted parts to the origin, out of
            the last request's head and body, and a token that nobody knows. Without
            a verdict, which only ``MONITOR`` lets pass, there is no token, and they
            bring the parts alone.
        answer: Returns the answer to an outcome; ``None`` for ``answer_in_short``.
        abort: Returns the request that ends an upload at the origin, out of its name
            and whether it was rejected; ``None`` for none.
        is_lenient: Whether ``MONITOR`` treats what cannot be held as any request.
    """

    name: str
    step: Callable[[RequestHead], Step | Refusal | None]
    key: Callable[[Step, RequestHead, OriginReply], PartKey | Fault | None]
    replay: Callable[[RequestHead, Sequence[HeldPart], bytes, str | None], Replay]
    answer: Callable[[Outcome], OwnReply | None]
    abort: Callable[[RequestHead, str, bool], RequestHead | None]
    is_lenient: bool = True


def answer_in_short(outcome: Outcome, method: str | None) -> OwnReply | None:
    """Return the answer without a body by which clients recover; ``None`` for a text.

    A client whose PATCH conflicts asks for the offset, and learns there that it has to
    begin anew; many give up after a 404 to a PATCH.
    """
    if outcome is Denial.MISSING and method == "PATCH":
        return OwnReply(status=HTTPStatus.CONFLICT)
    if isinstance(outcome, Fault | Denial):
        status = _STATUS.get(outcome)
        return None if status is None else OwnReply(status=status)
    if isinstance(outcome, Reason):
        is_slow = outcome is Reason.TOO_SLOW
        return OwnReply(
            status=HTTPStatus.REQUEST_TIMEOUT if is_slow else HTTPStatus.BAD_REQUEST
        )
    return None


_STATUS: Final[Mapping[Fault | Denial, int]] = {
    Fault.NOT_OPEN: HTTPStatus.CONFLICT,
    Fault.WRONG_OFFSET: HTTPStatus.CONFLICT,
    Fault.OTHER_TOTAL: HTTPStatus.BAD_REQUEST,
    Fault.OTHER_SUM: 460,  # Checksum Mismatch, a status of tus
    Fault.TOO_MANY_PIECES: HTTPStatus.BAD_REQUEST,
    Fault.BEYOND_TOTAL: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Fault.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Denial.BUSY: HTTPStatus.LOCKED,
    Denial.MISSING: HTTPStatus.NOT_FOUND,
}
