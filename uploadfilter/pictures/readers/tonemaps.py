"""Apply gain maps of AVIF and HEIC: an item that combines two others to a picture.

Chromium changes an AVIF by its map if the stored picture is the bright one, as it does
with a JPEG (``gainmaps.py``); other viewers do so with a HEIC. The file is opened three
times: unchanged; with the changed picture as the shown item; and with the map as the
shown item.

Source:
    ISO/IEC 23008-12, 6.6.2.4 (``tmap``); ISO/IEC 14496-12, 8.11 (``iloc``, ``iref``).
"""

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from uploadfilter.model import Reason
from uploadfilter.pictures.colours.gainmaps import BadGainMapError, Gain, gain_of_box
from uploadfilter.pictures.faults import BadPictureError
from uploadfilter.pictures.frame import Frame
from uploadfilter.pictures.headers.boxes import FULL, Span, named
from uploadfilter.pictures.reader import Reader
from uploadfilter.pictures.readers.itemcolours import profiles_of
from uploadfilter.pictures.readers.multipictures import BILINEAR, reduced
from uploadfilter.pictures.sampling import Course

_NAME: Final = b"tmap"
_MOST_MAPS: Final = 4
_MOST_EXTENTS: Final = 1000
_NEW_ITEMS: Final = 2
_LONG_NUMBERS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ToneMap:
    """A picture that is made of two items.

    Attributes:
        gain: The parameters of the map.
        stored: Number of the item that is changed.
        map: Number of the item that changes it.
    """

    gain: Gain
    stored: int
    map: int


class TonedReader:
    """A picture of items, and then the same picture changed by each map.

    Args:
        stored: Shows it as stored.
        data: The file.
        maps: Its maps.
        opened: Opens a file of items.
        lack: The reason if something is known to be missing.
    """

    def __init__(
        self,
        stored: Reader,
        data: bytes,
        maps: Sequence[ToneMap],
        opened: Callable[[bytes], Reader],
        *,
        lack: Reason | None,
    ) -> None:
        self.durations: Sequence[int] = (*stored.durations, *(0 for _ in maps))
        self.lack = lack or stored.lack
        self.keys: Sequence[int] | None = range(len(self.durations)) if maps else None
        self.course: Course | None = None if maps else stored.course
        self._stored = stored
        self._data = data
        self._maps = maps
        self._opened = opened

    def frame(self, number: int) -> Frame:
        """Decode a frame, or show the picture changed by a map."""
        before = len(self._stored.durations)
        if number < before:
            return self._stored.frame(number)
        meant = self._maps[number - before]
        base = self._opened(with_primary(self._data, meant.stored)).frame(0)
        image, scale = reduced(base)
        other = self._opened(with_primary(self._data, meant.map)).frame(0)
        gain_map = other.image.convert("RGB").resize(image.size, BILINEAR)
        shown = meant.gain.shown(image, gain_map)
        return Frame(image=shown, number=number, full=base.full, scale=scale)


def toned(stored: Reader, data: bytes, opened: Callable[[bytes], Reader]) -> Reader:
    """Return a reader that also shows a picture changed by maps, if there are any.

    Args:
        stored: Shows it as stored.
        data: The file.
        opened: Opens a file of items.
    """
    if _NAME not in data:
        return stored
    try:
        found = [item for item in maps_of(data) if item.gain.weight]
    except (BadGainMapError, BadPictureError):
        return TonedReader(stored, data, (), opened, lack=Reason.UNDECODABLE)
    if not found:
        return stored
    is_whole = len(found) <= _MOST_MAPS and len(stored.durations) == 1
    is_usual = is_whole and profiles_of(data) == ((), False)
    lack = None if is_usual else Reason.UNDECODABLE
    heeded = found[:_MOST_MAPS] if is_whole else ()
    return TonedReader(stored, data, heeded, opened, lack=lack)


def maps_of(data: bytes) -> Iterator[ToneMap]:
    """Yield the items of a file that are made of a picture and a gain map.

    Args:
        data: The file.

    Raises:
        BadPictureError: The parts of such an item cannot be read.
        BadGainMapError: Its numbers are not valid.
    """
    for start, end in named(data, (0, len(data)), b"meta"):
        meta = start + FULL, end
        for count, item in enumerate(_items(data, meta)):
            if count > _MOST_MAPS:
                raise BadPictureError("too many maps")
            made_of = _made_of(data, meta, item)
            body = _body(data, meta, item)
            if len(made_of) != 2 or not body:  # noqa: PLR2004 -- a picture and a map
                raise BadPictureError("an item of nothing")
            gain = gain_of_box(body[1:]) if body[0] == 0 else None
            if gain is not None:
                yield ToneMap(gain=gain, stored=made_of[0], map=made_of[1])


def with_primary(data: bytes, item: int) -> bytes:
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


def _items(data: bytes, meta: Span) -> Iterator[int]:
    """Yield the numbers of the items that are made of a picture and a map."""
    for start, end in named(data, meta, b"iinf"):
        first = start + FULL + (4 if any(data[start : start + 1]) else 2)
        for at, last in named(data, (first, end), b"infe"):
            version = data[at] if at < last else 0
            size = 4 if version > _NEW_ITEMS else 2
            after = at + FULL + size + 2
            if version >= _NEW_ITEMS and data[after : after + 4] == _NAME:
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
        except (struct.error, IndexError) as exc:
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
