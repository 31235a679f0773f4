"""Say whether content holds something that this release does not look into.

A picture can stand behind another one, in the middle of any file, or in a string of
base64. Later releases carve and decode them; until then their presence makes a scan
incomplete. The answer is conservative: true may be by chance (one in 64 MiB of random
bytes), false means that nothing of the kind is there.

Rules this module keeps: linear time, whatever the bytes (measured: two to three
seconds per GiB), a copy of one stretch at a time, nothing decoded.
"""

import mmap
from collections.abc import Callable, Iterator

from uploadfilter.contents.magic import STRINGS, Kind, is_picture

Buffer = bytes | bytearray | memoryview | mmap.mmap

_STRETCH_BYTES = 1 << 20
"""Bytes copied and searched at a time; they stay in the cache."""

_OVERLAP_BYTES = 256
"""By how much stretches overlap: more than any magic or shortest string."""

_SHORTEST_STRING = 64
"""Characters of base64 that may hold a picture: 48 bytes are fewer than any has."""

_SAMPLING = 4
"""Every fourth byte is looked at first: a string of 64 has 16 of them in a row."""

_VARIETY = 12
"""Different characters that 64 of an encoded picture have at least; rulers of dashes
and padding have fewer."""

_ALPHABET = (
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    b"+/=-_"  # the standard and the URL alphabet
    b"%\\"  # percent-encoding, JSON's escapes
    b"\r\n"  # wrapped lines
)
_MEMBER, _OTHER = b"\1", b"\0"
_MEMBERS = bytes(byte in _ALPHABET for byte in range(256))
_RUN = _MEMBER * _SHORTEST_STRING
_SAMPLED_RUN = _MEMBER * (_SHORTEST_STRING // _SAMPLING)

_DATA_URI = b"data:image/"

_JPEG_MARKERS = frozenset({*range(0xC0, 0xD0), 0xDB, 0xDD, *range(0xE0, 0xF0), 0xFE})
"""Markers that may follow the start of an image."""


def holds_more(content: Buffer, *, kind: Kind) -> bool:
    """Say whether there is more in a content than its kind shows.

    In pictures, only further pictures are looked for: a string in their metadata is
    shown by nothing.

    Args:
        content: All its bytes.
        kind: What ``magic.sniff`` made of it.

    Returns:
        True if the magic of a picture stands anywhere but at the start, or, outside of
        pictures, a string that may encode one, or a ``data:`` URI of a picture.
    """
    view = memoryview(content)
    try:
        return _search(view, kind, _Patience())
    finally:
        # A mapped file cannot be closed while a view of it is alive.
        view.release()


class _Patience:
    """How many candidates may still be looked at before the answer is a plain yes.

    Bytes made of nothing but beginnings would otherwise cost a Python loop for each.
    """

    def __init__(self) -> None:
        self._left = _MOST_CANDIDATES

    def ends(self) -> bool:
        """Count one more candidate; true if it was one too many."""
        self._left -= 1
        return self._left < 0


_MOST_CANDIDATES = 20_000
"""A hundredth of a second of candidates; random bytes of 2 GiB hold 140 of them."""


def _search(view: memoryview, kind: Kind, patience: _Patience) -> bool:
    """Search a content stretch by stretch."""
    for at, piece in _stretches(view):
        if _has_picture(view, at, piece, patience):
            return True
        if is_picture(kind):
            continue
        if _has_string(piece, patience):
            return True
        if kind in STRINGS and _DATA_URI in piece.lower():
            return True
    return False


def _stretches(view: memoryview) -> Iterator[tuple[int, bytes]]:
    """Yield overlapping pieces and where they begin."""
    step = _STRETCH_BYTES - _OVERLAP_BYTES
    for start in range(0, max(len(view) - _OVERLAP_BYTES, 1), step):
        yield start, bytes(view[start : start + _STRETCH_BYTES])


def _has_picture(
    view: memoryview, start: int, piece: bytes, patience: _Patience
) -> bool:
    """Say whether a picture begins in a piece, but not at the content's first byte."""
    return any(
        patience.ends() or test(view, start + at)
        for magic, back, test in _PICTURES
        for at in _found(piece, magic)
        if start + at - back > 0
    )


def _found(piece: bytes, magic: bytes) -> Iterator[int]:
    """Yield every position of ``magic``."""
    at = piece.find(magic)
    while at >= 0:
        yield at
        at = piece.find(magic, at + 1)


def _is_jpeg(view: memoryview, at: int) -> bool:
    """Require a marker that may come first, and another one behind its segment."""
    if at + 6 > len(view):
        return False
    if view[at + 3] not in _JPEG_MARKERS:
        return False
    behind = at + 4 + int.from_bytes(view[at + 4 : at + 6], "big")
    return behind >= len(view) or view[behind] == 0xFF  # noqa: PLR2004  # any marker


def _is_png(view: memoryview, at: int) -> bool:
    """Require the header chunk that comes first."""
    return bytes(view[at + 12 : at + 16]) in {b"IHDR", b"CgBI"}


def _is_gif(view: memoryview, at: int) -> bool:
    """Require one of the two versions."""
    return bytes(view[at : at + 6]) in {b"GIF87a", b"GIF89a"}


def _is_webp(view: memoryview, at: int) -> bool:
    """Require the container that the name stands in."""
    return at >= _RIFF_BYTES and bytes(view[at - _RIFF_BYTES : at - 4]) == b"RIFF"


_RIFF_BYTES = 8
"""Bytes of a RIFF header before the name of what is in it."""

_Test = Callable[[memoryview, int], bool]

_PICTURES: tuple[tuple[bytes, int, _Test], ...] = (
    (b"\xff\xd8\xff", 0, _is_jpeg),
    (b"\x89PNG\r\n\x1a\n", 0, _is_png),
    (b"GIF8", 0, _is_gif),
    (b"WEBP", _RIFF_BYTES, _is_webp),
)
"""Magic, how many bytes before it the picture begins, and what else must hold.

Not ``BM`` and the like: two bytes are anywhere.
"""


def _has_string(piece: bytes, patience: _Patience) -> bool:
    """Say whether a piece has a long enough run of the alphabet, with some variety."""
    if _SAMPLED_RUN not in piece[::_SAMPLING].translate(_MEMBERS):
        return False
    members = piece.translate(_MEMBERS)
    start = members.find(_RUN)
    while start >= 0:
        end = members.find(_OTHER, start)
        end = len(piece) if end < 0 else end
        if _is_varied(piece[start:end], patience):
            return True
        start = members.find(_RUN, end)
    return False


def _is_varied(run: bytes, patience: _Patience) -> bool:
    """Say whether any 64 characters of a run have enough different ones."""
    return any(
        patience.ends() or len(set(run[at : at + _SHORTEST_STRING])) >= _VARIETY
        for at in range(0, len(run), _SHORTEST_STRING)
    )
