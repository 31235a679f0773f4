"""List digests of contents that can never be a listed picture.

Casework that is hashed file by file, without a look at what each file is, lists a file
of one line end, a sector of zeros, the transparent pixel of a web page. Every site has
such files, so that their digests would stop innocent uploads. Which contents there are
is computed here, from rules; no list of digests came from elsewhere.
"""

import bz2
import hashlib
import lzma
from base64 import b64decode
from collections.abc import Iterator
from functools import cache
from typing import Final

from uploadfilter.model import EXACT_TYPES

_FILLINGS: Final = (b"\0", b"\xff", b" ", b"\n")
"""Bytes that fill empty space on a disk, in memory and in a text."""

_RUN_LENGTHS: Final = tuple(
    sorted(
        {
            *range(2, 65),
            *range(512, (64 << 10) + 1, 512),
            *range(4096, (1 << 20) + 1, 4096),
        }
    )
)
"""Lengths in bytes: short files, sectors, and pages up to a megabyte."""

_SHORT_TEXTS: Final = (
    b"\r\n",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"{}",
    b"[]",
    b"{}\n",
    b"[]\n",
    b"null",
    b"true",
    b"false",
    b"test",
    b"test\n",
    b"OK",
    b"ok",
)
"""Texts that programs write for an empty result, and usual test inputs."""

_EMPTY_CONTAINERS: Final = (
    b"PK\x05\x06" + bytes(18),
    b"7z\xbc\xaf\x27\x1c\x00\x04\x8d\x9b\xd5\x0f" + bytes(20),
    bz2.compress(b""),
    lzma.compress(b""),
    b"(\xb5/\xfd \x00\x01\x00\x00",
    b"GIF89a",
    b"GIF87a",
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff\xd9",
    b"\xff\xd8",
)
"""Archives without a member, and the marks of a picture without a picture."""

_PIXELS: Final = (
    "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7",
    "R0lGODlhAQABAIAAAP///wAAACH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==",
    "R0lGODlhAQABAIAAAAAAAAAAACH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==",
    "R0lGODlhAQABAIAAAP///////yH5BAEAAAEALAAAAAABAAEAAAICTAEAOw==",
    "R0lGODlhAQABAIAAAAAAAP///ywAAAAAAQABAAACAUwAOw==",
    "R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==",
    "R0lGODlhAQABAAAAACwAAAAAAQABAAACAkQBADs=",
    "R0lGODlhAQABAAD/ACwAAAAAAQABAAACADs=",
    *(
        f"iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB{rest}"
        for rest in (
            "CAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==",
            "CAYAAAAfFcSJAAAAC0lEQVR42mNgAAIAAAUAAen63NgAAAAASUVORK5CYII=",
            "CAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII=",
        )
    ),
)
"""Pictures of one pixel that web pages use as spacers and to count their visitors."""


def contents() -> Iterator[bytes]:
    """Yield the contents, except for the longer runs of one byte."""
    yield from (bytes([byte]) for byte in range(256))
    yield from _SHORT_TEXTS
    yield from _EMPTY_CONTAINERS
    yield from (b64decode(pixel) for pixel in _PIXELS)


@cache
def digests() -> frozenset[bytes]:
    """Return the digests of all contents, for every exact type."""
    found: set[bytes] = set()
    for kind in EXACT_TYPES:
        # Not for security: these are the digests that lists hold.
        new = hashlib.new(kind.value, usedforsecurity=False)
        for content in contents():
            one = new.copy()
            one.update(content)
            found.add(one.digest())
        for filling in _FILLINGS:
            run, length = new.copy(), 0
            for wanted in _RUN_LENGTHS:
                run.update(filling * (wanted - length))
                length = wanted
                found.add(run.digest())
    return frozenset(found)
