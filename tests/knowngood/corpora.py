"""Known-good corpora for tests, made of random values."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from random import Random

from uploadfilter.knowngood.corpus import FORMAT, Head, write
from uploadfilter.reference.entries.secret import Secret

SECRET = Secret(bytes(32))
"""The secret of a test installation."""


def value(seed: int, flips: Sequence[int] = ()) -> bytes:
    """Return a random PDQ value, with some bits turned over."""
    number = Random(seed).getrandbits(256)  # noqa: S311 - no secret
    for bit in flips:
        number ^= 1 << bit
    return number.to_bytes(32)


def corpus_file(
    path: Path, values: Sequence[bytes] = (), md5: Sequence[bytes] = ()
) -> Path:
    """Write a corpus of upright values and of digests."""
    write(
        path,
        Head(format=FORMAT, pictures=len(values), each=1, digests={"md5": len(md5)}),
        values=b"".join(values),
        qualities=bytes([100]) * len(values),
        digests={"md5": sorted(md5)},
    )
    return path


def md5_of(text: str) -> bytes:
    """Return the MD5 of a text."""
    return hashlib.md5(text.encode(), usedforsecurity=False).digest()
