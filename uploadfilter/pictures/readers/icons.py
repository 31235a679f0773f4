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

    ``open_entry`` opens an entry that is a file of its own, within limits.
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
        self._data = data
        self._format = picture_format
        self._limits = replace(
            limits, max_pixels=_LONGEST_SIDE * _LONGEST_SIDE, max_large_bytes=0
        )
        directory = IcoImagePlugin.IcoFile(io.BytesIO(_ICON_MAGIC + data[4:]))
        # Entries that begin at one place are the same picture.
        self._entries = list({each.offset: each for each in directory.entry}.values())
        self._readers = [self._reader(each, open_entry) for each in self._entries]
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
        header, reader = self._entries[entry], self._readers[entry]
        if reader is not None:
            shown = reader.frame(frame)
            is_cut = header.offset + header.size > len(self._data)
            return replace(
                shown, number=number, is_truncated=shown.is_truncated or is_cut
            )
        length = _length_of(self._data, header.offset, stated=header.size)
        bitmap = self._data[header.offset : header.offset + length]
        # The mask is read at opening.
        self._check(BmpImagePlugin.DibImageFile(io.BytesIO(bitmap)).size)
        missing = length - len(bitmap)
        if missing <= len(self._data):
            bitmap += bytes(missing)
        image = IcoImagePlugin.IcoFile(io.BytesIO(_alone(bitmap))).frame(0)
        self._check(image.size)
        is_truncated = load(image)
        return Frame(
            image=image,
            number=number,
            full=image.size,
            profile=profile_of(image),
            is_truncated=is_truncated or missing > 0,
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


_PNG = b"\x89PNG"
_ICON_MAGIC = b"\0\0\1\0"
_ENTRY_BYTES = 16
_PNG_DEPTH = 32


def _length_of(data: bytes, offset: int, *, stated: int) -> int:
    """Return the length of the bitmap at an offset, with its mask.

    Browsers take it from the bitmap. The directory only counts where the bitmap tells
    none, or more than there is: even Pillow writes masks that are too short.
    """
    there = max(0, len(data) - offset)
    _, length = _bitmap_of(data[offset : offset + _BITMAP.size])
    if 0 < stated <= there and not 0 < length <= there:
        return stated
    return length or there


def _alone(bitmap: bytes) -> bytes:
    """Return an icon whose only entry is a bitmap.

    Pillow takes the depth and the length from the directory, which may say anything;
    in a cursor, the hot spot stands in the field of the depth.
    """
    depth, _ = _bitmap_of(bitmap[: _BITMAP.size])
    start = len(_ICON_MAGIC) + 2 + _ENTRY_BYTES
    entry = struct.pack("<4x2H2I", 1, depth or _PNG_DEPTH, len(bitmap), start)
    return _ICON_MAGIC + b"\1\0" + entry + bitmap


_BITMAP = struct.Struct("<IiiHHI12xI")
_OLD_BITMAP_BYTES = 12
_BITMAP_BYTES = 40
_PACKED_FROM, _MASKS = 1, 3


def icon_of(file: BinaryIO) -> bytes | None:
    """Return an icon whose only entry is a bitmap without a file header.

    Programs and animated cursors contain bare bitmaps of icons: twice as high as the
    shown picture, with a mask after the colours. ``None`` if its numbers are not those
    of an icon, or its mask is missing.
    """
    file.seek(0)
    head = file.read(_BITMAP.size)
    _, length = _bitmap_of(head)
    if head.startswith(b"BM") or not length:
        return None
    _, width, height, *_ = _BITMAP.unpack(head)
    is_icon = 0 < width <= _SIDE_OF_ENTRY and 0 < height <= 2 * _SIDE_OF_ENTRY
    file.seek(0)
    data = file.read(length) if is_icon and height % 2 == 0 else b""
    return _alone(data) if data and len(data) == length else None


_SIDE_OF_ENTRY = 256
"""Longest side that a directory can hold, in pixels."""


def _bitmap_of(head: bytes) -> tuple[int, int]:
    """Return the depth of an entry's bitmap, and its length with the mask.

    Zero for a number that the entry does not tell; both are zero for a PNG.
    """
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
