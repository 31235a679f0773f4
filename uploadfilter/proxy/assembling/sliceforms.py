"""Read a form that may bring a slice of a file, out of the spool that holds it."""

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from urllib.parse import parse_qsl
from zlib import crc32

from uploadfilter.inspection.commands import KeepSlice, Where
from uploadfilter.inspection.upload import Upload
from uploadfilter.uploads.assembly.webforms import Slice, read_slice
from uploadfilter.uploads.body import canonical
from uploadfilter.uploads.body.canonical import BodyPart

_MOST_FIELD_BYTES: Final = 4096
_MOST_FIELDS: Final = 100
"""Fields that may hold the words of an uploader: none sends more than some ten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivedSlice:
    """A slice that has arrived whole.

    Attributes:
        slice: Its place in the file.
        parts: The parts of its form.
        file: Index of the part that holds the bytes of the file.
        checksum: CRC-32 of these bytes, by which a slice that comes again is known.
        names: Digest of the names that the form gives to the file.
        charset: The charset that the head names for the form.
    """

    slice: Slice
    parts: Sequence[BodyPart]
    file: int
    checksum: int
    names: str
    charset: str | None

    def type_of(self, boundary: bytes) -> str:
        """Return the type of the form that is encoded anew."""
        return canonical.form_content_type(boundary, self.charset)


def read_part(
    upload: Upload, parts: Sequence[BodyPart], index: int
) -> AsyncIterator[bytes]:
    """Yield the bytes of a part of a form that brings a slice."""
    start = sum(part.length for part in parts[:index])
    return upload.spools[Where.CONTENTS].read(start, parts[index].length)


async def arrived_slice(upload: Upload, command: KeepSlice) -> ArrivedSlice | None:
    """Read the words of a form; ``None`` if they are of no known uploader."""
    parts, head = command.parts, upload.arrival.head
    files = [n for n, part in enumerate(parts) if _file_name_of(part) is not None]
    longest = max((p.length for p in parts if _file_name_of(p) is None), default=0)
    if len(files) != 1 or longest > _MOST_FIELD_BYTES:
        return None
    if any(part.undone_length for part in parts):
        return None
    (file,) = files
    file_name = _file_name_of(parts[file]) or ""
    fields = await _fields_of(upload, parts)
    query = head.target.partition("?")[2]
    try:
        asked = parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        return None
    # resumable.js says everything twice, in the query and in the form.
    fields += [each for each in asked if each not in fields]
    ranges = head.values(b"content-range")
    found = read_slice(
        fields,
        content_range=ranges[0].decode("latin-1") if ranges else None,
        file_name=file_name,
    )
    if not isinstance(found, Slice) or len(ranges) > 1:
        return None
    checksum = 0
    async for data in read_part(upload, parts, file):
        checksum = crc32(data, checksum)
    return ArrivedSlice(
        slice=found,
        parts=parts,
        file=file,
        checksum=checksum,
        names=_digest_names(file_name, fields),
        charset=command.charset,
    )


def _digest_names(file_name: str, fields: Sequence[tuple[str, str]]) -> str:
    """Return a digest of the names of a file, which are those of all its slices.

    Many scripts of origins append a slice to the file of its name, whatever id it has.
    """
    names = {each for each in fields if _A_NAME.search(each[0])}
    text = repr((file_name, sorted(names)))
    return sha256(text.encode("utf-8", "backslashreplace")).hexdigest()


_A_NAME: Final = re.compile(r"(?:\A|file_?|dz|qq)name\Z|path\Z", re.IGNORECASE)
"""Names of fields with the name or the path of a file, as the uploaders have them."""


async def _fields_of(
    upload: Upload, parts: Sequence[BodyPart]
) -> list[tuple[str, str]]:
    """Return names and values of the plain fields that are not empty."""
    found: list[tuple[str, str]] = []
    for index, part in enumerate(parts):
        is_field = _file_name_of(part) is None and part.length > 0
        if is_field and len(found) < _MOST_FIELDS:
            pieces = [data async for data in read_part(upload, parts, index)]
            value = b"".join(pieces).decode("utf-8", "surrogateescape")
            found.append((_unquoted(dict(part.names)["name"]), value))
    return found


def _file_name_of(part: BodyPart) -> str | None:
    """Return the file name of a part; ``None`` if it is no file."""
    named = dict(part.names)
    return _unquoted(named["filename"]) if "filename" in named else None


def _unquoted(text: str) -> str:
    return text[1:-1] if text[:1] == text[-1:] == '"' and len(text) > 1 else text
