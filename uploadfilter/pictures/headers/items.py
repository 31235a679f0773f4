"""Read the items of a file that consists of boxes (AVIF, HEIC), and what they are for.

Rules this module keeps: all boxes of items in a file count, since readers may choose
different ones; a box that is cut off ends the reading.

Source:
    ISO/IEC 14496-12, 8.11 (``iinf``, ``iloc``, ``iref``, ``pitm``); ISO/IEC 23008-12,
    6.4 to 6.6 (kinds of items, and of references between them).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from uploadfilter.pictures.faults import BadPictureError
from uploadfilter.pictures.headers.boxes import FULL, Span, named, named_any

CODED: Final = frozenset({b"hvc1", b"av01", b"avc1", b"jpeg"})
MADE: Final = frozenset({b"grid", b"iovl", b"iden"})
"""Kinds of items that are pictures: coded ones, and those made of other items."""

_ALPHA, _THUMBNAIL, _PART = b"auxl", b"thmb", b"dimg"
_HIDDEN: Final = 1
_MOST_EXTENTS: Final = 1000
_NEW_ITEMS: Final = 2
_LONG_NUMBERS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class CodedItem:
    """One item.

    Attributes:
        is_hidden: Whether it is not for display, as the file says.
        flags_at: Offset of the byte that says so.
    """

    number: int
    kind: bytes
    is_hidden: bool
    flags_at: int


def items_of(data: bytes) -> Iterator[tuple[Span, CodedItem]]:
    """Yield each item, with the span of the box in which it is listed."""
    for start, end in named(data, (0, len(data)), b"meta"):
        meta = start + FULL, end
        for item in _listed(data, meta):
            yield meta, item


def other_pictures(data: bytes, *, is_listed: bool) -> tuple[int, ...]:
    """Return the numbers of the pictures that are not shown as the file's own.

    Parts of a picture (tiles, alpha) are no pictures. ``is_listed``: the decoder shows
    all pictures that are for display, and not only the primary one.
    """
    found: dict[int, None] = {}
    for start, end in named(data, (0, len(data)), b"meta"):
        meta = start + FULL, end
        kinds = {item.number: item for item in _listed(data, meta)}
        parts, thumbnails = {_primary(data, meta)}, set[int]()
        for name, _, item, others in _references(data, meta):
            made = kinds.get(item)
            if name == _ALPHA:
                parts.add(item)
            elif name == _THUMBNAIL:
                thumbnails.add(item)
            elif name == _PART and made is not None and made.kind in MADE:
                parts.update(others)
        for number, known in kinds.items():
            is_seen = is_listed and not (known.is_hidden or number in thumbnails)
            if known.kind in CODED | MADE and number not in parts and not is_seen:
                found[number] = None
    return tuple(found)


def with_primary(data: bytes, item: int) -> bytes:
    """Return a file whose shown item is another one, whatever else it says of that one.

    Raises:
        BadPictureError: It does not say which item is shown.
    """
    changed = bytearray(data)
    is_said = False
    for start, end in named(data, (0, len(data)), b"meta"):
        meta = start + FULL, end
        for first, last in named(data, meta, b"pitm"):
            if last - first - FULL in {2, 4}:
                changed[first + FULL : last] = item.to_bytes(last - first - FULL, "big")
                is_said = True
        for known in _listed(data, meta):
            if known.number == item:
                changed[known.flags_at] &= ~_HIDDEN
        for name, at, made, _ in _references(data, meta):
            if name == _THUMBNAIL and made == item:
                changed[at - 4 : at] = b"free"
    if not is_said:
        raise BadPictureError("no item is shown")
    return bytes(changed)


def _primary(data: bytes, meta: Span) -> int:
    for start, end in named(data, meta, b"pitm"):
        return int.from_bytes(data[start + FULL : end], "big")
    return -1


def _listed(data: bytes, meta: Span) -> Iterator[CodedItem]:
    for start, end in named(data, meta, b"iinf"):
        first = start + FULL + (4 if any(data[start : start + 1]) else 2)
        for at, last in named(data, (first, end), b"infe"):
            version = data[at] if last - at > FULL else 0
            size = 4 if version > _NEW_ITEMS else 2
            after = at + FULL + size + 2
            if version >= _NEW_ITEMS:
                yield CodedItem(
                    number=int.from_bytes(data[at + FULL : at + FULL + size], "big"),
                    kind=data[after : after + 4],
                    is_hidden=bool(data[at + FULL - 1] & _HIDDEN),
                    flags_at=at + FULL - 1,
                )


def _references(data: bytes, meta: Span) -> Iterator[tuple[bytes, int, int, list[int]]]:
    """Yield the kind of each reference, its place, its item, and where it leads."""
    for start, end in named(data, meta, b"iref"):
        size = 4 if any(data[start : start + 1]) else 2
        for name, (at, last) in named_any(data, (start + FULL, end)):
            numbers = [
                int.from_bytes(data[place : place + size], "big")
                for place in (at, *range(at + size + 2, last, size))
            ]
            yield name, at, numbers[0], numbers[1:]


def parts_of(data: bytes, meta: Span, item: int) -> list[int]:
    """Return the numbers of the items that one item is made of."""
    for name, _, made, others in _references(data, meta):
        if name == _PART and made == item:
            return others
    return []


def body_of(data: bytes, meta: Span, item: int) -> bytes:
    """Return the bytes of an item; ``BadPictureError`` if their place is cut off."""
    inner = next(iter(named(data, meta, b"idat")), (0, 0))[0]
    for start, end in named(data, meta, b"iloc"):
        try:
            for number, is_inner, extents in _places(data[start:end]):
                if number == item:
                    origin = inner if is_inner else 0
                    return b"".join(
                        data[origin + at : origin + at + length]
                        for at, length in extents
                    )
        except IndexError as exc:
            raise BadPictureError("places that are cut off") from exc
    return b""


def _places(body: bytes) -> Iterator[tuple[int, bool, list[tuple[int, int]]]]:
    """Yield each item's number, whether it is in the box of items, and its pieces."""
    version, at = body[0], FULL + 2
    sizes = (body[FULL] >> 4, body[FULL] & 15, body[FULL + 1] >> 4)
    index = body[FULL + 1] & 15 if version else 0
    size = 4 if version >= _LONG_NUMBERS else 2

    def take(length: int) -> int:
        nonlocal at
        if at + length > len(body):
            raise IndexError("cut off")
        at += length
        return int.from_bytes(body[at - length : at], "big")

    for _ in range(take(size)):
        number = take(size)
        method = take(2) & 15 if version else 0
        take(2)
        base = take(sizes[2])
        count = min(take(2), _MOST_EXTENTS)
        extents = []
        for _ in range(count):
            take(index)
            offset = take(sizes[0])
            extents.append((base + offset, take(sizes[1])))
        yield number, method == 1, extents
