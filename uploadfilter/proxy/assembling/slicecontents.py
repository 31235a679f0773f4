"""The contents of a file's slices: the inspected parts of their forms, the rules."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from uploadfilter.model import Reason
from uploadfilter.proxy.assembling.contents import Contents
from uploadfilter.proxy.assembling.sliceforms import ArrivedSlice
from uploadfilter.proxy.assembling.store import HeldUpload
from uploadfilter.uploads.assembly.heads import TOO_LARGE
from uploadfilter.uploads.assembly.webforms import SliceNotes
from uploadfilter.uploads.body.spans import TEXT_TYPE, BodySpan
from uploadfilter.uploads.head.plan import Refusal
from uploadfilter.uploads.limits import UploadLimits
from uploadfilter.web.requests.arrival import Arrival

_SHORT_BYTES: Final = 64
"""Bytes from which on a field is a content of its own. The numbers and ids of a slice
are shorter, and no picture that anybody lists is."""

_MOST_SHORT: Final = 50_000
"""Most fields of all slices of a file, which are in memory: fifty for each of 1,000."""

_NOTE: Final = "slice"
"""The only note of a held slice."""


@dataclass(frozen=True, slots=True)
class HeldSlice:
    """A slice that waits.

    Attributes:
        held: Its form.
        notes: The facts about it.
    """

    held: HeldUpload
    notes: SliceNotes

    @classmethod
    def of(cls, held: HeldUpload) -> "HeldSlice":
        """Return the slice in a form that is held."""
        notes = msgspec.json.decode(held.head.notes[_NOTE], type=SliceNotes)
        return cls(held, notes)


def notes_of(
    arrival: Arrival,
    arrived: ArrivedSlice,
    pieces: Sequence[bytes | int],
    boundary: bytes,
) -> dict[str, str]:
    """Return the notes of a slice.

    ``pieces`` are its form, encoded anew: texts, and indexes of parts.
    """
    file = arrived.parts[arrived.file]
    places: dict[int, int] = {}
    at = 0
    for each in pieces:
        if isinstance(each, bytes):
            at += len(each)
        else:
            places[each] = at
            at += arrived.parts[each].length
    ranges = arrival.head.values(b"content-range")
    notes = SliceNotes(
        slice=arrived.slice,
        begin=places[arrived.file],
        length=file.length,
        fields=tuple(
            (place, arrived.parts[index].length)
            for index, place in places.items()
            if index != arrived.file
        ),
        checksum=arrived.checksum,
        names=arrived.names,
        target=arrival.head.target,
        type=arrived.type_of(boundary),
        content_range=ranges[0].decode("latin-1") if ranges else "",
        declared_type=(file.content_type or "").partition(";")[0].strip().lower(),
    )
    return {_NOTE: msgspec.json.encode(notes).decode()}


def _agree(slices: Sequence[SliceNotes]) -> bool:
    """Tell whether all slices say the same about their file, and it is whole."""
    at, first = 0, slices[0].slice
    about = (first.count, first.total, slices[0].names)
    for notes in slices:
        said = notes.slice
        if (said.count, said.total, notes.names) != about or said.at not in {None, at}:
            return False
        at += notes.length
    return first.total in {None, at}


def wrong_of(slices: Sequence[SliceNotes], limits: UploadLimits) -> Refusal | None:
    """Return why a file that is there whole is refused all the same."""
    if not _agree(slices):
        return _DISAGREEING
    if sum(each.length for each in slices) > limits.max_body_bytes:
        return TOO_LARGE
    lengths = _lengths_of_fields(slices)
    is_long = sum(length >= _SHORT_BYTES for length in lengths) > limits.max_parts
    return _TOO_MANY_FIELDS if is_long or len(lengths) > _MOST_SHORT else None


def _lengths_of_fields(slices: Sequence[SliceNotes]) -> list[int]:
    return [length for each in slices for _, length in each.fields]


def contents_of(slices: Sequence[HeldSlice]) -> Contents:
    """Return the contents of a file's slices: the file, long fields, short ones."""
    notes = [each.notes for each in slices]
    lengths = _lengths_of_fields(notes)
    fields = [length for length in lengths if length >= _SHORT_BYTES]
    short = sum(length + 1 for length in lengths if length < _SHORT_BYTES)
    whole = BodySpan(
        length=sum(each.length for each in notes),
        declared_type=notes[0].declared_type or None,
    )
    texts = BodySpan(length=short, declared_type=TEXT_TYPE, is_field=True)
    return Contents(
        data=_bytes_of(slices),
        spans=[
            whole,
            *(BodySpan(length=n, declared_type=None, is_field=True) for n in fields),
            texts,
        ],
        shown=tuple(each.length for each in notes),
    )


async def _bytes_of(slices: Sequence[HeldSlice]) -> AsyncIterator[bytes]:
    """Yield the bytes of the contents out of the forms of a file's slices."""
    fields: list[bytes] = []
    for each in slices:
        places = [(each.notes.begin, each.notes.length), *each.notes.fields]
        found = [bytearray() for _ in places]
        at = 0
        async for data in each.held.read():
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


_DISAGREEING: Final = Refusal(
    status=400,
    reason=Reason.MALFORMED_FORM,
    detail="The slices of the file do not agree about it.",
)
_TOO_MANY_FIELDS: Final = Refusal(
    status=400,
    reason=Reason.MALFORMED_FORM,
    detail="The slices of the file have too many fields.",
)
