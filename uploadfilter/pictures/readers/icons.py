"""Read icons and cursors: each entry is a separate picture.

Pillow shows only one entry, and does not check the size of entries before it reads
masks.
"""

import io
import struct
from collections.abc import Callable
from dataclasses import replace
from typing import BinaryIO

from PIL import BmpImagePlugin, IcoImagePlugin

from uploadfilter.model import Reason
from uploadfilter.pictures.faults import BadPictureError
from uploadfilter.pictures.files import made_file
from uploadfilter.pictures.formats import Format
from uploadfilter.pictures.frame import Frame
from uploadfilter.pictures.limits import DecodeLimits, OverBudgetError, check_frame
from uploadfilter.pictures.reader import Reader, load, profile_of

Opener = Callable[[BinaryIO, DecodeLimits], Reader | None]

_LONGEST_SIDE = 1024
"""Longest side in pixels: the directory counts to 256, and the largest icons on sale
have 1,024. An icon may have 65,535 entries, and each costs a whole decode."""

_MOST_ENTRIES = 1000
"""Most entries that are read, at 3 µs each. Icons have about ten."""


def open_icon(
    data: bytes, picture_format: Format, limits: DecodeLimits, open_entry: Opener
) -> Reader:
    """Open an icon or a cursor: each entry is a separate picture, or a moving one.

    Args:
        data: The file.
        picture_format: The format.
        limits: The limits of an entry's cost.
        open_entry: Opens an entry that is a file of its own, within limits.

    Raises:
        BadPictureError: It has no entries.
    """
    return _Icon(data, picture_format, limits, open_entry).reader()


class _Icon:
    def __init__(
        self,
        data: bytes,
        picture_format: Format,
        limits: DecodeLimits,
        open_entry: Opener,
    ) -> None:
        count = int.from_bytes(data[4:6], "little")
        self.lack = Reason.KEY_FRAME_UNSEEN if count > _MOST_ENTRIES else None
        if self.lack is not None:
            data = data[:4] + _MOST_ENTRIES.to_bytes(2, "little") + data[6:]
        icon = as_icon(data)
        self._length = len(data)
        self._data = icon + bytes(_missing_bytes(icon))
        self._file = IcoImagePlugin.IcoFile(io.BytesIO(self._data))
        # Entries with the same bytes are the same picture.
        places = {(entry.offset, entry.size): entry for entry in self._file.entry}
        self._file.entry = list(places.values())
        self._format = picture_format
        self._limits = replace(
            limits, max_pixels=_LONGEST_SIDE * _LONGEST_SIDE, max_large_bytes=0
        )
        self._readers = [self._reader(entry, open_entry) for entry in places.values()]
        if not self._readers:
            raise BadPictureError("an icon without entries")
        # The entry, and the frame of it, that each frame is.
        self._frames = [
            (entry, frame)
            for entry, reader in enumerate(self._readers)
            for frame in range(1 if reader is None else len(reader.durations))
        ]

    def _reader(
        self, entry: IcoImagePlugin.IconHeader, open_entry: Opener
    ) -> Reader | None:
        start, data = entry.offset, self._data
        if not data.startswith(_PNG, start):
            return None
        # Browsers do not read how long an entry is.
        file = made_file(
            len(data) - start, lambda at, length: data[start + at : start + at + length]
        )
        reader = open_entry(file, self._limits)
        if reader is not None and reader.lack is not None:
            self.lack = reader.lack
        return reader

    def reader(self) -> Reader:
        count = len(self._frames)
        # Programs differ in the entry that they show.
        return Reader(
            frame=self._frame,
            durations=(0,) * count,
            lack=self.lack,
            keys=range(count),
        )

    def _frame(self, number: int) -> Frame:
        """Decode a frame; the first one is of the entry that Pillow shows."""
        entry, frame = self._frames[number]
        header, reader = self._file.entry[entry], self._readers[entry]
        is_cut = header.offset + header.size > self._length
        if reader is not None:
            shown = reader.frame(frame)
            return replace(
                shown, number=number, is_truncated=shown.is_truncated or is_cut
            )
        self._check(self._bitmap_size(header.offset))
        image = self._file.frame(entry)
        self._check(image.size)
        is_truncated = load(image)
        return Frame(
            image=image,
            number=number,
            full=image.size,
            profile=profile_of(image),
            is_truncated=is_truncated or is_cut,
        )

    def _check(self, size: tuple[int, int]) -> None:
        if max(size) > _LONGEST_SIDE:
            raise OverBudgetError(Reason.TOO_MANY_PIXELS)
        check_frame(
            size,
            self._limits,
            bytes_per_pixel=self._format.bytes_per_pixel,
            held_bytes=len(self._data),
        )

    def _bitmap_size(self, offset: int) -> tuple[int, int]:
        """Return the size of an entry that is a bitmap; its mask is read at opening."""
        if self._data.startswith(_PNG, offset):
            return 0, 0
        file = io.BytesIO(self._data)
        file.seek(offset)
        return BmpImagePlugin.DibImageFile(file).size


