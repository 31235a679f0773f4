"""Read the simple formats of Netpbm: bitmaps, grey and colour maps, and ``P7``.

Pillow takes half a microsecond for each sample that is text, has more than 8 bits or
another maximum than 255, and much more for comments. Here all of them are read row by
row.

Rules this module keeps: rows are converted a band at a time; a picture with samples
above the maximum is refused, since each reader shows it in another way.

Source:
    Netpbm, "pbm", "pgm", "ppm" and "pam" (section 5 of its manual).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from uploadfilter.model import Reason
from uploadfilter.pictures.faults import BadPictureError
from uploadfilter.pictures.formats import Format
from uploadfilter.pictures.frame import Frame
from uploadfilter.pictures.limits import DecodeLimits, check_frame
from uploadfilter.pictures.sampling import Course

_HEAD_BYTES: Final = 4096
"""Bytes in which a header must end: no honest file has longer comments."""

_BAND_BYTES: Final = 4_000_000
_MOST_MAXIMUM: Final = 65_535
_MOST_SAMPLE_BYTES: Final = 8
"""Most bytes of text for each sample: five digits and separators."""

_TEXT_BYTES: Final = 64
"""Bytes of memory for a pixel whose samples are text: the text, and a number for each.
"""

_TEXT: Final = frozenset({b"P1", b"P2", b"P3"})
_BITS: Final = frozenset({b"P1", b"P4"})
_CHANNELS: Final = {b"P3": 3, b"P6": 3}
_BYTE: Final = 255
_MODES: Final = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}

_BLANK: Final = rb"(?:#[^\r\n]*[\r\n]|\s)"
_NUMBER: Final = re.compile(_BLANK + rb"+(\d{1,7})")
_LINE: Final = re.compile(rb"\s*+(?:#[^\n]*|(\w+)[ \t]*([^\n]*?))\s*\n")
_COMMENT: Final = re.compile(rb"#[^\r\n]*")

Samples = NDArray[np.uint8] | NDArray[np.uint16]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    """The header of a file.

    Attributes:
        magic: Its first two bytes.
        width: Pixels.
        height: Pixels.
        channels: Samples of one pixel.
        maximum: Highest value of a sample.
        start: Offset of the samples.
    """

    magic: bytes
    width: int
    height: int
    channels: int
    maximum: int
    start: int

    @property
    def row_bytes(self) -> int:
        """Return the bytes of a row that is not text."""
        if self.magic == b"P4":
            return -(-self.width // 8)
        return self.width * self.channels * (2 if self.maximum > _BYTE else 1)


class AnymapReader:
    """One picture of Netpbm.

    Args:
        file: The content, seekable.
        picture_format: Its format.
        limits: The limits of its cost.

    Raises:
        BadPictureError: It is not such a picture.
    """

    durations: Sequence[int] = (0,)
    keys: Sequence[int] | None = None
    course: Course | None = None

    def __init__(
        self, file: BinaryIO, picture_format: Format, limits: DecodeLimits
    ) -> None:
        file.seek(0)
        self._head = _head_of(file.read(_HEAD_BYTES))
        self._file = file
        self._format = picture_format
        self._limits = limits
        self.lack = Reason.KEY_FRAME_UNSEEN if self._has_more() else None

    def frame(self, number: int) -> Frame:
        """Decode the picture, up to the end of the file."""
        head = self._head
        is_text = head.magic in _TEXT
        check_frame(
            (head.width, head.height),
            self._limits,
            bytes_per_pixel=_TEXT_BYTES if is_text else self._format.bytes_per_pixel,
        )
        image = Image.new(_MODES[head.channels], (head.width, head.height))
        top = 0
        for rows in _rows(head, self._file):
            image.paste(_image(rows, head), (0, top))
            top += len(rows)
        if not top:
            raise BadPictureError("no whole row")
        return Frame(
            image=image,
            number=number,
            full=image.size,
            is_truncated=top < head.height,
        )

    def _has_more(self) -> bool:
        """Return whether another picture follows; some readers show it as a frame."""
        head = self._head
        if head.magic in _TEXT:
            return False
        self._file.seek(head.start + head.row_bytes * head.height)
        try:
            _head_of(self._file.read(_HEAD_BYTES).lstrip())
        except BadPictureError:
            return False
        return True


def _head_of(data: bytes) -> _Head:
    """Read a header."""
    magic = data[:2]
    if magic == b"P7":
        return _pam_head(data)
    if magic not in {b"P1", b"P2", b"P3", b"P4", b"P5", b"P6"}:
        raise BadPictureError("no magic of Netpbm")
    at, numbers = 2, []
    for _ in range(2 if magic in _BITS else 3):
        found = _NUMBER.match(data, at)
        if found is None:
            raise BadPictureError("no number in the header")
        numbers.append(int(found[1]))
        at = found.end()
    if not data[at : at + 1].isspace():
        raise BadPictureError("no space after the header")
    width, height, *rest = numbers
    return _sound(
        _Head(
            magic=magic,
            width=width,
            height=height,
            channels=_CHANNELS.get(magic, 1),
            maximum=rest[0] if rest else 1,
            start=at + 1,
        )
    )


def _pam_head(data: bytes) -> _Head:
    """Read the header of the newest form, which has a line for each field."""
    fields: dict[bytes, bytes] = {}
    at = 2
    while (line := _LINE.match(data, at)) is not None:
        at = line.end()
        if line[1] == b"ENDHDR":
            break
        if line[1]:
            fields[line[1]] = line[2]
    try:
        numbers = [
            int(fields[key]) for key in (b"WIDTH", b"HEIGHT", b"DEPTH", b"MAXVAL")
        ]
    except (KeyError, ValueError) as exc:
        raise BadPictureError("no number in the header") from exc
    width, height, channels, maximum = numbers
    return _sound(
        _Head(
            magic=b"P7",
            width=width,
            height=height,
            channels=channels,
            maximum=maximum,
            start=at,
        )
    )


def _sound(head: _Head) -> _Head:
    """Return a header whose numbers are valid."""
    is_sound = (
        head.width > 0
        and head.height > 0
        and head.channels in _MODES
        and 0 < head.maximum <= _MOST_MAXIMUM
    )
    if not is_sound:
        raise BadPictureError("an invalid number in the header")
    return head


def _rows(head: _Head, file: BinaryIO) -> Iterator[Samples]:
    """Yield bands of rows, shape (rows, width, channels), up to the file's end."""
    file.seek(head.start)
    count = max(1, _BAND_BYTES // max(1, head.row_bytes))
    if head.magic in _TEXT:
        samples = _from_text(head, file)
        per_row = head.width * head.channels
        whole = len(samples) // per_row * per_row
        if whole:
            yield samples[:whole].reshape(-1, head.width, head.channels)
        return
    for top in range(0, head.height, count):
        rows = min(count, head.height - top)
        data = file.read(rows * head.row_bytes)
        whole = len(data) // head.row_bytes
        if whole:
            yield _from_bytes(head, data[: whole * head.row_bytes], whole)
        if whole < rows:
            return


def _from_bytes(head: _Head, data: bytes, rows: int) -> Samples:
    """Return the samples of whole rows."""
    if head.magic == b"P4":
        bits = np.unpackbits(np.frombuffer(data, np.uint8).reshape(rows, -1), axis=1)
        ones: Samples = 1 - bits[:, : head.width, None]
        return ones
    shape = rows, head.width, head.channels
    if head.maximum > _BYTE:
        return np.frombuffer(data, ">u2").astype(np.uint16).reshape(shape)
    return np.frombuffer(data, np.uint8).reshape(shape)


def _from_text(head: _Head, file: BinaryIO) -> Samples:
    """Return the samples that are written as text, in one row."""
    count = head.width * head.height * head.channels
    text = _COMMENT.sub(b" ", file.read(count * _MOST_SAMPLE_BYTES))
    if head.magic == b"P1":
        digits = np.frombuffer(text, np.uint8)
        bits = digits[(digits == ord("0")) | (digits == ord("1"))]
        ones: Samples = (1 - (bits[:count] - ord("0"))).astype(np.uint8)
        return ones
    if text.translate(None, b"0123456789 \t\r\n\f\v"):
        raise BadPictureError("no number among the samples")
    values = np.fromstring(text.decode("ascii"), np.uint32, count=-1, sep=" ")
    if values.size and values.max() > head.maximum:
        raise BadPictureError("a sample is above the maximum")
    samples: Samples = values[:count].astype(np.uint16)
    return samples


def _image(samples: Samples, head: _Head) -> Image.Image:
    """Return a band of rows as a picture."""
    if head.maximum != _BYTE:
        if samples.max() > head.maximum:
            raise BadPictureError("a sample is above the maximum")
        steps = np.arange(head.maximum + 1, dtype=np.float64) * (_BYTE / head.maximum)
        samples = np.rint(steps).astype(np.uint8)[samples]
    samples = samples.astype(np.uint8, copy=False)
    return Image.fromarray(samples[:, :, 0] if head.channels == 1 else samples)
