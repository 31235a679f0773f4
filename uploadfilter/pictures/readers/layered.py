"""Read pictures that this program joined: colours in one file, alpha in another.

A document may store a picture as a JPEG and its alpha as another file. No format can
hold both unchanged, so they are joined in a format of this program: a magic of eight
bytes, the length of the first file in eight bytes, the first file, the second file. A
picture and the profile that a document gives it are joined in a similar way: another
magic, the length of the profile, the profile, the picture. No other program writes
these formats; an upload in them is decoded like any picture.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import BinaryIO, Final

from PIL import Image

from uploadfilter.model import Reason
from uploadfilter.pictures import modes
from uploadfilter.pictures.faults import BadPictureError
from uploadfilter.pictures.files import made_file
from uploadfilter.pictures.formats import Format
from uploadfilter.pictures.frame import Frame
from uploadfilter.pictures.limits import DecodeLimits, check_frame
from uploadfilter.pictures.reader import Reader
from uploadfilter.pictures.sampling import Course

MAGIC: Final = b"\x89UFL\r\n\x1a\n"
"""The magic that ``contents/layering.py`` writes."""

PROFILED_MAGIC: Final = b"\x89UFP\r\n\x1a\n"
"""The same for a picture and its profile."""

_MOST_PROFILE_BYTES: Final = 4 * 1024 * 1024
_HEAD_BYTES: Final = 16

Opener = Callable[[BinaryIO], Reader | None]


class LayeredReader:
    """Colours and their alpha, each in a file.

    Args:
        file: The content, seekable, read from its beginning.
        picture_format: The format.
        limits: The limits of the cost of both together.
        opened: Opens either file.
    """

    durations: Sequence[int] = (0,)
    lack: Reason | None = None
    keys: Sequence[int] | None = None
    course: Course | None = None

    def __init__(
        self,
        file: BinaryIO,
        picture_format: Format,
        limits: DecodeLimits,
        opened: Opener,
    ) -> None:
        size = file.seek(0, 2)
        file.seek(0)
        head = file.read(_HEAD_BYTES)
        length = int.from_bytes(head[len(MAGIC) :], "big")
        if not head.startswith(MAGIC) or length > size - _HEAD_BYTES:
            raise BadPictureError("not two joined files")
        self._parts = (
            _part(file, _HEAD_BYTES, length),
            _part(file, _HEAD_BYTES + length, size - _HEAD_BYTES - length),
        )
        self._format = picture_format
        self._limits = limits
        self._opened = opened

    def frame(self, number: int) -> Frame:
        """Decode both, and combine them at the size of the larger one."""
        colours, alpha = (self._frame(part) for part in self._parts)
        shade = modes.luma_of(alpha.image)(alpha.image)
        image = _solid(colours.image)
        base = colours
        if shade.width * shade.height > image.width * image.height:
            image = image.resize(shade.size)
            base = alpha
        else:
            shade = shade.resize(image.size)
        image.putalpha(shade)
        keeps_profile = colours.image.mode != "CMYK"
        return replace(
            colours,
            image=image,
            number=number,
            full=base.full,
            scale=base.scale,
            profile=colours.profile if keeps_profile else None,
            other_profiles=colours.other_profiles if keeps_profile else (),
            is_truncated=colours.is_truncated or alpha.is_truncated,
            is_inverted=False,
            parts=(),
            load_colours=None,
        )

    def _frame(self, part: BinaryIO) -> Frame:
        reader = opened_with_profile(part, self._opened)
        if reader is None:
            raise BadPictureError("one of the two is not a picture")
        frame = reader.frame(0)
        check_frame(
            frame.image.size,
            self._limits,
            bytes_per_pixel=self._format.bytes_per_pixel,
        )
        return frame


class ProfiledReader:
    """A picture with a profile that replaces its own.

    Args:
        whole: The picture.
        profile: The profile.
    """

    course: Course | None = None

    def __init__(self, whole: Reader, profile: bytes) -> None:
        self.durations = whole.durations
        self.lack = whole.lack
        self.keys = whole.keys
        self._whole = whole
        self._profile = profile

    def frame(self, number: int) -> Frame:
        """Decode the picture."""
        return replace(self._whole.frame(number), profile=self._profile)


def open_layered(
    file: BinaryIO, picture_format: Format, limits: DecodeLimits, opened: Opener
) -> Reader | None:
    """Open a picture with its alpha, or with a profile; ``None`` if it is neither.

    Args:
        file: The content, seekable.
        picture_format: The format.
        limits: The limits of the cost of both together.
        opened: Opens either picture.
    """
    file.seek(0)
    head = file.read(len(MAGIC))
    if head == PROFILED_MAGIC:
        return opened_with_profile(file, opened)
    if head == MAGIC:
        return LayeredReader(file, picture_format, limits, opened)
    return None


def opened_with_profile(file: BinaryIO, opened: Opener) -> Reader | None:
    """Open a picture, with the profile that stands before it if there is one.

    Args:
        file: The content, seekable, read from its beginning.
        opened: Opens a picture by itself.
    """
    size = file.seek(0, 2)
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    if not head.startswith(PROFILED_MAGIC):
        return opened(file)
    length = int.from_bytes(head[len(PROFILED_MAGIC) :], "big")
    if length > min(size - _HEAD_BYTES, _MOST_PROFILE_BYTES):
        raise BadPictureError("no profile")
    profile = file.read(length)
    start = _HEAD_BYTES + length
    reader = opened(_part(file, start, size - start))
    return None if reader is None else ProfiledReader(reader, profile)


def _solid(image: Image.Image) -> Image.Image:
    """Return only the colours, in a mode to which alpha can be added."""
    if image.mode in {"L", "RGB"}:
        return image
    reading = modes.colours_of(image, "RGB")
    return reading(image) if reading is not None else image.convert("RGB")


def _part(file: BinaryIO, start: int, length: int) -> BinaryIO:
    """Return a part of a file as a file."""

    def read(position: int, count: int) -> bytes:
        file.seek(start + position)
        return file.read(count)

    return made_file(length, read)
