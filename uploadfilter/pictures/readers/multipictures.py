"""Read JPEGs with a second picture that changes the shown one.

Chromium looks for the second picture at the place that the metadata of the first give
(Multi-Picture Format, or a directory in XMP). Here every picture in the file counts
whose own metadata are those of a gain map, since viewers may find different ones.

Rules this module keeps: files without such metadata are not searched; a map that
changes nothing on a usual screen, like those of phones, costs only the search.

Source:
    CIPA DC-007, 5.2 (MP index); Adobe, "XMP specification, part 3", 1.1.3.
"""

import heapq
import io
import re
import struct
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import BinaryIO, Final

from PIL import Image

from uploadfilter.contents.kinds import picturemagic
from uploadfilter.model import Reason
from uploadfilter.pictures.colours.gainmaps import (
    BadGainMapError,
    Gain,
    gain_of_box,
    gain_of_packet,
)
from uploadfilter.pictures.colours.profiles import needs_conversion
from uploadfilter.pictures.faults import DECODER_ERRORS
from uploadfilter.pictures.files import made_file
from uploadfilter.pictures.formats import Format
from uploadfilter.pictures.frame import Frame
from uploadfilter.pictures.headers import jpegscans
from uploadfilter.pictures.headers.jpegscans import (
    GAIN_START,
    INDEX_START,
    LONG_PACKET_START,
    PACKET_START,
)
from uploadfilter.pictures.limits import DecodeLimits, OverBudgetError
from uploadfilter.pictures.reader import Reader
from uploadfilter.pictures.readers.jpegs import JPEGReader
from uploadfilter.pictures.sampling import Course

_LONG_PACKET_HEAD: Final = 32 + 4 + 4

_HINTS: Final = re.compile(rb"gain-map|GainMap|Container|&|\0")
"""A sign in the metadata of every JPEG with a gain map, in any way of writing."""

_END: Final = b"\xff\xd9"
_MAP_MARKS: Final = (b"gain-map", b"urn:iso:std:iso:ts:21496", _END + picturemagic.JPEG)
"""Marks of the places of gain maps: their metadata, or the end of a picture."""

_MOST_PLACES: Final = 24
"""Most places at which a second picture may begin. Files of several pictures have
three."""

_MOST_MAPS: Final = 4
_MOST_HEAD_BYTES: Final = 1024 * 1024
_MOST_PACKET_BYTES: Final = 256 * 1024
_BYTES_PER_MARK: Final = 50
"""Bytes of the head of a second picture that are read; most bytes of the metadata of
all of them; and the bytes that each ``<`` counts for, by the cost of an element. The
metadata of a gain map have two thousand bytes."""

_MOST_HELD_BYTES: Final = 100_000_000
_ENOUGH_PIXELS: Final = 400_000
_MOST_PIXELS: Final = 2_000_000
"""Pixels of a picture that is changed by a map: it is reduced to the first number if
possible, and refused if it still has more than the second."""

_INDEX_ENTRIES: Final = 0xB002
_ENTRY_BYTES: Final = 16
_SCALES: Final = (1, 2, 4, 8)


class GainedReader:
    """A JPEG, and then the same JPEG changed by each gain map that has an effect.

    Args:
        stored: Shows it as stored.
        gains: The parameters of each map, and its file.
        file: The JPEG.
        picture_format: Its format.
        limits: The limits of the cost of a frame.
        lack: The reason if something is known to be missing.
    """

    course: Course | None = None

    def __init__(
        self,
        stored: Reader,
        gains: Sequence[tuple[Gain, BinaryIO]],
        file: BinaryIO,
        picture_format: Format,
        limits: DecodeLimits,
        *,
        lack: Reason | None = None,
    ) -> None:
        self.durations: Sequence[int] = (0,) * (1 + len(gains))
        # Some viewer shows each of them.
        self.keys: Sequence[int] | None = range(1 + len(gains))
        self.lack = lack or stored.lack
        self._stored = stored
        self._gains = gains
        self._file = file
        self._format = picture_format
        self._limits = limits
        self._base: tuple[Image.Image, int, tuple[int, int]] | None = None

    def frame(self, number: int) -> Frame:
        """Decode the picture, as stored or changed by a map."""
        if number == 0:
            return self._stored.frame(0)
        gain, file = self._gains[number - 1]
        if self._base is None:
            base = self._coloured(self._file)
            self._base = (*reduced(base), base.full)
        image, scale, full = self._base
        # Only the map at the size of the picture counts.
        gain_map = self._coloured(file).image.convert("RGB")
        shown = gain.shown(image, gain_map.resize(image.size, BILINEAR))
        return Frame(image=shown, number=number, full=full, scale=scale)

    def _coloured(self, file: BinaryIO) -> Frame:
        reader = JPEGReader(file, self._format, self._limits, in_colours=True)
        return reader.frame(0)


