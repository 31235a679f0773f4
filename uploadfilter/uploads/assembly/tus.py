"""tus 1.0, with the extensions for checksums, concatenation and deferred lengths.

Source:
    The tus resumable upload protocol 1.0.x (tus.io/protocols/resumable-upload).

The origin is the server: it makes addresses, checks who may use them, and knows of each
upload, whose offset there stays 0. Rules this module keeps:

- The route says that requests are tus. On such a route every PATCH is a piece: one
  without an offset is refused, and not taken for an upload of its own.
- A number is digits. A head that two servers could read in two ways is refused.
- A complete upload is one PATCH to the origin; a final upload, one for each part and
  then the client's own request.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

from uploadfilter.uploads.assembly import steps
from uploadfilter.uploads.assembly.assembly import Assembly, Fault
from uploadfilter.uploads.assembly.heads import (
    edit,
    obeyed_method,
    read_number,
    refuse,
    target_of,
)
from uploadfilter.uploads.assembly.steps import PartKey, ReplayRequest
from uploadfilter.uploads.assembly.tuswords import (
    StatedSum,
    read_parts,
    read_sum,
    read_type,
)
from uploadfilter.uploads.head.plan import Refusal
from uploadfilter.uploads.head.request import RequestHead

_BODY_TYPE: Final = b"application/offset+octet-stream"

_OFFSET, _LENGTH, _DEFER = b"upload-offset", b"upload-length", b"upload-defer-length"
_CONCAT: Final = b"upload-concat"
_OF_A_PIECE: Final = (_OFFSET, _LENGTH, _DEFER, _CONCAT, b"upload-metadata")
_METHODS: Final = frozenset({"HEAD", "PATCH", "DELETE"})
_DEFERRED: Final = "deferred"
"""Name of a note: the origin does not know the length yet."""


def _step(head: RequestHead) -> steps.Step | Refusal | None:
    match obeyed_method(head, _METHODS):
        case None:
            return refuse("The header that overrides the method names several.")
        case "PATCH":
            return _append(head)
        case "HEAD":
            return steps.Look(asked=_edit(head, "HEAD"))
        case "DELETE":
            asked = _edit(head, "DELETE")
            return steps.End(upload=head.target, asked=asked)
        case "POST" if head.has_any((_LENGTH, _DEFER, _CONCAT)) and _is_ours(head):
            return _create(head)
        case _:
            return None


def _append(head: RequestHead) -> steps.Step | Refusal:
    at, total = read_number(head, _OFFSET), read_number(head, _LENGTH)
    stated = read_sum(head)
    for each in (at, total, stated):
        if isinstance(each, Refusal):
            return each
    if not isinstance(at, int):
        return refuse("The request has no Upload-Offset.")
    if not _is_ours(head):
        return refuse("The type of a piece is application/offset+octet-stream.", 415)
    return steps.Bring(
        key=PartKey(head.target),
        at=at,
        total=total if isinstance(total, int) else None,
        asked=_edit(head, "HEAD"),
        stated=stated if isinstance(stated, StatedSum) else None,
    )


def _create(head: RequestHead) -> steps.Step | Refusal | None:
    concat, deferred = head.values(_CONCAT), head.values(_DEFER)
    total, stated = read_number(head, _LENGTH), read_sum(head)
    for each in (total, stated):
        if isinstance(each, Refusal):
            return each
    if len(concat) > 1 or deferred not in ([], [b"1"]):
        return refuse("A header of the upload is repeated or malformed.")
    if concat and concat[0] != b"partial":
        return _join(head, concat[0])
    if (total is None) != bool(deferred):
        return refuse("Either Upload-Length or Upload-Defer-Length is required.")
    if total == 0:
        return None  # complete as it is, and without a byte to inspect
    notes = {steps.TYPE: read_type(head) or "", _DEFERRED: "1" if deferred else ""}
    return steps.Create(
        asked=edit(head, method="POST"),
        total=total if isinstance(total, int) else None,
        is_part=bool(concat),
        notes={name: value for name, value in notes.items() if value},
        stated=stated if isinstance(stated, StatedSum) else None,
    )


def _join(head: RequestHead, concat: bytes) -> steps.Step | Refusal:
    parts = read_parts(head, concat)
    if isinstance(parts, Refusal):
        return parts
    keys = [PartKey(each) for each in parts]
    return steps.Join(parts=lambda _: keys, declared_type=read_type(head))


def _key(
    step: steps.Step, head: RequestHead, reply: steps.OriginReply
) -> PartKey | Fault | None:
    if isinstance(step, steps.Create):
        location = reply.value(b"location")
        if reply.status != HTTPStatus.CREATED or location is None:
            return None
        return PartKey(target_of(location, head.target))
    offset, length = reply.value(_OFFSET), reply.value(_LENGTH)
    is_looking = isinstance(step, steps.Look)
    if not reply.is_success or (is_looking and offset in {None, length}):
        return None  # no upload, or one that is at the origin
    return PartKey(head.target) if offset == b"0" else Fault.NOT_OPEN


def _replay(
    head: RequestHead, parts: Sequence[steps.HeldPart], _: bytes, token: str | None
) -> steps.Replay:
    sendings = []
    for index, part in enumerate(parts):
        added = {b"Upload-Offset": b"0", b"Content-Type": _BODY_TYPE}
        if _DEFERRED in part.notes:
            added[b"Upload-Length"] = b"%d" % part.length
        patch = _edit(head, "PATCH", part.key.upload, added)
        sendings.append(ReplayRequest(patch, index))
    is_join = obeyed_method(head, _METHODS) == "POST" and head.values(_CONCAT)
    if token is not None and is_join and is_join[0] != b"partial":
        sendings.append(ReplayRequest(edit(head, method="POST")))
    return steps.Replay(tuple(sendings))


def _answer(outcome: steps.Outcome) -> steps.OwnReply | None:
    if not isinstance(outcome, Assembly):
        return None
    headers: dict[str, str | None] = {"Upload-Offset": str(outcome.offset)}
    if outcome.total is not None:
        headers |= {"Upload-Length": str(outcome.total), "Upload-Defer-Length": None}
    return steps.OwnReply(status=204, headers=headers | {"Tus-Resumable": "1.0.0"})


def _abort(head: RequestHead, upload: str, is_rejected: bool) -> RequestHead | None:
    return _edit(head, "DELETE", upload) if is_rejected else None


TUS: Final = steps.PieceProtocol(
    *("tus", _step, _key, _replay, _answer, _abort), is_lenient=False
)


def _edit(
    head: RequestHead,
    method: str,
    target: str | None = None,
    added: Mapping[bytes, bytes] = MappingProxyType({}),
) -> RequestHead:
    return edit(head, method=method, target=target, dropped=_OF_A_PIECE, added=added)


def _is_ours(head: RequestHead) -> bool:
    """Tell whether a body, if there is one, is bytes of an upload."""
    return not head.has_body or head.value(b"content-type") == _BODY_TYPE
