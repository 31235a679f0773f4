"""Recognise a picture that is uploaded in slices which say nothing about each other.

Uploaders exist whose slices no head and no field tells apart from whole files. Each
slice is an upload of its own: the first is a truncated picture, and the others are data
that no magic begins. This module looks at one content at a time, and remembers for each
client and route what it saw, so that slices may come in any order, with others between
them. What it finds is an alarm for the operator. It is no verdict.

What continues a picture is told by its structure, which data by chance does not have:

- JPEG: in entropy-coded data 0xFF is followed by 0x00 or a restart marker (T.81,
  B.1.1.5 and B.1.1.2), or a scan ends there. In other data one 0xFF in 21 is.
- PNG: a chunk IDAT at whose end another one, or IEND, begins; or the last twelve bytes.
- GIF: sub-blocks of 255 bytes, one behind the other.
- WebP, BMP, AVIF, HEIC: their first bytes state a length, which the sizes of the slices
  add up to.

Rules this module keeps: it is told the time; its memory is bounded, for each client and
in all; it reads at most ``LOOKED_AT_BYTES`` of a content, whatever its length.
"""

import re
import struct
from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

LOOKED_AT_BYTES: Final = 64 * 1024
"""First bytes of a content that are looked at. Those of a JPEG hold some hundreds of
0xFF, and to count them takes a twentieth of a millisecond."""

TAIL_BYTES: Final = 12
"""Last bytes of a content that are looked at: the last chunk of a PNG."""

LEAST_BYTES: Final = 1024
"""Shortest content that can continue a picture. Shorter ones hold too little structure,
and fields of forms are shorter."""

ENOUGH: Final = 16
"""Marks of structure that all continuing contents must have together. A content has
them by chance with a probability below 1 in 10 ** 18."""

WITHIN_S: Final = 300.0
"""Seconds between two slices of a picture: a slow phone sends one in less."""

MOST_KEYS: Final = 10_000
"""Clients and routes that are remembered, the last ones; some 500 bytes each."""

_MOST_SIZES: Final = 64
_LEAST_VALUES: Final = 176
"""Different bytes in each 1,024 of entropy-coded data, which have some 230. Programs
have some 120, and rows of equal pixels, masks and silence fewer."""

_VALUES_IN: Final = 1024
_STRETCHES: Final = 4
_GOOD_FOR_BAD: Final = 4
"""Proper uses of 0xFF for each improper one. Tables between the scans of a progressive
JPEG hold some of the latter."""

_LEAST_VALUES_OF_GIF: Final = 96
"""The same as ``_LEAST_VALUES``, for LZW codes of a picture with few colours."""

_LEAST_BLOCKS: Final = 4
_BLOCK: Final = 256
_MOST_FULL: Final = 4
"""Bytes 0xFF for each length of a sub-block: rows of them are no lengths."""

