"""List the files that stand in only some trees of the image of a disc.

A disc may have two trees: one with the short names of ISO 9660, and one with the names
of Windows (Joliet). They usually list the same files. But each reader uses only one of
them, so that only some readers show a file which stands in only one tree.

Rules this module keeps: each folder is read once; at most as many records are read as
the caller says; a file is where its record says, and nothing is unpacked.

Source:
    ECMA-119, 8.4 to 8.5 "Volume Descriptors", 9.1 "Directory Record".
"""

import struct
from collections import deque
from collections.abc import Iterator
from typing import Final, NamedTuple

from uploadfilter.contents.source import Source

_SECTOR_BYTES: Final = 2048
_FIRST_DESCRIPTOR: Final = 16
_MOST_DESCRIPTORS: Final = 16
_TREES: Final = (b"\1CD001", b"\2CD001")
_END: Final = b"\xffCD001"

_RECORD: Final = struct.Struct("<BBL4xL4x7xB6xB")
_FOLDER: Final = 2
_SELF_AND_PARENT: Final = frozenset({b"\0", b"\1"})
_ROOT_AT: Final = 156
_BLOCK_SIZE_AT: Final = 128
_MOST_FOLDER_BYTES: Final = 4 * 1024 * 1024
"""Bytes that are read of one folder: the records of forty thousand files."""


class File(NamedTuple):
    """The place of a file on a disc."""

    offset: int
    size: int


def listed_apart(source: Source, most: int) -> dict[File, str]:
    """Return the files that only some trees list, of ``most`` records in each tree."""
    trees = [dict(_files(source, root, most)) for root in _roots(source)]
    everywhere = set[File].intersection(*map(set, trees)) if trees else set()
    return {
        file: name
        for tree in trees
        for file, name in tree.items()
        if file not in everywhere
    }


class _Root(NamedTuple):
    folder: File
    block_bytes: int


def _roots(source: Source) -> Iterator[_Root]:
    for number in range(_FIRST_DESCRIPTOR, _FIRST_DESCRIPTOR + _MOST_DESCRIPTORS):
        descriptor = source.read(number * _SECTOR_BYTES, _SECTOR_BYTES)
        if len(descriptor) < _SECTOR_BYTES or descriptor.startswith(_END):
            return
        if descriptor.startswith(_TREES):
            size = descriptor[_BLOCK_SIZE_AT : _BLOCK_SIZE_AT + 2]
            block_bytes = int.from_bytes(size, "little") or _SECTOR_BYTES
            _, attributes, at, length, _, _ = _RECORD.unpack_from(descriptor, _ROOT_AT)
            folder = File((at + attributes) * block_bytes, length)
            yield _Root(folder, block_bytes)


def _files(source: Source, root: _Root, most: int) -> Iterator[tuple[File, str]]:
    waiting, known, read = deque([root.folder]), {root.folder.offset}, 0
    while waiting and read < most:
        folder = waiting.popleft()
        data = source.read(folder.offset, min(folder.size, _MOST_FOLDER_BYTES))
        for file, name, is_folder in _records(data, root.block_bytes):
            read += 1
            if read > most:
                return
            if not is_folder:
                yield file, name
            elif file.offset not in known:
                known.add(file.offset)
                waiting.append(file)


def _records(data: bytes, block_bytes: int) -> Iterator[tuple[File, str, bool]]:
    at = 0
    while at + _RECORD.size <= len(data):
        length, attributes, block, size, flags, name_bytes = _RECORD.unpack_from(
            data, at
        )
        if length < _RECORD.size:
            # No record crosses the end of a sector.
            at = (at // _SECTOR_BYTES + 1) * _SECTOR_BYTES
            continue
        name = data[at + _RECORD.size : at + _RECORD.size + name_bytes]
        at += length
        if name not in _SELF_AND_PARENT:
            file = File((block + attributes) * block_bytes, size)
            text = name.replace(b"\0", b"").partition(b";")[0].decode("latin-1")
            yield file, text, bool(flags & _FOLDER)
