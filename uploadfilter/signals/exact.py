"""Compute md5, sha1 and sha256 of a content while it arrives, in one pass.

MD5 and SHA-1 are broken as signatures, but most police sets have nothing else. So here
they only identify and never authenticate.

To add an exact type, add its name and width in ``model.py`` and its class here and in
``registry.py``; the suite ``tests/conformance/signal_types.py`` must pass.
"""

import hashlib
from typing import Protocol

from uploadfilter.model import Signal, SignalType


class Hasher(Protocol):
    """A hasher of ``hashlib``: takes bytes, gives a digest."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Take the next bytes."""

    def digest(self) -> bytes:
        """Return the digest of all bytes so far."""


class MD5:
    """The 128-bit digest that nearly every police set has."""

    type = SignalType.MD5

    def hasher(self) -> Hasher:
        """Return a hasher that has seen no bytes yet."""
        return hashlib.md5(usedforsecurity=False)


class SHA1:
    """The 160-bit digest."""

    type = SignalType.SHA1

    def hasher(self) -> Hasher:
        """Return a hasher that has seen no bytes yet."""
        return hashlib.sha1(usedforsecurity=False)


class SHA256:
    """The 256-bit digest, the only one without known collisions."""

    type = SignalType.SHA256

    def hasher(self) -> Hasher:
        """Return a hasher that has seen no bytes yet."""
        return hashlib.sha256(usedforsecurity=False)


class Digests:
    """The three exact signals of content that arrives in pieces."""

    def __init__(self) -> None:
        self._md5 = MD5().hasher()
        self._sha1 = SHA1().hasher()
        self._sha256 = SHA256().hasher()
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

    def signals(self) -> tuple[Signal, Signal, Signal]:
        """Return md5, sha1 and sha256 of the bytes so far; more may follow."""
        return (
            Signal(type=SignalType.MD5, value=self._md5.digest()),
            Signal(type=SignalType.SHA1, value=self._sha1.digest()),
            Signal(type=SignalType.SHA256, value=self._sha256.digest()),
        )


def digests_of_bytes(data: bytes) -> tuple[Signal, Signal, Signal]:
    """Return md5, sha1 and sha256 of a whole content.

    It takes half the time of ``Digests``, which matters for archives of thousands of
    texts.
    """
    return (
        Signal(
            type=SignalType.MD5, value=hashlib.md5(data, usedforsecurity=False).digest()
        ),
        Signal(
            type=SignalType.SHA1,
            value=hashlib.sha1(data, usedforsecurity=False).digest(),
        ),
        Signal(
            type=SignalType.SHA256,
            value=hashlib.sha256(data, usedforsecurity=False).digest(),
        ),
    )
