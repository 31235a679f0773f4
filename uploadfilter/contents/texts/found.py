"""Test decoded bytes: those that count are given as ``Encoded``.

Rules this module keeps: bytes that do not begin like a kind which a scan can look into
are not given; a nested text is given back to be searched itself.
"""

import binascii
import re
import string
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from uploadfilter.contents import carving
from uploadfilter.contents.carving import PictureStart
from uploadfilter.contents.kinds import jxl
from uploadfilter.contents.kinds.magic import (
    HEAD_BYTES,
    STRINGS,
    Kind,
    is_container,
    is_picture,
    sniff,
)
from uploadfilter.contents.source import MemorySource
from uploadfilter.contents.texts.effort import Effort, SpentError

KNOWN_BYTES = 48
"""First bytes by which two readings of one string are recognised as such."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """The decoded bytes of a string in a text.

    Attributes:
        name: The coding and a running number: ``data:1``, ``base64:2``, ``percent:3``,
            ``hex:4``.
        data: The decoded bytes; they begin with the magic of a picture or a container,
            or are a drawing.
        is_carved: Whether the data begin in the middle of a string. Their magic may be
            chance: they are dropped if they do not decode.
        claim: The coding in which the data are packed, if they have no magic: a name
            for ``containers.claimed_by``.
        known_by: The first bytes of the string's first reading, the same in all its
            readings; empty if there is only one.
    """

    name: str
    data: bytes
    is_carved: bool = False
    claim: str = ""
    known_by: bytes = b""


STANDARD = bytes.maketrans(b"-_", b"+/")
"""From the URL alphabet to the standard one."""

ALL_SPACE = b"\r\n\t\f\v "
_REWRITTEN = tuple(bytes((byte,)) for byte in ALL_SPACE + b"-_")


def joined(string: bytes) -> bytes:
    """Remove white space."""
    if not any(byte in string for byte in _REWRITTEN):
        # Looking for each character is faster than one pass that looks up every byte.
        return string
    return string.translate(STANDARD, ALL_SPACE)


def from_base64(text: bytes) -> bytes:
    """Decode the standard alphabet with any padding; skip all other characters."""
    try:
        return _decoded(text)
    except binascii.Error:
        # Other signs stand between the letters, and must not be counted.
        return _decoded(text.translate(None, _NO_LETTERS))


_LETTERS = string.ascii_letters + string.digits + "+/"
_NO_LETTERS = bytes(byte for byte in range(256) if chr(byte) not in _LETTERS)


def _decoded(text: bytes) -> bytes:
    whole = len(text) - (len(text) % 4 == 1)
    if whole % 4 == 0:
        return binascii.a2b_base64(memoryview(text)[:whole])
    return binascii.a2b_base64(text[:whole] + b"==")


def kind_of(head: bytes) -> Kind | None:
    """Return the kind of the first bytes, if a scan can look into it.

    Args:
        head: The first ``HEAD_BYTES``, or all.
    """
    kind = sniff(head[:HEAD_BYTES])
    if kind is Kind.JXL and head.startswith(jxl.MAGIC) and not jxl.is_plausible(head):
        # A magic of two bytes stands in every 65,536th string by chance.
        return None
    return kind if is_picture(kind) or is_container(kind) else None


def is_text(head: bytes) -> bool:
    """Return whether bytes begin like a text or markup."""
    return sniff(head[:HEAD_BYTES]) in STRINGS


def is_printed(data: bytes) -> bool:
    """Return whether bytes are mostly those of text."""
    return len(data.translate(None, _PRINTED)) < _MOST_UNPRINTED * len(data)


_PRINTED = bytes(range(32, 127)) + b"\t\r\n"
_MOST_UNPRINTED = 0.3
"""Of random bytes, 62 in a hundred are unprintable; of text with other languages or a
short binary part in it, fewer than this."""


def is_zlib(head: bytes) -> bool:
    """Return whether bytes are zlib and unpack to a kind that counts."""
    is_header = head[:1] == b"x" and int.from_bytes(head[:2], "big") % 31 == 0
    return is_header and kind_of(inflated(head, zlib.MAX_WBITS)) is not None


def inflated(head: bytes, bits: int) -> bytes:
    """Unpack the first bytes; return nothing if they cannot be unpacked."""
    try:
        return zlib.decompressobj(bits).decompress(head, HEAD_BYTES)
    except zlib.error:
        return b""


def in_bytes(
    name: str, data: bytes, effort: Effort, *, beside: bytes | None = None
) -> Iterator[Encoded]:
    """Yield the files that begin in the decoded bytes of a run of text.

    Args:
        name: Their coding.
        data: The bytes.
        effort: The budget of steps.
        beside: The text, if the bytes are a reading of a whole text: files that stand
            in the text unchanged are found there.

    Raises:
        SpentError: The budget of steps is used up.
    """
    effort.take(_LOOK_STEPS)
    if beside is None and kind_of(data):
        yield Encoded(name=name, data=data)
        return
    if len(data) < _SHORT and not _BEGINNING.search(data):
        return
    for magic in _CONTAINERS:
        is_there = beside is not None and magic in beside and magic != _PRINTED_MAGIC
        at = -1 if is_there else data.find(magic)
        if at >= 0 and kind_of(data[at : at + HEAD_BYTES]):
            effort.take(_LOOK_STEPS + len(data) // _BYTES_PER_STEP)
            yield Encoded(name=name, data=data[at:], is_carved=True)
    at = data.find(_TAR_MAGIC) - _TAR_MAGIC_AT
    if at >= 0 and kind_of(data[at : at + HEAD_BYTES]) is Kind.TAR:
        yield Encoded(name=name, data=data[at:], is_carved=True)
    for match in islice(_ZLIB.finditer(data), _MOST_ZLIB):
        effort.take(_LOOK_STEPS)
        if is_zlib(data[match.start() : match.start() + HEAD_BYTES]):
            yield Encoded(name=name, data=data[match.start() :], claim="zlib")
    for at in pictures(data, effort):
        effort.take((len(data) - at) // _BYTES_PER_STEP)
        yield Encoded(name=name, data=data[at:], is_carved=True)


_CONTAINERS = (
    *(b"PK\3\4", b"\x1f\x8b\x08", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd"),
    *(b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\7", b"%PDF-"),
)
_TAR_MAGIC, _TAR_MAGIC_AT = b"ustar", 257
_PRINTED_MAGIC = b"BZh"
"""A magic that no layer changes, so that finding it here means nothing."""

_BEGINNING = re.compile(
    rb"\xff\xd8\xff|\x89PNG|GIF8|RIFF|ftyp|JXL |jP  |II[*+]\0|MM\0[*+]|BM|8BPS"
    rb"|[\x0c-\x7c]\0\0\0[\0-\xff]{4,8}\x01\0[\x01-\x20]\0"
    rb"|x[\x01\x5e\x9c\xda]|ustar|PK\x03\x04|\x1f\x8b\x08|BZh|\xfd7zXZ|\x28\xb5\x2f\xfd|7z\xbc\xaf|Rar!|%PDF-"
)
_ZLIB = re.compile(rb"x[\x01\x5e\x9c\xda]")
_MOST_ZLIB = 100
"""Most beginnings of zlib that are tried in one run: random bytes have one in 16 KiB.
"""

_SHORT = 8192
"""Bytes up to which a single search costs less than preparing for many."""

_LOOK_STEPS = 10
_BYTES_PER_STEP = 4096


def pictures(data: bytes, effort: Effort) -> Iterator[int]:
    """Yield the offsets at which pictures may begin in bytes.

    Raises:
        SpentError: The budget of steps is used up.
    """
    for found in carving.candidates(MemorySource(data), most=_MOST_CARVED):
        effort.take(_CARVED_STEPS)
        if not isinstance(found, PictureStart):
            raise SpentError
        # The shortest magic is too common in bytes that were decoded on trial.
        if not data.startswith(jxl.MAGIC, found.offset):
            yield found.offset


_MOST_CARVED = 20_000
_CARVED_STEPS = 4
