"""Read icons and cursors: each entry is a picture of its own.

Pillow shows one entry of each, and checks the size of none before it reads masks.
"""

import io
import struct
from collections.abc import Sequence

from PIL import BmpImagePlugin, IcoImagePlugin

from uploadfilter.model import Reason
from uploadfilter.signals.faults import BadPictureError
from uploadfilter.signals.formats import Format
from uploadfilter.signals.frame import Frame
from uploadfilter.signals.limits import DecodeLimits, OverBudgetError, check_frame
from uploadfilter.signals.readers import load, profile_of

_LONGEST_SIDE = 1024
"""Pixels: the directory counts to 256, and the largest icons on sale have 1,024. There
may be 65,535 of them, and each costs a whole decode."""


class IconReader:
    """An icon or a cursor: each entry is a picture of its own.

    Args:
        data: The file.
        picture_format: The format.
        limits: What an entry may cost.

    Raises:
        BadPictureError: It has no entries.
    """

    lack: Reason | None = None
    passing_pixels = 0

    def __init__(
        self, data: bytes, picture_format: Format, limits: DecodeLimits
    ) -> None:
        icon = as_icon(data)
        self._length = len(data)
        self._data = icon + bytes(_missing_bytes(icon))
        self._file = IcoImagePlugin.IcoFile(io.BytesIO(self._data))
        # Entries that are the same bytes are the same picture.
        places = {(entry.offset, entry.size): entry for entry in self._file.entry}
        self._file.entry = list(places.values())
        self._format = picture_format
        self._limits = limits
        if not self._file.entry:
            raise BadPictureError("an icon without entries")
        self.durations: Sequence[int] = tuple(
            entry.square for entry in self._file.entry
        )

    def frame(self, number: int) -> Frame:
        """Decode an entry; Pillow's order begins with the one that it shows."""
        header = self._file.entry[number]
        self._check(self._bitmap_size(header.offset))
        image = self._file.frame(number)
        self._check(image.size)
        is_truncated = load(image)
        return Frame(
            image=image,
            number=number,
            full=image.size,
            profile=profile_of(image),
            is_truncated=is_truncated or header.offset + header.size > self._length,
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
        """Return the size of an entry that is a bitmap, whose mask is read at once."""
        if self._data.startswith(b"\x89PNG", offset):
            return 0, 0
        file = io.BytesIO(self._data)
        file.seek(offset)
        return BmpImagePlugin.DibImageFile(file).size


_CURSOR_MAGIC, _ICON_MAGIC = b"\0\0\2\0", b"\0\0\1\0"
_ENTRY_BYTES = 16
_PNG_DEPTH = 32


def _missing_bytes(icon: bytes) -> int:
    """Return how many zeros an icon needs, so that its masks can be read.

    Returns:
        The number of bytes; 0 if nothing is missing, or more than there is.
    """
    count = int.from_bytes(icon[4:6], "little")
    ends = [
        sum(struct.unpack_from("<II", icon, 6 + _ENTRY_BYTES * index + 8))
        for index in range(min(count, (len(icon) - 6) // _ENTRY_BYTES))
    ]
    missing = max(ends, default=0) - len(icon)
    return missing if 0 < missing <= len(icon) else 0


def as_icon(data: bytes) -> bytes:
    """Return a cursor as the icon that it is, but for the hot spots.

    Pillow opens one entry of a cursor, without its mask. Where a cursor has its hot
    spot, an icon has its planes and its depth.

    Args:
        data: An icon, returned as it is, or a cursor.
    """
    if not data.startswith(_CURSOR_MAGIC):
        return data
    icon = bytearray(data)
    icon[:4] = _ICON_MAGIC
    count = int.from_bytes(data[4:6], "little")
    for index in range(min(count, (len(data) - 6) // _ENTRY_BYTES)):
        entry = 6 + _ENTRY_BYTES * index
        offset = int.from_bytes(data[entry + 12 : entry + 16], "little")
        depth = data[offset + 14 : offset + 16]
        if data.startswith(b"\x89PNG", offset) or len(depth) < 2:  # noqa: PLR2004
            depth = _PNG_DEPTH.to_bytes(2, "little")
        icon[entry + 4 : entry + 8] = b"\1\0" + depth
    return bytes(icon)
