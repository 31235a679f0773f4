r"""Read and write the file of a known-good corpus.

::

    "uploadfilter-kg\n"    16 bytes
    length of the head     4 bytes, big-endian
    head                   JSON, see ``Head``
    sections               each begins at a multiple of 64: values, qualities, digests
    SHA-256                of everything before it

A *value* is 256 bits of PDQ in full geometry, most significant byte first. A picture
has one (upright) or four: upright, mirrored, flipped, turned by 180 degrees; the other
four variants are these four with rows and columns of bits swapped. The digests of one
type are sorted, one after the other, each once.

Rules this module keeps: a file is written whole or not at all, for its owner alone;
reading maps the file, so that memory does not grow with it; a file that was changed,
cut off or made by a newer version is an error.
"""

import hashlib
import mmap
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from uploadfilter.errors import HashSetKnownGoodError
from uploadfilter.model import EXACT_TYPES, SignalType
from uploadfilter.reference.entries.secret import EXACT_KEY_BYTES
from uploadfilter.state import PRIVATE_FILE, make_private, sync_directory

FORMAT: Final = 1

MOST_PICTURES: Final = 1 << 22
"""Four million pictures: their values take half a gigabyte, and a gate takes
minutes."""

KEYED: Final = "keyed"
"""Stands in place of the types: digests are keyed by the secret of one installation."""

EACH: Final = (1, 4)
"""Values of a picture: one for upright alone, or four for four of its variants."""

_MAGIC: Final = b"uploadfilter-kg\n"
_MOST_HEAD_BYTES: Final = 1 << 20
_ALIGNMENT: Final = 64
_SUM_BYTES: Final = 32
_CHUNK_BYTES: Final = 1 << 20
_VALUE_BYTES: Final = SignalType.PDQ.width_bytes
_LENGTH_BYTES: Final = 4

WIDTHS: Final[Mapping[str, int]] = {
    **{kind.value: kind.width_bytes for kind in EXACT_TYPES},
    KEYED: EXACT_KEY_BYTES,
}
"""Bytes of one digest, by the name of its section in the head."""


