"""The lines of a signed file: entries to add, ids to remove.

::

    {"op":"add","id":"p-1","category":"1","md5":"…","pdq":"…","pdq_quality":87}
    {"op":"del","id":"p-2"}

An ``add`` is a JSON line of ``hashsets/FORMAT.md``, section 3, after its operation. It
replaces any entry of the set with the same id.

Rules this module keeps: it is pure; an entry has exactly one form, so that equal sets
give equal bytes; unpacked data has a limit that is checked during unpacking.
"""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from uploadfilter.errors import HashSetFormatError
from uploadfilter.model import FULL_WINDOW, Entry, SignalType

ADD: Final = b'{"op":"add",'
DELETE: Final = b'{"op":"del",'

MOST_BLOB_BYTES: Final = 256 << 20
"""Most bytes of one file, unpacked: 40,000 lines of a large set are 12 MB."""

_LEVEL: Final = 6
_GZIP_BITS: Final = 31
"""Parameter of zlib: gzip with the largest window, and a header without name and
time."""

MOST_ID_CHARACTERS: Final = 128


class _Deletion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    op: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Operations:
    """The operations of one file.

    Attributes:
        additions: JSON lines as in section 3, each with its line end.
        added: Number of these lines.
        deleted: Ids to remove, in the order of the file.
    """

    additions: bytes
    added: int
    deleted: tuple[str, ...]


def addition(entry: Entry) -> bytes:
    """Return the one line that adds an entry, with its line end."""
    item: dict[str, Any] = {"op": "add", "id": entry.id, "category": entry.category}
    if entry.exact_only:
        item["exact_only"] = True
    if _is_short(entry):
        by_type = {part.signal.type: part for part in entry.signals}
        for kind in SignalType:
            part = by_type.get(kind)
            if part is not None:
                item[kind.value] = part.signal.value.hex()
                if part.quality is not None:
                    item[f"{kind.value}_quality"] = part.quality
    else:
        item["signals"] = sorted(map(_general, entry.signals), key=_encoded)
    return _encoded(item) + b"\n"


def deletion(entry_id: str) -> bytes:
    """Return the one line that removes an entry, with its line end."""
    return _encoded({"op": "del", "id": entry_id}) + b"\n"


def id_of(line: bytes) -> str:
    """Return the id of a line that this module wrote."""
    found: str = msgspec.json.decode(line)["id"]
    return found


def packed(lines: Iterable[bytes]) -> bytes:
    """Return lines as gzip, the same bytes for the same lines."""
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP_BITS)
    parts = [packer.compress(line) for line in lines]
    return b"".join([*parts, packer.flush()])


def unpacked(data: bytes, *, most_bytes: int = MOST_BLOB_BYTES) -> bytes:
    """Return the content of a gzip file of one member.

    Raises:
        HashSetFormatError: It is not a gzip file, is cut off, continues after its end,
            or holds more.
    """
    unpacker = zlib.decompressobj(_GZIP_BITS)
    try:
        text = unpacker.decompress(data, most_bytes + 1)
    except zlib.error as exc:
        raise _damaged(f"not a gzip file ({exc})") from exc
    if len(text) > most_bytes:
        raise _damaged(f"more than {most_bytes:,} bytes when it is unpacked")
    if not unpacker.eof or unpacker.unused_data:
        raise _damaged("cut off, or has bytes after its end")
    return text


def operations(text: bytes) -> Operations:
    """Return the operations in the lines of a file.

    The reader of JSON lines parses the lines that add; here they are only counted.

    Raises:
        HashSetFormatError: A line is neither operation, or the last line has no end.
    """
    if text and not text.endswith(b"\n"):
        raise _damaged("cut off: its last line has no end")
    additions, deleted = [], []
    for number, line in enumerate(text.split(b"\n")[:-1], 1):
        if line.startswith(ADD):
            additions.append(b"{" + line[len(ADD) :])
        elif line.startswith(DELETE):
            deleted.append(_deleted_id(line, number))
        else:
            raise _damaged(f"malformed: line {number} neither adds nor deletes")
    joined = b"\n".join([*additions, b""])
    return Operations(additions=joined, added=len(additions), deleted=tuple(deleted))


def withdrawals(text: bytes) -> tuple[str, ...]:
    """Return the ids of a list of withdrawals, which can contain nothing else.

    Raises:
        HashSetFormatError: A line is not a ``del``.
    """
    found = operations(text)
    if found.added:
        raise _damaged(f"a list of withdrawals, but adds {found.added} entries")
    return found.deleted


def _is_short(entry: Entry) -> bool:
    types = [part.signal.type for part in entry.signals]
    return len(set(types)) == len(types) and all(
        part.geometry is None and part.window == FULL_WINDOW for part in entry.signals
    )


def _general(part: Any) -> dict[str, Any]:  # noqa: ANN401 - an EntrySignal
    item: dict[str, Any] = {
        "type": part.signal.type.value,
        "value": part.signal.value.hex(),
    }
    if part.quality is not None:
        item["quality"] = part.quality
    if part.geometry is not None:
        item["geometry"] = part.geometry.value
    if part.window != FULL_WINDOW:
        item["window"] = part.window
    return item


def _encoded(item: object) -> bytes:
    return msgspec.json.encode(item)


def _deleted_id(line: bytes, number: int) -> str:
    try:
        found = msgspec.json.decode(line, type=_Deletion).id
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise _damaged(f"malformed: line {number} has no id to delete") from exc
    if not 0 < len(found) <= MOST_ID_CHARACTERS or not found.isprintable():
        raise _damaged(f"malformed: line {number} has an impossible id")
    return found


def _damaged(what: str) -> HashSetFormatError:
    return HashSetFormatError(
        f"a file of the signed set is {what}",
        hint="Nothing was changed. Tell the issuer: the signatures are valid, so the "
        "issuer published it in this form.",
    )