_PNG_MAGIC: Final = b"\x89PNG\r\n\x1a\n"
_PNG_END: Final = b"\0\0\0\0IEND\xaeB`\x82"
_JPEG_MAGIC: Final = b"\xff\xd8\xff"
_MAGIC: Final = {"jpeg": _JPEG_MAGIC, "png": _PNG_MAGIC}
_PROPER: Final = re.compile(rb"\xff[\0\xd0-\xd7\xc4\xd9\xda]")
_IDAT: Final = re.compile(rb"IDAT")
_DATA: Final = "data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one content may be of a picture in slices.

    Attributes:
        size: Its length in bytes.
        begins: The format of the picture that it begins and does not end; else empty.
        left: Bytes of the picture that are missing; ``None`` if that is not stated.
        continues: For each format that it may continue, how many marks say so.
    """

    size: int
    begins: str = ""
    left: int | None = None
    continues: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceAlarm:
    """Uploads of one client that look like one picture in slices.

    Attributes:
        earlier: Id of the decision on another one of them.
        format: The format of the picture.
        is_accepted: Whether both were accepted.
    """

    earlier: str
    format: str
    is_accepted: bool


def is_of_interest(kind: str, size: int, *, is_broken: bool) -> bool:
    """Tell, without its bytes, whether a content may be a slice of a picture.

    Args:
        kind: Its kind, by its first bytes.
        size: Its length in bytes.
        is_broken: Whether it is a picture that ends too early.
    """
    if is_broken:
        return kind in _LENGTHS
    return kind == _DATA or 0 < size < len(_PNG_MAGIC)


def look_at(kind: str, size: int, head: bytes, tail: bytes) -> Look | None:
    """Look at a content; ``None`` if it says nothing.

    Args:
        kind: Its kind; it is of interest, see ``is_of_interest``.
        size: Its length in bytes.
        head: Its first bytes, ``LOOKED_AT_BYTES`` if it has as many.
        tail: Its last bytes, ``TAIL_BYTES`` if it has as many.
    """
    if kind in _LENGTHS:
        total = _LENGTHS[kind](head)
        left = None if total is None or total <= size else total - size
        return Look(size=size, begins=kind, left=left)
    for name, magic in _MAGIC.items():
        if size and magic.startswith(head):
            return Look(size=size, begins=name)
    continues = _continued(head, tail)
    return (
        Look(size=size, continues=continues)
        if continues or size >= LEAST_BYTES
        else None
    )


def _continued(head: bytes, tail: bytes) -> dict[str, int]:
    """Return the marks of structure by format."""
    png = _chunks_of_png(head, tail)
    found = {"png": png} if png else {}
    if len(head) < LEAST_BYTES:
        return found
    uses = _uses_of_jpeg(head)
    blocks = 0 if uses else _blocks_of_gif(head)
    if uses and _is_dense(head, _LEAST_VALUES):
        found["jpeg"] = uses
    elif blocks and _is_dense(head, _LEAST_VALUES_OF_GIF):
        found["gif"] = blocks
    return found


def _is_dense(data: bytes, least: int) -> bool:
    """Tell whether data has many different bytes everywhere after its first kilobyte.

    The tables of a JPEG may stand in that.
    """
    step = max((len(data) - _VALUES_IN) // _STRETCHES, 1)
    ends = range(len(data), max(len(data) - step * _STRETCHES, _VALUES_IN - 1), -step)
    return all(len(set(data[end - _VALUES_IN : end])) >= least for end in ends)


def _uses_of_jpeg(data: bytes) -> int:
    """Return the proper uses of 0xFF, if nearly all of them are proper."""
    every = data.count(b"\xff") - data.endswith(b"\xff")
    if data.count(b"\xff\0") * _GOOD_FOR_BAD < every // 2:
        return 0  # most proper uses are these
    good = len(_PROPER.findall(data))
    bad = every - good
    return good if _GOOD_FOR_BAD * bad <= good else 0


def _chunks_of_png(head: bytes, tail: bytes) -> int:
    """Return ``ENOUGH`` if two chunks stand one behind the other, or the last one."""
    if _PNG_MAGIC in head:
        return 0  # a whole one, which is found by itself
    if tail.endswith(_PNG_END):
        return ENOUGH
    for found in _IDAT.finditer(head, 4):
        at = found.start()
        behind = at + 8 + int.from_bytes(head[at - 4 : at], "big")
        if head[behind + 4 : behind + 8] in {b"IDAT", b"IEND"}:
            return ENOUGH
    return 0


def _blocks_of_gif(data: bytes) -> int:
    """Return the sub-blocks of 255 bytes that stand one behind the other."""
    most = 0
    for at in range(min(_BLOCK, len(data))):
        if data[at] == _BLOCK - 1:
            lengths = data[at::_BLOCK]
            run = len(lengths) - len(lengths.lstrip(b"\xff"))
            is_cut = run == len(lengths) or run >= ENOUGH
            most = max(most, run) if is_cut else most
    is_stretch = most >= _LEAST_BLOCKS and data.count(b"\xff") <= _MOST_FULL * most
    return most if is_stretch else 0


# --- Lengths that the first bytes state -----------------------------------------------


def _unstated(_: bytes) -> None:
    return None


def _length_of_riff(head: bytes) -> int | None:
    return _number("<I", head, 4, more=8)


def _length_of_bmp(head: bytes) -> int | None:
    return _number("<I", head, 2)


def _length_of_boxes(head: bytes) -> int | None:
    """Return the end of the first box that ends behind ``head`` (ISO 14496-12, 4.2)."""
    at = 0
    while at + 8 <= len(head):
        size = _number(">I", head, at) or 0
        if size == 1:
            size = _number(">Q", head, at + 8) or 0
        if size < 8:  # noqa: PLR2004 - its own header; 0 means up to the end
            return None
        at += size
    return at if at > len(head) else None


def _number(form: str, data: bytes, at: int, more: int = 0) -> int | None:
    size = struct.calcsize(form)
    if len(data) < at + size:
        return None
    (found,) = struct.unpack_from(form, data, at)
    return int(found) + more


_LENGTHS: Final = {
    **dict.fromkeys(("jpeg", "png", "gif"), _unstated),
    "webp": _length_of_riff,
    "bmp": _length_of_bmp,
    **dict.fromkeys(("avif", "heic"), _length_of_boxes),
}
"""The formats that are told apart, by the names of kinds."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """A slice that was seen: the id of its decision, and whether it was accepted."""

    id: str
    is_accepted: bool
    left: int | None = None
    marks: int = 0


@dataclass(slots=True)
class _Memory:
    """The slices of one client on one route."""

    last_s: float
    begun: dict[str, _Seen] = field(default_factory=dict)
    continuing: dict[str, _Seen] = field(default_factory=dict)
    sizes: deque[int] = field(default_factory=lambda: deque(maxlen=_MOST_SIZES))


class SliceWatch:
    """Remembers slices of pictures, and says when they make one."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, _Memory] = OrderedDict()

    def __len__(self) -> int:
        """Return the number of clients and routes that are remembered."""
        return len(self._known)

    def saw(
        self, key: str, look: Look, *, decision: str, is_accepted: bool, now_s: float
    ) -> SliceAlarm | None:
        """Take a content that was looked at.

        Args:
            key: Its client and route.
            look: The look.
            decision: Id of the decision on its upload.
            is_accepted: Whether the origin gets it.
            now_s: Monotonic seconds.

        Returns:
            The alarm, if it makes a picture with an earlier one; once for each picture.
        """
        memory = self._known.get(key)
        if memory is not None and now_s - memory.last_s > WITHIN_S:
            del self._known[key]
            memory = None
        if memory is None:
            if not (look.begins or look.continues):
                return None
            memory = self._known[key] = _Memory(last_s=now_s)
        memory.last_s = now_s
        self._known.move_to_end(key)
        while len(self._known) > MOST_KEYS:
            self._known.popitem(last=False)
        seen = _Seen(decision, is_accepted, left=look.left)
        if look.begins:
            return _begun(memory, look.begins, seen)
        return _continuing(memory, look, seen)