class Head(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The head of a corpus.

    Attributes:
        each: Number of values of each picture, see ``EACH``.
        digests: Number of digests, by type, or under ``KEYED``.
        secret: ``Secret.check_value`` of the secret that keys the digests; empty if
            they are not keyed.
        sources: The packages that it was made from, with versions, for people.
    """

    format: int
    pictures: int = 0
    each: int = 4
    digests: dict[str, int] = {}
    secret: str = ""
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """A corpus that was read; its arrays lie in the mapped file.

    Attributes:
        sha256: SHA-256 of the file, in hex; it identifies the corpus.
        values: PDQ, shape (pictures, each, 4), big-endian numbers of 64 bits.
        qualities: Qualities of the pictures, 0 to 100.
        digests: By type or ``KEYED``, shape (count, width), sorted.
    """

    head: Head
    sha256: str
    values: NDArray[np.uint64]
    qualities: NDArray[np.uint8]
    digests: Mapping[str, NDArray[np.uint8]]


def write(
    path: Path,
    head: Head,
    *,
    values: bytes,
    qualities: bytes,
    digests: Mapping[str, Iterable[bytes]],
) -> str:
    """Write a corpus.

    Args:
        path: The file, which is replaced.
        head: The head; its numbers must fit the data.
        values: PDQ of all pictures.
        qualities: One byte for each picture.
        digests: By the keys of ``head.digests``: sorted digests, in pieces.

    Returns:
        SHA-256 of the file, in hex.

    Raises:
        HashSetKnownGoodError: It could not be written; an existing file is unchanged.
    """
    new = path.with_name(path.name + ".tmp")
    try:
        make_private(path.parent)
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
        try:
            with os.fdopen(fd, "wb") as file:
                digest = hashlib.sha256()
                for piece in _pieces(head, values, qualities, digests):
                    digest.update(piece)
                    file.write(piece)
                file.write(digest.digest())
                file.flush()
                os.fsync(file.fileno())
            new.replace(path)
        finally:
            new.unlink(missing_ok=True)
        sync_directory(path.parent)
    except OSError as exc:
        raise unwritable(path, exc) from exc
    return digest.hexdigest()


def _pieces(
    head: Head,
    values: bytes,
    qualities: bytes,
    digests: Mapping[str, Iterable[bytes]],
) -> Iterator[bytes]:
    text = msgspec.json.encode(head)
    start = _MAGIC + len(text).to_bytes(_LENGTH_BYTES) + text
    at = 0
    for section in ((start,), (values,), (qualities,), *digests.values()):
        for piece in section:
            at += len(piece)
            yield piece
        room = -at % _ALIGNMENT
        at += room
        yield bytes(room)


def read(path: Path) -> Corpus:
    """Map a corpus, after every byte of it was checked.

    Raises:
        HashSetKnownGoodError: It is missing, damaged, not a corpus, or of a newer
            version.
    """
    with opened(path) as file:
        return read_file(path, file)


def read_file(path: Path, file: BinaryIO) -> Corpus:
    """Map a corpus that is open, after every byte of it was checked.

    Raises:
        HashSetKnownGoodError: It is damaged, not a corpus, or of a newer version.
    """
    try:
        size = os.fstat(file.fileno()).st_size
        if size < len(_MAGIC) + _LENGTH_BYTES + _SUM_BYTES:
            raise _damaged(path, "it is too short")
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as exc:
        raise _unreadable(path, exc) from exc
    return _parsed(path, mapped)


def opened(path: Path) -> BinaryIO:
    """Open a file for reading.

    Raises:
        HashSetKnownGoodError: The file cannot be opened.
    """
    try:
        return path.open("rb")
    except OSError as exc:
        raise _unreadable(path, exc) from exc


def is_corpus(head: bytes) -> bool:
    """Tell by the first bytes of a file whether it is a corpus."""
    return head.startswith(_MAGIC)


def _unreadable(path: Path, exc: OSError) -> HashSetKnownGoodError:
    return HashSetKnownGoodError(
        f"cannot read {str(path)!r}: {exc.strerror}",
        hint="Nothing was changed. Check the path, and that this user may read it. A "
        "known-good corpus of the state directory is restored from the backup, or "
        "removed: 'uploadfilter hashset remove NAME --known-good'.",
    )


def _parsed(path: Path, mapped: mmap.mmap) -> Corpus:
    if mapped[: len(_MAGIC)] != _MAGIC:
        raise HashSetKnownGoodError(
            f"{str(path)!r} is not a known-good corpus",
            hint="Make one with 'uploadfilter hashset known-good'.",
        )
    end = len(mapped) - _SUM_BYTES
    digest = hashlib.sha256()
    for at in range(0, end, _CHUNK_BYTES):
        digest.update(mapped[at : min(at + _CHUNK_BYTES, end)])
    if digest.digest() != mapped[end:]:
        raise _damaged(path, "its SHA-256 does not match")
    head, at = _head(path, mapped)
    sections = {
        "values": head.pictures * head.each * _VALUE_BYTES,
        "qualities": head.pictures,
        **{name: count * WIDTHS[name] for name, count in head.digests.items()},
    }
    found = {}
    for name, length in sections.items():
        at += -at % _ALIGNMENT
        if at + length > end:
            raise _damaged(path, "it is shorter than its head says")
        found[name] = np.frombuffer(mapped, np.uint8, count=length, offset=at)
        at += length
    if at + (-at % _ALIGNMENT) != end:
        raise _damaged(path, "it is longer than its head says")
    shape = (head.pictures, head.each, _VALUE_BYTES // 8)
    return Corpus(
        head=head,
        sha256=digest.hexdigest(),
        values=found["values"].view(">u8").reshape(shape),
        qualities=found["qualities"],
        digests={n: found[n].reshape(-1, WIDTHS[n]) for n in head.digests},
    )


def _head(path: Path, mapped: mmap.mmap) -> tuple[Head, int]:
    start = len(_MAGIC) + _LENGTH_BYTES
    length = int.from_bytes(mapped[len(_MAGIC) : start])
    if length > min(_MOST_HEAD_BYTES, len(mapped)):
        raise _damaged(path, "its head is too long")
    try:
        head = msgspec.json.decode(mapped[start : start + length], type=Head)
    except msgspec.DecodeError as exc:
        raise _damaged(path, str(exc)) from exc
    is_known = set(head.digests) <= set(WIDTHS) and head.each in EACH
    counts = (head.pictures, *head.digests.values())
    if head.format != FORMAT or not is_known or min(counts) < 0:
        raise _damaged(path, "a newer version made it, or another program")
    if head.pictures > MOST_PICTURES:
        raise _damaged(path, f"it has more than {MOST_PICTURES:,} pictures")
    return head, start + length


def unwritable(path: Path, exc: OSError) -> HashSetKnownGoodError:
    """Return the error for a file that could not be written."""
    return HashSetKnownGoodError(
        f"cannot write {str(path)!r}: {exc.strerror}",
        hint="Make room on the disk, or check that the folder is writable.",
    )


def _damaged(path: Path, why: str) -> HashSetKnownGoodError:
    return HashSetKnownGoodError(
        f"the known-good corpus {str(path)!r} is damaged: {why}",
        hint="Nothing was changed. Make or get it again, and import it again.",
    )