BILINEAR: Final = Image.Resampling.BILINEAR
"""The resampling of a map to the size of a picture."""


def reduced(frame: Frame) -> tuple[Image.Image, int]:
    """Return the reduced colours of a frame, and the factor of the reduction.

    Raises:
        OverBudgetError: There are too many of them.
    """
    width, height = frame.image.size
    by = next(
        (
            item
            for item in _SCALES
            if frame.scale * item == _SCALES[-1]
            or width * height <= _ENOUGH_PIXELS * item**2
        ),
        1,
    )
    if width * height > _MOST_PIXELS * by**2:
        raise OverBudgetError(Reason.TOO_MANY_PIXELS)
    image = frame.image.reduce(by) if by > 1 else frame.image
    return image.convert("RGB"), frame.scale * by


def open_jpeg(file: BinaryIO, picture_format: Format, limits: DecodeLimits) -> Reader:
    """Open a JPEG with the gain maps that change it on a usual screen.

    Args:
        file: The JPEG, seekable.
        picture_format: The format.
        limits: The limits of the cost of a frame.

    Raises:
        BadPictureError: There is no picture in it.
        OverBudgetError: It has too many scans, or is too large for them.
    """
    stored = JPEGReader(file, picture_format, limits)
    if not any(map(_hints_at_more, stored.segments)):
        return stored
    gains, lack = _gains(file, stored.segments)
    if not gains and lack is None:
        return stored
    if needs_conversion(stored.profile):
        # Chromium computes in the primaries of the profile.
        lack = Reason.UNDECODABLE
    return GainedReader(stored, gains, file, picture_format, limits, lack=lack)


def _hints_at_more(segment: bytes) -> bool:
    """Return whether a segment is of a JPEG that may have a gain map."""
    if segment.startswith((INDEX_START, GAIN_START)):
        return True
    is_packet = segment.startswith((PACKET_START, LONG_PACKET_START))
    return is_packet and _HINTS.search(segment, len(LONG_PACKET_START)) is not None


def _gains(
    file: BinaryIO, segments: Sequence[bytes]
) -> tuple[list[tuple[Gain, BinaryIO]], Reason | None]:
    """Return the maps that change a picture, and the reason if some are missing."""
    size = file.seek(0, io.SEEK_END)
    if size > _MOST_HELD_BYTES:
        return [], Reason.UNDECODABLE
    file.seek(0)
    data = file.read()
    found: list[tuple[Gain, BinaryIO]] = []
    lack: Reason | None = None
    room = _MOST_PACKET_BYTES
    for number, start in enumerate(sorted(places_of(data, segments))):
        if number >= _MOST_PLACES or len(found) > _MOST_MAPS:
            return found[:_MOST_MAPS], Reason.UNDECODABLE
        part = _rest_of(file, start, size)
        head = _rest_of(file, start, min(size, start + _MOST_HEAD_BYTES))
        found_in_head = jpegscans.head_segments(head)
        if found_in_head is None:
            # It is not a picture, or its head is too long.
            lack = lack if start + _MOST_HEAD_BYTES >= size else Reason.UNDECODABLE
            continue
        boxes, packets = _metadata(found_in_head)
        room -= sum(
            len(packet) + _BYTES_PER_MARK * packet.count(b"<") for packet in packets
        )
        if room < 0:
            return found, Reason.UNDECODABLE
        try:
            gain = _gain(boxes, packets)
        except BadGainMapError:
            lack = Reason.UNDECODABLE
            continue
        if gain is not None and gain.weight and _has_picture(part):
            found.append((gain, part))
    return found, lack


