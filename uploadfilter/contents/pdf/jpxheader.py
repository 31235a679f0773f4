"""Read the colours of a JPEG 2000 file, as far as a document can override them.

A document gives a picture in JPEG 2000 another colour space, or keeps the one of the
file. If both are the same, one reading is enough.

Rules this module keeps: boxes are skipped, and no pixel is decoded.

Source:
    ISO/IEC 15444-1, annex I; ISO 32000-2:2020, 7.4.9 "JPXDecode filter".
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

_FILE: Final = b"\0\0\0\x0cjP  \r\n\x87\n"
_CODES: Final = b"\xff\x4f\xff\x51"
_MOST_BOXES: Final = 1000
_PLAIN_SPACES: Final = frozenset({16, 17})
"""The numbers (``EnumCS``) of sRGB and grey."""

_KNOWN_SPACES: Final = _PLAIN_SPACES | {0, 12, 15, 18}
"""Also black and white, four inks, and luma with two colour differences."""

_ENUMERATED: Final = 1
_TO_COUNT: Final = 36
"""Bytes from the length of a ``SIZ`` segment to the number of components."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Jpx:
    """A picture in JPEG 2000.

    Attributes:
        codes: Its codestream, without the boxes of a file.
        count: Number of its components; 0 if unknown.
        is_plain: Whether a file around it says of the colours only that they are grey,
            or red, green and blue.
        is_known: Whether decoders know the colour space that the file names.
        profile: The ICC profile that the file holds; empty if there is none.
    """

    codes: bytes
    count: int
    is_plain: bool = True
    is_known: bool = True
    profile: bytes = b""


def read_jpx(data: bytes) -> Jpx | None:
    """Read a file or a bare codestream; ``None`` if it is neither."""
    if data.startswith(_CODES):
        return Jpx(codes=data, count=_count_of(data))
    if not data.startswith(_FILE):
        return None
    codes, said = b"", _Said()
    for name, start, end in _boxes(data, 0, len(data)):
        if name == b"jp2h":
            said.read(data, start, end)
        elif name == b"jp2c" and not codes:
            codes = data[start:end]
    count = _count_of(codes)
    if not count:
        return None
    return Jpx(
        codes=codes,
        count=count,
        is_plain=not said.has_palette
        and not said.profile
        and len(said.spaces) == 1
        and said.spaces <= _PLAIN_SPACES,
        is_known=said.spaces <= _KNOWN_SPACES,
        profile=said.profile,
    )


@dataclass(slots=True)
class _Said:
    """The colours as the headers of a file describe them."""

    spaces: set[int] = field(default_factory=set)
    profile: bytes = b""
    has_palette: bool = False

    def read(self, data: bytes, start: int, end: int) -> None:
        """Read the boxes of one header."""
        for name, body, behind in _boxes(data, start, end):
            if name in {b"pclr", b"cmap"}:
                self.has_palette = True
            elif name == b"colr" and data[body] == _ENUMERATED:
                self.spaces.add(int.from_bytes(data[body + 3 : body + 7], "big"))
            elif name == b"colr":
                self.profile = self.profile or data[body + 3 : behind]


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield the name of each box, and the start and end of its body."""
    for _ in range(_MOST_BOXES):
        if start + 8 > end:
            return
        length, name = struct.unpack_from(">I4s", data, start)
        body = start + 8
        if length == 1 and start + 16 <= end:
            (length,) = struct.unpack_from(">Q", data, body)
            body += 8
        behind = end if length == 0 else start + length
        if behind < body:
            return
        yield name, body, min(behind, end)
        start = behind


def _count_of(codes: bytes) -> int:
    """Return the number of components of a codestream."""
    if not codes.startswith(_CODES):
        return 0
    at = len(_CODES) + _TO_COUNT
    return int.from_bytes(codes[at : at + 2], "big")
