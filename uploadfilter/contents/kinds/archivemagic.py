"""Test the first bytes of archives beyond their magic.

Each function takes the first bytes of a content and returns whether the content is an
archive of that format. ``magic.py`` calls them and names the kinds.
"""

import re
from typing import Literal


def is_gzip(head: bytes) -> bool:
    """Require the only method. Unknown flags are allowed, since Python ignores them."""
    return head[:3] == b"\x1f\x8b\x08"


def is_bzip2(head: bytes) -> bool:
    """Require the level and the first block's or the stream's magic after ``BZh``."""
    if head[:3] != b"BZh" or head[3:4] not in b"123456789":
        return False
    return head[4:10] in {b"1AY&SY", b"\x17rE8P\x90"}


def is_compress(head: bytes) -> bool:
    """Require 9 to 16 bits and known flags after the magic of two bytes."""
    return head[:2] == b"\x1f\x9d" and head[2:3] in _COMPRESS_BITS


_COMPRESS_BITS = frozenset(
    bytes((bits | flag,)) for bits in range(9, 17) for flag in (0, 0x80)
)


def is_git_push(head: bytes) -> bool:
    """Look for the first command of a push over HTTP; the pack follows the commands."""
    return _PUSH.match(head) is not None


_PUSH = re.compile(rb"0[0-9a-f]{3}[0-9a-f]{40,64} [0-9a-f]{40,64} refs/")
"""A line: its length, the old object, the new object, and the name of the reference
(gitprotocol-pack(5))."""


def is_cpio(head: bytes) -> bool:
    """Require a header of one of the four forms; the binary forms need a name."""
    if _CPIO.match(head):
        return True
    order = _CPIO_ORDERS.get(head[:2])
    if order is None:
        return False
    length = int.from_bytes(head[20:22], order)
    name = head[26 : 26 + length]
    return 1 < len(name) == length and name.find(b"\0") == length - 1


_CPIO = re.compile(rb"0707(?:07[0-7]{70}|0[12][0-9a-fA-F]{104})")
_CPIO_ORDERS: dict[bytes, Literal["little", "big"]] = {
    b"\xc7\x71": "little",
    b"\x71\xc7": "big",
}


def is_lha(head: bytes) -> bool:
    """Require a known method and a known level of the header."""
    is_method = head[2:3] == b"-" and _LHA.match(head, 2)
    return bool(is_method) and head[20:21] in {b"\0", b"\1", b"\2", b"\3"}


_LHA = re.compile(rb"-(?:lh[0-9a-dx]|lz[s45]|pm[0-2])-")


def is_arj(head: bytes) -> bool:
    """Require a length and a type that the first header of ARJ can have."""
    size = int.from_bytes(head[2:4], "little")
    is_length = head[:2] == b"\x60\xea" and size in _ARJ_HEADER_BYTES
    return is_length and head[10:11] == b"\2"


_ARJ_HEADER_BYTES = range(30, 2601)


def is_ace(head: bytes) -> bool:
    """Look for the magic after a checksum, a length, a type and flags."""
    return head[7:14] == b"**ACE**"


def is_tar(head: bytes) -> bool:
    """Look for the magic after the first name, or check the sum of an older header."""
    if head[257:262] == b"ustar":
        return True
    header = head[:_TAR_BLOCK_BYTES]
    written = _CHECKSUM.match(header, _CHECKSUM_AT)
    if len(header) < _TAR_BLOCK_BYTES or not written:
        return False
    blanks = sum(header[_CHECKSUM_AT : _CHECKSUM_AT + 8]) - 8 * ord(" ")
    return int(written[1], 8) == sum(header) - blanks


_TAR_BLOCK_BYTES = 512
_CHECKSUM_AT = 148
_CHECKSUM = re.compile(rb" *([0-7]{3,6})[\0 ]")