def _begun(memory: _Memory, kind: str, seen: _Seen) -> SliceAlarm | None:
    """Take the beginning of a picture; what continues it may have come before."""
    memory.sizes.clear()
    other = memory.continuing.get(kind)
    if other is None or other.marks < ENOUGH:
        memory.begun[kind] = seen
        return None
    del memory.continuing[kind]
    return _alarm(kind, other, seen)


def _continuing(memory: _Memory, look: Look, seen: _Seen) -> SliceAlarm | None:
    """Take a content that may continue a picture."""
    memory.sizes.append(look.size)
    for kind, marks in look.continues.items():
        before = memory.continuing.get(kind, _Seen("", is_accepted=True))
        marks_now = before.marks + marks
        if kind in memory.begun and marks_now >= ENOUGH:
            memory.continuing.pop(kind, None)
            return _alarm(kind, memory.begun.pop(kind), seen)
        is_accepted = seen.is_accepted and before.is_accepted
        memory.continuing[kind] = _Seen(seen.id, is_accepted, marks=marks_now)
    return _added_up(memory, seen)


def _added_up(memory: _Memory, seen: _Seen) -> SliceAlarm | None:
    """Tell whether the last contents are as long as a picture lacks bytes."""
    for kind, begun in memory.begun.items():
        left = begun.left
        for size in reversed(memory.sizes if left is not None else ()):
            left = (left or 0) - size
            if left <= 0:
                break
        if left == 0:
            return _alarm(kind, memory.begun.pop(kind), seen)
    return None


def _alarm(kind: str, earlier: _Seen, seen: _Seen) -> SliceAlarm:
    return SliceAlarm(
        earlier=earlier.id,
        format=kind,
        is_accepted=earlier.is_accepted and seen.is_accepted,
    )
