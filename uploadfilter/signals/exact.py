"""Compute md5, sha1 and sha256 of a content while it arrives, in one pass.

MD5 and SHA-1 are broken as signatures, but most police sets have nothing else. So here
they only identify and never authenticate.

To add an exact type, add its name and width in ``model.py`` and its line here; the
suite ``tests/conformance/signal_types.py`` must pass.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from uploadfilter.model import Signal, SignalType


class Hasher(Protocol):
    """A hasher of ``hashlib``: takes bytes, gives a digest."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Take the next bytes."""

    def digest(self) -> bytes:
        """Return the digest of all bytes so far."""


@dataclass(frozen=True, slots=True)
class ExactType:
    """A signal type that is compared by equality; its values are digests of bytes.

    Attributes:
        type: The signal type.
        make: Returns a hasher of ``hashlib`` that has seen these bytes.
    """

    type: SignalType
    make: Callable[[bytes], Hasher]

    def hasher(self) -> Hasher:
        """Return a hasher that has seen no bytes yet."""
        return self.make(b"")


EXACT_TYPES: Final = (
    ExactType(SignalType.MD5, partial(hashlib.md5, usedforsecurity=False)),
    ExactType(SignalType.SHA1, partial(hashlib.sha1, usedforsecurity=False)),
    ExactType(SignalType.SHA256, partial(hashlib.sha256, usedforsecurity=False)),
)
"""The digests that nearly every police set has, and SHA-256, the only one without known
collisions."""


class Digests:
    """The three exact signals of content that arrives in pieces."""

    def __init__(self) -> None:
        self._md5, self._sha1, self._sha256 = (each.hasher() for each in EXACT_TYPES)
        self._size = 0

    @property
    def size(self) -> int:
        """Return the number of bytes taken so far."""
        return self._size

    def update(self, data: bytes | memoryview) -> None:
        """Take the next bytes; a memoryview must be contiguous."""
        self._md5.update(data)
        self._sha1.update(data)
        self._sha256.update(data)
        self._size += len(data) if isinstance(data, bytes) else data.nbytes

    def signals(self) -> tuple[Signal, ...]:
        """Return md5, sha1 and sha256 of the bytes so far; more may follow."""
        hashers = (self._md5, self._sha1, self._sha256)
        return tuple(
            Signal(type=each.type, value=hasher.digest())
            for each, hasher in zip(EXACT_TYPES, hashers, strict=True)
        )


def digests_of_bytes(data: bytes) -> tuple[Signal, ...]:
    """Return md5, sha1 and sha256 of a whole content.

    It takes half the time of ``Digests``, which matters for archives of thousands of
    texts.
    """
    return tuple(
        [Signal(type=each.type, value=each.make(data).digest()) for each in EXACT_TYPES]
    )
