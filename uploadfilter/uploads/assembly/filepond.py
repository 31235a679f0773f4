"""Read the heads by which FilePond sends a file in chunks.

Source:
    FilePond 4 (``processFileChunked`` in its script), and "Process chunks" in the
    section "Server" of its documentation.

The page sends a form with ``Upload-Length`` and without a file, for which the origin
answers an id. ``PATCH`` to an address with that id brings each chunk; ``HEAD`` asks how
much is there.

Rules this module keeps:

- A head is a step only if nothing else in it marks a piece, and no header of tus or of
  resumable uploads is there: an origin could obey those.
"""

import re
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from uploadfilter.model import Reason
from uploadfilter.uploads.head import pieces
from uploadfilter.uploads.head.plan import BodyKind, BodyPlan, Refusal
from uploadfilter.uploads.head.request import RequestHead

_TYPE: Final = b"application/offset+octet-stream"
_NUMBER: Final = re.compile(rb"[0-9]{1,15}")
_LENGTH, _OFFSET = b"upload-length", b"upload-offset"
_NAME: Final = b"upload-name"
_OTHERS: Final = (
    *(b"tus-resumable", b"tus-version", b"upload-metadata", b"upload-checksum"),
    *(b"upload-draft-interop-version", b"upload-concat", b"upload-defer-length"),
    *(b"upload-complete", b"upload-incomplete"),
)
"""Headers of protocols whose servers read the same names otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePondCreation:
    """A form that begins an upload, and brings no byte of it.

    Attributes:
        total: Length of the file.
    """

    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePondChunk:
    """A PATCH that brings bytes.

    Attributes:
        at: Their offset.
        total: Length of the file.
        file_name: Name of the file, as sent; empty without one.
    """

    at: int
    total: int
    file_name: str


FilePondStep: TypeAlias = FilePondCreation | FilePondChunk


def read(head: RequestHead, body: BodyPlan) -> FilePondStep | Refusal | None:
    """Tell which step of a chunked upload a request with a body is.

    Args:
        head: The head of a request on a route for web forms.
        body: The plan of its body.

    Returns:
        The step; the refusal of a chunk that does not fit into its file; or ``None``
        for another request.
    """
    lengths, offsets = head.values(_LENGTH), head.values(_OFFSET)
    is_plain = len(lengths) == 1 and _NUMBER.fullmatch(lengths[0]) is not None
    if not is_plain or head.stands_for or head.has_any(_OTHERS):
        return None
    if pieces.in_head(
        [each for each in head.headers if each[0].lower() not in _OWN],
        method=head.method,
        target=head.target,
        length=head.declared_length,
    ):
        return None
    total = int(lengths[0])
    if head.method == "POST" and body.kind is BodyKind.FORM and not offsets:
        return FilePondCreation(total=total)
    is_chunk = head.method == "PATCH" and head.value(b"content-type") == _TYPE
    if not is_chunk or len(offsets) != 1 or not _NUMBER.fullmatch(offsets[0]):
        return None
    return _chunk(head, int(offsets[0]), total)


_OWN: Final = frozenset({_LENGTH, _OFFSET, _NAME})


def _chunk(head: RequestHead, at: int, total: int) -> FilePondChunk | Refusal:
    if at + (head.declared_length or 0) > total:
        return _BEYOND
    names = head.values(_NAME)
    return FilePondChunk(
        at=at, total=total, file_name=names[0].decode("latin-1") if names else ""
    )


def as_whole(body: BodyPlan) -> BodyPlan:
    """Return the plan of a form that begins an upload: the form itself is whole."""
    return replace(body, is_piece=False)


_BEYOND: Final = Refusal(
    status=400,
    reason=Reason.MALFORMED_REQUEST,
    detail="The chunk does not fit into its file.",
)
