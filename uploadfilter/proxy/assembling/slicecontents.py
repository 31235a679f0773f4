"""The contents of a file's slices: the inspected parts of their forms, and the rules.

The notes of a held slice say where the file and the other parts lie in its form.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Final

from uploadfilter.model import Reason
from uploadfilter.proxy.assembling.sliceforms import ArrivedSlice
from uploadfilter.proxy.assembling.store import HeldUpload
from uploadfilter.rejections import Outcome
from uploadfilter.uploads.assembly.webforms import (
    AT,
    COUNT,
    DECLARED,
    FIELDS,
    LENGTH,
    NAMED,
    PLACE,
    RANGE,
    SUM,
    TARGET,
    TOTAL,
    TYPE,
    UNKNOWN,
)
from uploadfilter.uploads.body.spans import TEXT_TYPE, BodySpan
from uploadfilter.uploads.limits import UploadLimits
from uploadfilter.web.answering.answer import Answer
from uploadfilter.web.requests.arrival import Arrival

_SHORT_BYTES: Final = 64
"""Bytes from which on a field is a content of its own. The numbers and ids of a slice
are shorter, and no picture that anybody lists is."""

_MOST_SHORT: Final = 50_000
"""Most fields of all slices of a file, which are in memory: fifty for each of 1,000."""


def notes_of(
    arrival: Arrival,
    arrived: ArrivedSlice,
    pieces: Sequence[bytes | int],
    boundary: bytes,
) -> dict[str, str]:
    """Return what the end of the upload has to know about a slice.

    Args:
        arrival: The request that brought it.
        arrived: The slice.
        pieces: Its form, encoded anew: texts, and indexes of parts.
        boundary: The boundary of that form.
    """
    piece, file = arrived.slice, arrived.parts[arrived.file]
    places: dict[int, int] = {}
    at = 0
    for each in pieces:
        if isinstance(each, bytes):
            at += len(each)
        else:
            places[each] = at
            at += arrived.parts[each].length
    fields = [
        f"{place}:{arrived.parts[index].length}"
        for index, place in places.items()
        if index != arrived.file
    ]
    ranges = arrival.head.values(b"content-range")
    return {
        AT: str(places[arrived.file]),
        FIELDS: " ".join(fields),
        LENGTH: str(file.length),
        SUM: str(arrived.checksum),
        NAMED: arrived.named,
        PLACE: UNKNOWN if piece.at is None else str(piece.at),
        COUNT: UNKNOWN if piece.count is None else str(piece.count),
        TOTAL: UNKNOWN if piece.total is None else str(piece.total),
        TARGET: arrival.head.target,
        TYPE: arrived.type_of(boundary),
        RANGE: ranges[0].decode("latin-1") if ranges else "",
        DECLARED: (file.content_type or "").partition(";")[0].strip().lower(),
    }


def _agree(parts: Sequence[HeldUpload]) -> bool:
    """Tell whether all slices say the same about their file, and it is whole."""
    at = 0
    first = parts[0].head.notes
    for part in parts:
        notes = part.head.notes
        # A slice that an earlier version holds has no digest of its names.
        same = all(notes.get(key) == first.get(key) for key in (COUNT, TOTAL, NAMED))
        if not same or notes[PLACE] not in {UNKNOWN, str(at)}:
            return False
        at += int(notes[LENGTH])
    return first[TOTAL] in {UNKNOWN, str(at)}


def wrong_of(parts: Sequence[HeldUpload], limits: UploadLimits) -> Answer | None:
    """Return why a file that is there whole is refused all the same."""
    if not _agree(parts):
        return _DISAGREEING
    if sum(int(part.head.notes[LENGTH]) for part in parts) > limits.max_body_bytes:
        return Answer(outcome=Outcome.REFUSED, status=413, reason=Reason.TOO_LARGE)
    fields = [length for part in parts for _, length in _fields_in(part)]
    is_long = sum(length >= _SHORT_BYTES for length in fields) > limits.max_parts
    if is_long or len(fields) > _MOST_SHORT:
        return _TOO_MANY_FIELDS
    return None


def _fields_in(part: HeldUpload) -> list[tuple[int, int]]:
    """Return offset and length of each part of a slice's form that is not the file."""
    told = (each.split(":") for each in part.head.notes[FIELDS].split())
    return [(int(at), int(length)) for at, length in told]


def spans_of(parts: Sequence[HeldUpload]) -> list[BodySpan]:
    """Return the contents of a file's slices: the file, long fields, short ones."""
    notes = [part.head.notes for part in parts]
    lengths = [length for part in parts for _, length in _fields_in(part)]
    short = sum(length + 1 for length in lengths if length < _SHORT_BYTES)
    return [
        BodySpan(
            length=sum(int(each[LENGTH]) for each in notes),
            declared_type=notes[0][DECLARED] or None,
        ),
        *(
            BodySpan(length=length, declared_type=None, is_field=True)
            for length in lengths
            if length >= _SHORT_BYTES
        ),
        BodySpan(length=short, declared_type=TEXT_TYPE, is_field=True),
    ]


def shown_in(parts: Sequence[HeldUpload]) -> tuple[int, ...]:
    """Return the length of each slice of the file, see ``UploadPieces.shown``."""
    return tuple(int(part.head.notes[LENGTH]) for part in parts)


async def contents_of(parts: Sequence[HeldUpload]) -> AsyncIterator[bytes]:
    """Yield the bytes of ``spans_of`` out of the forms of a file's slices."""
    fields: list[bytes] = []
    for part in parts:
        notes = part.head.notes
        places = [(int(notes[AT]), int(notes[LENGTH])), *_fields_in(part)]
        found = [bytearray() for _ in places]
        at = 0
        async for data in part.read():
            for index, (begin, length) in enumerate(places):
                piece = data[max(begin - at, 0) : max(begin + length - at, 0)]
                if piece and index == 0:
                    yield piece
                else:
                    found[index] += piece
            at += len(data)
        fields += map(bytes, found[1:])
    for field in fields:
        if len(field) >= _SHORT_BYTES:
            yield field
    yield b"".join(field + b"\n" for field in fields if len(field) < _SHORT_BYTES)


_DISAGREEING: Final = Answer(
    outcome=Outcome.REFUSED,
    status=400,
    reason=Reason.MALFORMED_FORM,
    detail="The slices of the file do not agree about it.",
)
_TOO_MANY_FIELDS: Final = Answer(
    outcome=Outcome.REFUSED,
    status=400,
    reason=Reason.MALFORMED_FORM,
    detail="The slices of the file have too many fields.",
)
