"""Read what headers of tus say in words of their own: checksums, parts, metadata."""

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from zlib import crc32

from uploadfilter.uploads.assembly.heads import refuse, target_of
from uploadfilter.uploads.head import codings, fields
from uploadfilter.uploads.head.plan import Refusal
from uploadfilter.uploads.head.request import RequestHead

_MOST_PARTS: Final = 256
"""Most partial uploads of a final one: clients send one for each connection, some ten,
and each is a file that is open and locked while it is joined."""

_TYPES: Final = ("filetype", "type", "contenttype", "content-type", "mimetype")
"""Names in metadata under which clients state the media type: ``filetype`` is that of
the examples of tus, ``type`` that of Uppy."""


class _RunningSum(Protocol):
    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedSum:
    """A stated checksum.

    Attributes:
        begin: Makes the sum.
        value: The stated value.
    """

    begin: Callable[[], _RunningSum]
    value: bytes


class _CRC32:
    """CRC-32 in the order of the network."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


_SUMS: Final[Mapping[bytes, Callable[[], _RunningSum]]] = {
    b"sha1": lambda: hashlib.sha1(usedforsecurity=False),
    b"md5": lambda: hashlib.md5(usedforsecurity=False),
    b"sha256": hashlib.sha256,
    b"sha512": hashlib.sha512,
    b"crc32": _CRC32,
}


def read_sum(head: RequestHead) -> StatedSum | Refusal | None:
    """Return the checksum that a request states for its bytes, or its refusal."""
    values = head.values(b"upload-checksum")
    if not values:
        return None
    name, _, value = values[0].partition(b" ")
    begin = _SUMS.get(name.lower())
    try:
        decoded = base64.b64decode(value.strip(), validate=True)
    except binascii.Error:
        decoded = b""
    if len(values) > 1 or begin is None or not decoded:
        return refuse("Upload-Checksum is malformed or not supported.")
    return StatedSum(begin=begin, value=decoded)


def read_type(head: RequestHead) -> str | None:
    """Return the media type that metadata claim, by a type or the ending of a name."""
    text = b",".join(head.values(b"upload-metadata"))
    found: dict[str, str] = {}
    for item in text.split(b","):
        name, _, value = item.strip().partition(b" ")
        try:
            decoded = base64.b64decode(value, validate=True)
        except binascii.Error:
            continue
        found[name.decode("latin-1").lower()] = decoded.decode("utf-8", "replace")
    types = (fields.parse_media_type(found[n]) for n in _TYPES if n in found)
    claimed = next((it.value for it in types if it is not None), None)
    return codings.claimed_type(claimed, found.get("filename", found.get("name")))


def read_parts(head: RequestHead, concat: bytes) -> Sequence[str] | Refusal:
    """Return the addresses of the uploads that a final one joins, or a refusal."""
    kind, _, listed = concat.partition(b";")
    parts = [target_of(part, head.target) for part in listed.split()]
    if kind != b"final" or not parts or head.has_body:
        return refuse("Upload-Concat is malformed.")
    if len(parts) > _MOST_PARTS or len(set(parts)) < len(parts):
        return refuse("Upload-Concat names too many uploads, or one twice.")
    return parts