def _rest_of(file: BinaryIO, start: int, size: int) -> BinaryIO:
    """Return a file of some bytes of another file."""

    def read(position: int, count: int) -> bytes:
        file.seek(start + position)
        return file.read(count)

    return made_file(size - start, read)


def _has_picture(file: BinaryIO) -> bool:
    """Return whether a JPEG can be opened."""
    try:
        with Image.open(file, formats=("JPEG",)):
            return True
    except DECODER_ERRORS:
        return False


def places_of(data: bytes, segments: Sequence[bytes]) -> set[int]:
    """Return the offsets at which a second picture may begin.

    Args:
        data: The JPEG.
        segments: The segments of its head.
    """
    starts = set(_indexed(data, segments))
    last = looked_at = 0
    marks = heapq.merge(*(_marks(data, mark) for mark in _MAP_MARKS))
    for at in islice(marks, _MOST_PLACES * 4 + 1):
        # The bytes before the last mark were looked at.
        found = data.rfind(picturemagic.JPEG, looked_at, at + len(picturemagic.JPEG))
        last = found if found >= 0 else last
        looked_at = at
        starts.add(last)
    return {start for start in starts if start > 0}


def _marks(data: bytes, mark: bytes) -> Iterator[int]:
    """Yield the offsets of a mark, or of the beginning of a picture within it."""
    inner = max(0, mark.find(picturemagic.JPEG))
    at = data.find(mark)
    while at >= 0:
        yield at + inner
        at = data.find(mark, at + 1)


def _indexed(data: bytes, segments: Sequence[bytes]) -> Iterator[int]:
    """Yield the offsets of the pictures of an index (CIPA DC-007, 5.2.3)."""
    for segment in segments:
        if not segment.startswith(INDEX_START):
            continue
        # Offsets are counted from the byte after the segment's name.
        origin = data.find(segment) + len(INDEX_START)
        body = segment[len(INDEX_START) :]
        order = "<" if body[:2] == b"II" else ">"
        for offset in _offsets(body, order):
            if data.startswith(picturemagic.JPEG[:2], origin + offset):
                yield origin + offset


def _offsets(body: bytes, order: str) -> Iterator[int]:
    """Yield the offsets in an index, up to its end."""
    try:
        (at,) = struct.unpack_from(f"{order}4xI", body)
        (count,) = struct.unpack_from(f"{order}H", body, at)
        for number in range(count):
            tag, _, length, start = struct.unpack_from(
                f"{order}HHII", body, at + 2 + 12 * number
            )
            if tag != _INDEX_ENTRIES:
                continue
            for entry in range(min(length // _ENTRY_BYTES, _MOST_PLACES)):
                place = start + _ENTRY_BYTES * entry
                yield struct.unpack_from(f"{order}8xI", body, place)[0]
    except struct.error:
        return


def _metadata(segments: Sequence[bytes]) -> tuple[list[bytes], list[bytes]]:
    """Return the boxes of ISO 21496-1 and the packets of XMP in some segments."""
    boxes, packets, parts = [], [], []
    for segment in segments:
        if segment.startswith(GAIN_START):
            boxes.append(segment[len(GAIN_START) :])
        elif segment.startswith(PACKET_START):
            packets.append(segment[len(PACKET_START) :])
        elif segment.startswith(LONG_PACKET_START):
            parts.append(segment[len(LONG_PACKET_START) :])
    if parts:
        # The offset of the part follows a digest and the whole length.
        parts.sort(key=lambda part: part[36:_LONG_PACKET_HEAD])
        packets.append(b"".join(part[_LONG_PACKET_HEAD:] for part in parts))
    return boxes, packets


def _gain(boxes: Sequence[bytes], packets: Sequence[bytes]) -> Gain | None:
    """Return the parameters of a gain map from the metadata of its picture."""
    found = [*map(gain_of_box, boxes), *map(gain_of_packet, packets)]
    that_count = [gain for gain in found if gain is not None]
    # Any of them may count: one that has an effect comes first.
    return max(that_count, key=lambda gain: abs(gain.weight), default=None)
