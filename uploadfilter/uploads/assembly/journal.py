"""The lines by which an upload in pieces outlives the process that began it.

A line is a checksum, a space, JSON and a newline. The first line is the head of the
upload; each further one is a step that is durable. Rules this module keeps:

- The bytes of a piece are on disk before its line is.
- A last line without its newline was being written when a process ended: nobody was
  told about it, and it does not count.
- Any other line that cannot be read, or that contradicts the ones before, makes the
  whole upload unknown. Half of an upload is never taken for the upload.
"""

from dataclasses import dataclass, field
from typing import Final, TypeAlias
from zlib import crc32

import msgspec

from uploadfilter.uploads.assembly.assembly import Assembly, HeldPiece

VERSION: Final = 3
MOST_BYTES: Final = 4 * 1024 * 1024
"""Longest journal that is read: ten thousand pieces take some 500 KB."""


class UploadHead(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The facts about an upload that are known when it begins.

    Attributes:
        v: Version of the format.
        protocol: Its protocol, as the route names it.
        created: Seconds since the epoch.
        client: Keyed hash of its client, for quotas; empty if no client is known.
        total: Its length in bytes; ``None`` if it is not known yet.
        most: Longest upload of its route, in bytes.
        is_part: Whether it waits for others when it is complete, to be one upload with
            them: a partial upload of tus, or a part of S3.
        notes: What its protocol has to know at its end; never a cookie or a
            password.
    """

    v: int = VERSION
    protocol: str
    created: int
    client: str
    total: int | None
    most: int
    is_part: bool = False
    notes: dict[str, str] = {}


class Undone(msgspec.Struct, frozen=True, tag="undone"):
    """The last piece does not count."""


class Decided(msgspec.Struct, frozen=True, tag="decided"):
    """The replay of the upload may have begun, by this decision."""

    decision: str


Step: TypeAlias = HeldPiece | Undone | Decided


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """An upload as its journal has it.

    Attributes:
        head: Its head.
        assembly: Its state.
        length: Bytes of the journal that count; a torn line follows them.
    """

    head: UploadHead
    assembly: Assembly = field(compare=False)
    length: int


def line(item: UploadHead | Step) -> bytes:
    """Write one line."""
    text = msgspec.json.encode(item)
    return b"%08x %s\n" % (crc32(text), text)


def restore(data: bytes) -> Restored | None:
    """Read a journal; ``None`` if it is damaged, so that the upload is unknown."""
    end = data.rfind(b"\n") + 1
    lines = data[:end].splitlines()
    try:
        texts = [_text(item) for item in lines]
        head = _HEAD.decode(texts[0])
        if head.v != VERSION:
            return None
        assembly = Assembly(total=head.total, most_bytes=head.most)
        for text in texts[1:]:
            _take(assembly, _STEP.decode(text))
    except (ValueError, IndexError):
        return None
    return Restored(head=head, assembly=assembly, length=end)


_HEAD: Final = msgspec.json.Decoder(UploadHead)
_STEP: Final = msgspec.json.Decoder(Step)


def _text(item: bytes) -> bytes:
    """Return the JSON of a line.

    Raises:
        ValueError: The line is not as it was written.
    """
    check, _, text = item.partition(b" ")
    if check != b"%08x" % crc32(text):
        raise ValueError("a line of a journal is damaged")
    return text


def _take(assembly: Assembly, step: Step) -> None:
    """Repeat a step.

    Raises:
        ValueError: It contradicts the steps before.
    """
    match step:
        case HeldPiece():
            assembly.add(step)
        case Undone():
            assembly.undo()
        case Decided():
            assembly.decide()
