"""The secret of an installation, and the keys that are derived from it.

Exact signals are stored as a keyed hash, so that a copied reference set does not tell,
without the key, whether a given file is in it. Perceptual signals cannot be keyed,
because a distance has to be computed from them: everyone who can read the reference set
can read them.

Each use has its own key, so that one use discloses nothing about another.
"""

import hashlib

from uploadfilter.model import SignalType

SECRET_BYTES = 32
"""Length of the secret: the most that BLAKE2b's security level can use."""

EXACT_KEY_BYTES = 16
"""Length of a stored exact signal.

Among 10^9 stored signals, a random upload meets one by chance once in 10^29.
"""

_OPAQUE_ID_BYTES = 10
"""80 bits: among 10^7 lines of a list, two share an id by chance once in 10^10."""

_PERSON_BYTES = hashlib.blake2b.PERSON_SIZE

_TYPE_TAGS = {
    # Part of the stored format: never change one or use one again.
    SignalType.MD5: b"\x01",
    SignalType.SHA1: b"\x02",
    SignalType.SHA256: b"\x03",
    SignalType.PDQ: b"\x04",
    SignalType.PHASH: b"\x05",
    SignalType.DHASH: b"\x06",
    SignalType.AHASH: b"\x07",
    SignalType.WHASH: b"\x08",
}


class Secret:
    """The secret of one installation.

    Args:
        value: ``SECRET_BYTES`` random bytes.

    Raises:
        ValueError: ``value`` has another length.
    """

    def __init__(self, value: bytes) -> None:
        if len(value) != SECRET_BYTES:
            raise ValueError(f"a secret has {SECRET_BYTES} bytes, not {len(value)}")
        self._value = value
        # Keying costs as much as hashing: it is done once, and the state is copied.
        self._exact = hashlib.blake2b(
            key=self.derive(b"exact signals"), digest_size=EXACT_KEY_BYTES
        )
        self._opaque = hashlib.blake2b(
            key=self.derive(b"opaque ids"), digest_size=_OPAQUE_ID_BYTES
        )

    def derive(self, purpose: bytes) -> bytes:
        """Return the 32-byte key of one use, which discloses nothing about any other.

        Args:
            purpose: Name of the use, 1 to 16 bytes.

        Raises:
            ValueError: ``purpose`` is empty or too long.
        """
        if not 0 < len(purpose) <= _PERSON_BYTES:
            raise ValueError(f"a purpose has 1 to {_PERSON_BYTES} bytes: {purpose!r}")
        keyed = hashlib.blake2b(key=self._value, person=purpose, digest_size=32)
        return keyed.digest()

    def exact_key(self, signal_type: SignalType, value: bytes) -> bytes:
        """Return the 16 bytes under which an exact signal is stored."""
        state = self._exact.copy()
        state.update(_TYPE_TAGS[signal_type] + value)
        return state.digest()

    def opaque_id(self, signal_type: SignalType, value: bytes) -> str:
        """Return an id for an entry that has none in its list.

        The same signal gets the same id at every import of this installation. Ids stand
        in logs, so nobody can compute an id from a signal, or a signal from an id,
        without the secret.
        """
        state = self._opaque.copy()
        state.update(_TYPE_TAGS[signal_type] + value)
        return f"auto-{state.hexdigest()}"

    def exact_keys(self, signal_type: SignalType, values: bytes) -> bytes:
        """Return ``exact_key`` of many values of one type, one after the other.

        Args:
            signal_type: Type of all values.
            values: One after the other.
        """
        width, begun = signal_type.width_bytes, self._exact.copy()
        begun.update(_TYPE_TAGS[signal_type])
        keys = []
        for at in range(0, len(values), width):
            state = begun.copy()
            state.update(values[at : at + width])
            keys.append(state.digest())
        return b"".join(keys)

    def check_value(self) -> str:
        """Return 16 hex digits that distinguish two secrets and reveal neither."""
        return self.derive(b"check value")[:8].hex()
