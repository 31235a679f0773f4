"""Read what changes the colours of the items of AVIF and HEIC: code points and maps.

Pillow and libheif convert samples to red, green and blue by code points, but ignore the
primaries and the curve, which browsers use. A gain map is an item of its own, and is
shown as a further frame; if it changes the picture on an ordinary screen, the file has
a lack (``gainmaps.py``).

Source:
    ISO/IEC 23008-12, 6.5.5 (``colr``) and 6.6.2.4 (``tmap``); ISO/IEC 14496-12, 8.11
    (``iloc``, ``iref``); where they leave a choice, Chromium 156, as measured.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from uploadfilter.model import Reason
from uploadfilter.pictures.colours.chunks import profile_of_points
from uploadfilter.pictures.colours.conversions import needs_conversion
from uploadfilter.pictures.colours.gainmaps import has_bright_base
from uploadfilter.pictures.faults import BadPictureError
from uploadfilter.pictures.headers.boxes import FULL, Span, named
from uploadfilter.pictures.reader import AdaptedReader, ChainedReader, Reader

_BOX: Final = re.compile(rb"colrnclx\0(.)\0(.)", re.DOTALL)
_MOST: Final = 4
"""Most different code points, and most maps, of one file that are used. Files have one.
"""

_USUAL: Final = (1, 13)
"""The code points of sRGB, which replace unknown primaries and unknown curves."""

_MAP: Final = b"tmap"
_MOST_EXTENTS: Final = 1000
_NEW_ITEMS: Final = 2
_LONG_NUMBERS: Final = 2


def with_code_points(stored: Reader, data: bytes) -> Reader:
    """Return a reader that applies the code points of a file, if they matter."""
    found: dict[bytes, None] = {}
    for box in _BOX.finditer(data):
        profile = _profile(box[1][0], box[2][0])
        if profile is not None and needs_conversion(profile):
            found[profile] = None
    if not found:
        return stored
    lack = Reason.TOO_MANY_VIEWS if len(found) > _MOST else None
    profiles = tuple(found)[:_MOST]
    return AdaptedReader(
        stored, lambda frame: replace(frame, other_profiles=profiles), lack=lack
    )


def _profile(primaries: int, curve: int) -> bytes | None:
    """Return a profile of code points, with those of sRGB where one is unknown."""
    tried = (
        (primaries, curve),
        (primaries, _USUAL[1]),
        (_USUAL[0], curve),
    )
    found = (profile_of_points(bytes((*each, 0, 1))) for each in tried)
    return next((each for each in found if each is not None), None)


def with_gain_maps(
    stored: Reader, data: bytes, opened: Callable[[bytes], Reader]
) -> Reader:
    """Return a reader that shows gain maps as well, if a file has any.

    Args:
        stored: Shows the file as it is.
        data: The file.
        opened: Opens a changed file.
    """
    if _MAP not in data:
        return stored
    try:
        maps = dict(_maps_of(data))
    except BadPictureError:
        return AdaptedReader(stored, lack=Reason.UNDECODABLE)
    for item in maps:
        stored = ChainedReader(stored, opened(_with_primary(data, item)))
    lack = Reason.UNDECODABLE if any(maps.values()) else None
    return AdaptedReader(stored, lack=lack)


def _maps_of(data: bytes) -> Iterator[tuple[int, bool]]:
    """Yield each gain map, and whether it changes its picture on an ordinary screen.

    Raises:
        BadPictureError: The parts of an item cannot be read, or are too many.
    """
    for start, end in named(data, (0, len(data)), b"meta"):
        meta = start + FULL, end
        for count, item in enumerate(_combining_items(data, meta)):
            body = _body(data, meta, item)
            made_of = _made_of(data, meta, item)
            if count >= _MOST or len(made_of) != 2 or not body:  # noqa: PLR2004
                raise BadPictureError("not a picture and a map")
            yield made_of[1], body[0] == 0 and has_bright_base(body[1:])


def _with_primary(data: bytes, item: int) -> bytes:
    """Return a file with another shown item.

    Raises:
        BadPictureError: It does not say which item is shown.
    """
    for start, end in named(data, (0, len(data)), b"meta"):
        for first, last in named(data, (start + FULL, end), b"pitm"):
            at, length = first + FULL, last - first - FULL
            if length in {2, 4}:
                return data[:at] + item.to_bytes(length, "big") + data[last:]
    raise BadPictureError("no item is shown")


def _combining_items(data: bytes, meta: Span) -> Iterator[int]:
    """Yield the numbers of the items that are made of a picture and a map."""
    for start, end in named(data, meta, b"iinf"):
        first = start + FULL + (4 if any(data[start : start + 1]) else 2)
        for at, last in named(data, (first, end), b"infe"):
            version = data[at] if at < last else 0
            size = 4 if version > _NEW_ITEMS else 2
            after = at + FULL + size + 2
            if version >= _NEW_ITEMS and data[after : after + 4] == _MAP:
                yield int.from_bytes(data[at + FULL : at + FULL + size], "big")


def _made_of(data: bytes, meta: Span, item: int) -> list[int]:
    """Return the numbers of the items that one item is made of."""
    for start, end in named(data, meta, b"iref"):
        size = 4 if any(data[start : start + 1]) else 2
        for at, last in named(data, (start + FULL, end), b"dimg"):
            numbers = [
                int.from_bytes(data[place : place + size], "big")
                for place in (at, *range(at + size + 2, last, size))
            ]
            if numbers[0] == item:
                return numbers[1:]
    return []


def _body(data: bytes, meta: Span, item: int) -> bytes:
    """Return the bytes of an item.

    Raises:
        BadPictureError: Their place cannot be read.
    """
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
