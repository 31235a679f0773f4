"""S3 multipart uploads.

Source:
    "Uploading and copying objects using multipart upload", UploadPart,
    CompleteMultipartUpload and AbortMultipartUpload of the API reference of Amazon S3.

S3 shows nothing of an upload before it is completed, and a part is signed by its client
for some minutes only. So a part goes on as soon as it has arrived, and a copy of its
bytes is held; only the list that joins them waits. Rules this module keeps:

- The list goes on only if every part that it names is held as the origin has it: a copy
  is deleted before another version of its part is sent, and kept only if the origin has
  taken it.
- What two servers could read in two ways is refused: repeated or oddly written
  parameters, a list with anything in it that S3 does not name there.
- Clients of S3 read XML: so are all answers about these requests.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from uploadfilter.model import Reason
from uploadfilter.uploads.assembly import steps
from uploadfilter.uploads.assembly.assembly import Assembly, Denial, Fault
from uploadfilter.uploads.assembly.heads import refuse
from uploadfilter.uploads.assembly.s3lists import (
    MOST_LIST_BYTES,
    PART_NUMBER,
    read_list,
)
from uploadfilter.uploads.assembly.steps import OwnReply, PartKey, ReplayRequest
from uploadfilter.uploads.head import awschunked
from uploadfilter.uploads.head.plan import Refusal
from uploadfilter.uploads.head.request import RequestHead

_MOST_FIELDS: Final = 64
_ID: Final = re.compile(r"[!-~]{1,1024}")
_WORDS: Final = ("partnumber", "uploadid")


def _step(head: RequestHead) -> steps.Step | Refusal | None:
    query = head.target.partition("?")[2]
    if not query or head.method not in {"PUT", "POST", "DELETE"}:
        return None
    try:
        found = parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        return refuse("The query has too many parameters.")
    named = [(name, value) for name, value in found if name.lower() in _WORDS]
    if not named and not any(word in query.lower() for word in _WORDS):
        return None
    stated = dict(named)
    if (
        len(stated) < len(named)
        or not set(stated) <= {"partNumber", "uploadId"}
        or "uploadId" not in stated
        or ";" in query
        or not _ID.fullmatch(stated["uploadId"])
        or head.stands_for
    ):
        return refuse("The parameters of the upload can be read in two ways.")
    return _step_of(head, stated["uploadId"], stated.get("partNumber"))


def _step_of(
    head: RequestHead, upload: str, number: str | None
) -> steps.Step | Refusal:
    match head.method, number:
        case "PUT", str():
            if not PART_NUMBER.fullmatch(number):
                return refuse("The number of a part is 1 to 10000.")
            if head.has_any([b"x-amz-copy-source"]):
                return refuse("A part cannot be a copy of an object here.", 501)
            return steps.Bring(
                key=PartKey(upload, number),
                is_whole=True,
                goes_on=True,
                takes_framing=awschunked.is_surely_undone(head.values, head.target),
            )
        case "POST", None:

            def parts(text: bytes) -> Sequence[PartKey] | Refusal:
                numbers = read_list(text)
                if isinstance(numbers, Refusal):
                    return numbers
                return [PartKey(upload, str(each)) for each in numbers]

            return steps.Join(parts=parts, most_bytes=MOST_LIST_BYTES)
        case "DELETE", None:
            return steps.End(upload=upload, asked=head)
        case _:
            return refuse("The parameters of the upload contradict its method.")


def _key(*_: object) -> None:
    """S3 names an upload in each request."""


def _replay(
    head: RequestHead, _: Sequence[steps.HeldPart], text: bytes, token: str | None
) -> steps.Replay:
    """The origin has the parts already; it gets the list that joins them."""
    return steps.Replay(() if token is None else (ReplayRequest(head, text=text),))


def _answer(outcome: steps.Outcome) -> OwnReply | None:
    """Answer as S3 does, so that its clients know what happened."""
    match outcome:
        case Assembly():
            return None
        case steps.NotSent() if not outcome.decision_id:
            return _error(outcome.status, "InternalError", "No answer.")
        case steps.NotSent():
            code = "AccessDenied" if outcome.is_verdict else "SlowDown"
            text = f"The upload is not accepted. Decision: {outcome.decision_id}"
            return _error(outcome.status, code, text + outcome.objection)
        case Refusal():
            is_new = outcome.status == _NOT_IMPLEMENTED
            code = "NotImplemented" if is_new else "InvalidRequest"
            return _error(outcome.status, code, outcome.detail)
        case _:
            return _error(*_ERRORS.get(outcome, _OTHER_BODY))


_UNAVAILABLE: Final = 503
_NOT_IMPLEMENTED: Final = 501
_SLOW_DOWN: Final = (_UNAVAILABLE, "SlowDown", "Try again later.")
_TOO_LARGE: Final = (400, "EntityTooLarge", "The object would be too large.")
_OTHER_BODY: Final = (400, "InvalidRequest", "The body is not as stated.")
_ERRORS: Final[Mapping[steps.Failure, tuple[int, str, str]]] = {
    Denial.MISSING: (404, "NoSuchUpload", "A part is not known. Begin a new upload."),
    Denial.BUSY: (409, "OperationAborted", "Another request works on this part."),
    **dict.fromkeys((Denial.EXISTS, Denial.FULL, Denial.UNUSABLE), _SLOW_DOWN),
    Reason.SPOOL_FULL: _SLOW_DOWN,
    Fault.TOO_LARGE: _TOO_LARGE,
    Reason.TOO_LARGE: _TOO_LARGE,
    Reason.TOO_SLOW: (400, "RequestTimeout", "Too slow."),
}


def _error(status: int, code: str, text: str) -> OwnReply:
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{escape(text)}</Message></Error>"
    )
    headers: dict[str, str | None] = {"Content-Type": "application/xml"}
    if status == _UNAVAILABLE:
        headers["Retry-After"] = "5"
    return OwnReply(status=status, headers=headers, body=body.encode())


def _abort(*_: object) -> None:
    """Nobody but its client can sign the end of an upload: a lifecycle rule ends it."""


S3: Final = steps.PieceProtocol("s3", _step, _key, _replay, _answer, _abort)