_PNG = b"\x89PNG"
_CURSOR_MAGIC, _ICON_MAGIC = b"\0\0\2\0", b"\0\0\1\0"
_ENTRY_BYTES = 16
_PNG_DEPTH = 32


def _missing_bytes(icon: bytes) -> int:
    """Return the number of zeros that an icon needs for its masks to be read.

    Returns:
        The number of bytes; 0 if nothing is missing, or more than the icon has.
    """
    count = int.from_bytes(icon[4:6], "little")
    ends = [
        sum(struct.unpack_from("<II", icon, 6 + _ENTRY_BYTES * index + 8))
        for index in range(min(count, (len(icon) - 6) // _ENTRY_BYTES))
    ]
    missing = max(ends, default=0) - len(icon)
    return missing if 0 < missing <= len(icon) else 0


_BITMAP = struct.Struct("<IiiHHI12xI")
_OLD_BITMAP_BYTES = 12
_BITMAP_BYTES = 40
_LONGEST_ENTRY = 0xFFFFFFFF
"""Longest entry in bytes: the sides of a bitmap may require more than a directory can
hold."""

_PACKED_FROM, _MASKS = 1, 3


def as_icon(data: bytes) -> bytes:
    """Return an icon or a cursor as an icon with a correct directory.

    Pillow opens one entry of a cursor, without its mask. The fields of a cursor's hot
    spot are planes and depth in an icon. Pillow takes the depth and the length of a
    bitmap from the directory; browsers take them from the bitmap.
    """
    icon = bytearray(data)
    is_cursor = data.startswith(_CURSOR_MAGIC)
    icon[:4] = _ICON_MAGIC if is_cursor else data[:4]
    count = int.from_bytes(data[4:6], "little")
    for index in range(min(count, (len(data) - 6) // _ENTRY_BYTES)):
        entry = 6 + _ENTRY_BYTES * index
        offset = int.from_bytes(data[entry + 12 : entry + 16], "little")
        depth, length = _bitmap_of(data, offset)
        if is_cursor:
            struct.pack_into("<HH", icon, entry + 4, 1, depth or _PNG_DEPTH)
        elif depth:
            struct.pack_into("<H", icon, entry + 6, depth)
        stated = int.from_bytes(data[entry + 8 : entry + 12], "little")
        is_sound = 0 < stated <= len(data) - offset
        if not is_sound:
            # Browsers ignore it: they show any picture that begins there.
            length = length or max(0, len(data) - offset)
        if length and (offset + length <= len(data) or not is_sound):
            # Even Pillow writes masks that are too short.
            struct.pack_into("<I", icon, entry + 8, min(length, _LONGEST_ENTRY))
    return bytes(icon)


def icon_of(file: BinaryIO) -> bytes | None:
    """Return an icon whose only entry is a bitmap without a file header.

    Programs and animated cursors contain bare bitmaps of icons: twice as high as the
    shown picture, with a mask after the colours.

    Returns:
        ``None`` if its numbers are not those of an icon, or its mask is missing.
    """
    file.seek(0)
    head = file.read(_BITMAP.size)
    _, length = _bitmap_of(head, 0)
    if head.startswith(b"BM") or not length:
        return None
    _, width, height, _, depth, *_ = _BITMAP.unpack(head)
    is_icon = 0 < width <= _SIDE_OF_ENTRY and 0 < height <= 2 * _SIDE_OF_ENTRY
    file.seek(0)
    data = file.read(length) if is_icon and height % 2 == 0 else b""
    if not data or len(data) < length:
        return None
    sides = (width % _SIDE_OF_ENTRY, height // 2 % _SIDE_OF_ENTRY)
    start = len(_ICON_MAGIC) + 2 + _ENTRY_BYTES
    entry = struct.pack("<4B2H2I", *sides, 0, 0, 1, depth, length, start)
    return _ICON_MAGIC + b"\1\0" + entry + data


_SIDE_OF_ENTRY = 256
"""Longest side that a directory can hold, in pixels; 0 stands for this many."""


def _bitmap_of(data: bytes, offset: int) -> tuple[int, int]:
    """Return the depth of an entry's bitmap, and its length with the mask.

    Returns:
        Zero for a number that the entry does not tell; both are zero for a PNG.
    """
    head = data[offset : offset + _BITMAP.size]
    if len(head) < _BITMAP.size or head.startswith(_PNG):
        return 0, 0
    size, width, height, _, depth, packing, colours = _BITMAP.unpack(head)
    if size == _OLD_BITMAP_BYTES:
        return int.from_bytes(head[10:12], "little"), 0
    if size < _BITMAP_BYTES or packing in range(_PACKED_FROM, _MASKS):
        return depth, 0
    palette = 4 * (colours or 1 << depth) if depth in {1, 4, 8} else 0
    masks = 12 if packing == _MASKS and size == _BITMAP_BYTES else 0
    bits = (depth, 1) if depth < _PNG_DEPTH else (depth,)
    row = sum(-(-abs(width) * each // 32) * 4 for each in bits)
    return depth, size + palette + masks + row * (abs(height) // 2)
